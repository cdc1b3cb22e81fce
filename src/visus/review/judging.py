"""What a trained network thinks of a picture that nobody has labeled: how unsure it is, and what it proposes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
class Judge:
    """A trained network that is asked about pictures.

    Attributes:
        classes: Names of its classes.
        doubt: Gives the opinion on a file, or an InputError where it cannot be used; asked of every picture.
        measure: What its uncertainty is, in words; empty of a classifier.
        propose: Gives the boxes and shapes that it proposes for a file, or an InputError; asked of chosen pictures
            alone. None of a classifier.
    """

    classes: tuple[str, ...]
    doubt: Callable[[str], Opinion]
    measure: str = ""
    propose: "Callable[[str], Objects] | None" = None
