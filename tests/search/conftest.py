"""An index to harm."""

import shutil
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from visus import Index


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten pictures and an index of them that grew in two steps."""
    place = tmp_path_factory.mktemp("promises")
    folder_of(place / "photos", 7)
    Index(place / "i.visus").add(place / "photos")
    folder_of(place / "photos", 3, first=50)
    Index(place / "i.visus").add(place / "photos")
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The same pictures, and a copy of their index to harm."""
    shutil.copytree(made / "i.visus", tmp_path / "i.visus")
    (tmp_path / "photos").symlink_to(made / "photos")
    return tmp_path
