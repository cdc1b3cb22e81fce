"""What lies beyond the border of a picture, and what a convolution makes of it there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus import filters
from visus.filters.convolve import PADDINGS, pad
from visus.images import draw as drawing
from visus.images import plots
from visus.lessons.sheet import Drawn, Say, show_pixels
from visus.lessons.shipped import photograph

ROW = (1.0, 2.0, 3.0, 4.0)
_SIDE, _BEYOND, _SIGMA = 160, 40, 6.0  # pixels


def draw(say: Say, *, picture: NDArray[np.uint8] | None = None) -> Drawn:
    """A picture padded in each way, and smoothed with each of them."""
    small = drawing.fit(photograph("tabby-cat") if picture is None else picture, _SIDE)
    titles = {
        "constant": say("constant: black", "常数：黑色"),
        "replicate": say("replicate: the last pixel", "复制：最后一个像素"),
        "reflect": say("reflect: a mirror at the border", "反射：镜面在边界上"),
        "mirror": say("mirror: at the last pixel", "镜像：镜面在末像素上"),
        "wrap": say("wrap: from the other side", "循环：取自另一侧"),
    }
    figure = plots.figure(14, 5)
    axes = plots.axes(figure, 2, len(PADDINGS))
    rows, corners = {}, {}
    for k, padding in enumerate(PADDINGS):
        rows[padding] = pad(np.array([ROW]), (0, 2), (0, 2), padding=padding)[0].tolist()
        around = pad(small, (_BEYOND, _BEYOND), (_BEYOND, _BEYOND), padding=padding)
        smooth = filters.gaussian(small, sigma=_SIGMA, padding=padding)
        corners[padding] = float(smooth[:8, :8].mean())
        show_pixels(axes[k], around, titles[padding])
        _frame(axes[k], small.shape)
        numbers = " ".join(f"{value:g}" for value in rows[padding])
        axes[k].set_xlabel(numbers, fontsize=9)
        show_pixels(axes[k + len(PADDINGS)], smooth, say("after a Gaussian", "高斯平滑之后"))
    own = float(small[:8, :8].mean())
    return Drawn(
        figure,
        {"rows": rows, "corner": corners, "corner_before": own},
        (
            (
                "Beyond the border a picture has no pixels, so a convolution must invent some: below each picture what "
                "becomes of the row 1 2 3 4.",
                "边界之外没有像素，卷积只能补上：每张图下方是 1 2 3 4 这一行补边后的样子。",
            ),
            (
                f"Zeros darken the border: the corner, {own:.0f} of 255 before, is {corners['constant']:.0f} after a "
                f"Gaussian of sigma {_SIGMA:g}, and {corners['reflect']:.0f} with reflection.",
                f"补零使边缘变暗：左上角原为 {own:.0f}（满值 255），sigma 为 {_SIGMA:g} 的高斯平滑后为 "
                f"{corners['constant']:.0f}，反射补边则为 "
                f"{corners['reflect']:.0f}。",
            ),
            (
                "Reflection at the border is the default here: no edge that is not in the picture appears; wrapping "
                "mixes both sides.",
                "这里默认反射补边：不会出现图中没有的边缘；循环补边会把两侧混在一起。",
            ),
        ),
    )


def _frame(axis: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401
    """The border of the picture itself."""
    low, (height, width) = _BEYOND - 0.5, shape[:2]
    across = [low, low + width, low + width, low, low]
    axis.plot(across, [low, low, low + height, low + height, low], color=plots.ACCENT, linewidth=1)
