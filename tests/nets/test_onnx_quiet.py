"""What PyTorch's exporter prints of itself stays away from what visus prints."""

import pytest
import torch
from torch import nn

from visus.nets.onnx import to_onnx_traced


def test_a_trace_that_fails_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    network = nn.AdaptiveAvgPool2d(6)  # of 4x4 positions, which no graph of that kind has
    with pytest.raises(Exception, match="adaptive"):
        to_onnx_traced(network, torch.zeros(2, 3, 4, 4), ["y"], metadata={}, taken="x")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
