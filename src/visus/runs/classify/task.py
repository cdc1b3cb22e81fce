"""The task ``classify``: which class a picture has."""

from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine.task import Room

TASK = Room(
    name="classify",
    wanted="labeled pictures",
    settings=ClassifySettings,
    training="visus.runs.classify.training:begin",
    answers="visus.runs.classify.predict:ClassifyPredictor",
    light="visus.runs.classify.light:GraphPredictor",
)
