"""The task ``localize``, as :class:`visus.runs.engine.task.Task` wants it; its parts are imported at use."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visus.runs.engine.task import Count
from visus.runs.localize.settings import LocalizeSettings

if TYPE_CHECKING:
    from visus.data import BoxSet
    from visus.runs.detect.predict import DetectPredictor
    from visus.runs.localize.evaluate import LocalEvaluation
    from visus.runs.localize.training import Localization


@dataclass(frozen=True, slots=True)
class LocalizeTask:
    """The one object of a picture, and where it is."""

    name = "localize"
    wanted = "pictures with boxes"
    settings = LocalizeSettings

    def load(self, settings: LocalizeSettings, progress: Count | None = None) -> "BoxSet":
        """Its pictures, in splits.

        Raises:
            InputError: They cannot be used.
        """
        from visus.runs.localize.resolve import load

        return load(settings, progress)

    def resolve(self, settings: LocalizeSettings, data: "BoxSet") -> LocalizeSettings:
        """Fill in what settings leave open.

        Raises:
            InputError: Some cannot be, or do nothing.
        """
        from visus.runs.localize.resolve import resolve

        return resolve(settings, data)

    def begin(self, settings: LocalizeSettings, data: "BoxSet") -> "Localization":
        """The training with the network's first weights.

        Raises:
            WeightsError: They are not at hand.
        """
        from visus.runs.localize.training import Localization

        own: Any = settings
        return Localization.begin(own, data)

    def alone(self, settings: LocalizeSettings) -> str:
        """Why several processes cannot train together: they can."""
        return ""

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> "DetectPredictor":
        """A network that is ready to answer, with the options of :class:`visus.runs.detect.predict.DetectPredictor`.

        Raises:
            RunError: There is none, or it is damaged.
        """
        from visus.runs.detect.predict import DetectPredictor

        return DetectPredictor(run, **options)

    def evaluate(
        self,
        run: str | os.PathLike[str],
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> "LocalEvaluation":
        """Measure a network; see :func:`visus.runs.localize.evaluate.evaluate` for the options.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        from visus.runs.localize.evaluate import evaluate

        return evaluate(run, data, **options)


TASK = LocalizeTask()
