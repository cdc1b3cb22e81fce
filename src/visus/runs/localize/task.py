"""The task ``localize``: the one object of a picture, and where it is."""

from visus.runs.engine.task import Room
from visus.runs.localize.settings import LocalizeSettings

TASK = Room(
    name="localize",
    wanted="pictures with boxes",
    settings=LocalizeSettings,
    training="visus.runs.localize.training:begin",
    answers="visus.runs.detect.predict:DetectPredictor",
    light="visus.runs.detect.light:GraphDetector",
)
