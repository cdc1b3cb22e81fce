"""``visus predict``: what a trained network says of pictures."""

import csv
import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from visus._errors import InputError
from visus.cli import detecting, segmenting
from visus.cli.options import Address, Engine, Processes, plural
from visus.cluster import Cluster, cluster_for

EXAMPLES = """
Examples:

    visus predict runs/classify/flowers-1 garden.jpg
    visus predict runs/classify/flowers-1 holiday --csv > classes.csv
    visus predict runs/classify/flowers-1 holiday --json -k 3
    visus predict runs/segment/camvid-1 street.jpg --crf --out masks
    visus predict runs/detect/cells-1 slides --conf 0.7 --out found
    visus predict runs/segment/camvid-1 streets --engine ray --out masks     by Ray's processes
"""


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its best.safetensors.")],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE|FOLDER...", help="Pictures, or folders of them.")],
    k: Annotated[int | None, typer.Option("-k", min=1, help="How many classes for each picture.  [default: 3]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for another program.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: file, class, probability, class, ...")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Segmenters and detectors: where what they find goes.  [default: predictions]"),
    ] = None,
    crf: segmenting.Crf = False,
    scales: segmenting.Scales = None,
    flip: segmenting.Flip = False,
    conf: detecting.Confidence = None,
    iou: detecting.Overlap = None,
    max_det: detecting.Most = None,
    soft_nms: detecting.Soft = False,
    engine: Engine = "local",
    address: Address = None,
    processes: Processes = None,
) -> None:
    """Name the likeliest classes of pictures, or of each of their positions, or find their objects.

    A classifier prints classes. A segmenter writes for each picture a mask (.png), an overlay (.jpg) and contours
    (.json, like GeoJSON), for each volume a mask (.nii.gz). A detector draws boxes and shapes (.jpg) and writes
    results.json, a list of COCO's results, with the pictures and classes that it numbers in pictures.json.
    """
    if as_json and as_csv:
        raise InputError("Choose one of --json and --csv.")
    from visus.nets.file import task_of

    task, cluster = task_of(run), cluster_for(engine, address, processes)
    if task not in ("detect", "localize"):
        segmenting.refuse(task, "detectors", conf=conf, iou=iou, max_det=max_det, soft_nms=soft_nms)
    if task in ("detect", "localize"):
        if as_csv or k is not None:
            raise InputError(
                "A detector has no --csv and no -k; it writes results.json, and --json prints the objects."
            )
        segmenting.refuse(task, crf=crf, scales=scales, flip=flip)
        if task == "localize":
            segmenting.refuse(task, "detectors", iou=iou, max_det=max_det, soft_nms=soft_nms)
        allowed = detecting.limits(conf, iou, max_det, usual=0.5 if task == "detect" else 0.0, soft=soft_nms)
        detecting.predict(run, pictures, out or Path("predictions"), as_json=as_json, allowed=allowed, cluster=cluster)
        return
    if task == "segment":
        if as_csv or k is not None:
            raise InputError(
                "A segmenter has no --csv and no -k; it writes masks, and --json prints the shares of the classes."
            )
        how = segmenting.how(run, crf=crf, scales=scales, flip=flip)
        segmenting.predict(run, pictures, out or Path("predictions"), as_json=as_json, options=how, cluster=cluster)
        return
    segmenting.refuse(task, crf=crf, scales=scales, flip=flip, out=out)
    _classify(run, pictures, k or 3, as_json=as_json, as_csv=as_csv, cluster=cluster)


def _classify(run: Path, pictures: list[Path], k: int, *, as_json: bool, as_csv: bool, cluster: Cluster | None) -> None:
    """Print the likeliest classes of each picture.

    Raises:
        InputError: None of them could be read.
    """
    from visus.nets.file import list_of
    from visus.runs.answers import answers, of_classifier
    from visus.runs.predict import Unreadable, files_of

    files = [file for place in pictures for file in files_of(place)]
    failures: list[Unreadable] = []
    rows = []
    table = csv.writer(sys.stdout)
    if as_csv:
        count = min(k, len(list_of(run, "classes")))
        table.writerow(["file", *(f"{what}{n}" for n in range(1, count + 1) for what in ("class", "probability"))])
    for answer in answers(partial(of_classifier, run.absolute(), k), files, batch=32, cluster=cluster):
        if isinstance(answer, Unreadable):
            failures.append(answer)
            continue
        pairs = list(zip(answer.classes, answer.probabilities, strict=True))
        if as_json:
            rows.append(answer.to_dict())
        elif as_csv:
            table.writerow([answer.path, *(value for name, p in pairs for value in (name, f"{p:.6f}"))])
        else:
            typer.echo(f"{answer.path}  " + "  ".join(f"{name} {p:.1%}" for name, p in pairs))
    if as_json:
        lost = [{"file": failure.path, "error": failure.message} for failure in failures]
        typer.echo(json.dumps({"predictions": rows, "unreadable": lost}, ensure_ascii=False))
    elif failures:
        typer.echo(f"Could not use {plural(len(failures), 'file')}:", err=True)
        for failure in failures:
            typer.echo(f"  {failure.message}", err=True)
    if len(failures) == len(files):
        raise InputError("None of the pictures could be read.")
