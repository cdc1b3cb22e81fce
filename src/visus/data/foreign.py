"""What a folder is that is not read: the tool that wrote it, by a light look at its files, so that it can be named."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.data.coco import read_json
from visus.data.splits import files_below, folders_in
from visus.images import is_picture_name, read_bytes
from visus.images.facts import facts_of

_START = 8192  # bytes of a file that are looked at
_LOOKED_AT = 40  # files of each ending
_MOST = 64 << 20  # bytes of a JSON file that is opened

ARCHIVE = "a packed archive"

WIDE = "a folder of volumes that do not lie as imagesTr with labelsTr, images with labels, or in splits of these"
BRUSHES = "Label Studio's brushes as PNG or NumPy files"
NUCLEI = "a set with a folder for each picture and a mask for each object (Data Science Bowl 2018)"
STACK = "a stack of pictures in one TIFF file"
PREPROCESSED = "nnU-Net's preprocessed folder"
NUMPY, MATLAB, PIXELS = "a set of NumPy files", "a set with MATLAB files", "a table of pixels"
_AS_FILES = "save its pictures as files, and their classes in a CSV file with the columns file and class"

_MENDS = {
    ARCHIVE: "unpack it",
    WIDE: "lay the volumes out so, each mask with the name of its volume",
    BRUSHES: "export it as JSON",
    NUCLEI: "join the masks of each picture into one in a folder masks beside images",
    STACK: "save each of its pages as a file, in images and masks",
    PREPROCESSED: "name the raw one (nnUNet_raw/DatasetNNN_NAME)",
    NUMPY: _AS_FILES,
    MATLAB: _AS_FILES,
    PIXELS: _AS_FILES,
    "a set of Parquet files": _AS_FILES,
    "a set of Hugging Face's Arrow files": _AS_FILES,
    "an HDF5 file": _AS_FILES,
    "an LMDB database": _AS_FILES,
    "an Excel file": "save its table as a CSV file",
}


def mend_of(found: str) -> str:
    """What to do with what :func:`foreign` names."""
    return _MENDS.get(found, "export it as COCO, Pascal VOC or YOLO")


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
    ((".mat",), MATLAB),
    ((".npz", ".npy"), NUMPY),
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
    by_names = next((what for what, is_such in _NAMED.items() if is_such(names)), "")
    if by_names:
        return by_names
    if _is_of_nuclei(root, files):
        return NUCLEI
    if any(map(_is_stack, [own for own in files if own.suffix.lower() in (".tif", ".tiff")][:2])):
        return STACK
    return next((what for endings, what in _ENDINGS if any(name.endswith(endings) for name in names)), "")


def _is_of_nuclei(root: Path, files: list[Path]) -> bool:
    """Whether a picture lies in a folder of its own with masks: ``NAME/images/NAME.png``, ``NAME/masks/*.png``."""
    parts = [path.relative_to(root).parts for path in files] if root.is_dir() else []
    alone = {own[:-2] for own in parts if own[-2:-1] == ("images",) and own[:-2] and Path(own[-1]).stem == own[-3]}
    return len(alone) > 1 and any(own[-2:-1] == ("masks",) and own[:-2] in alone for own in parts)


def _is_stack(path: Path) -> bool:
    try:
        return facts_of(read_bytes(path), path.name).frames > 1
    except InputError:
        return False


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


def is_visdrone_line(line: str) -> bool:
    """Whether a line is one of VisDrone's: left, top, width, height, score, class, and two numbers more.

    >>> is_visdrone_line("12,10,28,20,1,4,0,0"), is_visdrone_line("0 0.1 0.2 0.3 0.4")
    (True, False)
    """
    parts = line.strip().rstrip(",").split(",")
    return len(parts) == 8 and all(map(_is_number, parts))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_BRUSH = re.compile(r"task-\d+-annotation-\d+-by-.*\.(?:png|npy)")
_NAMED: dict[str, Callable[[list[str]], bool]] = {
    "the whole of ADE20K, whose colors code classes and objects": lambda names: (
        any(name.endswith("_seg.png") for name in names) and any(name.endswith("_atr.txt") for name in names)
    ),
    BRUSHES: lambda names: any(_BRUSH.fullmatch(name) for name in names),
    "a set of FiftyOne's own form": lambda names: (
        "fiftyone.yml" in names or {"samples.json", "metadata.json"} <= set(names)
    ),
    "a set of WIDER FACE": lambda names: any(_FACES.fullmatch(name) for name in names),
    PREPROCESSED: lambda names: any(name.startswith("nnunet") and name.endswith("plans.json") for name in names),
}
"""What the names of the files tell, in small letters."""

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
    if lines and all(map(is_visdrone_line, lines[:3])):
        return "a set of VisDrone"
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
    if "pixel0" in head or "pixels" in head.split(","):
        return PIXELS
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
