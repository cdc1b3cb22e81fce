# pyright: reportMissingImports=false
"""What FiftyOne and supervision read of answers: run in an environment of their own.

    python tools_of_answers.py classes FOLDER         [file, label] of each picture, by FiftyOne's importer
    python tools_of_answers.py boxes FOLDER           [label, box, confidence] of the objects of the first picture
    python tools_of_answers.py supervision FILE.npz   [name, box, area of the mask], after suppression and drawing

The packages are those of :data:`PACKAGES`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("supervision==0.26.1", "fiftyone==1.8.1")


def imported(kind: str, folder: Path) -> list[Any]:
    """The samples that an importer of FiftyOne gives: file and labels; no database is asked."""
    os.environ["FIFTYONE_DISABLE_SERVICES"] = "1"
    import fiftyone.utils.data as foud

    importer = getattr(foud, kind)(data_path=str(folder / "data.json"), labels_path=str(folder / "labels.json"))
    with importer:
        return [(path, labels) for path, _, labels in importer]


def classes(folder: str) -> list[Any]:
    found = imported("FiftyOneImageClassificationDatasetImporter", Path(folder))
    return [[path, label.label] for path, label in found]


def boxes(folder: str) -> list[Any]:
    ((_, labels),) = imported("FiftyOneImageDetectionDatasetImporter", Path(folder))
    return [[own.label, list(own.bounding_box), own.confidence] for own in labels.detections]


def supervision(file: str) -> list[Any]:
    import numpy as np
    import supervision as sv

    given = dict(np.load(file))
    picture, names = given.pop("picture"), given.pop("class_name")
    found = sv.Detections(**given, data={"class_name": names})
    drawn = sv.LabelAnnotator().annotate(sv.MaskAnnotator().annotate(picture.copy(), found), found)
    assert (drawn != picture).any()
    assert len(found.with_nms(0.99)) == len(found)
    names, areas = found.data["class_name"], found.area
    return [[str(names[k]), found.xyxy[k].tolist(), float(areas[k])] for k in range(len(found))]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
