"""Upsampling beside torch's own operators, the matrix of a convolution, and numerical gradients."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visus._errors import InputError
from visus.filters import convolution_matrix
from visus.ops import upsample


def maps(*spatial: int, channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, channels, *spatial, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("spatial", [(3, 4), (2, 3, 2)])
def test_nearest_fills_cells(stride: int, spatial: tuple[int, ...]) -> None:
    x = maps(*spatial)
    torch.testing.assert_close(upsample.nearest(x, stride), F.interpolate(x, scale_factor=stride, mode="nearest"))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_bed_of_nails_has_values_in_the_corners(stride: int) -> None:
    x = maps(3, 4)
    bed = upsample.bed_of_nails(x, stride)
    assert bed.shape[2:] == (3 * stride, 4 * stride)
    torch.testing.assert_close(bed[..., ::stride, ::stride], x)
    assert bed.count_nonzero() == x.numel()


@pytest.mark.parametrize("size", [(7, 9), (8, 8), (6, 9)])
def test_unpooling_undoes_pooling_at_the_maxima(size: tuple[int, int]) -> None:
    x = maps(*size)
    values, positions = upsample.max_pool(x, 2)
    back = upsample.max_unpool(values, positions, size)
    torch.testing.assert_close(back, F.max_unpool2d(values, positions, (2, 2), output_size=list(size)))
    again, _ = upsample.max_pool(back.clamp_min(0), 2)
    torch.testing.assert_close(again, values.clamp_min(0))


@pytest.mark.parametrize("stride", [2, 3, 8])
@pytest.mark.parametrize("axes", [2, 3])
def test_a_bilinear_kernel_interpolates(stride: int, axes: int) -> None:
    x = maps(*([4] * axes))
    kernel = upsample.bilinear_kernel(2, stride, axes=axes).double()
    learned = upsample.transposed_convolution(x, kernel, stride, padding=upsample.bilinear_padding(stride))
    fixed = upsample.bilinear(x, stride)
    assert learned.shape == fixed.shape
    inside = (..., *(slice(stride, -stride) for _ in range(axes)))
    torch.testing.assert_close(learned[inside], fixed[inside])


@pytest.mark.parametrize(("stride", "kernel"), [(1, 3), (2, 3), (2, 4), (3, 2)])
def test_it_is_the_transpose_of_the_matrix_of_a_convolution(stride: int, kernel: int) -> None:
    random = np.random.default_rng(0)
    weights, fine = random.normal(size=(kernel, kernel)), (9, 11)
    down = [(n - kernel) // stride + 1 for n in fine]
    coarse = random.normal(size=down)
    matrix = convolution_matrix(weights, fine, output="valid", stride=stride)
    expected = (matrix.T @ coarse.ravel()).reshape(fine)
    flipped = weights[::-1, ::-1].copy()  # torch correlates
    upsampled = upsample.transposed_convolution(
        torch.from_numpy(coarse)[None, None], torch.from_numpy(flipped)[None, None], stride, size=fine
    )
    np.testing.assert_allclose(upsampled[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("operator", [upsample.nearest, upsample.bed_of_nails, upsample.bilinear])
@pytest.mark.parametrize("spatial", [(3, 2), (2, 2, 3)])
def test_the_gradients_are_right(operator: Any, spatial: tuple[int, ...]) -> None:
    x = maps(*spatial)
    size = [3 * n - 1 for n in spatial]
    assert torch.autograd.gradcheck(lambda t: operator(t, 3, size=size), x)


@pytest.mark.parametrize("spatial", [(5, 7), (3, 4, 5)])
def test_the_gradients_of_unpooling_and_of_a_transposed_convolution_are_right(spatial: tuple[int, ...]) -> None:
    values, positions = upsample.max_pool(maps(*spatial), 2)
    pooled = values.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: upsample.max_unpool(t, positions, spatial), pooled)
    weight = maps(*[3] * len(spatial))
    x = maps(*[3, 2, 2][: len(spatial)])
    size = [6, 4, 4][: len(spatial)]
    assert torch.autograd.gradcheck(
        lambda t, w: upsample.transposed_convolution(t, w, 2, padding=1, size=size), (x, weight)
    )


@given(n=st.integers(1, 6), stride=st.integers(1, 5), cut=st.integers(0, 4))
@settings(deadline=None, max_examples=40)
def test_any_stride_and_odd_sizes(n: int, stride: int, cut: int) -> None:
    x = maps(n, n + 1)
    size = (stride * n - min(cut, stride - 1), stride * (n + 1))
    for operator in (upsample.nearest, upsample.bed_of_nails, upsample.bilinear):
        assert operator(x, stride, size=size).shape[2:] == size


def test_sizes_that_cannot_be_are_refused() -> None:
    x = maps(3, 3)
    with pytest.raises(InputError, match="at most"):
        upsample.nearest(x, 2, size=(7, 6))
    with pytest.raises(InputError, match="stride"):
        upsample.bilinear(x, 0)
    with pytest.raises(InputError, match="at least"):
        upsample.transposed_convolution(x, torch.ones(2, 2, 3, 3).double(), 2, size=(20, 20))
    for stride in (0, 4):
        with pytest.raises(InputError, match="from 1 to 3"):
            upsample.max_pool(x, stride)
    with pytest.raises(InputError, match="position"):
        upsample.max_unpool(x, torch.zeros(2, 2, 2, 2, dtype=torch.int64), (6, 6))
