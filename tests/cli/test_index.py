"""``visus index`` as a user types it, beyond the first steps."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.damage import flip
from tests.support.pictures import folder_of


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of its pictures beside them, which nobody changes."""
    folder = tmp_path_factory.mktemp("known")
    folder_of(folder / "photos", 12)
    visus("index", folder / "photos", "--index", folder / "known.visus")
    return folder


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
