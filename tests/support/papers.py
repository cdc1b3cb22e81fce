"""Pictures that look alike and are not the same: what real folders hold beside photographs.

Each generator gives different pictures of one kind, from one seed; none is a copy of another.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

_WORDS = """harbor window engine maple river signal copper garden winter letter market silver bridge candle forest
ladder mirror number orange pencil quarry rocket saddle tunnel valley wagon yellow anchor basket cellar""".split()  # noqa: SIM905


def letters(count: int, seed: int = 0) -> list[Picture]:
    """Typed letters under one letterhead, ``(1100, 800, 3)``."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sheet = Image.new("RGB", (800, 1100), "white")
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((60, 50, 740, 130), fill=(40, 60, 120))
        pen.text((80, 66), "Harbor & Maple, Surveyors", fill="white", font=_font(40))
        pen.text((60, 150), "12 Quarry Road, River Valley", fill="black", font=_font(20))
        for line in range(26):
            words = " ".join(random.choice(_WORDS, int(random.integers(7, 10))))
            pen.text((60, 230 + 31 * line), words[:66], fill="black", font=_font(20))
        found.append(np.asarray(sheet))
    return found


def rescan(sheet: Picture, seed: int = 0) -> Picture:
    """The same sheet on the scanner once more: a little turned, darker, noisy."""
    random = np.random.default_rng(seed)
    turned = Image.fromarray(sheet).rotate(
        float(random.uniform(-0.8, 0.8)), Image.Resampling.BICUBIC, fillcolor="white",
        translate=(int(random.integers(-5, 6)), int(random.integers(-5, 6))),
    )  # fmt: skip
    values = np.asarray(turned) * 0.92 + 8 + random.normal(0, 4, (*turned.size[::-1], 1))
    return np.clip(values, 0, 255).astype(np.uint8)


def receipts(count: int, seed: int = 0) -> list[Picture]:
    """Receipts of one shop, ``(900, 400, 3)``: the same items, other amounts."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sheet = Image.new("RGB", (400, 900), (250, 250, 246))
        pen = ImageDraw.Draw(sheet)
        pen.text((90, 30), "VALLEY MARKET", fill="black", font=_font(30))
        for line in range(18):
            amount = f"{random.integers(1, 99)}.{random.integers(0, 99):02d}"
            pen.text((30, 110 + 38 * line), f"{_WORDS[line]:<12}", fill="black", font=_font(22))
            pen.text((290, 110 + 38 * line), f"{amount:>6}", fill="black", font=_font(22))
        pen.text((30, 830), f"{random.integers(10**8, 10**9)}", fill="black", font=_font(24))
        found.append(np.asarray(sheet))
    return found


def chats(count: int, seed: int = 0) -> list[Picture]:
    """Screenshots of one messenger, ``(1280, 720, 3)``: bubbles with other words."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sheet = Image.new("RGB", (720, 1280), (229, 221, 213))
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((0, 0, 720, 100), fill=(7, 94, 84))
        pen.text((110, 32), "Family", fill="white", font=_font(34))
        top = 130
        while top < 1180:
            rows, own = int(random.integers(1, 4)), bool(random.integers(2))
            left = 180 if own else 30
            pen.rounded_rectangle(
                (left, top, left + 500, top + 40 * rows + 24), 16, fill=(220, 248, 198) if own else "white"
            )
            for row in range(rows):
                text = " ".join(random.choice(_WORDS, 4))[:30]
                pen.text((left + 20, top + 12 + 40 * row), text, fill="black", font=_font(26))
            top += 40 * rows + 50
        found.append(np.asarray(sheet))
    return found


def sketches(count: int, seed: int = 0) -> list[Picture]:
    """Line drawings on white paper, ``(600, 600, 3)``."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sheet = Image.new("RGB", (600, 600), "white")
        pen = ImageDraw.Draw(sheet)
        for _ in range(14):
            x, y, r = (int(random.integers(*bounds)) for bounds in ((60, 540), (60, 540), (20, 120)))
            pen.arc((x - r, y - r, x + r, y + r), float(random.uniform(0, 360)), float(random.uniform(0, 360)), 0, 3)
            pen.line([tuple(point) for point in random.integers(40, 560, (3, 2)).tolist()], fill=0, width=3)
        found.append(np.asarray(sheet))
    return found


def stamps(count: int, seed: int = 0) -> list[Picture]:
    """Postage stamps of one series: other motifs in one frame, ``(200, 160, 3)``."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        stamp = Image.new("RGB", (160, 200), (240, 235, 220))
        pen = ImageDraw.Draw(stamp)
        pen.rectangle((10, 10, 149, 189), outline=(120, 30, 30), width=3)
        for x in range(14, 146, 8):
            pen.line((x, 16, x + 4, 24), fill=(120, 30, 30), width=2)
            pen.line((x, 160, x + 4, 166), fill=(120, 30, 30), width=2)
        pen.text((18, 168), "REPUBLIC 25c", fill=(120, 30, 30), font=_font(16))
        pen.regular_polygon((80, 92, 36), 3 + number, fill=tuple(random.integers(20, 160, 3).tolist()))
        for x, y in random.integers(60, 110, (6, 2)).tolist():
            pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=tuple(random.integers(0, 255, 3).tolist()))
        found.append(np.asarray(stamp))
    return found


def grays(count: int = 16) -> list[Picture]:
    """Flat pictures, each 7 gray levels lighter than the one before, ``(64, 64, 3)``."""
    return [np.full((64, 64, 3), 7 * k, np.uint8) for k in range(count)]


def captioned(picture: Picture, text: str) -> Picture:
    """A picture with words in white and black over its lower part, as in jokes that go round."""
    sheet = Image.fromarray(picture)
    size = max(14, sheet.width // 12)
    ImageDraw.Draw(sheet).text(
        (sheet.width // 2, sheet.height - 2 * size), text, fill="white", font=_font(size), anchor="ma",
        stroke_width=max(1, size // 14), stroke_fill="black",
    )  # fmt: skip
    return np.asarray(sheet)


def with_band(picture: Picture, text: str) -> Picture:
    """A picture with words on a white band above it."""
    size = max(14, picture.shape[1] // 14)
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + 3 * size), "white")
    sheet.paste(Image.fromarray(picture), (0, 3 * size))
    ImageDraw.Draw(sheet).text((size, size // 2), text, fill="black", font=_font(size))
    return np.asarray(sheet)


def watermarked(picture: Picture, text: str = "SAMPLE") -> Picture:
    """A picture with a word across it through which it is seen."""
    base = Image.fromarray(picture).convert("RGBA")
    layer = Image.new("RGBA", base.size, (0, 0, 0, 0))
    ImageDraw.Draw(layer).text(
        (base.width // 2, base.height // 2), text, fill=(255, 255, 255, 110), font=_font(base.width // 6), anchor="mm"
    )
    return np.asarray(Image.alpha_composite(base, layer).convert("RGB"))


def framed(picture: Picture, color: str = "white") -> Picture:
    """A picture in a frame of one color, a twentieth of its width."""
    rim = picture.shape[1] // 20
    sheet = Image.new("RGB", (picture.shape[1] + 2 * rim, picture.shape[0] + 2 * rim), color)
    sheet.paste(Image.fromarray(picture), (rim, rim))
    return np.asarray(sheet)


def on_a_phone(picture: Picture) -> Picture:
    """A screenshot ``(1280, 720, 3)`` of a picture between black bars, under a clock."""
    screen = Image.new("RGB", (720, 1280), "black")
    small = Image.fromarray(picture).resize((720, round(720 * picture.shape[0] / picture.shape[1])))
    screen.paste(small, (0, (1280 - small.height) // 2))
    ImageDraw.Draw(screen).text((30, 14), "10:42", fill="white", font=_font(26))
    return np.asarray(screen)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
