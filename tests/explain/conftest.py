"""A network with real weights."""

import pytest

from visus.explain import Classifier, open_classifier


@pytest.fixture(scope="session")
def lite() -> Classifier:
    return open_classifier("efficientnet_lite0")
