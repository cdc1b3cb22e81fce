"""How a picture lies: turned by quarters, perhaps mirrored."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Lying(NamedTuple):
    """How a copy lies beside another picture.

    Attributes:
        quarters: By how many quarters it is turned, counterclockwise.
        mirrored: Whether it is mirrored first, left to right.
    """

    quarters: int = 0
    mirrored: bool = False

    def of(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The pixels ``(H, W, ...)`` of the picture as the copy has them.

        >>> Lying(1).of(np.array([[1, 2]])).tolist(), Lying(1, mirrored=True).of(np.array([[1, 2]])).tolist()
        ([[2], [1]], [[1], [2]])
        """
        return np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.quarters)

    def back(self) -> "Lying":
        """How the picture lies beside the copy."""
        return self if self.mirrored else Lying(-self.quarters % 4)

    def then(self, other: "Lying") -> "Lying":
        """How a copy of the copy lies beside the picture."""
        own = -self.quarters if other.mirrored else self.quarters
        return Lying((own + other.quarters) % 4, self.mirrored != other.mirrored)


UPRIGHT = Lying()
"""As the other one."""
