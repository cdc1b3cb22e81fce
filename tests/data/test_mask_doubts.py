"""Masks whose values are no plain numbers of classes: taken for what they are and said, or refused in one sentence."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.data.test_kinds import said, sizes
from tests.support import tools
from tests.support.masked import folder_of_volumes
from visus import InputError
from visus.data import load_masks, load_masks_whole
from visus.data.masks import read_values

Bytes = NDArray[np.uint8]
NUMBERS = range(12)
OBJECTS = sum(int((tools.mask(n) > 0).sum()) for n in NUMBERS)


def white(mask: Bytes) -> Bytes:
    return (mask > 0).astype(np.uint8) * np.uint8(255)


def smoothed(values: Bytes, filter_: Image.Resampling = Image.Resampling.BILINEAR) -> Bytes:
    small = Image.fromarray(values).resize((60, 45), filter_)
    return np.array(small.resize((120, 90), filter_))


def as_jpeg(values: Bytes) -> Bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=75)
    return np.array(Image.open(buffer))


def never_black(values: Bytes) -> Bytes:
    return np.clip(smoothed(values, Image.Resampling.BICUBIC), 2, 252)


@pytest.mark.parametrize("change", [smoothed, as_jpeg, never_black])
def test_black_and_white_that_was_smoothed_is_two_classes(tmp_path: Path, change: Any) -> None:
    tools.masks(tmp_path, NUMBERS, lambda _, mask: change(white(mask)))
    found = load_masks_whole(tmp_path)
    assert found.classes == ("0", "255")
    assert found.pixels["all"][:, 1].sum() == pytest.approx(OBJECTS, rel=0.02)
    assert "they are taken as two classes, cut at 128" in said(found)


def test_one_smoothed_mask_makes_no_classes_of_its_borders(tmp_path: Path) -> None:
    tools.masks(tmp_path, NUMBERS, lambda n, mask: smoothed(white(mask)) if n == 3 else white(mask))
    found = load_masks_whole(tmp_path)
    assert found.classes == ("0", "255")
    assert found.pixels["all"][:, 1].sum() == pytest.approx(OBJECTS, rel=0.02)


def test_grays_of_several_classes_that_were_smoothed_are_refused(tmp_path: Path) -> None:
    def grays(_: int, mask: Bytes) -> Bytes:
        return smoothed(np.array([0, 127, 255], np.uint8)[mask])

    tools.masks(tmp_path, NUMBERS, grays)
    with pytest.raises(InputError, match=r"levels of gray \(up to \d+ in one mask\).* say --binary for a single class"):
        load_masks(tmp_path)
    found = load_masks_whole(tmp_path, binary=True)
    assert found.pixels["all"][:, 1].sum() == sum((grays(n, tools.mask(n)) > 0).sum() for n in NUMBERS)


def test_white_with_a_few_grays_is_cut_where_all_is_one_class(tmp_path: Path) -> None:
    half = np.zeros((90, 120), np.uint8)
    half[30:] = 255

    def shaded(n: int, _: Bytes) -> Bytes:
        values = smoothed(half)
        values[n, ::9] = 90  # dust, away from any border
        return values

    tools.masks(tmp_path, NUMBERS, shaded)
    found = load_masks_whole(tmp_path, binary=True)
    assert found.pixels["all"][:, 1].sum() == len(NUMBERS) * (half > 0).sum()
    assert "they are cut at 128" in said(found)


def test_values_at_borders_alone_are_refused(tmp_path: Path) -> None:
    def stepped(_: int, mask: Bytes) -> Bytes:
        values = np.array([0, 40, 80], np.uint8)[mask]
        for k, step in enumerate((10, 20, 30)):  # three lines between the ground and what lies on it
            edge = (mask > 0) & (np.roll(mask, 1 + k, 1) == 0)
            values[edge & (values % 40 == 0)] = step
        return values

    tools.masks(tmp_path, NUMBERS, stepped)
    with pytest.raises(InputError, match="seem to hold levels of gray"):
        load_masks(tmp_path)


def test_many_classes_without_names_are_classes(tmp_path: Path) -> None:
    blocks = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((30, 30), np.uint8))
    tools.masks(tmp_path, NUMBERS, lambda n, _: np.roll(blocks, 7 * n, 1))
    assert len(load_masks(tmp_path).classes) == 12


def test_eight_bits_spread_over_sixteen_come_back(tmp_path: Path) -> None:
    tools.masks(tmp_path, NUMBERS, lambda _, mask: mask.astype(np.uint16) * 257)
    assert load_masks(tmp_path).classes == ("0", "1", "2")


def test_a_palette_of_black_and_white_counts_by_its_colors(tmp_path: Path) -> None:
    image = Image.fromarray((tools.mask(0) == 0).astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0])  # white is the first color
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_values(tmp_path / "m.png"), (tools.mask(0) > 0).astype(np.uint8))
    alone = Image.fromarray(np.ones((9, 12), np.uint8)).convert("P")  # black, the second color
    alone.putpalette([255, 255, 255, 0, 0, 0])
    alone.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_values(tmp_path / "m.png"), np.zeros((9, 12), np.uint8))


def test_a_palette_with_a_third_color_has_numbers_in_every_mask(tmp_path: Path) -> None:
    for used in (2, 3):
        image = Image.fromarray(np.arange(108, dtype=np.uint8).reshape(9, 12) % used).convert("P")
        image.putpalette([0, 0, 0, 255, 255, 255, 255, 0, 0])
        image.save(tmp_path / "m.png")
        assert np.unique(read_values(tmp_path / "m.png")).tolist() == [*range(used)]


@pytest.mark.parametrize(
    ("one", "other", "fine"),
    [
        ("krb", "kbr", False),
        ("krb", "krb", True),
        ("krb", "kgw", True),  # other colors for the same numbers
    ],
)
def test_palettes_in_which_a_color_changes_its_number_are_refused(
    one: str, other: str, fine: bool, tmp_path: Path
) -> None:
    shown = {"k": (0, 0, 0), "r": (255, 0, 0), "b": (0, 0, 255), "g": (0, 99, 0), "w": (200, 200, 200)}
    tools.masks(tmp_path, NUMBERS, lambda _, mask: mask)
    for number, path in enumerate(sorted((tmp_path / "masks").iterdir())):
        image = Image.fromarray(np.array(Image.open(path))).convert("P")
        image.putpalette([level for sign in (one, other)[number % 2] for level in shown[sign]])
        image.save(path)
    if fine:
        assert load_masks(tmp_path).classes == ("0", "1", "2")
    else:
        with pytest.raises(
            InputError, match=r"disagree: rgb\(.* is . in .* and . in .*; save all masks with one palette"
        ):
            load_masks(tmp_path)


@pytest.mark.parametrize("values", [(0, 1, 2, 3, 4, 5, 254), (*range(1, 18), 254, 255), (0, 10, 20, 240, 250)])
def test_numbers_of_classes_beside_a_high_one_are_no_blur(tmp_path: Path, values: tuple[int, ...]) -> None:
    blocks = np.kron(np.resize(np.array(values, np.uint8), (6, 8)), np.ones((15, 15), np.uint8))
    tools.masks(tmp_path, NUMBERS, lambda n, _: np.roll(blocks, 15 * n, 1))
    assert load_masks(tmp_path).classes == tuple(str(value) for value in values if value != 255)


def _lanes(n: int, mask: Bytes) -> Bytes:
    values = np.zeros_like(mask)
    values[40:] = 5  # the road
    for k in range(1, 5):
        values[:, 6 * k + n : 6 * k + n + 3] = k
    return values


def _speckled(n: int, mask: Bytes) -> Bytes:
    small = np.random.default_rng(n).integers(0, 10, (mask.shape[0] // 2, mask.shape[1] // 2), dtype=np.uint8)
    return np.kron(small, np.ones((2, 2), np.uint8))


@pytest.mark.parametrize(("draw", "count"), [(_lanes, 6), (_speckled, 10)])
def test_classes_that_are_thin_on_purpose_are_classes(tmp_path: Path, draw: Any, count: int) -> None:
    tools.masks(tmp_path, NUMBERS, draw)
    assert load_masks(tmp_path).classes == tuple(map(str, range(count)))
    found = load_masks_whole(tmp_path, binary=True)
    assert found.pixels["all"][:, 1].sum() == sum((draw(n, tools.mask(n)) > 0).sum() for n in NUMBERS)


def test_a_small_mask_that_was_resized_smoothly_is_refused_though_its_numbers_run(tmp_path: Path) -> None:
    tools.masks(tmp_path, NUMBERS, lambda _, mask: smoothed((mask > 0).astype(np.uint8) * np.uint8(6)))
    with pytest.raises(InputError, match="seem to hold levels of gray"):
        load_masks(tmp_path)


def test_numbers_of_objects_below_128_stay_where_all_are_one_class(tmp_path: Path) -> None:
    def numbered(n: int, _: Bytes) -> Bytes:
        numbers = np.random.default_rng(n).permutation(np.arange(1, 200, dtype=np.uint8))[:48].reshape(6, 8)
        return np.kron(numbers, np.ones((15, 15), np.uint8))

    tools.masks(tmp_path, NUMBERS, numbered)
    assert load_masks_whole(tmp_path, binary=True).pixels["all"][:, 0].sum() == 0


def test_a_value_to_ignore_that_no_mask_holds_is_said(tmp_path: Path) -> None:
    tools.masks(tmp_path, NUMBERS)
    assert "holds the value 77, which --ignore names" in said(load_masks(tmp_path, ignore=("77",)))


def test_a_lossy_webp_is_no_mask(tmp_path: Path) -> None:
    mask = Image.fromarray(white(tools.mask(0)))
    mask.save(tmp_path / "m.webp", lossless=True)
    np.testing.assert_array_equal(read_values(tmp_path / "m.webp"), white(tools.mask(0)))
    mask.save(tmp_path / "m.webp", quality=80)
    with pytest.raises(InputError, match="is a lossy WebP file, which changes its values; save masks as PNG"):
        read_values(tmp_path / "m.webp")


def test_a_mask_without_its_picture_is_left_out_and_counted(tmp_path: Path) -> None:
    tools.masks(tmp_path, NUMBERS)
    (tmp_path / "images" / "003.png").unlink()
    (left_out,) = load_masks(tmp_path).left_out
    assert "003.png has no picture beside it; bring it, or take the mask away." in left_out.reason


def test_pictures_of_a_split_without_masks_are_counted(tmp_path: Path) -> None:
    tools.masks(tmp_path / "train", NUMBERS)
    tools.pictures(tmp_path / "val" / "images", range(20, 24))
    found = load_masks(tmp_path)
    assert "4 of 16 pictures have no mask and are left out, 020.png for one" in said(found)
    assert sizes(found) == {"train": 10, "val": 2}
    told = said(load_masks(tmp_path, unlabeled="negative"))
    assert "4 of 16 pictures have no mask and are left out, 020.png for one; no picture of their split has one" in told


def test_a_torn_volume_and_a_mask_without_one_are_left_out(tmp_path: Path) -> None:
    folder_of_volumes(tmp_path, 24)
    for name in ("v0", "v1"):
        path = tmp_path / "imagesTr" / f"{name}.nii.gz"
        path.write_bytes(path.read_bytes()[:60]) if name == "v0" else path.unlink()
    reasons = sorted(own.reason for own in load_masks(tmp_path).left_out)
    assert "v1.nii.gz has no volume beside it" in reasons[0]
    assert "v0.nii.gz is damaged or of another format" in reasons[1]
