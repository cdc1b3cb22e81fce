"""What a folder of pictures with labels is, so that a set for another task is sent to its own command."""

from dataclasses import dataclass
from pathlib import Path

from visus._errors import InputError
from visus.data.box_formats import FORMATS
from visus.data.cityscapes import is_cityscapes
from visus.data.foreign import foreign, has_flaws, mend_of
from visus.data.mask_layouts import has_masks
from visus.data.splits import folders_in
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
        refuse_flaws(root)
        refuse_foreign(root)
        _refuse_sets_within(root, task)


_FEW = 6  # more are the folders of single pictures


def _refuse_sets_within(root: Path, task: str) -> None:
    """Name the sets in a folder that is none itself.

    Raises:
        InputError: There are such.
    """
    inner = [own for own in folders_in(root) if (kind := kind_of(own)) and task in kind.tasks]
    if 0 < len(inner) <= _FEW:
        named = ", ".join(own.name for own in inner[:4])
        raise InputError(
            f"{root} is no set itself, but {'one lies' if len(inner) == 1 else f'{len(inner)} lie'} in it ({named}); "
            f"say visus train {task} {inner[0]}."
        )


def refuse_foreign(place: Path) -> None:
    """Name the tool that wrote a folder or a file, if it is one whose files are not read.

    Args:
        place: The folder or the file.

    Raises:
        InputError: It is such a one.
    """
    found = foreign(place)
    if found:
        raise InputError(f"{place} is {found}, which is not read; {mend_of(found)}.")


def refuse_flaws(root: Path) -> None:
    """Refuse a set for finding flaws by pictures without any, whose folders are easily taken for classes.

    Args:
        root: The folder.

    Raises:
        InputError: It is such a one.
    """
    if has_flaws(root):
        raise InputError(
            f"{root} is a set of MVTec AD or its like (train holds pictures without flaws alone), which is not read; "
            "to tell flaws apart, name the folder test of one product."
        )
