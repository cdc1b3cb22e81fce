"""What the README and the guide show is run: every block of Python, and every command that answers within seconds.

The others (those that train, serve, or paint a picture for minutes) have tests of their own; that they are understood
is in tests/test_docs.py.
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from docs import make_cli
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from tests.support.boxed import coco_folder, scene
from tests.support.labeled import idx_folder, write_class
from tests.support.masked import folder_of_masks, folder_of_volumes
from tests.test_docs import PAGES, ROOT, commands
from visus import WeightsError, train, write
from visus.cli.app import command_line

MINUTES = ("detection", "explain", "segmentation")  # pages whose commands take a minute or more each
LONG = re.compile(r"visus (train|tune|serve|mcp|demo|explain (ascent|invert))\b|.*(--engine ray|s3://)")


def test_the_reference_of_commands_is_current() -> None:
    assert make_cli.PAGE.read_text(encoding="utf-8") == make_cli.reference(), "say: python -m docs.make_cli"


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all that the guide speaks of, which is the home of the user too."""
    root = tmp_path_factory.mktemp("guide")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("HOME", str(root))
        photographs(root)
        for split, count, first in (("train", 10, 0), ("val", 4, 20), ("test", 4, 40)):
            for label, name in enumerate(("rose", "tulip")):
                write_class(root / "flowers" / split / name, label, count, first=first, side=64)
        folder_of_masks(root / "camvid")
        folder_of_volumes(root / "brains", 2)
        coco_folder(root / "cells", {"train": 12, "val": 4, "test": 4})
        coco_folder(root / "voc", {"train": 4, "val": 2})
        train("classify", "flowers", mode="probe", epochs=3, workers=0)
        idx_folder(root / "digits")
        train("classify", "digits", net="mlp", epochs=1, workers=0)
        for _ in range(2):
            train("segment", "camvid", net="unet", width=4, windows=1, epochs=1, workers=0)
        train("detect", "cells", epochs=2, side=96, batch_size=4, workers=0)
        coco_folder(root / "birds", {"train": 12, "val": 4, "test": 4})
        train("localize", "birds", crops=True, epochs=3, side=64, workers=0)
        yield root


def photographs(root: Path) -> None:
    """Real photographs under the names of the guide."""
    shown = [data.chelsea(), data.coffee(), data.astronaut(), data.rocket()]
    small = [np.array(Image.fromarray(picture).resize((480, 360))) for picture in shown]
    names = [
        "cat",
        "kitten",
        "dog",
        "street",
        "tower",
        "bark",
        "garden",
        "rose",
        "table",
        "slide",
        "cup",
        "a",
        "photo",
        "sunset",
        "wall",
    ]
    for number, name in enumerate(names):
        write(root / f"{name}.jpg", small[number % 4])
    for number, name in enumerate(("a.png", "noisy.png")):
        write(root / name, small[number])
    write(root / "table.jpg", scene(3)[0])
    write(root / "slide.jpg", scene(4)[0])
    large = np.array(Image.fromarray(shown[0]).resize((1200, 800)))
    places = ("photos", "scans", "slides", "Pictures", "Pictures/chelsea", "Pictures/2024")
    for folder in places:
        (root / folder).mkdir()
        for number, picture in enumerate(small):
            write(root / folder / f"{folder[:3]}{number}.jpg", np.roll(picture, 40 * number, axis=1))
    write(root / "Pictures/chelsea/crop.jpg", small[0][20:200, 40:280])
    write(root / "Pictures/2024/large.jpg", large)
    deep = small[1].astype(np.uint16) * 257
    tifffile.imwrite(root / "scan.tif", np.stack([deep] * 3), photometric="rgb")
    tifffile.imwrite(root / "plate.tif", deep >> 4, photometric="rgb")  # 12 bits


def asked(page: Path) -> list[str]:
    """The commands of a page that are run."""
    before = {line for other in PAGES[: PAGES.index(page)] for line in commands(other)}
    return [line for line in commands(page) if not LONG.match(line) and line not in before]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.long] * (page.stem in MINUTES), id=page.name)
        for page in PAGES
        if asked(page)
    ],
)
def test_every_command_runs(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    monkeypatch.setenv("VISUS_INDEX", str(place / f"{page.stem}.visus"))
    described = ["index", "Pictures", "photos", "--descriptor", "texture", "--descriptor", "color"]
    assert runner.invoke(command_line(), described).exit_code == 0
    failed = []
    for line in asked(page):
        words = [os.path.expanduser(word) for word in shlex.split(line)[1:]]
        if "--model" in words:  # an index keeps the network that it was made with
            words += ["--index", f"{page.stem}-own.visus"]
        answer = runner.invoke(command_line(), words)
        if isinstance(answer.exception, WeightsError):  # of a network whose weights must be downloaded
            assert any(name in line for name in ("resnet18", "resnet50", "siglip2"))
            continue
        if answer.exit_code:
            failed.append(f"{line}\n{answer.output}{answer.exception!r}")
    assert not failed, "\n\n".join(failed)


def given(page: str) -> dict[str, Any]:
    """What a page speaks of without saying where it comes from."""
    import torch

    import visus

    picture = visus.read("cat.jpg")[:96, :128]
    many = [np.roll(picture, 9 * number, axis=0) for number in range(6)]
    return {
        "picture": picture,
        "kernel": np.full((3, 3), 1 / 9),
        "x": torch.zeros(1, 3, 224, 224),
        "pictures": many,
        "labels": [0, 1] * 3,
        "others": many[:2],
    }


def code(page: Path) -> list[str]:
    """The blocks of a page without their remarks."""
    return [re.sub(r"\s*#.*", "", block) for block in blocks(page)]


def test_the_chinese_readme_has_the_code_of_the_english_one() -> None:
    assert code(ROOT / "README.zh-CN.md") == code(ROOT / "README.md")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page) and "zh-CN" not in page.name], ids=lambda page: page.name
)
def test_every_block_of_python_runs(page: Path, place: Path) -> None:
    import torch
    from safetensors.torch import save_file

    import visus

    torch.manual_seed(0)
    net = visus.nets.create("resnet50", classes=5)
    save_file(net.state_dict(), place / "mine.safetensors")
    values = given(page.name)
    for block in blocks(page):
        exec(compile(block, page.name, "exec"), values)
