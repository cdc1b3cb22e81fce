"""``visus predict``: what a trained network says of pictures."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import CLUSTER_PANEL, Address, Processes
from visus.cli.predict import classify, detect, plain, segment
from visus.cli.predict.asked import Asked
from visus.cli.predict.takes import TAKES, refuse_others
from visus.cluster import cluster_for

EXAMPLES = """
Examples:

    visus predict runs/classify/flowers-1 garden.jpg
    visus predict runs/classify/flowers-1 holiday --csv > classes.csv
    visus predict runs/classify/flowers-1 holiday --json -k 3
    visus predict runs/segment/camvid-1 street.jpg --crf --out masks
    visus predict runs/detect/cells-1 slides --conf 0.7 --out found
    visus predict runs/detect/cells-1 slides --fiftyone found                labels.json and data.json, for FiftyOne
    visus predict runs/segment/camvid-1 streets --engine ray --out masks     by Ray's processes
    visus predict runs/detect/cells-1 slides --engine onnx --out found       by the run's graph, without PyTorch
"""


AnyEngine = Annotated[
    Literal["local", "ray", "onnx"],
    typer.Option(
        help="Where the work is done: here, by the processes of Ray, or here by the run's graph, without PyTorch.",
        rich_help_panel=CLUSTER_PANEL,
    ),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Beside --engine onnx: by the graph of 8 bits that visus export --int8 wrote.",
        rich_help_panel=CLUSTER_PANEL,
    ),
]


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
    fiftyone: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Classifiers and detectors: write answers there as FiftyOne reads them."),
    ] = None,
    crf: segment.Crf = False,
    scales: segment.Scales = None,
    flip: segment.Flip = False,
    conf: detect.Confidence = None,
    iou: detect.Overlap = None,
    max_det: detect.Most = None,
    soft_nms: detect.Soft = False,
    engine: AnyEngine = "local",
    int8: Int8 = False,
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
    if int8 and engine != "onnx":
        raise InputError("--int8 is for the run's graph; say --engine onnx too.")
    from visus.graphs.saved import open_saved

    saved = open_saved(run)
    task, folder = saved.task, out or Path("predictions")
    refuse_others(task, k=k, csv=as_csv, out=out, crf=crf, scales=scales, flip=flip)
    refuse_others(task, fiftyone=fiftyone)
    refuse_others(task, conf=conf, iou=iou, max_det=max_det, soft_nms=soft_nms)
    asked = Asked(saved, pictures, as_json, cluster_for(engine, address, processes), engine == "onnx", int8)
    if task in TAKES["conf"][1]:
        allowed = detect.limits(conf, iou, max_det, usual=0.5 if task == "detect" else 0.0, soft=soft_nms)
        detect.predict(asked, folder, allowed, fiftyone)
    elif task in TAKES["crf"][1]:
        segment.predict(asked, folder, segment.how(run, crf=crf, scales=scales, flip=flip))
    elif task in TAKES["k"][1]:
        classify.predict(asked, k=k or classify.MOST, as_csv=as_csv, fiftyone=fiftyone)
    else:
        plain.predict(asked)
