"""The fully connected CRF: labels that keep to the borders in the picture.

Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS 2011. Every
pair of positions i, j is connected by two kernels (equation 3)

    appearance   w1 exp(-|p_i - p_j|^2 / (2 theta_alpha^2) - |I_i - I_j|^2 / (2 theta_beta^2))
    smoothness   w2 exp(-|p_i - p_j|^2 / (2 theta_gamma^2))

of positions p in pixels and values I of the picture from 0 to 255. Mean-field inference (algorithm 1) passes messages:
each filters all answers with both kernels, weighs them by how badly two classes go together, adds the unary energies,
and normalizes. The appearance kernel is filtered by the permutohedral lattice, the smoothness kernel exactly.

As in the authors' implementation, kernels are normalized symmetrically, by the root of their sums at i and j, and a
position's message reaches itself too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from visus._errors import InputError
from visus.ops.lattice import Lattice

Floats = NDArray[np.float32]
_LARGEST = 1e6
_CUT = 4.0  # standard deviations of the smoothness kernel


@dataclass(frozen=True, slots=True)
class Settings:
    """Weights and widths of the kernels of Kraehenbuehl and Koltun 2011, equation 3.

    The defaults suit photographs of 500 pixels.

    Attributes:
        appearance: w1, the weight of the appearance kernel.
        alpha: theta_alpha, its width in pixels.
        beta: theta_beta, its width in values of the picture, which go from 0 to 255.
        smoothness: w2, the weight of the smoothness kernel.
        gamma: theta_gamma, its width in pixels.
        iterations: Rounds of messages.
        compatibility: mu, ``(classes, classes)``: how badly a class (row) goes with another (column); None for Potts:
            1 for different classes, 0 for the same. See :mod:`visus.ops.crf_learning`.

    Raises:
        InputError: A weight, a width or the number of iterations is out of range, or the compatibility is not square.
    """

    appearance: float = 10.0
    alpha: float = 60.0
    beta: float = 10.0
    smoothness: float = 3.0
    gamma: float = 3.0
    iterations: int = 10
    compatibility: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            if not 0.01 <= value <= _LARGEST:
                raise InputError(f"{name} of the CRF must be a width from 0.01 to 1,000,000, not {value}.")
        for name in ("appearance", "smoothness"):
            value = getattr(self, name)
            if not 0 <= value <= _LARGEST:
                raise InputError(f"{name} of the CRF must be a weight from 0 to 1,000,000, not {value}.")
        if not 0 <= self.iterations <= 1000:
            raise InputError(f"iterations of the CRF must be from 0 to 1000, not {self.iterations}.")
        rows = self.compatibility or ()
        if not all(len(row) == len(rows) and all(abs(value) <= _LARGEST for value in row) for row in rows):
            raise InputError(
                f"The compatibility of the CRF must be {len(rows)} rows of as many numbers up to 1,000,000."
            )


def refine(
    probabilities: NDArray[np.floating], picture: NDArray[np.generic], settings: Settings | None = None
) -> Floats:
    """Answers of a network, refined by mean-field inference (Kraehenbuehl and Koltun 2011, algorithm 1).

    Args:
        probabilities: ``(classes, *spatial)`` float, the softmax of the network, for 2 or 3 spatial axes.
        picture: ``(*spatial)`` or ``(*spatial, channels)``, values from 0 to 255.
        settings: Weights and widths; None for the defaults.

    Returns:
        ``(classes, *spatial)`` float32, which sum to 1 over the classes.

    Raises:
        InputError: The shapes do not fit, values are no probabilities, or the compatibility is for another number of
            classes.

    >>> said = np.stack([np.full((5, 5), 0.9), np.full((5, 5), 0.1)])
    >>> said[:, 2, 2] = 0.4, 0.6  # one pixel among others of the same color
    >>> bool((refine(said, np.zeros((5, 5)))[0] > 0.5).all())
    True
    """
    settings = settings or Settings()
    field = Field(picture, check(probabilities, picture), settings)
    return mean_field(probabilities, field, penalty(settings, len(probabilities)), settings.iterations)


def check(probabilities: NDArray[np.floating], picture: NDArray[np.generic]) -> tuple[int, ...]:
    """The spatial shape of answers and their picture.

    Args:
        probabilities: ``(classes, *spatial)`` float from 0 on, for 2 or 3 spatial axes.
        picture: ``(*spatial)`` or ``(*spatial, channels)``.

    Returns:
        The lengths of the spatial axes.

    Raises:
        InputError: The shapes do not fit, or values are no probabilities.

    >>> check(np.ones((2, 4, 5)), np.zeros((4, 5, 3)))
    (4, 5)
    """
    spatial = probabilities.shape[1:]
    if len(spatial) not in (2, 3) or picture.shape[: len(spatial)] != spatial or picture.ndim > len(spatial) + 1:
        raise InputError(
            f"A picture {picture.shape} does not fit probabilities (classes, *spatial) {probabilities.shape}."
        )
    if not probabilities.size:
        raise InputError(f"There are no pixels or no classes in probabilities {probabilities.shape}.")
    if not (np.isfinite(probabilities).all() and probabilities.min() >= 0):
        raise InputError("Probabilities must be numbers from 0 on.")
    return spatial


def penalty(settings: Settings, classes: int) -> Floats:
    """The compatibility as an array; that of Potts where the settings have none (Kraehenbuehl and Koltun 2011).

    Args:
        settings: Weights and widths, and the compatibility.
        classes: Number of classes.

    Returns:
        ``(classes, classes)`` float32.

    Raises:
        InputError: It is for another number of classes.

    >>> penalty(Settings(), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if settings.compatibility is None:
        return (1 - np.eye(classes)).astype(np.float32)
    found = np.asarray(settings.compatibility, np.float32)
    if found.shape != (classes, classes):
        raise InputError(f"The compatibility of the CRF is {found.shape}, and there are {classes} classes; learn anew.")
    return found


class Field:
    """Both kernels over the positions of a picture (Kraehenbuehl and Koltun 2011, equation 3).

    Args:
        picture: ``(*spatial)`` or ``(*spatial, channels)``, values from 0 to 255.
        spatial: Its spatial shape.
        settings: Weights and widths.
    """

    def __init__(self, picture: NDArray[np.generic], spatial: tuple[int, ...], settings: Settings) -> None:
        self.kernels: list[tuple[float, _Appearance | _Smoothness]] = []
        if settings.appearance:
            self.kernels.append((settings.appearance, _Appearance(picture, spatial, settings)))
        if settings.smoothness:
            self.kernels.append((settings.smoothness, _Smoothness(spatial, settings.gamma)))

    def message(self, q: Floats) -> Floats:
        """What each position hears of all, itself too, summed over both kernels by their weights.

        Args:
            q: ``(N, classes)`` float32, the answers at all N positions, row by row.

        Returns:
            ``(N, classes)`` float32.
        """
        total = np.zeros_like(q)
        for weight, kernel in self.kernels:
            total += weight * kernel.filter(q)
        return total


def mean_field(probabilities: NDArray[np.floating], field: Field, mu: Floats, iterations: int) -> Floats:
    """Algorithm 1 of Kraehenbuehl and Koltun 2011: message passing, compatibility, local update, normalization.

    Args:
        probabilities: ``(classes, *spatial)`` float from 0 on.
        field: The kernels.
        mu: ``(classes, classes)`` float32, the compatibility.
        iterations: Rounds.

    Returns:
        ``(classes, *spatial)`` float32, which sum to 1 over the classes.

    >>> field = Field(np.zeros((1, 3)), (1, 3), Settings(appearance=0))
    >>> said = np.array([[[0.9, 0.4, 0.9]], [[0.1, 0.6, 0.1]]])
    >>> mean_field(said, field, penalty(Settings(), 2), 10).argmax(0).tolist()
    [[0, 0, 0]]
    """
    flat = probabilities.reshape(len(probabilities), -1).T  # (N, classes)
    unary: Floats = np.asarray(-np.log(np.maximum(flat, 1e-8)), np.float32)
    q = _softmax(-unary)
    for _ in range(iterations):
        q = _softmax(np.asarray(-unary - field.message(q) @ mu.T, np.float32))
    return np.ascontiguousarray(q.T).reshape(probabilities.shape)


def _softmax(energy: Floats) -> Floats:
    """``(N, classes)``, along the classes."""
    energy = energy - energy.max(axis=1, keepdims=True)
    np.exp(energy, out=energy)
    energy /= energy.sum(axis=1, keepdims=True)
    return energy


class _Appearance:
    """The appearance kernel, by the permutohedral lattice."""

    def __init__(self, picture: NDArray[np.generic], spatial: tuple[int, ...], settings: Settings) -> None:
        places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in spatial), indexing="ij"), axis=-1)
        values = picture.reshape(*spatial, -1).astype(np.float32)
        points = np.concatenate([places / settings.alpha, values / settings.beta], axis=-1)
        self.lattice = Lattice(points.reshape(-1, points.shape[-1]))
        sums = self.lattice.filter(np.ones((self.lattice.count, 1), np.float32))
        self.root: Floats = np.asarray(1 / np.sqrt(sums + 1e-20), np.float32)

    def filter(self, q: Floats) -> Floats:
        """``(N, classes)`` to ``(N, classes)``."""
        return np.asarray(self.root * self.lattice.filter(self.root * q), np.float32)


class _Smoothness:
    """The smoothness kernel, one axis after the other."""

    def __init__(self, spatial: tuple[int, ...], gamma: float) -> None:
        self.spatial = spatial
        reach = max(1, int(np.ceil(_CUT * gamma)))
        steps = np.arange(-reach, reach + 1)
        self.line = np.exp(-(steps**2) / (2 * gamma**2)).astype(np.float32)
        sums = self._sums(np.ones((int(np.prod(spatial)), 1), np.float32))
        self.root: Floats = np.asarray(1 / np.sqrt(sums), np.float32)

    def filter(self, q: Floats) -> Floats:
        """``(N, classes)`` to ``(N, classes)``."""
        return np.asarray(self.root * self._sums(self.root * q), np.float32)

    def _sums(self, values: Floats) -> Floats:
        import cv2

        channels = values.shape[1]
        volume = values.reshape(*self.spatial, channels)
        if len(self.spatial) == 3:
            for axis in range(3):
                volume = ndimage.correlate1d(volume, self.line, axis=axis, mode="constant")
            return np.asarray(volume, np.float32).reshape(values.shape)
        found = cv2.sepFilter2D(volume, cv2.CV_32F, self.line, self.line, borderType=cv2.BORDER_CONSTANT)
        return found.reshape(values.shape)  # pyright: ignore[reportReturnType]
