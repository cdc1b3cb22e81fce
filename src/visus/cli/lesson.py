"""``visus lesson``: the ideas of a course, each a picture and three sentences."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from visus._errors import InputError
from visus.cli.options import PICTURE_ENDINGS, AsJson, ending, numbers, progress, save_picture, spare

EXAMPLES = """
Examples:

    visus lesson                          all of them by name
    visus lesson losses                   entropy, hinge and cross-entropy: losses.png
    visus lesson upsampling --picture cat.jpg --out up.png
    visus lesson optimizers --momentum 0.99 --rho 0.5
    visus lesson nms --lang zh            in Chinese
    visus lesson --all                    the whole album as one page: lessons.html
"""

_OWN = "Of single lessons"


def lesson(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A lesson; none: list them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All lessons, as one page of HTML.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where the picture goes, or the page.  [default: NAME.png, lessons.html]")
    ] = None,
    lang: Annotated[Literal["en", "zh"], typer.Option(help="English or Chinese.")] = "en",
    picture: Annotated[
        Path | None, typer.Option(help="Your own picture instead of a shipped one.", rich_help_panel=_OWN)
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="optimizers: in [0, 1].", rich_help_panel=_OWN)] = None,
    rho: Annotated[float | None, typer.Option(help="optimizers: of RMSProp.", rich_help_panel=_OWN)] = None,
    betas: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="optimizers: of Adam.", rich_help_panel=_OWN)
    ] = None,
    bias_correction: Annotated[
        bool | None,
        typer.Option("--bias-correction/--no-bias-correction", help="optimizers: of Adam.", rich_help_panel=_OWN),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show an idea of the course: a picture, three sentences, and the numbers behind them."""
    from visus.lessons import LESSONS

    options: dict[str, Any] = {
        "picture": picture,
        "momentum": momentum,
        "rho": rho,
        "betas": None if betas is None else numbers("--betas", betas, 2),
        "bias_correction": bias_correction,
    }
    given = {option: value for option, value in options.items() if value is not None}
    if everything:
        if name is not None or given or as_json:
            raise InputError("--all makes the page of all lessons; leave NAME and the options of lessons away.")
        _album(out or Path("lessons.html"), lang)
        return
    if name is None:
        if out is not None or given:
            raise InputError("Name a lesson, for example: visus lesson losses")
        titles = {own: title.zh if lang == "zh" else title.en for own, title in LESSONS.items()}
        typer.echo(
            json.dumps(titles, ensure_ascii=False)
            if as_json
            else "\n".join(f"{own:16} {title}" for own, title in titles.items())
        )
        return
    _one(name, out or Path(f"{name}.png"), lang, given, as_json)


def _one(name: str, out: Path, lang: Literal["en", "zh"], given: dict[str, Any], as_json: bool) -> None:
    ending(out, *PICTURE_ENDINGS)
    spare(out, *([given["picture"]] if "picture" in given else []))
    from visus import lessons
    from visus.images import read

    if "picture" in given:
        given["picture"] = read(given["picture"])
    found = lessons.lesson(name, lang=lang, **given)
    typer.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else "\n".join(found.sentences))
    if found.note:
        typer.echo(found.note, err=True)
    save_picture(out, found.picture)


def _album(out: Path, lang: Literal["en", "zh"]) -> None:
    ending(out, ".html")
    from visus._files import write_atomically
    from visus.lessons import album, fonts

    with progress("drawing") as tell:
        page = album(lang=lang, progress=tell)
    write_atomically(out, page.encode())
    if lang == "zh" and not fonts.has_chinese():
        typer.echo(fonts.ADVICE, err=True)
    typer.echo(f"Wrote {out}", err=True)
