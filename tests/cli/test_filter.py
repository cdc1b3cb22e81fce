"""``visus filter`` as a user types it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.command import visus
from tests.support.pictures import folder_of, scene
from visus import filters, read
from visus.filters.steps import FILTERS
from visus.images import noise
from visus.images.color import to_gray


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(scene(1)).save(tmp_path / "a b ü.png")
    return tmp_path / "a b ü.png"


def test_results_are_the_librarys(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    visus("filter", "canny", picture, out, "--sigma", 1, "--low", 0.05, "--high", 0.2)
    np.testing.assert_array_equal(read(out)[:, :, 0] > 0, filters.canny(scene(1), sigma=1, low=0.05, high=0.2))
    visus("filter", "median", picture, out, "--size", 7)
    np.testing.assert_array_equal(read(out), filters.median(scene(1), size=7))
    visus("filter", "noise", picture, out, "--kind", "salt_and_pepper", "--amount", 0.2, "--seed", 5)
    np.testing.assert_array_equal(read(out), noise.salt_and_pepper(scene(1), amount=0.2, seed=5))
    visus("filter", "derivative", picture, out, "--sigma", 2, "--order", 2, "--angle", 30, "--elongation", 3)
    kernel = filters.kernels.gaussian_derivative(2, order=2, angle=30, elongation=3)
    values = filters.convolve(to_gray(scene(1)) / 255, kernel)
    assert abs(read(out)[:, :, 0] - 255 * (0.5 + values / (2 * abs(values).max()))).max() < 1
    visus("filter", "convolve", picture, out, "--kernel", "0 -1 0; -1 5 -1; 0 -1 0")
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
        visus("filter", name, picture, tmp_path / "sheet.png", "--stages")
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
    np.testing.assert_array_equal(out[:, :, 0], filters.median(deep, size=9))


def test_a_folder(tmp_path: Path) -> None:
    folder_of(tmp_path / "in" / "deep er", 2)
    Image.fromarray(scene(9)).save(tmp_path / "in" / "x.png")
    Image.fromarray(scene(8)).save(tmp_path / "in" / "x.jpg")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "in" / "notes.txt").write_text("notes")
    answer = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out", "--sigma", 2, code=2)
    assert "broken.jpg" in answer.stderr
    assert "1 picture of 5" in answer.stderr
    written = sorted(
        p.relative_to(tmp_path / "in" / "out").as_posix() for p in (tmp_path / "in" / "out").rglob("*.png")
    )
    assert written == ["deep er/0000.png", "deep er/0001.png", "x.jpg.png", "x.png.png"]
    np.testing.assert_array_equal(read(tmp_path / "in" / "out" / "x.png.png"), filters.gaussian(scene(9), sigma=2))
    (tmp_path / "in" / "broken.jpg").unlink()
    again = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in" / "out")
    Image.fromarray(scene(7)).save(tmp_path / "in" / "x.jpg.png")  # would meet what x.jpg becomes
    third = visus("filter", "gaussian", tmp_path / "in", tmp_path / "third")
    assert "Wrote 9 pictures" in third.stderr  # four of them an earlier run's answers: another folder may take all
    assert len(list((tmp_path / "third").rglob("*.png"))) == 9
    same = visus("filter", "gaussian", tmp_path / "in", tmp_path / "in", code=2)
    assert "another folder to write to" in same.stderr
    above = visus("filter", "gaussian", tmp_path / "in" / "deep er", tmp_path / "in")
    assert "Wrote 2 pictures" in above.stderr
    assert "Wrote 4 pictures" in again.stderr  # the answers of the first run are not filtered again


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
