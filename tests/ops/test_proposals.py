"""Proposals of selective search."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from visus._errors import InputError
from visus.ops import proposals


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Squares and discs of plain colors on a noisy ground, and their boxes."""
    random = np.random.default_rng(0)
    picture = np.clip(random.normal(90, 6, (160, 200, 3)), 0, 255).astype(np.uint8)
    truth = np.array([[20, 30, 70, 90], [120, 20, 180, 70], [90, 100, 150, 150]], np.float32)
    for (x0, y0, x1, y1), color in zip(truth.astype(int), ((220, 40, 40), (40, 200, 60), (230, 220, 60)), strict=True):
        picture[y0:y1, x0:x1] = color
    return picture, truth


@pytest.mark.parametrize("mode", proposals.MODES)
def test_objects_are_among_the_proposals(mode: proposals.Mode) -> None:
    picture, truth = scene()
    found = proposals.selective_search(picture, mode)
    assert found.dtype == np.float32
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2] <= 200).all()
    assert (found[:, 3] <= 160).all()
    assert (found[:, 2:] > found[:, :2]).all()
    assert proposals.recall(found, truth, 0.8) == 1
    np.testing.assert_array_equal(found, proposals.selective_search(picture, mode))
    np.testing.assert_array_equal(found[:10], proposals.selective_search(picture, mode, most=10))


def test_the_quality_mode_finds_more() -> None:
    picture = np.ascontiguousarray(data.coffee()[::3, ::3])
    fast, quality = (proposals.selective_search(picture, mode, most=100_000) for mode in proposals.MODES)
    assert len(quality) > 1.5 * len(fast)


def test_they_are_remembered_by_the_content_of_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, _ = scene()
    first = proposals.remembered(picture, tmp_path)
    (file,) = tmp_path.rglob("*.npy")
    calls = []
    monkeypatch.setattr(proposals, "selective_search", lambda *a, **k: calls.append(1) or first)
    np.testing.assert_array_equal(proposals.remembered(picture.copy(), tmp_path), first)
    assert len(proposals.remembered(picture, tmp_path, most=3)) == 3
    assert not calls
    file.write_bytes(b"not an array")  # damaged: it is found again
    np.testing.assert_array_equal(proposals.remembered(picture, tmp_path), first)
    assert len(calls) == 1
    proposals.remembered(picture[:, ::-1].copy(), tmp_path)
    assert len(calls) == 2


def test_small_and_plain_pictures_are_one_proposal() -> None:
    assert proposals.selective_search(np.zeros((4, 9, 3), np.uint8)).tolist() == [[0, 0, 9, 4]]
    plain = proposals.selective_search(np.full((60, 80, 3), 128, np.uint8))
    assert [0, 0, 80, 60] in plain.tolist()


def test_recall_and_mistakes() -> None:
    _, truth = scene()
    assert proposals.recall(truth[:2], truth) == pytest.approx(2 / 3)
    assert proposals.recall(truth[:0], truth) == 0
    assert np.isnan(proposals.recall(truth, truth[:0]))
    with pytest.raises(InputError, match="uint8"):
        proposals.selective_search(np.zeros((20, 20, 3)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="mode"):
        proposals.selective_search(np.zeros((20, 20, 3), np.uint8), "slow")  # pyright: ignore[reportArgumentType]


def test_large_pictures_are_searched_at_a_smaller_size() -> None:
    picture, truth = scene()
    large = picture.repeat(8, 0).repeat(8, 1)
    found = proposals.selective_search(large)
    assert proposals.recall(found, 8 * truth, 0.8) == 1
    assert found[:, 2].max() <= large.shape[1]
    assert found[:, 3].max() <= large.shape[0]
