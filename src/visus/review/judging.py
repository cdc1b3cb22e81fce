"""What a trained network thinks of a picture that nobody has labeled: how unsure it is, and what it proposes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visus.images.draw import Color

if TYPE_CHECKING:
    from visus.data.boxes import Objects


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a network says of a picture.

    Attributes:
        uncertainty: How unsure it is, from 0 on; None of a classifier, which :attr:`probabilities` tell.
        probabilities: ``(K,)`` float32, of each class; None of other networks.
    """

    uncertainty: float | None = None
    probabilities: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a network proposes for a picture.

    Attributes:
        objects: The boxes and shapes; of a segmenter one mask for each class that is there, but for the first.
        counts: How many there are of each class; empty of a segmenter, whose masks are no single objects.
        shares: Which share of the pixels each mask has; empty of networks that find objects.
    """

    objects: "Objects"
    counts: dict[str, int] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)

    def describe(self) -> str:
        """The counts and shares in words."""
        counts = [f"{count} {name}" for name, count in self.counts.items()]
        return ", ".join([*counts, *(f"{name} {share:.1%}" for name, share in self.shares.items())]) or "nothing"


@dataclass(frozen=True, slots=True)
class Judge:
    """A trained network that is asked about pictures.

    Attributes:
        classes: Names of its classes.
        doubt: Gives the opinion on a file, or an InputError where it cannot be used; asked of every picture.
        measure: What its uncertainty is, in words; empty of a classifier.
        propose: Gives what it proposes for a file, or an InputError; asked of chosen pictures alone. None of a
            classifier.
        masks: Whether it proposes a mask for each class, and the first class is what no mask covers.
        palette: A color for each class, red, green, blue, where it proposes something.
    """

    classes: tuple[str, ...]
    doubt: Callable[[str], Opinion]
    measure: str = ""
    propose: Callable[[str], Proposal] | None = None
    masks: bool = False
    palette: tuple[Color, ...] = ()
