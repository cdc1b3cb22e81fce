"""The commands as a user types them."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.bad_files import write_bad_files
from tests.support.command import visus, visus_process
from tests.support.pictures import folder_of
from visus import Index, VisusError, read
from visus.cli.options import shown
from visus.search import demo


@pytest.fixture
def indexed(photos: Path) -> Path:
    visus("index", photos)
    return photos


def test_two_commands_find_look_alikes(photos: Path, tmp_path: Path) -> None:
    first = visus_process("index", photos)
    assert "12 added" in first.stdout
    assert "12 pictures in" in first.stdout
    second = visus_process("search", photos / "0005.jpg", "-k", 3, "--sheet", tmp_path / "sheet.png")
    lines = second.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(" 1.000") or lines[0].startswith("  1.000")
    assert str(photos / "0005.jpg") in lines[0]
    assert "200x150" in lines[0]
    assert read(tmp_path / "sheet.png").shape[2] == 3
    assert "12 unchanged" in visus("index", photos).stdout


def test_every_command_works_with_an_empty_cache(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visus("index", photos)
    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    assert str(photos / "0002.jpg") in visus_process("search", photos / "0002.jpg", "-k", 1).stdout


def test_names_with_spaces_and_unicode_and_relative_paths(tmp_path: Path) -> None:
    folder_of(tmp_path / "Bilder von früher" / "北京 2024", 3)
    visus("index", "Bilder von früher", cwd=tmp_path)
    answer = visus("search", Path("Bilder von früher") / "北京 2024" / "0001.jpg", "-k", 1, cwd=tmp_path)
    assert str(tmp_path / "Bilder von früher" / "北京 2024" / "0001.jpg") in answer.stdout


def test_json_of_index_and_search(photos: Path, tmp_path: Path) -> None:
    write_bad_files(photos / "bad")
    (tmp_path / "labels.csv").write_text("file,class\n" + "".join(f"photos/{n:04d}.jpg,{n % 2}\n" for n in range(12)))
    answer = json.loads(visus("index", photos, "--json", "--evaluate", tmp_path / "labels.csv").stdout)
    assert answer["pictures"] == answer["report"]["added"] == 12
    assert len(answer["report"]["unreadable"]) >= 30
    assert answer["measures"]["queries"] == 12
    hits = json.loads(visus("search", photos / "0001.jpg", "-k", 2, "--json").stdout)["hits"]
    assert hits[0]["path"] == str(photos / "0001.jpg")
    assert hits[0]["score"] > 0.99


def test_bad_files_are_listed_at_the_end_and_the_exit_code_is_zero(photos: Path) -> None:
    bad = write_bad_files(photos / "bad")
    answer = visus("index", photos)
    assert f"{len(bad)} unreadable" in answer.stdout
    for path in bad:
        assert str(path) in answer.stderr


def test_nothing_readable_is_exit_code_two(tmp_path: Path) -> None:
    write_bad_files(tmp_path / "bad")
    answer = visus("index", tmp_path / "bad", code=2)
    assert "None of the pictures could be read" in answer.stderr


def test_several_queries_unlike_region_where_and_least_score(indexed: Path) -> None:
    one, two = indexed / "0001.jpg", indexed / "0002.jpg"
    assert len(visus("search", one, two, "-k", 2).stdout.splitlines()) == 2
    assert str(one) in visus("search", one, two, "--unlike", two, "-k", 1).stdout
    assert len(visus("search", one, "--region", "0,0,100,100", "-k", 4).stdout.splitlines()) == 4
    assert len(visus("search", one, "--where", "path LIKE '%0003%'").stdout.splitlines()) == 1
    nothing = visus("search", one, "--where", "width > 5000")
    assert nothing.stdout == ""
    assert "Nothing found" in nothing.stderr
    assert len(visus("search", one, "--min-score", 0.99).stdout.splitlines()) == 1


def test_rerank_and_why(indexed: Path, tmp_path: Path) -> None:
    assert "features agree" in visus("search", indexed / "0001.jpg", "--rerank", "geometry").stdout
    assert visus("search", indexed / "0001.jpg", "--rerank", "expansion").stdout
    visus("search", indexed / "0001.jpg", "--why", tmp_path / "why.png")
    assert read(tmp_path / "why.png").shape[0] > 300


def test_duplicates(indexed: Path, tmp_path: Path) -> None:
    assert visus("duplicates").stdout.startswith("0 groups")
    shutil.copy(indexed / "0003.jpg", indexed / "again.jpg")
    visus("index", indexed)
    answer = visus("duplicates", "--sheet", tmp_path / "same.png")
    assert "1 group, 1 copy" in answer.stdout
    assert read(tmp_path / "same.png").shape[2] == 3
    groups = json.loads(visus("duplicates", "--threshold", 0.9, "--json").stdout)["groups"]
    assert {groups[0]["keep"], *groups[0]["others"]} == {str(indexed / "0003.jpg"), str(indexed / "again.jpg")}


def test_prune_rotate_and_exclude(indexed: Path) -> None:
    (indexed / "0001.jpg").unlink()
    assert "1 gone" in visus("index", indexed).stdout
    assert "1 pruned" in visus("index", "--prune").stdout
    visus("index", "--rotate", 5)
    assert str(indexed / "0004.jpg") in visus("search", indexed / "0004.jpg", "-k", 1).stdout
    folder_of(indexed, 2, first=60)
    assert "unchanged" in visus("index", indexed, "--exclude", "006*").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "none.jpg"], "none.jpg does not exist"),
        (["search", "photos"], "is a folder"),
        (["search", "~no-such-user.jpg"], "does not exist"),
        (["search", "photos/0001.jpg", "--max-pixels", "0.02"], "more than the limit"),
        (["demo", "--out", "photos/0001.jpg/x"], "cannot be made"),
        (["search", "photos/0001.jpg", "--index", "none.visus"], "visus index FOLDER"),
        (["search", "photos/0001.jpg", "--region", "1,2,3"], "four whole numbers"),
        (["search", "photos/0001.jpg", "--region", "0,0,900,900"], "the size of the picture"),
        (["search", "photos/0001.jpg", "--where", "nothing = 1"], "is not understood"),
        (["search", "photos/0001.jpg", "--sheet", "no/folder/a.png"], "cannot be written"),
        (["search", "photos/0001.jpg", "--sheet", "a.txt"], "no ending that visus writes"),
        (["search", "photos/0001.jpg", "photos/0002.jpg", "--why", "w.png"], "one query picture"),
        (["search", "photos/0001.jpg", "-k", "1", "--why", "w.png"], "no other hit"),
        (["index"], "Name a folder"),
        (["index", "none"], "does not exist"),
        (["index", "photos", "--model", "resnet9000"], "There is no network"),
        (["index", "photos", "--index", "photos"], "holds other files"),
        (["index", "--rotate", "500"], "more than 500 pictures"),
        (["index", "photos", "--evaluate", "none.csv"], "cannot be read"),
        (["duplicates", "--index", "none.visus"], "There is no index"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("VISUS_INDEX", str(known / "known.visus"))
    if "--model" in arguments:
        arguments = [*arguments, "--index", str(tmp_path / "new.visus")]
    answer = visus(*arguments, cwd=known, code=2)
    assert words in answer.stderr
    assert answer.stderr.startswith("visus: ")
    assert len(answer.stderr.strip().splitlines()) == 1


def _described(place: Path) -> int:
    """How many pictures an index holds that another process may be making."""
    try:
        return len(Index(place))
    except VisusError:
        return 0


def test_control_c_keeps_what_is_done_and_exits_130(tmp_path: Path) -> None:
    folder_of(tmp_path / "many", 1200)  # far more than are described before the key is pressed
    place = tmp_path / "stopped.visus"
    command = [sys.executable, "-m", "visus", "index", str(tmp_path / "many"), "--index", str(place), "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        while not _described(place) and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert "Traceback" not in errors
    assert "stopped" in errors
    added = len(Index(place))
    assert 0 < added < 1200
    assert f"{added} added" in output


def test_every_photograph_of_the_demo_has_an_author_and_a_free_license() -> None:
    free = {"CC0-1.0", "CC-BY-2.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "Public domain"}
    own = demo.photographs()
    with (next(iter(own.values())).parent / "LICENSES.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["file"] for row in rows) == sorted(path.name for path in own.values())
    assert 30 <= len(own) <= 60
    assert all(row["license"] in free and row["author"] and row["source"] for row in rows)
    assert sum(path.stat().st_size for path in own.values()) < 3 << 20


def test_the_demo_finds_its_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = dict(list(demo.photographs().items())[::4])
    monkeypatch.setattr(demo, "photographs", lambda: some)
    answer = visus("demo", "--out", tmp_path / "demo")
    means = [float(line.split()[-1]) for line in answer.stdout.splitlines() if line.startswith("mean")]
    assert len(means) == 2
    assert min(means) > 0.9
    assert "visus index ~/Pictures" in answer.stdout
    assert len(list((tmp_path / "demo" / "sheets").glob("*.jpg"))) == 2 * len(some)
    again = visus("demo", "--out", tmp_path / "demo")
    assert [line for line in again.stdout.splitlines() if "P@7" in line] == [
        line for line in answer.stdout.splitlines() if "P@7" in line
    ]


def test_the_demo_on_an_own_folder(photos: Path, tmp_path: Path) -> None:
    answer = visus("demo", "--pictures", photos, "--out", tmp_path / "demo")
    assert f"visus index {photos}" in answer.stdout
    assert len(list((tmp_path / "demo" / "sheets").glob("*.jpg"))) == 16


def test_output_into_a_closed_pipe_is_no_error(indexed: Path) -> None:
    line = f"{sys.executable} -m visus search {indexed}/0001.jpg -k 12 | head -n 1"
    answer = subprocess.run(line, shell=True, capture_output=True, text=True, check=True, env=os.environ.copy())
    assert "Traceback" not in answer.stderr


def test_a_server_that_cannot_begin_is_one_sentence(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 2)
    Index(tmp_path / "i.visus").add(tmp_path / "photos")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, words in (
            (("--port", port), f"Cannot serve on 127.0.0.1, port {port}"),
            (("--timeout", "nan"), "must be above 0"),
            (("--max-upload", "nan"), "must be numbers"),
        ):
            assert words in visus("serve", "--index", "i.visus", *arguments, cwd=tmp_path, code=2).stderr


def test_names_that_would_move_the_cursor_are_exact_in_a_pipe(tmp_path: Path) -> None:
    names = ["two\nlines.jpg", "\x1b[31mred.jpg"]
    for name, path in zip(names, folder_of(tmp_path / "raw", 2), strict=True):
        (tmp_path / "p").mkdir(exist_ok=True)
        path.rename(tmp_path / "p" / name)
    place = tmp_path / "p.visus"
    visus("index", tmp_path / "p", "--index", place)
    answer = visus("search", tmp_path / "p" / names[0], "--index", place, "--print0")
    assert answer.stdout.split("\0") == [str(tmp_path / "p" / name) for name in names] + [""]
    assert names[1] in visus("search", tmp_path / "p" / names[0], "--index", place).stdout
    shutil.copy(tmp_path / "p" / names[0], tmp_path / "p" / "z.jpg")
    visus("index", tmp_path / "p", "--index", place)
    assert visus("duplicates", "--index", place, "-0").stdout.count("\0") == 1


def test_a_terminal_gets_no_escapes_from_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert shown("a\x1b[31m\nü.jpg", error=False) == "a\\x1b[31m\\nü.jpg"


def test_verify_and_mend(known: Path, tmp_path: Path) -> None:
    place = tmp_path / "known.visus"
    shutil.copytree(known / "known.visus", place)
    assert "Everything is as it was written." in visus("index", "--index", place, "--verify").stdout
    data = max((place / "pictures.lance" / "data").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    answer = visus("index", "--index", place, "--verify", code=2)
    assert f"damaged file: pictures.lance/data/{data.name}" in answer.stderr
    assert "visus index --verify --mend" in answer.stderr
    found = json.loads(visus("index", "--index", place, "--verify", "--json", code=2).stdout)
    assert not found["sound"]
    assert found["damaged_files"] == [f"pictures.lance/data/{data.name}"]
    assert "12 pictures described again" in visus("index", "--index", place, "--verify", "--mend").stdout
    assert "Everything is as it was written." in visus("index", "--index", place, "--verify").stdout


def test_an_empty_mount_point_costs_no_row(tmp_path: Path) -> None:
    folder_of(tmp_path / "usb", 3)
    place = tmp_path / "i.visus"
    visus("index", tmp_path / "usb", "--index", place)
    (tmp_path / "usb").rename(tmp_path / "away")
    (tmp_path / "usb").mkdir()
    answer = visus("index", tmp_path / "usb", "--index", place, "--prune", code=2)
    assert "pictures (3) is left at" in answer.stderr
    assert answer.stderr.count("\n") == 1
    lines = visus("search", tmp_path / "away" / "0001.jpg", "--index", place).stdout.splitlines()
    assert len(lines) == 3
    assert all(line.endswith("MISSING") for line in lines)
    assert "3 gone, 3 pruned" in visus("index", tmp_path / "usb", "--index", place, "--prune", "--force").stdout


def test_what_was_passed_over_is_one_line(photos: Path, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "film.mp4"):
        (photos / name).write_bytes(b"no picture")
    place = tmp_path / "i.visus"
    answer = visus("index", photos, "--index", place)
    assert answer.stderr == "3 passed over: 2 .txt, 1 .mp4\n"
    assert json.loads(visus("index", photos, "--index", place, "--json").stdout)["report"]["passed"] == {
        "txt": 2,
        "mp4": 1,
    }
