"""Convolution and correlation, with every way of treating the border.

Gonzalez and Woods, Digital Image Processing, "Fundamentals of spatial filtering". A convolution turns the kernel by
180 degrees, a correlation does not; for channels of a picture, each is filtered by itself.

How a line ``a b c d`` goes on beyond its border:

========== =====================
constant   ``0 0 | a b c d | 0 0``
replicate  ``a a | a b c d | d d``
reflect    ``b a | a b c d | d c``
mirror     ``c b | a b c d | c b``
wrap       ``c d | a b c d | a b``
========== =====================
"""

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._cores import cores
from visus._errors import InputError
from visus._optional import require
from visus.filters._fourier import fast_length
from visus.filters._native import LEAST_ROWS, Correlation, Rows
from visus.filters._threads import bands, corners, each
from visus.filters.kernels import Kernel, as_kernel, rank_one, separate
from visus.images.check import number, one_of, picture_of, whole

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.floating]
Padding = Literal["constant", "replicate", "reflect", "mirror", "wrap"]
Output = Literal["same", "valid", "full"]
Method = Literal["auto", "separable", "direct", "fft"]

PADDINGS = ("constant", "replicate", "reflect", "mirror", "wrap")
_NUMPY_MODES = {
    "constant": "constant",
    "replicate": "edge",
    "reflect": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
}
_BORDERS = {"constant": 0, "replicate": 1, "reflect": 2, "mirror": 4}
"""Those that OpenCV knows while it filters, by its numbers (``cv2.BORDER_CONSTANT`` ...); beyond is 0."""
_SINGLE = (np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.float16, np.float32)  # float32 holds them exactly
_DIRECT = 11 * 11  # kernels with more values than this are faster by the FFT
_LARGE = 10 * 10  # those with fewer are faster by OpenCV


def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: Padding = "reflect",
    value: float = 0.0,
    output: Output = "same",
    stride: int = 1,
    method: Method = "auto",
) -> Floats:
    """Convolve a picture with a kernel: ``out[y, x] = sum over j, i of kernel[j, i] * image[y - j, x - i]``.

    j and i count from the kernel's middle, or with ``output="full"`` from its corner (Gonzalez and Woods 2008,
    section 3.4).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, any numbers; values keep their scale.
        kernel: ``(kh, kw)`` of any size, even too.
        padding: How the picture goes on beyond its border; see the top of this module.
        value: What lies beyond the border with ``padding="constant"``.
        output: ``"same"``: the picture's size, the kernel's middle (of even sizes the one before it, as
            scipy.signal has it; scipy.ndimage takes the one behind it) over each pixel;
            ``"valid"``: where the kernel lies wholly inside, (H - kh + 1, W - kw + 1); ``"full"``: where it touches
            the picture, (H + kh - 1, W + kw - 1).
        stride: Keep each ``stride``-th row and column.
        method: ``"separable"`` (a column, then a row), ``"direct"``, ``"fft"``, or the fastest of these.

    Returns:
        ``(h, w)`` or ``(h, w, C)``, as ``output`` and ``stride`` say: float32, or float64 where the picture has float64
        or integers of 32 or 64 bits; never clipped or rounded.

    Raises:
        InputError: The picture, the kernel or an option cannot be used.

    >>> convolve([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]], padding="constant").tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 4.0]]
    """
    picture, weights = picture_of(image), as_kernel(kernel)
    one_of("padding", padding, PADDINGS)
    one_of("method", method, ("auto", "separable", "direct", "fft"))
    whole("stride", stride)
    dtype = np.float32 if picture.dtype.type in _SINGLE else np.float64
    before, after = _margins(weights.shape, picture.shape, output)
    values = picture.astype(dtype, copy=False)
    if output == "same" and (padding in _BORDERS and (padding != "constant" or value == 0)):
        how = _chosen(values.dtype, weights, method)
        if _is_for_the_loop(values, how):
            return _by_loop(values, weights, before, after, padding)[::stride, ::stride]
        if how is not None:  # OpenCV goes beyond the border by itself
            return _by_opencv(values, how, before, _BORDERS[padding])[::stride, ::stride]
    wide = pad(values, before, after, padding=padding, value=value)
    return _valid(wide, weights, method)[::stride, ::stride]


def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: Padding = "reflect",
    value: float = 0.0,
    output: Output = "same",
    stride: int = 1,
    method: Method = "auto",
) -> Floats:
    """Correlate a picture with a kernel: a convolution with the kernel turned by 180 degrees.

    The arguments and errors are those of :func:`convolve`. Networks call this a convolution (Goodfellow, Bengio and
    Courville 2016, section 9.1).

    Returns:
        ``(h, w)`` or ``(h, w, C)``, float32 or float64 as of :func:`convolve`.

    >>> correlate([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]], padding="constant").tolist()
    [[0.0, 0.0, 0.0], [0.0, 4.0, 3.0], [0.0, 2.0, 1.0]]
    """
    turned = as_kernel(kernel)[::-1, ::-1]
    return convolve(image, turned, padding=padding, value=value, output=output, stride=stride, method=method)


def _margins(size: tuple[int, ...], picture: tuple[int, ...], output: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many rows and columns of padding come before a picture of some shape, and behind it."""
    height, width = size
    one_of("output", output, ("same", "valid", "full"))
    if output == "valid" and (picture[0] < height or picture[1] < width):
        raise InputError(
            f"A kernel of {size} does not fit into a picture of {picture[:2]}; use output='same' or 'full', or a "
            "smaller kernel."
        )
    if output == "valid":
        return (0, 0), (0, 0)
    if output == "full":
        return (height - 1, width - 1), (height - 1, width - 1)
    return (height // 2, width // 2), ((height - 1) // 2, (width - 1) // 2)


def by_column_and_row(image: NDArray[np.floating], column: Kernel, row: Kernel, padding: Padding) -> Floats:
    """Convolve a float picture with the product of a column and a row, to the same size.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, float32 or float64.
        column: ``(kh,)``.
        row: ``(kw,)``.
        padding: How the picture goes on beyond its border; see the top of this module.

    Returns:
        The same shape and dtype.

    >>> by_column_and_row(np.ones((1, 3)), np.array([1.0]), np.array([1.0, 1.0]), "constant").tolist()
    [[1.0, 2.0, 2.0]]
    """
    size = (len(column), len(row))
    before, after = _margins(size, image.shape, "same")
    if padding in _BORDERS:
        return _by_opencv(image, (column, row), before, _BORDERS[padding])
    wide = pad(image, before, after, padding=padding)
    return _by_opencv(wide, (column, row), (0, 0), _BORDERS["constant"])[: image.shape[0], : image.shape[1]]


def pad(
    image: NDArray[Any],
    before: tuple[int, int],
    after: tuple[int, int],
    *,
    padding: Padding = "reflect",
    value: float = 0.0,
) -> NDArray[Any]:
    """Let a picture go on beyond its border by some rows and columns.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` of any dtype.
        before: Rows above and columns to the left.
        after: Rows below and columns to the right.
        padding: See the top of this module.
        value: What lies beyond the border with ``padding="constant"``.

    Returns:
        The same dtype; ``(H + before[0] + after[0], W + before[1] + after[1])``, then C if the picture has channels.
        Where nothing is added, the picture itself.

    Raises:
        InputError: The padding is unknown, a number of rows or columns is below 0, or the value of a constant border is
            not a finite number.

    >>> pad(np.array([[1, 2, 3]]), (0, 2), (0, 2), padding="mirror").tolist()
    [[3, 2, 1, 2, 3, 2, 1]]
    """
    one_of("padding", padding, PADDINGS)
    if min(*before, *after) < 0:
        raise InputError(f"A picture goes on by 0 or more rows and columns, not by {before} and {after}.")
    widths = [(before[0], after[0]), (before[1], after[1]), (0, 0)][: image.ndim]
    if not any(sum(pair) for pair in widths):
        return image
    if padding == "constant":
        return np.pad(image, widths, constant_values=number("value", value))
    return np.pad(image, widths, mode=_NUMPY_MODES[padding])  # pyright: ignore[reportCallIssue, reportArgumentType]


def with_borders(picture: NDArray[Any], reach: int, padding: Padding) -> Rows:
    """A picture for the compiled loops, which goes on beyond its border.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)`` uint8 or float32, contiguous.
        reach: By so many rows and columns.
        padding: See the top of this module.
    """
    height, width = picture.shape[:2]
    channels = picture[0].size // width
    down, along = (_places(length, k, reach, reach, padding) for length, k in ((height, 1), (width, channels)))
    return Rows(picture, down, along)


@functools.lru_cache(maxsize=16)
def _places(length: int, channels: int, before: int, after: int, padding: Padding) -> NDArray[np.int64]:
    """Which number of a line stands at each place of the line with its borders; -1 for none."""
    numbers = np.arange(length * channels).reshape(length, 1, channels)
    numbers = pad(numbers, (before, 0), (after, 0), padding=padding, value=-1)
    return np.ascontiguousarray(numbers.ravel(), np.int64)


def _chosen(dtype: np.dtype[Any], kernel: Kernel, method: Method) -> Kernel | tuple[Kernel, Kernel] | None:
    """A column and a row, the kernel as it is, or None for the Fourier transform: what is asked for or the fastest."""
    if method == "separable":
        return separate(kernel)
    if method == "auto":
        factors = rank_one(kernel, 1e-12 if dtype == np.float64 else 1e-7)
        if factors and sum(kernel.shape) < kernel.size:
            return factors
        method = "fft" if kernel.size > _DIRECT else "direct"
    return None if method == "fft" else kernel


def _valid(image: NDArray[Any], kernel: Kernel, method: Method) -> Floats:
    """The valid part of a convolution."""
    how = _chosen(image.dtype, kernel, method)
    if how is None:
        return each_channel(lambda plane: _by_fft(plane, kernel), image)
    if _is_for_the_loop(image, how):
        return _by_loop(image, kernel, (0, 0), (0, 0), "constant")
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return _by_opencv(image, how, (0, 0), _BORDERS["constant"])[:height, :width]


def _is_for_the_loop(image: NDArray[Any], how: Kernel | tuple[Kernel, Kernel] | None) -> bool:
    """Whether the compiled loop takes it, which is quicker than OpenCV: floats, and a large kernel as it is."""
    is_large = isinstance(how, np.ndarray) and how.size >= _LARGE and len(how) >= LEAST_ROWS
    return image.dtype == np.float32 and is_large


def _by_loop(
    image: NDArray[Any], kernel: Kernel, before: tuple[int, int], after: tuple[int, int], padding: Padding
) -> NDArray[np.float32]:
    """The kernel as it is by the compiled loop, bands of rows on several cores.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` float32.
        kernel: ``(kh, kw)``.
        before: Rows above the border and columns beside it.
        after: Rows below and columns to the right.
        padding: How the picture goes on there; constant means 0.

    Returns:
        ``(H + before[0] + after[0] - kh + 1, ...)``, the columns likewise.
    """
    height, width, *channels = image.shape
    step = math.prod(channels)
    margins = zip(before, after, strict=True)
    rows, columns = (
        _places(length, k, *of, padding) for length, k, of in zip((height, width), (1, step), margins, strict=True)
    )
    out = np.empty((len(rows) - len(kernel) + 1, len(columns) // step - kernel.shape[1] + 1, *channels), np.float32)
    work = Correlation(
        np.ascontiguousarray(image), np.ascontiguousarray(kernel[::-1, ::-1], np.float32), rows, columns, before[1]
    )
    each(lambda band: work.write(band, out), bands(len(out), max(64, -(-len(out) // cores()))))
    return out


def _by_opencv(
    image: NDArray[Any], kernel: Kernel | tuple[Kernel, Kernel], middle: tuple[int, int], border: int
) -> Floats:
    """One column and one row, or the kernel as it is; OpenCV correlates, so it gets the kernel turned.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, float32 or float64.
        kernel: A column and a row, or all weights.
        middle: Which row and column of the turned kernel lies over each pixel.
        border: One of OpenCV's.
    """
    import cv2

    dtype = np.float32 if image.dtype == np.float32 else np.float64
    anchor = middle[::-1]

    def filtered(plane: NDArray[Any]) -> NDArray[Any]:
        plane = np.ascontiguousarray(plane)
        if isinstance(kernel, tuple):
            column, row = (np.ascontiguousarray(factor[::-1], dtype) for factor in kernel)
            return np.asarray(cv2.sepFilter2D(plane, -1, row, column, anchor=anchor, borderType=border))
        turned = np.ascontiguousarray(kernel[::-1, ::-1], dtype)
        return np.asarray(cv2.filter2D(plane, -1, turned, anchor=anchor, borderType=border))

    return each_channel(filtered, image)


def each_channel(work: Callable[[NDArray[Any]], NDArray[Any]], image: NDArray[Any]) -> NDArray[Any]:
    """Do some work for a picture ``(H, W)``, or for each channel of a picture ``(H, W, C)``.

    Args:
        work: Takes a plane ``(H, W)`` and gives one; its size may be another.
        image: ``(H, W)`` or ``(H, W, C)`` of any dtype.

    Returns:
        What ``work`` gives, ``(h, w)`` or ``(h, w, C)`` of its dtype.

    >>> each_channel(np.transpose, np.zeros((2, 3, 4))).shape
    (3, 2, 4)
    """
    if image.ndim == 2:
        return work(image)
    return np.stack([work(image[:, :, c]) for c in range(image.shape[2])], axis=2)


def _by_fft(image: NDArray[Any], kernel: Kernel) -> Floats:
    """Overlap and save (Oppenheim and Schafer, section 8.7.3): tiles that stay in the cache, on all cores."""
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    wanted = [min(image.shape[axis], max(256, 4 * kernel.shape[axis])) for axis in (0, 1)]
    tile = [fast_length(length) for length in wanted]
    step = [tile[axis] - kernel.shape[axis] + 1 for axis in range(2)]
    spectrum = np.fft.rfft2(kernel.astype(image.dtype), tile)
    out = np.empty((height, width), image.dtype)

    def filtered(corner: tuple[int, int]) -> None:
        top, left = corner
        part = image[top : top + tile[0], left : left + tile[1]]
        answer = np.fft.irfft2(np.fft.rfft2(part, tile) * spectrum, tile)  # first rows and columns are wrapped round
        answer = answer[kernel.shape[0] - 1 :, kernel.shape[1] - 1 :]
        target = out[top : top + step[0], left : left + step[1]]
        target[...] = answer[: target.shape[0], : target.shape[1]]

    each(filtered, corners(out.shape, (step[0], step[1])))
    return out


def convolution_matrix(
    kernel: ArrayLike,
    shape: tuple[int, int],
    *,
    padding: Padding = "constant",
    output: Output = "same",
    stride: int = 1,
) -> "csr_array":
    """The matrix that convolves: ``(matrix @ image.ravel())`` is ``convolve(image, kernel, ...).ravel()``.

    Its transpose is the transposed convolution, which upsampling layers of networks are (Dumoulin and Visin 2016,
    section 4).

    Args:
        kernel: ``(kh, kw)``.
        shape: Height and width of the picture.
        padding: See the top of this module; constant means 0.
        output: ``"same"``, ``"valid"`` or ``"full"``.
        stride: Keep each ``stride``-th row and column.

    Returns:
        Sparse ``(out_height * out_width, height * width)`` float64.

    Raises:
        InputError: The kernel does not fit, or an option is unknown.
        DependencyError: SciPy, which keeps sparse matrices, is not installed.

    >>> convolution_matrix([[1, 2]], (1, 3), output="full").toarray().T.tolist()
    [[1.0, 2.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 1.0, 2.0]]
    """
    weights = as_kernel(kernel)
    one_of("padding", padding, PADDINGS)
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise InputError(f"shape must be a height and a width above 0, not {shape!r}.")
    whole("height", shape[0])
    whole("width", shape[1])
    whole("stride", stride)
    before, after = _margins(weights.shape, shape, output)

    # Pad the pixels' numbers instead of their values: then each window tells which pixels its output is made of.
    numbers = pad(
        np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape), before, after, padding=padding, value=-1
    )
    windows = np.lib.stride_tricks.sliding_window_view(numbers, weights.shape)[::stride, ::stride]
    count = windows.shape[0] * windows.shape[1]
    columns = windows.reshape(count, -1)
    values = np.broadcast_to(weights[::-1, ::-1].ravel(), columns.shape)
    inside = columns >= 0
    starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])  # of each row's entries
    matrix = require("scipy.sparse").csr_array(
        (values[inside], columns[inside], starts), shape=(count, shape[0] * shape[1])
    )
    matrix.sum_duplicates()  # a border that repeats a pixel
    return matrix
