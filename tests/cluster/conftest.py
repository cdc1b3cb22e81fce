"""Ray on this machine, with two processes."""

from collections.abc import Iterator

import pytest

from visus.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    ray = pytest.importorskip("ray")
    made = Cluster(processes=2)
    made.connect()
    yield made
    ray.shutdown()
