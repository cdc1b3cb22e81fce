"""``visus lesson`` as a user types it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import visus
from visus import read, write
from visus.lessons import LESSONS


def test_lessons_are_listed() -> None:
    listed = visus("lesson").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(LESSONS)
    assert json.loads(visus("lesson", "--lang", "zh", "--json").stdout)["nms"] == LESSONS["nms"].zh


def test_a_lesson_writes_its_picture_and_says_three_sentences(tmp_path: Path) -> None:
    answer = visus("lesson", "nms", cwd=tmp_path)
    assert len(answer.stdout.splitlines()) == 3
    assert read(tmp_path / "nms.png").std() > 10
    assert answer.stderr == "Wrote nms.png\n"
    found = json.loads(visus("lesson", "roi-align", "--out", "r.jpg", "--json", cwd=tmp_path).stdout)
    assert found["numbers"]["pooled"] == [6.75, 10.5, 8.75, 12.5]
    assert (tmp_path / "r.jpg").exists()


def test_a_lesson_takes_a_picture_and_the_numbers_of_an_optimizer(tmp_path: Path) -> None:
    write(tmp_path / "own.png", np.full((60, 90, 3), 200, np.uint8))
    found = json.loads(visus("lesson", "padding", "--picture", "own.png", "--json", cwd=tmp_path).stdout)
    assert found["numbers"]["corner_before"] == 200
    assert round(found["numbers"]["corner"]["reflect"]) == 200
    line = ["lesson", "optimizers", "--momentum", "0.5", "--betas", "0.5,0.9", "--bias-correction", "--json"]
    assert json.loads(visus(*line, cwd=tmp_path).stdout)["numbers"]["adam_first_step"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lesson nothing", "There is no lesson 'nothing'; there are losses"),
        ("lesson losses --rho 0.5", "has no option 'rho'"),
        ("lesson losses --out a.txt", "--out must end in .png"),
        ("lesson --all --out a.png", "--out must end in .html"),
        ("lesson --all --rho 0.5", "leave NAME and the options"),
        ("lesson --out a.png", "Name a lesson"),
        ("lesson upsampling --picture missing.jpg", "missing.jpg"),
        ("lesson optimizers --betas 1", "--betas takes 2 numbers"),
    ],
)
def test_what_is_refused(line: str, words: str, tmp_path: Path) -> None:
    assert words in visus(*line.split(), cwd=tmp_path, code=2).stderr
    assert not list(tmp_path.iterdir())


def test_the_album_is_one_page_that_needs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: LESSONS[name] for name in ("losses", "nms")}  # tests/test_course.py draws every one
    monkeypatch.setattr("visus.lessons.answer.LESSONS", few)
    visus("lesson", "--all", "--lang", "zh", cwd=tmp_path)
    page = (tmp_path / "lessons.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(few)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert all(title.zh in page for title in few.values())
    assert page.count("。</p>") == 3 * len(few)
