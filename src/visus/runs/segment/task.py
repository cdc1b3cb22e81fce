"""The task ``segment``: which class each position of a picture or volume has."""

from visus.runs.engine.task import Room
from visus.runs.segment.settings import SegmentSettings

TASK = Room(
    name="segment",
    wanted="pictures with masks",
    settings=SegmentSettings,
    training="visus.runs.segment.training:begin",
    answers="visus.runs.segment.predict:SegmentPredictor",
    light="visus.runs.segment.light:GraphSegmenter",
)
