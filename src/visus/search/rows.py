"""The rows of an index: their columns, checksums of their parts, and vectors to and from Arrow."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Dtype = Literal["float16", "float32"]

EMBEDDING = "embedding"
"""The column of the network's vectors."""

PLACE = ("path", "real_path", "mtime", "ctime", "size", "device", "inode", "gone")
"""Columns that say where a picture lies, as one look at the file's entry tells."""

FACTS = (
    "container", "depth", "frames", "captured", "profile", "sharpness", "compression", "gray_hash", "decoder",
)  # fmt: skip
"""Columns that say what kind of picture a file holds."""

_NEW_IN_3 = (
    pa.field("real_path", pa.string()),  # the path without links: what tells one picture from another
    pa.field("ctime", pa.timestamp("ns")),  # of the last change of the file's entry, UTC
    pa.field("device", pa.int64()),  # number of the file system
    pa.field("inode", pa.int64()),  # number of the file there; 0 where such numbers do not last
    pa.field("container", pa.string()),  # format of the file: JPEG, PNG ...
    pa.field("depth", pa.int32()),  # bits of a channel in the file
    pa.field("frames", pa.int32()),  # frames or pages
    pa.field("captured", pa.timestamp("ms")),  # when the photograph was taken, local time, as EXIF says
    pa.field("profile", pa.bool_()),  # there is a color profile
    pa.field("sharpness", pa.float32()),  # variance of the Laplacian of the decoded picture, gray in [0, 255]
    pa.field("compression", pa.float32()),  # mean step of JPEG's luma quantization; 0 without loss
    pa.field("gray_hash", pa.int64()),  # 64 bits of the gray thumbnail
    pa.field("decoder", pa.int32()),  # which decoder's pixels were described
    pa.field("twin", pa.int64()),  # id of the row with the same content that has the vector; null: this one has it
    pa.field("blank", pa.string()),  # descriptors that say nothing about the picture: their vectors are zero
    pa.field("squares", pa.list_(pa.float16())),  # vectors of the squares of a long picture, one after the other
    pa.field("place_sum", pa.int64()),  # checksums: of PLACE,
    pa.field("content_sum", pa.int64()),  # of the hash, the size, the vector and the squares,
    pa.field("thumbnail_sum", pa.int64()),  # and of the thumbnail
)


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
            *_NEW_IN_3,
            pa.field("embedding", vector_type(dimension, dtype)),
        ]
    )


def columns_in(format: int) -> set[str]:
    """Columns that an index of a format has for certain."""
    every = set(schema(1, "float16").names)
    return every if format >= 3 else every - {field.name for field in _NEW_IN_3}


def new_in_3() -> pa.Schema:
    """Columns that indexes of format 1 and 2 lack."""
    return pa.schema(_NEW_IN_3)


# Checksums -------------------------------------------------------------------------------------------------------


def place_sum(row: Mapping[str, Any]) -> int:
    """CRC-32 of where a picture lies.

    Args:
        row: The columns of :data:`PLACE`; times in ns.

    >>> place_sum(dict.fromkeys(PLACE)) == place_sum(dict.fromkeys(PLACE, 0))
    False
    """
    return zlib.crc32("\0".join(str(row[name]) for name in PLACE).encode("utf-8", "surrogatepass"))


def content_sum(
    hash: bytes,
    width: int,
    height: int,
    vector: NDArray[np.floating] | None,
    squares: NDArray[np.float16] | None,
) -> int:
    """CRC-32 of what a picture holds.

    Args:
        hash: Of the file's content.
        width: In pixels.
        height: Likewise.
        vector: ``(D,)`` as it is stored; None where another row has it.
        squares: ``(N * D,)`` float16; None for a picture that is not long.
    """
    total = zlib.crc32(b"%s %d %d" % (hash, width, height))
    for part in (vector, squares):
        total = zlib.crc32(b"" if part is None else part.tobytes(), total)
    return total


def thumbnail_sum(hash: bytes, thumbnail: bytes | None) -> int:
    """CRC-32 of a thumbnail and the content that it belongs to.

    Args:
        hash: Of the file's content.
        thumbnail: JPEG; None where another row has it.
    """
    return zlib.crc32(thumbnail or b"", zlib.crc32(hash))


def vector_sum(hash: bytes, vector: NDArray[np.floating] | None) -> int:
    """CRC-32 of the vector of a further descriptor and the content that it belongs to.

    Args:
        hash: Of the file's content.
        vector: ``(D,)`` as it is stored; None where there is none.
    """
    return zlib.crc32(b"" if vector is None else vector.tobytes(), zlib.crc32(hash))


def columns_of(total: str) -> tuple[str, ...]:
    """Columns that one needs to check a column of checksums."""
    parts = {
        "place_sum": PLACE,
        "content_sum": ("hash", "width", "height", "embedding", "squares"),
        "thumbnail_sum": ("hash", "thumbnail"),
    }
    return parts.get(total, ("hash", total.removesuffix("_sum")))


def totals_of(names: Sequence[str]) -> list[str]:
    """Which of some columns are checksums."""
    return [name for name in names if name.endswith("_sum")]


def checked_by(totals: Sequence[str]) -> set[str]:
    """All columns that one reads to check some columns of checksums, these included."""
    return {*totals, *(name for total in totals for name in columns_of(total))}


def sound(batch: pa.RecordBatch | pa.Table, totals: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows still have their checksums.

    Args:
        batch: Rows with some columns of checksums and all columns that these are of.
        totals: Names of these columns of checksums.

    Returns:
        ``(N,)`` bool; a row that has no checksum yet counts as sound.
    """
    good = np.ones(batch.num_rows, bool)
    for total in totals:
        noted = batch.column(total).to_pylist()
        for row, found in enumerate(_found(batch, total)):
            good[row] &= noted[row] is None or noted[row] == found
    return good


def _found(batch: pa.RecordBatch | pa.Table, total: str) -> list[int]:
    """The checksums that rows have now."""
    if total == "place_sum":
        columns = [plain(batch.column(name)) for name in PLACE]
        return [place_sum(dict(zip(PLACE, values, strict=True))) for values in zip(*columns, strict=True)]
    hashes = batch.column("hash").to_pylist()
    if total == "thumbnail_sum":
        return [thumbnail_sum(*pair) for pair in zip(hashes, batch.column("thumbnail").to_pylist(), strict=True)]
    if total == "content_sum":
        sizes = (batch.column(name).to_pylist() for name in ("width", "height"))
        vectors = (stored(batch.column(name)) for name in ("embedding", "squares"))
        return [content_sum(*row) for row in zip(hashes, *sizes, *vectors, strict=True)]
    vectors = stored(batch.column(total.removesuffix("_sum")))
    return [vector_sum(*pair) for pair in zip(hashes, vectors, strict=True)]


def plain(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """The values of a column, times as whole numbers."""
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


# Vectors ---------------------------------------------------------------------------------------------------------


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
    """A vector column without nulls as ``(N, D)`` float32."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    size = column.type.list_size
    if not chunks:
        return np.zeros((0, size), np.float32)
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, size) for chunk in chunks]
    return np.concatenate(parts).astype(np.float32)


def vectors_or_zeros(column: pa.ChunkedArray | pa.Array, dtype: np.dtype[Any]) -> NDArray[np.floating]:
    """A vector column as ``(N, D)`` in the type that it is stored in; zeros for a null."""
    size = column.type.list_size
    parts = [np.zeros((0, size), dtype)]
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        values = chunk.values.to_numpy(zero_copy_only=False).reshape(-1, size)[chunk.offset : chunk.offset + len(chunk)]
        if chunk.null_count:
            values = np.where(chunk.is_valid().to_numpy(zero_copy_only=False)[:, None], values, np.zeros(1, dtype))
        parts.append(values)
    return parts[1] if len(parts) == 2 else np.concatenate(parts)


def stored(column: pa.ChunkedArray | pa.Array) -> list[NDArray[np.floating] | None]:
    """The vectors of a column, each ``(D,)`` of the dtype that it is stored in; None for a null."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found: list[NDArray[np.floating] | None] = []
    for chunk in chunks:
        values = chunk.values.to_numpy(zero_copy_only=False)
        size = getattr(chunk.type, "list_size", None)
        if size is not None:
            starts = np.arange(chunk.offset, chunk.offset + len(chunk) + 1) * size
        else:
            starts = chunk.offsets.to_numpy()
        there = chunk.is_valid().to_numpy(zero_copy_only=False)
        found += [values[starts[k] : starts[k + 1]] if there[k] else None for k in range(len(chunk))]
    return found
