"""Pictures with boxes in every format, and what is wrong with some."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.support.boxed import CLASSES, coco_folder, scene
from visus._errors import FormatError, InputError
from visus.data import BoxSet, load_boxes, load_boxes_whole
from visus.data.coco import encode
from visus.data.save_boxes import save_boxes
from visus.data.voc import write_annotation


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coco_folder(tmp_path_factory.mktemp("data") / "Fötos")


def edit(root: Path, change: Any, split: str = "train") -> None:
    """Change the annotations of a split."""
    path = root / f"{split}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def same(first: BoxSet, second: BoxSet) -> None:
    """Whether both hold the same objects on the same pictures."""
    assert first.classes == second.classes
    assert list(first.splits) == list(second.splits)
    for split, pictures in first.splits.items():
        for ours, theirs in zip(pictures.objects, second.splits[split].objects, strict=True):
            np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)
            np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_coco_is_read_to_the_pixel(coco: Path) -> None:
    found = load_boxes(coco)
    assert (found.form, found.classes) == ("COCO", CLASSES)
    assert {name: len(split) for name, split in found.splits.items()} == {"train": 12, "val": 4}
    assert found.has_shapes
    for place in range(12):
        picture, own = found.splits["train"].read(place)
        expected, rows = scene(place)
        np.testing.assert_array_equal(picture, expected)
        assert own.boxes.tolist() == [row["box"] for row in rows]
        assert [CLASSES[label] for label in own.labels] == [row["name"] for row in rows]
        np.testing.assert_array_equal(own.masks(picture.shape[:2]), [row["mask"] for row in rows])
    assert "disc" in found.describe()
    assert not found.remarks


@pytest.mark.parametrize("form", ["voc", "coco", "yolo"])
def test_no_box_is_lost_or_shifted_on_the_way_through_a_format(coco: Path, tmp_path: Path, form: Any) -> None:
    before = load_boxes_whole(coco)
    after = load_boxes_whole(save_boxes(before, tmp_path / "out", form))
    assert after.form.lower().endswith(form)
    same(before, after)
    if form == "coco":
        for ours, theirs in zip(before.splits["val"].objects, after.splits["val"].objects, strict=True):
            np.testing.assert_array_equal(ours.masks((96, 128)), theirs.masks((96, 128)))
    back = load_boxes_whole(save_boxes(after, tmp_path / "back", "coco"))
    same(before, back)
    with pytest.raises(InputError, match="is not empty"):
        save_boxes(before, tmp_path / "out", form)


def test_fractions_crowds_and_difficult_objects_survive(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 3, "val": 2})

    def change(content: dict[str, Any]) -> None:
        content["annotations"][0] |= {"bbox": [3.25, 4.5, 20.125, 30.0], "iscrowd": 1, "segmentation": []}
        content["annotations"][1] |= {"difficult": 1, "segmentation": [[1.5, 2, 30, 2, 30, 40.5, 1.5, 40.5]]}

    edit(root, change)
    before = load_boxes_whole(root)
    assert not before.has_shapes
    for form, keeps_crowd in (("coco", True), ("voc", False), ("yolo", False)):
        after = load_boxes_whole(save_boxes(before, tmp_path / form, form))  # pyright: ignore[reportArgumentType]
        own = np.concatenate([o.boxes for o in after.splits["train"].objects])
        np.testing.assert_allclose(own[0], [3.25, 4.5, 23.375, 34.5], atol=1e-3)
        crowd = np.concatenate([o.crowd for o in after.splits["train"].objects])
        hard = np.concatenate([o.difficult for o in after.splits["train"].objects])
        assert crowd[0] == keeps_crowd
        assert hard[:2].any() == (form != "yolo")


def test_yolo_folders_of_every_kind(tmp_path: Path) -> None:
    for style in ("images/train", "train/images"):
        root = tmp_path / style[:5]
        for split in ("train", "val"):
            images = root / style.replace("train", split)
            labels = root / style.replace("train", split).replace("images", "labels")
            images.mkdir(parents=True)
            labels.mkdir(parents=True)
            for k in range(2):
                Image.fromarray(scene(k)[0]).save(images / f"p{k}.png")
            (labels / "p0.txt").write_text("1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.3 0.1 0.3 0.4\n")  # p1 has no objects
        found = load_boxes(root)
        assert (found.form, found.classes) == ("YOLO", ("0", "1"))
        first, second = found.splits["train"].objects
        np.testing.assert_allclose(first.boxes, [[48, 24, 80, 72], [12.8, 9.6, 38.4, 38.4]], rtol=1e-5)
        assert len(second) == 0
        (root / "data.yaml").write_text(f"train: {style}\nval: {style}\nnames: [vögel, fish]\n")
        assert load_boxes(root).classes == ("vögel", "fish")
        (root / "data.yaml").write_text("names: {0: a}\n")
        assert "1 object is of an unknown category" in " ".join(load_boxes_whole(root).remarks).replace(
            "2 objects are", "1 object is"
        )
        (root / "data.yaml").write_text("train: ../../elsewhere\nnames: [a, b]\n")
        with pytest.raises(InputError, match="is not in"):
            load_boxes(root)


def scenes(folder: Path, count: int = 3) -> list[list[dict[str, Any]]]:
    """Pictures ``p0.png`` ..., and what is on them."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        Image.fromarray(scene(k)[0]).save(folder / f"p{k}.png")
    return [scene(k)[1] for k in range(count)]


def holds(root: Path, form: str, splits: dict[str, int]) -> None:
    """Whether a folder is read as so many scenes in each split, with their objects."""
    found = load_boxes_whole(root)
    assert found.form == form
    assert {name: len(split) for name, split in found.splits.items()} == splits
    for split in found.splits.values():
        for k, own in enumerate(split.objects):
            assert [found.classes[label] for label in own.labels] == [row["name"] for row in scene(k)[1]]
            np.testing.assert_allclose(own.boxes, [row["box"] for row in scene(k)[1]], atol=1e-3)


def yolo_lines(rows: list[dict[str, Any]]) -> str:
    """Objects of a picture of 128x96 pixels as YOLO writes them."""
    lines = []
    for row in rows:
        x0, y0, x1, y1 = row["box"]
        numbers = ((x0 + x1) / 256, (y0 + y1) / 192, (x1 - x0) / 128, (y1 - y0) / 96)
        lines.append(" ".join([str(CLASSES.index(row["name"])), *map(str, numbers)]))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("place", "names", "split"),
    [
        ("", "classes.txt", "all"),  # labelImg
        ("train", "train/_darknet.labels", "train"),  # Roboflow
        ("valid", "classes.txt", "val"),
        ("obj_train_data", "obj.names", "all"),  # CVAT
    ],
)
def test_yolo_labels_beside_their_pictures(tmp_path: Path, place: str, names: str, split: str) -> None:
    for k, rows in enumerate(scenes(tmp_path / place)):
        (tmp_path / place / f"p{k}.txt").write_text(yolo_lines(rows))
    (tmp_path / names).write_text("\n".join(CLASSES))
    holds(tmp_path, "YOLO", {split: 3})


@pytest.mark.parametrize(
    ("pictures", "annotations", "split"),
    [
        ("", "", "all"),  # labelImg
        ("images", "annotations", "all"),  # many collections
        ("train", "train", "train"),  # Roboflow
        ("valid", "valid", "val"),
    ],
)
def test_voc_annotations_that_lie_elsewhere(tmp_path: Path, pictures: str, annotations: str, split: str) -> None:
    (tmp_path / annotations).mkdir(exist_ok=True)
    for k, rows in enumerate(scenes(tmp_path / pictures)):
        path = tmp_path / annotations / f"p{k}.xml"
        write_annotation(path, f"p{k}.png", (96, 128), [{**row, "difficult": False} for row in rows])
    holds(tmp_path, "Pascal VOC", {split: 3})
    Image.fromarray(scene(7)[0]).save(tmp_path / pictures / "alone.png")
    assert "alone.png" in load_boxes_whole(tmp_path).remarks[0]


@pytest.mark.parametrize(
    ("pictures", "file", "split"),
    [
        ("train", "train/_annotations.coco.json", "train"),  # Roboflow
        ("valid", "valid/_annotations.coco.json", "val"),
        ("images", "annotations/instances_default.json", "all"),  # CVAT
        ("images", "result.json", "all"),  # Label Studio
        ("", "labels_of_mine.json", "all"),
        ("images", "valid.json", "val"),
        ("train", "train/annotations.json", "train"),
        ("images", "annotations/instances_Validation.json", "val"),
        ("images", "annotations/animals_train.json", "train"),
        ("images/train2017", "annotations/instances_train2017.json", "train"),
    ],
)
def test_coco_files_of_any_name(tmp_path: Path, pictures: str, file: str, split: str) -> None:
    annotations = []
    for k, rows in enumerate(scenes(tmp_path / pictures)):
        for row in rows:
            x0, y0, x1, y1 = row["box"]
            number = CLASSES.index(row["name"]) + 1
            box = [x0, y0, x1 - x0, y1 - y0]
            annotations.append({"image_id": k, "category_id": number, "bbox": box, "id": len(annotations)})
    categories = [{"id": k, "name": name, "supercategory": "shapes"} for k, name in enumerate(CLASSES, 1)]
    above = {"id": 0, "name": "shapes", "supercategory": "none"}
    inside = "images/" if file == "result.json" else ""
    images = [{"id": k, "file_name": f"{inside}p{k}.png", "width": 128, "height": 96} for k in range(3)]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": [above, *categories]}
    (tmp_path / file).write_text(json.dumps(content))
    holds(tmp_path, "COCO", {split: 3})


def test_captions_beside_the_objects_are_not_taken_for_them(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a")
    (root / "annotations").mkdir()
    for split in ("train", "val"):
        (root / f"{split}.json").rename(root / "annotations" / f"instances_{split}2017.json")
        (root / "annotations" / f"captions_{split}2017.json").write_text('{"images": [], "annotations": []}')
    assert {name: len(split) for name, split in load_boxes(root).splits.items()} == {"train": 12, "val": 4}


def test_what_tools_leave_out_of_coco_files_or_put_in(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 3, "val": 2})
    before = load_boxes_whole(root)

    def change(content: dict[str, Any]) -> None:
        first, second, third, *_ = content["annotations"]
        x, y, w, h = second["bbox"]
        first |= {"segmentation": [[]], "area": None}
        second |= {"segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h], [x, y, x + 1, y]], "area": 4.5}
        del second["bbox"], third["bbox"]  # both have shapes
        for entry in content["images"]:
            entry["width"] = None

    edit(root, change)
    path = root / "train.json"
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    after = load_boxes_whole(root)
    same(before, after)
    shapes = [shape for own in after.splits["train"].objects for shape in own.shapes]
    assert shapes[0] is None
    assert len(shapes[1]) == 1
    assert "less than three corners" in " ".join(after.remarks)
    again = load_boxes_whole(save_boxes(after, tmp_path / "b", "coco"))
    for ours, theirs in zip(after.splits["train"].objects, again.splits["train"].objects, strict=True):
        own = np.isfinite(ours.areas)
        np.testing.assert_array_equal(ours.areas[own], theirs.areas[own])


def test_paths_of_windows(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 2, "val": 2})
    (root / "train" / "deep").mkdir()
    (root / "train" / "000.png").rename(root / "train" / "deep" / "000.png")
    edit(root, lambda content: content["images"][0].update(file_name="deep\\000.png"))
    assert len(load_boxes_whole(root).splits["train"]) == 2


def test_other_text_files_beside_yolo_labels(tmp_path: Path) -> None:
    for k, rows in enumerate(scenes(tmp_path)):
        (tmp_path / f"p{k}.txt").write_text("\ufeff" + yolo_lines(rows), encoding="utf-8")
    (tmp_path / "classes.txt").write_text("\ufeff" + "\n".join(CLASSES), encoding="utf-8")
    (tmp_path / "README.txt").write_text("Pictures of shapes.\n")
    (tmp_path / "train.txt").write_text("p0.png\np1.png\n")
    holds(tmp_path, "YOLO", {"all": 3})
    (tmp_path / "classes.txt").unlink()
    assert "Nothing names the classes" in " ".join(load_boxes_whole(tmp_path).remarks)


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("../train/images", "../valid/images"),  # Roboflow
        ("/content/Shapes-1/train/images", "/content/Shapes-1/valid/images"),
        (["train/images"], ["valid/images"]),
        ("train.txt", "val.txt"),
    ],
)
def test_paths_in_data_yaml(tmp_path: Path, train: Any, val: Any) -> None:
    for split, count in (("train", 3), ("valid", 2)):
        labels = tmp_path / split / "labels"
        labels.mkdir(parents=True)
        for k, rows in enumerate(scenes(tmp_path / split / "images", count)):
            (labels / f"p{k}.txt").write_text(yolo_lines(rows))
        listed = "".join(f"/elsewhere/{split}/images/p{k}.png\n" for k in range(count))
        (tmp_path / f"{split.removesuffix('id')}.txt").write_text(listed)
    said = {"train": train, "val": val, "test": "../test/images", "names": list(CLASSES)}
    (tmp_path / "shapes.yaml").write_text(yaml.safe_dump(said))
    holds(tmp_path, "YOLO", {"train": 3, "val": 2})
    assert "'../test/images'" in " ".join(load_boxes_whole(tmp_path).remarks)


def test_voc_lists_and_names_of_pictures(tmp_path: Path) -> None:
    root = voc_folder(tmp_path)
    lists = root / "ImageSets" / "Main"
    (lists / "train.txt").rename(lists / "trainval.txt")
    (lists / "val.txt").rename(lists / "test.txt")
    first, second, *_ = sorted((root / "JPEGImages").iterdir())
    with Image.open(second) as picture:
        picture.save(second.with_suffix(".bmp"))
    second.unlink()
    first.rename(first.with_suffix(".PNG"))
    assert {name: len(split) for name, split in load_boxes_whole(root).splits.items()} == {"train": 12, "test": 4}
    path = root / "Annotations" / f"{first.stem}.xml"
    path.write_text(path.read_text().replace("xmin", "left"))
    assert "has no xmin" in " ".join(load_boxes_whole(root).remarks)


def test_a_json_file_of_another_kind_is_no_annotation(tmp_path: Path) -> None:
    scenes(tmp_path / "images")
    for text in ("[]", "{}", "no json", '{"categories": [], "info": {}}'):
        (tmp_path / "notes.json").write_text(text)
        with pytest.raises(InputError, match="holds no pictures with boxes"):
            load_boxes(tmp_path)


def test_boxes_that_cannot_be_are_mended_and_counted(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a")

    def change(content: dict[str, Any]) -> None:
        image = content["images"][0]["id"]
        for k, box in enumerate([[-5, 10, 30, 20], [10, 10, 0, 5], [float("nan"), 1, 2, 3], [200, 10, 20, 20]]):
            entry = {"id": 900 + k, "image_id": image, "category_id": 1, "bbox": box, "area": 1, "iscrowd": 0}
            content["annotations"].append(entry)
        content["annotations"].append({**content["annotations"][-4], "id": 990, "category_id": 77})
        content["annotations"].append({**content["annotations"][-5], "id": 991, "image_id": 4711})

    before = load_boxes_whole(root)
    edit(root, change)
    after = load_boxes_whole(root)
    assert len(after.splits["train"].objects[0]) == len(before.splits["train"].objects[0]) + 1
    assert after.splits["train"].objects[0].boxes[-1].tolist() == [0, 10, 25, 30]
    text = " ".join(after.remarks)
    for words in ("unknown category", "not listed", "NaN", "without area", "outside of the picture", "cut to it"):
        assert words in text
    assert all(remark.startswith("1 object ") for remark in after.remarks)


def test_pictures_that_cannot_be_used_are_left_out_and_said(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a")
    (root / "train" / "001.png").write_bytes(b"no picture")
    (root / "train" / "002.png").unlink()
    edit(root, lambda content: content["annotations"][0].update(segmentation={"size": [96, 128], "counts": "99"}))
    with pytest.raises(InputError, match=r"3 of 16 labeled files .*--allow-bad"):
        load_boxes(root)
    found = load_boxes(root, allow_bad=True)
    assert len(found.splits["train"]) == 9
    assert "Left out 3 pictures" in found.remarks[0]
    assert len(found.left_out) == 3


def voc_folder(root: Path) -> Path:
    return save_boxes(load_boxes_whole(coco_folder(root / "coco")), root / "voc", "voc")


def test_narrow_boxes_names_with_spaces_and_sizes_survive_voc(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 3, "val": 2})
    (root / "train" / "000.png").rename(root / "train" / "my photo 000.png")

    def change(content: dict[str, Any]) -> None:
        content["images"][0]["file_name"] = "my photo 000.png"
        content["annotations"][0] |= {"bbox": [4, 10, 1, 20], "segmentation": []}

    edit(root, change)
    before = load_boxes_whole(root)
    same(before, load_boxes_whole(save_boxes(before, tmp_path / "voc", "voc")))
    edit(root, lambda content: content["categories"][0].update(name="a\x01b"))
    edit(root, lambda content: content["categories"][0].update(name="a\x01b"), "val")
    with pytest.raises(InputError, match="cannot hold the class name"):
        save_boxes(load_boxes_whole(root), tmp_path / "voc2", "voc")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["run lengths", "polygons"])
def test_objects_drawn_on_the_raw_pixels_are_turned_with_their_picture(
    tmp_path: Path, orientation: int, form: str
) -> None:
    upright, rows = scene(5)
    back = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: a.swapaxes(0, 1)[::-1],
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1], 8: lambda a: a.swapaxes(0, 1)[:, ::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "train").mkdir()
    Image.fromarray(np.ascontiguousarray(back(upright))).save(tmp_path / "train" / "a.png", exif=exif)
    annotations = []
    raw = (0, 0)
    for k, row in enumerate(rows):
        mask = np.zeros(upright.shape[:2], bool)
        x0, y0, x1, y1 = row["box"]
        mask[y0:y1, x0:x1] = True
        drawn: np.ndarray = (
            back(mask) if orientation >= 5 else mask
        )  # only sides that have changed places are told apart
        raw = (drawn.shape[0], drawn.shape[1])
        ys, xs = np.nonzero(drawn)
        left, top, right, bottom = (int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
        polygon = [left, top, right, top, right, bottom, left, bottom]
        shape = encode(drawn) if form == "run lengths" else [polygon]
        annotations.append({
            "id": k + 1, "image_id": 1, "category_id": 1, "bbox": [left, top, right - left, bottom - top],
            "area": int(mask.sum()), "iscrowd": 0, "segmentation": shape,
        })  # fmt: skip
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": raw[0], "width": raw[1]}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "thing"}],
    }
    (tmp_path / "train.json").write_text(json.dumps(content))
    found = load_boxes_whole(tmp_path)
    picture, own = found.splits["train"].read(0)
    np.testing.assert_array_equal(picture, upright)
    np.testing.assert_array_equal(own.boxes, np.array([row["box"] for row in rows], np.float32))
    for mask, (x0, y0, x1, y1) in zip(own.masks((96, 128)), own.boxes.astype(int).tolist(), strict=True):
        assert mask[y0:y1, x0:x1].all()
        assert mask.sum() == (y1 - y0) * (x1 - x0)
    assert any("lies on its side" in remark for remark in found.remarks) == (orientation >= 5)


@pytest.mark.parametrize("shape", [[[5, 5, 25, 5, 25, 25, 5]], [5, 5, 25, 5, 25, 25, 5], [None], "abc", 5])
def test_a_damaged_shape_on_a_picture_that_is_turned_is_one_sentence(tmp_path: Path, shape: Any) -> None:
    root = coco_folder(tmp_path / "a")
    with Image.open(root / "train" / "000.png") as picture:
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(root / "train" / "000.png", exif=exif)
    edit(
        root, lambda content: [row.update(segmentation=shape) for row in content["annotations"] if row["image_id"] == 0]
    )
    found = load_boxes(root)
    assert len(found.splits["train"]) == 11
    assert "cannot be read" in " ".join(found.remarks)


def test_the_annotation_of_another_picture_is_not_laid_on_one(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a")
    with Image.open(root / "train" / "000.png") as picture:
        picture.transpose(Image.Transpose.ROTATE_90).save(root / "train" / "000.png")
    found = load_boxes(root)
    assert len(found.splits["train"]) == 11
    assert "is for 128x96 pixels, and the upright picture has 96x128" in found.remarks[0]


def test_hostile_lists_of_names(tmp_path: Path) -> None:
    root = tmp_path / "y"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    Image.fromarray(scene(0)[0]).save(root / "images" / "a.png")
    (root / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nnames: [*c]\n"
    for text in ("names: {0: a, b: c}", "names: !!timestamp x", "names: [!!int '']", "names: [!!bool foo]", bomb):
        (root / "data.yaml").write_text(text)
        with pytest.raises(FormatError, match=r"name all|is damaged"):
            load_boxes_whole(root)
    (root / "data.yaml").unlink()
    (root / "classes.txt").write_bytes("Vögel\n".encode("latin-1"))
    with pytest.raises(FormatError, match="save it in UTF-8"):
        load_boxes_whole(root)


def test_a_yolo_folder_within_one_called_images(tmp_path: Path) -> None:
    root = save_boxes(load_boxes_whole(coco_folder(tmp_path / "a")), tmp_path / "images" / "set", "yolo")
    assert load_boxes(root).counts("train").sum() > 10


def test_splits_without_which_nothing_can_be_learned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures in the split train"):
        load_boxes(coco_folder(tmp_path / "a", {"test": 4}))
    root = coco_folder(tmp_path / "b")
    for path in (root / "val").iterdir():
        path.write_bytes(b"torn")
    with pytest.raises(InputError, match="No picture of the split val"):
        load_boxes(root, allow_bad=True)


def test_other_shapes_are_another_set_and_other_boxes_are_the_same_pictures(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a")
    before = load_boxes(root)
    edit(root, lambda content: content["annotations"][0].update(segmentation=[[1, 1, 9, 1, 9, 9]]))
    after = load_boxes(root)
    assert before.fingerprint() != after.fingerprint()
    assert before.digests == after.digests


def test_an_xml_bomb_is_not_read(tmp_path: Path) -> None:
    root = voc_folder(tmp_path)
    path = next((root / "Annotations").glob("*.xml"))
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "boom"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
    )
    for text, words in (
        (path.read_text(), "declares entities"),
        ("<annotation><object><name>a</name></object></annotation>", "no bndbox"),
        ("<annotation>", "is no annotation of VOC's form"),
    ):
        path.write_text(text)
        found = load_boxes(root)
        assert words in " ".join(found.remarks)
        assert len(found.left_out) == 1


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    root = voc_folder(tmp_path)
    picture = next((root / "JPEGImages").iterdir())
    picture.unlink()
    (reason,) = (own.reason for own in load_boxes(root).left_out)
    assert re.search(rf"has no picture .*{picture.name[:3]}", reason)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures with boxes"):
        load_boxes(tmp_path / "empty")
    with pytest.raises(InputError, match="is no folder"):
        load_boxes(tmp_path / "nowhere")
    bare = coco_folder(tmp_path / "bare")
    edit(bare, lambda content: content.update(annotations=[]))
    edit(bare, lambda content: content.update(annotations=[]), "val")
    with pytest.raises(InputError, match="have no objects"):
        load_boxes(bare)
    edit(bare, lambda content: content.pop("images"))
    with pytest.raises(FormatError, match="no annotations of COCO's form"):
        load_boxes(bare)
    outside = coco_folder(tmp_path / "outside")
    edit(outside, lambda content: content["images"][0].update(file_name="../../secret.png"))
    with pytest.raises(InputError, match="lies outside"):
        load_boxes(outside)


def test_splits_are_cut_where_there_are_none(tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "a", {"train": 16})
    found = load_boxes(root, val=0.25)
    assert {name: len(split) for name, split in found.splits.items()} == {"train": 12, "val": 4}
    again = load_boxes(root, val=0.25)
    assert again.fingerprint() == found.fingerprint() != load_boxes(root, val=0.25, seed=1).fingerprint()
    assert not set(found.splits["train"].files) & set(found.splits["val"].files)
    with pytest.raises(InputError, match="shares"):
        load_boxes(root, val=1.5)
