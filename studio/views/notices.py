"""What went wrong, as the page shows it."""

from __future__ import annotations

from html import escape


def notice(message: str) -> str:
    """Nothing for no message."""
    return f'<div class="teach"><p class="notice" role="alert">{escape(message)}</p></div>' if message else ""
