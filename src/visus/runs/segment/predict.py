"""What a trained segmenter says about pictures and volumes of any size."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError
from visus.nets import trained
from visus.nets.segmentation.trained import Trained
from visus.ops import crf
from visus.runs.engine.device import chosen
from visus.runs.segment.hastened import Hastened
from visus.runs.segment.prediction import MaskPrediction, MaskPredictor, as_bytes

__all__ = ["MaskPrediction", "SegmentPredictor"]


class SegmentPredictor(MaskPredictor):
    """A trained segmenter, ready to answer.

    From the fifteenth block of a size on, OpenVINO answers on a CPU, where it is installed.

    Args:
        run: A run's folder, a file of a trained segmenter, or one that was read.
        crf_settings: Refine the answers by a dense CRF.
        scales: Sizes at which the picture is looked at; the answers are averaged.
        flip: Whether the mirrored picture is looked at too.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        RunError: There is no trained segmenter, or it is damaged.
        InputError: A scale cannot be.
    """

    def __init__(
        self,
        run: str | os.PathLike[str] | Trained,
        *,
        crf_settings: crf.Settings | None = None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        device: str = "auto",
    ) -> None:
        if not scales or not all(0.1 <= scale <= 10 for scale in scales):
            raise InputError(f"Scales must be numbers from 0.1 to 10, not {list(scales)}.")
        self.device = chosen(device)
        network = run if isinstance(run, Trained) else trained.read(run, "segmenter")
        self.network = network.on(self.device)
        self._quick = Hastened(self.network)
        self.about, self.sides = self.network.about, self.network.net.sides
        self.classes, self.palette = self.about.classes, self.about.palette
        self.window, self.spacing, self.threshold = self.about.window, self.about.spacing, self.about.threshold
        self.crf_settings, self.scales, self.flip = crf_settings, tuple(scales), flip

    def _shown(self, values: NDArray[Any]) -> NDArray[Any]:
        return as_bytes(values) if self.crf_settings else values

    def whole(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """The answers to a picture of any size, block by block, before the CRF: ``(classes, *spatial)`` float32."""
        size = picture.shape[: self.axes]
        found = np.empty((len(self.about.classes), *size), np.float32)
        for block in self.sides.blocks(size, self.window):
            answers = self.raw_probabilities(picture[block.window])
            found[(slice(None), *block.place)] = answers[(slice(None), *block.inner)]
        return found

    def raw_probabilities(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """The answers before the CRF: means over scales and mirrored pictures, ``(classes, *spatial)`` float32."""
        x = self._tensor(picture)
        size = tuple(x.shape[2:])
        total = torch.zeros(1, len(self.about.classes), *size)
        mode = "bilinear" if self.axes == 2 else "trilinear"
        for scale in self.scales:
            seen = x
            if scale != 1:
                scaled = [max(1, round(n * scale)) for n in size]
                seen = F.interpolate(x.float(), size=scaled, mode=mode, antialias=self.axes == 2)
            for mirrored in (False, True) if self.flip else (False,):
                answers = self._quick.probabilities(seen.flip(-1) if mirrored else seen)
                answers = answers.flip(-1) if mirrored else answers
                if scale != 1:
                    answers = F.interpolate(answers, size=size, mode=mode)
                total += answers.cpu()
        return (total[0] / (len(self.scales) * (2 if self.flip else 1))).numpy()

    def probabilities(self, picture: NDArray[Any], shown: NDArray[Any] | None = None) -> NDArray[np.float32]:
        """The answers to a picture that fits into memory, ``(classes, *spatial)`` float32, which sum to 1.

        Args:
            picture: A picture, a volume, or a part of one.
            shown: The same with values from 0 to 255, which the CRF looks at; None to take it from the part alone.
        """
        raw = self.raw_probabilities(picture)
        if self.crf_settings is None:
            return raw
        return crf.refine(raw, as_bytes(picture) if shown is None else shown, self.crf_settings)

    def _tensor(self, picture: NDArray[Any]) -> Tensor:
        if self.axes == 3:
            x = torch.from_numpy(np.ascontiguousarray(picture, np.float32))[None, None]
        elif self.about.gray:
            from visus.images.color import to_gray

            x = torch.from_numpy(np.ascontiguousarray(to_gray(picture)))[None, None]
        else:
            x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
        return x.to(self.device)
