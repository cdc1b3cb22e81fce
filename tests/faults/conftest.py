"""What the tests of faults share."""

from collections.abc import Iterator

import pytest

from tests.support.faults import Faulty, compiled


@pytest.fixture(scope="module")
def faulty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """Runs commands with faults; its processes have imported the ``MODULES`` of the file that asks."""
    folder = tmp_path_factory.mktemp("faulty")
    library = compiled(folder)
    if library is None:
        pytest.skip("no C compiler, or no LD_PRELOAD")
    with Faulty(library, folder, request.module.MODULES) as made:
        yield made
