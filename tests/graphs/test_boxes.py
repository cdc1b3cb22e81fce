"""Detectors as graphs, and what is taken from PyTorch's libraries without them: run lengths, and masks on pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.graphs import boxes, runs
from visus.graphs.boxes import BoxGraph, BoxRunner, Limits


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 99))
def test_run_lengths_are_those_of_pycocotools(height: int, width: int, share: float, seed: int) -> None:
    from visus.data.coco import encode

    mask = np.random.default_rng(seed).random((height, width)) < share
    coded = runs.encode(mask)
    assert coded == encode(mask)
    assert (runs.decode(coded) == mask).all()


def test_masks_lie_as_torchvision_lays_them() -> None:
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    random = np.random.default_rng(0)
    masks = random.random((40, 28, 28)).astype(np.float32)
    corners = random.random((40, 2)) * 60 - 5
    own = np.concatenate([corners, corners + random.random((40, 2)) * 60 + 1], 1).clip(0, 49).astype(np.float32)
    expected = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(own), (50, 64))[:, 0]
    found = np.stack(list(boxes.pasted(masks, own, (50, 64))))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_what_a_graph_does_not_give_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "session", lambda *_: None)
    runner = BoxRunner(BoxGraph(Path("model.onnx"), Limits(score=0.001), 1000.0, False))
    runner.check(Limits(score=0.5, most=10))
    for limits, words in (
        (Limits(score=0.5, overlap=0.3), "--iou 0.3"),
        (Limits(score=0.5, soft=True), "--soft-nms"),
        (Limits(score=0), "--conf 0"),
        (Limits(most=300), "--max-det 300"),
    ):
        with pytest.raises(InputError, match=f"{words} needs PyTorch"):
            runner.check(limits)
    with pytest.raises(InputError, match="too thin"):
        runner.detect(np.zeros((1, 2000, 3), np.uint8), Limits())
