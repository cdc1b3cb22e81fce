"""Measures of retrieval."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from visus import Index, InputError
from visus.search.describe import unit
from visus.search.evaluate import read_labels, retrieval


@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.integers(1, 4), st.integers(1, 9))
def test_measures_equal_scikit_learn_and_plain_counting(seed: int, count: int, kinds: int, block: int) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(count, 6)))
    labels = random.integers(0, kinds, count)
    labels[:2] = 0
    answer = retrieval(vectors, list(labels), ks=(1, 3), block=block)
    precision, recall, average = [], [], []
    for i in range(count):
        others = np.delete(np.arange(count), i)
        relevant = labels[others] == labels[i]
        if not relevant.any():
            continue
        scores = vectors[others] @ vectors[i]
        best = np.argsort(-scores, kind="stable")[:3]
        precision.append(relevant[best].sum() / 3)
        recall.append(relevant[best].sum() / relevant.sum())
        average.append(average_precision_score(relevant, scores))
    assert answer.queries == len(precision)
    assert answer.precision[3] == pytest.approx(np.mean(precision), abs=1e-9)
    assert answer.recall[3] == pytest.approx(np.mean(recall), abs=1e-9)
    assert answer.mean_average_precision == pytest.approx(np.mean(average), abs=1e-6)


def test_perfect_and_hopeless_answers() -> None:
    vectors = unit(np.array([[1, 0.0], [1, 0.1], [0, 1], [0.1, 1]]))
    assert retrieval(vectors, ["a", "a", "b", "b"], ks=(1,)).precision[1] == 1
    assert retrieval(vectors, ["a", "b", "a", "b"], ks=(1,)).precision[1] == 0
    with pytest.raises(InputError, match="occurs twice"):
        retrieval(vectors, ["a", "b", "c", "d"])
    with pytest.raises(InputError, match="4 labels, not 1"):
        retrieval(vectors, ["a"])


def test_index_against_a_csv_file(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "e.visus")
    index.add(photos)
    rows = "\n".join(f"photos/{n:04d}.jpg,{'even' if n % 2 == 0 else 'odd'}" for n in range(12))
    (tmp_path / "labels.csv").write_text(f"file,class\n{rows}\nphotos/none.jpg,odd\n")
    answer = index.evaluate(tmp_path / "labels.csv", ks=(1, 11))
    assert answer.queries == 12
    assert answer.precision[11] == pytest.approx(5 / 11)
    assert answer.recall[11] == 1


def test_labels_that_cannot_be_used(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("name,kind\na,b\n")
    with pytest.raises(InputError, match="columns file"):
        read_labels(tmp_path / "bad.csv")
    (tmp_path / "surplus.csv").write_text("name,kind\na,b,c\n")
    with pytest.raises(InputError, match="columns file"):
        read_labels(tmp_path / "surplus.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")
    index = Index(tmp_path / "e.visus")
    index.add(photos)
    (tmp_path / "other.csv").write_text("path,label\nelsewhere.jpg,b\n")
    with pytest.raises(InputError, match="None of the files"):
        index.evaluate(tmp_path / "other.csv")


@pytest.mark.parametrize("ks", [(0,), (5, -1)])
def test_a_count_below_one_is_refused(ks: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="k must be a whole number above 0"):
        retrieval(np.eye(4, dtype=np.float32), list("aabb"), ks=ks)
