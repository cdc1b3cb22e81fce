"""``visus explain METHOD``: which pixels of a picture speak for a class."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from visus.cli.options import PICTURE_ENDINGS, AsJson, ending, numbers, pixel

METHODS = {
    "saliency": "The gradient of the class's score.",
    "input": "The gradient times the picture.",
    "smoothgrad": "The mean gradient of noisy pictures.",
    "guided": "Guided backpropagation.",
    "deconv": "The deconvnet.",
    "integrated": "The mean gradient on the way from black.",
    "gradcam": "Maps of a layer, weighed by their mean gradients.",
    "guided_gradcam": "Guided backpropagation times Grad-CAM.",
    "occlusion": "How far the score falls where a patch is covered.",
}

_EXAMPLES = """
Examples:

    visus explain {0} efficientnet_lite0 cat.jpg                      the likeliest class; writes why.png
    visus explain {0} runs/classify/flowers-1 rose.jpg --target tulip another one
    visus explain {0} runs/segment/camvid-1 street.jpg --at 120,200   why a pixel has its class
    visus explain {0} runs/detect/cells-1 slide.jpg --box 10,20,90,80 why a box has its class
    visus explain {0} resnet50 cat.jpg --out cat.npy                  the values themselves
    visus explain {0} efficientnet_lite0 cat.jpg --sanity --curves    can the map be trusted
"""


def examples(method: str) -> str:
    """What ``--help`` of a method shows."""
    return _EXAMPLES.format(method)


def command(method: str) -> Callable[..., None]:
    """The command of a method."""

    def explain(
        source: Annotated[str, typer.Argument(metavar="RUN|NET", help="A run, or a network with ImageNet weights.")],
        picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
        target: Annotated[str | None, typer.Option(help="Name or number of a class.  [default: the likeliest]")] = None,
        layer: Annotated[
            str | None, typer.Option(help="Of gradcam: its name in visus nets.  [default: the last map]")
        ] = None,
        at: Annotated[
            str | None, typer.Option(metavar="X,Y", help="Of a segmenter: the pixel.  [default: the middle]")
        ] = None,
        box: Annotated[
            str | None,
            typer.Option(metavar="X0,Y0,X1,Y1", help="Of a detector: the box.  [default: the most certain object]"),
        ] = None,
        out: Annotated[
            Path, typer.Option(metavar="PNG|NPY", help="The picture beside the map, or the values as an array.")
        ] = Path("why.png"),
        check_sanity: Annotated[
            bool, typer.Option("--sanity", help="Put the weights at random, layer by layer: is the map destroyed?")
        ] = False,
        with_curves: Annotated[
            bool, typer.Option("--curves", help="Deletion and insertion curves, drawn to OUT-curves.png; their areas.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        _explain(method, source, picture, target, layer, at, box, out, check_sanity, with_curves, as_json)

    explain.__doc__ = f"""Show which pixels speak for a class. {METHODS[method]}

    Of a classifier the class of the picture, of a segmenter that of a pixel, of a detector that of a box.
    """
    return explain


def _explain(
    method: str,
    source: str,
    picture: Path,
    target: str | None,
    layer: str | None,
    at: str | None,
    box: str | None,
    out: Path,
    check_sanity: bool,
    with_curves: bool,
    as_json: bool,
) -> None:
    ending(out, *PICTURE_ENDINGS, ".npy")
    from visus.explain import curves, open_subject, saliency, sanity

    place = None if at is None else pixel("--at", at)
    corners = None if box is None else numbers("--box", box, 4)
    subject = open_subject(source, at=place, box=corners)
    found = saliency(subject, picture, method=method, target=target, layer=layer)  # pyright: ignore[reportArgumentType]
    found.save(out)
    values = {"file": str(picture), **found.to_dict()}
    lines = [f"{picture}  {found.name} {found.probability:.1%}"]
    if found.gap is not None:
        lines.append(f"the values add up to the score less that of a black picture, up to {found.gap:.1%} of it")
    if with_curves:
        drawn = curves(subject, picture, found)
        drawn.save(out.with_name(f"{out.stem}-curves.png"))
        deletion, insertion = drawn.areas
        values |= {"deletion": deletion, "insertion": insertion}
        lines.append(f"area while pixels go {deletion:.3f} (small is good), while they come {insertion:.3f} (large is)")
    if check_sanity:
        checked = sanity(subject, picture, method=found.method, target=found.target, layer=layer)
        values |= {"sanity": dict(zip(map(str, checked.layers), checked.similarity, strict=True))}
        values["sane"] = checked.passed
        steps = ", ".join(f"{n}: {s:.2f}" for n, s in zip(checked.layers, checked.similarity, strict=True))
        verdict = "the map depends on what was learned" if checked.passed else "the map shows the picture, not the net"
        lines.append(f"rank correlation with so many layers at random: {steps}; {verdict}")
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines))
    typer.echo(f"Wrote {out}", err=True)
