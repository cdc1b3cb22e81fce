"""Search for good settings of a training."""

from visus.runs.tuning.space import Range, Space, read_space
from visus.runs.tuning.study import Study, tune

__all__ = ["Range", "Space", "Study", "read_space", "tune"]
