"""``visus index``: bring an index up to date with folders of pictures."""

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from visus._errors import InputError
from visus.cli.options import Address, AsJson, Engine, IndexPlace, Processes, default_index, plural, say
from visus.cli.verify import verify_index
from visus.cluster import cluster_for

if TYPE_CHECKING:
    from visus.search import Index, Report, Retrieval
    from visus.search.fitting import Fitted
    from visus.search.report import Progress

EXAMPLES = """
Examples:

    visus index ~/Pictures                       all that is below the folder
    visus index ~/Pictures                       again: only what has changed
    visus index photos scans --index old.visus   an index of their own
    visus index ~/Pictures --exclude '*.png'     without some of them
    visus index ~/Pictures --prune               forget deleted pictures
    visus index --verify --mend                  is every byte as it was written?
    visus index ~/Pictures --descriptor texture  look at texture as well
    visus index shop --model runs/classify/shop-1  with a network that you trained
    visus index ~/Pictures --model siglip2 -i open.visus  so that any sentence can ask
    visus index ~/Pictures --engine ray          by Ray's processes, here or on a cluster
    visus index shop --evaluate shop.csv         measure it against labels
"""


def index(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="Folders and picture files.")] = None,
    place: IndexPlace = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Pass over names or paths such as `'*.png'` or `'private/*'`; repeatable."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove pictures whose files are gone from the index.")
    ] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every file again, whatever its size, times and inode say.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Believe that all pictures of a folder are gone: an empty mount point looks alike."
        ),
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read the whole index and report any damage.")] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="With --verify: describe again the pictures whose rows are damaged.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Network that describes the pictures, or a run of yours; clip or siglip2 for searches by any words.  "
            "[default: efficientnet_lite0]"
        ),
    ] = None,
    weights: Annotated[str, typer.Option(help="'imagenet' or a file of weights.")] = "imagenet",
    store: Annotated[
        Literal["float16", "float32"] | None,
        typer.Option(help="How a new index keeps its vectors.  [default: float16]"),
    ] = None,
    precision: Annotated[
        Literal["auto", "f32", "bf16"],
        typer.Option(help="bf16 is faster on some processors and a little less exact; auto: f32."),
    ] = "auto",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the network runs.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.  [default: all cores]")] = None,
    max_pixels: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="Pass over larger pictures, in megapixels.")
    ] = 200.0,
    rotate: Annotated[
        int | None,
        typer.Option(
            metavar="DIM",
            min=0,
            help="Compare vectors along the DIM directions in which the pictures differ most; 0: along all.  "
            "[default: what finds more pictures of the query's folder]",
        ),
    ] = None,
    whiten: Annotated[
        int | None, typer.Option(metavar="DIM", min=1, help="Deprecated: the same as --rotate.", hidden=True)
    ] = None,
    descriptor: Annotated[
        list[str] | None,
        typer.Option(metavar="[texture|color]", help="Describe this too, for visus search --by; repeatable."),
    ] = None,
    evaluate: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Measure the search against labels (columns file, class)."),
    ] = None,
    engine: Engine = "local",
    address: Address = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Look through folders and remember how each picture looks.

    New and changed pictures are read, moved ones are recognized, missing ones are marked. Stop it at any time, even
    with kill -9, and start it again: what was added stays.
    """
    from visus.search import Index, Report
    from visus.search.evaluate import read_labels
    from visus.search.updating import Interrupted

    rotate = _directions(rotate, whiten)
    more = bool(paths or prune or rotate is not None or evaluate)  # than to verify
    _check(more or verify, paths, descriptor, mend and not verify)
    if evaluate:
        read_labels(evaluate)  # before anything is done, whether it can be read
    location = place or default_index()
    opened = Index(location, model=model, weights=weights, dtype=store or "float16", precision=precision, device=device)
    _say_store(opened, store)
    verified = verify_index(opened, location, mend=mend, as_json=as_json, alone=not more) if verify else {}
    if not more:
        return
    report = None
    if paths:
        with nullcontext() if as_json else ProgressBar() as show:
            try:
                report = opened.add(
                    *paths,
                    exclude=exclude or (),
                    prune=prune,
                    rehash=rehash,
                    force=force,
                    max_pixels=round(max_pixels * 1e6),
                    threads=threads,
                    on_wait=lambda: typer.echo(f"Another process is writing to {location}; waiting for it.", err=True),
                    progress=show,
                    descriptors=descriptor or (),
                    cluster=cluster_for(engine, address, processes, gpus=device == "cuda"),
                )
            except Interrupted as stopped:
                if not as_json:
                    _say(stopped.report, location, len(opened))
                typer.echo("visus: stopped; the same command goes on from here.", err=True)
                raise typer.Exit(130) from None
    elif prune:
        report = Report(pruned=opened.prune(force=force))
    if rotate is not None:
        report = report or Report()
        report.fitted = opened.rotate(rotate)
    if report:
        report.note = report.note or opened.news()
    measures = _measures(opened, evaluate) if evaluate else {}
    _print(report, measures, location, opened, verified if as_json else None)
    if report and report.unreadable and not len(opened):
        raise InputError("None of the pictures could be read.")
    if report and report.vanished:
        raise InputError(" ".join(failure.message for failure in report.vanished))


def _directions(rotate: int | None, whiten: int | None) -> int | None:
    """What --rotate says, or its old name.

    Raises:
        InputError: Both are given.
    """
    if whiten is None:
        return rotate
    if rotate is not None:
        raise InputError("--whiten is an old name of --rotate; say --rotate alone.")
    typer.echo("--whiten is now called --rotate, and divides no more: that did harm.", err=True)
    return whiten


def _say_store(opened: "Index", wanted: str | None) -> None:
    """Say where an index keeps its vectors otherwise than is wanted."""
    if wanted and len(opened) and (kept := opened.about["dtype"]) != wanted:
        typer.echo(
            f"{opened.location} keeps its vectors in {kept}, and goes on so; --store is for a new index.", err=True
        )


def _check(something: bool, paths: list[Path] | None, descriptor: Sequence[str] | None, mend_alone: bool) -> None:
    """Whether the command is asked for something that it can do.

    Raises:
        InputError: It is not.
    """
    if descriptor and not paths:
        raise InputError(f"Name the folder to describe: visus index ~/Pictures --descriptor {descriptor[0]}")
    if mend_alone:
        raise InputError("--mend goes with --verify; say: visus index --verify --mend")
    if not something:
        raise InputError("Name a folder of pictures, for example: visus index ~/Pictures")


def _measures(opened: "Index", labels: Path) -> "dict[str, Retrieval]":
    """How well each descriptor finds; one that describes none of the labeled pictures is left out."""
    measures = {"embedding": opened.evaluate(labels)}
    for by in opened.descriptors[1:]:
        try:
            measures[by] = opened.evaluate(labels, by=by)
        except InputError as error:
            typer.echo(f"{by}: {error}", err=True)
    return measures


def _print(
    report: "Report | None",
    measures: "dict[str, Retrieval]",
    location: str,
    opened: "Index",
    answer: dict[str, Any] | None,
) -> None:
    """Say what was done, or add it to the answer for JSON and print that."""
    rows = len(opened)
    if answer is not None:
        answer |= {"index": str(location), "pictures": rows}
        if report:
            answer["report"] = report.to_dict()
        if measures:
            answer["measures"] = measures["embedding"].to_dict()
            answer["measures_by"] = {by: measure.to_dict() for by, measure in measures.items()}
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    if report:
        _say(report, location, rows)
    for by, measure in measures.items():
        line = "   ".join(f"P@{k} {value:.4f}" for k, value in measure.precision.items())
        recalls = "   ".join(f"recall@{k} {value:.4f}" for k, value in measure.recall.items())
        name = f"{by:9}  " if len(measures) > 1 else ""
        typer.echo(
            f"{name}{line}   {recalls}   mAP {measure.mean_average_precision:.4f}   ({measure.queries:,} queries)"
        )


def _say(report: "Report", location: str, rows: int) -> None:
    counts = ("added", "changed", "moved", "filled", "redescribed", "gone", "pruned", "unchanged")
    parts = [f"{getattr(report, name):,} {name}" for name in counts if getattr(report, name)]
    if report.reread:
        parts[-1] += f" ({report.reread:,} of them read again to check)"
    if report.links:
        parts.append(plural(report.links, "link to a known file", "links to known files"))
    if report.unreadable:
        parts.append(f"{len(report.unreadable):,} unreadable")
    speed = f" ({report.described / report.seconds:.0f} pictures/s)" if report.described and report.seconds else ""
    if parts or report.seconds:
        typer.echo(f"{', '.join(parts) or 'nothing to do'} in {report.seconds:.1f} s{speed}")
    typer.echo(f"{plural(rows, 'picture')} in {location}")
    if report.note:
        typer.echo(report.note, err=True)
    if report.completed:
        typer.echo(f"{plural(report.completed, 'row')} from visus 0.1 upgraded; --rehash reads the files again.")
    for note, count in report.notes.most_common():
        typer.echo(f"{plural(count, 'picture')}: {note}")
    if report.passed:
        typer.echo(_passed(report), err=True)
    if report.unvisited:
        typer.echo(f"{plural(report.unvisited, 'picture')} passed over now, but kept in the index.", err=True)
    if report.fitted:
        _say_fitted(report.fitted)
    if report.unreadable:
        typer.echo(f"Could not use {plural(len(report.unreadable), 'file')}:", err=True)
        for failure in report.unreadable:
            say(f"  {failure.message}", error=True)


def _say_fitted(fitted: "Fitted") -> None:
    """How vectors are compared from now on, where that is not as always."""
    if fitted.dimension:
        told = ""
        if fitted.before is not None and fitted.after is not None:
            told = f": of ten hits, {fitted.after:.1%} from the query's folder in place of {fitted.before:.1%}"
        typer.echo(f"Compared along {plural(fitted.dimension, 'direction')}{told}")
    if fitted.recall is not None:
        typer.echo(f"The search finds {fitted.recall:.1%} of the ten nearest pictures.")


def _passed(report: "Report") -> str:
    """One line on what was passed over: pictures that could be read some other way first."""
    ordered = sorted(report.passed.items(), key=lambda item: (-item[1], item[0]))
    parts: list[str] = []
    for way in dict.fromkeys(report.hints.values()):
        names = [_named(what, count) for what, count in ordered if report.hints.get(what) == way]
        parts.append(f"{', '.join(names)} ({way})")
    others = [item for item in ordered if item[0] not in report.hints]
    parts += [_named(what, count) for what, count in others[:12]]
    if len(others) > 12:
        parts.append(f"{sum(count for _, count in others[12:]):,} others")
    return f"{sum(report.passed.values()):,} passed over: {', '.join(parts)}"


def _named(what: str, count: int) -> str:
    """How many files of an ending, such as ``txt``, of a kind, such as ``HEIC``, or of a name."""
    if what == "broken link":
        return plural(count, what)
    ending = what.isalnum() and not what.isupper()
    return f"{count:,} {f'.{what}' if ending else what or 'without an extension'}"


class ProgressBar:
    """A bar with pictures per second and the time left, on standard error; gone when it is closed."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(file=sys.stderr)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar.__enter__()
        self._task = self._bar.add_task("looking for pictures", total=None, speed="")
        return self

    def __call__(self, progress: "Progress") -> None:
        """Show how far an update is."""
        speed = self._bar.tasks[0].speed
        self._bar.update(
            self._task,
            description="describing",
            completed=progress.done,
            total=progress.total,
            speed=f"{speed:.0f} pictures/s" if speed else "",
        )

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(None, None, None)
