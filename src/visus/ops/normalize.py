"""From the bytes of pictures to the numbers that a network sees.

Everything that is fitted on the training pictures and then subtracted, divided or rotated has one form: with x the
picture in [0, 1], m a mean, s a scale and R a matrix,

    (x - m) * s        mean picture, channel mean, z-score
    R (x - m)          decorrelation and whitening, with the whole picture as one vector
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Normalize(nn.Module):
    """Subtract a mean, then scale each value, or multiply the whole picture by a matrix.

    AlexNet subtracts a mean picture (Krizhevsky, Sutskever and Hinton 2012, section 2), VGG the mean of each channel
    (Simonyan and Zisserman 2015, section 2.1).

    Args:
        mean: ``(C, 1, 1)`` or ``(C, H, W)`` float, for values in [0, 1].
        scale: Of the same shape; None for 1.
        matrix: ``(D, D)`` float with D = C * H * W, in place of a scale.
    """

    matrix: Tensor | None

    def __init__(self, mean: Tensor, *, scale: Tensor | None = None, matrix: Tensor | None = None) -> None:
        super().__init__()
        self.mean = nn.Buffer(mean.float())
        self.scale = nn.Buffer(torch.ones_like(self.mean) if scale is None else scale.float())
        self.register_buffer("matrix", None if matrix is None else matrix.float())

    @classmethod
    def of_channels(cls, mean: Sequence[float], deviation: Sequence[float]) -> "Normalize":
        """From the mean and the standard deviation of each channel, for values in [0, 1].

        >>> normalize = Normalize.of_channels([0.5], [0.25])
        >>> normalize(torch.tensor([[[[0.0, 255.0]]]])).tolist()
        [[[[-2.0, 2.0]]]]
        """
        return cls(torch.tensor(mean).view(-1, 1, 1), scale=1 / torch.tensor(deviation).view(-1, 1, 1))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Normalize":
        """From the tensors of :meth:`state_dict`.

        Args:
            tensors: ``mean`` and ``scale``, each ``(C, 1, 1)`` or ``(C, H, W)`` float, and where there is one
                ``matrix``, ``(D, D)`` float.
        """
        return cls(tensors["mean"], scale=tensors["scale"], matrix=tensors.get("matrix"))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)``, uint8 or float in [0, 255], to float32 of the same shape.

        Where the mean has one channel and ``x`` three, their luma is taken (ITU-R BT.601): ``(N, 1, H, W)``.
        """
        x = x.float()
        if self.mean.shape[0] == 1 and x.shape[1] == 3:
            x = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
        centered = x / 255 - self.mean
        if self.matrix is None:
            return centered * self.scale
        return (centered.flatten(1) @ self.matrix.T).view_as(centered)
