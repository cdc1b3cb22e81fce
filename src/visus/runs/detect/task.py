"""The task ``detect``, as :class:`visus.runs.engine.task.Task` wants it; its parts are imported at use."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visus.runs.detect.settings import DetectSettings
from visus.runs.engine.task import Count

if TYPE_CHECKING:
    from visus.data import BoxSet
    from visus.runs.detect.evaluate import BoxEvaluation
    from visus.runs.detect.predict import DetectPredictor
    from visus.runs.detect.training import Detection


@dataclass(frozen=True, slots=True)
class DetectTask:
    """Which objects are on a picture, and where."""

    name = "detect"
    wanted = "pictures with boxes"
    settings = DetectSettings

    def load(self, settings: DetectSettings, progress: Count | None = None) -> "BoxSet":
        """Its pictures, in splits.

        Raises:
            InputError: They cannot be used.
        """
        from visus.runs.detect.resolve import load

        return load(settings, progress)

    def resolve(self, settings: DetectSettings, data: "BoxSet") -> DetectSettings:
        """Fill in what settings leave open.

        Raises:
            InputError: Some cannot be, or do nothing.
        """
        from visus.runs.detect.resolve import resolve

        return resolve(settings, data)

    def begin(self, settings: DetectSettings, data: "BoxSet") -> "Detection":
        """The training with the network's first weights.

        Raises:
            WeightsError: They are not at hand.
        """
        from visus.nets.detection.registry import NETS
        from visus.runs.detect.mining import Mined
        from visus.runs.detect.training import Detection

        kind = Detection if NETS[settings.net].takes_steps else Mined
        return kind.begin(settings, data)

    def alone(self, settings: DetectSettings) -> str:
        """Why several processes cannot train together."""
        from visus.nets.detection.registry import NETS

        steps = NETS[settings.net].takes_steps
        return "" if steps else f"{settings.net} takes no steps that processes could take together"

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
    ) -> "BoxEvaluation":
        """Measure a network; see :func:`visus.runs.detect.evaluate.evaluate` for the options.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        from visus.runs.detect.evaluate import evaluate

        return evaluate(run, data, **options)


TASK = DetectTask()
