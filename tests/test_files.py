"""Files are written whole or not at all, and are on the disk when that is said."""

import os
from pathlib import Path
from typing import Any

import pytest

from visus._files import publish, sync, write_atomically


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is synced and renamed, in order, by name."""
    made: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        made.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def renamed(source: Any, target: Any) -> None:
        made.append(("rename", os.path.basename(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    return made


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(
    calls: list[tuple[str, str]], tmp_path: Path
) -> None:
    write_atomically(tmp_path / "a.txt", b"content")
    assert [what for what, _ in calls] == ["sync", "rename", "sync"]
    assert calls[0][1].startswith(".a.txt.")
    assert calls[1:] == [("rename", "a.txt"), ("sync", tmp_path.name)]
    assert (tmp_path / "a.txt").read_bytes() == b"content"


def test_a_function_may_write_and_permissions_are_those_of_new_files(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "b.txt", lambda file: file.write(b"more"))
    assert (tmp_path / "b.txt").read_bytes() == b"more"
    assert (tmp_path / "b.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_what_fails_leaves_the_old_content_and_nothing_else(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "a.txt", b"new")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_publishing_and_syncing_what_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "none", tmp_path / "some")
    with pytest.raises(FileNotFoundError):
        sync([tmp_path / "none"])
