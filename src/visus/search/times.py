"""When pictures were taken, as EXIF says, or where that is not known, when their files were changed."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

COLUMNS = ("mtime", "captured")
"""Columns that tell; an index of an earlier visus lacks the second."""

_TICKS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # of a second


def times_of(table: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times of pictures, and whether they were taken then.

    Args:
        table: ``N`` rows with the columns of :data:`COLUMNS` that the index has.

    Returns:
        ``(N,)`` float64, seconds since 1970, 0 for a time that is not known; and ``(N,)`` bool: whether it is the time
        when the picture was taken, which is local, and not that of the file, which is UTC.
    """
    changed = np.nan_to_num(_seconds(table.column("mtime")))
    if "captured" not in table.column_names:
        return changed, np.zeros(len(changed), bool)
    taken = _seconds(table.column("captured"))
    known = ~np.isnan(taken)
    return np.where(known, taken, changed), known


def _seconds(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Times as seconds; NaN for those that are not known."""
    return column.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy() / _TICKS[column.type.unit]
