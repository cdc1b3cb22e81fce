"""What is compiled for this CPU answers as torch does."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from visus._errors import InputError, RunError
from visus.nets.detection.rcnn import RCNN
from visus.runs.detect.proposals import hasten
from visus.runs.engine.compiled import compiled

BOXES = torch.tensor([[2.0, 3, 40, 50], [10, 10, 60, 30], [0, 0, 64, 64]])


def test_the_boxes_of_rcnn_have_the_same_features() -> None:
    torch.manual_seed(0)
    net = RCNN(classes=2, backbone="resnet18", side=64).eval()
    picture = torch.rand(3, 64, 64)
    own = net.features(picture, BOXES)
    hasten(net, 10)  # too few to pay
    assert net._embed is None
    hasten(net, 1000)
    assert net._embed is not None
    quick = net.features(picture, BOXES)
    assert not torch.equal(quick, own)  # it was another who answered
    torch.testing.assert_close(quick, own, rtol=1e-3, atol=1e-3)
    assert net.features(picture, BOXES[:0]).shape == (0, 512)
    net.use(None)
    assert torch.equal(net.features(picture, BOXES), own)


def test_several_threads_do_not_mix_their_answers() -> None:
    double = compiled(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)).eval(), torch.zeros(1, 4))
    assert double
    batches = [torch.rand(20, 4) for _ in range(30)]
    alone = [double(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(double, batches), strict=True):
            torch.testing.assert_close(one, other)


def test_what_cannot_be_compiled_is_left_to_torch() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.eigvals(x).real

    assert compiled(Odd(), torch.eye(3)[None]) is None


def test_nan_is_said_and_not_hidden() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval()
    double = compiled(net, torch.zeros(1, 4))
    assert double
    with pytest.raises(InputError, match="A picture holds NaN"):
        double(torch.full((1, 4), torch.nan))
    nn.init.constant_(net[0].bias, torch.nan)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunError, match=r"holds NaN in 0\.bias"):
        compiled(net, torch.zeros(1, 4))


def test_small_inputs_go_through_in_groups() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).eval()
    grouped = compiled(net, torch.zeros(1, 4), group=8)
    assert grouped
    for count in (1, 8, 19):
        x = torch.rand(count, 4)
        torch.testing.assert_close(grouped(x), net(x).detach())
    assert grouped(torch.zeros(0, 4)).shape == (0, 3)


def test_sides_may_be_free() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).eval()
    free = compiled(net, torch.zeros(1, 3, 32, 32), free=(2, 3))
    assert free
    for height, width in ((32, 32), (64, 96), (32, 128)):
        x = torch.rand(2, 3, height, width)
        torch.testing.assert_close(free(x), net(x).detach(), rtol=1e-4, atol=1e-5)


SIGNALS = """
import gc, os, signal
import torch
from torch import nn
from visus.runs.engine.compiled import compiled
first, second = (compiled(nn.Linear(2, 2).eval(), torch.zeros(1, 2)) for _ in range(2))
assert first and second
del first
gc.collect()
del second
gc.collect()
heard = []
signal.signal(signal.SIGUSR1, lambda *_: heard.append(True))
os.kill(os.getpid(), signal.SIGUSR1)
assert heard
"""


@pytest.mark.slow
def test_a_process_hears_signals_when_compiled_networks_are_gone() -> None:
    """OpenVINO gives the thread a stack for signals and takes it away again; in the wrong order, Ctrl-C would kill."""
    answer = subprocess.run([sys.executable, "-c", SIGNALS], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
