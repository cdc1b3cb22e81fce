"""Search for good settings of a training."""

from visus.runs.tuning.space import DEFAULT, Range, Space, read_space
from visus.runs.tuning.study import Study, tune

__all__ = ["DEFAULT", "Range", "Space", "Study", "read_space", "tune"]
