"""Whether Chinese can be drawn on this machine: in all its characters, or not at all."""

from visus.images.fonts import font_for

_SAMPLE = "的一损熵层网络图权残锚卷积学习率验证像素边框类测试训练梯度优化"
"""Characters of which a font for Japanese or Korean alone lacks some."""

ADVICE = (
    "本机没有含中文字形的字体，图中文字用英文；请安装一种，例如 pip install 'visus[cjk]'，或在 Debian 与 Ubuntu 上："
    "apt install fonts-noto-cjk (no font here has Chinese characters; install one)"
)


def has_chinese() -> bool:
    """Whether some font has the characters; see :mod:`visus.images.fonts`."""
    return font_for(_SAMPLE)[1] == _SAMPLE
