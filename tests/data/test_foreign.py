"""Sets of tools whose files are not read: named in one sentence, by every task."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import tools
from visus import InputError
from visus.data import load, load_boxes, load_masks


def put(name: str, content: object) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    return write


LABELBOX = json.dumps({"data_row": {"id": "a"}, "media_attributes": {}, "projects": {}})
LABELME_ONLINE = (
    "<annotation><filename>000.png</filename><object><name>car</name><polygon>"
    + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 1), (9, 1), (9, 9)))
    + "</polygon></object></annotation>"
)

SETS: dict[str, Callable[[Path], None]] = {
    "VoTT": put("set.vott", "{}"),
    "VoTT ": put("ab-asset.json", {"asset": {"name": "000.png"}, "regions": []}),
    "Labelbox": put("export.ndjson", f"{LABELBOX}\n{LABELBOX}\n"),
    "Labelbox ": put("export.json", [{"DataRow ID": "a", "Labeled Data": "http://host/1.jpg", "Label": {}}]),
    "SageMaker": put("output.manifest", json.dumps({"source-ref": "s3://set/000.png", "boxes": {}}) + "\n"),
    "Supervisely with videos": put("ds/ann/000.mp4.json", {"framesCount": 3, "objects": [], "size": {}}),
    "RectLabel": put("annotations.json", [{"filename": "000.png", "image_w_h": [120, 90], "objects": []}]),
    "Scale": put("tasks.json", [{"task_id": "1", "response": {"annotations": []}}]),
    "V7 Darwin": put("000.json", {"version": "2.0", "schema_ref": "", "item": {}, "annotations": []}),
    "LabelMe online": put("000.xml", LABELME_ONLINE),
    "DOTA": put("labelTxt/000.txt", "imagesource:GoogleEarth\ngsd:0.1\n1 1 9 1 9 9 1 9 plane 0\n"),
    "DOTA ": put("labels/000.txt", "1 1 9 1 9 9 1 9 plane 0\n"),
    "MOTChallenge": put("gt/gt.txt", "1,1,10,10,20,20,1,1,1\n2,1,11,10,20,20,1,1,1\n"),
    "TensorFlow records": put("train.tfrecord-00001-of-00002.record", "1"),
    "Kaggle's EncodedPixels": put("train.csv", "ImageId,EncodedPixels\n000.png,1 3 10 5\n"),
    "COCO's results": put("r.json", [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]),
    "a packed archive": put("set.tar.gz", "1"),
}


@pytest.mark.parametrize("name", list(SETS))
def test_the_tool_is_named(tmp_path: Path, name: str) -> None:
    tools.pictures(tmp_path / "images", range(3))
    SETS[name](tmp_path)
    for reading in (load, load_boxes, load_masks):
        with pytest.raises(InputError, match=r"which is not read; (export it as COCO|unpack it)") as told:
            reading(tmp_path)
        assert name.strip() in str(told.value)


def test_a_file_that_is_named_alone(tmp_path: Path) -> None:
    put("export.ndjson", f"{LABELBOX}\n")(tmp_path)
    with pytest.raises(InputError, match="an export of Labelbox, which is not read"):
        load(tmp_path / "export.ndjson")


def test_pictures_alone_are_of_no_tool(tmp_path: Path) -> None:
    tools.pictures(tmp_path, range(3))
    (tmp_path / "README.txt").write_text("A set.\n")
    with pytest.raises(InputError, match="holds no labeled pictures"):
        load(tmp_path)
