"""``visus explain robustness``: how accuracy falls as pictures are changed."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus.cli.options import AsJson, Source, ending, fraction, progress, spare

EXAMPLES = """
Examples:

    visus explain robustness runs/classify/flowers-1                  the pictures that it was not trained on
    visus explain robustness runs/classify/flowers-1 more-flowers --epsilon 1/255 --epsilon 8/255
    visus explain robustness efficientnet_lite0 photos --most 200     do its answers stay the same
    visus explain robustness runs/classify/flowers-1 --attack pgd --steps 40 --out table.csv
"""


def robustness(
    source: Source,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Labeled pictures, or a folder.  [default: those of the training]"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test]")] = None,
    epsilon: Annotated[
        list[str] | None, typer.Option(help="A size of change; may be given again.  [default: 0.5/255 to 4/255]")
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="fgsm, ifgsm, pgd or deepfool; may be given again.  [default: fgsm, pgd]"),
    ] = None,
    norm: Annotated[Literal["linf", "l2"], typer.Option(help="Of the change.")] = "linf",
    steps: Annotated[int, typer.Option(min=1, help="Of attacks by steps.")] = 10,
    most: Annotated[int, typer.Option(min=1, help="Pictures at most; drawn at random.")] = 1000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(metavar="PNG|CSV", help="Curves, or a table.")] = Path("robustness.png"),
    as_json: AsJson = False,
) -> None:
    """Measure a classifier on pictures changed by attacks, and by noise and JPEG of the same size as a control.

    Where the pictures have no labels that the network knows, what it says of them unchanged counts as right.
    """
    ending(out, ".png", ".pdf", ".svg", ".csv")
    spare(out, *([] if data is None else [data]))
    from visus.runs.classify.robust import measure

    with progress("attacking") as tell:
        found = measure(
            source,
            data,
            split=split,
            most=most,
            epsilons=[fraction("--epsilon", text) for text in epsilon] if epsilon else None,
            attacks=attack or ("fgsm", "pgd"),  # pyright: ignore[reportArgumentType] - checked there
            norm=norm,
            steps=steps,
            seed=seed,
            progress=tell,
        )
    found.save(out)
    typer.echo(json.dumps(found.to_dict()) if as_json else found.describe())
    typer.echo(f"Wrote {out}", err=True)
