"""Fits the space in which an index compares its vectors, and fits it anew as the index grows."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.search import space
from visus.search.evaluate import retrieval
from visus.search.rows import EMBEDDING, to_numpy
from visus.search.space import Space
from visus.search.store import Store
from visus.search.upkeep import recall, sweep, vectors_in_batches

_GROWN = 1.5  # of the number of pictures, or its inverse, when the space is fitted anew
_RECALLED = 20_000  # from so many on it is worth saying what the codes find
_FEWER = 64  # directions that are tried,
_WIDEST = 2048  # where vectors are no longer: their covariance has the square of it
_LEAST, _MOST = 500, 2500  # pictures that decide on them
_FOLDERS, _IN_FOLDER = 5, 10  # so many folders with so many pictures each are taken for classes
_GAIN = 0.002  # of the precision, for which directions are given up


@dataclass(frozen=True, slots=True)
class Fitted:
    """How vectors are compared from now on.

    Attributes:
        dimension: Directions that are kept; 0 for all.
        before: Of ten hits, the share from the query's own folder, along all directions; None where folders say
            nothing.
        after: The same along the directions that are kept; None where all are, or folders say nothing.
        recall: Of the ten nearest pictures, the share that a search finds which looks at codes first; None where there
            are few pictures.
    """

    dimension: int
    before: float | None = None
    after: float | None = None
    recall: float | None = None


def refresh_space(store: Store, dimension: int | None = None) -> Fitted | None:
    """Fit the space anew, where the index has grown by half or shrunk by a third since, or on demand.

    All directions are kept, unless fewer find more pictures of the query's own folder.

    Args:
        store: The open table; the caller holds the writers' lock.
        dimension: Directions that are kept, 0 for all; None leaves what was asked for before.

    Returns:
        What came of it; None where it was not fitted.

    Raises:
        InputError: There are too few pictures, or the dimension is out of range.
    """
    about: dict[str, Any] = store.about.get(space.KEY, {})
    rows = store.count(f"NOT gone AND {EMBEDDING} IS NOT NULL")
    if dimension is None and _is_fresh(store, rows, about):
        return None
    asked = dimension if dimension is not None else about.get("asked")
    labeled = _labeled(store, rows) if asked is None or asked else None
    tried = asked if asked is not None else _FEWER if labeled else 0
    found = space.moments(vectors_in_batches(store, EMBEDDING), covariance=tried > 0)
    if not found.count:
        return None
    whole, fewer = space.centered(found), None
    if tried and (dimension or found.count > tried):  # what was asked for before waits until there are enough again
        fewer = space.rotated(found, tried)
    before, after = (_precision(labeled, made) if labeled and made else None for made in (whole, fewer))
    gains = before is not None and after is not None and after >= before + _GAIN
    made = fewer if fewer and (asked or gains) else whole
    own = space.keep(store.files, *made)
    kept = 0 if made is whole else tried
    with store.changing():
        told = {"file": own.name, "rows": rows, "dimension": kept, "asked": asked}
        store.tell(**{space.KEY: told}, whitening=None)
    sweep(store)
    measured = recall(store) if rows >= _RECALLED else None
    return Fitted(kept, before, after if kept else None, measured)


def _is_fresh(store: Store, rows: int, about: Mapping[str, Any]) -> bool:
    fitted = about.get("rows", 0)
    if not store.space.name:  # none yet, or its file cannot be read
        return False
    return not fitted or fitted / _GROWN < rows < fitted * _GROWN


def _labeled(store: Store, rows: int) -> tuple[NDArray[np.float32], list[str]] | None:
    """Some vectors and their folders, where these can be taken for classes; None where they cannot."""
    if rows < _LEAST or store.about["dimension"] > _WIDEST:
        return None
    vectors, folders = _sample(store)
    sizes = Counter(folders)
    large = [place for place, folder in enumerate(folders) if sizes[folder] >= _IN_FOLDER]
    if len({folders[place] for place in large}) < _FOLDERS or len(large) < max(_LEAST, len(folders) // 2):
        return None
    return vectors[large], [folders[place] for place in large]


def _precision(labeled: tuple[NDArray[np.float32], list[str]], made: tuple[Any, ...]) -> float:
    """Of ten hits, the share from the query's own folder."""
    vectors, folders = labeled
    return retrieval(Space("judged", *made)(vectors), folders, ks=(10,)).precision[10]


def _sample(store: Store) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors of pictures that are there, spread over the table, with their folders."""
    own = " AND twin IS NULL" if store.has("twin") else ""
    where = f"NOT gone AND {EMBEDDING} IS NOT NULL{own}"
    ids = np.array(store.read(["id"], where).column("id").to_pylist())
    some = ids[:: max(1, -(-len(ids) // _MOST))]
    parts = list(store.some(some.tolist(), ["path", EMBEDDING]))
    if not parts:
        return np.zeros((0, 1), np.float32), []
    folders = [os.path.dirname(path) for part in parts for path in part.column("path").to_pylist()]
    return np.concatenate([to_numpy(part.column(EMBEDDING)) for part in parts]), folders
