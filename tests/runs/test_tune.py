"""The search for settings: ranges, stages, pruning, resumption."""

import csv
import inspect
import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.labeled import splits
from visus import InputError, RunError, read
from visus.runs import train
from visus.runs.classify.settings import ClassifySettings
from visus.runs.engine.progress import Epoch
from visus.runs.record.settings import read_values
from visus.runs.tuning.space import BEFORE, SHRINK, Range, Space, read_space, usual
from visus.runs.tuning.study import tune

FAST = {"net": "mlp", "hidden": (8,), "epochs": 3, "augment": "none", "size": 16}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return splits(tmp_path_factory.mktemp("data") / "textures", 20, 8, 0, side=16)


@given(st.floats(1e-6, 1.0), st.floats(2.0, 1e4), st.floats(0, 1), st.booleans())
def test_the_fine_range_is_a_part_of_the_coarse_one_around_the_best(low, ratio, place, log) -> None:
    whole = Range(low, low * ratio, log=log)
    center = low * ratio**place if log else low + place * (low * ratio - low)
    part = whole.around(center)
    assert whole.low <= part.low <= center * (1 + 1e-9)
    assert center * (1 - 1e-9) <= part.high <= whole.high

    def width(r: Range) -> float:
        return math.log(r.high / r.low) if log else r.high - r.low

    assert width(part) <= SHRINK * width(whole) * (1 + 1e-6)


def test_whole_numbers_stay_whole() -> None:
    part = Range(1, 100, whole=True).around(50)
    assert (part.low, part.high) == (37, 63)


def test_no_choice_is_tried_twice_and_one_that_cannot_be_costs_one_trial(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    space: Space = {"hidden": [[4], [8]], "size": [12, 16]}
    fast = {**FAST, "epochs": 1}
    found = tune("classify", data, space=space, trials=4, runs=tmp_path, **{k: fast[k] for k in fast if k not in space})
    with (found.folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({(row["hidden"], row["size"]) for row in rows}) == 4
    assert json.loads((found.folder / "study.json").read_text()) == {"trials": 4}
    space = {"loss": ["cross_entropy", "hinge"]}
    both = {**fast, "label_smoothing": 0.1}
    found = tune("classify", data, space=space, trials=2, runs=tmp_path, say=said.append, **both)
    assert found.settings.loss == "cross_entropy"
    assert "cannot be: label_smoothing does nothing beside the hinge loss" in " ".join(said)


def test_what_torch_refuses_costs_one_trial(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from visus.runs.tuning import study

    def refuse(task: Any, settings: Any, *rest: Any) -> Any:
        if settings.hidden == (4,):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")
        return tried(task, settings, *rest)

    tried = study.try_settings
    monkeypatch.setattr(study, "try_settings", refuse)
    said: list[str] = []
    fast = {**{key: FAST[key] for key in FAST if key != "hidden"}, "epochs": 1}
    found = tune("classify", data, space={"hidden": [[4], [8]]}, trials=2, runs=tmp_path, say=said.append, **fast)
    assert found.settings.hidden == (8,)
    assert any(line.endswith("cannot be: RuntimeError: mat1 and mat2 shapes cannot be multiplied") for line in said)
    with pytest.raises(RunError, match=r"No trial of .* was finished \(the first: RuntimeError: mat1"):
        tune("classify", data, space={"hidden": [[4]]}, trials=1, runs=tmp_path, **fast)


def test_what_optuna_takes_unless_it_is_told_decides_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna

    asked: list[str] = []

    def noted(self: object, *_: object, **__: object) -> None:
        asked.append(type(self).__name__)
        raise AssertionError("the sampler that Optuna takes by itself")

    for kind in (optuna.samplers.TPESampler, optuna.samplers.NSGAIISampler):
        monkeypatch.setattr(kind, "__init__", noted)
    told: dict[str, object] = {}
    pruner = optuna.pruners.MedianPruner
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **given: (told.update(given), pruner(**given))[1])
    found = [tune("classify", data, trials=2, runs=tmp_path / run, **{**FAST, "epochs": 1}) for run in "ab"]
    assert found[0].rows()[0]["lr"] == found[1].rows()[0]["lr"]  # by the seed alone
    assert asked == []
    every = set(inspect.signature(pruner.__init__).parameters) - {"self"}
    assert told.keys() == every


def test_of_trials_with_one_score_the_one_of_the_least_loss_is_best(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visus.runs.tuning import study

    losses = iter([0.5, 0.2, math.inf, 0.4])

    def tried(task: Any, settings: Any, *rest: Any) -> Epoch:
        return Epoch(1, settings.lr, 0.1, 1.0, next(losses), 1.0, 1.0)

    monkeypatch.setattr(study, "try_settings", tried)
    said: list[str] = []
    space: Space = {"lr": [0.1, 0.2, 0.3, 0.4]}
    found = tune("classify", data, trials=4, space=space, runs=tmp_path, say=said.append, **FAST)
    assert said[-1] == "4 trials are equal by score (100.00%); the least loss on val decides."
    rows = found.rows()
    assert [row["val_loss"] for row in rows] == [0.5, 0.2, None, 0.4]
    assert (found.accuracy, found.settings.lr) == (1.0, rows[1]["lr"])
    assert read_values(found.folder / "best.toml", ClassifySettings)["lr"] == rows[1]["lr"]


@pytest.mark.parametrize(("low", "high"), [(1e-4, 1e-2), (3e-5, 3e-3), (1e-5, 1e-1), (1e-3, 5e-3)])
def test_labels_of_a_logarithmic_axis_do_not_overlap(low: float, high: float) -> None:
    from visus.images import plots
    from visus.runs.tuning.plot import _log_ticks

    figure = plots.figure(4, 3.4)
    (axis,) = plots.axes(figure, 1, 1)
    _log_ticks(axis, Range(low, high, log=True))
    plots.picture_of(figure)
    labels = [*axis.get_xticklabels(), *axis.get_xticklabels(minor=True)]
    boxes = [
        label.get_window_extent() for label in labels if label.get_text() and low <= label.get_position()[0] <= high
    ]
    assert len(boxes) >= 2
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(sorted(boxes, key=lambda box: box.x0)))


def test_a_study_of_an_earlier_version_goes_on_with_its_range(data: Path, tmp_path: Path) -> None:
    fast = {**FAST, "epochs": 1}
    tune("classify", data, trials=1, space=BEFORE, study=tmp_path / "old", **fast)
    said: list[str] = []
    tune("classify", data, trials=2, study=tmp_path / "old", say=said.append, **fast)
    assert "lr 0.0001 to 0.1 (log)" in "\n".join(said)
    new = tune("classify", data, trials=1, study=tmp_path / "new", say=said.append, **fast)
    assert "lr 0.0001 to 0.01 (log)" in "\n".join(said)
    assert new.trials == 1


@pytest.mark.slow
def test_coarse_then_fine_and_a_config_that_trains(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = tune("classify", data, trials=10, runs=tmp_path, say=said.append, **FAST)
    assert found.folder == tmp_path / "tune" / "textures-1"
    text = "\n".join(said)
    assert "Coarse: 6 trials, lr 0.0001 to 0.01 (log); weight_decay 1e-05 to 0.1 (log)" in text
    assert "Fine: 4 trials" in text
    with (found.folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["coarse"] * 6 + ["fine"] * 4
    entry = usual(1e-3)["lr"]
    assert isinstance(entry, Range)
    rates = [float(row["lr"]) for row in rows]
    assert all(entry.low <= rate <= entry.high for rate in rates)
    coarse = [row for row in rows[:6] if row["score"]]
    best = max(coarse, key=lambda row: float(row["score"]))
    width = math.exp(math.log(entry.high / entry.low) * SHRINK)
    fine = rates[6:]
    assert max(fine) / min(fine) <= width * 1.2
    assert best["lr"]
    assert len(set(rates)) == 10
    assert read(found.folder / "study.png").shape[2] == 3
    values = read_values(found.folder / "best.toml", ClassifySettings)
    run = train("classify", values.pop("data"), runs=tmp_path, **values)
    assert run.summary["best"]["val_accuracy"] == pytest.approx(found.accuracy, abs=1e-6)


@pytest.mark.slow
def test_a_study_goes_on_and_repeats_with_its_seed(data: Path, tmp_path: Path) -> None:
    whole = tune("classify", data, trials=6, study=tmp_path / "a", **FAST)
    tune("classify", data, trials=3, study=tmp_path / "b", **FAST)
    tune("classify", data, trials=6, study=tmp_path / "b", **FAST)
    first, second = ((tmp_path / name / "trials.csv").read_text().splitlines() for name in "ab")
    # The stages differ, since the first part of the second study was a study of three.
    assert first[1:3] == second[1:3]
    assert len(first) == len(second) == 7
    assert whole.trials == 6
    with pytest.raises(RunError, match="holds a study with epochs 3, not 4"):
        tune("classify", data, trials=6, study=tmp_path / "a", **{**FAST, "epochs": 4})


@pytest.mark.slow
def test_choices_and_whole_numbers(data: Path, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(
        'lr = { low = 1e-3, high = 1e-2, log = true }\noptimizer = ["adam", "momentum"]\n'
        "batch_size = { low = 8, high = 32 }\nhidden = [[4], [8, 8]]\n"
    )
    found = tune("classify", data, trials=6, space=read_space(tmp_path / "space.toml"), study=tmp_path / "s", **FAST)
    with (tmp_path / "s" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["optimizer"] for row in rows} <= {"adam", "momentum"}
    assert all(8 <= int(row["batch_size"]) <= 32 for row in rows)
    assert found.settings.hidden in ((4,), (8, 8))
    assert (tmp_path / "s" / "best.toml").is_file()


@pytest.mark.slow
def test_hopeless_trials_are_given_up(data: Path, tmp_path: Path) -> None:
    space: Space = {"lr": [3e-3, 1e-9]}
    options = {**FAST, "epochs": 6}
    said: list[str] = []
    found = tune("classify", data, trials=14, space=space, study=tmp_path / "s", say=said.append, **options)
    text = "\n".join(said)
    assert "given up" in text
    assert found.settings.lr == 3e-3


def test_a_diverging_trial_does_not_end_the_study(data: Path, tmp_path: Path) -> None:
    options = {**FAST, "optimizer": "sgd", "batch_size": 4}
    said: list[str] = []
    found = tune(
        "classify", data, trials=6, space={"lr": [1e30, 0.05]}, study=tmp_path / "s", say=said.append, **options
    )
    assert found.settings.lr == 0.05
    assert "diverged" in "\n".join(said)


def test_trials_of_a_dead_process_are_made_up_for(data: Path, tmp_path: Path) -> None:
    import socket

    from visus.data import load
    from visus.runs.classify.resolve import resolve
    from visus.runs.classify.settings import ClassifySettings
    from visus.runs.tuning.study import _open

    tune("classify", data, trials=2, study=tmp_path / "s", **FAST)
    base = resolve(ClassifySettings.of(data, FAST), load(data))
    opened = _open(tmp_path / "s", base.seed)
    lost = opened.ask()
    lost.set_user_attr("host", socket.gethostname())
    lost.set_user_attr("pid", 2**22 + 1)  # beyond the largest process number of Linux
    found = tune("classify", data, trials=4, study=tmp_path / "s", **FAST)
    assert found.trials == 4
    with (tmp_path / "s" / "trials.csv").open() as file:
        states = [row["state"] for row in csv.DictReader(file)]
    assert states.count("fail") == 1
    assert len(states) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no setting"),
        ("lr = ", "no TOML file"),
        ("rate = [1, 2]", "'rate', which is no setting"),
        ("lr = 0.1", "must be"),
        ("lr = { low = 1.0, high = 0.1 }", "low < high"),
        ("lr = { low = 0.0, high = 0.1, log = true }", "above 0 with log"),
        ("lr = { low = 0.1, top = 1.0 }", "must be"),
        ("lr = []", "must be"),
        ("lr = { low = 'a', high = 'b' }", "low < high"),
        ("lr = { low = 0.1, high = inf, log = true }", "low < high"),
        ("lr = { low = 0.1, high = 1.0, log = 'no' }", "log = true"),
        ("batch_size = { low = 0, high = 8 }", "would try batch_size = 0"),
        ("epochs = { low = 1.5, high = 3.0 }", "would try epochs"),
        ("hidden = [64, 32]", "would try hidden"),
        ("flip = ['yes', 'no']", "would try flip"),
        ("optimizer = ['adam', 'lion']", "would try optimizer = 'lion'"),
    ],
)
def test_bad_spaces(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_space(tmp_path / "s.toml")


def test_an_unfinished_line_of_a_killed_process_is_cut_off(data: Path, tmp_path: Path) -> None:
    tune("classify", data, trials=2, study=tmp_path / "s", **FAST)
    log = tmp_path / "s" / "study.log"
    log.write_bytes(log.read_bytes()[:-20])
    assert tune("classify", data, trials=4, study=tmp_path / "s", **FAST).trials >= 4


def test_bad_calls(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1 trial"):
        tune("classify", data, trials=0, runs=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_space(tmp_path / "none.toml")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "study.log").write_text("junk\nmore junk\n")
    with pytest.raises(RunError, match="damaged"):
        tune("classify", data, trials=2, study=tmp_path / "s", **FAST)
