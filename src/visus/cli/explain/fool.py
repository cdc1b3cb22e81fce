"""``visus explain fool``: a change too small to see that changes the answer."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import PICTURE_ENDINGS, AsJson, Source, ending, fraction, numbers, pixel, spare

EXAMPLES = """
Examples:

    visus explain fool efficientnet_lite0 cat.jpg
    visus explain fool runs/classify/flowers-1 rose.jpg --target tulip --epsilon 2/255
    visus explain fool efficientnet_lite0 cat.jpg --attack deepfool --norm l2 --epsilon 2
    visus explain fool efficientnet_lite0 --target goldfish              from noise
    visus explain fool runs/detect/cells-1 slide.jpg --box 10,20,90,80 --target background
"""


def fool(
    source: Source,
    picture: Annotated[
        Path | None, typer.Argument(metavar="[PICTURE]", help="Without one, noise is made into --target.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="What it shall be taken for.  [default: anything else]")] = None,
    attack: Annotated[Literal["fgsm", "ifgsm", "pgd", "deepfool"], typer.Option(help="How it is changed.")] = "pgd",
    epsilon: Annotated[str, typer.Option(help="Largest change, as a share of white.")] = "2/255",
    norm: Annotated[Literal["linf", "l2"], typer.Option(help="Of the change: its largest value, or its length.")] = (
        "linf"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Of ifgsm and pgd.")] = 20,
    at: Annotated[str | None, typer.Option(metavar="X,Y", help="Of a segmenter: the pixel.")] = None,
    box: Annotated[str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Of a detector: the box.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[
        Path, typer.Option(metavar="PNG|NPY", help="Before, change x 20 and after, or the picture after.")
    ] = Path("fooled.png"),
    as_json: AsJson = False,
) -> None:
    """Change a picture so little that nobody sees it, and so that the network takes it for something else."""
    ending(out, *PICTURE_ENDINGS, ".npy")
    spare(out, *([] if picture is None else [picture]))
    from visus.explain import fool as change
    from visus.explain import fool_from_noise

    if picture is None:
        plain = (attack, epsilon, norm, steps, at, box) == ("pgd", "2/255", "linf", 20, None, None)
        if not plain:
            raise InputError("Without a picture only --target, --seed and --out have a meaning; name a picture.")
        if target is None:
            raise InputError("Name a picture, or with --target the class that noise shall become.")
        found = fool_from_noise(source, target, seed=seed)
    else:
        corners = None if box is None else numbers("--box", box, 4)
        found = change(
            source,
            picture,
            how=attack,
            target=target,
            epsilon=fraction("--epsilon", epsilon),
            norm=norm,
            steps=steps,
            at=None if at is None else pixel("--at", at),
            box=corners,
            seed=seed,
        )
    found.save(out)
    before, after = (f"{n} {p:.1%}" for n, p in zip(found.names, found.probabilities, strict=True))
    if as_json:
        values = {"before": found.names[0], "after": found.names[1], "probabilities": list(found.probabilities)}
        values |= {"fooled": found.fooled, "linf": found.linf, "l2": found.l2}
        typer.echo(json.dumps({"file": None if picture is None else str(picture), **values}, ensure_ascii=False))
    else:
        typer.echo(f"{picture or 'noise'}  {before}  ->  {after}")
        typer.echo(f"largest change {255 * found.linf:.1f} of 255, length {found.l2:.3f}")
        if not found.fooled:
            typer.echo("The network was not fooled; try a larger --epsilon or more --steps.")
    typer.echo(f"Wrote {out}", err=True)
