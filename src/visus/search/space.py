"""The space in which the vectors of an index are compared: around their own mean, and perhaps along fewer directions.

The vectors of a network's last layer point all to one side, so that what two pictures have in common with every picture
counts for their similarity. Without the mean of the index it does not. A rotation keeps the directions along which the
pictures of the index differ most (Jegou and Chum, "Negative evidences and co-occurrences in image retrieval: the
benefit of PCA and whitening", ECCV 2012, who divide these by how far the pictures spread along them; so do indexes of
0.1 that were whitened, and it harms).
"""

import io
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, PictureIndexError
from visus.search.describe import Floats, unit
from visus.search.files import Files
from visus.search.place import reason_of

if TYPE_CHECKING:
    from visus.search.store import Store

PRIOR = 32
"""Pictures for which the belief counts that the mean is zero: that of a few pictures says more of these than of all."""

KEY = "space"
"""Of what an index says of itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where vectors are compared.

    Attributes:
        name: Of the file that holds it; what was made in one space is of no use in another.
        mean: ``(D,)`` float32, taken away first; None for none.
        projection: ``(D, d)`` float32, applied afterwards; None for none.
    """

    name: str = ""
    mean: Floats | None = None
    projection: Floats | None = None

    def dimension(self, dimension: int) -> int:
        """The length of vectors in this space, of vectors of some length."""
        return dimension if self.projection is None else self.projection.shape[1]

    def moved(self, vectors: NDArray[np.floating]) -> Floats:
        """Vectors ``(..., D)`` in this space ``(..., d)`` float32, at the length that comes of it.

        The move is linear but for a constant, so that it may be made of the parts of a vector too.

        Args:
            vectors: Of length 1.
        """
        values = vectors.astype(np.float32, copy=False)
        if self.mean is not None:
            values = values - self.mean
        return values if self.projection is None else values @ self.projection

    def back(self, moved: Floats) -> tuple[Floats, float]:
        """What the product with a vector in this space is before it: the product with ``(D,)``, less a number.

        Args:
            moved: ``(d,)`` float32.
        """
        direction = moved if self.projection is None else self.projection @ moved
        return direction, 0.0 if self.mean is None else float(self.mean @ direction)

    def __call__(self, vectors: NDArray[np.floating]) -> Floats:
        """Vectors ``(..., D)`` of any length in this space ``(..., d)`` float32, scaled to length 1.

        >>> import numpy as np
        >>> Space("", np.float32([0, 1]))(np.float32([[1, 0], [0, 2]])).astype(float).round(2).tolist()
        [[0.71, -0.71], [0.0, 0.0]]
        """
        plain = unit(vectors)
        moved = unit(self.moved(plain))
        moved[~plain.any(axis=-1)] = 0  # what says nothing goes on so
        return moved


PLAIN = Space()
"""Vectors as they are: the similarity is their cosine."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What a space is fitted to.

    Attributes:
        count: Vectors that were counted, those of zeros not among them.
        mean: ``(D,)`` float64.
        covariance: ``(D, D)`` float64; None where nobody asked for it.
    """

    count: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64] | None


def moments(batches: Iterable[NDArray[np.floating]], *, covariance: bool) -> Moments:
    """Mean, and covariance where it is asked for, of vectors that come in batches, in one pass and bounded memory.

    Args:
        batches: Arrays ``(N, D)`` float; each vector counts at length 1.
        covariance: Whether to count it.
    """
    count, total, squares = 0, np.zeros(0), np.zeros((0, 0))
    for batch in batches:
        values = unit(batch[batch.any(axis=1)])
        if not count:
            total, squares = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2 if covariance else (0, 0))
        count += len(values)
        total += values.sum(axis=0, dtype=np.float64)
        if covariance:
            squares += values.T @ values
    mean = total / max(count, 1)
    return Moments(count, mean, squares / max(count, 1) - np.outer(mean, mean) if covariance else None)


def centered(found: Moments) -> tuple[Floats, None]:
    """The mean ``(D,)`` float32 that is taken away: that of the pictures, the nearer to zero the fewer there are."""
    return (found.mean * (found.count / (found.count + PRIOR))).astype(np.float32), None


def rotated(found: Moments, dimension: int) -> tuple[Floats, Floats]:
    """The mean, and the directions ``(D, dimension)`` along which vectors differ most, each of length 1.

    Raises:
        InputError: There are too few pictures, or the dimension is out of range.
    """
    assert found.covariance is not None
    width = len(found.mean)
    if not 1 <= dimension <= width and found.count:
        raise InputError(f"--rotate must be within 0 and {width}, the length of the vectors, not {dimension}.")
    if found.count <= dimension:
        raise InputError(f"--rotate {dimension} needs more than {dimension} pictures, not {found.count}.")
    _, axes = np.linalg.eigh(found.covariance)
    return found.mean.astype(np.float32), np.ascontiguousarray(axes[:, ::-1][:, :dimension], np.float32)


# Files -----------------------------------------------------------------------------------------------------------


def keep(files: Files, mean: Floats, projection: Floats | None) -> Space:
    """Write a space beside the table."""
    rows = mean[None] if projection is None else np.concatenate([mean[None], projection.T])
    content = io.BytesIO()
    np.save(content, rows.astype(np.float32), allow_pickle=False)
    name = f"space-{secrets.token_hex(4)}.npy"
    files.write(name, content.getvalue())
    return Space(name, mean, projection)


def read(store: "Store") -> Space:
    """The space of an index, as what it says of itself names it.

    Raises:
        PictureIndexError: Its file cannot be read; fitting anew mends it.
    """
    about: dict[str, Any] = store.about
    name = about.get(KEY, {}).get("file") or about.get("whitening")
    if name is None:
        return PLAIN
    try:
        rows = _rows(store, name)
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != about["dimension"] or not len(rows):
            raise ValueError("it has another shape")
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise PictureIndexError(
            f"{store.location}/{name}, which says how the search compares vectors, cannot be read "
            f"({reason_of(error)}); they are compared as they are until visus index FOLDER fits it again."
        ) from error
    return Space(name, rows[0], np.ascontiguousarray(rows[1:].T) if len(rows) > 1 else None)


def _rows(store: "Store", name: str) -> NDArray[Any]:
    if name.endswith(".npy"):
        if store.sums and name in store.sums.files and store.files.digest(name) != store.sums.files[name]:
            raise ValueError("its checksum is another")
        return np.load(io.BytesIO(store.files.read(name)), allow_pickle=False)
    import lance

    from visus.search.rows import to_numpy

    return to_numpy(lance.dataset(f"{store.location}/{name}").to_table().column("rows"))
