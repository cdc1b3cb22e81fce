"""An index on an object store does what one in a folder does.

All of it runs in processes of its own: Lance reads the environment from threads, which must not change meanwhile.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from visus.search.place import place_of

moto = pytest.importorskip("moto.server")
BUCKET = "s3://photos"


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    """The environment of whoever is to find ``s3://photos`` on this machine."""
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "secret"}
    boto3.client("s3", region_name="us-east-1", endpoint_url=address, **keys).create_bucket(Bucket="photos")
    named = {name.upper(): value for name, value in keys.items()}
    yield {**named, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}
    server.stop()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("s3") / "photos"
    folder_of(folder, 14)
    return folder


def python(store: dict[str, str], code: str, *arguments: object) -> None:
    """Run code that checks itself."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    answer = subprocess.run(command, env={**os.environ, **store}, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_an_address_is_told_from_a_path() -> None:
    assert place_of("s3://photos/a.visus/") == "s3://photos/a.visus"
    assert place_of(Path("s3://photos/a.visus")) == "s3://photos/a.visus"
    assert place_of("gs://b/x") == "gs://b/x"
    assert place_of("s3/photos") == Path("s3/photos")
    assert place_of("~/photos.visus") == Path.home() / "photos.visus"


LIFE = """
import sys
from pathlib import Path
from visus import Index
photos, place = Path(sys.argv[1]), Path(sys.argv[2])
there, here = Index("s3://photos/deep/a.visus"), Index(place / "here.visus")
for index in (there, here):
    report = index.add(photos, descriptors=["color"])
    assert (report.added, report.unchanged) == (14, 0)
query = photos / "0003.jpg"
for options in ({}, {"by": "color"}, {"where": "width > 10", "exact": True}):
    ours, theirs = ([(hit.path, hit.score) for hit in index.search(query, **options)] for index in (there, here))
    assert ours == theirs and len(ours) == 12
(photos / "0013.jpg").rename(place / "away.jpg")
report = Index("s3://photos/deep/a.visus").add(photos, prune=True)
(place / "away.jpg").rename(photos / "0013.jpg")
assert (report.gone, report.pruned, report.unchanged) == (1, 1, 13)
assert len(there) == 13
before = [hit.score for hit in there.search(query)]
for dimension in (6, 4):  # the second takes the place of the first
    there.rotate(dimension)
opened = Index("s3://photos/deep/a.visus")
after = opened.search(query)
assert after[0].path == str(query)
assert [hit.score for hit in after] != before
assert opened.duplicates(threshold=0.99) == there.duplicates(threshold=0.99)
assert opened.decide([photos / "0001.jpg", photos / "0002.jpg"], "keep-both") == 1
assert Index("s3://photos/deep/a.visus").decide([photos / "0001.jpg", photos / "0002.jpg"], None) == 1
"""


def test_add_search_prune_and_rotate(store: dict[str, str], photos: Path, tmp_path: Path) -> None:
    python(store, LIFE, photos, tmp_path)


def test_the_commands(store: dict[str, str], photos: Path) -> None:
    def visus(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "visus", *map(str, arguments), "--index", f"{BUCKET}/b.visus"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **store})

    missing = visus("search", photos / "0001.jpg")
    assert missing.returncode == 2
    assert f"There is no index at {BUCKET}/b.visus" in missing.stderr
    made = visus("index", photos)
    assert f"14 pictures in {BUCKET}/b.visus" in made.stdout
    found = visus("search", photos / "0001.jpg", "--json", "-k", 2)
    assert json.loads(found.stdout)["hits"][0]["path"] == str(photos / "0001.jpg")


NOWHERE = """
import sys
from visus import Index, PictureIndexError
try:
    Index("s3://nowhere/x.visus").add(sys.argv[1])
except PictureIndexError as error:
    assert "s3://nowhere/x.visus is damaged or out of reach" in str(error)
else:
    raise AssertionError("it was there")
"""


def test_a_store_that_is_not_there_is_one_sentence(store: dict[str, str], photos: Path) -> None:
    python(store, NOWHERE, photos)
