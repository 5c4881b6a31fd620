"""What went wrong, as the page shows it."""

from __future__ import annotations

from html import escape

from studio.errors import without_folders


def notice(message: str) -> str:
    """Nothing for no message; of paths only the last name."""
    said = escape(without_folders(message))
    return f'<div class="teach"><p class="notice" role="alert">{said}</p></div>' if said else ""
