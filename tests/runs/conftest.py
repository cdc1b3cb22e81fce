"""One small run that many tests look at."""

import pytest

from tests.support.labelled import splits
from visus.runs import Run, train


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A perceptron that tells blobs, checks and stripes apart; it lies beside its data."""
    place = tmp_path_factory.mktemp("trained")
    data = splits(place / "textures", 40, 12, 12, side=16)
    return train(
        "classify", data, net="mlp", hidden=(32,), epochs=12, lr=3e-3, augment="none", runs=place / "runs", size=16
    )
