"""The fully connected CRF: labels that keep to the borders in the picture.

Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS 2011. Every
pair of positions i, j is connected by two kernels (equation 3)

    appearance   w1 exp(-|p_i - p_j|^2 / (2 theta_alpha^2) - |I_i - I_j|^2 / (2 theta_beta^2))
    smoothness   w2 exp(-|p_i - p_j|^2 / (2 theta_gamma^2))

of positions p in pixels and values I of the picture from 0 to 255. Mean-field inference (algorithm 1) passes messages:
each filters all answers with both kernels, weighs them by how badly two classes go together, adds the unary energies,
and normalizes. The appearance kernel is filtered by the permutohedral lattice, the smoothness kernel by sums along each
axis, where it is wide at half the resolution.

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
from visus.ops.lattice import GROUP, Lattice, aligned, in_parts, parts_of

Floats = NDArray[np.float32]
_LARGEST = 1e6
_CUT = 3.0  # standard deviations of the smoothness kernel; beyond it are 0.3 %, less than what the lattice misses
_COARSE = 3.0  # pixels; smoothness kernels of pictures from this width on are applied at half the resolution
_TO_GRID = np.array([[5, 10, 1], [1, 10, 5]]) / 16  # of an even and an odd position: a spline of fifth degree, nearly
_LOST = 2.5  # pixels^2; the variance of the way to the grid and back
_TILE = 32  # positions that are updated at once


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
    if not (probabilities.min() >= 0 and probabilities.max() < np.inf):  # NaN is neither
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
        is_coarse = self.smoothness and len(spatial) == 2 and settings.gamma >= _COARSE
        self.coarse = _Coarse(spatial, settings) if is_coarse else None
        self.direct = None if is_coarse else self.smoothness
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
        about = _Update(logs=logs.ctypes.data, n=self.spatial[0], width=self.spatial[-1], channels=logs.shape[1])
        about.inner = math.prod(self.spatial[1:])
        told = _Told(self, about, -(-about.inner // _TILE)) if iterations else None
        q = aligned(logs.shape)
        other = aligned(logs.shape) if self.direct and iterations else q
        one, two = (aligned(logs.shape) if len(self.spatial) > 2 else other for _ in range(2))
        # Answers that are told the lattice and the grid alone are not kept.
        about.answers = q.ctypes.data if self.direct or not iterations else None
        self._update(about, told)  # the softmax of the logs: nobody has heard of anybody
        about.mu = None if mu is None else mu.ctypes.data
        for left in reversed(range(iterations)):
            if self.direct:
                within = self.direct.filter(q, one, two, range(1, len(self.spatial) - 1))
                about.given = within.ctypes.data
                q, other = other, q
            if told:
                told.spread(about)
            about.answers = q.ctypes.data if self.direct or not left else None
            self._update(about, told if left else None)
        return q

    def _update(self, about: "_Update", told: "_Told | None") -> None:
        def work(first: int, last: int, corners: int | None = None, grid: int | None = None) -> int:
            return _library().field_update(ctypes.byref(about), first, last, corners, grid)

        if not all(in_parts(work, -(-about.inner // _TILE), _TILE, beside=told.places() if told else None)):
            raise MemoryError


class _Told:
    """What positions tell the lattice and the grid, part by part, and what they hear of these.

    Args:
        field: The kernels.
        about: Where it is said what is heard.
        tiles: How many tiles there are.
    """

    def __init__(self, field: Field, about: "_Update", tiles: int) -> None:
        self.appearance, self.coarse = field.appearance, field.coarse
        parts, channels = parts_of(tiles), about.channels
        if kernel := self.appearance:
            about.lattice, about.root, about.appearance = kernel.lattice.handle, kernel.root.ctypes.data, kernel.weight
            *self.corners, self._spare, self._heard = kernel.lattice.buffers(parts + 2, channels)
        if coarse := self.coarse:
            about.grid = coarse.grid
            *self.grids, self._one, self._two = (aligned((*coarse.shape, channels)) for _ in range(parts + 2))
        if direct := field.direct:
            about.reach = direct.reach
            about.down, about.across = (direct.lines[axis].ctypes.data for axis in (0, -1))
        self._parts = parts

    def places(self) -> list[tuple[int | None, int | None]]:
        """Where each part tells the lattice and the grid."""
        corners = [own.ctypes.data for own in self.corners] if self.appearance else [None] * self._parts
        grids = [own.ctypes.data for own in self.grids] if self.coarse else [None] * self._parts
        return list(zip(corners, grids, strict=True))

    def spread(self, about: "_Update") -> None:
        """Blur what was told; it is what is heard then."""
        if self.appearance:
            buffers = [self.corners[0], self._spare, self._heard]
            self._heard = self.appearance.lattice.blur(self.corners, self._spare)
            self.corners[0], self._spare = (buffer for buffer in buffers if buffer is not self._heard)
            about.corners = self._heard.ctypes.data
        if self.coarse:
            for part in self.grids[1:]:
                self.grids[0] += part
            self.coarse.filter(self.grids[0], self._one, self._two)
            about.grid.heard = self._two.ctypes.data


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
    flat = np.ascontiguousarray(probabilities.reshape(classes, -1), np.float32)  # (classes, N)
    count, channels = flat.shape[1], -(-classes // GROUP) * GROUP
    logs, out = aligned((count, channels)), np.empty_like(flat)
    in_parts(
        functools.partial(_library().field_logs, flat.ctypes.data, logs.ctypes.data, count, classes, channels), count
    )
    potts = bool((mu == 1 - np.eye(classes)).all())
    # All classes but one's own hear alike (Potts): one's own with the other sign, since softmax takes no notice of
    # what is added to all.
    columns = None if potts else padded(padded(mu).T)
    q = field.rounds(logs, columns, iterations)
    in_parts(
        functools.partial(_library().field_answers, q.ctypes.data, out.ctypes.data, count, classes, channels), count
    )
    return out.reshape(probabilities.shape)


class _Grid(ctypes.Structure):
    """``Grid`` of ``_field.c``."""

    _fields_ = [
        ("rows", ctypes.c_int64), ("width", ctypes.c_int64), ("down", ctypes.c_void_p), ("across", ctypes.c_void_p),
        ("heard", ctypes.c_void_p),
    ]  # fmt: skip


class _Update(ctypes.Structure):
    """``Update`` of ``_field.c``."""

    _fields_ = [
        ("lattice", ctypes.c_void_p), ("corners", ctypes.c_void_p), ("root", ctypes.c_void_p),
        ("appearance", ctypes.c_float), ("grid", _Grid), ("given", ctypes.c_void_p), ("down", ctypes.c_void_p),
        ("across", ctypes.c_void_p), ("n", ctypes.c_int64), ("inner", ctypes.c_int64), ("width", ctypes.c_int64),
        ("logs", ctypes.c_void_p), ("mu", ctypes.c_void_p),
        ("answers", ctypes.c_void_p), ("reach", ctypes.c_int), ("channels", ctypes.c_int),
    ]  # fmt: skip


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = _native.library(Path(__file__).parent, "_field")
    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    loaded.field_filter.argtypes = [pointer, pointer, whole, whole, whole, pointer, number]
    loaded.field_update.argtypes = [pointer, whole, whole, pointer, pointer]
    for turn in (loaded.field_logs, loaded.field_answers):
        turn.argtypes, turn.restype = [pointer, pointer, whole, number, number, whole, whole], None
    return loaded


class _Appearance:
    """The appearance kernel, by the permutohedral lattice."""

    def __init__(self, picture: NDArray[np.generic], spatial: tuple[int, ...], settings: Settings) -> None:
        values = picture.reshape(*spatial, -1).astype(np.float32)
        axes = len(spatial)
        points = np.empty((*spatial, axes + values.shape[-1]), np.float32)
        for axis, length in enumerate(spatial):
            place = np.arange(length, dtype=np.float32) / settings.alpha
            column = axes - 1 - axis if settings.order == "xy" else axis
            points[..., column] = place.reshape(-1, *[1] * (axes - 1 - axis))
        np.divide(values, settings.beta, out=points[..., axes:])
        self.lattice = Lattice(points.reshape(-1, points.shape[-1]), math.prod(spatial[1:]))
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


class _Coarse:
    """The smoothness kernel of a picture at half the resolution: (1 5 10 10 5 1) / 32 to a grid and back.

    With what is between them, it is closer to a Gaussian three pixels wide than one that is cut at three deviations.
    """

    def __init__(self, spatial: tuple[int, ...], settings: Settings) -> None:
        self._sigma = math.sqrt((settings.gamma**2 - _LOST) / 4)
        self._reach = math.ceil(_CUT * self._sigma)
        self.shape = tuple((count - 1) // 2 + 3 for count in spatial)
        steps = np.arange(-self._reach, self._reach + 1)
        self._kernel = np.exp(-(steps**2) / (2 * self._sigma**2))
        self._down, self._across = (self._axis(count) for count in spatial)
        self._lines = [np.tile(self._kernel.astype(np.float32), (places, 1)) for places in self.shape]
        self._lines[0] *= np.float32(settings.smoothness)
        self.grid = _Grid(*self.shape, self._down.ctypes.data, self._across.ctypes.data)

    def _axis(self, count: int) -> Floats:
        """``(count, 3)``: how much a position counts for three places of the grid, from half its own number on."""
        numbers = np.arange(count)
        weights, places = _TO_GRID[numbers % 2], (numbers // 2)[:, None] + np.arange(3)
        told = np.bincount(places.ravel(), weights.ravel())
        heard = np.convolve(told, self._kernel)[self._reach : self._reach + len(told)]
        sums = (weights * heard[places]).sum(axis=1)
        return np.ascontiguousarray(weights / np.sqrt(sums)[:, None], np.float32)

    def filter(self, told: Floats, one: Floats, two: Floats) -> None:
        """Filter a grid ``(rows, width, channels)``; ``two`` is the result, and ``one`` changes too."""
        rows, width, channels = told.shape
        for axis, (source, target, outer, inner) in enumerate(
            ((told, one, 1, width * channels), (one, two, rows, channels))
        ):
            line = self._lines[axis].ctypes.data
            places = source.ctypes.data, target.ctypes.data
            _library().field_filter(*places, outer, self.shape[axis], inner, line, self._reach)
