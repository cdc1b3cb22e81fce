"""``visus search``: find the pictures that look most like one, or show what words name."""

import contextlib
import gc
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from visus._errors import InputError
from visus.cli.options import (
    AsJson,
    IndexPlace,
    Print0,
    default_index,
    human_size,
    plural,
    print_paths,
    save_picture,
    say,
    spare,
)

if TYPE_CHECKING:
    from visus.runs.detect.search import ObjectHits
    from visus.search import Hit, Hits, Index

Options = dict[str, Any]

_MINUS = "−"  # the sign that is no beginning of an option

EXAMPLES = """
Examples:

    visus search cat.jpg                        the twelve most like it
    visus search cat.jpg -k 30 --sheet c.png    thirty, and a contact sheet
    visus search "elephants"                    pictures that show elephants
    visus search "cat.jpg + snow - 0.5 beach"   like a picture, more snow, less beach
    visus search a.jpg b.jpg --unlike c.jpg     like two, unlike a third
    visus search a.jpg --region 40,60,220,300   like a part of a picture
    visus search a.jpg --detect runs/detect/a-1 like each object that a detector finds in it
    visus search a.jpg --why why.png            where the best hit agrees
    visus search a.jpg --where 'width >= 1000'  only large pictures
    visus search a.jpg --rerank geometry        the same object first
    visus search a.jpg --by texture             a surface like this one
"""


class Command(TyperCommand):
    """A command that takes ``-snow`` for a term of its query with its sign: no option is called so."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of click, which typer may bring itself
        """Read the arguments."""
        valued = {name for own in self.params if not getattr(own, "is_flag", True) for name in own.opts}
        names = {name for own in self.params for name in (*own.opts, *own.secondary_opts)} | {"-h", "--help"}
        return super().parse_args(ctx, signed(args, names, valued))


def signed(args: Sequence[str], names: set[str], valued: set[str]) -> list[str]:
    """The arguments with another sign for a minus that belongs to a term.

    Args:
        args: As they were typed.
        names: Of all options.
        valued: Options that are followed by a value, which stays as it is.

    Raises:
        InputError: An option is written with one dash in place of two.

    >>> own = {"--min-score", "-k"}
    >>> signed(["owl", "-t-shirt", "--min-score", "-1", "-k5", "--", "-dog"], own, own)
    ['owl', '−t-shirt', '--min-score', '-1', '-k5', '--', '-dog']
    """
    found: list[str] = []
    for place, own in enumerate(args):
        if own == "--":
            return [*found, *args[place:]]
        is_value = place > 0 and args[place - 1] in valued
        if is_value or not own.startswith("-") or own.startswith("--") or _is_short(own, names, valued):
            found.append(own)
            continue
        if f"-{own.partition('=')[0]}" in names:
            raise InputError(f"{own} is no option; write -{own}, or '- {own[1:]}' if that is to be avoided.")
        found.append(f"{_MINUS}{own[1:]}")
    return found


def _is_short(own: str, names: set[str], valued: set[str]) -> bool:
    """Whether an argument is a short option, perhaps with its value behind it: ``-k5``, or a place that there is."""
    name, value = own[:2], own[2:]
    if own == "-" or (name in names and not value):
        return True
    return name in valued and (value.isdecimal() or Path(value).expanduser().exists())


def search(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE|WORDS...",
            help='A picture, words, or a mixture such as "dog.jpg + snow - 0.5 beach"; several ask together.',
        ),
    ] = None,
    place: IndexPlace = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of hits.")] = 12,
    plus: Annotated[
        list[str] | None,
        typer.Option(metavar="[WEIGHT:]TERM", help="A picture or words that ask too: snow, 0.5:snow; repeatable."),
    ] = None,
    minus: Annotated[
        list[str] | None, typer.Option(metavar="[WEIGHT:]TERM", help="What is taken away, likewise; repeatable.")
    ] = None,
    unlike: Annotated[list[Path] | None, typer.Option(help="A picture to keep away from; repeatable.")] = None,
    region: Annotated[
        str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Only this part of the picture, in pixels.")
    ] = None,
    detect: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Search for each object that a trained detector finds, on its own."),
    ] = None,
    conf: Annotated[
        float | None, typer.Option(help="With --detect: least score of an object.  [default: 0.5; of a localizer 0]")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=-1,
            max=1,
            help="Least score of a hit, at most 1: of a word its probability, of pictures around the mean of the "
            "index, so lower than a cosine.",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Condition on path, width, height, size, depth, container, mtime, seen, captured.",
        ),
    ] = None,
    rerank: Annotated[
        Literal["expansion", "geometry"] | None, typer.Option(help="Look at the best hits a second time.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(metavar="[embedding|texture|color]", help="What is compared; see visus index --descriptor."),
    ] = "embedding",
    exact: Annotated[bool, typer.Option("--exact", help="Compare every vector, in a large index too.")] = False,
    sheet: Annotated[Path | None, typer.Option(metavar="PNG", help="Write a contact sheet.")] = None,
    why: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Write heat maps: where query and best other hit agree."),
    ] = None,
    max_pixels: Annotated[float, typer.Option(min=0.001, max=1e6, help="Largest query, in megapixels.")] = 200.0,
    weights: Annotated[str, typer.Option(help="The file of weights that the index was made with.")] = "imagenet",
    print0: Print0 = False,
    as_json: AsJson = False,
) -> None:
    """Find the pictures that look most like a picture, or show what words name."""
    with _quick_imports():
        from visus.search import Index

    location = place or default_index()
    index = Index(location, weights=weights)
    asked = pictures or []
    files = _files(asked, plus or [], minus or [])
    for option, out in (("--sheet", sheet), ("--why", why)):
        spare(out, *files, *(unlike or ()), index=index, what=option)
    options: Options = {
        "k": k,
        "plus": plus or (),
        "minus": minus or (),
        "unlike": unlike or (),
        "min_score": min_score,
        "where": where,
        "rerank": rerank,
        "exact": exact,
        "by": by,
        "max_pixels": round(max_pixels * 1e6),
    }
    if detect is not None:
        if len(asked) != 1 or files != asked or region or why:
            raise InputError("--detect takes one picture and goes with neither --region nor --why; leave them out.")
        objects = _objects(index, Path(asked[0]), detect, conf, options, sheet)
        if as_json:
            found = [own.to_dict() for own in objects]
            typer.echo(json.dumps({"index": str(location), "objects": found}, ensure_ascii=False))
        else:
            _tables(objects, index)
        return
    if conf is not None:
        raise InputError("--conf goes with --detect RUN; leave it out, or name a detector.")
    hits = index.search(asked, region=_box(region) if region else None, **options)
    if as_json:
        typer.echo(json.dumps({"index": str(location), **hits.to_dict()}, ensure_ascii=False))
    elif print0:
        _paths(hits)
    else:
        _table(hits, index)
    for note in hits.notes:
        typer.echo(note, err=True)
    if sheet:
        save_picture(sheet, hits.sheet())
    if why:
        save_picture(why, _other(hits, files).why().picture())


def _objects(
    index: "Index", picture: Path, run: Path, conf: float | None, options: Options, sheet: Path | None
) -> "list[ObjectHits]":
    """Search for each object of a picture, and write a contact sheet where one is asked for."""
    from visus.graphs.boxes import Limits
    from visus.runs.detect import search as by_object
    from visus.runs.detect.predict import DetectPredictor

    predictor = DetectPredictor(run, limits=None if conf is None else Limits(score=conf))
    objects = by_object.search_objects(index, picture, predictor, **options)
    if sheet and objects:
        save_picture(sheet, by_object.sheet(objects))
    return objects


def _tables(objects: "list[ObjectHits]", index: "Index") -> None:
    if not objects:
        typer.echo("The detector finds no object; lower --conf.", err=True)
    for own in objects:
        typer.echo(f"{own.name} {own.score:.2f} at {','.join(map(str, own.box))}")
        _table(own.hits, index)


class _NoPandas:
    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextlib.contextmanager
def _quick_imports() -> Iterator[None]:
    """Hide pandas from what is imported meanwhile: pyarrow would load it, for nothing, for a quarter of the time.

    Nor is garbage looked for: modules are none, and looking through all of them took a tenth of the time.
    """
    gc.disable()
    sys.meta_path.insert(0, _NoPandas)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoPandas)
        gc.freeze()
        gc.enable()


def _box(text: str) -> tuple[int, int, int, int]:
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"--region wants four whole numbers x0,y0,x1,y1, for example 40,60,220,300, not {text!r}."
        ) from error
    return x0, y0, x1, y1


def _files(asked: list[str], plus: list[str], minus: list[str]) -> list[str]:
    """The files among the terms of a query."""
    from visus.search.words.terms import terms_of, weighted

    terms = [*terms_of(asked), *(weighted(own, 1.0) for own in (*plus, *minus))]
    return [term.picture for term in terms if isinstance(term.picture, str)]


def _other(hits: "Hits", pictures: list[str]) -> "Hit":
    """The best hit that is not the query itself."""
    own = {os.path.abspath(os.path.expanduser(picture)) for picture in pictures}
    others = [hit for hit in hits if hit.path not in own]
    if not others:
        raise InputError("There is no other hit to explain; ask for more hits with -k.")
    return others[0]


def _paths(hits: "Hits") -> None:
    """The files that are there, for another program."""
    print_paths(path for hit in hits if not hit.missing for path in (hit.path, *hit.copies))
    if missing := sum(hit.missing for hit in hits):
        typer.echo(f"{plural(missing, 'hit')} left out: the file is missing.", err=True)


def _table(hits: "Hits", index: "Index") -> None:
    from visus.search.words.chance import NOT_CERTAIN

    if not len(hits):
        nothing = f"There are no pictures in {index.location}; add some: visus index FOLDER"
        if not any(note.startswith(NOT_CERTAIN) for note in hits.notes):
            typer.echo("Nothing found; lower --min-score or widen --where." if len(index) else nothing, err=True)
        return
    for hit in hits:
        note = f"   ({hit.note})" if hit.note else ""
        size = f"{hit.width}x{hit.height}"
        missing = "   MISSING" if hit.missing else ""
        say(f"{hit.score:6.3f}  {hit.path}  {size}  {human_size(hit.size)}{note}{missing}")
        for copy in hit.copies:
            say(f"        the same content: {copy}")
