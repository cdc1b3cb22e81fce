"""Every filter by its name, step by step, each step as a picture for people.

A filter here is a function from a picture and its options to its steps, of which the last is the result.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.filters.canny import Thresholds, canny
from visus.filters.convolve import Padding, convolve
from visus.filters.gradient import (
    Gradient,
    difference_of_gaussians,
    fits,
    gradient,
    laplacian_of_gaussian,
    prewitt,
    roberts,
    scharr,
    sobel,
    zero_crossings,
)
from visus.filters.histogram import hsv_histogram
from visus.filters.kernels import gaussian_derivative, size_of
from visus.filters.smooth import LARGE_SIGMA, bilateral, box, gaussian, median, tolerance_for
from visus.filters.textons import learn_textons, texton_map
from visus.filters.texture import ORIENTATIONS, Scales, responses
from visus.images import noise
from visus.images.color import from_hsv, full_scale, like, to_float, to_gray

Array = NDArray[Any]
Floats = NDArray[np.floating]
Steps = list[tuple[str, Array]]


def _gaussian(picture: Array, sigma: float = 2.0, padding: Padding = "reflect") -> Steps:
    return [("gaussian", gaussian(picture, sigma=sigma, padding=padding))]


def _box(picture: Array, size: int = 5, padding: Padding = "reflect") -> Steps:
    return [("box", box(picture, size=size, padding=padding))]


def _median(picture: Array, size: int = 5) -> Steps:
    return [("median", median(picture, size=size))]


def _bilateral(picture: Array, sigma: float = 2.0, tolerance: float | None = None) -> Steps:
    smooth = bilateral(picture, sigma=sigma, tolerance=tolerance)
    used = tolerance_for(picture) if tolerance is None else tolerance
    return [(f"bilateral, tolerance {used:.3g}", smooth)]


def _noise(
    picture: Array,
    *,
    kind: str = "gaussian",
    sigma: float | None = None,
    amount: float | None = None,
    peak: float | None = None,
    seed: int | None = None,
) -> Steps:
    kinds = ("gaussian", "salt_and_pepper", "impulse", "poisson", "speckle")
    if kind not in kinds:
        raise InputError(f"--kind must be one of {', '.join(kinds)}, not {kind!r}.")
    function = getattr(noise, kind)
    options = {"sigma": sigma, "amount": amount, "peak": peak}
    given = {name: value for name, value in options.items() if value is not None}
    if stray := [name for name in given if name not in inspect.signature(function).parameters]:
        raise InputError(f"{kind} noise does not take --{stray[0]}; leave it away.")
    return [(f"{kind} noise", function(picture, seed=seed, **given))]


def _convolve(picture: Array, kernel: str | None = None, padding: Padding = "reflect") -> Steps:
    if not kernel:
        raise InputError("convolve needs a kernel: --kernel '0 -1 0; -1 5 -1; 0 -1 0' sharpens.")
    try:
        rows = [[float(value) for value in row.replace(",", " ").split()] for row in kernel.split(";") if row.strip()]
    except ValueError as error:
        raise InputError(f"--kernel must be rows of numbers with ; between them, not {kernel!r}.") from error
    if not rows or len({len(row) for row in rows}) != 1:
        raise InputError(f"The rows of --kernel must have the same number of values, not {[len(r) for r in rows]}.")
    full_scale(picture.dtype)
    answer = convolve(picture, rows, padding=padding)
    return [("convolved", like(answer, picture.dtype))]


def _shown(values: Floats, *, signed: bool = False) -> NDArray[np.float32]:
    """Values for a picture: from 0 to the greatest, or with 0 in the middle."""
    reach = float(abs(values).max()) or 1.0
    scaled = values / reach
    return np.asarray(scaled / 2 + 0.5 if signed else scaled, np.float32).clip(0, 1)


def _parts(slope: Gradient) -> Steps:
    return [
        ("derivative along x", _shown(slope.x, signed=True)),
        ("derivative along y", _shown(slope.y, signed=True)),
        ("direction", _wheel(slope)),
        ("magnitude", _shown(slope.magnitude)),
    ]


def _wheel(slope: Gradient) -> NDArray[np.float32]:
    """Directions as hues, magnitudes as brightness."""
    return _colored(slope.direction() % 360 / 360, slope.magnitude)


def _colored(hue: Floats, strength: Floats) -> NDArray[np.float32]:
    """Hues in [0, 1), as bright as they are strong."""
    return from_hsv(np.stack([hue, np.ones(hue.shape), _shown(strength)], axis=2))


def _gradient(picture: Array, sigma: float = 1.4, padding: Padding = "reflect") -> Steps:
    return _parts(gradient(to_gray(picture), sigma=sigma, padding=padding))


def _derivative(
    picture: Array,
    *,
    sigma: float = 2.0,
    order: Literal[1, 2] = 1,
    angle: float = 0.0,
    elongation: float = 1.0,
    padding: Padding = "reflect",
) -> Steps:
    kernel = gaussian_derivative(fits(sigma, picture), order=order, angle=angle, elongation=elongation)
    values = convolve(to_float(to_gray(picture)), kernel, padding=padding)
    return [("derivative of Gaussian", _shown(values, signed=True))]


def _kernel_pair(derive: Callable[..., Gradient]) -> Callable[..., Steps]:
    def steps(picture: Array, padding: Padding = "reflect") -> Steps:
        return _parts(derive(to_gray(picture), padding=padding))

    return steps


def _log(picture: Array, sigma: float = 1.4, padding: Padding = "reflect") -> Steps:
    values = laplacian_of_gaussian(to_gray(picture), sigma=sigma, padding=padding)
    return [
        ("zero crossings", zero_crossings(values, least=0.02 * abs(values).max())),
        ("Laplacian of Gaussian", _shown(values, signed=True)),
    ]


def _dog(picture: Array, sigma: float = 1.4, ratio: float = 1.6, padding: Padding = "reflect") -> Steps:
    gray = to_gray(picture)
    values = difference_of_gaussians(gray, sigma=sigma, ratio=ratio, padding=padding)
    return [
        ("narrower Gaussian", gaussian(gray, sigma=sigma, padding=padding)),
        ("wider Gaussian", gaussian(gray, sigma=sigma * ratio, padding=padding)),
        ("difference of Gaussians", _shown(values, signed=True)),
    ]


def _canny(
    picture: Array,
    sigma: float = 1.4,
    low: float = 0.1,
    high: float = 0.2,
    thresholds: Thresholds = "contrast",
) -> Steps:
    done = canny(picture, sigma=sigma, low=low, high=high, thresholds=thresholds, return_stages=True)
    return [
        ("gradient: direction as hue", _wheel(done.gradient)),
        ("magnitude", _shown(done.magnitude)),
        ("maxima along the gradient", _shown(done.maxima)),
        ("weak: from low on", done.weak),
        ("strong: from high on", done.strong),
        ("edges: weak ones that touch strong", done.edges),
    ]


def _texture(picture: Array, scales: Scales = "small", padding: Padding = "reflect") -> Steps:
    answers = responses(picture, bank=scales, padding=padding)
    kinds = ["edge"] * 18 + ["bar"] * 18 + ["spot"] * 8 + ["mean"] * 4
    steps = [(f"{k + 1} {kind}", _shown(answers[..., k], signed=kind != "mean")) for k, kind in enumerate(kinds)]
    return [*steps, ("strongest orientation", _strongest(np.abs(answers[:, :, :36])))]


def _strongest(answers: Floats) -> NDArray[np.float32]:
    """The orientation of the edge or bar that answers most as hue, how much as brightness."""
    return _colored((answers.argmax(axis=2) % ORIENTATIONS) / ORIENTATIONS, answers.max(axis=2))


def _histogram(picture: Array, hues: int = 12, saturations: int = 3, values: int = 3) -> Steps:
    """A column for each bin, in its color; its height is the root of its share."""
    shares = hsv_histogram(picture, hues=hues, saturations=saturations, values=values)
    bins = np.indices((hues, saturations, values)).reshape(3, -1).T
    colors = bins / np.maximum([hues, saturations - 1, values - 1], 1)
    grays = np.zeros((4 * values, 3))
    grays[:, 2] = np.linspace(0, 1, 4 * values)
    heights = np.rint(_HISTOGRAM_HEIGHT * np.sqrt(shares)).astype(int)
    chart = np.full((_HISTOGRAM_HEIGHT, len(shares), 3), 0.75, np.float32)
    columns = from_hsv(np.concatenate([colors, grays])[None])[0]
    for place, (height, color) in enumerate(zip(heights, columns, strict=True)):
        chart[_HISTOGRAM_HEIGHT - height :, place] = color
    return [("colors", np.repeat(chart, _HISTOGRAM_WIDTH, axis=1))]


def _textons(picture: Array, count: int = 8, scales: Scales = "small", seed: int | None = 0) -> Steps:
    words = learn_textons([picture], count, scales=scales, seed=seed)
    places = texton_map(picture, words, scales=scales)
    colors = np.random.default_rng(0).permutation(np.linspace(0, 1, count, endpoint=False))
    wheel = np.stack([0.5 + 0.5 * np.cos(2 * np.pi * (colors + shift / 3)) for shift in range(3)], axis=1)
    return [("textons", wheel[places].astype(np.float32))]


def reach_of(name: str, options: dict[str, Any]) -> int | None:
    """How many rows above and below count for a row of a filter's result.

    Args:
        name: One of :data:`FILTERS`.
        options: Those that are given.

    Returns:
        None where the whole picture counts.

    >>> reach_of("median", {"size": 31}), reach_of("gaussian", {"sigma": 1.0}), reach_of("canny", {})
    (31, 4, None)
    """
    defaults = {key: own.default for key, own in inspect.signature(FILTERS[name]).parameters.items()}
    given = {**defaults, **options}
    if given.get("padding") == "wrap":
        return None
    if name == "gaussian":
        return size_of(given["sigma"]) // 2 if given["sigma"] < LARGE_SIGMA else None
    if name in ("box", "median"):
        return given["size"]
    if name == "bilateral":
        return math.ceil(2 * given["sigma"]) + 1 if given["tolerance"] else None
    if name == "convolve":
        return str(given["kernel"]).count(";") + 1
    return None


_HISTOGRAM_HEIGHT = 240  # pixels
_HISTOGRAM_WIDTH = 5  # pixels of a column

FILTERS: dict[str, Callable[..., Steps]] = {
    "gaussian": _gaussian,
    "box": _box,
    "median": _median,
    "bilateral": _bilateral,
    "noise": _noise,
    "convolve": _convolve,
    "gradient": _gradient,
    "derivative": _derivative,
    "roberts": _kernel_pair(roberts),
    "prewitt": _kernel_pair(prewitt),
    "sobel": _kernel_pair(sobel),
    "scharr": _kernel_pair(scharr),
    "log": _log,
    "dog": _dog,
    "canny": _canny,
    "histogram": _histogram,
    "texture": _texture,
    "textons": _textons,
}
