"""``visus index`` as a user types it, beyond the first steps."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.support.command import visus
from tests.support.damage import flip


@pytest.fixture
def place(known: Path, tmp_path: Path) -> Path:
    """The same, to harm."""
    shutil.copytree(known, tmp_path / "own")
    shutil.rmtree(tmp_path / "own" / "photos")
    (tmp_path / "own" / "photos").symlink_to(known / "photos")
    return tmp_path / "own"


# --verify ----------------------------------------------------------------------------------------------------------


def test_verify_and_an_update_are_one_document(place: Path) -> None:
    answer = json.loads(visus("index", place / "photos", "--verify", "--json", "--index", place / "known.visus").stdout)
    assert answer["sound"]
    assert answer["pictures"] == answer["rows"] == 12
    assert answer["report"]["unchanged"] == 12


def test_json_tells_what_was_found_and_what_remains(place: Path) -> None:
    index = place / "known.visus"
    for path in (index / "pictures.lance" / "data").iterdir():
        flip(path)
    told = visus("index", place / "photos", "--verify", "--json", "--index", index, code=2)
    found = json.loads(told.stdout)
    assert (found["sound"], found["was_mended"]) == (False, False)
    assert "report" not in found
    assert "to mend it" in told.stderr
    mended = json.loads(visus("index", "--verify", "--mend", "--json", "--index", index).stdout)
    assert (mended["sound"], mended["was_mended"], mended["mended"], mended["lost"]) == (True, True, 12, [])
    assert mended["damaged_files"] == found["damaged_files"]
    again = json.loads(visus("index", "--verify", "--json", "--index", index).stdout)
    assert (again["sound"], again["was_mended"]) == (True, False)


# The summary -------------------------------------------------------------------------------------------------------


def test_kinds_of_pictures_that_are_not_read_are_named_with_the_mend(photos: Path) -> None:
    for name in ("a.tga", "b.tga", "c.qoi", "d.ico", "notes.txt", "data.001"):
        (photos / name).write_bytes(b"nothing that is read here")
    shutil.copy(photos / "0001.jpg", photos / "really.pcx")  # the content decides
    answer = visus("index", photos)
    assert "13 added" in answer.stdout
    assert answer.stderr == "6 passed over: 2 .tga, 1 .ico, 1 .qoi (convert to PNG), 1 .001, 1 .txt\n"


def test_only_such_kinds_are_one_sentence_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.tga").write_bytes(b"a picture of another kind")
    assert "1 tga: convert to PNG" in visus("index", tmp_path / "p", code=2).stderr


def test_links_that_lead_nowhere_and_a_link_to_a_known_file_are_counted(photos: Path, tmp_path: Path) -> None:
    (photos / "drive").symlink_to(tmp_path / "away", target_is_directory=True)
    (photos / "again").symlink_to(photos / "0001.jpg")
    answer = visus("index", photos)
    assert answer.stderr == "1 passed over: 1 broken link\n"
    assert "1 link to a known file" in answer.stdout
    (photos / "loop").symlink_to(photos / "loop")
    assert "2 passed over: 2 broken links" in visus("index", photos).stderr


def test_json_tells_how_pictures_were_decoded(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 4096, (40, 40), np.uint16)
    tifffile.imwrite(tmp_path / "twelve.tif", deep, photometric="minisblack")
    told = visus("index", tmp_path, "--json", "--index", tmp_path / "i.visus").stdout
    ((note, count),) = json.loads(told)["report"]["notes"].items()
    assert count == 1
    assert "stretched" in note


def test_pictures_that_are_excluded_now_are_counted_and_stay(photos: Path) -> None:
    visus("index", photos)
    answer = visus("index", photos, "--exclude", "000[0-3]*")
    assert "8 unchanged" in answer.stdout
    assert "12 pictures in" in answer.stdout
    assert answer.stderr == "4 pictures passed over now, but kept in the index.\n"
    assert json.loads(visus("index", photos, "--exclude", "000[0-3]*", "--json").stdout)["report"]["unvisited"] == 4
    (photos / "0001.jpg").unlink()
    answer = visus("index", photos, "--exclude", "000[0-3]*")
    assert "1 gone" in answer.stdout
    assert "3 pictures passed over" in answer.stderr


def test_zero_bytes_end_the_paths_of_copies_too(photos: Path) -> None:
    shutil.copy(photos / "0001.jpg", photos / "two\nlines \x1b[31m.jpg")
    visus("index", photos)
    paths = visus("search", photos / "0001.jpg", "-k", 1, "--print0").stdout.split("\0")
    assert set(paths) == {str(photos / "0001.jpg"), str(photos / "two\nlines \x1b[31m.jpg"), ""}


# A command that fails leaves no index ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ["--model", "resnet18", "--weights", "nowhere.pth"],
        ["--model", "runs/none"],
        ["--device", "cuda"],
        ["--evaluate", "no.csv"],
        ["--exclude", "*"],  # a folder without pictures
        ["--engine", "ray", "--address", "127.0.0.1:1"],
    ],
)
def test_an_index_is_made_with_its_first_rows(photos: Path, tmp_path: Path, options: list[str]) -> None:
    """An empty one would be fixed to a network, and refuse another."""
    if "cuda" in options and shutil.which("nvidia-smi"):
        pytest.skip("there may be a GPU")
    if "ray" in options:
        pytest.importorskip("ray")
    before = sorted(tmp_path.iterdir())
    visus("index", photos, "--index", tmp_path / "deep" / "q.visus", *options, cwd=tmp_path, code=2)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_was_there_stays_and_so_does_an_index(photos: Path, known: Path, tmp_path: Path) -> None:
    place = tmp_path / "q.visus"
    place.mkdir()
    (place / ".note").write_text("of somebody")
    visus("index", photos, "--index", place, "--exclude", "*", code=2)
    assert sorted(entry.name for entry in place.iterdir()) in ([".note"], [".note", "writer.lock"])
    own = tmp_path / "own.visus"
    shutil.copytree(known / "known.visus", own)
    (tmp_path / "empty").mkdir()
    visus("index", tmp_path / "empty", "--index", own, code=2)
    assert "12 pictures" in visus("index", known / "photos", "--index", own).stdout


def test_pictures_that_cannot_be_read_make_no_index(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jpg").write_bytes(b"\xff\xd8\xffnothing")
    told = visus("index", tmp_path / "p", "--index", tmp_path / "q.visus", code=2)
    assert "None of the pictures could be read" in told.stderr
    assert not (tmp_path / "q.visus").exists()


def test_a_missing_package_leaves_no_index(photos: Path, tmp_path: Path) -> None:
    for package, options in (("ray", ["--engine", "ray"]), ("torch", ["--model", "resnet18"])):
        program = f"import sys; sys.modules[{package!r}] = None; from visus.cli.app import main; main()"
        command = [sys.executable, "-c", program, "index", str(photos), "--index", str(tmp_path / "q.visus"), *options]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 2, told.stderr
        assert "pip install" in told.stderr
        assert not (tmp_path / "q.visus").exists()


def test_a_precision_that_is_not_to_be_had_is_said(photos: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['openvino'] = None; from visus.cli.app import main; main()"
    command = [sys.executable, "-c", program, "index", str(photos), "--index", str(tmp_path / "q.visus")]
    told = subprocess.run([*command, "--precision", "bf16"], capture_output=True, text=True, check=True)
    assert "described in f32, not in bf16" in told.stderr
    assert "visus[fast]" in told.stderr
    assert subprocess.run([*command, "--rehash"], capture_output=True, text=True, check=True).stderr == ""


def test_a_place_where_no_index_can_be_is_not_called_damaged(photos: Path) -> None:
    told = visus("index", photos, "--index", "/proc/x.visus", code=2).stderr
    assert "An index cannot be written at /proc/x.visus" in told
    assert "damaged" not in told


def test_whiten_and_rotate_together_are_refused(known: Path) -> None:
    told = visus("index", known / "photos", "--index", known / "known.visus", "--whiten", 64, "--rotate", 0, code=2)
    assert "say --rotate alone" in told.stderr


def test_a_store_that_an_index_does_not_take_is_said(place: Path) -> None:
    words = "keeps its vectors in float16"
    index = ["index", place / "photos", "--index", place / "known.visus"]
    assert words in visus(*index, "--store", "float32").stderr
    assert visus(*index, "--store", "float16").stderr == visus(*index).stderr == ""
