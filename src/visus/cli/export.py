"""``visus export``: a trained network, or an index, for other programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import AsJson, plural, say, spare
from visus.cli.settings import whole_numbers

EXAMPLES = """
Examples:

    visus export runs/classify/flowers-1                        RUN/model.onnx
    visus export runs/classify/flowers-1 --format torchscript --out flowers.pt
    visus export runs/segment/camvid-1 --size 360,480           a segmenter, for pictures of 480x360 pixels
    visus export runs/detect/cells-1 --format openvino          a detector, for pictures of any size
    visus export photos.visus --out photos.parquet              an index: paths, sizes, dates, vectors
    visus export runs/classify/flowers-1 --int8                 numbers of 8 bits too: size, speed and accuracy of both
"""

Form = Literal["onnx", "openvino", "torchscript", "parquet"]


def export(
    source: Annotated[str, typer.Argument(metavar="RUN|INDEX", help="A run, its best.safetensors, or an index.")],
    form: Annotated[
        Form | None,
        typer.Option("--format", help="What to write.  [default: onnx of a run, parquet of an index]"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="N", help="Segmenters: the one height,width that the graph takes.  [default: any]"),
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Indexes: only pictures that fulfill it.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write RUN/model-int8.onnx too, and compare size, speed and accuracy on val.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write.  [default: RUN/model.onnx, model.xml or model.pt; INDEX.parquet here]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a trained network as a graph that answers the same, or the pictures of an index as a table.

    A graph's input is pixels (N, height, width, 3) uint8 RGB, or volumes (N, depth, height, width) float32; its output
    the probability of each class, of a segmenter for each position. A detector's takes one picture of any size and
    gives boxes, scores, labels and masks; its AP on the val split is printed beside the network's.

    The table of an index (Parquet) has a row for each picture: id, path, width, height, size, dates, and the vectors of
    each descriptor as a list of numbers.
    """
    from visus.search.place import exists

    if int8 and exists(source):
        raise InputError(f"--int8 is for a run, and {source} is an index.")
    if int8:
        _quantize(Path(source), as_json, others=form not in (None, "onnx") or bool(size or where or out))
    elif exists(source):
        _of_index(source, form, size, where, out, as_json)
    else:
        _of_run(Path(source), form, size, where, out, as_json)


def _of_run(run: Path, form: Form | None, size: str | None, where: str | None, out: Path | None, as_json: bool) -> None:
    """Write a network as a graph.

    Raises:
        InputError: An option is for an index.
    """
    if form == "parquet" or where is not None:
        option = "--where" if where is not None else "--format parquet"
        raise InputError(f"{option} is for an index, and there is none at {run}; name a folder that visus index made.")
    from visus.runs.export import export as write_graph
    from visus.runs.record.folder import BEST, CONFIG, LAST

    home = run if run.is_dir() else run.parent
    spare(out, *(home / name for name in (BEST, CONFIG, LAST)))
    sides = None if size is None else whole_numbers("--size", size)
    written = write_graph(run, form or "onnx", out, size=sides, say=_told(as_json))
    typer.echo(json.dumps({"path": str(written)}) if as_json else f"Wrote {written}; it answers as the network does.")


def _of_index(
    place: str, form: Form | None, size: str | None, where: str | None, out: Path | None, as_json: bool
) -> None:
    """Write the pictures of an index as a table.

    Raises:
        InputError: An option is for a run.
    """
    from visus.search import Index

    if size is not None or form not in (None, "parquet"):
        option = "--size" if size is not None else f"--format {form}"
        raise InputError(f"{option} is for a run, and {place} is an index, which is written as parquet.")
    target = out or Path(f"{Path(place.rstrip('/')).stem}.parquet")
    found = Index(place).export(target, where=where)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    vectors = ", ".join(f"{name} ({length} numbers)" for name, length in found.vectors.items())
    say(f"Wrote {found.path}: {plural(found.pictures, 'picture')}; vectors of {vectors}.")
    if found.left_out:
        lost = "1 row is" if found.left_out == 1 else f"{found.left_out:,} rows are"
        say(f"{lost} damaged in the index and left out; say: visus index --verify --mend", error=True)


def _told(as_json: bool) -> Callable[[str], None]:
    """What is said on the way: beside the document that JSON is."""
    return lambda text: typer.echo(text, err=as_json)


def _quantize(run: Path, as_json: bool, *, others: bool) -> None:
    """Write both graphs of a run, and compare them.

    Raises:
        InputError: Another format, size or place was asked for.
    """
    if others:
        raise InputError(
            "--int8 writes RUN/model.onnx and RUN/model-int8.onnx; leave --format, --size, --where and --out away."
        )
    from visus.runs.quantize import quantize

    told = _told(as_json)
    found = quantize(run, say=told)
    typer.echo(json.dumps(found.to_dict()) if as_json else found.describe())
    if as_json and found.warning:
        told(found.warning)
    if not as_json:
        typer.echo(f"Wrote {found.int8.path}; visus predict --engine onnx --int8 answers by it.")
