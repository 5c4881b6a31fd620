"""What a user can do wrong, by name.

Each message says what was expected, what came, and what to do. The studio shows the message as it
is; the command line prints it after `error:` and exits with 2.
"""


class VLBertError(ValueError):
    """Root of every error that a user can cause and mend."""


class PhotoError(VLBertError):
    """A file that is not a picture, or a picture that cannot be used."""


class BoxError(VLBertError):
    """Boxes outside their picture, without area, or too many."""


class CaptionError(VLBertError):
    """A caption that is empty or too long."""


class MaskError(VLBertError):
    """A word or a region to hide that does not exist."""


class ConfigError(VLBertError):
    """A setting out of its range, or two settings that contradict each other."""


class WeightsError(VLBertError):
    """A weight file that is missing, truncated, or belongs to another model."""


class DataError(VLBertError):
    """A data folder or a line of one that cannot be read."""


class DiskError(VLBertError):
    """A disk that is full or that refuses a write."""


class AnswerError(VLBertError):
    """An answer to explain that the model cannot give."""


class StoppedError(VLBertError):
    """Long work that ended early because it was told to."""
