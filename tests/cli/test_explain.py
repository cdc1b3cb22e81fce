"""``visus explain`` as a user types it."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image

from tests.cli.test_commands import visus
from visus.cli import explain
from visus.explain import METHODS
from visus.images import read
from visus.search.demo import photographs


def test_a_map_its_values_and_its_checks(tmp_path: Path) -> None:
    Image.fromarray(read(photographs()["chelsea"])).save(tmp_path / "Kätzchen.png")
    asked = ("explain", "gradcam", "efficientnet_lite0", "Kätzchen.png")
    assert "cat" in visus(*asked, cwd=tmp_path).stdout
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.width > 600
    answer = visus(*asked, "--target", "lynx", "--out", "a.npy", "--curves", "--json", cwd=tmp_path)
    found = json.loads(answer.stdout)
    assert found["class"] == "lynx"
    assert 0 <= found["deletion"] < 1
    assert 0 <= found["insertion"] < 1
    assert np.load(tmp_path / "a.npy").shape == (1, 224, 224)
    for arguments, words in (
        (("gradcam", "efficientnet_lite0", "nowhere.png"), "nowhere.png"),
        (("gradcam", "no_net", "Kätzchen.png"), "no_net"),
        (("gradcam", "efficientnet_lite0", "Kätzchen.png", "--out", "a.gif"), "--out must end in"),
        (("guided", "efficientnet_lite0", "Kätzchen.png", "--layer", "blocks"), "layer does nothing"),
    ):
        error = visus("explain", *arguments, cwd=tmp_path, code=2).stderr
        assert words in error
        assert "Traceback" not in error


def test_the_command_knows_every_method() -> None:
    assert get_args(explain.Method) == METHODS
