"""A world of our own: generated pictures whose every box and every answer is known.

`things` has the nouns, `draw` their pixels, `world` a scene from a seed; `captions`, `asking`, `choosing` and
`pointing` say and ask; `folder` writes and reads it all.
"""

from engine.data.scenes.asking import ANSWERS
from engine.data.scenes.folder import Told, choice_questions, open_questions, referring, told, write
from engine.data.scenes.things import WITHHELD, Description, Thing
from engine.data.scenes.world import Scene, scene

__all__ = ["ANSWERS", "WITHHELD", "Description", "Scene", "Thing", "Told", "choice_questions", "open_questions",
           "referring", "scene", "told", "write"]
