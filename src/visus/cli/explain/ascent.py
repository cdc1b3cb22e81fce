"""``visus explain ascent``: the picture that excites a class or a channel most."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus._errors import InputError
from visus.cli.options import PICTURE_ENDINGS, AsJson, OutPng, Source, ending, progress, save_picture

if TYPE_CHECKING:
    from visus.explain import Ascent

EXAMPLES = """
Examples:

    visus explain ascent efficientnet_lite0 --target goldfish --target pizza
    visus explain ascent efficientnet_lite0 --target goldfish --plain    beside what regularizers make of it
    visus explain ascent runs/classify/flowers-1 --target rose --steps 512
    visus explain ascent efficientnet_lite0 --layer blocks.3 --channel 5 --channel 17
"""


def ascent(
    source: Source,
    target: Annotated[list[str] | None, typer.Option(help="Name or number of a class; may be given again.")] = None,
    layer: Annotated[str | None, typer.Option(help="In place of a class: its name in visus nets.")] = None,
    channel: Annotated[list[int] | None, typer.Option(min=0, help="Of the layer; may be given again.")] = None,
    unit: Annotated[bool, typer.Option("--unit", help="The unit in the middle alone, not the whole channel.")] = False,
    size: Annotated[int | None, typer.Option(min=32, max=1024, help="Side in pixels.  [default: the net's]")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the ascent.")] = 256,
    noise: Annotated[float, typer.Option(min=0, help="At the start: 0.01 is all but gray, 1 is noise.")] = 0.01,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    plain: Annotated[
        bool, typer.Option("--plain", help="From black, only the gradient added; beside it the usual ascent.")
    ] = False,
    out: OutPng = Path("ascent.png"),
    as_json: AsJson = False,
) -> None:
    """Draw what a class, a channel or a unit looks for, by gradient ascent from a gray picture."""
    ending(out, *PICTURE_ENDINGS)
    from visus.explain import ascend, ascend_plainly

    if plain and (layer is not None or channel or unit):
        raise InputError("--plain is for classes: say --target, and leave --layer, --channel and --unit away.")
    with progress("climbing") as tell:
        found = ascend(
            source,
            target or (),
            layer=layer,
            channels=channel or (),
            unit=unit,
            size=size,
            steps=steps,
            noise=noise,
            seed=seed,
            progress=tell,
        )
    if plain:
        with progress("climbing") as tell:
            bare = ascend_plainly(source, target or (), size=size, steps=steps, progress=tell)
        _beside(bare, found, out, as_json)
        return
    shares = found.probabilities or (None,) * len(found.names)
    if as_json:
        rows = [{"name": name, "probability": share} for name, share in zip(found.names, shares, strict=True)]
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for name, share in zip(found.names, shares, strict=True):
            typer.echo(name if share is None else f"{name} {share:.1%}")
    save_picture(out, found.sheet())


def _beside(plain: "Ascent", regularized: "Ascent", out: Path, as_json: bool) -> None:
    """What the bare gradient finds, and beside it what the regularizers make of it."""
    from visus.explain.plain_ascent import brightened
    from visus.images import draw

    kinds = {"plain": plain, "regularized": regularized}
    rows = [
        {"name": own.names[k], "kind": kind, "probability": (own.probabilities or ())[k]}
        for k in range(len(plain.names))
        for kind, own in kinds.items()
    ]
    text = "\n".join(f"{row['name']} {row['kind']} {row['probability']:.1%}" for row in rows)
    typer.echo(json.dumps(rows, ensure_ascii=False) if as_json else text)
    pictures, titles = [], []
    for k, name in enumerate(plain.names):
        bright = brightened(plain.pictures[k])
        pictures += [plain.pictures[k], bright, regularized.pictures[k]]
        shares = [(own.probabilities or ())[k] for own in (plain, regularized)]
        titles += [f"{name}\nplain {shares[0]:.1%}", "the same\nbrightened", f"{name}\nregularized {shares[1]:.1%}"]
    save_picture(out, draw.contact_sheet(pictures, titles, columns=3, tile=224))
