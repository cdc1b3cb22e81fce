"""48 numbers of a picture and of a pixel, and the filter that answers most."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import visus
from visus import InputError, write
from visus.filters import leung_malik, mean_responses, responses
from visus.filters.texture_numbers import bank_of, texture_numbers


@pytest.mark.parametrize("scales", ["small", "large"])
def test_the_list_is_that_of_the_bank(scales) -> None:
    bank = leung_malik(scales)
    x = np.arange(49) - 24
    for own, kernel in zip(bank_of(scales), bank, strict=True):
        if own.kind == "mean":  # its deviation, cut at the border of the kernel
            spread = np.sqrt((kernel.sum(0) * x**2).sum())
            assert own.sigma == pytest.approx(spread, rel=0.02)
        elif own.kind == "edge":  # steepest along its direction
            moments = (kernel * x).sum(), (kernel * x[:, None]).sum()
            angle = np.degrees(np.arctan2(moments[1], moments[0])) % 180
            assert min(abs(angle - (own.degrees or 0)), 180 - abs(angle - (own.degrees or 0))) < 2
    assert [own.number for own in bank_of(scales)] == list(range(1, 49))
    assert {own.sigma for own in bank_of(scales)} >= {2.0, 6.0}  # and no digits that rounding has left


@pytest.mark.parametrize(("turn", "degrees"), [(False, 0), (True, 90)])
def test_stripes_answer_most_to_their_own_direction(turn: bool, degrees: int) -> None:
    stripes = np.tile(np.repeat([0.2, 0.8], 4), (64, 8))
    found = texture_numbers(stripes.T if turn else stripes)
    assert found.strongest.degrees == degrees
    assert found.picture.dtype == np.uint8


def test_numbers_are_means_of_a_picture_or_responses_of_a_pixel() -> None:
    picture = np.random.default_rng(0).random((30, 40))
    assert np.array_equal(texture_numbers(picture).values, mean_responses(picture))
    assert np.array_equal(texture_numbers(picture, at=(7, 20)).values, responses(picture)[20, 7])
    assert texture_numbers(picture).to_dict()["at"] is None
    with pytest.raises(InputError, match="40,0 lies beyond a picture of 40 x 30"):
        texture_numbers(picture, at=(40, 0))


def test_the_command_writes_and_prints_them(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
    write(tmp_path / "a.png", picture)
    wanted = mean_responses(picture)
    for ending in ("csv", "json", "npy"):
        told = visus("filter", "texture", "a.png", f"n.{ending}", "--numbers", cwd=tmp_path).stderr
        assert "Strongest: filter " in told
        assert (tmp_path / "n.png").exists()
    rows = list(csv.DictReader((tmp_path / "n.csv").read_text().splitlines()))
    assert [float(row["value"]) for row in rows] == pytest.approx(wanted.tolist())
    own = json.loads((tmp_path / "n.json").read_text())
    assert [row["value"] for row in own["filters"]] == pytest.approx(wanted.tolist())
    assert np.allclose(np.load(tmp_path / "n.npy"), wanted)  # luma of three equal channels is rounded
    printed = visus("filter", "texture", "a.png", "--numbers", "--at", "7,20", cwd=tmp_path).stdout
    assert [float(row["value"]) for row in csv.DictReader(printed.splitlines())] == pytest.approx(
        responses(picture)[20, 7].tolist(), abs=1e-6
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("canny a.png b.png --numbers", "go with texture alone"),
        ("texture a.png b.png --at 1,2", "go with texture alone"),
        ("texture a.png b.txt --numbers", "OUT must end in .csv"),
        ("texture . --numbers", "is a folder"),
        ("texture a.png", "Name the picture to write"),
        ("texture a.png --numbers --at 1", "--at takes 2 numbers"),
        ("texture a.png --numbers --at 99,0", "lies beyond"),
    ],
)
def test_what_is_refused(line: str, words: str, tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.zeros((8, 8), np.uint8))
    assert words in visus("filter", *line.split(), cwd=tmp_path, code=2).stderr
