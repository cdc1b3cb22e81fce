"""Every command of the course page is run, in its order, and a picture appears."""

import re
import shlex
from pathlib import Path

import pytest

from tests.support import boxed, labeled, masked
from tests.support.command import visus
from tests.support.photographs import photographs
from visus import read, write
from visus.images import is_picture_name

DOCS = Path(__file__).parents[1] / "docs"

_SMALL = {
    "train classify": ("--epochs", "1", "--workers", "0"),
    "train segment": ("--epochs", "1", "--workers", "0", "--batch-size", "2"),
    "train localize": ("--epochs", "3", "--workers", "0", "--size", "64"),
    "train detect": ("--epochs", "1", "--workers", "0", "--size", "64"),
    "tune": ("--trials", "3"),
    "explain ascent": ("--steps", "2", "--size", "64"),
    "explain invert": ("--steps", "1", "--layer", "conv_stem"),
    "explain fool": ("--steps", "1"),
    "explain robustness": ("--epsilon", "2/255", "--attack", "fgsm"),
}
"""What is added to a command, by how it begins, so that it takes a second and not an hour; the last one counts."""

_RCNN = ("--workers", "0", "--size", "64", "--most", "40")


def rows(page: str) -> list[list[str]]:
    """The cells of the table of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if "`visus " in line and "|" in line
    ]


def commands(page: str = "course.md") -> list[str]:
    """The commands of a page, in its order."""
    return [row[2].strip("`") for row in rows(page)]


def kind_of(command: str) -> str:
    """What a command needs: those of one kind are run together, since some take the run of another."""
    for kind, words in (
        ("segment", ("segment",)),
        ("detect", ("detect", "localize")),
        ("classify", ("train classify", "tune classify")),
        ("explain", ("explain",)),
        ("lesson", ("lesson",)),
    ):
        if any(word in command for word in words):
            return kind
    return "filter"


def test_both_languages_have_the_same_rows() -> None:
    assert commands() == commands("course.zh-CN.md")
    assert len(commands()) > 45
    for page in ("course.md", "course.zh-CN.md"):
        for row in rows(page):
            (picture,) = re.findall(r"\((pictures/\S+)\)", row[3])
            assert (DOCS / picture).exists(), picture


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a reader of the page has: pictures, and data sets of each kind under the names of the page."""
    for name, photograph in (("cup", "coffee"), ("cat", "chelsea"), ("street", "china"), ("slide", "coins")):
        write(tmp_path / f"{name}.jpg", read(photographs()[photograph])[:120, :160])
    (tmp_path / "photos").mkdir()
    for name in ("coffee", "chelsea", "rocket"):
        write(tmp_path / "photos" / f"{name}.jpg", read(photographs()[name]))
    monkeypatch.setenv("VISUS_INDEX", str(tmp_path / "photos.visus"))
    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def data_for(kind: str, home: Path) -> None:
    """The data sets that the commands of a kind name."""
    if kind == "classify":
        labeled.splits(home / "flowers", 6, 3, 0)
        labeled.idx_folder(home / "digits", 60, 20)
    elif kind == "segment":
        masked.folder_of_masks(home / "camvid", train=2, val=2, test=0)
        masked.folder_of_volumes(home / "volumes", 3)
    elif kind == "detect":
        for name in ("birds", "cells"):
            boxed.coco_folder(home / name, {"train": 4, "val": 2})
    elif kind == "filter":
        visus("index", "photos", cwd=home)


def drawn(home: Path) -> dict[Path, int]:
    """The pictures below a folder, with the time of each."""
    return {path: path.stat().st_mtime_ns for path in home.rglob("*") if is_picture_name(path.name)}


@pytest.mark.timeout(900)  # trainings of whole networks
@pytest.mark.parametrize(
    "kind",
    [
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("filter", "lesson")),
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("classify", "segment", "detect", "explain")),
    ],
)
def test_every_command_of_the_page_makes_a_picture(kind: str, workspace: Path) -> None:
    data_for(kind, workspace)
    asked = [command for command in commands() if kind_of(command) == kind]
    assert asked
    for command in asked:
        words = shlex.split(command)[1:]
        more = next((own for start, own in _SMALL.items() if " ".join(words).startswith(start)), ())
        before = drawn(workspace)
        visus(*words, *(_RCNN if "rcnn" in words else more), cwd=workspace)
        new = [path for path, time in drawn(workspace).items() if before.get(path) != time]
        assert new, f"{command} makes no picture"
        for path in new:
            assert read(path).size, path
