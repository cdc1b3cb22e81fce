"""The errors that visus raises.

The tree::

    VisusError
    ├── InputError        a file, a picture or an argument that cannot be used
    │   └── FormatError   a file whose content is not what visus reads
    ├── WeightsError      weights that are not at hand or do not fit the network
    ├── PictureIndexError       an index that is missing, damaged, locked or made otherwise
    ├── DependencyError   an optional package that is not installed
    └── RunError          a training run that is missing or damaged

Each message is one sentence that says what is wrong, where, and the mend. The command line prints the
message alone and exits with code 2.
"""

from typing import Any

from visus._renamed import renamed


class VisusError(Exception):
    """Base of all errors that visus raises on purpose."""


class InputError(VisusError):
    """A file, a picture or an argument cannot be used; the message names it and the mend."""


class FormatError(InputError):
    """A file was read, but its content is damaged or not of a kind that visus reads."""


class WeightsError(VisusError):
    """Weights are not at hand, or do not fit the network."""


class PictureIndexError(VisusError):
    """An index is missing, damaged, in use, or was made with another model or a newer version."""


class DependencyError(VisusError, ImportError):
    """An optional package is not installed; the message gives the command that installs it."""


class RunError(VisusError):
    """A training run is missing, damaged or of another kind."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
