"""The task ``localize``: a class and a box for a picture with one object."""

from dataclasses import dataclass

from visus.tasks import box_metrics, detect


@dataclass
class Sums(detect.Sums):
    """Losses, and answers beside the truth, of an epoch."""

    def score(self) -> float:
        """The share of pictures whose class and box are right."""
        return box_metrics.localization(self.truth, self.answers).localized


class Localize(detect.Detect):
    """Trains a network that finds the one object of a picture."""

    def new_sums(self) -> Sums:
        """Empty sums of losses, with room for answers, scored as a localizer."""
        return Sums(self._classes)
