"""Volumes at another spacing lie where they lay, and hold what they held."""

import itertools
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from tests.support.command import visus
from visus import InputError
from visus.data.left_out import Notes
from visus.data.resample import resample_mask, resample_volume, shape_at
from visus.data.resample_files import median_spacing, resample_file
from visus.data.resample_folder import resample_folder
from visus.data.volumes import read_label_volume, read_spacing, read_volume, volume_pairs

TURNED = np.array([[0, -2, 0, 3], [0, 0, 1.5, -4], [-1, 0, 0, 9], [0, 0, 0, 1]], float)  # axes swapped and turned


def ramp(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """The value of each voxel is x + 2 y + 3 z of its place in space, in mm."""
    places = np.stack([*np.indices(shape), np.ones(shape)])
    return np.einsum("i,ij,jabc->abc", np.array([1.0, 2, 3, 0]), affine, places)


def inside(found: np.ndarray, cut: int = 2) -> np.ndarray:
    return found[cut:-cut, cut:-cut, cut:-cut]


@pytest.mark.parametrize(("qform", "sform"), list(itertools.product((0, 1, 4), (0, 1, 2))))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 3.1, 2.2)])
def test_a_ramp_is_the_same_ramp(tmp_path: Path, spacing: tuple[float, ...], qform: int, sform: int) -> None:
    image: Any = nibabel.Nifti1Image(np.zeros((21, 18, 16), np.float32), TURNED)
    image.set_qform(TURNED, qform)
    image.set_sform(TURNED, sform)
    values = ramp(image.shape, image.affine if qform or sform else image.header.get_base_affine())
    image = nibabel.Nifti1Image(values.astype(np.float32), None, image.header)
    nibabel.save(image, str(tmp_path / "v.nii.gz"))
    resample_file(tmp_path / "v.nii.gz", tmp_path / "w.nii.gz", spacing)
    found: Any = nibabel.load(str(tmp_path / "w.nii.gz"))
    assert (int(found.header["qform_code"]), int(found.header["sform_code"])) == (qform, sform)
    assert read_spacing(tmp_path / "w.nii.gz") == pytest.approx(spacing[::-1], abs=1e-5)
    exact = ramp(found.shape, found.affine)
    np.testing.assert_allclose(inside(found.get_fdata()), inside(exact), atol=1e-3)
    if qform and sform:
        np.testing.assert_allclose(found.get_qform(), found.get_sform(), atol=1e-4)
    itk = pytest.importorskip("SimpleITK")
    np.testing.assert_allclose(itk.ReadImage(str(tmp_path / "w.nii.gz")).GetSpacing(), found.header["pixdim"][1:4])


def test_what_is_coarser_is_a_mean_of_what_it_covers() -> None:
    values = np.random.default_rng(0).normal(size=(32, 32, 32)).astype(np.float32)
    coarse = resample_volume(values, (1, 1, 1), (4, 4, 4))
    assert coarse.shape == (8, 8, 8)
    assert coarse.std() < 0.2  # picking every fourth value would leave 1
    flat = resample_volume(np.full((5, 6, 7), 3.0), (1, 2, 3), (2.3, 0.9, 4.1))
    np.testing.assert_allclose(flat, 3, rtol=1e-6)
    np.testing.assert_array_equal(resample_volume(values, (1, 2, 3), (1, 2, 3)), values)


def test_it_equals_the_interpolation_of_scipy() -> None:
    from scipy.ndimage import map_coordinates

    values = np.random.default_rng(1).normal(size=(7, 8, 9)).astype(np.float32)
    found = resample_volume(values, (2, 2, 2), (1.3, 0.7, 2))
    axes = [(np.arange(m) - (m - 1) / 2) * s + (n - 1) / 2
            for m, n, s in zip(found.shape, values.shape, (0.65, 0.35, 1), strict=True)]  # fmt: skip
    exact = map_coordinates(values, np.meshgrid(*axes, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_a_mask_goes_there_and_back() -> None:
    places = np.indices((30, 40, 50))
    mask = (((places - np.array([15, 20, 25]).reshape(3, 1, 1, 1)) ** 2).sum(0) < 140).astype(np.uint8) * 7
    mask[:4] = 255
    fine = resample_mask(mask, (2, 1, 1), (0.9, 0.8, 1.1))
    assert set(np.unique(fine)) == {0, 7, 255}
    back = resample_mask(fine, (0.9, 0.8, 1.1), (2, 1, 1), shape=mask.shape)
    assert (back == mask).mean() > 0.995
    assert abs((fine == 7).sum() * 0.9 * 0.8 * 1.1 - (mask == 7).sum() * 2) < 0.02 * (mask == 7).sum() * 2


def test_what_cannot_be_is_refused() -> None:
    assert shape_at((3, 1, 1), (1, 1, 1), (100, 1, 1)) == (1, 1, 1)
    with pytest.raises(InputError, match=r"512\^3"):
        shape_at((100, 100, 100), (1, 1, 1), (1e-4, 1, 1))
    for wrong in (0, -1, float("nan")):
        with pytest.raises(InputError, match="above 0"):
            shape_at((3, 3, 3), (1, 1, 1), (1, wrong, 1))
    with pytest.raises(InputError, match="no volumes"):
        median_spacing([])


def dataset(root: Path, wide: tuple[float, ...] = (1, 1, 2)) -> Path:
    """Three volumes, one of them twice as fine, with masks; and one that is damaged."""
    for kind in ("imagesTr", "labelsTr"):
        (root / kind).mkdir(parents=True)
    for name, spacing in (("a", wide), ("b", wide), ("c", (0.5, 0.5, 1))):
        shape = [round(20 / value) for value in spacing]
        values = np.random.default_rng(0).integers(0, 3, shape).astype(np.int16)
        for kind in ("imagesTr", "labelsTr"):
            image = nibabel.Nifti1Image(values, np.diag([*spacing, 1.0]))
            nibabel.save(image, str(root / kind / f"{name}.nii.gz"))
    (root / "splits.json").write_text(json.dumps({"train": ["a.nii.gz"], "val": ["b.nii.gz", "c.nii.gz"]}))
    return root


def test_a_folder_with_masks(tmp_path: Path) -> None:
    root = dataset(tmp_path / "set")
    told = json.loads(visus("resample", root, tmp_path / "out", "--spacing", "median", "--json").stdout)
    assert told["spacing"] == [1, 1, 2]
    assert (len(told["volumes"]), len(told["masks"])) == (3, 3)
    for name in "abc":
        assert read_volume(tmp_path / f"out/imagesTr/{name}.nii.gz").shape == (10, 20, 20)
        assert set(np.unique(read_label_volume(tmp_path / f"out/labelsTr/{name}.nii.gz"))) == {0, 1, 2}
    assert "val" in json.loads((tmp_path / "out/splits.json").read_text())
    (root / "imagesTr/b.nii.gz").write_bytes(b"nothing")
    answer = visus("resample", root, tmp_path / "again", "--spacing", "2", code=2)
    assert "Wrote 2 volumes and 3 masks at 2 x 2 x 2 mm" in answer.stderr
    assert "b.nii.gz is damaged" in answer.stderr


def test_one_volume_and_what_is_wrong(tmp_path: Path) -> None:
    root = dataset(tmp_path / "set")
    one, out = root / "labelsTr/c.nii.gz", tmp_path / "out.nii.gz"
    visus("resample", one, out, "--spacing", "1,2,4", "--mask")
    assert read_spacing(out) == (4, 2, 1)
    assert read_label_volume(out).shape == (5, 10, 20)
    for arguments, said in (
        ((one, out, "--spacing", "median"), "millimeters for one volume"),
        ((one, one, "--spacing", "1"), "volume itself"),
        ((one, tmp_path / "x.png", "--spacing", "1"), "must end in"),
        ((one, out, "--spacing", "0"), "above 0"),
        ((one, out, "--spacing", "nan"), "above 0"),
        ((one, out, "--spacing", "1,2"), "3 numbers"),
        ((one, tmp_path / "new.nii", "--spacing", "0.001"), "wider spacing"),
        ((tmp_path / "no.nii.gz", out, "--spacing", "1"), "does not exist"),
        ((root, root, "--spacing", "1"), "themselves"),
        ((root, tmp_path / "o", "--spacing", "1", "--mask"), "one file"),
        ((tmp_path / "set/none", out, "--spacing", "1"), "does not exist"),
    ):
        assert said in visus("resample", *arguments, code=2).stderr


def test_what_is_no_number_reaches_its_neighbors_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from scipy.ndimage import map_coordinates

    values = np.random.default_rng(0).normal(size=(8, 9, 10)).astype(np.float32)
    broken = values.copy()
    broken[0, 0, 0], broken[5, 5, 5] = np.nan, np.inf
    whole, found = (resample_volume(own, (2, 2, 2), (1.3, 0.7, 2)) for own in (values, broken))
    axes = [(np.arange(m) - (m - 1) / 2) * s + (n - 1) / 2
            for m, n, s in zip(found.shape, values.shape, (0.65, 0.35, 1), strict=True)]  # fmt: skip
    places = np.meshgrid(*axes, indexing="ij")
    near = map_coordinates((~np.isfinite(broken)).astype(float), places, order=1, mode="nearest") > 1e-4
    np.testing.assert_array_equal(np.isnan(found), near)
    np.testing.assert_array_equal(found[~near], whole[~near])
    nibabel.save(nibabel.Nifti1Image(broken, np.diag([2, 2, 2, 1])), str(tmp_path / "a.nii"))
    answer = visus("resample", tmp_path / "a.nii", tmp_path / "b.nii", "--spacing", "1.3,0.7,2", "--json")
    told = f"2 values are no numbers (NaN or infinite); {near.sum()} of the new ones are NaN."
    assert told in answer.stderr
    assert told in json.loads(answer.stdout)["remarks"][0]
    assert capfd.readouterr().err == ""


def test_a_guess_on_the_header_is_said_and_not_printed_by_the_library(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.float32), None), str(tmp_path / "a.nii"))
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").write_bytes(content[:80] + bytes(12) + content[92:])  # pixdim[1:4]
    answer = visus("resample", tmp_path / "a.nii", tmp_path / "b.nii", "--spacing", "1")
    told = f"{tmp_path / 'a.nii'} has a header that was mended as it was read: pixdim[1,2,3] should be non-zero"
    assert told in answer.stderr
    assert capfd.readouterr().err == ""
    assert not caplog.records
    read_volume(tmp_path / "a.nii")
    read_volume(tmp_path / "a.nii")
    assert capfd.readouterr().err == ""
    assert [record.getMessage().startswith(told) for record in caplog.records] == [True]


@pytest.mark.parametrize("place", ["masks/a.nii", "GT/a.nii", "segmentation/a.nii", "labelsTs/a.nii", "ct/a_seg.nii"])
def test_masks_are_told_by_all_names_that_are_read(tmp_path: Path, place: str) -> None:
    root, mask = tmp_path / "set", tmp_path / "set" / place
    for file, value in ((root / "ct/a.nii", 1), (mask, 2)):
        file.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(np.full((4, 4, 4), value, np.uint8), np.eye(4)), str(file))
    found = resample_folder(root, tmp_path / "out", (0.7, 0.7, 0.7))
    assert found.masks == [str(tmp_path / "out" / place)]
    written: Any = nibabel.load(found.masks[0])
    assert written.get_data_dtype() == np.uint8


def test_one_name_with_several_endings(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    root, out = tmp_path / "set", tmp_path / "out"
    for kind in ("imagesTr", "labelsTr"):
        (root / kind).mkdir(parents=True)
        for number, name in enumerate(("x.mha", "x.nii.gz", "x.nrrd", "猫.nrrd", "ax.nrrd"), 1):
            itk.WriteImage(itk.GetImageFromArray(np.full((3, 3, 3), number, np.uint8)), str(root / kind / name))
    own = {"train": ["x.mha", "x.nrrd", "ax.nrrd"], "val": ["x.nii.gz", "猫.nrrd"]}
    (root / "splits.json").write_text(json.dumps(own))
    found = resample_folder(root, out, (2, 2, 2))
    written = {Path(file).name: read_label_volume(file).mean() for file in found.volumes}
    assert written == {"x.nii.gz": 2, "x-2.nii.gz": 1, "x-3.nii.gz": 3, "猫.nii.gz": 4, "ax.nii.gz": 5}
    assert found.renamed[str(root / "imagesTr/x.nrrd")] == str(out / "imagesTr/x-3.nii.gz")
    new = {"train": ["x-2.nii.gz", "x-3.nii.gz", "ax.nii.gz"], "val": ["x.nii.gz", "猫.nii.gz"]}
    assert json.loads((out / "splits.json").read_text()) == new
    assert {split: len(masks) for split, (_, masks) in volume_pairs(out, Notes()).items()} == {"train": 3, "val": 2}


def test_folders_of_slices_are_volumes_too(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK")
    from tests.data.test_volumes import series

    root = tmp_path / "set"
    (root / "labelsTr").mkdir(parents=True)
    (root / "imagesTr").mkdir()
    series(root / "imagesTr/1.2.3", itk)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6), np.uint8), np.diag([0.5, 0.75, 3, 1])),
                 str(root / "labelsTr/1.2.3.nii.gz"))  # fmt: skip
    pair = ([str(root / "imagesTr/1.2.3")], [str(root / "labelsTr/1.2.3.nii.gz")])
    assert volume_pairs(root, Notes()) == {"": pair}  # without resampling, too
    told = json.loads(visus("resample", root, tmp_path / "out", "--spacing", "median", "--json").stdout)
    assert told["spacing"] == [0.5, 0.75, 3]
    assert told["volumes"] == [str(tmp_path / "out/imagesTr/1.2.3.nii.gz")]
    ((volumes, masks),) = volume_pairs(tmp_path / "out", Notes()).values()
    assert len(volumes) == len(masks) == 1


def test_what_is_there_stays_without_force(tmp_path: Path) -> None:
    root, out = dataset(tmp_path / "set"), tmp_path / "set/out"
    visus("resample", root, out, "--spacing", "2")
    before = (out / "imagesTr/a.nii.gz").read_bytes()
    link = tmp_path / "link"
    link.symlink_to(root)
    answer = visus("resample", link, out, "--spacing", "4", "--json", code=2)
    assert "7 files that were there already" in answer.stderr  # and none of those that were written is read
    assert len(json.loads(answer.stdout)["already_there"]) == 7
    assert (out / "imagesTr/a.nii.gz").read_bytes() == before
    visus("resample", link, out, "--spacing", "4", "--force")
    assert read_spacing(out / "imagesTr/a.nii.gz") == (4, 4, 4)
    one = root / "imagesTr/a.nii.gz"
    assert "is there already" in visus("resample", one, out / "imagesTr/a.nii.gz", "--spacing", "1", code=2).stderr
    answer = visus("resample", one, tmp_path / "no/o.nii.gz", "--spacing", "1", code=2)
    assert f"The folder {tmp_path / 'no'} does not exist" in answer.stderr
