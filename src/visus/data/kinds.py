"""What a folder of pictures with labels is, so that a set for another task is sent to its own command."""

from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus.data.box_formats import FORMATS
from visus.data.cityscapes import is_cityscapes
from visus.data.foreign import ARCHIVE, foreign
from visus.data.mask_layouts import has_masks
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
    known = next((own for own in FORMATS if own.is_in(root)), None)
    if is_cityscapes(root) or (has_masks(root) and not (known and known.name == "COCO panoptic")):
        return Kind("pictures with masks", ("segment",))
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
    if kind is None:
        refuse_foreign(root)


def refuse_foreign(place: Path) -> None:
    """Name the tool that wrote a folder or a file, if it is one whose files are not read.

    Args:
        place: The folder or the file.

    Raises:
        InputError: It is such a one.
    """
    found = foreign(place)
    mend = "unpack it" if found == ARCHIVE else "export it as COCO, Pascal VOC or YOLO"
    if found:
        raise InputError(f"{place} is {found}, which is not read; {mend}.")
