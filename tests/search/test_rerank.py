"""A second look at the best hits."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.photographs import photographs
from tests.support.pictures import scene
from visus import Index, InputError
from visus.search import rerank
from visus.search.demo import VERSIONS
from visus.search.describe import unit


def test_geometry_counts_features_of_the_same_object_only(cat: NDArray[np.uint8]) -> None:
    picture = Image.fromarray(cat)
    turned = np.asarray(VERSIONS["rotation"](picture))
    cut = np.asarray(VERSIONS["crop"](picture))
    other = np.asarray(Image.open(photographs()["coffee"]).convert("RGB"))
    same, turned_count, cut_count, other_count, flat = rerank.geometry(
        cat, [cat, turned, cut, other, np.full((99, 99, 3), 7, np.uint8)]
    )
    assert same > 300
    assert min(turned_count, cut_count) >= rerank.LEAST_INLIERS
    assert other_count < rerank.LEAST_INLIERS
    assert flat == 0


def test_the_homography_is_the_one_that_was_applied(cat: NDArray[np.uint8]) -> None:
    cut = np.ascontiguousarray(cat[40:, 60:])
    _, matrix = rerank.agreement(rerank.LocalFeatures(cat), rerank.LocalFeatures(cut))
    assert matrix is not None
    assert np.allclose(matrix, [[1, 0, -60], [0, 1, -40], [0, 0, 1]], atol=1.0)
    assert np.allclose(matrix[:2, :2], np.eye(2), atol=0.01)


def test_mirrored_pictures_do_not_agree(cat: NDArray[np.uint8]) -> None:
    mirrored = np.ascontiguousarray(cat[:, ::-1])
    count, _ = rerank.agreement(rerank.LocalFeatures(cat), rerank.LocalFeatures(mirrored))
    assert count < rerank.LEAST_INLIERS


def test_expansion_moves_towards_the_hits() -> None:
    query = unit(np.array([1.0, 0, 0]))
    hits = unit(np.array([[1.0, 1, 0], [1.0, 0.8, 0]]))
    expanded = rerank.expand(query, hits, hits @ query)
    assert np.linalg.norm(expanded) == pytest.approx(1, abs=1e-6)
    assert expanded[1] > 0.2
    assert np.allclose(rerank.expand(query, hits, np.array([-1.0, -0.5])), query)


def test_search_says_what_reranking_changed(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    coffee = Image.open(photographs()["coffee"]).convert("RGB")
    for name, alter in VERSIONS.items():
        alter(coffee).save(folder / f"coffee-{name}.jpg")
    for seed in range(6):
        Image.fromarray(scene(seed)).save(folder / f"scene-{seed}.jpg")
    index = Index(tmp_path / "r.visus")
    index.add(folder)
    plain = index.search(folder / "coffee-crop.jpg", k=13)
    hits = index.search(folder / "coffee-crop.jpg", k=13, rerank="geometry")
    assert sorted(hits.paths) == sorted(plain.paths)
    assert hits[0].path.endswith("coffee-crop.jpg")
    assert "features agree" in hits[0].note
    for place, hit in enumerate(hits, 1):
        before = plain.paths.index(hit.path) + 1
        assert (f"was {before}" in hit.note) == (before != place)
    expanded = index.search(folder / "coffee-crop.jpg", k=5, rerank="expansion")
    assert all("coffee" in path for path in expanded.paths)
    with pytest.raises(InputError, match="one query picture"):
        index.search([folder / "scene-1.jpg", folder / "scene-2.jpg"], rerank="geometry")
