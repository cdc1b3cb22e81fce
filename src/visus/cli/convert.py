"""``visus convert``: pictures with boxes and shapes from one format into another."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from visus.cli.options import AsJson, plural, progress, say

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
    as_json: AsJson = False,
) -> None:
    """Write pictures with boxes and shapes in another format; the one of IN is recognized (docs/data.md).

    What is written is read again and compared: no box may be lost or moved. What the format cannot hold, and what IN
    says beside boxes, shapes and classes, is said and counted.
    """
    from visus.data import load_boxes_whole
    from visus.data.save_boxes import save_boxes

    tell = partial(say, error=as_json)
    with progress("reading") as show:
        before = load_boxes_whole(source, first_pixel=first_pixel, progress=show)
    tell(before.describe())
    for remark in before.remarks:
        tell(remark)
    save_boxes(before, target, to)
    with progress("checking") as show:
        after = load_boxes_whole(target, progress=show)
    held, kept = _counts(before), _counts(after)
    lost = {what: (first, first - kept[what]) for what, first in held.items() if kept[what] < first}
    for sentence in (*_said_of_lost(lost), *_said_of_unread(before.unread)):
        tell(sentence)
    tell(f"Wrote {target} as {to}: {plural(kept['objects'], 'object')}.")
    if as_json:
        told = {
            "format": before.form,
            "written": str(target),
            "to": to,
            "pictures": {split: len(pictures) for split, pictures in after.splits.items()},
            "objects": kept["objects"],
            "remarks": before.remarks,
            "dropped": {what: gone for what, (_, gone) in lost.items()} | before.unread,
        }
        typer.echo(json.dumps(told, ensure_ascii=False))


def _counts(dataset: "BoxSet") -> dict[str, int]:
    """What a data set holds, by kind."""
    return {
        "objects": sum(int(dataset.counts(split).sum()) for split in dataset.splits),
        "shapes": _shapes(dataset),
        "marks of crowds": _marked(dataset, "crowd"),
        "marks of difficult objects": _marked(dataset, "difficult"),
    }


def _said_of_lost(lost: dict[str, tuple[int, int]]) -> list[str]:
    """What a format could not hold, one sentence each."""
    return [
        f"{gone:,} of {first:,} {what} {'is' if gone == 1 else 'are'} gone, since the format cannot hold "
        f"{'it' if gone == 1 else 'them'}."
        for what, (first, gone) in lost.items()
    ]


def _said_of_unread(unread: dict[str, int]) -> list[str]:
    """What annotations say that is not written, one sentence each."""
    most = sorted(unread.items(), key=lambda own: -own[1])
    said = [
        f"What {plural(count, 'annotation')} say{'s' if count == 1 else ''} of {kind} is not written."
        for kind, count in most[:_SAID]
    ]
    more = len(most) - len(said)
    return said + ([f"Nor {plural(more, 'further kind')} (--json lists all)."] if more > 0 else [])


_SAID = 12


def _shapes(dataset: "BoxSet") -> int:
    return sum(bool(shape) for split in dataset.splits.values() for own in split.objects for shape in own.shapes)


def _marked(dataset: "BoxSet", name: str) -> int:
    return sum(int(getattr(own, name).sum()) for split in dataset.splits.values() for own in split.objects)
