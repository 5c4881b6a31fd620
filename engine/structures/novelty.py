"""The notice about a picture that is unlike the training photographs."""

from __future__ import annotations

UNLIKE = "This picture is unlike the photographs that the model was trained on. Expect wrong answers."


def photo_note(novelty: float | None) -> str:
    """The notice about a photo.

    Args:
        novelty: of the photo; over 1 it is unlike the training photographs. None where it is not known.

    Returns:
        A sentence for people, or "" where there is nothing to say.
    """
    return UNLIKE if novelty is not None and novelty > 1 else ""
