"""The rows of an index: their columns, and vectors to and from Arrow."""

from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Dtype = Literal["float16", "float32"]


def schema(dimension: int, dtype: Dtype) -> pa.Schema:
    """Columns of the table.

    Args:
        dimension: Length of the vectors.
        dtype: How vectors are stored.
    """
    return pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("path", pa.string()),  # absolute
            pa.field("mtime", pa.timestamp("ns")),  # of the file when it was read, UTC
            pa.field("size", pa.int64()),  # bytes of the file
            pa.field("hash", pa.binary(16)),  # BLAKE2b-128 of the file's content
            pa.field("width", pa.int32()),  # of the picture in the file, upright
            pa.field("height", pa.int32()),
            pa.field("thumbnail", pa.binary()),  # JPEG, longest side 256
            pa.field("seen", pa.timestamp("ms")),  # when the content was read, UTC
            pa.field("gone", pa.bool_()),  # the file was not there at the last look
            pa.field("embedding", vector_type(dimension, dtype)),
        ]
    )


def vector_type(dimension: int, dtype: Dtype) -> pa.DataType:
    """The Arrow type of a vector column."""
    return pa.list_(pa.float16() if dtype == "float16" else pa.float32(), dimension)


def to_arrow(vectors: NDArray[np.floating], dtype: Dtype) -> pa.FixedSizeListArray:
    """Vectors as an Arrow column.

    Args:
        vectors: ``(N, D)`` float.
        dtype: How they are stored: ``"float16"`` or ``"float32"``.
    """
    flat = np.ascontiguousarray(vectors, dtype=dtype).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), vectors.shape[1])


def to_numpy(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    """A vector column as ``(N, D)`` float32."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    size = column.type.list_size
    if not chunks:
        return np.zeros((0, size), np.float32)
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, size) for chunk in chunks]
    return np.concatenate(parts).astype(np.float32)
