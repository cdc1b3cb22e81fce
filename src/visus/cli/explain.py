"""``visus explain``: why a network answers as it does."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus.cli.options import AsJson

EXAMPLES = """
Examples:

    visus explain gradcam efficientnet_lite0 cat.jpg                     the likeliest class
    visus explain guided runs/classify/flowers-1 rose.jpg --target tulip another one
    visus explain gradcam resnet50 cat.jpg --layer layer3                an earlier map
    visus explain integrated runs/classify/flowers-1 rose.jpg --out rose.npy   the values themselves
    visus explain gradcam efficientnet_lite0 cat.jpg --sanity --curves   can the map be trusted
"""

Method = Literal[
    "saliency",
    "input",
    "smoothgrad",
    "guided",
    "deconv",
    "integrated",
    "gradcam",
    "guided_gradcam",
    "occlusion",
]


def explain(
    method: Annotated[Method, typer.Argument(metavar="METHOD", help="How; see below.")],
    source: Annotated[str, typer.Argument(metavar="RUN|NET", help="A run, or a network with ImageNet weights.")],
    picture: Annotated[Path, typer.Argument(metavar="PICTURE")],
    target: Annotated[str | None, typer.Option(help="Name or number of a class.  [default: the likeliest]")] = None,
    layer: Annotated[
        str | None, typer.Option(help="Of gradcam: its name in visus nets.  [default: the last map]")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="PNG|NPY", help="The picture beside the map, or the values as an array.")
    ] = Path("why.png"),
    check_sanity: Annotated[
        bool, typer.Option("--sanity", help="Put the weights at random, layer by layer: is the map destroyed?")
    ] = False,
    with_curves: Annotated[
        bool, typer.Option("--curves", help="Areas under the deletion and insertion curves.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which pixels of a picture speak for a class.

    saliency: the gradient. input: times the picture. smoothgrad: over noisy pictures. guided, deconv: through
    rectifiers by their own rules. integrated: on the way from black. gradcam: maps of a layer. guided_gradcam: both.
    occlusion: patches covered.
    """
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".npy"):
        raise InputError(f"--out must end in .png or .jpg (a picture) or .npy (the values), not {out.suffix!r}.")
    from visus.explain import curves, open_subject, saliency, sanity

    subject = open_subject(source)
    found = saliency(subject, picture, method=method, target=target, layer=layer)
    found.save(out)
    values = {"file": str(picture), "method": method, "class": found.name, "probability": round(found.probability, 6)}
    lines = [f"{picture}  {found.name} {found.probability:.1%}"]
    if with_curves:
        deletion, insertion = curves(subject, picture, found).areas
        values |= {"deletion": deletion, "insertion": insertion}
        lines.append(f"area while pixels go {deletion:.3f} (small is good), while they come {insertion:.3f} (large is)")
    if check_sanity:
        checked = sanity(subject, picture, method=method, target=found.target, layer=layer)
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
