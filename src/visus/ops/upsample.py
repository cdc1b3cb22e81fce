"""Upsampling: from a coarse map ``(N, C, h, w)`` or volume ``(N, C, d, h, w)`` to a fine one.

    nearest                 each value fills its cell                          (fixed)
    bed_of_nails            each value in the first place of its cell, 0 beside it  (fixed)
    max_unpool              each value where the maximum was, 0 beside it      (Zeiler et al. 2011; Noh et al. 2015)
    bilinear                straight lines between the middles of the cells    (fixed)
    transposed_convolution  each value times a kernel that is learned          (Long et al. 2015, section 3.3)

A map that was made from one of odd size is a little larger than stride times its own size wants it: each operator takes
the size that is wanted, and cuts there.
"""

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from visus._errors import InputError


def nearest(x: Tensor, stride: int, *, size: Sequence[int] | None = None) -> Tensor:
    """Each value fills its cell.

    Args:
        x: ``(N, C, *spatial)`` float.
        stride: Side of a cell.
        size: Size of the result, at most stride times that of x; None for just that.

    Returns:
        ``(N, C, *size)`` of the dtype of x.

    Raises:
        InputError: The stride is below 1, or the size does not fit.

    >>> nearest(torch.tensor([[[[1.0, 2.0]]]]), 2).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """
    wanted = _size(x, stride, size)
    for axis in range(2, x.ndim):
        x = x.repeat_interleave(stride, dim=axis)
    return _cut(x, wanted)


def bed_of_nails(x: Tensor, stride: int, *, size: Sequence[int] | None = None) -> Tensor:
    """Each value stands in the first place of its cell, among zeros.

    Args:
        x: ``(N, C, *spatial)`` float.
        stride: Side of a cell.
        size: Size of the result, above stride times (that of x - 1); None for stride times that of x.

    Returns:
        ``(N, C, *size)`` of the dtype of x.

    Raises:
        InputError: The stride is below 1, or the size does not fit.

    >>> bed_of_nails(torch.tensor([[[[1.0, 2.0]]]]), 2).tolist()
    [[[[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]
    """
    wanted = _size(x, stride, size)
    bed = x.new_zeros((*x.shape[:2], *wanted))
    bed[(..., *(slice(None, None, stride) for _ in wanted))] = x
    return bed


def max_pool(x: Tensor, stride: int, *, round_up: bool = False) -> tuple[Tensor, Tensor]:
    """The maximum of each cell, and where it was (the switches of Zeiler et al. 2011).

    Args:
        x: ``(N, C, *spatial)`` float.
        stride: Side of a cell.
        round_up: Whether rows that fill no whole cell are a cell too, as Caffe has it; else they are left out.

    Returns:
        The maxima ``(N, C, *smaller)``, and their positions in the flattened map, of the same shape, int64.

    Raises:
        InputError: The stride is not from 1 to the shortest side of the map.

    >>> values, positions = max_pool(torch.tensor([[[[1.0, 4.0], [2.0, 3.0]]]]), 2)
    >>> values.item(), positions.item()
    (4.0, 1)
    >>> max_pool(torch.tensor([[[[1.0, 4.0, 2.0]]]]).expand(1, 1, 2, 3), 2, round_up=True)[0].tolist()
    [[[[4.0, 2.0]]]]
    """
    if not 1 <= stride <= min(x.shape[2:]):
        raise InputError(f"The cells of a pooling must have sides from 1 to {min(x.shape[2:])}, not {stride}.")
    pool = F.max_pool2d if x.ndim == 4 else F.max_pool3d
    values, positions = pool(x, stride, ceil_mode=round_up, return_indices=True)
    return values, positions


def max_unpool(x: Tensor, positions: Tensor, size: Sequence[int]) -> Tensor:
    """Each value stands where the maximum was, among zeros (Zeiler et al. 2011; Noh et al. 2015).

    Args:
        x: ``(N, C, *spatial)`` float.
        positions: Positions in the flattened map, of the same shape, int64, as :func:`max_pool` remembers them.
        size: Spatial size of the map that was pooled.

    Returns:
        ``(N, C, *size)`` of the dtype of x.

    Raises:
        InputError: x and its positions differ in shape.

    >>> values, positions = max_pool(torch.tensor([[[[1.0, 4.0], [2.0, 3.0]]]]), 2)
    >>> max_unpool(values, positions, (2, 2)).tolist()
    [[[[0.0, 4.0], [0.0, 0.0]]]]
    """
    if x.shape != positions.shape:
        raise InputError(f"There must be a position for each value: {tuple(positions.shape)}, {tuple(x.shape)}.")
    if x.ndim == 4:
        return torch.ops.aten.max_unpool2d(x, positions, list(size))
    flat = x.new_zeros((*x.shape[:2], math.prod(size)))
    return flat.scatter(2, positions.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *size)


def bilinear(x: Tensor, stride: int, *, size: Sequence[int] | None = None) -> Tensor:
    """Straight lines between the middles of the cells; trilinear for a volume. Borders go on with their last value.

    Args:
        x: ``(N, C, *spatial)`` float.
        stride: Side of a cell.
        size: Size of the result, at most stride times that of x; None for just that.

    Returns:
        ``(N, C, *size)`` of the dtype of x.

    Raises:
        InputError: The stride is below 1, or the size does not fit.

    >>> bilinear(torch.tensor([[[[0.0, 4.0]]]]), 2)[0, 0, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    wanted = _size(x, stride, size)
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    return _cut(F.interpolate(x, scale_factor=float(stride), mode=mode, align_corners=False), wanted)


def transposed_convolution(
    x: Tensor, weight: Tensor, stride: int, *, padding: int = 0, size: Sequence[int] | None = None
) -> Tensor:
    """Each value times a kernel, summed where kernels overlap: the transpose of a convolution's matrix.

    Long, Shelhamer and Darrell, CVPR 2015, section 3.3.

    Args:
        x: ``(N, C, *spatial)`` float.
        weight: ``(C, D, *kernel)`` of the same dtype.
        stride: Distance between neighboring kernels.
        padding: How much is cut away at each border.
        size: Size of the result, from (n - 1) stride - 2 padding + kernel on, less than stride more; None for
            just that.

    Returns:
        ``(N, D, *size)`` of the dtype of x.

    Raises:
        InputError: The size does not fit.

    >>> x, weight = torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 1, 3)
    >>> transposed_convolution(x, weight, 2)[0, 0, 0].tolist()
    [1.0, 1.0, 3.0, 2.0, 2.0]
    """
    convolve = F.conv_transpose2d if x.ndim == 4 else F.conv_transpose3d
    kernel = weight.shape[2:]
    least = [(n - 1) * stride - 2 * padding + k for n, k in zip(x.shape[2:], kernel, strict=True)]
    more = [0] * len(least) if size is None else [s - n for s, n in zip(size, least, strict=True)]
    if not all(0 <= m < stride for m in more):
        raise InputError(f"The size must be at least {least} and less than {stride} more, not {list(size or [])}.")
    return convolve(x, weight, stride=stride, padding=padding, output_padding=more)


def bilinear_kernel(channels: int, stride: int, *, axes: int = 2) -> Tensor:
    """The kernel with which a transposed convolution interpolates, where its learning begins (Long et al. 2015, 3.3).

    With padding :func:`bilinear_padding` it gives what :func:`bilinear` does, away from the border.

    Args:
        channels: Channels, each of which is treated by itself.
        stride: Stride of the convolution.
        axes: 2 for a picture, 3 for a volume.

    Returns:
        ``(channels, channels, *kernel)`` float32, the kernel 2 stride - stride mod 2 wide.

    >>> bilinear_kernel(1, 2)[0, 0, 0].tolist()
    [0.0625, 0.1875, 0.1875, 0.0625]
    """
    width = 2 * stride - stride % 2
    middle = (width - 1) / 2
    line = 1 - (torch.arange(width) - middle).abs() / stride
    kernel = line
    for _ in range(axes - 1):
        kernel = kernel[..., None] * line
    weight = torch.zeros(channels, channels, *kernel.shape)
    weight[range(channels), range(channels)] = kernel
    return weight


def bilinear_padding(stride: int) -> int:
    """What to cut from each border after :func:`bilinear_kernel`, so that stride times the size is left.

    For the upsampling of Long et al. 2015, section 3.3.

    >>> [bilinear_padding(stride) for stride in (2, 3, 8, 32)]
    [1, 1, 4, 16]
    """
    return stride // 2


def _size(x: Tensor, stride: int, size: Sequence[int] | None) -> list[int]:
    """The size of the result.

    Raises:
        InputError: It does not fit stride and input.
    """
    if stride < 1:
        raise InputError(f"The stride must be at least 1, not {stride}.")
    full = [stride * n for n in x.shape[2:]]
    if size is None:
        return full
    if len(size) != len(full) or not all(f - stride < s <= f for s, f in zip(size, full, strict=True)):
        raise InputError(f"The size must be at most {full} and less than {stride} smaller, not {list(size)}.")
    return list(size)


def _cut(x: Tensor, size: Sequence[int]) -> Tensor:
    for axis, length in zip(itertools.count(2), size):
        x = x.narrow(axis, 0, length)
    return x
