"""Pictures with masks: every layout, and what is said of bad ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.masked import folder_of_masks, folder_of_volumes, scene, write_pairs, write_volume
from visus._errors import FormatError, InputError
from visus.data import load_masks, load_masks_whole
from visus.data.coco import Objects, _run_lengths, draw
from visus.data.masks import IGNORE, colors, read_values
from visus.data.voc import write_annotation
from visus.data.volumes import read_label_volume, read_volume
from visus.data.volumes import write_volume as save_volume


def test_splits_with_a_list_of_classes(tmp_path: Path) -> None:
    found = load_masks(folder_of_masks(tmp_path))
    assert found.classes == ("ground", "disc", "square")
    assert {split: len(pictures) for split, pictures in found.splits.items()} == {"train": 12, "val": 4, "test": 4}
    picture, mask = found.splits["val"].read(0)
    np.testing.assert_array_equal(picture, scene(12)[0])
    np.testing.assert_array_equal(mask, scene(12)[1])
    assert found.pixels["train"].shape == (12, 3)
    assert found.pixels["train"].sum() == 12 * 72 * 80
    assert "ground" in found.describe()


def test_one_folder_is_split_here_and_classes_are_called_by_their_values(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(20), masks="labels")
    found = load_masks(tmp_path, ignore=("2",), val=0.2, test=0.2)
    assert found.classes == ("0", "1")
    assert sorted(len(pictures) for pictures in found.splits.values()) == [4, 4, 12]
    mask = found.splits["train"].read(0)[1]
    assert set(np.unique(mask).tolist()) == {0, 1, IGNORE}
    assert found.fingerprint() == load_masks(tmp_path, ignore=("2",), val=0.2, test=0.2).fingerprint()


def test_black_and_white_masks_have_two_classes(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(4))
    for path in (tmp_path / "masks").iterdir():
        Image.fromarray(np.where(np.asarray(Image.open(path)) > 0, 255, 0).astype(np.uint8)).save(path)
    assert load_masks(tmp_path).classes == ("0", "255")


def test_masks_in_color_with_their_list(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(6))
    _paint(tmp_path)
    with pytest.raises(InputError, match=r"in color \(its colors: 0,0,0; .*name its classes in a classes\.csv"):
        load_masks(tmp_path)
    (tmp_path / "classes.csv").write_text("name,red,green,blue\nground,0,0,0\ndisc,200,10,20\nsquare,0,0,90\n")
    found = load_masks_whole(tmp_path)
    assert found.classes == ("ground", "disc", "square")
    assert found.palette.tolist() == [[0, 0, 0], [200, 10, 20], [0, 0, 90]]
    np.testing.assert_array_equal(found.splits["all"].read(0)[1], scene(0)[1])
    (tmp_path / "classes.csv").write_text("name,red,green,blue\nground,0,0,0\ndisc,200,10,20\n")
    with pytest.raises(InputError, match=r"\(0, 0, 90\)"):
        load_masks_whole(tmp_path)


def _paint(root: Path) -> None:
    palette = np.array([[0, 0, 0], [200, 10, 20], [0, 0, 90]], np.uint8)
    for path in (root / "masks").iterdir():
        Image.fromarray(palette[np.asarray(Image.open(path))]).save(path)


ROW = {"name": "cat", "box": [1, 1, 9, 9], "difficult": False}


def test_pascal_voc(tmp_path: Path) -> None:
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(6):
        picture, mask = scene(number)
        Image.fromarray(picture).save(tmp_path / "JPEGImages" / f"p{number}.jpg")
        indexed = Image.fromarray(np.where(mask == 2, 255, mask).astype(np.uint8))
        indexed.putpalette(colors(256).tobytes())
        indexed.save(tmp_path / "SegmentationClass" / f"p{number}.png")
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("p0\np1\np2\np3\n")
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("p4\np5\n")
    assert load_masks(tmp_path).classes == ("0", "1")  # nothing names them
    (tmp_path / "Annotations").mkdir()
    write_annotation(tmp_path / "Annotations" / "p0.xml", "p0.jpg", (72, 80), [ROW])
    found = load_masks(tmp_path)
    assert found.form == "Pascal VOC"
    assert found.classes[:2] == ("background", "aeroplane")
    assert len(found.classes) == 21
    assert set(np.unique(found.splits["train"].read(0)[1]).tolist()) == {0, 1, IGNORE}
    assert "not learned" in found.remarks[0]
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("p4\np9\n")
    assert "JPEGImages/p9" in load_masks(tmp_path).left_out[0].reason


def coco(root: Path) -> Path:
    """Polygons and run lengths of discs and squares, beside what pycocotools draws."""
    from pycocotools import mask as runs

    for split, numbers in (("train", range(4)), ("val", range(4, 6))):
        (root / split).mkdir(parents=True)
        images, annotations = [], []
        for number in numbers:
            picture, mask = scene(number)
            Image.fromarray(picture).save(root / split / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "height": 72, "width": 80})
            disc: Any = runs.encode(np.asfortranarray((mask == 1).astype(np.uint8)))
            disc["counts"] = disc["counts"].decode()
            rows, columns = np.nonzero(mask == 2)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                corners = [box[k] for k in (0, 1, 2, 1, 2, 3, 0, 3)]
                square = {"segmentation": [[int(v) for v in corners]], "area": int((mask == 2).sum())}
                annotations.append({"id": len(annotations), "image_id": number, "category_id": 9, **square})
            entry = {"id": len(annotations), "image_id": number, "category_id": 4, "segmentation": disc}
            annotations.append({**entry, "area": int((mask == 1).sum())})
        categories = [{"id": 4, "name": "disc"}, {"id": 9, "name": "square"}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{split}.json").write_text(json.dumps(content))
    return root


def test_coco(tmp_path: Path) -> None:
    found = load_masks(coco(tmp_path))
    assert found.classes == ("background", "disc", "square")
    for place in range(4):
        mask, truth = found.splits["train"].read(place)[1], scene(place)[1]
        assert (mask != truth).mean() < 0.02  # the rectangle around a square that a disc lies over
        np.testing.assert_array_equal(mask == 1, truth == 1) if not (truth == 2).any() else None
    content = json.loads((tmp_path / "val.json").read_text())
    content["images"][0]["file_name"] = "../secret.png"
    (tmp_path / "val.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="outside"):
        load_masks(tmp_path)
    (tmp_path / "val.json").write_text("{}")
    with pytest.raises(InputError, match="no annotations of COCO's form"):
        load_masks(tmp_path)


def test_volumes(tmp_path: Path) -> None:
    found = load_masks(folder_of_volumes(tmp_path))
    assert (found.axes, found.classes) == (3, ("0", "1"))
    volume, mask = found.splits["train"].read(0)
    assert volume.shape == mask.shape == (18, 20, 16)
    assert abs(volume.mean()) < 1e-4
    assert volume[mask == 1].mean() > 1.5
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["v0.nii.gz", "v1.nii.gz"], "val": ["v2.nii.gz"]}))
    assert {s: len(p) for s, p in load_masks(tmp_path).splits.items()} == {"train": 2, "val": 1}
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["v0.nii.gz", "v1.nii.gz", "v99.nii.gz"]}))
    assert "v99" in load_masks(tmp_path).left_out[0].reason


def test_a_volume_with_nan_is_left_out_and_said(tmp_path: Path) -> None:
    folder_of_volumes(tmp_path)
    values = read_volume(tmp_path / "imagesTr" / "v3.nii.gz").copy()
    values[0, 0, 0] = np.nan
    write_volume(tmp_path / "imagesTr" / "v3.nii.gz", values)
    found = load_masks(tmp_path)
    assert sum(len(p) for p in found.splits.values()) == 7
    assert "Left out 1 pair" in found.remarks[0]
    assert "NaN" in found.remarks[0]


def test_a_mask_is_written_where_its_volume_lies(tmp_path: Path) -> None:
    import nibabel

    random = np.random.default_rng(0)
    values = random.normal(size=(5, 6, 7)).astype(np.float32)
    affine = np.array([[0, -2, 0, 3], [0, 0, 1.5, -4], [-1, 0, 0, 9], [0, 0, 0, 1]])  # axes swapped and turned
    nibabel.save(nibabel.Nifti1Image(values, affine), str(tmp_path / "v.nii.gz"))
    mask = (read_volume(tmp_path / "v.nii.gz") > 0.4).astype(np.uint8)
    save_volume(tmp_path / "m.nii.gz", mask, tmp_path / "v.nii.gz")
    written: Any = nibabel.load(str(tmp_path / "m.nii.gz"))
    np.testing.assert_array_equal(written.affine, affine)
    standard = (values - values.mean()) / values.std()
    np.testing.assert_array_equal(np.asarray(written.dataobj), standard > 0.4)
    np.testing.assert_array_equal(read_label_volume(tmp_path / "m.nii.gz"), mask)


def test_bad_pairs_are_left_out_and_said(tmp_path: Path) -> None:
    folder_of_masks(tmp_path)
    masks = tmp_path / "train" / "masks"
    Image.fromarray(np.zeros((10, 12), np.uint8)).save(masks / "0.png")
    Image.fromarray(np.full((72, 80), 255, np.uint8)).save(masks / "1.png")
    (masks / "2.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"3 of 20 labeled files .*--allow-bad"):
        load_masks(tmp_path)
    found = load_masks(tmp_path, allow_bad=True)
    assert len(found.splits["train"]) == 9
    said = " ".join(found.remarks)
    assert "Left out 3 pairs" in said
    for words in ("is 12x10, and its picture 80x72", "is empty", "is damaged"):
        assert words in said


def test_what_cannot_be_mended_is_one_sentence(tmp_path: Path) -> None:
    folder_of_masks(tmp_path)
    Image.fromarray(np.full((72, 80), 7, np.uint8)).save(tmp_path / "val" / "masks" / "12.png")
    (left_out,) = load_masks(tmp_path).left_out
    assert "the value 7 beyond the list of classes (3: ground, disc, square); add the class, or" in left_out.reason
    assert left_out.reason.endswith("say --ignore 7.")
    mask = np.full((72, 80), 7, np.uint8)
    mask[:9] = 1
    Image.fromarray(mask).save(tmp_path / "val" / "masks" / "12.png")
    counted = load_masks(tmp_path, ignore=("7",))
    assert (counted.left_out, counted.classes) == ([], ("ground", "disc", "square"))
    assert counted.pixels["val"][0].tolist() == [0, 9 * 80, 0]
    found = tmp_path / "val" / "masks" / "12.png"
    found.unlink()
    assert "1 of 20 pictures has no mask and is left out, 12.png" in " ".join(load_masks(tmp_path).remarks)
    write_pairs(tmp_path / "other", range(4))
    with pytest.raises(InputError, match="no class 'sky' to ignore"):
        load_masks(tmp_path / "other", ignore=("sky",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures with masks"):
        load_masks(tmp_path / "empty")
    with pytest.raises(InputError, match="no folder"):
        load_masks(tmp_path / "nowhere")
    (tmp_path / "classes.txt").write_text("a\na\n")
    with pytest.raises(InputError, match="'a' twice"):
        load_masks(tmp_path)


def test_a_mask_saved_as_jpeg_is_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(3))
    for path in (tmp_path / "masks").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    with pytest.raises(InputError, match="classes are not known"):
        load_masks(tmp_path)


def test_run_lengths_are_read_as_pycocotools_writes_them() -> None:
    from pycocotools import mask as runs

    for seed in range(20):
        random = np.random.default_rng(seed)
        mask = (random.random((17, 23)) < random.uniform(0.01, 0.99)).astype(np.uint8)
        encoded: Any = runs.encode(np.asfortranarray(mask))
        lengths = _run_lengths(encoded["counts"].decode())
        assert sum(lengths) == mask.size
        colored = np.repeat(np.arange(len(lengths)) % 2, lengths).reshape(23, 17).T
        np.testing.assert_array_equal(colored, mask)


@pytest.mark.parametrize(
    "shape",
    [
        {"counts": [0, 10], "size": [10, 10]},
        {"counts": [-5, 105], "size": [10, 10]},
        {"counts": "zzzz", "size": [10, 10]},
        {"counts": [0, 100], "size": [5, 20]},
        [[1e9, 1, 5, 5, -1e9, 3]],
        [[float("nan"), 1, 5, 5, 3, 3]],
        [["a", 1, 5, 5, 3, 3]],
        [[1, 2]],
        7,
    ],
)
def test_a_shape_that_cannot_be_is_refused_before_it_is_drawn(shape: Any) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        draw(Objects((10, 10), [1], [shape]))


@pytest.mark.parametrize("size", [{"height": -1}, {"height": 10**8, "width": 10**8}, {"height": 0}])
def test_a_picture_with_a_size_that_cannot_be_is_left_out(tmp_path: Path, size: dict[str, int]) -> None:
    coco(tmp_path)
    content = json.loads((tmp_path / "val.json").read_text())
    content["images"][0] |= size
    (tmp_path / "val.json").write_text(json.dumps(content))
    (left_out,) = load_masks(tmp_path).left_out
    assert "which cannot be; mend it." in left_out.reason


def test_a_black_mask_does_not_decide_what_the_others_hold(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(6))
    _paint(tmp_path)
    first = sorted((tmp_path / "masks").iterdir())[0]
    Image.fromarray(np.zeros((72, 80, 3), np.uint8)).save(first)
    (tmp_path / "classes.csv").write_text("name,red,green,blue\nground,0,0,0\ndisc,200,10,20\nsquare,0,0,90\n")
    found = load_masks_whole(tmp_path)
    assert len(found.splits["all"]) == 6
    assert found.remarks == ["1 mask holds ground only: nothing but the first class."]


def test_named_black_and_white_masks(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(4))
    for path in (tmp_path / "masks").iterdir():
        Image.fromarray(np.where(np.asarray(Image.open(path)) > 0, 255, 0).astype(np.uint8)).save(path)
    (tmp_path / "classes.txt").write_text("ground\nthing\n")
    found = load_masks(tmp_path)
    assert found.classes == ("ground", "thing")
    assert found.pixels["train"][:, 1].all()


def test_volumes_with_colors_for_their_classes(tmp_path: Path) -> None:
    folder_of_volumes(tmp_path)
    (tmp_path / "classes.csv").write_text("name,red,green,blue\naround,0,0,0\nball,9,8,7\n")
    found = load_masks(tmp_path)
    assert (found.axes, found.classes) == (3, ("around", "ball"))
    assert found.palette[1].tolist() == [9, 8, 7]


def test_a_split_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    folder_of_masks(tmp_path)
    for path in (tmp_path / "val" / "masks").iterdir():
        path.write_bytes(b"no")
    with pytest.raises(InputError, match="No pair of the split val"):
        load_masks(tmp_path)


@pytest.mark.parametrize("place", [70, 42, 40])
def test_a_damaged_volume_is_one_sentence(tmp_path: Path, place: int) -> None:
    write_volume(tmp_path / "v.nii", np.zeros((4, 5, 6), np.float32))
    content = bytearray((tmp_path / "v.nii").read_bytes())
    content[place : place + 2] = b"\xff\x7f"
    (tmp_path / "v.nii").write_bytes(content)
    with pytest.raises(InputError, match=r"v\.nii"):
        read_volume(tmp_path / "v.nii")


def test_a_negative_value_is_no_class(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1], [-2, 1]], np.int32)).save(tmp_path / "m.tif")
    with pytest.raises(FormatError, match="holds the value -2"):
        read_values(tmp_path / "m.tif")


def _without_masks(root: Path, count: int) -> None:
    write_pairs(root, range(12))
    for number in range(count):
        (root / "masks" / f"{number}.png").unlink()


def test_pictures_without_a_mask_are_left_out_or_ground_alone(tmp_path: Path) -> None:
    _without_masks(tmp_path, 4)
    found = load_masks_whole(tmp_path)
    assert len(found.splits["all"]) == 8
    assert (
        "4 of 12 pictures have no mask and are left out, 0.png for one; --unlabeled negative takes" in found.remarks[0]
    )
    found = load_masks_whole(tmp_path, unlabeled="negative")
    assert "4 of 12 pictures have no mask and are taken as ground alone; --unlabeled leave_out" in found.remarks[0]
    own = found.splits["all"]
    bare = [k for k, file in enumerate(own.files) if int(Path(file).stem) < 4]
    assert len(own) == 12
    assert all(not own.take(np.array(bare)).read(k)[1].any() for k in range(4))
    assert (found.pixels["all"][bare, 0] == 72 * 80).all()


def test_pictures_without_a_mask_go_where_lists_put_them(tmp_path: Path) -> None:
    _without_masks(tmp_path, 4)
    (tmp_path / "train.txt").write_text("\n".join(map(str, [0, 1, 2, *range(4, 9)])))
    (tmp_path / "val.txt").write_text("\n".join(map(str, range(9, 12))))
    found = load_masks(tmp_path, unlabeled="negative")
    assert {split: len(own) for split, own in found.splits.items()} == {"train": 8, "val": 3}
    assert "1 picture not in train.txt or val.txt, and not used, 3.png for one." in found.remarks


def test_volumes_without_a_mask_are_no_ground(tmp_path: Path) -> None:
    folder_of_volumes(tmp_path, 4)
    (tmp_path / "labelsTr" / "v0.nii.gz").unlink()
    assert "1 of 4 volumes has no mask and is left out, v0.nii.gz for one." in load_masks(tmp_path).remarks
    with pytest.raises(InputError, match="--unlabeled negative is for pictures"):
        load_masks(tmp_path, unlabeled="negative")


@pytest.mark.parametrize("white", [(1, 255), (255, 1)])
def test_white_that_differs_between_splits_is_one_class(tmp_path: Path, white: tuple[int, int]) -> None:
    for split, value, numbers in zip(("train", "val"), white, (range(6), range(6, 9)), strict=True):
        write_pairs(tmp_path / split, numbers)
        for path in (tmp_path / split / "masks").iterdir():
            Image.fromarray((np.array(Image.open(path)) > 0).astype(np.uint8) * np.uint8(value)).save(path)
    found = load_masks(tmp_path)
    assert "masks call their objects 255, the others 1; both are taken as one class." in found.remarks[0]
    assert found.pixels["val"][:, 1].sum() == sum((scene(n)[1] > 0).sum() for n in range(6, 9))


def test_a_class_that_loses_half_of_its_masks_stops(tmp_path: Path) -> None:
    write_pairs(tmp_path, range(40))
    for number in range(5):  # the only ones with class 3
        values = np.array(Image.open(tmp_path / "masks" / f"{number}.png"))
        values[:4, :4] = 3
        Image.fromarray(values).save(tmp_path / "masks" / f"{number}.png")
        if number < 3:
            (tmp_path / "images" / f"{number}.png").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"The class 3 in .* loses 3 of 5, which cannot be used; .* --allow-bad"):
        load_masks(tmp_path)
    assert len(load_masks(tmp_path, allow_bad=True).left_out) == 3
