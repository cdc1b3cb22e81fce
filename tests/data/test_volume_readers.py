"""A mask that is written lies where its volume lies for MONAI and torchio too."""

import itertools
import json
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_volumes import AFFINE, volume
from tests.support import volume_readers
from visus.data.volumes import write_volume


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with both, beside the packages that are here."""
    place = tmp_path_factory.mktemp("readers") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    own = place / "bin" / "python"
    packages = place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()))
    subprocess.run([own, "-m", "pip", "install", "--quiet", *volume_readers.PACKAGES], check=True)
    return own


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("qform", "sform"), list(itertools.product((0, 1, 2), (0, 1, 4))))
def test_a_mask_lies_in_its_volume_for_each_reader(python: Path, tmp_path: Path, qform: int, sform: int) -> None:
    pytest.importorskip("SimpleITK")
    values = np.zeros((7, 6, 5), np.float32)
    values[1:3, 2:5, 3:4] = 1
    like = volume(tmp_path / "v.nii.gz", values, qform=qform, sform=sform)
    write_volume(tmp_path / "m.nii.gz", upright(values, like), like)
    asked = [str(python), volume_readers.__file__, str(like), str(tmp_path / "m.nii.gz")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(found) == 3
    for name, (own, mask) in found.items():
        np.testing.assert_allclose(mask["corners"], own["corners"], atol=1e-3, err_msg=name)
        np.testing.assert_allclose(mask["middle"], own["middle"], atol=1e-3, err_msg=name)


def upright(values: np.ndarray, like: Path) -> np.ndarray:
    """A mask ``(D, H, W)`` as a network answers: that of the voxels above 0, in canonical orientation."""
    import nibabel

    loaded: Any = nibabel.load(str(like))
    canonical: Any = nibabel.as_closest_canonical(nibabel.Nifti1Image((values > 0).astype(np.uint8), loaded.affine))
    return np.ascontiguousarray(np.asarray(canonical.dataobj).transpose(2, 1, 0))


def test_the_volume_of_these_tests_is_turned() -> None:
    assert not np.allclose(AFFINE[:3, :3], np.diag(np.diag(AFFINE)[:3]))
