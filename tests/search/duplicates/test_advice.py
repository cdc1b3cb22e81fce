"""Advice that would destroy something: what only looks the same is no copy, and what has more stays."""

import io
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, PngImagePlugin
from scipy import ndimage

from tests.search.duplicates.test_kinds import index_of
from tests.support.photographs import photographs
from visus.images.facts import facts_of
from visus.search.duplicates.members import DuplicateGroup, Duplicates
from visus.search.walk import JOURNAL, Found, walk

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """A photograph, 600 pixels wide."""
    return Image.open(photographs()["chelsea"]).convert("RGB").resize((600, 400))


def found_in(folder: Path) -> Duplicates:
    return index_of(folder).duplicates()


def advice(found: Iterable[DuplicateGroup]) -> dict[str, str]:
    """Of each file that is not kept, why it stays; empty where it may go."""
    return {Path(copy.path).name: copy.stays for group in found for copy in group.others}


def page(amount: str = "1,284.50", head: str = "", side: tuple[int, int] = (1240, 1754), size: int = 26) -> Image.Image:
    """A page of small print."""
    sheet = Image.new("RGB", side, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    draw.text((60, 8), head, fill="black", font=font)
    for line in range(8, side[1] // 44 - 4):
        words = f"Position {line} of the list, {37 * line % 91} pieces at {13 * line % 47}.90 each"
        draw.text((60, 44 * line), words if line != 12 else f"Total {amount}", fill="black", font=font)
    return sheet


@pytest.mark.parametrize("place", ["top", "bottom", "left"])
def test_what_stands_at_the_end_of_a_page_is_read_too(place: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name in ("Anna 4711", "Bernd 0815"):
        sheet = page(head=f"Contract of {name}" if place == "top" else "")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(26)
        if place == "bottom":
            draw.text((60, 1718), f"Contract of {name}", fill="black", font=font)
        for row, letter in enumerate(name * 3 if place == "left" else ""):
            draw.text((4, 50 * row + 40), letter, fill="black", font=font)
        sheet.save(tmp_path / "p" / f"{name}.png")
    found = found_in(tmp_path / "p")
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["captioned"]


@pytest.mark.parametrize("side", [(1240, 1754), (1920, 1080), (2480, 3508)])
@pytest.mark.parametrize("other", ["1,234.50", "1,284.60", "1,884.50"])
def test_a_small_digit_makes_another_lossless_page(side: tuple[int, int], other: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for amount in ("1,284.50", other):
        page(amount, side=side, size=20).save(tmp_path / "p" / f"{amount}.png")
    found = found_in(tmp_path / "p")
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["captioned"]


def saved(sheet: Image.Image, path: Path) -> None:
    """Save a page without loss; TIFF as fax on a second page, behind one that is always the same."""
    if path.suffix == ".tif":
        front = page("0.00", side=sheet.size, size=20).convert("1")
        front.save(path, save_all=True, append_images=[sheet.convert("1")], compression="group4")
    elif path.suffix in (".webp", ".jxl"):
        sheet.save(path, lossless=True)
    else:
        sheet.save(path)


@pytest.mark.parametrize("endings", ["webp webp", "gif gif", "jp2 jp2", "jxl jxl", "png webp", "jp2 png", "tif tif"])
def test_a_small_digit_makes_another_page_in_all_that_lose_nothing(endings: str, tmp_path: Path) -> None:
    if "jxl" in endings:
        pytest.importorskip("pillow_jxl")
    (tmp_path / "p").mkdir()
    for amount, ending in zip(("1,417.30", "1,411.30"), endings.split(), strict=True):
        saved(page(amount, side=(900, 1200), size=14), tmp_path / "p" / f"{amount}.{ending}")
    found = found_in(tmp_path / "p")
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["captioned"]


def test_pages_and_pictures_saved_again_without_loss_stay_copies(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    saved(page(side=(900, 1200), size=20), tmp_path / "p" / "a.tif")
    with Image.open(tmp_path / "p" / "a.tif") as stack:
        stack.save(tmp_path / "p" / "b.tif", save_all=True, compression="tiff_lzw")
    for name in ("c.png", "d.webp", "e.jp2"):
        saved(page(side=(1000, 1000), size=24), tmp_path / "p" / name)
    groups = [[*group.others] for group in found_in(tmp_path / "p")]
    assert sorted(map(len, groups)) == [1, 2]
    assert {copy.relation.names for others in groups for copy in others} == {("same pixels",)}


def test_hidden_colors_make_no_other_animation(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    clear = np.dstack([np.asarray(photograph), np.full((400, 600), 255, np.uint8)])
    clear[100:200, 200:400, 3] = 0
    for name, hidden in (("a", 0), ("b", 200)):
        clear[100:200, 200:400, :3] = hidden
        frames = [Image.fromarray(clear), Image.fromarray(clear[::-1].copy())]
        frames[0].save(tmp_path / "p" / f"{name}.png", save_all=True, append_images=frames[1:], duration=100)
    (group,) = found_in(tmp_path / "p")
    assert [copy.relation.names for copy in group.others] == [("same pixels",)]


def test_a_page_with_other_deep_numbers_makes_another_stack(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    deep = (numbers(photograph) * 257).astype(np.uint16)
    for name, second in (("a", deep), ("b", deep), ("c", deep ^ 1)):
        compression = "zlib" if name == "b" else None
        tifffile.imwrite(tmp_path / "p" / f"{name}.tif", np.stack([deep, second]), compression=compression)
    (group,) = found_in(tmp_path / "p")
    assert {Path(own.path).name for own in (group.keep, *group.others)} == {"a.tif", "b.tif"}


def test_a_page_saved_in_another_lossless_format_or_as_a_jpeg_stays_a_copy(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    page(size=20).save(tmp_path / "p" / "a.png")
    page(size=20).save(tmp_path / "p" / "b.tif")
    page(size=20).save(tmp_path / "p" / "c.jpg", quality=90)
    (group,) = found_in(tmp_path / "p")
    assert {str(copy.relation).split(" (")[0] for copy in group.others} == {"same pixels", "re-encoded"}
    assert all(copy.may_go for copy in group.others)


def test_a_soft_spot_on_a_lossless_picture_makes_another(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    before = np.asarray(photograph.convert("L")).astype(np.float32)
    spot = np.zeros_like(before)
    spot[200, 300] = 1
    spot = ndimage.gaussian_filter(spot, 10)
    after = before + 30 * spot / spot.max()
    for name, picture in (("before", before), ("after", after)):
        Image.fromarray(picture.clip(0, 255).round().astype(np.uint8)).save(tmp_path / "p" / f"{name}.png")
    assert found_in(tmp_path / "p") == []


def numbers(photograph: Image.Image) -> NDArray[np.float32]:
    return np.asarray(photograph.convert("L")).astype(np.float32)


@pytest.mark.parametrize("kind", ["float", "signed", "deep", "further"])
def test_files_with_other_numbers_are_no_copies(kind: str, photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    own = numbers(photograph)
    low = np.arange(own.size).reshape(own.shape) % 97
    colors = np.asarray(photograph)
    made: dict[str, tuple[NDArray, NDArray]] = {
        "float": (own * 0.1 + 10, own * 0.2 + 15),
        "signed": ((own * 8 - 1000).astype(np.int16), (own * 16 - 500).astype(np.int16)),
        "deep": ((own * 257).astype(np.uint16), (own * 257).astype(np.uint16) // 256 * 256 + low.astype(np.uint16)),
        "further": (np.dstack([colors, colors[:, :, 0]]), np.dstack([colors, 255 - colors[:, :, 1]])),
    }
    for name, values in zip("ab", made[kind], strict=True):
        options = {"photometric": "rgb", "extrasamples": ["unspecified"]} if kind == "further" else {}
        tifffile.imwrite(tmp_path / "p" / f"{name}.tif", values, **options)  # pyright: ignore[reportArgumentType]
    assert found_in(tmp_path / "p") == []


def test_equal_numbers_in_two_files_are_the_same_pixels(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    deep = (numbers(photograph) * 257).astype(np.uint16)
    tifffile.imwrite(tmp_path / "p" / "a.tif", deep)
    tifffile.imwrite(tmp_path / "p" / "b.tif", deep, compression="zlib", byteorder=">")
    Image.fromarray(deep).save(tmp_path / "p" / "c.png")
    (group,) = found_in(tmp_path / "p")
    assert [copy.relation.names for copy in group.others] == [("same pixels",)] * 2


def test_the_file_with_further_channels_is_kept(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    colors = np.asarray(photograph)
    photograph.save(tmp_path / "p" / "rgb.png")
    four = np.dstack([colors, 255 - colors[:, :, 1]])
    tifffile.imwrite(tmp_path / "p" / "four.tif", four, photometric="rgb", extrasamples=["unspecified"])
    (group,) = found_in(tmp_path / "p")
    assert Path(group.keep.path).name == "four.tif"


def test_another_hole_makes_another_cut_out(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name, hole in (("a", 0), ("b", 20)):
        alpha = Image.new("L", photograph.size, 0)
        ImageDraw.Draw(alpha).ellipse((100, 50, 500, 350), fill=255)
        ImageDraw.Draw(alpha).rectangle((290, 190, 290 + hole, 190 + hole), fill=0 if hole else 255)
        white = Image.composite(photograph, Image.new("RGB", photograph.size, "white"), alpha)
        if hole:
            white.paste("white", (290, 190, 291 + hole, 191 + hole))
        whole = white.convert("RGBA")
        whole.putalpha(alpha)
        whole.save(tmp_path / "p" / f"{name}.png")
    assert found_in(tmp_path / "p") == []


MOTION = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description GCamera:MotionPhoto="1"/></x:xmpmeta>'


def jpeg(picture: Image.Image, quality: int = 92, **options: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality, **options)
    return written.getvalue()


def test_a_motion_photo_is_kept_for_its_video(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    still = jpeg(photograph)
    (tmp_path / "p" / "a.jpg").write_bytes(still)
    (tmp_path / "p" / "motion.jpg").write_bytes(still + b"\0\0\0\x18ftypmp42" + bytes(range(1, 200)) * 50)
    (group,) = found_in(tmp_path / "p")
    assert Path(group.keep.path).name == "motion.jpg"
    assert not facts_of(still).video
    assert not facts_of(jpeg(photograph, xmp=MOTION)).video  # a program has left the video out, and not the word


def test_a_lossless_master_is_kept_and_pictures_behind_another_stay(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    photograph.save(tmp_path / "p" / "master.png")
    behind = [photograph.filter(ImageFilter.BoxBlur(3))]
    photograph.save(tmp_path / "p" / "phone.mpo", save_all=True, append_images=behind, quality=70)
    found = found_in(tmp_path / "p")
    assert Path(found[0].keep.path).name == "master.png"
    assert advice(found) == {"phone.mpo": "has further pictures"}


@pytest.mark.parametrize("kind", ["gps", "iptc", "text"])
def test_of_the_same_pixels_the_described_file_is_kept(kind: str, photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    plain, told = tmp_path / "p" / "plain", tmp_path / "p" / "told"
    if kind == "text":
        about = PngImagePlugin.PngInfo()
        about.add_text("Description", "Grandmother's cat")
        photograph.save(plain.with_suffix(".png"))
        photograph.save(told.with_suffix(".png"), pnginfo=about)
    else:
        exif = Image.Exif()
        exif[0x010E] = "Grandmother's cat"
        exif.get_ifd(0x8825)[1] = "N"
        still = jpeg(photograph)
        record = b"\x1c\x02\x78\x00\x03cat"
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
        segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
        plain.with_suffix(".jpg").write_bytes(still)
        with_exif = jpeg(photograph, exif=exif)
        told.with_suffix(".jpg").write_bytes(with_exif if kind == "gps" else still[:2] + segment + still[2:])
    (group,) = found_in(tmp_path / "p")
    assert Path(group.keep.path).stem == "told"


@pytest.mark.parametrize("colors", [2, 64])
def test_a_copy_with_all_its_colors_stays_beside_one_of_few(
    colors: int, photograph: Image.Image, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    scan = np.asarray(page(size=30).convert("L")).astype(np.float32) * 0.8 + 20
    scan += np.random.default_rng(0).normal(0, 5, scan.shape)
    gray = Image.fromarray(ndimage.gaussian_filter(scan, 1).clip(0, 255).astype(np.uint8))
    whole = gray if colors == 2 else photograph.resize((1500, 1000))
    few = whole.convert("1", dither=Image.Dither.NONE) if colors == 2 else whole.quantize(colors)
    few.save(tmp_path / "p" / "few.png")
    whole.save(tmp_path / "p" / "all.jpg", quality=90)
    found = found_in(tmp_path / "p")
    assert len(found) == 1
    assert advice(found).get("all.jpg", "is kept")


@pytest.mark.parametrize("kind", ["gray", "crushed", "overexposed"])
def test_a_better_cut_stays_beside_a_worse_whole(kind: str, photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    whole = photograph.convert("L") if kind == "gray" else photograph
    if kind == "overexposed":
        whole = Image.fromarray((np.asarray(photograph) * 2.5).clip(0, 255).astype(np.uint8))
    whole.save(tmp_path / "p" / "whole.jpg", quality=10 if kind == "crushed" else 92)
    photograph.crop((25, 15, 575, 385)).save(
        tmp_path / "p" / "cut.png" if kind == "crushed" else tmp_path / "p" / "cut.jpg", quality=92
    )
    (group,) = found_in(tmp_path / "p")
    assert Path(group.keep.path).name == "whole.jpg"
    assert group.others[0].stays


@pytest.mark.parametrize("kind", ["amount", "signature"])
def test_a_mark_excuses_nothing_but_itself(kind: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    page().save(tmp_path / "p" / "plain.png")
    other = page("7,850.00") if kind == "amount" else page()
    layer = Image.new("RGBA", other.size)
    draw = ImageDraw.Draw(layer)
    draw.text((200, 700), "COPY", fill=(128, 128, 128, 110), font=ImageFont.load_default(340))
    if kind == "signature":
        draw.line([(700 + 4 * k, 1600 + 50 * np.sin(k / 3)) for k in range(80)], fill=(10, 20, 90, 255), width=4)
    marked = Image.alpha_composite(other.convert("RGBA"), layer).convert("RGB")
    marked.save(tmp_path / "p" / "marked.png")
    assert found_in(tmp_path / "p") == []


def test_a_blurred_plate_is_no_picture_without_a_mark(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    readable = photograph.resize((1200, 800))
    ImageDraw.Draw(readable).rectangle((500, 600, 640, 640), fill="white")
    ImageDraw.Draw(readable).text((508, 602), "AB 1734", fill="black", font=ImageFont.load_default(32))
    hidden = readable.copy()
    plate = readable.crop((500, 600, 640, 640)).resize((10, 3), Image.Resampling.BOX)
    hidden.paste(plate.resize((140, 40), Image.Resampling.NEAREST), (500, 600))
    readable.save(tmp_path / "p" / "car.jpg", quality=92)
    hidden.save(tmp_path / "p" / "hidden.jpg", quality=92)
    assert found_in(tmp_path / "p") == []


def test_a_shirt_in_another_color_is_another_product(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    weave = np.random.default_rng(0).normal(0, 9, (600, 600, 1))
    for name, color in (("red", (200, 60, 60)), ("blue", (70, 90, 230))):
        picture = np.full((600, 600, 3), 250.0)
        picture[100:500, 60:200] = 128 + 60 * np.sin(np.arange(140) / 5)[None, :, None]
        picture[100:500, 260:520] = np.array(color) + weave[100:500, 260:520]
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(tmp_path / "p" / f"{name}.jpg", quality=95)
    assert found_in(tmp_path / "p") == []


@pytest.mark.parametrize("captions", [("Where were you?", "I was at home.", "Nobody saw it."), ("PROOF",) * 3])
def test_other_captions_stay_beside_the_clean_picture_and_a_watermark_goes(
    captions: tuple[str, ...], photograph: Image.Image, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    photograph.save(tmp_path / "p" / "clean.jpg", quality=95)
    for number, text in enumerate(captions):
        layer = Image.new("RGBA", photograph.size)
        ImageDraw.Draw(layer).text((130, 320), text, fill=(255, 255, 255, 150), font=ImageFont.load_default(44))
        marked = Image.alpha_composite(photograph.convert("RGBA"), layer).convert("RGB")
        marked.save(tmp_path / "p" / f"{number}.jpg", quality=90 - 5 * number)
    found = found_in(tmp_path / "p")
    assert advice(found).keys() == {"0.jpg", "1.jpg", "2.jpg"}
    assert all(bool(why) == (captions[0] != "PROOF") for why in advice(found).values())


def test_a_folder_of_copies_that_were_put_aside_is_passed_over(photograph: Image.Image, tmp_path: Path) -> None:
    aside = tmp_path / "p" / "aside" / "deep"
    aside.mkdir(parents=True)
    photograph.save(tmp_path / "p" / "a.png")
    photograph.save(aside / "b.png")
    (tmp_path / "p" / "aside" / JOURNAL).write_text("")
    seen = list(walk([str(tmp_path / "p")]))
    assert [Path(own.path).name for own in seen if isinstance(own, Found)] == ["a.png"]
    assert [own.path for own in seen if not isinstance(own, Found)] == [str(tmp_path / "p" / "aside")]
    assert any(isinstance(own, Found) for own in walk([str(tmp_path / "p" / "aside")]))


@pytest.mark.parametrize("quality", [60, 75, 80])
def test_a_jpeg_saved_again_in_the_same_quality_is_a_copy(quality: int, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    picture = Image.open(photographs()["coffee"]).convert("RGB")
    first = jpeg(picture, quality)
    (tmp_path / "p" / "a.jpg").write_bytes(first)
    Image.open(io.BytesIO(first)).save(tmp_path / "p" / "b.jpg", quality=quality)
    (group,) = found_in(tmp_path / "p")
    assert len(group.others) == 1


def test_long_thin_pictures_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    banner = Image.open(photographs()["coffee"]).convert("RGB").resize((1600, 40))
    banner.save(tmp_path / "p" / "a.png")
    banner.save(tmp_path / "p" / "b.jpg", quality=90)
    assert len(found_in(tmp_path / "p")) <= 1


def test_a_map_with_unknown_places_is_the_same_in_another_compression(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    heights = numbers(photograph) / 7
    heights[:20, :30] = np.nan
    tifffile.imwrite(tmp_path / "p" / "a.tif", heights)
    tifffile.imwrite(tmp_path / "p" / "b.tif", heights, compression="zlib")
    (group,) = found_in(tmp_path / "p")
    assert group.others[0].relation.names == ("same pixels",)


def test_a_damaged_block_of_positions_costs_no_date(photograph: Image.Image) -> None:
    date = b"2020:01:02 03:04:05\0"
    entries = [(0x0132, 2, len(date), 38), (0x8825, 9, 1, 0xFFFFFFFB)]
    packed = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + packed + bytes(4) + date
    assert facts_of(jpeg(photograph, exif=exif)).captured is not None


def test_a_link_into_a_folder_that_is_passed_over_is_followed(photograph: Image.Image, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / "p" / name).mkdir(parents=True)
    photograph.save(tmp_path / "p" / "old" / "u.png")
    (tmp_path / "p" / "old" / JOURNAL).write_text("")
    (tmp_path / "p" / "new" / "link.png").symlink_to(tmp_path / "p" / "old" / "u.png")
    assert len([own for own in walk([str(tmp_path / "p")]) if isinstance(own, Found)]) == 1


def test_a_later_page_in_another_color_makes_another_document(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    weave = np.random.default_rng(0).normal(128, 20, (400, 600)).astype(np.uint8)
    for name, color in (("red", (250, 90, 100)), ("blue", (90, 160, 250)), ("again", (90, 160, 250))):
        second = np.asarray(photograph).copy()
        second[100:300, 200:400] = (np.array(color) * (weave[100:300, 200:400, None] / 255)).astype(np.uint8)
        compression = "packbits" if name == "again" else "tiff_lzw"
        more = [Image.fromarray(second)]
        photograph.save(tmp_path / "p" / f"{name}.tif", save_all=True, append_images=more, compression=compression)
    assert {frozenset((*advice([group]), Path(group.keep.path).name)) for group in found_in(tmp_path / "p")} == {
        frozenset(("blue.tif", "again.tif"))
    }


def test_the_same_frames_at_another_pace_are_another_animation(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    first, *others = [photograph.resize((240, 160)).rotate(3 * k) for k in range(4)]
    for name, pace in (("slow.gif", 200), ("quick.gif", 50), ("slow.webp", 200)):
        first.save(tmp_path / "p" / name, save_all=True, append_images=others, duration=pace)
    found = found_in(tmp_path / "p")
    assert len(found) == 1
    assert advice(found).keys() <= {"slow.gif", "slow.webp"}


def test_two_shots_in_one_second_are_two(photograph: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name, part in (("a", "10"), ("b", "35"), ("stripped", None), ("b-again", "350")):
        exif = Image.Exif()
        exif[0x8769] = {0x9003: "2024:05:01 10:00:00"} | ({0x9291: part} if part else {})
        photograph.save(tmp_path / "p" / f"{name}.jpg", quality=95 if len(name) == 1 else 80, exif=exif)
    assert facts_of((tmp_path / "p" / "b.jpg").read_bytes()).captured == 1714557600350
    pairs = [
        {Path(group.keep.path).stem, *(Path(own).stem for own in advice([group]))} for group in found_in(tmp_path / "p")
    ]
    assert not any({"a", "b"} <= pair or {"a", "b-again"} <= pair for pair in pairs)
    assert any({"b", "b-again"} <= pair for pair in pairs)
