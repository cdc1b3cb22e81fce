"""One policy for bad files in every format: a few are left out, counted and named; many stop; a look never stops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.test_exports import SETS
from tests.data.test_kinds import said, sizes
from visus import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_masks_whole, load_whole
from visus.images import is_picture_name
from visus.images.io import is_volume_name

COUNT = 12
_OF_LABELS = ("masks", "labelsTr", "annotations", "gtFine")

Loading = tuple[Callable[..., Any], Callable[..., Any]]
LOADING: tuple[Loading, ...] = (
    (load_boxes, load_boxes_whole),
    (load_masks, load_masks_whole),
    (load, load_whole),
)


def pictures(root: Path) -> list[Path]:
    """The pictures or volumes of a set, without what is a mask."""
    inside = [path for path in sorted(root.rglob("*")) if not set(path.relative_to(root).parts) & {*_OF_LABELS}]
    return [path for path in inside if is_picture_name(path.name) or is_volume_name(path.name)]


def made(root: Path, name: str) -> Loading:
    """A set of a format, and what reads it."""
    root.mkdir()
    SETS[name](root, range(2 * COUNT if "folders" in name else COUNT))
    for loading in LOADING:
        try:
            loading[0](root)
        except InputError:
            continue
        return loading
    raise AssertionError(name)


@pytest.mark.parametrize("name", list(SETS))
def test_a_damaged_and_a_missing_picture(tmp_path: Path, name: str) -> None:
    reading, looking = made(tmp_path / "set", name)
    total = len(pictures(tmp_path / "set"))
    first, *others = pictures(tmp_path / "set")
    first.write_bytes(first.read_bytes()[:60])
    found = reading(tmp_path / "set")
    assert [Path(own.path).name for own in found.left_out] == [first.name]
    assert sum(sizes(found).values()) == total - 1
    assert "Left out 1" in said(found)
    assert found.left_out[0].reason in said(found)
    first.unlink()
    found = reading(tmp_path / "set")
    assert len(found.left_out) == (name != "folders of classes")  # which list nothing
    assert sum(sizes(found).values()) == total - 1
    for path in others[: total // 4]:
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"labeled files in .* cannot be used .*--allow-bad .* The first: "):
        reading(tmp_path / "set")
    left = total - 1 - total // 4
    assert sum(sizes(reading(tmp_path / "set", allow_bad=True)).values()) == left
    assert sum(sizes(looking(tmp_path / "set")).values()) == left


ONE_FILE_EACH = {
    "pictures with masks": "masks/000.png",
    "NIfTI volumes, nnU-Net raw": "labelsTr/v0.nii.gz",
    "COCO panoptic": "annotations/panoptic_train2017/000.png",
    "Cityscapes, ADE20K": "gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png",
    "labelme": "000.json",
    "Supervisely": "ds0/ann/000.png.json",
    "KITTI": "training/label_2/000.txt",
    "Pascal VOC": "000.xml",
    "YOLO, boxes": "labels/000.txt",
    "YOLO, polygons": "labels/000.txt",
}


@pytest.mark.parametrize("name", list(ONE_FILE_EACH))
def test_a_damaged_annotation(tmp_path: Path, name: str) -> None:
    reading, _ = made(tmp_path / "set", name)
    (tmp_path / "set" / ONE_FILE_EACH[name]).write_bytes(b"0 x 0.1 \xff{")
    found = reading(tmp_path / "set")
    (left_out,) = found.left_out
    assert sum(sizes(found).values()) == COUNT - 1
    assert left_out.reason in said(found)
