"""What ``visus predict`` was asked for, and what it says of files that cannot be used."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from visus._errors import InputError
from visus.cli.options import plural
from visus.cluster import Cluster

if TYPE_CHECKING:
    from visus.graphs.saved import Saved
    from visus.runs.answers import Unreadable


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a network.

    Attributes:
        saved: The network.
        places: Pictures and folders of them.
        as_json: Whether it is told to a program.
        cluster: Where the work is done; None for here.
        by_graph: Whether the graph of the run answers, without PyTorch.
        int8: Whether that of 8 bits does.
        lost: What could not be used, as it is found.
    """

    saved: "Saved"
    places: list[Path]
    as_json: bool = False
    cluster: Cluster | None = None
    by_graph: bool = False
    int8: bool = False
    lost: "list[Unreadable]" = field(default_factory=list)

    def answers(self, files: list[str], options: dict[str, Any], *, batch: int = 1) -> Iterator[tuple[int, Any]]:
        """The answers to files with their places in the list; what cannot be used is kept, and told to people.

        Args:
            files: The files.
            options: Of the task's predictor.
            batch: Files that are answered at once.
        """
        from visus.runs.answers import Unreadable, answers
        from visus.runs.record.folder import decoded_before
        from visus.runs.registry import answering

        if said := decoded_before(self.saved.home):
            typer.echo(said, err=True)

        options = {**options, "int8": True} if self.int8 else options
        make = partial(answering, self.saved.place.absolute(), self.saved.task, options, self.by_graph)
        for place, answer in enumerate(answers(make, files, batch=batch, cluster=self.cluster)):
            if isinstance(answer, Unreadable):
                self.lost.append(answer)
            else:
                yield place, answer

    def close(self, rows: list[dict[str, Any]], *, answered: int) -> None:
        """Tell a program the answers, and everybody what could not be used.

        Args:
            rows: The answers as plain values.
            answered: How many there are.

        Raises:
            InputError: None of the files could be used.
        """
        if self.as_json:
            lost = [{"file": own.path, "error": own.message} for own in self.lost]
            typer.echo(json.dumps({"predictions": rows, "unreadable": lost}, ensure_ascii=False))
        elif self.lost:
            typer.echo(f"Could not use {plural(len(self.lost), 'file')}:", err=True)
            for own in self.lost:
                typer.echo(f"  {own.message}", err=True)
        if not answered:
            raise InputError("None of the files could be used.")
