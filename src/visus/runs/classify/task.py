"""The task ``classify``, as :class:`visus.runs.engine.task.Task` wants it; its parts are imported at use."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine.task import Count

if TYPE_CHECKING:
    from visus.data import LabelSet
    from visus.runs.classify.evaluate import ClassEvaluation
    from visus.runs.classify.predict import ClassifyPredictor
    from visus.runs.classify.training import Classification


@dataclass(frozen=True, slots=True)
class ClassifyTask:
    """Which class a picture has."""

    name = "classify"
    wanted = "labeled pictures"
    settings = ClassifySettings

    def load(self, settings: ClassifySettings, progress: Count | None = None) -> "LabelSet":
        """Its pictures, in splits.

        Raises:
            InputError: They cannot be used.
        """
        from visus.runs.classify.resolve import load

        return load(settings, progress)

    def resolve(self, settings: ClassifySettings, data: "LabelSet") -> ClassifySettings:
        """Fill in what settings leave open.

        Raises:
            InputError: Some cannot be, or do nothing.
        """
        from visus.runs.classify.resolve import resolve

        return resolve(settings, data)

    def begin(self, settings: ClassifySettings, data: "LabelSet") -> "Classification":
        """The training with the network's first weights.

        Raises:
            WeightsError: They are not at hand.
        """
        from visus.runs.classify.training import Classification

        return Classification.begin(settings, data)

    def alone(self, settings: ClassifySettings) -> str:
        """Why several processes cannot train together."""
        probe = settings.mode == "probe"
        return "A probe trains one layer on features that are computed once, in one process" if probe else ""

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> "ClassifyPredictor":
        """A network that is ready to answer: a :class:`visus.runs.classify.predict.ClassifyPredictor`.

        Raises:
            RunError: There is none, or it is damaged.
        """
        from visus.runs.classify.predict import ClassifyPredictor

        return ClassifyPredictor(run, **options)

    def evaluate(
        self,
        run: str | os.PathLike[str],
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> "ClassEvaluation":
        """Measure a network; see :func:`visus.runs.classify.evaluate.evaluate` for the options.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        from visus.runs.classify.evaluate import evaluate

        return evaluate(run, data, **options)


TASK = ClassifyTask()
