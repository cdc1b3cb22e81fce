"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from tests.support.pictures import folder_of

# The same examples in every run; `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    # Exported graphs outlive a run, but never come from the user's own cache.
    assert config.cache is not None
    os.environ["VISUS_CACHE"] = str(config.cache.mkdir("visus"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the processes of tests inherit it
    if "PYTEST_XDIST_WORKER" in os.environ:  # several at once: as many threads as cores in each would fight for them
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _without_graphs() -> Iterator[None]:
    """Trainings of this process write no graph, which takes seconds; tests/runs/test_light.py looks at these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visus.runs.run._publish", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUS_INDEX", str(tmp_path / "default.visus"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with twelve pictures."""
    folder_of(tmp_path / "photos", 12)
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def cat() -> NDArray[np.uint8]:
    """A photograph of a cat, ``(300, 451, 3)``."""
    from tests.support.photographs import photographs
    from visus import read

    return read(photographs()["chelsea"])


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A perceptron that tells blobs, checks and stripes apart; it lies beside its data."""
    from tests.support.labeled import splits
    from visus.runs import train

    place = tmp_path_factory.mktemp("trained")
    data = splits(place / "textures", 40, 12, 12, side=16)
    return train(
        "classify", data, net="mlp", hidden=(32,), epochs=12, lr=3e-3, augment="none", runs=place / "runs", size=16
    )
