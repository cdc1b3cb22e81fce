"""Exports as tools really write them, in every spelling: read right, said, or refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.data.test_kinds import said, sizes, true_boxes
from tests.support import tools
from visus import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_whole
from visus.data.overview import overview


def lines(number: int, *, seg: bool = False) -> str:
    return "\n".join(tools.yolo_line(k, tools.boxes(number)[name], seg=seg) for k, name in enumerate(tools.CLASSES))


def put(path: Path, content: Any, coding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)).encode(coding))


SPLITS = (("train", range(6)), ("val", range(6, 9)))


def yolo(root: Path, pictures: str, labels: str, *, ending: str = ".txt", behind: str = "") -> None:
    for split, numbers in SPLITS:
        tools.pictures(root / pictures.format(split), numbers)
        for n in numbers:
            text = "\n".join(line + behind for line in lines(n).splitlines())
            put(root / labels.format(split) / f"{n:03}{ending}", text)
    put(root / "classes.txt", "square\ndisc\n")


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [
        ("Images/{}", "Labels/{}"),
        ("images/{}", "annotations/{}"),
        ("image/{}", "label/{}"),
        ("{}", "labels/{}"),
        ("{}_images", "{}_labels"),
        ("{}/images/deep", "{}/labels/deep"),
    ],
)
def test_folders_of_yolo(tmp_path: Path, pictures: str, labels: str) -> None:
    yolo(tmp_path, pictures, labels)
    found = load_boxes(tmp_path)
    assert (found.form, found.classes, sizes(found)) == ("YOLO", ("square", "disc"), {"train": 6, "val": 3})
    assert true_boxes(found)


@pytest.mark.parametrize(
    ("ending", "behind", "words"),
    [
        (".TXT", "", ""),
        (".txt", " 0.93", "18 objects have a score behind the box, which is not read"),
        (".txt", " 0.1 0.1 2 0.9 0.9 1", "18 objects have key points"),
        (".txt", " 0.1 0.1 2" * 17, "18 objects have key points"),
    ],
)
def test_lines_of_yolo(tmp_path: Path, ending: str, behind: str, words: str) -> None:
    yolo(tmp_path, "images/{}", "labels/{}", ending=ending, behind=behind)
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert words in said(found)


def test_lines_of_other_lengths_are_left_out_with_their_file(tmp_path: Path) -> None:
    root = tools.yolo(tmp_path, range(20), extra="train: images\n")
    put(root / "labels" / "003.txt", "0 0.1 0.1 0.2 0.1 0.2 0.2 0.3")
    put(root / "labels" / "gone.txt", lines(0))
    found = load_boxes(root, allow_bad=True)
    reasons = " ".join(own.reason for own in found.left_out)
    assert "003.png has a line of 8 numbers" in reasons
    assert "gone.txt has no picture beside it" in reasons


@pytest.mark.parametrize(("name", "coding"), [("classes.txt", "gbk"), ("classes.txt", "utf-16"), ("data.yaml", "gbk")])
def test_names_of_yolo_in_other_codings(tmp_path: Path, name: str, coding: str) -> None:
    yolo(tmp_path, "images/{}", "labels/{}")
    text = (
        "方块\r\n圆盘\r\n" if name == "classes.txt" else "train: images/train\nval: images/val\nnames: [方块, 圆盘]\n"
    )
    put(tmp_path / name, text, coding)
    found = load_boxes(tmp_path)
    assert found.classes == ("方块", "圆盘")
    assert ("was read as GB 18030" in said(found)) == (coding == "gbk")


@pytest.mark.parametrize("form", ["images/{:03}.png", "{:03}", "C:\\set\\images\\{:03}.png", "./images/{:03}.png"])
@pytest.mark.parametrize("folder", ["", "ImageSets"])
def test_lists_of_yolo_are_the_splits(tmp_path: Path, form: str, folder: str) -> None:
    tools.yolo(tmp_path, range(8))
    (tmp_path / "data.yaml").unlink()
    put(tmp_path / "classes.txt", "square\ndisc")
    for split, numbers in (("train", range(6)), ("val", (6, 7))):
        put(tmp_path / folder / f"{split}.txt", "\n".join(form.format(n) for n in numbers))
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 6, "val": 2}
    assert not found.left_out


def test_what_a_list_of_yolo_names_and_is_not_there_is_left_out(tmp_path: Path) -> None:
    tools.yolo(tmp_path, range(20), extra="train: train.txt\nval: val.txt\n")
    put(tmp_path / "train.txt", "\n".join(f"images/{n:03}.png" for n in (*range(16), 99)))
    put(tmp_path / "val.txt", "\n".join(f"images/{n:03}.png" for n in range(16, 20)))
    (left_out,) = load_boxes(tmp_path).left_out
    assert "names images/099.png, which is not there" in left_out.reason


def test_lists_of_folds_are_asked_for(tmp_path: Path) -> None:
    tools.yolo(tmp_path, range(8))
    (tmp_path / "data.yaml").unlink()
    for k in range(2):
        put(tmp_path / f"fold_{k}_train.txt", "images/000.png")
    assert "Lists that are not used" in said(load_boxes(tmp_path))
    for k in range(2):
        put(tmp_path / f"fold_{k}.yaml", f"train: fold_{k}_train.txt\nnames: [square, disc]\n")
    with pytest.raises(InputError, match="several lists of splits"):
        load_boxes(tmp_path)
    for k in range(2):
        tools.coco(tmp_path / "coco", range(4), name=f"train_fold{k}.json")
    with pytest.raises(InputError, match="several annotation files for train"):
        load_boxes(tmp_path / "coco")


# Pascal VOC


@pytest.mark.parametrize(
    ("pictures", "annotations"),
    [
        ("JPEGImages/a", "Annotations/a"),
        ("images/{}", "annotations/{}"),
        ("{}/images", "{}/xmls"),
        ("data", "labels"),
        ("images", "annotations/xmls"),
    ],
)
@pytest.mark.parametrize("ending", [".xml", ".XML"])
def test_folders_of_voc(tmp_path: Path, pictures: str, annotations: str, ending: str) -> None:
    for split, numbers in SPLITS:
        tools.pictures(tmp_path / pictures.format(split), numbers)
        for n in numbers:
            put(tmp_path / annotations.format(split) / f"{n:03}{ending}", tools.voc_xml(n))
    found = load_boxes(tmp_path)
    assert sum(sizes(found).values()) == 9
    assert (sizes(found) == {"train": 6, "val": 3}) == ("{}" in pictures)
    assert true_boxes(found)


def test_lists_of_voc_with_folders_and_endings(tmp_path: Path) -> None:
    for split, numbers in SPLITS:
        tools.voc(tmp_path, range(9))
        form = "JPEGImages/{0:03}.png Annotations/{0:03}.xml"
        put(tmp_path / f"{split}_list.txt", "\n".join(form.format(n) for n in numbers))
    assert sizes(load_boxes(tmp_path)) == {"train": 6, "val": 3}


@pytest.mark.parametrize("head", ['<?xml version="1.0" encoding="gbk"?>', '<?xml version="1.0" encoding="utf-8"?>', ""])
def test_voc_in_gbk(tmp_path: Path, head: str) -> None:
    tools.voc(tmp_path, range(4))
    for n in range(4):
        put(tmp_path / f"{n:03}.xml", head + tools.voc_xml(n).replace("square", "方块"), "gbk")
    assert load_boxes(tmp_path).classes == ("disc", "方块")


def test_roboflow_adds_one_to_all_edges(tmp_path: Path) -> None:
    source = "<source><database>roboflow.com</database></source>"
    for n in range(4):
        tools.pictures(tmp_path, [n])
        moved = {name: [value + 1 for value in box] for name, box in tools.boxes(n).items()}
        rows = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><xmax>{c}</xmax><ymin>{b}</ymin><ymax>{d}</ymax></bndbox>"
            "</object>"
            for name, (a, b, c, d) in moved.items()
        )
        put(tmp_path / f"{n:03}.xml", f"<annotation><filename>{n:03}.png</filename>{source}{rows}</annotation>")
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert "written by Roboflow" in said(found)


def test_what_files_of_voc_count_from_can_be_said(tmp_path: Path) -> None:
    for first in (0, 1):
        tools.voc(tmp_path / str(first), range(4), offset=first)
        assert true_boxes(load_boxes(tmp_path / str(first), first_pixel=first))
    with pytest.raises(InputError, match="0 or 1, not 2"):
        load_boxes_whole(tmp_path / "0", first_pixel=2)
    tools.coco(tmp_path / "coco", range(4))
    with pytest.raises(InputError, match="--first-pixel is for Pascal VOC"):
        load_boxes(tmp_path / "coco", first_pixel=0)


def test_sets_within_a_folder_are_named(tmp_path: Path) -> None:
    for year in ("VOC2007", "VOC2012"):
        tools.voc(tmp_path / year, range(4))
    with pytest.raises(InputError, match=r"2 lie in it \(VOC2007, VOC2012\); say visus train detect .*VOC2007"):
        load_boxes(tmp_path)


# COCO


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("{}_annotations.json", "{}"),
        ("annotations/{}_coco.json", "images"),
        ("{}/annotations/instances.json", "images"),
        ("Annotations/instances_{}.JSON", "{}"),
    ],
)
def test_names_of_coco(tmp_path: Path, name: str, folder: str) -> None:
    for split, numbers in SPLITS:
        root = tmp_path / split if name.startswith("{}/") else tmp_path
        own = name.removeprefix("{}/") if name.startswith("{}/") else name
        tools.coco(root, numbers, name=own.format(split), folder=folder.format(split))
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 6, "val": 3}
    assert true_boxes(found)


def test_one_list_of_coco_and_folders_of_splits(tmp_path: Path) -> None:
    content = tools.coco(tmp_path, range(9))
    for split, numbers in SPLITS:
        (tmp_path / split).mkdir()
        for n in numbers:
            (tmp_path / "images" / f"{n:03}.png").rename(tmp_path / split / f"{n:03}.png")
    put(tmp_path / "annotations.json", content)
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 6, "val": 3}
    assert sizes(load_masks(tmp_path)) == {"train": 6, "val": 3}


def test_coco_with_words_for_numbers_and_flat_polygons(tmp_path: Path) -> None:
    content = tools.coco(tmp_path, range(6))
    for entry in content["images"]:
        entry["id"] = str(entry["id"])
    for entry in content["annotations"]:
        entry |= {name: str(entry[name]) for name in ("image_id", "category_id")}
        entry |= {"bbox": [str(value) for value in entry["bbox"]], "segmentation": entry["segmentation"][0]}
    put(tmp_path / "annotations.json", content)
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert found.has_shapes


# Label Studio, VIA, labelme, FiftyOne, tables


def region(name: str, box: list[int]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    value = {"x": x0 / 1.2, "y": y0 / 0.9, "width": (x1 - x0) / 1.2, "height": (y1 - y0) / 0.9, "rotation": 0}
    return {"id": name, "type": "rectangle", "original_width": 120, "original_height": 90, "value": value}


def test_label_studios_labels_that_stand_alone_and_uploaded_names(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "images", range(6))
    tasks = []
    for n in range(6):
        bare = [region(name, box) for name, box in tools.boxes(n).items()]
        named = [{**own, "type": "labels", "value": {**own["value"], "labels": [own["id"]]}} for own in bare]
        point = {"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["eye"]}}
        data = {"image": f"/data/upload/1/9a0b1c2d-{n:03}.png"}
        tasks.append({"data": data, "annotations": [{"result": [*bare, *named, point]}]})
    put(tmp_path / "export.json", tasks)
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert "6 objects are each a point or a line" in said(found)
    for task in tasks:
        task["predictions"] = task.pop("annotations")
        task["annotations"] = []
    put(tmp_path / "export.json", tasks)
    with pytest.raises(InputError, match="6 tasks have predictions of a network"):
        load_boxes(tmp_path)


def via(root: Path, attributes: Callable[[str], dict[str, Any]]) -> None:
    tools.pictures(root, range(6))
    entries = {}
    for n in range(6):
        regions = [
            {"shape_attributes": {"name": "rect", "x": a, "y": b, "width": c - a, "height": d - b},
             "region_attributes": attributes(name)}
            for name, (a, b, c, d) in tools.boxes(n).items()
        ]  # fmt: skip
        entries[f"{n:03}.png1"] = {"filename": f"{n:03}.png", "size": 1, "regions": regions}
    put(root / "via.json", entries)


def test_attributes_of_via(tmp_path: Path) -> None:
    via(tmp_path / "a", lambda name: {"quality": {"good": True}, "seen": "yes", "shape": name})
    found = load_boxes(tmp_path / "a")
    assert true_boxes(found)
    assert "The attribute shape is taken as the class; not used: quality, seen." in said(found)
    via(tmp_path / "b", lambda _: {})
    found = load_boxes(tmp_path / "b")
    assert found.classes == ("object",)
    assert "all are called object" in said(found)


def test_via_3_and_its_first_tables(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "a", range(6))
    files = {str(n): {"fid": str(n), "fname": f"{n:03}.png", "type": 2} for n in range(6)}
    regions = {
        f"{n}_{k}": {"vid": str(n), "z": [], "xy": [2, a, b, c - a, d - b], "av": {"1": str(k)}}
        for n in range(6)
        for k, (a, b, c, d) in enumerate(tools.boxes(n).values())
    }
    attribute = {"1": {"aname": "shape", "options": {"0": "square", "1": "disc"}}}
    views = {str(n): {"fid_list": [str(n)]} for n in range(6)}
    put(tmp_path / "a" / "p.json", {"file": files, "metadata": regions, "attribute": attribute, "view": views})
    assert true_boxes(load_boxes(tmp_path / "a"))
    tools.pictures(tmp_path / "b", range(6))
    rows = ["#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"]
    for n in range(6):
        for k, (name, (a, b, c, d)) in enumerate(tools.boxes(n).items()):
            shape = f'{{""name"":""rect"",""x"":{a},""y"":{b},""width"":{c - a},""height"":{d - b}}}'
            rows.append(f'{n:03}.png,1,"{{}}",2,{k},"{shape}","{{""name"":""{name}""}}"')
    put(tmp_path / "b" / "via_region_data.csv", "\n".join(rows))
    assert true_boxes(load_boxes(tmp_path / "b"))


def test_annotations_of_labelme_in_another_folder(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "images", range(6))
    for n in range(6):
        shapes = [
            {"label": name, "points": [[c, d], [a, b]], "shape_type": "rectangle"}
            for name, (a, b, c, d) in tools.boxes(n).items()
        ]
        size = {"imageHeight": 90, "imageWidth": 120}
        put(tmp_path / "labels" / f"{n:03}.json", {"shapes": shapes, "imagePath": f"..\\images\\{n:03}.png", **size})
    found = load_boxes(tmp_path)
    assert true_boxes(found)
    assert not found.remarks


def test_boxes_of_fiftyone(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "data", range(6))
    labels = {
        f"{n:03}": [
            {"label": k, "bounding_box": [a / 120, b / 90, (c - a) / 120, (d - b) / 90]}
            for k, (a, b, c, d) in enumerate(tools.boxes(n).values())
        ]
        for n in range(6)
    }
    put(tmp_path / "labels.json", {"classes": ["square", "disc"], "labels": labels})
    found = load_boxes(tmp_path)
    assert (found.form.split(",")[0], found.classes) == ("FiftyOne", ("square", "disc"))
    assert true_boxes(found)


TABLES_OF_BOXES = {
    "retinanet": ("", "{n:03}.png,{a},{b},{c},{d},{name}"),
    "x1": ("image,x1,y1,x2,y2,label", "{n:03}.png,{a},{b},{c},{d},{name}"),
    "bbox": ("image_id;class;bbox", "{n:03};{name};[{a}, {b}, {w}, {h}]"),
    "capitals": ("Filename,XMin,YMin,XMax,YMax,Class", "images\\{n:03}.png,{a},{b},{c},{d},{name}"),
}


@pytest.mark.parametrize("kind", list(TABLES_OF_BOXES))
@pytest.mark.parametrize("folder", ["{}", "{}/labels", "annotations"])
def test_tables_of_boxes(tmp_path: Path, kind: str, folder: str) -> None:
    head, line = TABLES_OF_BOXES[kind]
    for split, numbers in SPLITS:
        tools.pictures(tmp_path / split, numbers)
        rows = [
            line.format(n=n, a=a, b=b, c=c, d=d, w=c - a, h=d - b, name=name)
            for n in numbers
            for name, (a, b, c, d) in tools.boxes(n).items()
        ]
        put(tmp_path / folder.format(split) / f"{split}_labels.csv", "\n".join([*([head] if head else []), *rows]))
    found = load_boxes(tmp_path)
    assert sizes(found) == {"train": 6, "val": 3}
    assert true_boxes(found)
    with pytest.raises(InputError, match="say visus train detect"):
        load(tmp_path)


def test_a_table_of_boxes_without_classes(tmp_path: Path) -> None:
    tools.pictures(tmp_path, range(6))
    rows = [f"{n:03}.png,{','.join(map(str, tools.boxes(n)['disc']))}" for n in range(5)]
    put(tmp_path / "train.csv", "\n".join(["image,xmin,ymin,xmax,ymax", *rows, "005.png,,,,"]))
    found = load_boxes_whole(tmp_path)
    assert found.classes == ("object",)
    assert "No column of train.csv names a class" in said(found)
    assert sum(sizes(found).values()) == 6


# Classes of whole pictures


def choices(n: int) -> dict[str, Any]:
    chosen = {"type": "choices", "value": {"choices": ["ab"[n % 2]]}}
    return {"data": {"image": f"s3://set/{n:03}.png"}, "annotations": [{"result": [chosen]}]}


CVAT = "".join(
    f'<image name="{n:03}.png" width="120" height="90"><tag label="{"ab"[n % 2]}"/></image>' for n in range(12)
)
ITEMS = [
    {"id": f"{n:03}", "annotations": [{"type": "label", "label_id": n % 2}], "image": {"path": f"{n:03}.png"}}
    for n in range(12)
]
OF_PICTURES: dict[str, dict[str, Any]] = {
    "Label Studio's choices": {"p.json": [choices(n) for n in range(12)]},
    "CVAT's tags": {"annotations.xml": f"<annotations>{CVAT}</annotations>"},
    "Datumaro's labels": {
        "annotations/default.json": {
            "categories": {"label": {"labels": [{"name": "a"}, {"name": "b"}]}}, "items": ITEMS,
        }
    },
    "FiftyOne's classes": {"labels.json": {"classes": ["a", "b"], "labels": {f"{n:03}": n % 2 for n in range(12)}}},
    "VIA's attributes of files": {
        "via.json": {
            f"{n}": {"filename": f"{n:03}.png", "regions": [], "file_attributes": {"caption": "", "class": "ab"[n % 2]}}
            for n in range(12)
        }
    },
    "Supervisely's tags": {
        f"ann/{n:03}.png.json": {"tags": [{"name": "ab"[n % 2], "value": None}], "objects": [], "size": {}}
        for n in range(12)
    },
    "labelme's flags": {
        f"{n:03}.json": {"shapes": [], "imagePath": f"{n:03}.png", "flags": {"a": n % 2 == 0, "b": n % 2 == 1}}
        for n in range(12)
    },
}  # fmt: skip


@pytest.mark.parametrize("tool", list(OF_PICTURES))
def test_classes_of_whole_pictures(tmp_path: Path, tool: str) -> None:
    tools.pictures(tmp_path / "img", range(12))
    for name, content in OF_PICTURES[tool].items():
        put(tmp_path / name, content)
    found = load_whole(tmp_path)
    assert (found.form, found.classes) == (tool, ("a", "b"))
    for file, label in zip(found.splits["all"].files, found.splits["all"].labels.tolist(), strict=True):
        assert int(Path(file).stem) % 2 == label
    assert overview(tmp_path).task == "classify"


def test_formats_that_are_named(tmp_path: Path) -> None:
    names = {
        "YOLO in Keras": ("_annotations.txt", "000.png 1,2,30,40,0 5,6,7,8,1\n"),
        "WIDER FACE": ("wider_face_split/wider_face_train_bbx_gt.txt", "0--a/000.png\n1\n1 2 3 4\n"),
        "OIDv4": ("Cat/Label/000.txt", "Cat 1.0 2.0 30.5 40.5\n"),
        "brushes": ("task-1-annotation-1-by-1-tag-cat-0.png", ""),
        "FiftyOne's own form": ("fiftyone.yml", ""),
        "an Excel file": ("labels.xlsx", ""),
        "pictures and language": ("_annotations.train.jsonl", '{"image": "000.png", "prefix": "", "suffix": ""}\n' * 2),
    }
    for k, (words, (name, text)) in enumerate(names.items()):
        root = tmp_path / str(k)
        Image.fromarray(tools.picture(0)).save(tools.pictures(root / "x", [0])[0].parent / "000.png")
        put(root / name, text)
        for reading in (load_boxes, load_masks):
            with pytest.raises(InputError, match=words):
                reading(root)
