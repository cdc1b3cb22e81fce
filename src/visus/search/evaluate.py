"""How good a search is, measured against labels.

Every picture asks for the others (leave-one-out); relevant are those with its label. Measures as in Manning,
Raghavan, Schuetze, "Introduction to information retrieval" (2008), section 8.4.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images.check import whole


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Measures of retrieval, each the mean over all queries.

    Attributes:
        precision: By k, the share of relevant pictures among the first k.
        recall: By k, the share of the relevant pictures that are among the first k.
        mean_average_precision: mAP over the whole ranking.
        queries: Number of queries.
    """

    precision: dict[int, float]
    recall: dict[int, float]
    mean_average_precision: float
    queries: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "precision": {str(k): round(value, 4) for k, value in self.precision.items()},
            "recall": {str(k): round(value, 4) for k, value in self.recall.items()},
            "map": round(self.mean_average_precision, 4),
            "queries": self.queries,
        }


def retrieval(
    vectors: NDArray[np.floating],
    labels: Sequence[object],
    *,
    ks: Sequence[int] = (1, 10, 20),
    block: int | None = None,
) -> Retrieval:
    """Measure a search in which every vector asks for the others.

    Args:
        vectors: ``(N, D)`` float, each of length 1.
        labels: A label for each vector; vectors whose label is unique ask nothing.
        ks: At which numbers of answers precision and recall are measured.
        block: Queries that are compared at once; memory is O(block * N). None takes about a gigabyte at most.

    Raises:
        InputError: The numbers differ, no label occurs twice, or a ``k`` is below 1.
    """
    for k in ks:
        whole("k", k)
    if len(vectors) != len(labels):
        raise InputError(f"{len(vectors)} vectors need {len(vectors)} labels, not {len(labels)}.")
    _, numbers, counts = np.unique([str(label) for label in labels], return_inverse=True, return_counts=True)
    block = block or max(1, min(512, 2**25 // max(1, len(vectors))))
    asking = np.flatnonzero(counts[numbers] > 1)
    if not len(asking):
        raise InputError("No label occurs twice, so there is nothing to find; check the labels.")
    places = np.arange(1, len(vectors))
    precision, recall, average = dict.fromkeys(ks, 0.0), dict.fromkeys(ks, 0.0), 0.0
    for start in range(0, len(asking), block):
        rows = asking[start : start + block]
        similarity = vectors[rows] @ vectors.T  # (block, N)
        similarity[np.arange(len(rows)), rows] = -np.inf  # itself comes last
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :-1]
        relevant = numbers[order] == numbers[rows, None]
        wanted = relevant.sum(axis=1)
        hits = relevant.cumsum(axis=1)
        average += float((hits / places * relevant).sum(axis=1).__truediv__(wanted).sum())
        for k in ks:
            found = hits[:, min(k, hits.shape[1]) - 1]
            precision[k] += float((found / k).sum())
            recall[k] += float((found / wanted).sum())
    n = len(asking)
    return Retrieval({k: v / n for k, v in precision.items()}, {k: v / n for k, v in recall.items()}, average / n, n)


def read_labels(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a CSV file of labels: absolute path to label.

    The file has a header; the column ``file`` (or ``path``) names pictures, relative to the CSV file's folder or
    absolute, the column ``class`` (or ``label``) their labels.

    Raises:
        InputError: The file is missing or lacks a column.
    """
    place = Path(path)
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The labels {place} cannot be read ({error}); give a CSV file in UTF-8.") from error
    columns = [column for column in rows[0] if column] if rows else []
    name = next((c for c in ("file", "path") if c in columns), None)
    label = next((c for c in ("class", "label") if c in columns), None)
    if name is None or label is None:
        raise InputError(
            f"{place} needs a header with the columns file (or path) and class (or label), not: {', '.join(columns)}."
        )
    folder = place.absolute().parent
    return {os.path.normpath(folder / row[name]): row[label] for row in rows if row[name] and row[label]}
