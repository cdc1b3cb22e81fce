"""Objects of other pictures that are pasted in: what is seen, what is named, and what is left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.support.boxed import coco_folder, scene
from visus import InputError
from visus.data import load_boxes
from visus.data.box_batches import BoxBatches
from visus.data.boxes import Boxed, box_of
from visus.data.joint_boxes import JointBoxes, Sample
from visus.data.paste import paste
from visus.runs.detect.resolve import resolve
from visus.runs.detect.settings import DetectSettings


def sample(seed: int, first: int = 0) -> Sample:
    picture, rows = scene(seed)
    boxes = np.array([row["box"] for row in rows], np.float32)
    return Sample(picture, boxes, first + np.arange(len(rows)), np.stack([row["mask"] for row in rows]))


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=60)
def test_each_object_that_is_named_can_be_seen_in_its_box(seed: int) -> None:
    before, other = sample(seed), sample(seed + 1, first=100)
    untouched = before.picture.copy()
    after = paste(before, other, np.random.default_rng(seed))
    assert (before.picture == untouched).all()
    assert before.masks is not None
    assert after.masks is not None
    assert len(after.boxes) == len(after.labels) == len(after.masks)
    pasted = after.labels >= 100
    assert 1 <= pasted.sum() <= len(other.boxes)
    for box, mask, label in zip(after.boxes, after.masks, after.labels.tolist(), strict=True):
        np.testing.assert_allclose(box, box_of(mask), atol=1)
        if label < 100:
            assert not (mask & ~before.masks[label]).any()
            assert mask.sum() >= 0.3 * before.masks[label].sum()
    new = after.masks[pasted].any(axis=0)
    assert not (after.masks[~pasted] & new).any()


def test_what_is_pasted_has_the_colors_of_its_kind() -> None:
    for seed in range(20):
        before, other = sample(seed), sample(seed + 1, first=100)
        after = paste(before, other, np.random.default_rng(seed))
        assert after.masks is not None
        assert other.masks is not None
        label = int(after.labels[-1])
        inside = np.median(after.picture[after.masks[-1]].astype(float), axis=0)
        assert inside.argmax() == np.median(other.picture[other.masks[label - 100]].astype(float), axis=0).argmax()


def test_nothing_changes_but_where_the_object_is() -> None:
    for seed in range(20):
        before, other = sample(seed), sample(seed + 1, first=100)
        assert other.masks is not None
        alone = replace(other, boxes=other.boxes[:1], labels=other.labels[:1], masks=other.masks[:1])
        after = paste(before, alone, np.random.default_rng(seed))
        assert after.masks is not None
        assert after.labels[-1] == 100
        around = np.asarray(ndimage.binary_dilation(after.masks[-1], np.ones((3, 3)), iterations=2), bool)
        assert (after.picture[~around] == before.picture[~around]).all()


def test_an_object_that_is_covered_is_named_no_more() -> None:
    picture = np.full((40, 60, 3), 90, np.uint8)
    small = np.zeros((1, 40, 60), bool)
    small[0, 18:21, 28:31] = True
    below = Sample(picture, np.array([[28, 18, 31, 21]], np.float32), np.array([0]), small)
    whole = np.ones((1, 40, 60), bool)
    above = Sample(picture + 100, np.array([[0, 0, 60, 40]], np.float32), np.array([1]), whole)
    gone = [paste(below, above, np.random.default_rng(seed)).labels.tolist() for seed in range(30)]
    assert [1] in gone
    assert all(labels in ([1], [0, 1]) for labels in gone)


def test_objects_that_show_nothing_are_not_pasted() -> None:
    before = sample(1)
    assert before.masks is not None
    nothing = replace(before, masks=np.zeros_like(before.masks))
    after = paste(before, nothing, np.random.default_rng(0))
    assert (after.picture == before.picture).all()
    assert after.labels.tolist() == before.labels.tolist()


def test_batches_paste_as_often_as_said_and_not_in_the_last_epochs(tmp_path: Path) -> None:
    split = load_boxes(coco_folder(tmp_path / "a")).splits["train"]
    plain = BoxBatches(split, JointBoxes("none"))
    half, always = replace(plain, pasted=0.5, calm=40), replace(plain, pasted=1.0, calm=40)
    assert all((always[epoch, 0][0] != plain[epoch, 0][0]).any() for epoch in range(10))
    assert 8 <= sum(bool((half[epoch, 0][0] != plain[epoch, 0][0]).any()) for epoch in range(40)) <= 32
    for epoch in (40, 41):
        assert torch.equal(always[epoch, 0][0], plain[epoch, 0][0])
        assert torch.equal(always[epoch, 0][1]["boxes"], plain[epoch, 0][1]["boxes"])
    first, again = always[3, 1], always[3, 1]
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1]["boxes"], again[1]["boxes"])
    assert "masks" not in first[1]
    shaped = replace(always, shapes=True)[3, 1][1]
    assert len(shaped["masks"]) == len(shaped["boxes"]) == len(first[1]["boxes"])


def test_the_default_pastes_where_it_can(tmp_path: Path) -> None:
    folder = coco_folder(tmp_path / "a")
    data = load_boxes(folder)

    def share(**options: object) -> float | None:
        return resolve(DetectSettings(data=str(folder), weights="none", **options), data).copy_paste  # pyright: ignore

    assert share(augment="strong") == 0.5
    assert share(augment="strong", net="mask_rcnn_fpn") == 0.5
    assert share(augment="light") == share() == 0.0
    assert share(augment="strong", net="fast_rcnn") == share(augment="strong", net="faster_rcnn") == 0.0
    assert share(augment="strong", net="faster_rcnn", copy_paste=1.0) == 1.0
    assert share(copy_paste=0.25) == 0.25
    assert share(augment="strong", copy_paste=0.0) == 0.0
    with pytest.raises(InputError, match="copy_paste does nothing beside fast_rcnn"):
        share(net="fast_rcnn", copy_paste=0.5)
    for own in data.splits["train"].objects:
        own.shapes[:] = [None] * len(own.shapes)
    assert share(augment="strong") == 0.0
    with pytest.raises(InputError, match="not every object in"):
        share(copy_paste=0.5)


def test_sizes_follow_those_of_the_pictures(tmp_path: Path) -> None:
    small, large = sample(2), sample(3, first=100)
    assert large.masks is not None
    grown = Sample(
        large.picture.repeat(8, axis=0).repeat(8, axis=1),
        large.boxes * 8,
        large.labels,
        large.masks.repeat(8, axis=1).repeat(8, axis=2),
    )
    for seed in range(10):
        plain, scaled = (paste(small, own, np.random.default_rng(seed)) for own in (large, grown))
        assert plain.labels.tolist() == scaled.labels.tolist()
        np.testing.assert_allclose(plain.boxes, scaled.boxes, atol=2.5)


def test_pictures_without_objects_are_not_what_is_pasted(tmp_path: Path) -> None:
    split = load_boxes(coco_folder(tmp_path / "a")).splits["train"]
    empty = split.objects[0].take(slice(0))
    mostly = Boxed(split.files, [split.objects[0], *[empty] * (len(split) - 1)])
    batches = BoxBatches(mostly, pasted=1.0)
    assert batches.full == [0]
    assert all(len(batches[0, place][1]["boxes"]) for place in range(1, len(split)))


def test_shapes_of_too_many_pixels_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = load_boxes(coco_folder(tmp_path / "a")).splits["train"]
    plain, always = BoxBatches(split), BoxBatches(split, pasted=1.0)
    monkeypatch.setattr("visus.data.box_batches._PIXELS", 10)
    assert torch.equal(always[0, 0][0], plain[0, 0][0])


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=40)
def test_a_thin_shape_that_is_cut_has_a_box_around_what_is_left(seed: int) -> None:
    mask = np.zeros((1, 96, 128), bool)
    mask[0, 20:80, 60:64] = mask[0, 76:80, 20:64] = True
    before = Sample(np.zeros((96, 128, 3), np.uint8), np.array([box_of(mask[0])], np.float32), np.array([0]), mask)
    after = JointBoxes("strong")(before, np.random.default_rng(seed))
    assert after.masks is not None
    for box, own in zip(after.boxes, after.masks, strict=True):
        assert own.any()
        np.testing.assert_allclose(box, box_of(own), atol=2)
