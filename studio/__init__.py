"""The studio: one page on which a visitor hides words and regions and sees what the model believes.

Nothing here reaches another host: the two switches below are read while Gradio is imported, so they are
set before anything in this package imports it.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "0"
os.environ["HF_HUB_OFFLINE"] = "1"
