"""The receptive field: what each unit of a map sees of the input.

A unit i of a layer with kernel k, stride s, dilation d and padding p takes the inputs

    i s - p  to  i s - p + d (k - 1)

of its map, so that a row of layers sees r + d (k - 1) j pixels more with each, j the product of the strides before it
(Dumoulin and Visin 2016; Araujo, Norris and Sim, Distill 2019). Behind an upsampling, neighbors see different spans;
so the first and the last pixel of every unit are kept, along each axis. Fields reach into the padding and are not cut
at the border of the picture. Resizing by other rules than nearest and linear counts as seeing
all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """The fields of a row of units, as spans of pixels (Araujo, Norris and Sim 2019).

    Attributes:
        first: ``(n,)`` int64, the first pixel that each unit sees; negative where it lies in the padding.
        last: ``(n,)`` int64, the last one.
        stride: Pixels between the fields of neighbors, on average.
        period: After how many units the pattern of spans comes again.
    """

    first: Places
    last: Places
    stride: float
    period: int = 1

    def __len__(self) -> int:
        return len(self.first)

    @property
    def size(self) -> int:
        """Pixels that the unit sees which sees most."""
        return int((self.last - self.first).max()) + 1

    def seen_by(self, first: Places, last: Places, stride: float, period: int) -> "Line":
        """The line of units that take this line's units from one to another, which may lie beyond its ends.

        Args:
            first: ``(m,)`` int64, the first unit of this line that each of them takes.
            last: ``(m,)`` int64, the last one.
            stride: Units of this line between neighbors, on average.
            period: After how many of them the pattern of spans comes again.
        """
        return Line(self._at(self.first, first), self._at(self.last, last), self.stride * stride, period)

    def whole(self) -> "Line":
        """The line of one unit that takes all."""
        return Line(self.first.min(keepdims=True), self.last.max(keepdims=True), self.stride)

    def _at(self, values: Places, places: Places) -> Places:
        """Values at places, those beyond the ends as the pattern goes on."""
        beyond = np.where(places < 0, places // self.period, np.maximum(0, (places - len(self)) // self.period + 1))
        inner = np.clip(places - beyond * self.period, 0, len(self) - 1)
        return values[inner] + np.rint((places - inner) * self.stride).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Field:
    """What the units of a map see, along each spatial axis (Araujo, Norris and Sim 2019).

    Attributes:
        lines: One for each spatial axis of the input.
        axes: Which axes of the tensor are spatial; empty where positions have no meaning.
        folded: Sizes of all axes but the last, while a layer sees them as one axis.
    """

    lines: tuple[Line, ...]
    axes: tuple[int, ...]
    folded: tuple[int, ...] | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """The largest receptive field along each axis, in pixels."""
        return tuple(line.size for line in self.lines)

    @property
    def stride(self) -> tuple[float, ...]:
        """Pixels between neighbors along each axis."""
        return tuple(line.stride for line in self.lines)

    @property
    def start(self) -> tuple[int, ...]:
        """The first pixel that the first unit sees."""
        return tuple(int(line.first[0]) for line in self.lines)

    def with_lines(self, lines: Sequence[Line]) -> "Field":
        """Other lines along the same axes."""
        return Field(tuple(lines), self.axes)

    def with_axes(self, axes: Sequence[int], folded: tuple[int, ...] | None = None) -> "Field":
        """The same lines along other axes."""
        return Field(self.lines, tuple(axes), folded)


def of_input(size: Sequence[int]) -> Field:
    """The field of the input itself, where the recursion of Araujo, Norris and Sim (2019) begins: a pixel sees itself.

    Args:
        size: The spatial axes of an input ``(N, C, *size)``, in pixels.

    >>> field = of_input([8, 6])
    >>> field.size, field.stride, field.axes
    ((1, 1), (1, 1), (2, 3))
    """
    lines = tuple(Line(np.arange(n), np.arange(n), 1) for n in size)
    return Field(lines, tuple(range(2, 2 + len(lines))))


@dataclass(frozen=True, slots=True)
class Kernel:
    """A window that slides along one axis, in the letters of Dumoulin and Visin 2016.

    Attributes:
        size: k, the number of its taps.
        stride: s, the step from one output to the next.
        padding: p, before the first input; negative where inputs are cut off.
        dilation: d, the distance between neighboring taps.
    """

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


def slide(line: Line, count: int, kernel: Kernel) -> Line:
    """A convolution or a pooling: output i takes the inputs i s - p to i s - p + d (k - 1) (Dumoulin and Visin 2016).

    Args:
        line: The fields of the inputs.
        count: Number of outputs.
        kernel: The window.

    Two 3x3 convolutions see 5 pixels, as one of 5x5 does (Simonyan and Zisserman 2015, section 2.3):

    >>> inputs = of_input([8]).lines[0]
    >>> slide(slide(inputs, 6, Kernel(3)), 4, Kernel(3)).size
    5
    """
    first = np.arange(count) * kernel.stride - kernel.padding
    period = line.period // math.gcd(line.period, kernel.stride)
    return line.seen_by(first, first + kernel.dilation * (kernel.size - 1), kernel.stride, period)


def slide_transposed(line: Line, count: int, kernel: Kernel) -> Line:
    """A transposed convolution: input k goes to the outputs k s - p to k s - p + d (k - 1).

    Where it is dilated, an output between the taps sees less (Dumoulin and Visin 2016).

    Args:
        line: The fields of the inputs.
        count: Number of outputs.
        kernel: The window; its stride and padding are those of the transposed convolution.

    >>> doubled = slide_transposed(of_input([2]).lines[0], 4, Kernel(2, stride=2))
    >>> doubled.first.tolist(), doubled.last.tolist(), doubled.stride
    ([0, 0, 1, 1], [0, 0, 1, 1], 0.5)
    """
    places = np.arange(count) + kernel.padding
    last = np.minimum(places // kernel.stride, len(line) - 1)  # beyond the map there is nothing
    first = np.clip(-((kernel.dilation * (kernel.size - 1) - places) // kernel.stride), 0, last)
    return line.seen_by(first, last, 1 / kernel.stride, line.period * kernel.stride)


def share(line: Line, count: int) -> Line:
    """An adaptive pooling: unit i of m over n values takes those from floor(i n / m) to ceil((i + 1) n / m) - 1.

    Spatial pyramid pooling divides a map so (He et al. 2014).

    Args:
        line: The fields of the n values.
        count: The m units.

    >>> halves = share(of_input([5]).lines[0], 2)
    >>> halves.first.tolist(), halves.last.tolist()
    ([0, 2], [2, 4])
    """
    n, units = len(line), np.arange(count)
    return line.seen_by(units * n // count, -(-(units + 1) * n // count) - 1, n / count, count)


def repeat(line: Line, count: int) -> Line:
    """The nearest of n values for m units, as feature pyramids upsample (Lin et al. 2017, section 3).

    Args:
        line: The fields of the n values.
        count: The m units.

    >>> repeat(of_input([2]).lines[0], 4).first.tolist()
    [0, 0, 1, 1]
    """
    first = np.arange(count) * len(line) // count
    return line.seen_by(first, first, len(line) / count, _upsampled(line, count))


def unpool(line: Line, count: int) -> Line:
    """Max unpooling: m units of which each has its value from its cell; what is left over belongs to the last one.

    Zeiler and Fergus 2014, section 2.1.

    Args:
        line: The fields of the pooled values, one for each cell.
        count: The m units.

    >>> unpool(of_input([2]).lines[0], 5).first.tolist()
    [0, 0, 1, 1, 1]
    """
    whole = max(1, count // len(line))  # where the pooling left out what filled no cell, fewer units were covered
    stride = next((s for s in (-(-count // len(line)), whole) if count // s == len(line)), -(-count // len(line)))
    first = np.minimum(np.arange(count) // stride, len(line) - 1)
    return line.seen_by(first, first, 1 / stride, line.period * stride)


def interpolate(line: Line, count: int, *, align_corners: bool) -> Line:
    """Straight lines between n values for m units, as bilinear upsampling draws them (Long et al. 2015, section 3.3).

    Args:
        line: The fields of the n values.
        count: The m units.
        align_corners: Whether the first and the last value stay in place, rather than the borders of their pixels.

    >>> middle = interpolate(of_input([2]).lines[0], 3, align_corners=True)
    >>> middle.first.tolist(), middle.last.tolist()
    ([0, 0, 1], [0, 1, 1])
    """
    n, units = len(line), np.arange(count)
    places = units * (n - 1) / max(1, count - 1) if align_corners else np.clip((units + 0.5) * n / count - 0.5, 0, None)
    first = np.minimum(np.floor(places + 1e-6), n - 1).astype(np.int64)
    last = np.minimum(np.ceil(places - 1e-6), n - 1).astype(np.int64)
    stride = (n - 1) / max(1, count - 1) if align_corners else n / count
    return line.seen_by(first, np.maximum(first, last), stride, _upsampled(line, count))


def spread(line: Line, count: int) -> Line:
    """One unit, laid out to m, as a global feature is over a map (Liu, Rabinovich and Berg 2015).

    Args:
        line: The fields; those of several units stay as they are.
        count: The m units.

    >>> spread(of_input([4]).lines[0].whole(), 2).last.tolist()
    [3, 3]
    """
    return Line(line.first.repeat(count), line.last.repeat(count), 0) if len(line) == 1 != count else line


def _upsampled(line: Line, count: int) -> int:
    """The period of m units over n values."""
    return line.period * (count // len(line)) if count % len(line) == 0 else count


def everything(field: Field) -> Field:
    """The field of what looks at every position of a map, as attention does (Vaswani et al. 2017).

    >>> whole = everything(of_input([8, 6]))
    >>> whole.size, whole.axes
    ((8, 6), ())
    """
    return Field(tuple(line.whole() for line in field.lines), ())


def union(fields: Sequence[Field]) -> Field:
    """The field where branches meet; strides and axes are those of the first (Araujo, Norris and Sim 2019).

    Args:
        fields: At least one, each with as many axes; the lines along an axis are equally long, or of one unit.

    A map and its 3x3 convolution, added as in a residual block:

    >>> plain = of_input([8])
    >>> convolved = plain.with_lines([slide(plain.lines[0], 8, Kernel(3, padding=1))])
    >>> union([plain, convolved]).size
    (3,)
    """
    lines = []
    for row in zip(*(field.lines for field in fields), strict=True):
        first, last = row[0].first, row[0].last
        for line in row[1:]:
            first, last = np.minimum(first, line.first), np.maximum(last, line.last)
        lines.append(Line(first, last, row[0].stride, math.lcm(*(line.period for line in row))))
    return Field(tuple(lines), fields[0].axes, fields[0].folded)
