"""``--show-batch`` of the tasks that learn regions and objects: what is drawn is what the network sees."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.boxed import coco_folder
from tests.support.command import visus
from tests.support.masked import folder_of_masks, folder_of_volumes
from visus import read

SETS: dict[str, tuple[str, Callable[[Path], object], list[object]]] = {
    "pictures": ("segment", folder_of_masks, ["--net", "unet", "--padded", "--size", 64, "--augment", "strong"]),
    "a margin": ("segment", folder_of_masks, ["--net", "unet", "--size", 188]),
    "volumes": ("segment", lambda root: folder_of_volumes(root, 4), ["--net", "vnet", "--width", 2]),
    "boxes": ("detect", coco_folder, ["--augment", "light"]),
    "one object": ("localize", coco_folder, ["--crops"]),
}


@pytest.mark.parametrize("kind", list(SETS))
def test_a_batch_is_drawn_and_nothing_is_trained(tmp_path: Path, kind: str) -> None:
    task, make, options = SETS[kind]
    make(tmp_path / "set")
    answer = visus("train", task, tmp_path / "set", *options, "--show-batch", "b.png", cwd=tmp_path)
    assert "Wrote b.png" in answer.stderr
    sheet = read(tmp_path / "b.png")
    assert sheet.shape[1] > 300
    assert not (tmp_path / "runs").exists()
    colored = np.ptp(sheet.astype(int), 2) > 60
    assert colored.mean() > 0.005  # masks and frames
