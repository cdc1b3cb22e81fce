"""What stays beside the picture that is kept: nothing goes that only one file holds."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from tests.search.duplicates.test_advice import found_in
from tests.search.duplicates.test_choice import advice, of_one_age
from tests.support.photographs import photographs
from visus.search.duplicates.looks import between_blur

_DATE = "2019:07:14 10:11:12"


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """A photograph, 480 pixels wide, without the traces of an encoder."""
    return Image.open(photographs()["coffee"]).convert("RGB").resize((480, 320), Image.Resampling.BOX)


def told(*, date: str | None = _DATE, place: bool = False, **tags: str) -> Image.Exif:
    """EXIF of a camera's picture."""
    exif = Image.Exif()
    numbers = {"caption": 0x010E, "maker": 0x010F, "software": 0x0131}
    for name, text in tags.items():
        exif[numbers[name]] = text
    if date:
        exif.get_ifd(0x8769)[0x9003] = date
    if place:
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 30.0), 3: "E", 4: (11.0, 34.0, 30.0)})
    return exif


@pytest.mark.parametrize("kind", ["faded", "colorized", "toned"])
@pytest.mark.parametrize("ending", ["tif", "png", "jpg"])
def test_a_master_stays_beside_an_edit_of_it(kind: str, ending: str, photograph: Image.Image, tmp_path: Path) -> None:
    gray = photograph.convert("L")
    if kind == "faded":
        master = Image.fromarray((np.asarray(photograph) * 0.42 + 95).astype(np.uint8))
        edit = ImageOps.autocontrast(master, cutoff=1)
    else:
        master = gray
        edit = ImageOps.colorize(gray, "#100804", "#fff0d0", mid="#a07850")
    if kind == "colorized":
        edit = Image.merge("YCbCr", [gray, *photograph.convert("YCbCr").split()[1:]]).convert("RGB")
    master.save(tmp_path / f"master.{ending}", quality=95)
    edit.save(tmp_path / "edit.jpg", quality=70)
    of_one_age(tmp_path)
    name, _, stays = advice(tmp_path)
    assert name == f"master.{ending}" or stays == {f"master.{ending}": "is less compressed"}


@pytest.mark.parametrize(
    ("kind", "why"), [("gray", ""), ("sepia", ""), ("flat", ""), ("brighter", "has another exposure")]
)
def test_copies_in_other_tones_that_gained_nothing_go(
    kind: str, why: str, photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / "a.jpg", quality=88)
    opened = Image.open(tmp_path / "a.jpg")
    values = np.asarray(opened).astype(np.float32)
    made = {
        "gray": opened.convert("L"),
        "sepia": ImageOps.colorize(opened.convert("L"), "#100804", "#fff0d0", mid="#a07850"),
        "brighter": Image.fromarray((values * 1.15 + 10).clip(0, 255).astype(np.uint8)),
        "flat": Image.fromarray((values * 0.4 + 90).astype(np.uint8)),
    }[kind]
    made.save(tmp_path / "made.jpg", quality=70 if kind == "flat" else 85)
    if kind == "gray":
        made.save(tmp_path / "made.png")  # its pixels show the steps of the JPEG
    of_one_age(tmp_path)
    name, _, stays = advice(tmp_path)
    assert (name, set(stays.values())) == ("a.jpg", {why})


@pytest.mark.parametrize(("kept", "stays"), [(False, "has metadata"), (True, "")])
def test_what_only_a_worse_file_tells_stays(kept: bool, stays: str, photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=95, exif=told(place=kept))
    photograph.save(tmp_path / "b.jpg", quality=60, exif=told(place=True))
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {"b.jpg": stays})


_KEYWORDS = "<x:xmpmeta><dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject></x:xmpmeta>"


def keywords(*words: str) -> bytes:
    """XMP with keywords."""
    return _KEYWORDS.format("".join(f"<rdf:li>{word}</rdf:li>" for word in words)).encode()


def at(latitude: float, longitude: float) -> Image.Exif:
    """EXIF with a position."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (latitude, 0.0, 0.0), 3: "E", 4: (longitude, 0.0, 0.0)})
    return exif


@pytest.mark.parametrize(
    ("kept", "own", "stays"),
    [
        ({"exif": told(caption="Lindau")}, {"exif": told(caption="Grandma Rosa, 80th birthday")}, "has other metadata"),
        ({"exif": told(caption="Rosa & Emil, 1953")}, {"exif": told(caption=" rosa & emil ")}, ""),
        ({"exif": told(caption="Rosa")}, {"comment": b"Rosa"}, ""),
        ({"exif": told(caption="Rosa")}, {"exif": told(caption="SONY DSC")}, ""),
        ({"xmp": keywords("photo")}, {"xmp": keywords("Rosa", "Tim", "lake")}, "has other metadata"),
        ({"xmp": keywords("lake", "Tim", "Rosa")}, {"xmp": keywords("Rosa", "lake")}, ""),
        ({"exif": at(47.1, 8.5)}, {"exif": at(47.2, 8.5)}, "has other metadata"),
        ({"exif": at(47.10002, 8.5)}, {"exif": at(47.1, 8.50003)}, ""),
        ({"exif": at(0.0, 0.0)}, {"exif": at(47.2, 8.5)}, "has metadata"),
        ({"exif": at(47.2, 8.5)}, {"exif": at(0.0, 0.0)}, ""),
    ],
)
def test_what_a_copy_tells_otherwise_than_the_kept_one_stays(
    kept: dict, own: dict, stays: str, photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / "a.jpg", quality=95, **kept)
    photograph.save(tmp_path / "b.jpg", quality=60, **own)
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {"b.jpg": stays})


def test_what_programs_note_lets_a_worse_file_go(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=95, exif=told())
    noted = told(software="GIMP 2.10", caption="OLYMPUS DIGITAL CAMERA")
    photograph.save(tmp_path / "b.jpg", quality=60, exif=noted, comment=b"Created with GIMP", dpi=(72, 72))
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {"b.jpg": ""})


def test_a_described_scan_is_kept_over_the_plain_one_that_is_older(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "told.tif", tiffinfo={270: "Rosa and Emil, Lindau 1953", 315: "Karl Huber"})
    photograph.save(tmp_path / "plain.tif", compression="tiff_lzw")
    os.utime(tmp_path / "plain.tif", (1e9, 1e9))
    assert advice(tmp_path) == ("told.tif", "more metadata", {"plain.tif": ""})


def test_what_stands_behind_a_picture_or_beside_it_stays(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=95)
    for number, name in enumerate(("plain", "longer", "noted")):
        photograph.save(tmp_path / f"{name}.jpg", quality=60 - number)
    with (tmp_path / "longer.jpg").open("ab") as file:
        file.write(b"PK\3\4" + bytes(range(1, 256)) * 8)
    (tmp_path / "noted.XMP").write_text("<x:xmpmeta/>")
    of_one_age(tmp_path)
    stays = {"plain.jpg": "", "longer.jpg": "has more behind its end", "noted.jpg": "has a sidecar file"}
    assert advice(tmp_path)[::2] == ("a.jpg", stays)


@pytest.mark.parametrize(
    "beside",
    ["b.MOV", "b.mp4", "b.WAV", "b.jpg.json", "b.json", "b.jpg.supplemental-metadata.json", "b.txt", "b.xml", "b.pp3"],
)
def test_what_belongs_to_a_file_beside_it_by_its_name_stays(
    beside: str, photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / "a.jpg", quality=95)
    photograph.save(tmp_path / "b.jpg", quality=60)
    (tmp_path / beside).write_bytes(b"{}")
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {"b.jpg": "has a sidecar file"})


def test_what_lies_beside_an_equal_file_keeps_it_too(photograph: Image.Image, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photograph.save(tmp_path / name, quality=90)
    (tmp_path / "b.txt").write_text("Rosa in the garden")
    (tmp_path / "a.json").write_text("{}")
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {"b.jpg": "has a sidecar file", "c.jpg": ""})


def test_a_sidecar_whose_name_was_shortened_belongs_to_its_file(photograph: Image.Image, tmp_path: Path) -> None:
    name = "Rosa and Emil on the lake in Lindau 1953.jpg"
    photograph.save(tmp_path / "a.jpg", quality=95)
    photograph.save(tmp_path / name, quality=60)
    (tmp_path / f"{name}.s.json").write_text("{}")
    of_one_age(tmp_path)
    assert advice(tmp_path)[::2] == ("a.jpg", {name: "has a sidecar file"})


def test_the_file_of_a_camera_is_kept_over_an_edit_of_the_same_date(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "camera.jpg", quality=90, exif=told(maker="Canon"))
    edit = Image.open(tmp_path / "camera.jpg").filter(ImageFilter.UnsharpMask(2, 40, 2))
    edit.save(tmp_path / "edit.jpg", quality=100, exif=told(maker="Canon", software="Adobe Lightroom"))
    os.utime(tmp_path / "edit.jpg", (1e9, 1e9))
    assert advice(tmp_path)[0] == "camera.jpg"


@pytest.mark.parametrize(("side", "stays"), [(480, "is from the camera"), (320, "")])
def test_the_file_of_a_camera_stays_beside_a_stronger_edit(
    side: int, stays: str, photograph: Image.Image, tmp_path: Path
) -> None:
    flat = Image.fromarray((np.asarray(photograph) * 0.4 + 90).astype(np.uint8))
    flat.resize((side, side * 2 // 3)).save(tmp_path / "camera.jpg", quality=80, exif=told(maker="Canon"))
    edit = ImageOps.autocontrast(flat)
    edit.save(tmp_path / "edit.jpg", quality=90, exif=told(maker="Canon", software="Adobe Lightroom"))
    assert advice(tmp_path)[::2] == ("edit.jpg", {"camera.jpg": stays})


def story_of(photograph: Image.Image, *, across: int, place: tuple[int, int]) -> Image.Image:
    """A tall picture of a photograph before the same, larger and blurred."""
    story = photograph.resize((across, across * 5 // 4)).filter(ImageFilter.GaussianBlur(20))
    story.paste(photograph, place)
    return story


@pytest.mark.parametrize(("across", "left"), [(480, 0), (560, 40)])
def test_blur_around_a_photograph_is_a_border(across: int, left: int, photograph: Image.Image, tmp_path: Path) -> None:
    top = (across * 5 // 4 - photograph.height) // 2
    story = story_of(photograph, across=across, place=(left, top))
    found = between_blur(np.asarray(story.convert("L")))
    assert np.abs(np.subtract(found, (left, top, left + 480, top + 320))).max() <= 1
    photograph.save(tmp_path / "a.jpg", quality=85)
    story.save(tmp_path / "story.jpg", quality=85)
    name, why, stays = advice(tmp_path)
    assert (name, stays) == ("a.jpg", {"story.jpg": ""})
    assert "no border" in why


def test_a_photograph_stays_beside_a_story_whose_bars_differ(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=85)
    story_of(Image.open(tmp_path / "a.jpg"), across=480, place=(0, 220)).save(tmp_path / "story.jpg", quality=95)
    name, _, stays = advice(tmp_path)
    assert (name, stays) == ("story.jpg", {"a.jpg": "is without blurred bars"})


def test_photographs_do_not_stand_between_blur() -> None:
    chance = np.random.default_rng(0)
    sky = np.repeat(np.linspace(230, 180, 256)[:, None], 160, 1)
    ridge = 90 + np.cumsum(chance.normal(0, 2, 160)).astype(int)
    for column, row in enumerate(ridge.tolist()):
        sky[row:, column] = chance.normal(90, 25, 256 - row)
    assert between_blur(sky.clip(0, 255).astype(np.uint8)) == (0, 0, 160, 256)
    assert between_blur(np.zeros((3, 1), np.uint8)) == (0, 0, 1, 3)


def raw(photograph: Image.Image, place: Path, quality: int, date: str = _DATE) -> None:
    """A DNG: a JPEG as its preview, and the colors behind a mosaic of filters (DNG 1.4, chapter 2)."""
    values = (np.asarray(photograph) / 255.0) ** 2.2 * 4095
    mosaic = np.empty(values.shape[:2], "<u2")
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = values[row::2, column::2, channel]
    written = io.BytesIO()
    photograph.save(written, "JPEG", quality=quality)
    preview, moment = written.getvalue(), date.encode() + b"\0"
    width, height = photograph.size
    at = 4096 + len(preview) + len(preview) % 2
    unit = struct.pack("<18i", *(1 if k in (0, 8, 16) else k % 2 for k in range(18)))
    of_mosaic = {
        254: (4, 0), 256: (4, width), 257: (4, height), 258: (3, 16), 259: (3, 1), 262: (3, 32803), 273: (4, at),
        277: (3, 1), 278: (4, height), 279: (4, mosaic.nbytes), 284: (3, 1), 33421: (3, (2, 2)),
        33422: (1, (0, 1, 1, 2)), 50714: (3, 0), 50717: (4, 4095),
    }  # fmt: skip
    first = {
        254: (4, 1), 256: (4, width), 257: (4, height), 258: (3, (8, 8, 8)), 259: (3, 7), 262: (3, 6),
        271: (2, b"Canon\0"), 272: (2, b"EOS\0"), 273: (4, 4096), 274: (3, 1), 277: (3, 3), 278: (4, height),
        279: (4, len(preview)), 306: (2, moment), 330: (4, 2600), 34665: (4, 3000), 50706: (1, (1, 4, 0, 0)),
        50707: (1, (1, 1, 0, 0)), 50708: (2, b"EOS\0"), 50721: (10, unit), 50728: (5, struct.pack("<6I", *[1] * 6)),
        50778: (3, 21),
    }  # fmt: skip
    file = bytearray(at + mosaic.nbytes)
    file[:8] = b"II*\0" + struct.pack("<I", 8)
    for start, tags in ((8, first), (2600, of_mosaic), (3000, {0x9003: (2, moment)})):
        packed = directory(tags, start)
        file[start : start + len(packed)] = packed
    file[4096 : 4096 + len(preview)], file[at:] = preview, mosaic.tobytes()
    place.write_bytes(file)


def directory(tags: dict, start: int) -> bytes:
    """A directory of TIFF (TIFF 6.0, section 2), and what does not fit into it behind it."""
    entries, behind = struct.pack("<H", len(tags)), b""
    for tag, (kind, value) in sorted(tags.items()):
        values = (value,) if isinstance(value, int) else value
        packed = value if isinstance(value, bytes) else struct.pack(f"<{len(values)}{' BsHI'[kind]}", *values)
        count = len(packed) // {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}[kind]
        if len(packed) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(behind)
            behind, packed = behind + packed + bytes(len(packed) % 2), struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return entries + bytes(4) + behind


@pytest.mark.parametrize("quality", [60, 96])
def test_a_raw_file_never_goes_and_nothing_goes_for_it(quality: int, photograph: Image.Image, tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    raw(photograph, tmp_path / "a.dng", quality)
    photograph.save(tmp_path / "a.jpg", quality=85, exif=told(maker="Canon"))
    photograph.resize((240, 160)).save(tmp_path / "small.jpg", quality=85)
    name, why, stays = advice(tmp_path)
    assert (name, stays) == ("a.jpg", {"a.dng": "is a raw file", "small.jpg": ""})
    assert why.startswith("no raw file")


def test_raw_files_of_two_moments_are_no_copies(photograph: Image.Image, tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    raw(photograph, tmp_path / "a.dng", 90)
    raw(photograph, tmp_path / "b.dng", 90, date="2019:07:14 10:15:40")
    raw(photograph, tmp_path / "c.dng", 80)
    (group,) = found_in(tmp_path)
    assert {Path(own.path).name for own in (group.keep, *group.others)} == {"a.dng", "c.dng"}
    assert [copy.stays for copy in group.others] == ["is a raw file"]


@pytest.mark.parametrize("way", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90, None])
def test_a_sprite_that_faces_another_way_stays(way: Image.Transpose | None, tmp_path: Path) -> None:
    sprite, rng = Image.new("RGBA", (256, 256)), np.random.default_rng(3)
    for _ in range(60):
        x, y, size = rng.integers(20, 180, 3)
        color = (*rng.integers(0, 255, 3).tolist(), 255)
        ImageDraw.Draw(sprite).ellipse([x, y, x + size // 3, y + size // 4], fill=color)
    sprite.save(tmp_path / "left.png")
    (sprite if way is None else sprite.transpose(way)).save(tmp_path / "right.png", optimize=True, compress_level=1)
    os.utime(tmp_path / "left.png", (1e9, 1e9))
    assert advice(tmp_path)[::2] == ("left.png", {"right.png": "" if way is None else "faces another way"})


def test_a_mirrored_photograph_goes(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.png")
    ImageOps.mirror(photograph).save(tmp_path / "b.png")
    os.utime(tmp_path / "a.png", (1e9, 1e9))
    assert advice(tmp_path)[::2] == ("a.png", {"b.png": ""})


def normal_map(photograph: Image.Image, strength: float) -> Image.Image:
    """The directions of a surface that is as high as a photograph is light."""
    down, across = np.gradient(np.asarray(photograph.convert("L").filter(ImageFilter.GaussianBlur(1)), np.float64))
    vectors = np.dstack([-across * strength, -down * strength, np.ones_like(down)])
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return Image.fromarray(((vectors + 1) * 127.5).round().astype(np.uint8))


def test_a_normal_map_of_another_strength_stays(photograph: Image.Image, tmp_path: Path) -> None:
    for number, strength in enumerate((0.3, 0.15)):
        normal_map(photograph, strength).save(tmp_path / f"{number}.png")
    normal_map(photograph, 0.3).save(tmp_path / "same.jpg", quality=95)
    (group,) = found_in(tmp_path)
    stays = {Path(copy.path).name: copy.stays for copy in group.others if copy.stays}
    assert set(stays.values()) == {"holds other numbers"}
    assert len(stays) == 1


_EDITS = {
    "sharpened": lambda photograph: photograph.filter(ImageFilter.UnsharpMask(2, 120)),
    "brighter": lambda photograph: photograph.point(lambda level: level * 1.3),
    "darker": lambda photograph: photograph.point(lambda level: level * 0.7),
}


@pytest.mark.parametrize("edit", _EDITS)
@pytest.mark.parametrize(("master", "ending"), [("jpg", "tif"), ("png", "tif"), ("png", "jpg")])
def test_an_older_edit_lets_its_master_not_go(
    master: str, ending: str, edit: str, photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / f"a.{master}", quality=90)
    _EDITS[edit](Image.open(tmp_path / f"a.{master}")).save(tmp_path / f"b.{ending}", quality=92)
    for age, place in enumerate((f"a.{master}", f"b.{ending}")):
        os.utime(tmp_path / place, (1e9 - age, 1e9 - age))
    name, _, stays = advice(tmp_path)
    assert name == f"a.{master}" or stays[f"a.{master}"]


def test_a_blurred_picture_is_not_kept_beside_copies_of_other_sizes(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.png")
    blurred = photograph.filter(ImageFilter.GaussianBlur(1.5))
    blurred.save(tmp_path / "b.png")
    blurred.resize((720, 480)).save(tmp_path / "c.png")
    blurred.resize((240, 160)).save(tmp_path / "d.jpg", quality=80)
    os.utime(tmp_path / "a.png", (2e9, 2e9))
    assert advice(tmp_path)[0] == "a.png"


def test_of_several_with_one_frame_what_has_none_is_kept(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=92)
    framed = ImageOps.expand(Image.open(tmp_path / "a.jpg"), 12, "white")
    framed.save(tmp_path / "b.tif")
    ImageOps.mirror(framed).save(tmp_path / "c.tif")
    framed.save(tmp_path / "d.webp", quality=95)
    assert advice(tmp_path)[:1] == ("a.jpg",)


def test_a_jpeg_stays_beside_a_poorer_format_that_tells_no_loss(photograph: Image.Image, tmp_path: Path) -> None:
    photograph.save(tmp_path / "a.jpg", quality=82)
    photograph.save(tmp_path / "b.webp", quality=58)
    photograph.filter(ImageFilter.UnsharpMask(2, 120)).save(tmp_path / "c.jpg", quality=40)
    for age, place in enumerate(("c.jpg", "a.jpg", "b.webp")):
        os.utime(tmp_path / place, (1e9 - age, 1e9 - age))
    name, why, stays = advice(tmp_path)
    assert (name, why, stays["a.jpg"]) == ("b.webp", "likely the source, older", "may be the source")
