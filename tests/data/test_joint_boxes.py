"""Pictures, boxes and shapes that are changed together stay on top of each other."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.boxed import coco_folder, scene
from visus.data import load_boxes
from visus.data.box_batches import BoxBatches, box_loader
from visus.data.joint_boxes import JointBoxes, Sample


def sample(seed: int) -> Sample:
    picture, rows = scene(seed)
    boxes = np.array([row["box"] for row in rows], np.float32)
    masks = np.stack([row["mask"] for row in rows])
    return Sample(picture, boxes, np.arange(len(rows)), masks, boxes.copy())


def hull(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@given(seed=st.integers(0, 500), strength=st.sampled_from(["light", "strong"]))
@settings(deadline=None, max_examples=60)
def test_boxes_enclose_their_shapes_and_the_picture_shows_them_there(seed: int, strength: Any) -> None:
    before = sample(seed)
    after = JointBoxes(strength)(before, np.random.default_rng(seed))
    assert after.picture.shape == before.picture.shape
    assert after.masks is not None
    assert len(after.boxes) == len(after.labels) == len(after.masks)
    for box, mask, label in zip(after.boxes, after.masks, after.labels, strict=True):
        assert (box[:2] >= 0).all()
        assert box[2] <= 128
        assert box[3] <= 96
        np.testing.assert_allclose(box, hull(mask), atol=1.5)
        assert before.masks is not None
        inside = np.median(after.picture[mask].astype(float), axis=0)
        color = np.median(before.picture[before.masks[label]].astype(float), axis=0)
        assert inside.argmax() == color.argmax()  # red discs stay red, blue squares blue
    plain = JointBoxes(strength)(replace(before, masks=None), np.random.default_rng(seed))
    assert plain.proposals is not None
    np.testing.assert_allclose(plain.proposals, plain.boxes)


def test_mirrored_twice_is_the_picture_itself() -> None:
    from visus.data.joint_boxes import _moved

    before = sample(3)
    scale, offset = np.array([-1.0, 1.0]), np.array([128.0, 0.0])
    once = _moved(before, scale, offset)
    np.testing.assert_array_equal(once.picture, before.picture[:, ::-1])
    np.testing.assert_array_equal(once.boxes[:, 0], 128 - before.boxes[:, 2])
    twice = _moved(once, scale, offset)
    np.testing.assert_array_equal(twice.picture, before.picture)
    np.testing.assert_array_equal(twice.boxes, before.boxes)


def test_without_changes_nothing_changes_and_without_flip_left_stays_left() -> None:
    before = sample(5)
    assert JointBoxes("none")(before, np.random.default_rng(0)) is before
    for seed in range(20):
        after = JointBoxes("light", flip=False)(before, np.random.default_rng(seed))
        if len(after.boxes) >= 2:
            order = np.argsort(before.boxes[after.labels, 0])
            assert (np.diff(after.boxes[order, 0]) >= 0).all()


def boxes_of(picture: np.ndarray, count: int) -> np.ndarray:
    return np.tile(np.array([[0, 0, picture.shape[1], picture.shape[0]]], np.float32), (count, 1))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_each_time(tmp_path: Path, workers: int) -> None:
    dataset = load_boxes(coco_folder(tmp_path / "a"))
    batches = BoxBatches(dataset.splits["train"], JointBoxes("strong"), shapes=True, propose=partial(boxes_of, count=3))
    first, second = (list(box_loader(batches, batch_size=5, shuffle=True, seed=1, workers=n)) for n in (0, workers))
    assert [len(pictures) for pictures, _ in first] == [5, 5, 2]
    for (ours, targets), (theirs, others) in zip(first, second, strict=True):
        assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))
        for a, b in zip(targets, others, strict=True):
            assert a.keys() == {"boxes", "labels", "masks", "place", "proposals"}
            assert all((a[key] == b[key]).all() for key in a)
            assert a["masks"].shape[1:] == (96, 128)
            assert len(a["proposals"]) == 3


def test_crowds_are_not_learned_from(tmp_path: Path) -> None:
    dataset = load_boxes(coco_folder(tmp_path / "a"))
    own = dataset.splits["train"].objects[0]
    own.crowd[0] = True
    _, target = BoxBatches(dataset.splits["train"])[0, 0]
    assert len(target["boxes"]) == len(own) - 1
    assert "masks" not in target


def test_strong_changes_give_way_to_light_ones_in_the_last_epochs(tmp_path: Path) -> None:
    split = load_boxes(coco_folder(tmp_path / "a")).splits["train"]
    calmed, strong, light = (
        BoxBatches(split, JointBoxes("strong"), calm=3),
        BoxBatches(split, JointBoxes("strong")),
        BoxBatches(split, JointBoxes("light")),
    )
    for epoch, same, other in ((2, strong, light), (3, light, strong), (4, light, strong)):
        assert (calmed[epoch, 0][0] == same[epoch, 0][0]).all()
        assert (calmed[epoch, 0][0] != other[epoch, 0][0]).any()
    assert BoxBatches(split, JointBoxes("none"), calm=0).joint_at(5).strength == "none"
