# pyright: reportMissingImports=false
"""What the real packages read of a folder, and what they write: run in an environment of their own, without visus.

    python peers.py read FORM FOLDER      prints for each picture [class, area] or [class, x0, y0, x1, y1] of each
    python peers.py suggested FORM FOLDER prints for each picture [class], or [kind, class], that visus suggests
    python peers.py proposed FORM FOLDER  prints for each picture [class, area] of each object that visus proposes
    python peers.py write IN OUT          datumaro's exports of IN, which is in COCO's form

The packages are those of :data:`PACKAGES`.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

PACKAGES = ("datumaro==1.10.0", "supervision==0.26.1", "label-studio-sdk==1.0.20", "labelme==5.5.0")
EXPORTS = ("coco_instances", "datumaro", "voc_detection", "yolo", "cvat", "kitti_detection", "open_images")

Found = dict[str, list[list[Any]]]


def yolo_seg(root: Path) -> Found:
    import supervision

    parts = (root / "images" / "train", root / "labels" / "train", root / "data.yaml")
    found = supervision.DetectionDataset.from_yolo(*map(str, parts), force_masks=True)
    return {
        Path(path).name: [[found.classes[k], *box] for k, box in zip(own.class_id, own.xyxy.tolist(), strict=True)]
        for path, _, own in found
    }


def cvat(root: Path) -> Found:
    import datumaro

    found = datumaro.Dataset.import_from(str(root), "cvat")
    names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
    return {f"{item.id}.png": [[names[own.label], float(own.get_area())] for own in item.annotations] for item in found}


def label_studio(root: Path) -> Found:
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.converter.brush import decode_rle

    out = root.parent / f"{root.name}-coco"
    converter = Converter(str(root / "label_config.xml"), str(root), download_resources=False)
    converter.convert_to_coco(str(root / "tasks.json"), str(out), output_image_dir=str(out / "images"), is_dir=False)
    content = json.loads((out / "result.json").read_text())
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    files = {entry["id"]: entry["file_name"].rsplit("/", 1)[-1] for entry in content["images"]}
    found: Found = {}
    for entry in content["annotations"]:
        found.setdefault(files[entry["image_id"]], []).append([names[entry["category_id"]], entry["area"]])
    for task in json.loads((root / "tasks.json").read_text()):
        for own in task["annotations"][0]["result"]:
            if "rle" in own["value"]:
                values = decode_rle(own["value"]["rle"]).reshape(own["original_height"], own["original_width"], 4)
                entry = [own["value"]["brushlabels"][0], float((values[..., 3] > 0).sum())]
                found.setdefault(task["data"]["image"].rsplit("/", 1)[-1], []).append(entry)
    return found


def labelme(root: Path) -> Found:
    from labelme.label_file import LabelFile

    found: Found = {}
    for path in sorted(root.glob("*.json")):
        rows = found.setdefault(path.with_suffix(".png").name, [])
        for shape in LabelFile(str(path)).shapes:
            xs, ys = zip(*shape["points"], strict=True)
            last = shape["shape_type"] == "mask"  # whose last pixel belongs to it
            rows.append([shape["label"], min(xs), min(ys), max(xs) + last, max(ys) + last])
    return found


def cvat_tags(root: Path) -> Found:
    import datumaro

    found = datumaro.Dataset.import_from(str(root), "cvat")
    names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
    return {item.id: [[own.type.name, names[own.label]] for own in item.annotations] for item in found}


def label_studio_predictions(root: Path) -> Found:
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface

    config = (root / "label_config.xml").read_text()
    tasks, interface = json.loads((root / "tasks.json").read_text()), LabelInterface(config)
    for task in tasks:
        if not interface.validate_task({"data": task["data"]}):
            raise ValueError(f"{task} does not fit {config}")
        for prediction in task["predictions"]:
            if not interface.validate_prediction(prediction):
                raise ValueError(f"{prediction} does not fit {config}")
        # What someone accepts becomes an annotation, which the converter writes out.
        task["annotations"] = [{"id": task["id"], "result": task["predictions"][0]["result"]}]
    (root / "accepted.json").write_text(json.dumps(tasks))
    Converter(config, str(root), download_resources=False).convert_to_json_min(
        str(root / "accepted.json"), str(root / "out"), is_dir=False
    )
    return {
        own["image"].rsplit("/", 1)[-1]: [[own["class"]]]
        for own in json.loads((root / "out" / "result.json").read_text())
    }


def label_studio_proposals(root: Path) -> Found:
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface((root / "label_config.xml").read_text())
    tasks = json.loads((root / "tasks.json").read_text())
    for task in tasks:
        (prediction,) = task["predictions"]
        # What is said of brushes is no test: 1.0.20 refuses what its own encoder writes. They are decoded below.
        plain = {**prediction, "result": [own for own in prediction["result"] if own["type"] != "brushlabels"]}
        if task["annotations"] or not interface.validate_prediction(plain):
            raise ValueError(f"{task} is not taken")
        task["annotations"] = [{"id": task["id"], "result": prediction["result"]}]  # as someone accepts it
    (root / "tasks.json").write_text(json.dumps(tasks))
    return label_studio(root)


SUGGESTED = {"cvat": cvat_tags, "label-studio": label_studio_predictions}
PROPOSED = {"cvat": cvat, "label-studio": label_studio_proposals}
READERS = {"yolo-seg": yolo_seg, "cvat": cvat, "label-studio": label_studio, "labelme": labelme}


def write(source: Path, target: Path) -> None:
    import datumaro

    dataset = datumaro.Dataset.import_from(str(source), "coco_instances")
    for name in EXPORTS:
        dataset.export(str(target / name), name, save_media=False)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    command, first, second = sys.argv[1:]
    asked = {"read": READERS, "suggested": SUGGESTED, "proposed": PROPOSED}
    if command in asked:
        print(json.dumps(asked[command][first](Path(second))))
    else:
        write(Path(first), Path(second))
