"""What several tests of commands start from."""

from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.pictures import folder_of


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of its pictures beside them, which nobody changes."""
    folder = tmp_path_factory.mktemp("known")
    folder_of(folder / "photos", 12)
    visus("index", folder / "photos", "--index", folder / "known.visus")
    return folder
