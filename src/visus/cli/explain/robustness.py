"""``visus explain robustness``: how answers get worse as pictures are changed."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from visus.cli.options import AsJson, Source, ending, fraction, progress, spare

EXAMPLES = """
Examples:

    visus explain robustness runs/classify/flowers-1                  the pictures that it was not trained on
    visus explain robustness runs/classify/flowers-1 more-flowers --epsilon 1/255 --epsilon 8/255
    visus explain robustness efficientnet_lite0 photos --most 200     do its answers stay the same
    visus explain robustness runs/classify/flowers-1 --attack pgd --steps 40 --out table.csv
    visus explain robustness runs/detect/cells-1 --out runs/detect/cells-1/robustness.csv     for the run's card.md
"""


def robustness(
    source: Source,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Labeled pictures, or a folder.  [default: those of the training]"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test]")] = None,
    epsilon: Annotated[
        list[str] | None,
        typer.Option(
            help="A size of change; may be given again.  [default: classifiers 0.5 to 4 parts of 255, others 4 to 16]"
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="Classifiers: fgsm, ifgsm, pgd or deepfool; may be given again.  [default: fgsm, pgd]"),
    ] = None,
    norm: Annotated[
        Literal["linf", "l2"] | None, typer.Option(help="Classifiers: of the change.  [default: linf]")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Classifiers: of attacks by steps.  [default: 10]")] = None,
    most: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures at most, drawn at random.  [default: 1000 of classifiers, else 50]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(metavar="PNG|CSV", help="Curves, or a table.")] = Path("robustness.png"),
    as_json: AsJson = False,
) -> None:
    """Measure a network on pictures changed by noise and JPEG; a classifier by attacks of the same size, too.

    Where a classifier does not know the labels of the pictures, what it says of them unchanged counts as right. Of a
    segmenter it is the mean IoU that is told, of a detector COCO's AP, of a localizer the share that is localized.
    """
    ending(out, ".png", ".pdf", ".svg", ".csv")
    spare(out, *([] if data is None else [data]))
    from visus.runs.robust import measure, save

    sizes = [fraction("--epsilon", text) for text in epsilon] if epsilon else None
    given: dict[str, Any] = {"most": most, "epsilons": sizes, "attacks": attack or None, "norm": norm, "steps": steps}
    options = {name: value for name, value in given.items() if value is not None}
    with progress("measuring") as tell:
        found = measure(source, data, split=split, seed=seed, progress=tell, **options)
    save(found, out)
    typer.echo(json.dumps(found.to_dict()) if as_json else found.describe())
    typer.echo(f"Wrote {out}", err=True)
