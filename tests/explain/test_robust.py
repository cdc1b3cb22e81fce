"""Accuracy against the size of a change."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.photographs import photographs
from tests.support.subjects import linear_subject
from visus import InputError
from visus.explain import robustness
from visus.explain.robust import compressed
from visus.images import read


def test_of_a_linear_network_the_accuracy_is_known(tmp_path: Path) -> None:
    torch.manual_seed(1)
    direction = torch.randn(48)
    subject = linear_subject(torch.stack([direction, -direction]), 4)
    random = np.random.default_rng(0)
    pictures = list(random.integers(60, 196, (64, 4, 4, 3), dtype=np.uint8))
    scores = np.array([float(direction @ subject.input_of(own).flatten()) for own in pictures])
    labels = (scores < 0).astype(int)
    epsilons = (0.01, 0.05, 0.2)
    told: list[tuple[int, int]] = []
    found = robustness(
        subject,
        pictures,
        labels,
        epsilons=epsilons,
        attacks=("fgsm", "ifgsm"),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (64, 64)
    assert found.clean == 1
    expected = [float((np.abs(scores) > eps * float(direction.abs().sum())).mean()) for eps in epsilons]
    assert found.accuracy["fgsm"] == pytest.approx(expected)
    assert found.accuracy["ifgsm"] == pytest.approx(expected)
    assert found.accuracy["noise"][1] > found.accuracy["fgsm"][1]
    found.save(tmp_path / "curves.png")
    assert read(tmp_path / "curves.png").shape[2] == 3
    found.save(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[1][:2] == ["fgsm", "1.0"]
    assert "64 pictures, 100.0% right" in found.describe()
    # Half of the labels wrong: half of the answers too, whatever is done.
    half = robustness(subject, pictures, np.where(np.arange(64) < 32, labels, 1 - labels), epsilons=(0.0,))
    assert half.clean == 0.5
    assert half.accuracy["pgd"] == (0.5,)


def test_jpeg_changes_a_picture_by_what_was_asked_for() -> None:
    x = torch.from_numpy(read(photographs()["chelsea"])[:128, :128].transpose(2, 0, 1).copy())[None].float() / 255
    for wanted in (2 / 255, 4 / 255, 8 / 255):
        error = float((compressed(x, wanted) - x).square().mean().sqrt())
        assert error == pytest.approx(wanted, rel=0.25)


def test_mistakes_are_named() -> None:
    subject = linear_subject(torch.randn(2, 48), 4)
    picture = np.zeros((4, 4, 3), np.uint8)
    for labels in ([2], [-1], [0, 1]):
        with pytest.raises(InputError, match="There must be a class"):
            robustness(subject, [picture], labels)
    assert robustness(subject, [picture], np.zeros(1, np.int32), epsilons=(0.1,)).count == 1
    cases: tuple[tuple[list[np.ndarray], dict[str, Any]], ...] = (
        ([], {}),
        ([picture], {"epsilons": (0.2, 0.1)}),
        ([picture], {"attacks": ("magic",)}),
    )
    for pictures, options in cases:
        with pytest.raises(InputError, match="Robustness needs pictures"):
            robustness(subject, pictures, **options)
