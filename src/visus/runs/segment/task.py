"""The task ``segment``, as :class:`visus.runs.engine.task.Task` wants it; its parts are imported at use."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visus.runs.engine.task import Count
from visus.runs.segment.settings import SegmentSettings

if TYPE_CHECKING:
    from visus.data import MaskSet
    from visus.runs.segment.evaluate import MaskEvaluation
    from visus.runs.segment.predict import SegmentPredictor
    from visus.runs.segment.training import Segmentation


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """Which class each position of a picture or volume has."""

    name = "segment"
    wanted = "pictures with masks"
    settings = SegmentSettings

    def load(self, settings: SegmentSettings, progress: Count | None = None) -> "MaskSet":
        """Its pictures, in splits.

        Raises:
            InputError: They cannot be used.
        """
        from visus.runs.segment.resolve import load

        return load(settings, progress)

    def resolve(self, settings: SegmentSettings, data: "MaskSet") -> SegmentSettings:
        """Fill in what settings leave open.

        Raises:
            InputError: Some cannot be, or do nothing.
        """
        from visus.runs.segment.resolve import resolve

        return resolve(settings, data)

    def begin(self, settings: SegmentSettings, data: "MaskSet") -> "Segmentation":
        """The training with the network's first weights.

        Raises:
            WeightsError: They are not at hand.
        """
        from visus.runs.segment.training import Segmentation

        return Segmentation.begin(settings, data)

    def alone(self, settings: SegmentSettings) -> str:
        """Why several processes cannot train together: they can."""
        return ""

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> "SegmentPredictor":
        """A network that is ready to answer, with the options of :class:`visus.runs.segment.predict.SegmentPredictor`.

        Raises:
            RunError: There is none, or it is damaged.
        """
        from visus.runs.segment.predict import SegmentPredictor

        return SegmentPredictor(run, **options)

    def evaluate(
        self,
        run: str | os.PathLike[str],
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> "MaskEvaluation":
        """Measure a network; see :func:`visus.runs.segment.evaluate.evaluate` for the options.

        Raises:
            InputError: The data cannot be used.
            RunError: There is no trained network.
        """
        from visus.runs.segment.evaluate import evaluate

        return evaluate(run, data, **options)


TASK = SegmentTask()
