"""python -m engine …"""

import os
import sys

# Before torch comes: large blocks of memory in large pages, which the kernel hands over several times as fast.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from engine.cli import main

sys.exit(main())
