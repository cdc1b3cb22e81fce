"""Runs: a training and all that comes of it, in one folder."""

from visus.runs.run import Run
from visus.runs.settings import Settings
from visus.runs.train import resume, train

__all__ = ["Run", "Settings", "resume", "train"]
