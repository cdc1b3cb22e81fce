"""Heat maps that add up to the similarity."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import scene
from visus import Index, InputError
from visus.search.describe import Embedder, unit
from visus.search.why import Why, contributions, explain


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_contributions_add_up_to_the_cosine(seed: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    feature_map = random.normal(size=(height, width, 9)).astype(np.float32)
    direction = unit(random.normal(size=9))
    cosine = float(unit(feature_map.mean(axis=(0, 1))) @ direction)
    assert contributions(feature_map, direction).sum() == pytest.approx(cosine, abs=1e-4)


def test_both_maps_add_up_to_the_score_of_the_search(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "y.visus")
    index.add(photos)
    for hit in index.search(photos / "0002.jpg", k=4):
        why = hit.why()
        assert isinstance(why, Why)
        assert why.query_map.shape == why.hit_map.shape == (7, 7)
        assert why.query_map.sum() == pytest.approx(hit.score, abs=2e-3)
        assert why.hit_map.sum() == pytest.approx(hit.score, abs=2e-3)


def test_the_map_points_at_what_is_shared(cat: NDArray[np.uint8]) -> None:
    face = np.asarray(Image.fromarray(cat).crop((140, 60, 330, 230)).resize((200, 180)))
    canvas = np.full((600, 600, 3), 127, np.uint8)
    canvas[20:200, 380:580] = face  # top right
    why = explain(Embedder(), canvas, cat)
    rows, columns = np.indices(why.query_map.shape)
    weight = np.maximum(why.query_map, 0)
    assert (weight * columns).sum() / weight.sum() > 3.3
    assert (weight * rows).sum() / weight.sum() < 2.7
    assert np.unravel_index(why.query_map.argmax(), (7, 7))[1] >= 4


def test_picture_of_the_answer(photos: Path, tmp_path: Path) -> None:
    why = explain(Embedder(), scene(1), scene(2))
    assert why.picture(side=120).shape[1] == 12 + 2 * 132
    index = Index(tmp_path / "y.visus")
    index.add(photos)
    with pytest.raises(InputError, match="one query picture"):
        index.search([scene(1), scene(2)])[0].why()
