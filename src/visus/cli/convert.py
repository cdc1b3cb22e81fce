"""``visus convert``: pictures with boxes and shapes from one format into another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from visus.cli.options import progress, say

if TYPE_CHECKING:
    from visus.data import BoxSet

EXAMPLES = """
Examples:

    visus convert cells cells-yolo --to yolo              boxes for YOLO
    visus convert cells cells-seg --to yolo-seg           polygons for YOLO
    visus convert cells cells-labelme --to labelme        to look at and mend by hand
    visus convert cells cells-tasks --to label-studio
"""


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of pictures with boxes or shapes.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A folder, new or empty.")],
    to: Annotated[
        Literal["voc", "coco", "yolo", "yolo-seg", "labelme", "cvat", "label-studio"],
        typer.Option(help="The format that is written."),
    ],
    first_pixel: Annotated[
        int | None,
        typer.Option(
            min=0, max=1, help="Pascal VOC: what IN calls the first pixel, 0 or 1.  [default: as its files tell]"
        ),
    ] = None,
) -> None:
    """Write pictures with boxes and shapes in another format; the one of IN is recognized (docs/data.md).

    What is written is read again and compared: no box may be lost or moved. What the format cannot hold is said.
    """
    from visus.data import load_boxes_whole
    from visus.data.save_boxes import save_boxes

    with progress("reading") as show:
        before = load_boxes_whole(source, first_pixel=first_pixel, progress=show)
    say(before.describe())
    for remark in before.remarks:
        say(remark)
    save_boxes(before, target, to)
    with progress("checking") as show:
        after = load_boxes_whole(target, progress=show)
    for sentence in _changed(before, after):
        say(sentence)
    count = sum(int(after.counts(split).sum()) for split in after.splits)
    say(f"Wrote {target} as {to}: {count:,} objects.")


def _changed(before: "BoxSet", after: "BoxSet") -> list[str]:
    """What a format could not hold, one sentence each."""
    pairs = [
        ("objects", *(sum(int(own.counts(split).sum()) for split in own.splits) for own in (before, after))),
        ("shapes", _shapes(before), _shapes(after)),
        ("marks of crowds", *(_marked(own, "crowd") for own in (before, after))),
        ("marks of difficult objects", *(_marked(own, "difficult") for own in (before, after))),
    ]
    return [
        f"{first - second:,} of {first:,} {what} are gone, since the format cannot hold them."
        for what, first, second in pairs
        if second < first
    ]


def _shapes(dataset: "BoxSet") -> int:
    return sum(bool(shape) for split in dataset.splits.values() for own in split.objects for shape in own.shapes)


def _marked(dataset: "BoxSet", name: str) -> int:
    return sum(int(getattr(own, name).sum()) for split in dataset.splits.values() for own in split.objects)
