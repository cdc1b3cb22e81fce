"""Pictures with one object each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.boxed import coco_folder
from visus._errors import InputError
from visus.data import Boxed, BoxSet, load_boxes
from visus.data.crops import Crops, crops, single
from visus.data.save_boxes import save_boxes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> BoxSet:
    return load_boxes(coco_folder(tmp_path_factory.mktemp("data") / "shapes", {"train": 12, "val": 8}))


def test_pictures_with_one_object_stay(data: BoxSet) -> None:
    found = single(data)
    for name, pictures in data.splits.items():
        kept = [file for file, own in zip(pictures.files, pictures.objects, strict=True) if len(own) == 1]
        assert found.splits[name].files == kept
        assert len(found.digests[name]) == len(kept)
    lost = sum(len(data.splits[s]) - len(found.splits[s]) for s in data.splits)
    assert f"{lost} pictures" in found.remarks[-1]
    places = np.array([k for k, own in enumerate(data.splits["train"].objects) if len(own) > 1])
    many = replace(data, splits={"train": data.splits["train"].take(places)})
    with pytest.raises(InputError, match="say --crops"):
        single(many)


def test_every_object_is_cut_out_with_what_is_around_it(data: BoxSet) -> None:
    found = crops(data, seed=3)
    assert found.counts("train").sum() <= data.counts("train").sum()
    assert len(found.splits["train"]) > len(data.splits["train"])
    pictures = found.splits["train"]
    assert isinstance(pictures, Crops)
    for place in range(len(pictures)):
        picture, own = pictures.read(place)
        x0, y0, x1, y1 = own.boxes[0].round().astype(int).tolist()
        assert 0 <= x0 < x1 <= picture.shape[1] <= 4 * (x1 - x0)
        assert 0 <= y0 < y1 <= picture.shape[0] <= 4 * (y1 - y0)
        middle = picture[(y0 + y1) // 2, (x0 + x1) // 2].tolist()
        assert middle == ([220, 50, 40] if own.labels[0] == 0 else [50, 70, 210])
    assert all(len(digest) == 16 for digest in found.digests["train"])  # as the list of what a run has seen holds them
    assert len(set(found.digests["train"])) == len(pictures)
    again = crops(data, seed=3)
    assert again.fingerprint() == found.fingerprint()
    assert crops(data, seed=4).fingerprint() != found.fingerprint()
    some = pictures.take(np.array([2, 0]))
    np.testing.assert_array_equal(some.read(0)[0], pictures.read(2)[0])


def test_an_object_under_another_is_left_out_and_said(data: BoxSet, tmp_path: Path) -> None:
    twice = data.splits["train"].objects[0].take([0, 0])
    crowded = Boxed([*data.splits["train"].files], [twice, *data.splits["train"].objects[1:]])
    found = crops(replace(data, splits={"train": crowded}))
    assert "another object is too near" in found.remarks[-1]
    with pytest.raises(InputError, match="can be cut out alone"):
        crops(replace(data, splits={"train": crowded.take(np.array([0]))}))


def test_cut_out_objects_are_not_written_beside_whole_pictures(tmp_path: Path) -> None:
    found = crops(load_boxes(coco_folder(tmp_path / "cells", {"train": 6, "val": 2})))
    with pytest.raises(InputError, match="were cut out of their pictures"):
        save_boxes(found, tmp_path / "voc", "voc")
