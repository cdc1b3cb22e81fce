"""Volumes and their masks lie in space where they lay, for every reader."""

import itertools
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from torch import nn

from tests.support import tools
from tests.support.masked import folder_of_volumes
from visus import FormatError, InputError
from visus.data import load_masks, load_masks_whole
from visus.data.volumes import read_label_volume, read_volume, write_volume
from visus.images.io import is_volume_name
from visus.nets.segmentation import create
from visus.nets.segmentation.trained import About, Trained
from visus.nets.trained import write as write_trained
from visus.runs.answers import files_of
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


def series(folder: Path, itk: Any, *, slope: float = 2.0, intercept: float = -1000.0, uid: str = "1.2.3") -> np.ndarray:
    """Slices of DICOM in names that say nothing of their order; the values that they mean, from feet to head."""
    folder.mkdir(exist_ok=True)
    values = (
        np.random.default_rng(1).integers(0, 2000, (6, 5, 4)).astype(np.int16) * 2
    )  # the writer divides by the slope
    writer = itk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, values_of in enumerate(values):
        image = itk.GetImageFromArray(values_of)
        image.SetSpacing((0.5, 0.75))
        tags = {
            "0008|0060": "CT", "0020|000e": uid, "0008|0018": f"{uid}.{k}", "0020|0037": r"1\0\0\0\1\0",
            "0020|0032": rf"0\0\{3 * k}", "0020|0013": str(k), "0028|1053": str(slope), "0028|1052": str(intercept),
        }  # fmt: skip
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}-{(k * 5) % 7}.dcm"))
        writer.Execute(image)
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
