"""What the machine is, for figures that mean nothing without it."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The processor's name; what Python knows of it where the system does not say."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
