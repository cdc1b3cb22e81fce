"""An index on an object store does what one in a folder does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.pictures import folder_of
from visus import Index, IndexError_
from visus.search.store import place_of

moto = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """``s3://photos`` on this machine; whoever is started from here finds it too."""
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="photos")
        yield "s3://photos"
    server.stop()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("s3") / "photos"
    folder_of(folder, 14)
    return folder


def test_an_address_is_told_from_a_path() -> None:
    assert place_of("s3://photos/a.visus/") == "s3://photos/a.visus"
    assert place_of(Path("s3://photos/a.visus")) == "s3://photos/a.visus"
    assert place_of("gs://b/x") == "gs://b/x"
    assert place_of("s3/photos") == Path("s3/photos")
    assert place_of("~/photos.visus") == Path.home() / "photos.visus"


def test_add_search_prune_and_whiten(bucket: str, photos: Path, tmp_path: Path) -> None:
    there, here = Index(f"{bucket}/deep/a.visus"), Index(tmp_path / "here.visus")
    for index in (there, here):
        report = index.add(photos, descriptors=["color"])
        assert (report.added, report.unchanged) == (14, 0)
    query = photos / "0003.jpg"
    asked: list[dict[str, Any]] = [{}, {"by": "color"}, {"where": "width > 10", "exact": True}]
    for options in asked:
        ours, theirs = ([(hit.path, hit.score) for hit in index.search(query, **options)] for index in (there, here))
        assert ours == theirs
        assert len(ours) == 12

    (photos / "0013.jpg").rename(tmp_path / "away.jpg")
    report = Index(f"{bucket}/deep/a.visus").add(photos, prune=True)
    (tmp_path / "away.jpg").rename(photos / "0013.jpg")
    assert (report.gone, report.pruned, report.unchanged) == (1, 1, 13)
    assert len(there) == 13

    for dimension in (6, 4):  # the second takes the place of the first
        there.whiten(dimension)
    opened = Index(f"{bucket}/deep/a.visus")
    assert opened.search(query)[0].path == str(query)
    assert opened.duplicates(threshold=0.99, verify=False) == there.duplicates(threshold=0.99, verify=False)


def test_the_commands(bucket: str, photos: Path, tmp_path: Path) -> None:
    def visus(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "visus", *map(str, arguments), "--index", f"{bucket}/b.visus"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ.copy())

    missing = visus("search", photos / "0001.jpg")
    assert missing.returncode == 2
    assert f"There is no index at {bucket}/b.visus" in missing.stderr
    made = visus("index", photos)
    assert f"14 pictures in {bucket}/b.visus" in made.stdout
    found = visus("search", photos / "0001.jpg", "--json", "-k", 2)
    assert json.loads(found.stdout)["hits"][0]["path"] == str(photos / "0001.jpg")


def test_a_store_that_is_not_there_is_one_sentence(photos: Path, monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    with pytest.raises(IndexError_, match=r"s3://nowhere/x\.visus is damaged or out of reach"):
        Index("s3://nowhere/x.visus").add(photos)


def test_another_machines_whitening_is_read(bucket: str, photos: Path) -> None:
    index = Index(f"{bucket}/w.visus")
    index.add(photos)
    before = index.search(photos / "0002.jpg")
    index.whiten(5)
    after = Index(f"{bucket}/w.visus").search(photos / "0002.jpg")
    assert after[0].path == before[0].path
    assert not np.allclose([h.score for h in before], [h.score for h in after])
