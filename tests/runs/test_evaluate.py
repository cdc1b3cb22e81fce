"""Measures beside scikit-learn, and evaluation end to end."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from tests.support.labeled import folder_of_classes, splits, write_class
from visus import InputError, read
from visus.data import Pictures
from visus.runs import Run
from visus.runs.classify.evaluate import ClassEvaluation, evaluate


def _evaluation(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> ClassEvaluation:
    names = tuple(f"c{k}" for k in range(probabilities.shape[1]))
    return ClassEvaluation("test", names, Pictures(labels), labels, probabilities)


def _random(seed: int, n: int = 200, c: int = 7) -> ClassEvaluation:
    random = np.random.default_rng(seed)
    labels = random.integers(0, c, n)
    logits = random.normal(size=(n, c)) + 2 * (labels[:, None] == np.arange(c))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return _evaluation(labels, probabilities)


@pytest.mark.parametrize("seed", range(3))
def test_measures_agree_with_scikit_learn(seed: int) -> None:
    found = _random(seed)
    truth, answers = found.labels, found.answers
    assert found.top1 == pytest.approx(metrics.accuracy_score(truth, answers))
    for k in (2, 5):
        expected = metrics.top_k_accuracy_score(truth, found.probabilities, k=k, labels=np.arange(7))
        assert found.top(k) == pytest.approx(expected)
    assert (found.confusion == metrics.confusion_matrix(truth, answers, labels=np.arange(7))).all()
    expected = np.array(metrics.precision_recall_fscore_support(truth, answers, labels=np.arange(7)))  # (4, classes)
    measured = np.array([(m.precision, m.recall, m.f1, m.count) for m in found.per_class]).T
    assert measured == pytest.approx(expected)
    assert found.macro_f1 == pytest.approx(expected[2].mean())


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    found = _evaluation(np.array([0, 1, 1, 1]), probabilities)
    # Half of the bin at 0.95 is right, all of the bin at 0.65.
    assert found.calibration_error(10) == pytest.approx(0.5 * abs(0.5 - 0.95) + 0.5 * abs(1 - 0.65))
    sure = _evaluation(np.array([0, 1]), np.eye(2))
    assert sure.calibration_error() == 0


@given(st.integers(0, 1000), st.integers(2, 9), st.integers(1, 40))
def test_measures_stay_in_range(seed: int, c: int, n: int) -> None:
    found = _random(seed, n, c)
    assert 0 <= found.calibration_error() <= 1
    tops = [found.top(k) for k in range(1, c + 1)]
    assert tops == sorted(tops)
    assert tops[-1] == 1
    assert found.confusion.sum() == n
    assert len(found.mistakes()) == round((1 - found.top1) * n)


def test_classes_that_never_occur_or_are_never_answered() -> None:
    found = _evaluation(np.array([0, 0, 1]), np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.8, 0.2, 0]]))
    zero, one, two = found.per_class
    assert zero.recall == 1
    assert np.isnan(one.precision)
    assert one.recall == 0
    assert np.isnan(two.recall)
    assert found.macro_f1 == pytest.approx((0.8 + 0.0) / 2)
    values = found.to_dict()
    assert values["classes"][2]["recall"] is None
    json.dumps(values, allow_nan=False)
    assert "-" in found.describe()
    assert found.confused() == [("c1", "c0", 1)]


def test_a_run_is_measured_on_its_own_test_split(trained_run: Run) -> None:
    found = trained_run.evaluate()
    assert found.split == "test"
    assert found.top1 > 0.85
    folder = trained_run.folder / "evaluation-test"
    assert json.loads((folder / "evaluation.json").read_text())["top1"] == pytest.approx(found.top1)
    assert read(folder / "confusion.png").shape[2] == 3


def test_the_worst_mistakes_are_on_a_sheet(trained_run: Run, tmp_path: Path) -> None:
    folder_of_classes(tmp_path / "wrong", 3, side=16)
    shutil.move(tmp_path / "wrong" / "blob", tmp_path / "x")
    shutil.move(tmp_path / "wrong" / "checks", tmp_path / "wrong" / "blob")
    shutil.move(tmp_path / "x", tmp_path / "wrong" / "checks")
    found = evaluate(trained_run.folder, tmp_path / "wrong", out=tmp_path / "out")
    assert isinstance(found, ClassEvaluation)
    assert found.split == "all"
    assert found.top1 < 0.5
    assert {(t, a) for t, a, _ in found.confused(2)} == {("blob", "checks"), ("checks", "blob")}
    assert read(tmp_path / "out" / "mistakes.jpg").shape[0] > 100


def test_other_data_may_have_fewer_classes_in_another_order(trained_run: Run, tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "stripes", 2, 6, first=900, side=16)
    write_class(tmp_path / "d" / "checks", 1, 6, first=900, side=16)
    found = evaluate(trained_run.folder / "best.safetensors", tmp_path / "d", out=tmp_path / "out")
    assert isinstance(found, ClassEvaluation)
    assert found.classes == ("blob", "checks", "stripes")
    assert found.top1 > 0.8
    assert [m.count for m in found.per_class] == [0, 6, 6]


def test_a_folder_that_was_split_is_split_again_alike(tmp_path: Path) -> None:
    from visus.runs import train

    data = folder_of_classes(tmp_path / "d", 30, side=16)
    options = {"net": "mlp", "hidden": (8,), "epochs": 2, "augment": "none", "seed": 4, "test": 0.2}
    run = train("classify", data, runs=tmp_path, **options)
    one, same = run.evaluate(), evaluate(run.folder, data)
    assert len(one.labels) == 18
    assert one.pictures.files == same.pictures.files
    assert not set(one.pictures.files) & set(run.evaluate(split="train").pictures.files)


def test_pictures_of_the_training_are_counted_wherever_they_lie(tmp_path: Path) -> None:
    from visus.runs import train

    data = folder_of_classes(tmp_path / "d", 20, side=16)
    run = train("classify", data, net="mlp", hidden=(8,), epochs=1, augment="none", runs=tmp_path)
    assert run.evaluate().remarks == []
    shutil.move(data, tmp_path / "moved")
    with pytest.raises(InputError, match="name where it is now"):
        run.evaluate()
    moved = run.evaluate(tmp_path / "moved")
    assert (moved.split, len(moved.labels), moved.remarks) == ("test", 9, [])
    write_class(tmp_path / "moved" / "blob", 0, 1, first=900, side=16)
    mixed = run.evaluate(tmp_path / "moved")
    assert mixed.split == "all"
    trained, chosen = mixed.remarks
    assert "was trained on 42 of these 61 pictures" in trained
    assert "chose its weights by 9 of these 61 pictures" in chosen
    assert chosen in mixed.describe()
    assert "trained on 42" in evaluate(run.folder / "best.safetensors", tmp_path / "moved").remarks[0]


def test_what_was_left_out_is_said(trained_run: Run, tmp_path: Path) -> None:
    from tests.support.bad_files import write_bad_files

    folder = folder_of_classes(tmp_path / "d", 3, first=950, side=16)
    bad = write_bad_files(folder / "blob" / "bad")
    found = evaluate(trained_run.folder, folder, out=tmp_path / "out")
    assert f"Left out {len(bad)} pictures" in found.describe()
    assert found.to_dict()["remarks"]
    write_bad_files(tmp_path / "e" / "test" / "blob")
    write_class(tmp_path / "e" / "train" / "blob", 0, 2, side=16)
    with pytest.raises(InputError, match="no pictures that can be read"):
        evaluate(trained_run.folder, tmp_path / "e", split="test")


def test_equal_probabilities_count_as_they_are_answered() -> None:
    flat = _evaluation(np.arange(10), np.full((10, 10), 0.1))
    assert flat.top1 == 0.1 == np.trace(flat.confusion) / 10
    assert flat.top(5) == 0.5


def test_bad_evaluations(trained_run: Run, tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "lily", 0, 2)
    write_class(tmp_path / "d" / "blob", 0, 2)
    with pytest.raises(InputError, match="'lily', which the network does not know; it knows blob, checks, stripes"):
        evaluate(trained_run.folder, tmp_path / "d")
    with pytest.raises(InputError, match="has no split dev"):
        evaluate(trained_run.folder, split="dev")
    shutil.copy(trained_run.folder / "best.safetensors", tmp_path / "best.safetensors")
    with pytest.raises(InputError, match="name some"):
        evaluate(tmp_path / "best.safetensors")
    with pytest.raises(InputError, match="There are no mistakes"):
        _evaluation(np.array([0, 1]), np.eye(2)).sheet()


def test_splits_helper_is_what_it_says(tmp_path: Path) -> None:
    assert sum(1 for _ in splits(tmp_path, 2, 1, 1).rglob("*.png")) == 12
