"""Pictures and masks that are changed together stay on top of each other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.support.masked import folder_of_masks, scene
from visus.data import load_masks
from visus.data.joint import Joint
from visus.data.masks import IGNORE
from visus.data.windows import Windows, border_weights, window_loader


def pair(size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture whose value tells the class of every position."""
    random = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(random.normal(size=size), 6)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    mask = (smooth > 0.5).astype(np.uint8)
    if len(size) == 3:
        return smooth.astype(np.float32), mask
    return np.repeat((smooth * 255).astype(np.uint8)[..., None], 3, axis=2), mask


@pytest.mark.parametrize("elastic", [0.0, 4.0])
@pytest.mark.parametrize("size", [(90, 100), (30, 34, 28)])
def test_the_mask_follows_the_picture(elastic: float, size: tuple[int, ...]) -> None:
    picture, mask = pair(size)
    values = picture[..., 0] / 255 if len(size) == 2 else picture
    assert ((values > 0.5) == mask).mean() > 0.99
    wrong = []
    for seed in range(10):
        joint = Joint("strong", elastic=elastic)
        window = tuple(n // 2 for n in size)
        random = np.random.default_rng(seed)
        found, labels = joint.window(picture, mask, window, random)
        assert labels.shape == window
        known = labels != IGNORE
        seen = found[..., 0].astype(float) if len(size) == 2 else found
        if not (labels[known] == 1).any() or not (labels[known] == 0).any():
            continue
        # Brightness and contrast change, so the threshold is the one that parts the two classes best.
        threshold = np.quantile(seen[known], 1 - labels[known].mean())
        wrong.append(((seen[known] > threshold) != labels[known]).mean())
    assert len(wrong) > 4
    assert max(wrong) < 0.04


@given(seed=st.integers(0, 10_000), height=st.integers(5, 90), width=st.integers(5, 90))
@settings(deadline=None, max_examples=40)
def test_without_changes_a_window_is_cut_out_to_the_pixel(seed: int, height: int, width: int) -> None:
    picture, mask = scene(1)
    joint = Joint("none")
    found, labels = joint.window(picture, mask, (height, width), np.random.default_rng(seed))
    assert found.shape == (height, width, 3)
    inside = labels != IGNORE
    assert inside.any()
    rows, columns = np.nonzero(inside)
    h, w = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert inside.sum() == h * w
    part = found[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    places = np.lib.stride_tricks.sliding_window_view(picture, (h, w, 3))[:, :, 0]
    same = (places == part).all(axis=(2, 3, 4))
    assert same.any()


def test_margins_are_seen_but_not_answered_for() -> None:
    picture, mask = scene(2)
    found, labels = Joint("none").window(picture, mask, (60, 60), np.random.default_rng(0), margin=10)
    assert found.shape[:2] == (60, 60)
    assert labels.shape == (40, 40)
    assert (labels != IGNORE).all()


def test_windows_depend_on_seed_epoch_and_picture_alone(tmp_path: Path) -> None:
    train = load_masks(folder_of_masks(tmp_path)).splits["train"]
    windows = Windows(train, (32, 40), joint=Joint("strong", elastic=3), seed=5)
    first, again, later = windows[0, 3], windows[0, 3], windows[1, 3]
    assert all(bool((a == b).all()) for a, b in zip(first, again, strict=True))
    assert not bool((first[0] == later[0]).all())
    batch = next(iter(window_loader(windows, batch_size=4, shuffle=True)))
    assert batch[0].shape == (4, 3, 32, 40)
    assert batch[1].shape == (4, 32, 40)


def test_border_weights_equal_distances_to_all_regions() -> None:
    random = np.random.default_rng(1)
    mask = np.ones((60, 70), np.uint8)
    for _ in range(6):  # lines of the first class part the picture into regions
        a, b, c = random.normal(size=3)
        rows, columns = np.mgrid[:60, :70]
        mask[np.abs(a * (rows - 30) + b * (columns - 35) + 8 * c) < 1.5 * np.hypot(a, b)] = 0
    labeled: Any = ndimage.label(mask, np.ones((3, 3)))
    regions, count = labeled
    each: list[Any] = [ndimage.distance_transform_edt(regions != k) for k in range(1, count + 1)]
    distances = np.sort(each, axis=0)
    expected = 1 + 10 * np.exp(-((distances[0] + distances[1]) ** 2) / 50) * (mask == 0)
    np.testing.assert_allclose(border_weights(mask, 10.0), expected, atol=0.02)


@pytest.mark.parametrize("elastic", [0.0, 4.0])
def test_a_picture_too_large_for_opencv_is_cut_around_the_window_first(
    elastic: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, mask = pair((120, 150))
    joint = Joint("strong", elastic=elastic)
    for seed in range(12):
        size = (40, 30) if seed < 6 else (110, 150)  # the second looks beyond the borders
        monkeypatch.setattr("visus.data.joint._LARGEST", 32_766)
        whole, labels = joint.window(picture, mask, size, np.random.default_rng(seed))
        monkeypatch.setattr("visus.data.joint._LARGEST", 100)
        part, part_labels = joint.window(picture, mask, size, np.random.default_rng(seed))
        assert np.abs(whole.astype(int) - part).max() <= 2
        assert (labels != part_labels).mean() < 0.01
    monkeypatch.undo()
    stripes = ((np.arange(40_000) // 20) % 2).astype(np.uint8)
    long = np.broadcast_to(stripes[None, :, None] * 255, (12, 40_000, 3)).copy()
    found, labels = Joint(elastic=2.0).window(long, long[..., 0] // 255, (10, 64), np.random.default_rng(1))
    known = labels != IGNORE
    assert {0, 1} <= set(labels[known].tolist())
    assert ((found[..., 0] > 127) == labels)[known].mean() > 0.95
