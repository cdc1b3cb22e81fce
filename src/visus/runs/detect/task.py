"""The task ``detect``: which objects are in a picture, and where."""

from visus.runs.detect.settings import DetectSettings
from visus.runs.engine.task import Room

TASK = Room(
    name="detect",
    wanted="pictures with boxes",
    settings=DetectSettings,
    training="visus.runs.detect.mining:begin",
    answers="visus.runs.detect.predict:DetectPredictor",
    light="visus.runs.detect.light:GraphDetector",
)
