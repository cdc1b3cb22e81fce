"""What a folder of pictures with labels is, so that a set for another task is sent to its own command."""

from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus.data.box_formats import FORMATS
from visus.data.mask_layouts import has_masks
from visus.data.splits import files_in
from visus.data.volumes import has_volumes


@dataclass(frozen=True, slots=True)
class Kind:
    """What a folder is.

    Attributes:
        name: The format.
        tasks: What can be learned from it, the likeliest first.
    """

    name: str
    tasks: tuple[str, ...]


def kind_of(root: Path) -> Kind | None:
    """What a folder is, if it holds volumes, masks, boxes or shapes; None where it is none of these."""
    if has_volumes(root):
        return Kind("NIfTI volumes with masks", ("segment",))
    if has_masks(root):
        return Kind("pictures with masks", ("segment",))
    known = next((own for own in FORMATS if own.is_in(root)), None)
    if known:
        return Kind(known.name, ("detect", "segment") if known.has_shapes else ("detect",))
    return None


def refuse_other_task(root: Path, task: str) -> None:
    """Name the right command for a set of another task, or the tool that wrote it if it is not read.

    Args:
        root: The folder.
        task: What was to be learned.

    Raises:
        InputError: It is such a set.
    """
    kind = kind_of(root)
    if kind and task not in kind.tasks:
        said = " or ".join(f"visus train {own} {root}" for own in kind.tasks)
        raise InputError(f"{root} is a set for another task ({kind.name}); say {said}.")
    if kind is None and (foreign := _foreign(root)):
        raise InputError(f"{root} is {foreign}, which is not read; export it as COCO, Pascal VOC or YOLO.")


_FOREIGN = (
    ("*.tfrecord", "a set of TensorFlow records"),
    ("*.record", "a set of TensorFlow records"),
    ("*.arrow", "a set of Hugging Face's Arrow files"),
    ("*.parquet", "a set of Parquet files"),
    ("*.lmdb", "an LMDB database"),
    ("data.mdb", "an LMDB database"),
    ("*.h5", "an HDF5 file"),
    ("*.mat", "a set with MATLAB files"),
    ("*.npz", "a set of NumPy files"),
    ("*.zip", "a packed archive; unpack it first"),
)


def _foreign(root: Path) -> str:
    """What a folder seems to be that is not read, by the endings of its files; empty where nothing tells."""
    files = files_in(root)
    return next((name for pattern, name in _FOREIGN if any(own.match(pattern) for own in files)), "")
