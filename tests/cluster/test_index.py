"""An index made by a cluster is the one that a machine makes by itself."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.pictures import folder_of
from tests.support.processes import called
from visus import Index
from visus.cluster import Cluster
from visus.search.place import Location
from visus.search.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def rows(place: Location) -> dict[str, dict[str, Any]]:
    """What an index knows of each file; which of two copies has their vector is left to chance."""
    store = Store(place)
    columns = ["path", "hash", "width", "height", "size", "container", "gray_hash", "thumbnail", "embedding", "color"]
    found = store.rows(store.read(["id"]).column("id").to_pylist(), columns)
    return {row["path"]: {name: row[name] for name in columns} for row in found.values()}


def test_the_same_rows_and_the_same_report(cluster: Cluster, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder_of(photos, 30)
    (photos / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(photos / "0003.jpg", photos / "copy.jpg")
    here, there = Index(tmp_path / "here.visus"), Index(tmp_path / "there.visus")
    first = here.add(photos, descriptors=["color"])
    second = there.add(photos, descriptors=["color"], cluster=cluster)
    assert (second.added, len(second.unreadable)) == (first.added, len(first.unreadable)) == (31, 1)
    assert first.unreadable[0].message == second.unreadable[0].message
    own, other = rows(here.location), rows(there.location)
    assert own.keys() == other.keys()
    for path, row in own.items():
        for name, value in row.items():
            assert np.array_equal(value, other[path][name]), (path, name)

    shutil.move(photos / "0001.jpg", photos / "moved.jpg")
    (photos / "0002.jpg").unlink()
    again = there.add(photos, cluster=cluster)
    assert (again.added, again.moved, again.gone, again.unchanged) == (0, 1, 1, 29)
    # The file that cannot be read, and the one that has moved, are looked at each time.
    assert len(again.unreadable) == 1


def test_a_killed_process_loses_no_picture(cluster: Cluster, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder_of(photos, 120)
    killed: list[int] = []

    def kill(progress: Any) -> None:
        if progress.done >= 16 and not killed:
            killed.extend(called("ray::_Worker"))
            os.kill(killed[0], signal.SIGKILL)

    report = Index(tmp_path / "there.visus").add(photos, cluster=cluster, progress=kill)
    assert killed
    assert report.added == 120
    paths = Store(tmp_path / "there.visus").read(["path"]).column("path").to_pylist()
    assert len(set(paths)) == len(paths) == 120


def test_the_command_stops_and_goes_on(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder_of(photos, 24)
    index = [sys.executable, "-m", "visus", "index", str(photos), "--index", str(tmp_path / "i.visus"), "--json"]
    answer = subprocess.run([*index, "--engine", "ray", "--processes", "2"], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["report"]["added"] == 24
    again = subprocess.run(index, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["report"]["unchanged"] == 24


def test_an_address_without_a_cluster_is_one_sentence(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    folder_of(photos, 2)
    command = [sys.executable, "-m", "visus", "index", str(photos), "--index", str(tmp_path / "i.visus")]
    answer = subprocess.run(
        [*command, "--engine", "ray", "--address", "127.0.0.1:1"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 2
    assert "There is no Ray cluster at 127.0.0.1:1" in answer.stderr
    assert "Traceback" not in answer.stderr
