"""``visus demo``: the main job on real photographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visus.cli.options import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from visus.search.demo import Shown

EXAMPLES = """
Examples:

    visus demo                         44 photographs that ship with visus
    visus demo --pictures ~/Pictures   the same on your own folder
"""


def demo(
    pictures: Annotated[Path | None, typer.Option(help="Your own folder instead of the shipped photographs.")] = None,
    out: Annotated[Path, typer.Option(help="Where pictures, index and contact sheets go.")] = Path("visus-demo"),
) -> None:
    """Index real photographs and search with versions of them that were not indexed."""
    from visus.cli.index import ProgressBar
    from visus.search import Index
    from visus.search import demo as demonstration

    if pictures:
        opened = Index(out / "own.visus")
        with ProgressBar() as show:
            report = opened.add(pictures, progress=show)
        shown = demonstration.own_queries(opened, pictures, out)
    else:
        typer.echo(f"{len(demonstration.photographs())} photographs, each as {', '.join(demonstration.VERSIONS)}")
        with ProgressBar() as show:
            opened, report = demonstration.index_versions(out, show)
        shown = demonstration.queries(opened, out)
    typer.echo(f"Indexed {plural(len(opened), 'picture')} ({report.added:,} new) in {report.seconds:.1f} s")
    typer.echo(f"Each query is a version that was not indexed: {', '.join(demonstration.QUERIES)}")
    _show(shown)
    own = pictures or Path("~/Pictures")
    typer.echo(f"\nNow your own pictures:\n  visus index {own}\n  visus search {own / 'one.jpg'} --sheet hits.png")


def _show(shown: "Iterable[Shown]") -> None:
    precisions: dict[str, list[float]] = {}
    for query in shown:
        typer.echo(f"{query.name:20} {query.version:15} P@{query.k} {query.precision:.2f}   {query.sheet}")
        precisions.setdefault(query.version, []).append(query.precision)
    for version, values in precisions.items():
        typer.echo(f"{'mean':20} {version:15} {sum(values) / len(values):9.3f}")
