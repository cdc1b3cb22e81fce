"""``visus filter`` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support.command import visus
from tests.support.pictures import folder_of, scene
from tests.support.profiles import ADOBE, gray_profile, rgb_profile
from visus import filters, read
from visus.filters.steps import FILTERS
from visus.images import noise
from visus.images.color import to_gray
from visus.images.decode import layers_in
from visus.images.documents import look


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(scene(1)).save(tmp_path / "a b ü.png")
    return tmp_path / "a b ü.png"


def test_results_are_the_librarys(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"

    def run(*words: object) -> None:
        visus("filter", *words, "--force")

    run("canny", picture, out, "--sigma", 1, "--low", 0.05, "--high", 0.2)
    np.testing.assert_array_equal(read(out)[:, :, 0] > 0, filters.canny(scene(1), sigma=1, low=0.05, high=0.2))
    run("median", picture, out, "--size", 7)
    np.testing.assert_array_equal(read(out), filters.median(scene(1), size=7))
    run("noise", picture, out, "--kind", "salt_and_pepper", "--amount", 0.2, "--seed", 5)
    np.testing.assert_array_equal(read(out), noise.salt_and_pepper(scene(1), amount=0.2, seed=5))
    run("derivative", picture, out, "--sigma", 2, "--order", 2, "--angle", 30, "--elongation", 3)
    kernel = filters.kernels.gaussian_derivative(2, order=2, angle=30, elongation=3)
    values = filters.convolve(to_gray(scene(1)) / 255, kernel)
    assert abs(read(out)[:, :, 0] - 255 * (0.5 + values / (2 * abs(values).max()))).max() < 1
    run("convolve", picture, out, "--kernel", "0 -1 0; -1 5 -1; 0 -1 0")
    expected = cv2.filter2D(
        scene(1), -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]), borderType=cv2.BORDER_REFLECT
    )
    np.testing.assert_array_equal(read(out), expected)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_makes_pictures_of_its_steps(name: str) -> None:
    options = {"kernel": "1 2 1"} if name == "convolve" else {}
    for sort in (scene(2), scene(2).astype(np.uint16) * 257):
        for title, step in FILTERS[name](sort, **options):
            assert title
            assert step.shape[:2] == ((240, 600) if name == "histogram" else sort.shape[:2])
            assert step.dtype in (np.uint8, np.uint16, np.bool_, np.float32)
            assert step.max() <= (255 if step.dtype == np.uint8 else 65535 if step.dtype == np.uint16 else 1)
            assert len(np.unique(step)) > 1


def test_stages_make_a_sheet(picture: Path, tmp_path: Path) -> None:
    for name in ("canny", "texture"):
        visus("filter", name, picture, tmp_path / "sheet.png", "--stages", "--force")
        sheet = read(tmp_path / "sheet.png")
        assert sheet.shape[0] > 500
        assert sheet.shape[1] > 1000


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    deep = scene(3)[:, :, 0].astype(np.uint16) * 250 + 3
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    visus("filter", "median", tmp_path / "deep.png", tmp_path / "out.png", "--size", 9)
    out = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert out is not None
    assert out.dtype == np.uint16
    np.testing.assert_array_equal(out, filters.median(deep, size=9))


def test_a_folder(tmp_path: Path) -> None:
    folder_of(tmp_path / "in" / "deep er", 2)
    Image.fromarray(scene(9)).save(tmp_path / "in" / "x.png")
    Image.fromarray(scene(8)).save(tmp_path / "in" / "x.jpg")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "in" / "notes.txt").write_text("notes")
    answer = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out", "--sigma", 2, code=2)
    assert "broken.jpg" in answer.stderr
    assert "1 picture of 5" in answer.stderr
    written = sorted(p.relative_to(tmp_path / "in" / "out").as_posix() for p in (tmp_path / "in" / "out").rglob("*.*g"))
    assert written == ["deep er/0000.jpg", "deep er/0001.jpg", "x.jpg", "x.png"]
    np.testing.assert_array_equal(read(tmp_path / "in" / "out" / "x.png"), filters.gaussian(scene(9), sigma=2))
    (tmp_path / "in" / "broken.jpg").unlink()
    kept = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out", code=2).stderr
    assert "Wrote 0 pictures" in kept  # the answers of the first run are not filtered again
    assert "4 files that were there already" in kept
    np.testing.assert_array_equal(read(tmp_path / "in" / "out" / "x.png"), filters.gaussian(scene(9), sigma=2))
    (tmp_path / "in" / "out" / "x.jpg").unlink()
    assert "Wrote 1 picture to" in visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out", code=2).stderr
    again = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out", "--force")
    assert "Wrote 4 pictures" in again.stderr
    Image.fromarray(scene(7)).save(tmp_path / "in" / "x.avif")
    Image.fromarray(scene(7)).save(tmp_path / "in" / "x.avif.png")  # would meet what x.avif becomes
    third = visus("filter", "gaussian", tmp_path / "in", tmp_path / "third")
    assert "Wrote 10 pictures" in third.stderr  # four of them an earlier run's answers: another folder may take all
    names = {path.name for path in (tmp_path / "third").iterdir()}
    assert names == {"deep er", "out", "x.jpg", "x.png", "x.avif.png", "x.avif.png.png"}
    same = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in", code=2)
    assert "another folder to write to" in same.stderr
    above = visus("filter", "gaussian", tmp_path / "in" / "deep er", tmp_path / "in")
    assert "Wrote 2 pictures" in above.stderr
    (tmp_path / "in" / "0000.jpg").write_bytes(b"of somebody else")
    beside = visus("filter", "gaussian", tmp_path / "in" / "deep er", tmp_path / "in", code=2)
    assert "2 files that were there already" in beside.stderr
    assert (tmp_path / "in" / "0000.jpg").read_bytes() == b"of somebody else"


def test_the_picture_itself_is_not_overwritten_unless_that_is_meant(picture: Path, tmp_path: Path) -> None:
    before = picture.read_bytes()
    (tmp_path / "link.png").symlink_to(picture)
    for target in (picture, tmp_path / "link.png"):
        assert "say --force" in visus("filter", "median", picture, target, code=2).stderr
    assert picture.read_bytes() == before
    visus("filter", "median", picture, picture, "--force")
    np.testing.assert_array_equal(read(picture), filters.median(scene(1), size=5))


def test_a_file_that_is_there_is_not_replaced_unless_that_is_meant(picture: Path, tmp_path: Path) -> None:
    mine = tmp_path / "keep.png"
    Image.fromarray(scene(5)).save(mine)
    before = mine.read_bytes(), picture.read_bytes()
    assert "keep.png is there already; name another place, or say --force" in (
        visus("filter", "canny", picture, mine, code=2).stderr
    )
    for out in ("keep.png", "keep.csv", "a b ü.json"):  # the picture is written beside the numbers
        told = visus("filter", "texture", picture, tmp_path / out, "--numbers", code=2).stderr
        assert ".png is there already" in told
    spared = visus("filter", "texture", picture, picture.with_suffix(".csv"), "--numbers", "--force", code=2).stderr
    assert "is among what is read" in spared
    assert (mine.read_bytes(), picture.read_bytes()) == before
    assert {path.suffix for path in tmp_path.iterdir()} == {".png"}
    visus("filter", "canny", picture, mine, "--force")
    assert mine.read_bytes() != before[0]


def test_what_a_tiff_says_stays(tmp_path: Path) -> None:
    pages = np.stack([scene(k)[:, :, 0] for k in range(4)]).astype(np.uint16) * 250
    tags = [(315, 2, None, "Ansel", True), (271, 2, None, "Camera", True)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        for page in pages:
            out.write(
                page, photometric="minisblack", compression="lzw", resolution=(300, 200), resolutionunit="INCH",
                iccprofile=gray_profile(2.2), extratags=tags, metadata=None,
            )  # fmt: skip
    visus("filter", "median", tmp_path / "a.tif", tmp_path / "b.tif", "--size", 3)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.pages) == 4
        for page, own in zip(pages, file.pages, strict=True):
            np.testing.assert_array_equal(own.asarray(), filters.median(page, size=3))
        tags = file.pages.first.tags
        assert tags[282].value == (300, 1)
        assert tags[283].value == (200, 1)
        assert (tags[315].value, tags[271].value) == ("Ansel", "Camera")
        assert tags[34675].value == gray_profile(2.2)
        assert file.pages.first.compression == 5
    visus("filter", "median", tmp_path / "a.tif", tmp_path / "c.png", "--size", 3, "--page", 2)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "c.png")), filters.median(pages[2], size=3))
    several = visus("filter", "median", tmp_path / "a.tif", tmp_path / "d.jpg", code=2)
    assert "holds one picture, and there are 4" in several.stderr
    assert "or an animation" in visus("filter", "median", tmp_path / "a.tif", tmp_path / "d.png", code=2).stderr
    assert not (tmp_path / "d.png").exists()
    assert "4 pages" in visus("filter", "median", tmp_path / "a.tif", tmp_path / "d.tif", "--page", 4, code=2).stderr


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_one_page_of_a_stack_does_not_say_that_it_is_the_stack(tmp_path: Path, kind: str) -> None:
    stack = np.stack([scene(k)[:, :, 0] for k in range(4)])
    with tifffile.TiffWriter(tmp_path / "a.tif", imagej=kind == "imagej", ome=kind == "ome") as out:
        out.write(stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    visus("filter", "median", tmp_path / "a.tif", tmp_path / "b.tif", "--size", 3, "--page", 2)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), filters.median(stack[2], size=3))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert 270 not in file.pages.first.tags


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
def test_resolution_exif_and_profile_stay_and_the_picture_is_upright(tmp_path: Path, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    exif.get_ifd(0x8769).update({0x9003: "2020:02:03 04:05:06", 0x920A: 35.0})
    profile = rgb_profile(ADOBE)
    options: dict[str, Any] = {} if ending == ".webp" else {"dpi": (300, 300)}
    Image.fromarray(scene(1)).save(tmp_path / f"a{ending}", exif=exif.tobytes(), icc_profile=profile, **options)
    visus("filter", "gaussian", tmp_path / f"a{ending}", tmp_path / f"b{ending}", "--sigma", 1)
    with Image.open(tmp_path / f"b{ending}") as found:
        assert found.size == (150, 200)
        assert found.info["icc_profile"] == profile
        about = found.getexif()
        assert about.get(0x0112, 1) == 1
        assert about[0x010F] == "Camera"
        assert about.get_ifd(0x8769)[0x9003] == "2020:02:03 04:05:06"
        assert float(about.get_ifd(0x8769)[0x920A]) == 35
        if options:
            assert found.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        turned = np.ascontiguousarray(np.rot90(scene(1), -1))
        error = np.abs(np.asarray(found.convert("RGB")).astype(int) - filters.gaussian(turned, sigma=1))
        assert error.mean() < (5 if ending in (".jpg", ".webp") else 0.01)


def test_alpha_gray_and_frames_stay(tmp_path: Path) -> None:
    alpha = np.tile(np.arange(200, dtype=np.uint8), (150, 1))
    Image.fromarray(np.dstack([scene(1), alpha])).save(tmp_path / "a.png")
    visus("filter", "box", tmp_path / "a.png", tmp_path / "b.png", "--size", 3)
    found = np.asarray(Image.open(tmp_path / "b.png"))
    np.testing.assert_array_equal(found[:, :, :3], filters.box(scene(1), size=3))
    np.testing.assert_array_equal(found[:, :, 3], alpha)
    Image.fromarray(scene(1)[:, :, 0]).save(tmp_path / "gray.jpg", quality=100)
    visus("filter", "box", tmp_path / "gray.jpg", tmp_path / "gray2.jpg")
    assert layers_in((tmp_path / "gray2.jpg").read_bytes(), "gray").colors.ndim == 2
    frames = [Image.fromarray(scene(k, 40, 30)) for k in range(3)]
    for ending in (".gif", ".png", ".webp"):
        frames[0].save(tmp_path / f"f{ending}", save_all=True, append_images=frames[1:], duration=[50, 60, 70], loop=2)
        visus("filter", "box", tmp_path / f"f{ending}", tmp_path / f"g{ending}", "--size", 3)
        with Image.open(tmp_path / f"g{ending}") as moving:
            assert getattr(moving, "n_frames", 1) == 3
            moving.seek(1)
            moving.load()
            assert moving.info["duration"] == 60
            assert moving.info.get("loop") == 2
    deep = np.dstack([scene(2), alpha]).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb", extrasamples=["unassalpha"], resolution=(72, 72))
    for ending in (".tif", ".png"):
        visus("filter", "box", tmp_path / "deep.tif", tmp_path / f"deep2{ending}", "--size", 3)
        layers = layers_in((tmp_path / f"deep2{ending}").read_bytes(), "deep")
        np.testing.assert_array_equal(layers.colors, filters.box(deep[:, :, :3].copy(), size=3))
        assert layers.alpha is not None
        np.testing.assert_array_equal(layers.alpha, deep[:, :, 3])
    assert look((tmp_path / "deep2.png").read_bytes(), "deep").dpi == pytest.approx((72, 72), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        (np.uint8, "png"),
        (np.uint8, "tif"),
        (np.uint8, "webp"),
        (np.uint8, "bmp"),
        (np.uint16, "png"),
        (np.uint16, "tif"),
    ],
)
def test_colors_that_are_multiplied_by_alpha_are_written_as_they_look(tmp_path: Path, kind: Any, ending: str) -> None:
    most = np.iinfo(kind).max
    alpha = np.linspace(0, most, 40).astype(kind)[None].repeat(30, axis=0)
    colors = np.rint(np.array([1, 0.5, 0]) * alpha[:, :, None]).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([colors, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    visus("filter", "median", tmp_path / "a.tif", tmp_path / f"b.{ending}", "--size", "1")
    apart = np.abs(read(tmp_path / f"b.{ending}").astype(int) - read(tmp_path / "a.tif"))
    assert apart.mean() < 2
    assert apart.max() <= (24 if ending == "webp" else 1)


def test_what_is_changed_on_the_way_is_said(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "wide.tif", np.linspace(-1, 5, 200, dtype=np.float32).reshape(10, 20))
    said = visus("filter", "box", tmp_path / "wide.tif", tmp_path / "out.tif").stderr
    assert "floats stretched to their own range" in said
    Image.fromarray(scene(1)).convert("CMYK").save(tmp_path / "inks.jpg")
    assert "inks (CMYK) became RGB" in visus("filter", "box", tmp_path / "inks.jpg", tmp_path / "out.jpg").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("median", "IN", "out.png", "--size", 4), "take 5"),
        (("canny", "IN", "out.png", "--size", 4), "canny does not take --size; it takes --sigma"),
        (("canny", "IN", "out.png", "--low", 0.5, "--high", 0.2), "exchange"),
        (("noise", "IN", "out.png", "--kind", "pink"), "must be one of"),
        (("noise", "IN", "out.png", "--kind", "poisson", "--amount", 1), "does not take --amount"),
        (("noise", "IN", "out.png", "--seed=-1"), "seed"),
        (("textons", "IN", "out.png", "--seed=-1"), "seed"),
        (("bilateral", "IN", "out.png", "--sigma", 1e4), "too large"),
        (("bilateral", "IN", "out.png", "--sigma", 1e300), "too large"),
        (("dog", "IN", "out.png", "--ratio", 0.5), "above 1"),
        (("convolve", "IN", "out.png"), "needs a kernel"),
        (("convolve", "IN", "out.png", "--kernel", "1 2; 3"), "same number"),
        (("convolve", "IN", "out.png", "--kernel", "1 b"), "rows of numbers"),
        (("gaussian", "missing.png", "out.png"), "missing.png"),
        (("gaussian", "IN", "out.xyz"), "out.xyz"),
        (("gaussian", "EMPTY", "out"), "no pictures"),
        (("gaussian", "FOLDER", "IN"), "is a file"),
        (("texture", "IN", "out.png", "--scales", "tiny"), "small, large"),
        (("derivative", "IN", "out.png", "--order", 3), "order must be 1 or 2"),
        (("derivative", "IN", "out.png", "--sigma", 5000), "larger than the picture"),
        (("histogram", "IN", "out.png", "--hues", 0), "whole number"),
        (("sharpen", "IN", "out.png"), "gaussian"),
    ],
)
def test_mistakes(picture: Path, tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    (tmp_path / "empty").mkdir()
    folder_of(tmp_path / "folder", 1)
    places = {"IN": picture, "EMPTY": tmp_path / "empty", "FOLDER": tmp_path / "folder"}
    answer = visus("filter", *(places.get(str(a), a) for a in arguments), cwd=tmp_path, code=2)
    assert message in " ".join(answer.stderr.replace("│", " ").split())


def test_descriptors_of_an_index(photos: Path) -> None:
    assert "12 added" in visus("index", photos, "--descriptor", "texture", "--descriptor", "color").stdout
    for by in ("texture", "color"):
        answer = json.loads(visus("search", photos / "0002.jpg", "--by", by, "-k", 2, "--json").stdout)
        assert Path(answer["hits"][0]["path"]).name == "0002.jpg"
    folder_of(photos.parent / "other", 2, first=40)
    labels = photos / "labels.csv"
    labels.write_text("file,class\n" + "".join(f"{i:04d}.jpg,{i % 2}\n" for i in range(12)))
    lines = visus("index", "--evaluate", labels).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["embedding", "texture", "color"]
    other = photos.parent / "two.visus"
    visus("index", photos, "--index", other)
    visus("index", photos.parent / "other", "--index", other, "--descriptor", "color")
    partly = visus("index", "--index", other, "--evaluate", labels)
    assert partly.stdout.count("queries") == 1
    assert "with color" in partly.stderr
    assert "shape" in visus("index", photos, "--descriptor", "shape", code=2).stderr
    assert "Name the folder" in visus("index", "--descriptor", "color", code=2).stderr


# Without packages of extras ---------------------------------------------------------------------------------------


def without(package: str, *arguments: object, code: int = 0) -> str:
    """What a command tells in a process that has not got a package; it is no traceback."""
    program = f"import sys; sys.modules[{package!r}] = None; from visus.cli.app import main; main()"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == code, told.stderr
    assert "Traceback" not in told.stderr
    return told.stderr


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zstd"])
def test_a_compression_that_cannot_be_written_becomes_deflate_and_is_told(compression: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / "in" / name, scene(1), photometric="rgb", compression=compression)
    told = without("imagecodecs", "filter", "gaussian", tmp_path / "in", tmp_path / "out", "--sigma", 1)
    assert f"2 pictures: compressed with Deflate in place of {compression}" in told
    assert "visus[codecs]" in told
    for name in ("a.tif", "b.tif"):
        np.testing.assert_array_equal(read(tmp_path / "out" / name), filters.gaussian(scene(1), sigma=1))
        assert look((tmp_path / "out" / name).read_bytes(), name).compression == 8


def test_a_picture_whose_package_is_not_there_is_not_called_damaged(picture: Path, tmp_path: Path) -> None:
    folder = picture.parent
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    told = without("pillow_heif", "filter", "gaussian", folder / "a.heic", tmp_path / "x.png", code=2)
    assert "pip install 'visus[heic]'" in told
    assert "damaged" not in told
    told = without("pillow_heif", "filter", "gaussian", folder, tmp_path / "out", code=2)
    assert "Wrote 1 picture" in told
    assert "1 picture of 2 could not be filtered" in told


def test_pictures_behind_the_first_are_said_to_be_left_out_and_so_is_another_format(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    first, second = (Image.fromarray(scene(seed)) for seed in (1, 2))
    first.save(tmp_path / "in" / "two.mpo", "MPO", save_all=True, append_images=[second])
    alone = visus("filter", "box", tmp_path / "in" / "two.mpo", tmp_path / "one.tif")
    assert "1 further picture behind the first left out" in alone.stderr
    folder = visus("filter", "box", tmp_path / "in", tmp_path / "out")
    assert "1 further picture behind the first left out" in folder.stderr
    assert "1 picture: written as PNG" in folder.stderr
    assert (tmp_path / "out" / "two.mpo.png").exists()
