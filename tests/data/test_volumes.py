"""Volumes and their masks lie in space where they lay, for every reader."""

import itertools
import locale
import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from torch import nn

from tests.support import frames, tools
from tests.support.masked import folder_of_volumes
from visus import FormatError, InputError
from visus.data import load_masks, load_masks_whole
from visus.data.volumes import image_of, read_label_volume, read_spacing, read_volume, write_volume
from visus.images.io import is_volume_name
from visus.nets.segmentation import create
from visus.nets.segmentation.trained import About, Trained
from visus.nets.trained import write as write_trained
from visus.runs.answers import files_of, names_for
from visus.runs.segment.predict import SegmentPredictor

AFFINE = np.array([[0, -2, 0, 3], [0, 0, 1.5, -4], [-1, 0, 0, 9], [0, 0, 0, 1]], float)  # axes swapped and turned
OTHER = AFFINE + np.array([[0, 0, 0, 10], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def volume(place: Path, values: np.ndarray, *, qform: int = 1, sform: int = 1) -> Path:
    image = nibabel.Nifti1Image(values, AFFINE)
    image.set_qform(AFFINE, qform)
    image.set_sform(OTHER, sform)
    nibabel.save(image, str(place))
    return place


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("qform", "sform"), list(itertools.product((0, 1, 2), (0, 1, 4))))
def test_a_mask_has_both_matrices_and_codes_of_its_volume(tmp_path: Path, qform: int, sform: int) -> None:
    values = numbers(5, 6, 7)
    place = volume(tmp_path / "v.nii.gz", values, qform=qform, sform=sform)
    write_volume(tmp_path / "m.nii.gz", (read_volume(place) > 0.4).astype(np.uint8), place)
    before: Any = nibabel.load(str(place))
    after: Any = nibabel.load(str(tmp_path / "m.nii.gz"))
    assert (int(after.header["qform_code"]), int(after.header["sform_code"])) == (qform, sform)
    np.testing.assert_allclose(after.affine, before.affine)
    np.testing.assert_allclose(after.header["pixdim"][:4], before.header["pixdim"][:4])
    if qform:
        np.testing.assert_allclose(after.get_qform(), before.get_qform())
    if sform:
        np.testing.assert_array_equal(after.get_sform(), before.get_sform())
    np.testing.assert_array_equal(np.asarray(after.dataobj), (values - values.mean()) / values.std() > 0.4)
    itk = pytest.importorskip("SimpleITK")
    one, two = itk.ReadImage(str(place)), itk.ReadImage(str(tmp_path / "m.nii.gz"))
    np.testing.assert_allclose(two.GetOrigin(), one.GetOrigin())
    np.testing.assert_allclose(two.GetDirection(), one.GetDirection())


def test_further_axes_of_length_one_are_taken_away(tmp_path: Path) -> None:
    flat, deep = numbers(5, 6, 7), numbers(5, 6, 7)[..., None]
    place = volume(tmp_path / "deep.nii.gz", deep)
    np.testing.assert_array_equal(read_volume(place), read_volume(volume(tmp_path / "flat.nii.gz", flat)))
    write_volume(tmp_path / "m.nii.gz", np.ones((6, 5, 7), np.uint8).transpose(2, 0, 1)[:7], tmp_path / "flat.nii.gz")
    with pytest.raises(FormatError, match="three axes"):
        read_volume(volume(tmp_path / "moving.nii.gz", numbers(5, 6, 7, 2)))


@pytest.mark.parametrize(("off", "right"), [(2e-5, True), (9e-4, True), (0.01, False)])
def test_labels_that_scaling_moved_a_little_are_rounded(tmp_path: Path, off: float, right: bool) -> None:
    values = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.float32)
    place = volume(tmp_path / "m.nii.gz", values * (1 - off / 2))
    if right:
        np.testing.assert_array_equal(np.sort(read_label_volume(place).ravel()), np.sort(values.ravel()))
    else:
        with pytest.raises(FormatError, match="whole numbers"):
            read_label_volume(place)


def test_the_intercept_counts_only_beside_a_slope(tmp_path: Path) -> None:
    content = bytearray(
        nibabel.Nifti1Image(np.arange(3, dtype=np.int16).repeat(20).reshape(3, 4, 5), AFFINE).to_bytes()
    )
    for slope, intercept, most in ((0, 5, 2), (1, 5, 7), (2, 10, 14)):
        content[112:120] = np.array([slope, intercept], "<f4").tobytes()
        (tmp_path / "v.nii").write_bytes(content)
        assert read_label_volume(tmp_path / "v.nii").max() == most


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
def test_what_simpleitk_reads(tmp_path: Path, ending: str) -> None:
    itk = pytest.importorskip("SimpleITK")
    nifti = volume(tmp_path / "v.nii.gz", numbers(5, 6, 7), qform=0, sform=1)
    same = tmp_path / f"w{ending}"
    itk.WriteImage(itk.ReadImage(str(nifti)), str(same))
    assert is_volume_name(same.name)
    np.testing.assert_allclose(read_volume(same), read_volume(nifti), atol=1e-6)
    mask = (read_volume(same) > 0).astype(np.uint8)
    write_volume(tmp_path / "m.nii.gz", mask, same)
    np.testing.assert_array_equal(read_label_volume(tmp_path / "m.nii.gz"), mask)
    np.testing.assert_allclose(
        itk.ReadImage(str(tmp_path / "m.nii.gz")).GetOrigin(), itk.ReadImage(str(same)).GetOrigin()
    )
    same.write_bytes(same.read_bytes()[:100])
    with pytest.raises(FormatError, match="damaged"):
        read_volume(same)


def test_a_folder_of_metaimage_can_be_learned_from(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    nifti = folder_of_volumes(tmp_path / "nifti", 4)
    for file in nifti.rglob("*.nii.gz"):
        place = tmp_path / "meta" / file.parent.name / file.name.replace(".nii.gz", ".mha")
        place.parent.mkdir(parents=True, exist_ok=True)
        itk.WriteImage(itk.ReadImage(str(file)), str(place))
    found, known = load_masks(tmp_path / "meta"), load_masks(nifti)
    np.testing.assert_array_equal(found.pixels["train"], known.pixels["train"])


def series(
    folder: Path,
    itk: Any,
    *,
    slope: float = 2.0,
    intercept: float = -1000.0,
    uid: str = "1.2.3",
    changed: dict[int, dict[str, Any]] | None = None,
) -> np.ndarray:
    """Slices of DICOM in names that say nothing of their order; the values that they mean, from feet to head."""
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)
    values = (
        np.random.default_rng(1).integers(0, 2000, (6, 5, 4)).astype(np.int16) * 2
    )  # the writer divides by the slope
    writer = itk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, values_of in enumerate(values):
        own = (changed or {}).get(k, {})
        image = itk.GetImageFromArray(values_of[: own.get("rows")])
        image.SetSpacing(own.get("spacing", (0.5, 0.75)))
        tags = {
            "0008|0060": "CT", "0020|000e": uid, "0008|0018": f"{uid}.{k}", "0020|0037": r"1\0\0\0\1\0",
            "0020|0032": rf"0\0\{3 * k}", "0020|0013": str(k), "0028|1053": str(slope), "0028|1052": str(intercept),
        }  # fmt: skip
        for tag, value in (tags | own).items():
            if isinstance(value, str):
                image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}-{(k * 5) % 7}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)  # the writer leaves this process in another one
    return values


def test_a_series_of_dicom(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    values = series(tmp_path / "scan", itk)
    found = read_volume(tmp_path / "scan")
    right = values[:, ::-1, ::-1].astype(np.float64)  # patients are stored from left to right and from front to back
    np.testing.assert_allclose(found, (right - right.mean()) / right.std(), atol=1e-4)
    assert files_of(tmp_path / "scan", is_volume_name) == [str(tmp_path / "scan")]
    series(tmp_path / "scan", itk, uid="1.2.4")
    with pytest.raises(InputError, match="2 series"):
        read_volume(tmp_path / "scan")


def test_slices_of_any_name_are_known_by_their_content(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    values = series(tmp_path / "scan", itk)
    for number, file in enumerate(sorted((tmp_path / "scan").iterdir())):
        file.rename(tmp_path / "scan" / f"IM{number:04d}")
    (tmp_path / "scan/DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "scan/readme.txt").write_text("no slice")
    assert read_volume(tmp_path / "scan").shape == values.shape
    (tmp_path / "scan").rename(tmp_path / "1.2.840")
    found = files_of(tmp_path, is_volume_name)
    assert found == [str(tmp_path / "1.2.840")]
    assert names_for(found) == ["1.2.840"]
    with pytest.raises(InputError, match="one slice of DICOM; name the folder"):
        read_volume(tmp_path / "1.2.840/IM0001")


@pytest.mark.parametrize(("change", "said"), [
    ({"0020|0032": r"0\0\11.5"}, "not evenly apart: 3 mm, but 2.5 mm"),  # between the places 9 and 12
    ({"0020|0032": r"0\0\9"}, "there twice"),
    ({"0020|0032": r"0\0.5\12"}, "0.5 mm aside of one another"),
    ({"0020|0037": r"0\1\0\0\0\-1"}, "are not parallel: they have the axes (0, 1, 0, 0, 0, -1), but (1,"),
    ({"spacing": (0.25, 0.375)}, "have not one spacing: 0.25 x 0.375 mm, but 0.5 x 0.75 mm"),
    ({"rows": 4}, "have not one size: 4 x 4 pixels, but 4 x 5"),
])  # fmt: skip
def test_slices_that_are_no_regular_volume_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    itk = pytest.importorskip("SimpleITK")
    series(tmp_path / "scan", itk, changed={4: change})
    with pytest.raises(FormatError, match=re.escape(said)):
        read_volume(tmp_path / "scan")


def test_a_gap_and_a_damaged_slice_are_said(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    series(tmp_path / "scan", itk)
    slices = {int(itk.ReadImage(str(file)).GetMetaData("0020|0013")): file for file in (tmp_path / "scan").iterdir()}
    content = slices[2].read_bytes()
    slices[2].write_bytes(content[:-20])
    with pytest.raises(FormatError, match="1 slice is damaged"):
        read_volume(tmp_path / "scan")
    slices[2].unlink()
    with pytest.raises(FormatError, match=r"but 6 mm from .* \(1 such place\); bring those that are missing"):
        read_volume(tmp_path / "scan")


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    series(tmp_path / "scan", itk, intercept=0.0)
    file = sorted((tmp_path / "scan").iterdir())[3]
    content = file.read_bytes()
    place = content.index(b"\x28\x00\x53\x10") + 4  # the slope: its length, and a text
    size = int.from_bytes(content[place : place + 4], "little")
    file.write_bytes(content[: place + 4] + b".5".ljust(size) + content[place + 4 + size :])
    whole = image_of(tmp_path / "scan").get_fdata().transpose(2, 1, 0)
    np.testing.assert_allclose(whole, image_of_slices(tmp_path / "scan", itk))
    assert (whole % 1 == 0.5).any()


def image_of_slices(folder: Path, itk: Any) -> np.ndarray:
    """Each slice by itself, in their order."""
    found = {}
    for file in folder.iterdir():
        image = itk.ReadImage(str(file), itk.sitkFloat32)
        found[int(image.GetMetaData("0020|0013"))] = itk.GetArrayFromImage(image)[0]
    return np.stack([found[number] for number in sorted(found)])


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000.0), ("mm", 1.0), ("micron", 0.001)])
def test_units_of_space(tmp_path: Path, unit: str, factor: float) -> None:
    """nibabel leaves lengths in the unit of the file; a mask has that unit too, and lies in place for every reader."""
    image = nibabel.Nifti1Image(numbers(4, 5, 6), np.diag([2, 3, 4, 1]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, str(tmp_path / "a.nii"))
    np.testing.assert_allclose(read_spacing(tmp_path / "a.nii"), np.array([4, 3, 2]) * factor)
    write_volume(tmp_path / "m.nii.gz", np.zeros((6, 5, 4), np.uint8), tmp_path / "a.nii")
    mask: Any = nibabel.load(str(tmp_path / "m.nii.gz"))
    np.testing.assert_allclose(mask.affine, np.diag([2, 3, 4, 1]))
    assert mask.header.get_xyzt_units()[0] == unit


@pytest.mark.parametrize(("values", "said"), [
    (np.zeros((3, 3, 3), np.complex64), "holds complex numbers"),
    (np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "holds colors"),
])  # fmt: skip
def test_what_is_no_number_is_said(tmp_path: Path, values: np.ndarray, said: str) -> None:
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), str(tmp_path / "a.nii"))
    with pytest.raises(FormatError, match=said):
        read_volume(tmp_path / "a.nii")


def test_volumes_of_any_spacing_are_brought_to_one(tmp_path: Path) -> None:
    whole = np.zeros((40, 24, 12), np.float32)  # x, y, z of 1 x 2 x 4 mm
    whole[10:30, 6:18, 3:9] = 1
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
        for number, step in enumerate((1, 2, 1, 2)):
            values = whole[::step] if folder == "imagesTr" else whole[::step].astype(np.uint8)
            matrix = np.diag([step, 2.0, 4.0, 1])
            turned = matrix[:, [2, 0, 1, 3]]  # the axes of the file are z, x, y
            image = nibabel.Nifti1Image(values.transpose(2, 0, 1), turned)
            nibabel.save(image, str(tmp_path / folder / f"v{number}.nii.gz"))
    found = load_masks_whole(tmp_path)
    assert any("--spacing 1.5,2,4 to resample all to the median" in remark for remark in found.remarks)
    assert {found.splits["all"].read(k)[1].shape for k in range(4)} == {(12, 24, 40), (12, 24, 20)}
    found = load_masks_whole(tmp_path, spacing=(2, 2, 2))
    assert "resampled to 2 x 2 x 2 mm" in found.form
    assert not found.remarks
    for place in range(4):
        values, mask = found.splits["all"].read(place)
        assert values.shape == mask.shape == (24, 24, 20)
        np.testing.assert_array_equal(mask[6:18, 6:18, 5:15], 1)
        assert mask.sum() == 12 * 12 * 10
        assert values[mask == 1].mean() > values[mask == 0].mean() + 2
    with pytest.raises(InputError, match="more than 512"):
        read_volume(tmp_path / "imagesTr" / "v0.nii.gz", (0.01, 0.01, 0.01))


def test_a_spacing_is_for_volumes(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(3))
    with pytest.raises(InputError, match="holds no volumes, and --spacing is for these"):
        load_masks_whole(tmp_path, spacing=(1, 1, 1))


def test_answers_have_the_voxels_of_their_file(tmp_path: Path) -> None:
    palette = ((0, 0, 0), (255, 0, 0))
    about = About("vnet", {"width": 1}, ("ground", "ball"), (16, 16, 16), palette, spacing=(2.0, 3.0, 3.0))
    net = Trained(about, create("vnet", classes=2, width=1).eval(), nn.Identity())
    write_trained(tmp_path / "best.safetensors", net)
    place = volume(tmp_path / "v.nii.gz", numbers(20, 22, 18))
    predictor = SegmentPredictor(tmp_path / "best.safetensors")
    assert predictor.about.spacing == (2.0, 3.0, 3.0)
    assert predictor.read(place).shape == (7, 9, 22)
    answer = predictor.predict(place)
    assert answer.mask.shape == answer.picture.shape == read_volume(place).shape
    answer.save(tmp_path / "out.nii.gz")
    assert nibabel.load(str(tmp_path / "out.nii.gz")).shape == (20, 22, 18)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("explicit", [True, False])
def test_a_file_of_several_frames_lies_where_they_say(tmp_path: Path, explicit: bool) -> None:
    pytest.importorskip("SimpleITK")
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    frames.write(tmp_path / "mr.dcm", values, [20.0, 17.0, 14.0], explicit=explicit)
    image = image_of(tmp_path / "mr.dcm")
    np.testing.assert_array_equal(image.affine, [[-0.75, 0, 0, 10], [0, -1.5, 0, 20], [0, 0, -3, 20], [0, 0, 0, 1]])
    np.testing.assert_array_equal(image.get_fdata(), 2.0 * values.T - 1000)
    assert files_of(tmp_path, is_volume_name) == [str(tmp_path)]
    np.testing.assert_array_equal(image_of(tmp_path).affine, image.affine)


@pytest.mark.parametrize(("places", "more", "said"), [
    ([0.0, 3.0, 0.0], {}, "3 mm, but -3 mm from frame 2 to frame 3"),
    ([0.0, 6.0, 3.0], {}, "not evenly apart"),
    ([0.0, 3.0, 6.0], {"slopes": [2.0, 3.0, 4.0]}, "have not one rescale: (3.0, -1000.0), but (2.0, -1000.0)"),
    ([0.0, 3.0], {}, "tells of 2 frames"),
    ([], {}, "does not say where each of them lies"),
    ([0.0, 3.0, 6.0], {"cut": 150}, "damaged"),
])  # fmt: skip
def test_frames_that_are_no_regular_volume_are_refused(
    tmp_path: Path, places: list[float], more: dict[str, Any], said: str
) -> None:
    pytest.importorskip("SimpleITK")
    frames.write(tmp_path / "mr.dcm", np.zeros((3, 4, 5), np.int16), places, **more)
    with pytest.raises(FormatError, match=re.escape(said)):
        read_volume(tmp_path / "mr.dcm")


def test_a_matrix_that_says_no_place_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), str(tmp_path / "a.nii"))
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").write_bytes(content[:296] + bytes(16) + content[312:])  # srow_y
    with pytest.raises(FormatError, match=r"a\.nii is singular"):
        read_volume(tmp_path / "a.nii")
