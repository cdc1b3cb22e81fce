"""Which font of this machine draws Chinese: one that has the characters, or none."""

import functools
from collections.abc import Iterable
from pathlib import Path

from visus._optional import require

_SAMPLE = "的一损熵层网络图权残锚卷积学习率验证像素边框类测试训练梯度优化"
"""Characters of which a font for Japanese or Korean alone lacks some."""

ADVICE = (
    "本机没有含中文字形的字体，图中文字用英文；请安装一种，例如在 Debian 与 Ubuntu 上：apt install fonts-noto-cjk "
    "(no font here has Chinese characters; install one)"
)


@functools.cache
def chinese() -> str | None:
    """The name by which matplotlib knows a font with Chinese characters; None where this machine has none.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    manager = require("matplotlib.font_manager")
    path = first_with(_SAMPLE, manager.findSystemFonts())
    if path is None:
        return None
    manager.fontManager.addfont(path)
    return manager.FontProperties(fname=path).get_name()


def first_with(characters: str, paths: Iterable[str]) -> str | None:
    """The first font, by preference and name, that has all characters.

    Args:
        characters: What will be drawn.
        paths: Files of fonts; what cannot be read is passed over.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    return next((path for path in sorted(paths, key=_preference) if _has(path, characters)), None)


def _preference(path: str) -> tuple[bool, bool, str]:
    """Sans before serif, regular before bold, then by name."""
    name = Path(path).name.lower()
    return "serif" in name or "ming" in name or "song" in name, "regular" not in name, path


def _has(path: str, characters: str) -> bool:
    try:
        known = require("matplotlib.ft2font").FT2Font(path).get_charmap()
    except (OSError, RuntimeError):  # a damaged file, or a font of bitmaps
        return False
    return all(ord(character) in known for character in characters)
