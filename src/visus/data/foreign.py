"""What a folder is that is not read: the tool that wrote it, by a light look at its files, so that it can be named."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visus.data.coco import read_json
from visus.data.splits import files_below, folders_in
from visus.images import is_picture_name

_START = 8192  # bytes of a file that are looked at
_LOOKED_AT = 40  # files of each ending
_MOST = 64 << 20  # bytes of a JSON file that is opened

ARCHIVE = "a packed archive"

WIDE = "a folder of volumes that do not lie as imagesTr with labelsTr, images with labels, or in splits of these"
BRUSHES = "Label Studio's brushes as PNG or NumPy files"

MENDS = {
    ARCHIVE: "unpack it",
    WIDE: "lay the volumes out so, each mask with the name of its volume",
    BRUSHES: "export it as JSON",
    "an Excel file": "save its table as a CSV file",
}
"""What to do where it is not an export in another format."""

_ENDINGS = (
    ((".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"), WIDE),
    ((".xlsx", ".xls", ".ods"), "an Excel file"),
    ((".vott",), "a project of VoTT"),
    ((".tfrecord", ".tfrecords", ".record"), "a set of TensorFlow records"),
    ((".manifest",), "a manifest of SageMaker Ground Truth"),
    ((".arrow",), "a set of Hugging Face's Arrow files"),
    ((".parquet",), "a set of Parquet files"),
    ((".lmdb", ".mdb"), "an LMDB database"),
    ((".h5", ".hdf5"), "an HDF5 file"),
    ((".mat",), "a set with MATLAB files"),
    ((".npz", ".npy"), "a set of NumPy files"),
    ((".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar"), ARCHIVE),
)
"""What the ending of a file tells, the surest first."""


def foreign(root: Path) -> str:
    """What a folder or file seems to be that is not read; empty where nothing tells.

    Args:
        root: The folder, or one file.
    """
    files = [root] if root.is_file() else list(files_below(root))
    for ending, of in _LOOKS.items():
        for path in [own for own in files if own.suffix.lower() == ending][:_LOOKED_AT]:
            if found := of(path):
                return found
    names = [path.name.lower() for path in files]
    if any(name.endswith("_seg.png") for name in names) and any(name.endswith("_atr.txt") for name in names):
        return "the whole of ADE20K, whose colors code classes and objects"
    if any(_BRUSH.fullmatch(name) for name in names):
        return BRUSHES
    if "fiftyone.yml" in names or {"samples.json", "metadata.json"} <= set(names):
        return "a set of FiftyOne's own form"
    if any(_FACES.fullmatch(name) for name in names):
        return "a set of WIDER FACE"
    return next((what for endings, what in _ENDINGS if any(name.endswith(endings) for name in names)), "")


def has_flaws(root: Path) -> bool:
    """Whether a folder, or one in it, is laid out as MVTec AD: ``train/good``, ``test`` and ``ground_truth``."""
    places = [root, *folders_in(root)]
    return any((own / "train" / "good").is_dir() and (own / "ground_truth").is_dir() for own in places)


def is_dota_line(line: str) -> bool:
    """Whether a line is one of DOTA's: eight numbers, a class and perhaps how difficult it is.

    >>> is_dota_line("1 2 3 4 5 6 7 8 plane 0"), is_dota_line("0 0.1 0.2 0.3 0.4")
    (True, False)
    """
    parts = line.split()
    return len(parts) in (9, 10) and all(map(_is_number, parts[:8])) and not _is_number(parts[8])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_BRUSH = re.compile(r"task-\d+-annotation-\d+-by-.*\.(?:png|npy)")
_OF_OPEN_IMAGES = re.compile(r"\D.*(?: \d+(?:\.\d+)?){4}")
_FACES = re.compile(r"wider_face_\w+_bbx_gt\.txt")


def start_of(path: Path) -> str:
    """The first letters of a text file; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_START).decode("utf-8", "replace")
    except OSError:
        return ""


def _of_text(path: Path) -> str:
    start = start_of(path)
    lines = [line for line in start.splitlines() if line.strip()]
    if start.startswith("imagesource:") or any(map(is_dota_line, lines[:3])):
        return "a set of DOTA (four corners of rotated boxes in pixels)"
    first = lines[0].split() if lines else []
    if len(first) > 1 and is_picture_name(first[0]) and all(len(own.split(",")) == 5 for own in first[1:]):
        return "a list of boxes for YOLO in Keras (x0,y0,x1,y1,class behind each picture)"
    if _OF_OPEN_IMAGES.fullmatch(lines[0] if lines else "") and path.parent.name == "Label":
        return "a set of the OIDv4 toolkit"
    mot = [line.split(",") for line in lines[:3]]
    if mot and all(len(own) in (9, 10) and all(map(_is_number, own)) for own in mot):
        return "a set of MOTChallenge (tracks of a video)"
    return ""


def _of_xml(path: Path) -> str:
    return "a set of LabelMe online (XML with polygons)" if is_labelme_online(start_of(path)) else ""


def is_labelme_online(start: str) -> bool:
    """Whether an XML file is one of LabelMe online: polygons and no boxes.

    >>> is_labelme_online("<annotation><object><polygon><pt><x>1</x>")
    True
    """
    return "<annotation>" in start and "<pt>" in start and "<bndbox" not in start


def _of_json(path: Path) -> str:
    try:
        content = read_json(path) if path.stat().st_size <= _MOST else None
    except (OSError, ValueError, RecursionError):
        return ""
    first = content[0] if isinstance(content, list) and content else content
    return _of_entry(first) if isinstance(first, dict) else ""


def _of_lines(path: Path) -> str:
    """What the first line of JSON lines is; SageMaker and Labelbox write such files under several endings."""
    lines = start_of(path).splitlines()
    try:
        first = json.loads(lines[0]) if len(lines) > 1 else read_json(path)
    except (OSError, ValueError, IndexError, RecursionError):
        first = None
        if lines and '"data_row"' in lines[0]:
            return "an export of Labelbox"
    return _of_entry(first) if isinstance(first, dict) else ""


def _of_entry(entry: dict[str, Any]) -> str:
    """Who writes an object with such keys."""
    return next((name for keys, name in _KEYS if keys <= entry.keys()), "")


_KEYS: tuple[tuple[set[str], str], ...] = (
    ({"data_row"}, "an export of Labelbox"),
    ({"DataRow ID"}, "an export of Labelbox"),
    ({"Labeled Data", "Label"}, "an export of Labelbox"),
    ({"source-ref"}, "a manifest of SageMaker Ground Truth"),
    ({"asset", "regions"}, "a project of VoTT"),
    ({"assets", "tags", "videoSettings"}, "a project of VoTT"),
    ({"assets", "securityToken"}, "a project of VoTT"),
    ({"framesCount", "objects"}, "a project of Supervisely with videos"),
    ({"frames", "objects", "size"}, "a project of Supervisely with videos"),
    ({"volumeMeta"}, "a project of Supervisely with volumes"),
    ({"pointcloudId"}, "a project of Supervisely with point clouds"),
    ({"image_w_h", "objects"}, "a set of RectLabel"),
    ({"task_id", "response"}, "an export of Scale"),
    ({"schema_ref", "item", "annotations"}, "an export of V7 Darwin"),
    ({"itemMetadata", "annotations"}, "an export of Dataloop"),
    ({"image", "prefix", "suffix"}, "a set of questions and answers for a model of pictures and language"),
    ({"filename", "metadata", "annotations", "annotationsCount"}, "an export of Dataloop"),
    ({"name", "labels", "attributes"}, "a set of BDD100K"),
    ({"image_id", "category_id", "score"}, "a list of COCO's results (answers of a network), not of labels"),
    ({"imgHeight", "imgWidth", "objects"}, "a set of Cityscapes' polygons without its masks (*_labelIds.png)"),
)
"""Keys that tell a tool."""


def _of_table(path: Path) -> str:
    head = start_of(path).split("\n", 1)[0].lower()
    return "a table of run lengths (Kaggle's EncodedPixels)" if "encodedpixels" in head or ",rle" in head else ""


_LOOKS: dict[str, Callable[[Path], str]] = {
    ".json": _of_json,
    ".ndjson": _of_lines,
    ".jsonl": _of_lines,
    ".manifest": _of_lines,
    ".xml": _of_xml,
    ".txt": _of_text,
    ".csv": _of_table,
}
"""What a look into a file tells, by its ending."""
