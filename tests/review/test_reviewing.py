"""A table of ``visus check`` under review."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.support.labeled import folder_of_classes
from visus import InputError
from visus.data import load
from visus.review.findings import Finding, write_table
from visus.review.reviewing import Reviewing


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A set, and a table on three of its pictures."""
    folder_of_classes(tmp_path / "set", 6)
    findings = [
        Finding("blob/0000.png", "wrong-label", 0.9, "looks like checks", 0.9, "", "blob", "checks"),
        Finding("checks/0001.png", "wrong-label", 0.8, "looks like blob", 0.8, "", "checks", "blob"),
        Finding("blob/0002.png", "twin", 1.0, "is there twice", None, "", "blob", "", "blob/0003.png"),
    ]
    write_table(findings, tmp_path / "check.csv")
    return tmp_path


def test_decisions_go_to_a_table_beside_and_are_gone_on_with(place: Path) -> None:
    before = (place / "check.csv").read_bytes()
    own = Reviewing(place / "check.csv", place / "set")
    assert own.overview() == {
        "problems": {"wrong-label": 2, "twin": 1}, "decided": 0, "classes": ["blob", "checks", "stripes"],
        "table": str(place / "check-reviewed.csv"),
    }  # fmt: skip
    assert own.decide([0], "relabel", "checks") == 1
    assert own.decide([1], "keep") == 1
    assert own.decide([1], "keep") == 0
    assert own.decide([2], "leave out") == 1
    assert (place / "check.csv").read_bytes() == before
    again = Reviewing(place / "check.csv", place / "set")
    assert [row["decision"] for row in again.rows] == ["relabel", "keep", "leave out"]
    assert again.part("wrong-label", 0, 10, undecided=True) == {"total": 0, "findings": []}
    assert again.decide([0], "undecided") == 1
    assert Reviewing(again.saved, place / "set").part(None, 0, 1, undecided=True)["findings"][0]["new_label"] == ""


def test_what_is_decided_is_what_a_training_takes(place: Path) -> None:
    own = Reviewing(place / "check.csv", place / "set")
    own.decide([0], "relabel", "checks")
    own.decide([1], "keep")
    found = load(place / "set", without=own.saved)
    assert "By check-reviewed.csv: 1 picture is left out, 1 picture has another class." in found.remarks
    assert np.sum([found.counts(split) for split in found.splits], 0).tolist() == [4, 7, 6]


def test_a_class_that_no_line_names_can_be_given(place: Path) -> None:
    own = Reviewing(place / "check.csv", place / "set")
    own.decide([0], "relabel", "stripes")
    found = load(place / "set", without=own.saved)
    assert np.sum([found.counts(split) for split in found.splits], 0)[2] == 7


def test_only_pictures_of_the_folder_are_shown(place: Path) -> None:
    (place / "secret.png").write_bytes(b"secret")
    (place / "set" / "link.png").symlink_to(place / "secret.png")
    with (place / "check.csv").open("a", newline="") as file:
        for name in ("../secret.png", str(place / "secret.png"), "link.png", "gone.png", "blob"):
            csv.writer(file).writerow([name, "dark"])
    own = Reviewing(place / "check.csv", place / "set")
    assert own.picture(0) == place / "set" / "blob" / "0000.png"
    assert own.picture(2, other=True) == place / "set" / "blob" / "0003.png"
    assert [own.picture(k) for k in (3, 4, 5, 6, 7, 99, -1)] == [None] * 7
    assert own.picture(0, other=True) is None


def test_what_cannot_be_is_one_sentence(place: Path) -> None:
    own = Reviewing(place / "check.csv", place / "set")
    for lines, decision, label, words in (
        ([3], "keep", "", "no line 3"),
        ([0], "relabel", "zebra", "no class 'zebra'"),
        ([0], "relabel", "", "no class ''"),
    ):
        with pytest.raises(InputError, match=words):
            own.decide(lines, decision, label)  # pyright: ignore[reportArgumentType]
    assert not own.saved.exists()
    (place / "empty").mkdir()
    with pytest.raises(InputError, match="name the folder that was checked"):
        Reviewing(place / "check.csv", place / "empty")
    (place / "odd.csv").write_text("file\na.png\n")
    with pytest.raises(InputError, match="has no column problem"):
        Reviewing(place / "odd.csv", place / "set")
