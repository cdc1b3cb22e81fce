"""What scikit-learn hands on as samples: pictures."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from visus._cores import cores
from visus._errors import InputError
from visus.search.query import Picture

T = TypeVar("T")

Pictures = Sequence[Picture] | NDArray[Any]
"""Files, arrays ``(H, W, 3)`` or ``(H, W)`` uint8, or one array of either."""


class OfPictures(BaseEstimator):
    """An estimator whose samples are pictures, and not rows of numbers."""

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn's Tags, from 1.6 on
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        return tags


def pictures_of(X: Pictures) -> list[Picture]:
    """The samples one by one; none is read.

    Args:
        X: See :mod:`visus.sklearn`.

    Raises:
        InputError: There is none, or they are no pictures.

    >>> pictures_of(np.array(["a.jpg", "b.jpg"]))
    ['a.jpg', 'b.jpg']
    """
    if isinstance(X, str | os.PathLike) or not isinstance(X, Iterable):
        raise InputError(f"The samples are a list of pictures, not {type(X).__name__}; put one picture in a list.")
    if isinstance(X, np.ndarray) and X.dtype == np.uint8 and X.ndim not in (3, 4):
        raise InputError(f"An array of pictures is (N, H, W, 3) or (N, H, W), not {X.shape}.")
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:  # a column, as of a ColumnTransformer
        X = X[:, 0]
    found = [_picture(own) for own in X]
    if not found:
        raise InputError("There is no picture; give at least one.")
    return found


def _picture(own: Any) -> Picture:  # noqa: ANN401 - whatever a list holds
    if isinstance(own, str | os.PathLike):
        return str(os.fspath(own))  # NumPy's texts become Python's
    is_picture = isinstance(own, np.ndarray) and (own.ndim == 2 or (own.ndim == 3 and own.shape[2] == 3))
    if not is_picture or own.dtype != np.uint8 or not own.size:
        what = f"{own.dtype} {own.shape}" if isinstance(own, np.ndarray) else type(own).__name__
        raise InputError(f"A picture is a file, or an array (H, W, 3) or (H, W) uint8, not {what}.")
    return own


def each(pictures: Sequence[Picture], describe: Callable[[Picture], T]) -> list[T]:
    """What is said of each picture, by as many threads as there are cores."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(describe, pictures))
