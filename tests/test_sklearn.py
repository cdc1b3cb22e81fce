"""Estimators of scikit-learn: its own checks where they apply, and what its tools do with pictures."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import estimator_checks

from tests.support.labeled import splits
from visus import Index, InputError, read
from visus.runs.classify.predict import ClassifyPredictor
from visus.sklearn import Classifier, Color, Embedder, Textons, Texture
from visus.sklearn.pictures import pictures_of

ESTIMATORS = (Embedder(), Texture(), Color(), Textons(), Classifier())
FAST: dict[str, Any] = {"net": "mlp", "size": 16, "epochs": 15, "augment": "none", "lr": 3e-3, "batch_size": 8}


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], np.ndarray]:
    """Files of three kinds of textures, and the kind of each."""
    folder = splits(tmp_path_factory.mktemp("sk") / "t", 14, 0, 0, side=48) / "train"
    files = sorted(folder.rglob("*.png"))
    return [str(path) for path in files], np.array([path.parent.name for path in files])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda own: type(own).__name__)
def test_scikit_learns_own_checks_where_no_rows_of_numbers_are_needed(estimator: Any) -> None:
    name = type(estimator).__name__
    for check in (
        "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types", "check_estimator_repr",
        "check_no_attributes_set_in_init", "check_parameters_default_constructible", "check_get_params_invariance",
        "check_set_params", "check_do_not_raise_errors_in_init_or_set_params", "check_mixin_order",
    ):  # fmt: skip
        getattr(estimator_checks, check)(name, clone(estimator))
    with pytest.warns(estimator_checks.SkipTestWarning, match="Can't test estimator"):  # it has rows of numbers alone
        estimator_checks.check_estimator(estimator)


def test_vectors_are_those_of_an_index(textures: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    files = textures[0][::10]
    found = Embedder().fit(files).transform(files)
    assert (found.dtype, found.shape) == (np.float32, (len(files), 1280))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    index = Index(tmp_path / "i.visus")
    index.add(Path(files[0]).parents[1])
    hits = index.search(files[0], k=50)
    by_path = {hit.path: hit.cosine for hit in hits}
    for file, vector in zip(files, found, strict=True):
        assert by_path[file] == pytest.approx(float(vector @ found[0]), abs=1e-3)


@pytest.mark.parametrize(
    ("estimator", "width"), [(Texture(), 48), (Color(), 120), (Textons(5), 15), (Embedder(), 1280)]
)
def test_pictures_come_as_files_or_arrays(estimator: Any, width: int, textures: tuple[list[str], np.ndarray]) -> None:
    files, labels = textures[0][::6], textures[1][::6]
    arrays = [read(file) for file in files]
    own: Any = clone(estimator)
    found = own.fit(files, labels).transform(files)
    assert found.shape == (len(files), width)
    names = own.get_feature_names_out()
    assert [len(names), names[0]] == [width, f"{type(own).__name__.lower()}0"]
    for same in (arrays, np.stack(arrays), np.array(files), np.array(files, object)[:, None]):
        np.testing.assert_allclose(own.transform(same), found, atol=1e-5)
    copied = pickle.loads(pickle.dumps(own))
    np.testing.assert_allclose(copied.transform(files), found, atol=1e-5)
    table = own.set_output(transform="pandas").transform(files)
    assert list(table.columns) == list(names)


def test_they_stand_in_pipelines(textures: tuple[list[str], np.ndarray]) -> None:
    files, labels = textures
    both = make_pipeline(make_union(Texture(), Color()), KNeighborsClassifier(1))
    assert cross_val_score(both, files, labels, cv=3).mean() > 0.9
    tried = GridSearchCV(make_pipeline(Textons(), LogisticRegression()), {"textons__count": [2, 4]}, cv=2)
    assert tried.fit(files, labels).best_score_ > 0.8


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("a.jpg", "put one picture in a list"),
        ([], "There is no picture"),
        (np.zeros((5, 4), np.uint8), r"is \(N, H, W, 3\) or \(N, H, W\), not \(5, 4\)"),
        ([np.zeros((5, 4), np.float64)], "not float64"),
        ([np.zeros((5, 4, 2), np.uint8)], "not uint8"),
        ([np.zeros((0, 4, 3), np.uint8)], "not uint8"),
        ([1, 2], "not int"),
        (np.zeros((5, 4)), "A picture is a file"),
        (7, "not int"),
    ],
)
def test_what_is_no_picture_is_one_sentence(wrong: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pictures_of(wrong)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    for own in (Texture(), Textons(2)):
        with pytest.raises(InputError, match=r"torn\.jpg"):
            own.fit_transform([tmp_path / "torn.jpg"])


def test_a_training_is_a_classifier(textures: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    files, kinds = textures
    numbers = np.unique(kinds, return_inverse=True)[1] * 10 - 5  # whole numbers are classes too
    arrays = [read(file) for file in files]
    own = Classifier(**FAST).fit(arrays, numbers)
    assert own.classes_.tolist() == [-5, 5, 15]
    assert own.run_ is None
    assert own.summary_["status"] == "finished"
    found = own.predict_proba(files)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert own.score(files, numbers) > 0.8
    copied = pickle.loads(pickle.dumps(own))
    np.testing.assert_allclose(copied.predict_proba(arrays[:3]), found[:3], atol=1e-5)
    own.save(tmp_path / "net.safetensors")
    answer = ClassifyPredictor(tmp_path / "net.safetensors").predict(files[0])
    assert max(answer.probabilities) == pytest.approx(found[0].max(), abs=1e-4)
    with pytest.raises(InputError, match=r"written as \.safetensors"):
        own.save(tmp_path / "net.pth")
    named = Classifier(**FAST, runs=tmp_path / "runs", settings={"hidden": (16,)}).fit(files, np.char.add(kinds, ", a"))
    assert set(named.predict(files[:3])) <= {f"{kind}, a" for kind in kinds}
    assert named.run_ is not None
    assert (named.run_ / "best.safetensors").is_file()


def test_a_picture_that_cannot_be_used_is_a_warning(textures: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    files, kinds = [*textures[0], str(tmp_path / "torn.png")], [*textures[1], "blob"]
    with pytest.warns(UserWarning, match=r"Left out 1 picture that cannot be used.*torn\.png"):
        own = Classifier(**{**FAST, "epochs": 1}).fit(files, kinds)
    assert any("torn.png" in sentence for sentence in own.said_)


def test_labels_that_cannot_be(textures: tuple[list[str], np.ndarray]) -> None:
    files, kinds = textures
    with pytest.raises(InputError, match="Each picture needs one class"):
        Classifier(**FAST).fit(files, kinds[:3])
    with pytest.raises(InputError, match="two classes or more"):
        Classifier(**FAST).fit(files, ["a"] * len(files))
    with pytest.raises(ValueError, match="continuous"):
        Classifier(**FAST).fit(files, np.linspace(0, 1, len(files)))
    with pytest.raises(InputError, match="patince"):
        Classifier(**FAST, settings={"patince": 1}).fit(files, kinds)
