"""What a trained network answers to many files, here or by the processes of a cluster."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from visus._errors import InputError
from visus.cluster import Cluster
from visus.runs.predict import Predictor, Unreadable

Answers = Callable[[list[str]], list[Any]]
"""From files to an answer, or an :class:`Unreadable`, for each."""


def answers(
    make: Callable[[], Answers], files: Sequence[str], *, batch: int = 1, cluster: Cluster | None = None
) -> Iterator[Any]:
    """Answers to files, in their order; what cannot be read is told in its place.

    Args:
        make: Makes what answers; called once here, or once in each process of a cluster.
        files: Paths, which the machines of a cluster must see too.
        batch: Files that are answered at once.
        cluster: Where the work is done; None for here.
    """
    places = [os.path.abspath(file) for file in files] if cluster else files
    batches = (list(places[start : start + batch]) for start in range(0, len(places), batch))
    parts = cluster.map(make, batches) if cluster else map(make(), batches)
    for file, answer in zip(files, itertools.chain.from_iterable(parts), strict=True):
        yield dataclasses.replace(answer, path=file)


def of_classifier(run: Path, k: int) -> Answers:
    """What a classifier answers; see :meth:`visus.runs.predict.Predictor.predict_many`."""
    predictor = Predictor(run)
    return lambda files: list(predictor.predict_many(files, k=k))


def network_of(run: Path, task: str, **options: Any) -> Any:  # noqa: ANN401 - of its task
    """A trained network that answers one picture after the other, with the options of its task."""
    if task in ("detect", "localize"):
        from visus.runs.detect_predict import Detecting

        return Detecting(run, **options)
    if task == "segment":
        from visus.runs.segment_predict import Segmenting

        return Segmenting(run, **options)
    return Predictor(run, **options)


def one_by_one(run: Path, task: str, options: dict[str, Any]) -> Answers:
    """What a network answers that takes one file at a time; see :func:`network_of`."""
    network = network_of(run, task, **options)

    def answer(file: str) -> Any:  # noqa: ANN401
        try:
            return network.predict(file)
        except InputError as error:
            return Unreadable(file, str(error))

    return lambda files: [answer(file) for file in files]
