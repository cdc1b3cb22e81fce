"""Answers of networks as FiftyOne reads them: ``labels.json`` beside ``data.json``, which says where the pictures lie.

    import fiftyone as fo

    fo.Dataset.from_dir(
        dataset_type=fo.types.FiftyOneImageDetectionDataset,  # of a classifier FiftyOneImageClassificationDataset
        data_path="found/data.json",
        labels_path="found/labels.json",
    )

No picture is copied.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus._files import write_atomically
from visus.runs.classify.prediction import ClassPrediction
from visus.runs.detect.prediction import BoxPrediction


def class_label(answer: ClassPrediction) -> dict[str, Any] | list[dict[str, Any]]:
    """The likeliest class of a picture; where it may have several, a list of those that it has.

    Args:
        answer: Of a classifier.
    """
    pairs = dict(zip(answer.classes, answer.probabilities, strict=True))
    found = [{"label": name, "confidence": round(pairs[name], 6)} for name in answer.labels]
    return found if answer.multilabel else found[0]


def box_labels(answer: BoxPrediction) -> list[dict[str, Any]]:
    """The objects of a picture, with x, y, width and height as shares of the picture.

    Args:
        answer: Of a detector.
    """
    height, width = answer.picture.shape[:2]
    found = []
    for name, score, box in zip(answer.names, answer.scores.tolist(), answer.boxes.tolist(), strict=True):
        x0, y0, x1, y1 = box
        shares = (x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height)
        found.append({"label": name, "bounding_box": [round(own, 6) for own in shares], "confidence": round(score, 6)})
    return found


def write(folder: str | os.PathLike[str], files: Sequence[str], labels: Sequence[Any]) -> None:
    """Write ``labels.json`` and ``data.json`` into a folder.

    Args:
        folder: Where; it is made if need be.
        files: Of the pictures.
        labels: Of each, as :func:`class_label` or :func:`box_labels` gives them.

    Raises:
        InputError: The place cannot be written.
    """
    place, names = Path(folder), [f"{k:06d}" for k in range(len(files))]
    pictures = dict(zip(names, map(os.path.abspath, files), strict=True))
    content = {"classes": None, "labels": dict(zip(names, labels, strict=True))}
    try:
        place.mkdir(parents=True, exist_ok=True)
        write_atomically(place / "data.json", json.dumps(pictures, ensure_ascii=False, indent=1).encode())
        write_atomically(place / "labels.json", json.dumps(content, ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise InputError(
            f"{place} cannot be written ({error.strerror}); name another place with --fiftyone."
        ) from error
