"""A trained classifier as the graph that its run has, run without PyTorch."""

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.graphs.graph import INT8, of_run
from visus.graphs.runtime import OnnxRuntime
from visus.graphs.saved import Saved, damaged, no_graph, of_task, open_saved
from visus.images.scale import square
from visus.images.wide import read_wide
from visus.runs.classify.answering import Answering
from visus.runs.classify.prediction import ClassPrediction, Source, likeliest

Pixels = NDArray[np.uint8]
_LARGEST = 1 << 12  # sides of a network's input, in pixels
_LUMA = (0.2989, 0.587, 0.114)  # as torchvision weighs red, green and blue


class GraphPredictor(Answering[Pixels]):
    """A trained classifier, ready to answer: as :class:`visus.runs.classify.predict.ClassifyPredictor`, without torch.

    Args:
        run: A run's folder, or a file of a trained classifier, with the graph beside it.
        k: How many classes an answer has.
        device: ``"auto"`` or ``"cpu"``.
        int8: Whether the graph is taken whose numbers are of 8 bits.

    Raises:
        InputError: Another device was asked for.
        RunError: There is no trained network, or it is damaged.
        DependencyError: The run has no graph, or that of other weights.
    """

    def __init__(self, run: str | os.PathLike[str], *, k: int = 5, device: str = "auto", int8: bool = False) -> None:
        if device not in ("auto", "cpu"):
            raise InputError(f"Without PyTorch there is no device {device!r}; say: pip install 'visus[train]'")
        super().__init__(k)
        saved = of_task(open_saved(run), "classify")
        graph = of_run(saved.place, INT8 if int8 else "model")
        if graph is None:
            raise no_graph(saved, int8=int8)
        self._place = saved.place
        self.classes, self._gray = saved.list_of("classes"), bool(saved.header.get("gray", False))
        self._multilabel = bool(saved.header.get("multilabel", False))
        self._interpolation: Literal["bicubic", "bilinear"]
        self._size, self._resize_to, self._interpolation = _preprocessing(saved)
        self._runtime = OnnxRuntime(graph, cores())

    def _prepare(self, picture: Source) -> Pixels:
        """``(size, size, 3)`` uint8."""
        if isinstance(picture, np.ndarray):
            fine = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
            if picture.dtype != np.uint8 or not fine or not picture.size:
                raise InputError(f"A picture must be (H, W) or (H, W, 3) uint8, not {picture.shape} {picture.dtype}.")
            pixels = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        else:
            pixels = read_wide(picture, min_side=self._resize_to)
        if pixels.shape[:2] != (self._size, self._size) or self._resize_to != self._size:
            pixels = square(pixels, size=self._size, resize_to=self._resize_to, interpolation=self._interpolation)
        return _luma(pixels) if self._gray else pixels

    def _answers(self, prepared: Sequence[Pixels], names: Sequence[str], k: int) -> list[ClassPrediction]:
        found = self._runtime.probabilities(np.stack(prepared))
        if found.shape != (len(names), len(self.classes)):
            raise damaged(self._place, ValueError("its graph has other classes"))
        return [
            likeliest(name, values, self.classes, k, multilabel=self._multilabel)
            for name, values in zip(names, found, strict=True)
        ]


def _luma(pixels: Pixels) -> Pixels:
    """Gray as three equal channels ``(H, W, 3)`` uint8."""
    if (pixels == pixels[..., :1]).all():
        return pixels
    gray = (pixels.astype(np.float32) @ np.array(_LUMA, np.float32)).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def _preprocessing(saved: Saved) -> tuple[int, int, Literal["bicubic", "bilinear"]]:
    """Side of the input, length of the shorter side before the cut, and how pictures are resized."""
    size, resize_to, how = (saved.header.get(key) for key in ("size", "resize_to", "interpolation"))
    if not isinstance(size, int) or not isinstance(resize_to, int) or not 0 < size <= resize_to <= _LARGEST:
        raise damaged(saved.place, TypeError("size"))
    if how not in ("bicubic", "bilinear"):
        raise damaged(saved.place, TypeError("interpolation"))
    return size, resize_to, "bicubic" if how == "bicubic" else "bilinear"
