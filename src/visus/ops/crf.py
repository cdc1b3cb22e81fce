"""The fully connected CRF: labels that keep to the borders in the picture.

Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS 2011. Every
pair of positions i, j is connected by two kernels (equation 3)

    appearance   w1 exp(-|p_i - p_j|^2 / (2 theta_alpha^2) - |I_i - I_j|^2 / (2 theta_beta^2))
    smoothness   w2 exp(-|p_i - p_j|^2 / (2 theta_gamma^2))

of positions p in pixels and values I of the picture from 0 to 255. Mean-field inference (algorithm 1) passes messages:
each filters all answers with both kernels, weighs them by how badly two classes go together, adds the unary energies,
and normalizes. The appearance kernel is filtered by the permutohedral lattice, the smoothness kernel exactly.

As in the authors' implementation, kernels are normalized symmetrically, by the root of their sums at i and j, and a
position's message reaches itself too. The lattice's axes are x, y and then the values, as theirs are: the lattice knows
the kernel only nearly, and how nearly changes a little with the order.
"""

import ctypes
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus import _native
from visus._errors import InputError
from visus.ops.lattice import GROUP, Lattice, in_parts

Floats = NDArray[np.float32]
_LARGEST = 1e6
_CUT = 3.0  # standard deviations of the smoothness kernel; beyond it are 0.3 %, less than what the lattice misses

_NEVER = -1e30  # the logarithm of a class that is none


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
        order: Of the axes of the picture in the lattice: ``"xy"`` as the authors have it, from the last to the first;
            ``"yx"`` as visus 0.1 had it.

    Raises:
        InputError: A weight, a width or the number of iterations is out of range, the compatibility is not square, or
            the order is another.
    """

    appearance: float = 10.0
    alpha: float = 60.0
    beta: float = 10.0
    smoothness: float = 3.0
    gamma: float = 3.0
    iterations: int = 10
    compatibility: tuple[tuple[float, ...], ...] | None = None
    order: Literal["xy", "yx"] = "xy"

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
        if self.order not in ("xy", "yx"):
            raise InputError(f"order of the CRF must be xy or yx, not {self.order!r}.")
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
        self.spatial = spatial
        self.smoothness = _Smoothness(spatial, settings) if settings.smoothness else None
        self.appearance = _Appearance(picture, spatial, settings) if settings.appearance else None

    def message(self, q: Floats) -> Floats:
        """What each position hears of all, itself too, summed over both kernels by their weights.

        Args:
            q: ``(N, classes)`` float32, the answers at all N positions, row by row.

        Returns:
            ``(N, classes)`` float32.
        """
        wide = padded(q)
        out, spare = np.zeros_like(wide), np.empty_like(wide)
        if self.smoothness:
            out = self.smoothness.filter(wide, out, spare, range(len(self.spatial)))
        if self.appearance:
            self.appearance.lattice.add(wide, self.appearance.root, self.appearance.weight, out)
        return out[:, : q.shape[1]]

    def rounds(self, logs: Floats, mu: Floats | None, iterations: int) -> Floats:
        """The answers after some rounds of messages (algorithm 1).

        Args:
            logs: ``(N, channels)`` float32 of the probabilities, padded; see :func:`padded`.
            mu: ``(channels, channels)`` float32, the compatibility by columns; None for Potts.
            iterations: How many rounds.

        Returns:
            ``(N, channels)`` float32.
        """
        q, other = np.empty_like(logs), np.empty_like(logs)
        volume = len(self.spatial) > 2
        spares = (np.empty_like(logs), np.empty_like(logs)) if volume else (other, other)
        about = _Update(logs=logs.ctypes.data, answers=q.ctypes.data, n=self.spatial[0], channels=logs.shape[1])
        about.inner, about.width = math.prod(self.spatial[1:]), self.spatial[-1]
        self._update(about)  # the softmax of the logs: nobody has heard of anybody
        about.mu = 0 if mu is None else mu.ctypes.data
        for _ in range(iterations):
            if self.smoothness:
                within = self.smoothness.filter(q, *spares, range(1, len(self.spatial) - 1))
                about.given, about.reach = within.ctypes.data, self.smoothness.reach
                about.down, about.across = (self.smoothness.lines[axis].ctypes.data for axis in (0, -1))
            if self.appearance:
                corners = self.appearance.lattice.spread(q, self.appearance.root)
                about.lattice, about.corners = self.appearance.lattice.handle, corners.ctypes.data
                about.root, about.appearance = self.appearance.root.ctypes.data, self.appearance.weight
            q, other = other, q
            about.answers = q.ctypes.data
            self._update(about)
        return q

    def _update(self, about: "_Update") -> None:
        if not all(in_parts(functools.partial(_library().field_update, ctypes.byref(about)), about.inner)):
            raise MemoryError


def padded(flat: NDArray[np.floating], fill: float = 0.0) -> Floats:
    """Values ``(N, classes)`` as float32 with as many channels more as make a multiple of 8: what a processor takes.

    >>> padded(np.ones((2, 3)), 5).tolist()[0]
    [1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    """
    classes = flat.shape[1]
    wide = np.full((len(flat), -(-classes // GROUP) * GROUP), fill, np.float32)
    wide[:, :classes] = flat
    return wide


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
    classes = len(probabilities)
    flat = probabilities.reshape(classes, -1).T  # (N, classes)
    logs = padded(np.log(np.maximum(flat, 1e-8)), _NEVER)  # (N, channels)
    potts = bool((mu == 1 - np.eye(classes)).all())
    # All classes but one's own hear alike (Potts): one's own with the other sign, since softmax takes no notice of
    # what is added to all.
    columns = None if potts else padded(padded(mu).T)
    q = field.rounds(logs, columns, iterations)
    return np.ascontiguousarray(q.T[:classes]).reshape(probabilities.shape)


class _Update(ctypes.Structure):
    """``Update`` of ``_field.c``."""

    _fields_ = [
        ("lattice", ctypes.c_void_p), ("corners", ctypes.c_void_p), ("root", ctypes.c_void_p),
        ("appearance", ctypes.c_float), ("given", ctypes.c_void_p), ("down", ctypes.c_void_p),
        ("across", ctypes.c_void_p), ("n", ctypes.c_int64), ("inner", ctypes.c_int64), ("width", ctypes.c_int64),
        ("logs", ctypes.c_void_p), ("mu", ctypes.c_void_p),
        ("answers", ctypes.c_void_p), ("reach", ctypes.c_int), ("channels", ctypes.c_int),
    ]  # fmt: skip


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = _native.library(Path(__file__).parent, "_field")
    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    loaded.field_filter.argtypes = [pointer, pointer, whole, whole, whole, pointer, number]
    loaded.field_update.argtypes = [pointer, whole, whole]
    return loaded


class _Appearance:
    """The appearance kernel, by the permutohedral lattice."""

    def __init__(self, picture: NDArray[np.generic], spatial: tuple[int, ...], settings: Settings) -> None:
        places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in spatial), indexing="ij"), axis=-1)
        places = places[..., ::-1] if settings.order == "xy" else places
        values = picture.reshape(*spatial, -1).astype(np.float32)
        points = np.concatenate([places / settings.alpha, values / settings.beta], axis=-1)
        self.lattice = Lattice(points.reshape(-1, points.shape[-1]))
        sums = self.lattice.filter(np.ones((self.lattice.count, 1), np.float32))
        self.root: Floats = np.asarray(1 / np.sqrt(sums[:, 0] + 1e-20), np.float32)
        self.weight = settings.appearance


class _Smoothness:
    """The smoothness kernel, one axis after the other: normalized symmetrically, it is separable still."""

    def __init__(self, spatial: tuple[int, ...], settings: Settings) -> None:
        self.spatial = spatial
        self.reach = max(1, int(np.ceil(_CUT * settings.gamma)))
        self.lines = [self._line(count, settings.gamma) for count in spatial]
        self.lines[0] *= np.float32(settings.smoothness)

    def _line(self, count: int, gamma: float) -> Floats:
        """``(count, 2 reach + 1)``: for each place along an axis the weights of its neighbors."""
        steps = np.arange(-self.reach, self.reach + 1)
        kernel = np.exp(-(steps**2) / (2 * gamma**2))
        there = np.arange(count)[:, None] + steps
        inside = (there >= 0) & (there < count)
        root = 1 / np.sqrt((kernel * inside).sum(axis=1))
        others = np.where(inside, root[np.clip(there, 0, count - 1)], 0)
        return np.ascontiguousarray(root[:, None] * kernel * others, np.float32)

    def filter(self, q: Floats, one: Floats, two: Floats, axes: Iterable[int]) -> Floats:
        """Filter ``(N, channels)`` along some axes; gives that of two buffers that was written last, or the values."""
        for axis in axes:
            outer, inner = math.prod(self.spatial[:axis]), math.prod(self.spatial[axis + 1 :]) * q.shape[1]
            line = self.lines[axis].ctypes.data
            _library().field_filter(q.ctypes.data, one.ctypes.data, outer, self.spatial[axis], inner, line, self.reach)
            q, one, two = one, two, one
        return q
