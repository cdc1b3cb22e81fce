"""PCA whitening of vectors: fewer dimensions, each of equal weight.

Jegou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and whitening", ECCV
2012.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, PictureIndexError
from visus.search.describe import unit
from visus.search.place import reason_of
from visus.search.rows import to_arrow, to_numpy

Floats = NDArray[np.float32]


def fit(batches: Iterable[NDArray[np.floating]], dimension: int) -> tuple[Floats, Floats]:
    """Fit a whitening to vectors that come in batches, in one pass and bounded memory.

    Args:
        batches: Arrays ``(N, D)`` float.
        dimension: How many dimensions to keep, at most D and fewer than there are vectors.

    Returns:
        The mean ``(D,)`` and the projection ``(D, dimension)``, float32.

    Raises:
        InputError: There are too few vectors, or ``dimension`` is out of range.
    """
    count, total, moments = 0, np.zeros(0), np.zeros((0, 0))
    for batch in batches:
        values = batch.astype(np.float64)
        if not count:
            total, moments = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
        count += len(values)
        total += values.sum(axis=0)
        moments += values.T @ values
    width = len(total)
    if not 1 <= dimension <= width and count:
        raise InputError(f"--whiten must be within 1 and {width}, the length of the vectors, not {dimension}.")
    if count <= dimension:
        raise InputError(f"Whitening to {dimension} dimensions needs more than {dimension} pictures, not {count}.")

    mean = total / count
    covariance = moments / count - np.outer(mean, mean)
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = variances[::-1][:dimension], axes[:, ::-1][:, :dimension]
    floor = variances[0] * 1e-6  # directions without variance would blow up rounding errors
    projection = axes / np.sqrt(np.maximum(variances, floor))
    return mean.astype(np.float32), projection.astype(np.float32)


def project(vectors: NDArray[np.floating], mean: Floats, projection: Floats) -> Floats:
    """Whiten vectors and scale them to length 1.

    Args:
        vectors: ``(N, D)`` float.
        mean: ``(D,)`` float32.
        projection: ``(D, d)`` float32.

    Returns:
        ``(N, d)`` float32, each of length 1.
    """
    return unit((vectors.astype(np.float32) - mean) @ projection)


def read(place: str) -> tuple[Floats, Floats]:
    """A whitening that was kept: mean ``(D,)`` and projection ``(D, d)`` float32.

    Args:
        place: Of its table.

    Raises:
        PictureIndexError: It cannot be read; fitting anew mends it.
    """
    import lance

    try:
        rows = to_numpy(lance.dataset(place).to_table().column("rows"))
    except (OSError, ValueError, KeyError) as error:
        raise PictureIndexError(
            f"The whitening {place} cannot be read ({reason_of(error)}); fit it again: visus index --whiten DIM"
        ) from error
    return rows[0], np.ascontiguousarray(rows[1:].T)


def keep(place: str, mean: Floats, projection: Floats) -> None:
    """Keep a whitening in a table of its own.

    Args:
        place: Of its table, which is new.
        mean: ``(D,)`` float32.
        projection: ``(D, d)`` float32.
    """
    import lance
    import pyarrow as pa

    rows = np.concatenate([mean[None], projection.T]).astype(np.float32)
    lance.write_dataset(pa.table({"rows": to_arrow(rows, "float32")}), place, mode="create")
