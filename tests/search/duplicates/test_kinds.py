"""What real folders hold: copies are found whatever was done to them, and what only looks alike is left alone."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import visus.search
from tests.support import papers
from tests.support.photographs import photographs
from visus import Index
from visus.images import read, write
from visus.search.duplicates.find import _stacks
from visus.search.duplicates.grouping import Grouped
from visus.search.duplicates.members import Duplicates, Kind, Member

Picture = NDArray[np.uint8]
PHOTOGRAPHS = Path(visus.search.__path__[0]) / "photographs"


def look(folder: Path, pictures: Sequence[Picture], ending: str = "png") -> Duplicates:
    """What is found among pictures."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        write(folder / f"{number:02d}.{ending}", picture)
    return index_of(folder).duplicates()


def index_of(folder: Path) -> Index:
    """An index of a folder, beside it."""
    index = Index(folder.with_suffix(".visus"))
    index.add(folder)
    return index


def named(found: Duplicates) -> list[set[str]]:
    """The names of the files in each group."""
    return [{Path(own.path).stem for own in (group.keep, *group.others)} for group in found]


@pytest.fixture(scope="module")
def photograph() -> Picture:
    """A photograph, 600 pixels wide."""
    picture = Image.open(photographs()["chelsea"]).convert("RGB")
    return np.asarray(picture.resize((600, 400)))


@pytest.mark.parametrize("kind", [papers.letters, papers.receipts, papers.chats, papers.sketches])
def test_papers_of_one_kind_are_no_copies(kind: Callable[[int], list[Picture]], tmp_path: Path) -> None:
    assert look(tmp_path / "p", kind(12)) == []


def letter(amount: str) -> Image.Image:
    """A page of 150 dots an inch, in which an amount of money stands."""
    page = Image.new("L", (1240, 1754), 250)
    lines = [f"Line {k} of a letter that says the same in every copy of it." for k in range(24)]
    lines[9] = f"Please transfer EUR {amount} before the end of the month."
    for k, line in enumerate(lines):
        ImageDraw.Draw(page).text((120, 200 + 52 * k), line, fill=20, font=ImageFont.load_default(26))
    return page.convert("RGB")


def test_a_digit_makes_another_letter_and_compression_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    letter("1,250.00").save(folder / "a.png")
    letter("1,250.00").save(folder / "a-again.jpg", quality=40)
    letter("1,250.00").resize((930, 1316)).save(folder / "a-small.png")
    letter("1,350.00").save(folder / "b.png")
    letter("7,250.00").save(folder / "c.jpg", quality=75)
    found = index_of(folder).duplicates()
    assert named(found) == [{"a", "a-again", "a-small"}]
    assert {stack.kind for stack in found.stacks} == {"captioned"}


def test_a_digit_on_the_second_page_makes_another_document(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for name, amount in (("a", "150.00"), ("b", "350.00")):
        letter("1.00").save(folder / f"{name}.tif", save_all=True, append_images=[letter(amount)])
    assert index_of(folder).duplicates() == []


def test_closed_eyes_make_another_shot(tmp_path: Path) -> None:
    portrait = Image.open(photographs()["astronaut"]).convert("RGB").resize((1024, 1024))
    closed = portrait.copy()
    for x in (388, 476):
        ImageDraw.Draw(closed).ellipse((x - 16, 215, x + 16, 233), fill=(196, 150, 130))
    found = look(tmp_path / "p", [np.asarray(portrait), np.asarray(closed)], "jpg")
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["burst"]


def test_flat_grays_are_not_chained(tmp_path: Path) -> None:
    found = look(tmp_path / "p", papers.grays())
    assert found == []
    assert found.stacks == []


def test_a_letter_scanned_twice_is_a_copy(tmp_path: Path) -> None:
    sheets = papers.letters(2, seed=5)
    found = look(tmp_path / "p", [*sheets, *(papers.rescan(sheet, 9 + k) for k, sheet in enumerate(sheets))], "jpg")
    assert sorted(map(sorted, named(found))) == [["00", "02"], ["01", "03"]]


def test_captions_are_a_stack_and_nothing_may_go(tmp_path: Path, photograph: Picture) -> None:
    texts = ("when the harbor opens", "never again monday", "my face at noon", "this is fine", "ask the copper cat")
    for name, caption in (("over", papers.captioned), ("above", papers.with_band)):
        found = look(tmp_path / name, [caption(photograph, text) for text in texts])
        assert found == []
        assert max(len(stack.members) for stack in found.stacks if stack.kind == "captioned") == len(texts)


def test_documents_with_one_cover_are_no_copies(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    cover = Image.fromarray(papers.letters(1, seed=3)[0])
    sheets = [Image.fromarray(sheet) for sheet in papers.letters(4, seed=4)]
    for number, sheet in enumerate(sheets):
        cover.save(folder / f"{number}.tif", save_all=True, append_images=[sheet], compression="tiff_lzw")
    cover.save(folder / "0-again.tif", save_all=True, append_images=[sheets[0]], compression="packbits")
    assert named(index_of(folder).duplicates()) == [{"0", "0-again"}]


def test_animations_that_begin_in_black_are_no_copies(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for name in ("astronaut", "camera", "chelsea", "coffee"):
        picture = Image.open(photographs()[name]).convert("RGB").resize((240, 180))
        frames = [Image.eval(picture, lambda value, k=k: value * k // 3) for k in range(4)]
        frames[0].save(folder / f"{name}.gif", save_all=True, append_images=frames[1:], duration=200)
    assert index_of(folder).duplicates() == []


def test_white_icons_are_told_apart_by_what_is_transparent(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number, sketch in enumerate(papers.sketches(6)):
        icon = Image.new("RGBA", (600, 600), (255, 255, 255, 0))
        icon.putalpha(Image.fromarray(255 - sketch[:, :, 0]))
        icon.save(folder / f"{number}.png")
    assert index_of(folder).duplicates() == []


def test_a_burst_and_an_edit_are_stacks(tmp_path: Path, photograph: Picture) -> None:
    shots = [photograph.copy() for _ in range(4)]
    for number, shot in enumerate(shots):
        shot[120:260, 60 + 110 * number : 180 + 110 * number] = (220, 40, 40)
    found = look(tmp_path / "p", shots)
    assert found == []
    assert [(stack.kind, len(stack.members)) for stack in found.stacks] == [("burst", 4)]


@pytest.mark.parametrize(("name", "x", "darkness"), [("giraffe-head", 330, 0.4), ("golden-temple", 240, 0.2)])
def test_a_figure_that_walks_on_is_a_burst(name: str, x: int, darkness: float, tmp_path: Path) -> None:
    """Frames of a video: only a few blocks in hundreds differ, and these not much."""
    scene = Image.open(PHOTOGRAPHS / f"{name}.jpg").convert("RGB")
    scene = scene.resize((480, 480 * scene.height // scene.width))

    def frame(x: int) -> Picture:
        figure, y = Image.new("L", scene.size), scene.height * 2 // 3
        ImageDraw.Draw(figure).ellipse((x - 10, y - 20, x + 10, y + 20), "white")
        shade = np.asarray(figure.filter(ImageFilter.GaussianBlur(1)))[:, :, None] / 255
        return np.rint(np.asarray(scene) * (1 - darkness * shade)).astype(np.uint8)

    found = look(tmp_path / "p", [frame(x), frame(x + 12)])
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["burst"]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_stamps_of_one_series_are_no_burst(ending: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number, stamp in enumerate(papers.stamps(6)):
        Image.fromarray(stamp).save(folder / f"{number}.{ending}", quality=85)
    found = index_of(folder).duplicates()
    assert found == []
    kinds = {stack.kind for stack in found.stacks}
    assert "same frame" in kinds
    assert kinds <= {"same frame", "same scene"}


def test_a_negative_is_no_copy(tmp_path: Path, photograph: Picture) -> None:
    assert look(tmp_path / "p", [photograph, 255 - photograph]) == []


def test_shots_of_two_moments_are_no_copies(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for second, light in ((10, 1.0), (12, 0.6)):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2026:05:04 12:00:{second}"
        picture = Image.fromarray((photograph * light).astype(np.uint8))
        picture.save(folder / f"{second}.jpg", quality=95, exif=exif)
    found = index_of(folder).duplicates()
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["exposure bracket"]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory, photograph: Picture) -> Duplicates:
    """What is found among all versions of one photograph."""
    folder = tmp_path_factory.mktemp("versions") / "p"
    folder.mkdir()
    sepia = photograph @ np.array([[0.393, 0.349, 0.272], [0.769, 0.686, 0.534], [0.189, 0.168, 0.131]])
    write(folder / "original.png", photograph)
    write(folder / "reencoded.jpg", photograph, quality=30)
    write(folder / "same.webp", photograph)
    made = {
        "half": np.asarray(Image.fromarray(photograph).resize((300, 200))),
        "crop": photograph[40:340, 60:500],
        "border": papers.framed(photograph),
        "quarter": np.rot90(photograph),
        "half-turn": np.rot90(photograph, 2),
        "mirror": photograph[:, ::-1],
        "gray": np.repeat(photograph.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
        "sepia": np.clip(sepia, 0, 255).astype(np.uint8),
        "mark": papers.watermarked(photograph),
        "phone": papers.on_a_phone(photograph),
    }
    for name, picture in made.items():
        write(folder / f"{name}.png", np.ascontiguousarray(picture))
    return index_of(folder).duplicates()


def test_all_versions_are_found_and_the_original_is_kept(versions: Duplicates) -> None:
    (group,) = versions
    assert Path(group.keep.path).stem == "original"
    assert len(group.others) == 12
    assert group.why


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("reencoded", "re-encoded"),
        ("half", "resized"),
        ("crop", "cropped"),
        ("border", "bordered"),
        ("quarter", "turned"),
        ("half-turn", "turned"),
        ("mirror", "mirrored"),
        ("gray", "recolored"),
        ("sepia", "recolored"),
        ("mark", "captioned"),
        ("phone", "bordered"),
    ],
)
def test_each_relation_has_its_name(versions: Duplicates, name: str, relation: str) -> None:
    (copy,) = (copy for copy in versions[0].others if Path(copy.path).stem == name)
    assert relation in copy.relation.names
    assert copy.relation.agreement > 0.8
    assert copy.to_dict()["relation"]["names"] == list(copy.relation.names)


def test_measures_of_relations(versions: Duplicates) -> None:
    found = {Path(copy.path).stem: copy.relation for copy in versions[0].others}
    assert found["quarter"].turn == 90
    assert found["half-turn"].turn == 180
    assert found["half"].scale == pytest.approx(0.5, abs=0.01)
    assert found["crop"].covered == pytest.approx(300 * 440 / (400 * 600), abs=0.03)
    assert found["gray"].color > 5
    assert found["reencoded"].color < 8


def test_what_is_overexposed_is_recolored_and_not_kept(tmp_path: Path, photograph: Picture) -> None:
    light = np.clip(photograph * 2.2, 0, 255).astype(np.uint8)
    dark = (photograph * 0.5).astype(np.uint8)
    (group,) = look(tmp_path / "p", [light, dark, photograph])
    assert Path(group.keep.path).stem == "02"
    assert [copy.relation.names for copy in group.others] == [("recolored",), ("recolored",)]


def test_colored_noise_is_no_color(tmp_path: Path, photograph: Picture) -> None:
    gray = np.repeat(photograph.mean(axis=2, keepdims=True), 3, axis=2)
    noise = np.random.default_rng(0).normal(0, 10, gray.shape)
    (group,) = look(tmp_path / "p", [gray.astype(np.uint8), np.clip(gray + noise, 0, 255).astype(np.uint8)], "jpg")
    assert Path(group.keep.path).stem == "00"
    assert "colors" not in group.why


def test_the_sharper_picture_is_kept_not_the_blown_up_one(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "original.png", photograph)
    for side, way in ((150, Image.Resampling.NEAREST), (200, Image.Resampling.BICUBIC)):
        small = Image.fromarray(photograph).resize((side, side * 2 // 3))
        write(folder / f"blown-{side}.jpg", np.asarray(small.resize((1200, 800), way)), quality=80)
    (group,) = index_of(folder).duplicates()
    assert Path(group.keep.path).name == "original.png"
    assert all(copy.may_go for copy in group.others)


def test_a_copy_that_was_blown_up_beyond_the_original_is_one_that_lacks_detail(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    whole = Image.fromarray(read(photographs()["astronaut"]))
    whole.save(folder / "original.png")
    small = whole.resize((whole.width // 4, whole.height // 4))
    write(folder / "blown.jpg", np.asarray(small.resize((2 * whole.width, 2 * whole.height))), quality=80)
    (group,) = index_of(folder).duplicates()
    assert Path(group.keep.path).name == "original.png"
    assert [copy.may_go for copy in group.others] == [True]


def test_less_loss_is_kept_at_equal_pixels(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "a-bad.jpg", photograph, quality=20)
    write(folder / "b-good.jpg", photograph, quality=90)
    (group,) = index_of(folder).duplicates()
    assert (Path(group.keep.path).name, group.why) == ("b-good.jpg", "less compressed")


def test_the_same_pixels_in_two_formats(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "a.png", photograph)
    write(folder / "b.bmp", photograph)
    (group,) = index_of(folder).duplicates()
    assert str(group.others[0].relation) == "same pixels"


def test_a_crop_with_more_detail_than_the_kept_picture_stays(tmp_path: Path, photograph: Picture) -> None:
    small = np.asarray(Image.fromarray(photograph).resize((270, 180)))
    found = look(tmp_path / "p", [small, photograph[60:340, 100:500]])
    (group,) = found
    assert Path(group.keep.path).stem == "00"
    assert group.others[0].stays == "has more detail"


def test_cuts_that_overlap_are_no_copies(tmp_path: Path, photograph: Picture) -> None:
    found = look(tmp_path / "p", [photograph[:, :450], photograph[:, 150:]])
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["overlapping"]


def test_files_that_are_gone_or_changed_are_never_named(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "a.png", photograph)
    for name in ("b", "c", "d"):
        write(folder / f"{name}.jpg", photograph, quality=80)
    shutil.copy(folder / "d.jpg", folder / "e.jpg")
    index = index_of(folder)
    (folder / "b.jpg").unlink()
    (folder / "e.jpg").write_bytes((folder / "e.jpg").read_bytes() + b" ")
    found = index.duplicates()
    assert named(found) == [{"a", "c", "d"}]
    assert any("2 files are not there" in note for note in found.notes)


def test_links_are_one_picture(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "a.png", photograph)
    os.link(folder / "a.png", folder / "b.png")
    os.symlink(folder / "a.png", folder / "c.png")
    assert index_of(folder).duplicates() == []


def test_many_equal_files_are_one_group(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "000.jpg", photograph[:64, :64])
    for number in range(1, 300):
        shutil.copy(folder / "000.jpg", folder / f"{number:03d}.jpg")
    (group,) = index_of(folder).duplicates()
    assert len(group.others) == 299
    assert {str(copy.relation) for copy in group.others} == {"byte-identical"}


def test_what_is_kept_as_the_user_wants(tmp_path: Path, photograph: Picture) -> None:
    folder = tmp_path / "p"
    (folder / "best").mkdir(parents=True)
    write(folder / "a.png", photograph)
    write(folder / "b.jpg", np.asarray(Image.fromarray(photograph).resize((900, 600))), quality=70)
    write(folder / "best" / "c.jpg", photograph, quality=60)
    write(folder / "best" / "d.jpg", photograph, quality=50)
    for age, name in enumerate(("a.png", "b.jpg", "best/c.jpg", "best/d.jpg")):
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    index = index_of(folder)
    kept = {rule: Path(index.duplicates(keep=rule)[0].keep.path).name for rule in ("best", "largest", "oldest")}
    assert kept == {"best": "a.png", "largest": "b.jpg", "oldest": "d.jpg"}
    (group,) = index.duplicates(keep=f"folder:{folder / 'best'}")
    assert Path(group.keep.path).name in ("c.jpg", "d.jpg")
    stays = {Path(copy.path).name: copy.stays for copy in group.others}
    assert stays.pop({"c.jpg": "d.jpg", "d.jpg": "c.jpg"}[Path(group.keep.path).name]) == "in the reference folder"
    assert stays == {"a.png": "is less compressed", "b.jpg": "is less compressed"}  # what a rule chose may be worse


def test_read_gives_what_was_written(tmp_path: Path, photograph: Picture) -> None:
    """The generators of this file make pictures that survive a file."""
    write(tmp_path / "a.png", papers.framed(photograph))
    assert np.array_equal(read(tmp_path / "a.png"), papers.framed(photograph))


def test_a_crushed_picture_is_not_kept_because_its_format_does_not_tell_its_quality(
    tmp_path: Path, photograph: Picture
) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    whole = Image.fromarray(photograph)
    whole.save(folder / "crushed.avif", quality=8)
    os.utime(folder / "crushed.avif", (1e9, 1e9))
    whole.save(folder / "good.jpg", quality=85)
    (group,) = index_of(folder).duplicates()
    assert Path(group.keep.path).name == "good.jpg"
    whole.save(folder / "lossless.webp", lossless=True)
    index_of(folder)
    (group,) = index_of(folder).duplicates()
    assert Path(group.keep.path).name == "lossless.webp"


def test_a_date_in_a_color_of_equal_brightness_makes_another_picture(photograph: Picture, tmp_path: Path) -> None:
    """A copy with a date in orange on sand of the same gray level: neither contains the other's pixels."""
    sand = np.array([205, 190, 160], np.float32) + np.random.default_rng(0).normal(0, 4, (400, 600, 1))
    whole = np.where(np.arange(400)[:, None, None] < 280, photograph, sand.clip(0, 255)).astype(np.uint8)
    dated = Image.fromarray(whole)
    gray = int(np.asarray(dated.convert("L"))[300:390].mean())
    orange = (255, round((gray - 0.299 * 255 - 0.114 * 30) / 0.587), 30)
    ImageDraw.Draw(dated).text((380, 320), "2019/07/14", fill=orange, font=ImageFont.load_default(34))
    assert abs(int(np.asarray(Image.new("RGB", (1, 1), orange).convert("L"))[0, 0]) - gray) < 12
    found = look(tmp_path / "p", [whole, np.asarray(dated)])
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["captioned"]


def test_darker_corners_are_no_mark(photograph: Picture, tmp_path: Path) -> None:
    """Else the picture without them would be the one that has a mark, and the darkened one would be kept."""
    y, x = (np.mgrid[0:400, 0:600] / np.array([400, 600])[:, None, None]) - 0.5
    darker = photograph * np.clip(1.15 - 1.6 * (x**2 + y**2), 0, 1)[:, :, None]
    for group in look(tmp_path / "p", [photograph, darker.astype(np.uint8)]):
        assert Path(group.keep.path).stem == "00"
        assert "captioned" not in group.others[0].relation.names


def test_what_a_phone_keeps_behind_a_photograph_stays(photograph: Picture, tmp_path: Path) -> None:
    """A JPEG with a map of brightness behind it, as phones write it, and a copy without."""
    folder = tmp_path / "p"
    folder.mkdir()
    whole = Image.fromarray(photograph)
    whole.save(folder / "phone.jpg", "MPO", quality=90, save_all=True, append_images=[whole.resize((150, 100))])
    whole.save(folder / "sent.jpg", quality=75)
    whole.save(folder / "old.jpg", quality=75)
    os.utime(folder / "old.jpg", (1e9, 1e9))
    (group,) = index_of(folder).duplicates()
    assert (Path(group.keep.path).name, len(group.others)) == ("phone.jpg", 2)
    (group,) = Index(folder.with_suffix(".visus")).duplicates(keep="oldest")
    assert Path(group.keep.path).name == "old.jpg"
    assert {Path(copy.path).name: copy.stays for copy in group.others}["phone.jpg"] == "has further pictures"


@pytest.mark.parametrize("doubled", [False, True])
def test_a_stack_holds_each_group_once_by_what_is_kept(tmp_path: Path, doubled: bool) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    light = (np.asarray(Image.open(photographs()["coffee"]).convert("RGB")) / 255) ** 2.2
    for stops in (-2, 0, 2):
        exposed = np.clip(light * 2.0**stops, 0, 1) ** (1 / 2.2) * 255
        Image.fromarray(exposed.round().astype(np.uint8)).save(folder / f"{stops}.jpg", quality=95)
    if doubled:
        shutil.copy(folder / "2.jpg", folder / "again.jpg")
    found = index_of(folder).duplicates()
    (stack,) = found.stacks
    assert stack.kind == "exposure bracket"
    assert {"0", "-2"} in named(found)
    assert [Path(own.path).name for own in stack.members] == ["0.jpg", "2.jpg"]
    copies = {copy.path for group in found for copy in group.others}
    assert copies.isdisjoint(own.path for own in stack.members)


def test_a_panel_over_a_photograph_is_no_other_exposure(tmp_path: Path, photograph: Picture) -> None:
    under = photograph.copy()
    under[: len(under) // 5] = 255
    found = look(tmp_path / "p", [photograph, under])
    assert [stack.kind for stack in found.stacks] == ["same scene"]


def test_a_stack_within_another_one_is_not_listed_again() -> None:
    members = {k: Member(k, f"{k}.png", 9, 9, 9, 0, b"") for k in range(4)}
    links: list[tuple[int, int, Kind]] = [(0, 1, "captioned"), (1, 2, "captioned"), (0, 2, "burst"), (0, 3, "burst")]
    (alone,) = _stacks([Grouped(links=links[:3], shown=members)], [[]] * 4)
    assert alone.kind == "captioned"
    found = _stacks([Grouped(links=links, shown=members)], [[]] * 4)
    assert {stack.kind: [own.id for own in stack.members] for stack in found} == {
        "captioned": [0, 1, 2],
        "burst": [0, 2, 3],
    }
