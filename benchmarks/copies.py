"""Altered versions of photographs, for the benchmarks of duplicates."""

import io
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Picture = Image.Image


def _jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _crop(picture: Picture, share: float) -> Picture:
    width, height = picture.size
    w, h = int(width * share), int(height * share)
    x, y = random.randint(0, width - w), random.randint(0, height - h)
    return picture.crop((x, y, x + w, y + h))


def _sepia(picture: Picture) -> Picture:
    rows = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    return picture.convert("RGB", rows)


def _watermark(picture: Picture) -> Picture:
    base = picture.convert("RGBA")
    layer = Image.new("RGBA", base.size, (0, 0, 0, 0))
    font = ImageFont.load_default(base.width // 6)
    ImageDraw.Draw(layer).text(
        (base.width // 2, base.height // 2), "SAMPLE", fill=(255, 255, 255, 110), font=font, anchor="mm"
    )
    return Image.alpha_composite(base, layer).convert("RGB")


def _on_a_phone(picture: Picture) -> Picture:
    """A screenshot of the picture between black bars, under a clock."""
    screen = Image.new("RGB", (720, 1280), "black")
    small = picture.resize((720, round(720 * picture.height / picture.width)))
    screen.paste(small, (0, (1280 - small.height) // 2))
    ImageDraw.Draw(screen).text((30, 14), "10:42", fill="white", font=ImageFont.load_default(26))
    return screen


ALTERATIONS: dict[str, Callable[[Picture], Picture]] = {
    "q30": lambda p: _jpeg(p, 30),
    "half": lambda p: p.resize((p.width // 2, p.height // 2)),
    "crop 10": lambda p: _crop(p, 0.9),
    "crop 30": lambda p: _crop(p, 0.7),
    "border": lambda p: ImageOps.expand(p, p.width // 20, "white"),
    "turn 90": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "turn 180": lambda p: p.transpose(Image.Transpose.ROTATE_180),
    "gray": lambda p: p.convert("L").convert("RGB"),
    "sepia": _sepia,
    "watermark": _watermark,
    "mirror": ImageOps.mirror,
    "phone": _on_a_phone,
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
}
"""What is done to a picture, by name; a crop of 30 keeps 70 % of each side."""


def drawn(folder: Path, each: int = 20) -> list[Path]:
    """So many photographs of each class of corel1k, by a fixed seed."""
    chosen = random.Random(0)
    found = []
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        found += chosen.sample(sorted(group.glob("*.jpg")), each)
    return found


def write_versions(sources: list[Path], name: str, folder: Path) -> None:
    """Write one altered version of each photograph, with the photograph's number as its name."""
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(0)
    for source in sources:
        with Image.open(source) as picture:
            ALTERATIONS[name](picture.convert("RGB")).save(folder / f"{source.stem}.jpg", quality=90)
