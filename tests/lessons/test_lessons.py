"""Each lesson against a calculation by hand."""

import functools
import math
import unicodedata
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from visus import InputError
from visus.lessons import (
    LESSONS,
    answer,
    depth,
    dropout,
    graph,
    lesson,
    losses,
    object_size,
    optimizers,
    roi_align,
    upsampling,
)
from visus.lessons.sheet import Drawn


@functools.cache
def drawn(name: str) -> tuple[Drawn, tuple[str, ...]]:
    """A lesson, drawn once for all tests, and its labels in Chinese."""
    labels: list[str] = []

    def say(en: str, zh: str) -> str:
        labels.append(zh)
        return en

    return answer.draw(name, say), tuple(labels)


def numbers(name: str) -> dict[str, Any]:
    return drawn(name)[0].numbers


SLOW = {"object-size", "residual"}  # each trains for some seconds


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in LESSONS])
def test_three_sentences_in_both_languages_and_labels_that_a_chinese_font_has(name: str) -> None:
    done, labels = drawn(name)
    assert len(done.sentences) == 3
    for en, zh in done.sentences:
        assert en.isascii()
        assert en.endswith(".")
        assert zh.endswith("。")
        assert any(unicodedata.category(sign) == "Lo" for sign in zh)
    for text in (*labels, LESSONS[name].zh):
        text.encode("gb2312")  # what every font for simplified Chinese has


def test_losses() -> None:
    found = numbers("losses")
    # hinge: (5.1 - 3.2 + 1) + max(0, -1.7 - 3.2 + 1), all below their margin, (2.2 + 3.1 + 1) + (2.5 + 3.1 + 1)
    assert found["hinge"] == [2.9, 0.0, 12.9]
    by_hand = [
        -math.log(math.exp(right) / sum(math.exp(score) for score in row))
        for row, right in (((3.2, 5.1, -1.7), 3.2), ((1.3, 4.9, 2.0), 4.9), ((2.2, 2.5, -3.1), -3.1))
    ]
    assert found["cross_entropy"] == pytest.approx(by_hand)
    assert [round(value, 3) for value in by_hand] == [2.040, 0.079, 6.156]
    assert round(found["frog_by_hand"], 3) == 6.157  # what lecture notes print
    powers = [math.exp(score) for score in (2.2, 2.5, -3.1)]
    assert (round(powers[2], 3), round(sum(powers), 2)) == losses.BY_HAND
    assert found["relative_entropy_bits"] == pytest.approx([value / math.log(2) for value in by_hand])
    assert found["frog_pushed_by_20"][0] == 0
    assert 0 < found["frog_pushed_by_20"][1] < 1e-5


def test_graph() -> None:
    found = numbers("graph")
    s = 1 / (1 + math.exp(-1))  # 2 x -1 + -3 x -2 - 3 = 1
    slope = s * (1 - s)
    assert found["value"] == pytest.approx(s)
    by_hand = {"w0": -1 * slope, "x0": 2 * slope, "w1": -2 * slope, "x1": -3 * slope, "w2": slope}
    assert found["gradients"] == pytest.approx(by_hand)
    assert found["from_autograd"] < 1e-12
    assert found["grains"] < 1e-12


@pytest.mark.parametrize("name", graph.OPERATIONS)
def test_local_derivatives_of_the_graph(name: str) -> None:
    call, slopes = graph.OPERATIONS[name]
    given = [0.7, -1.3] if name in ("×", "+") else [0.7]
    for place, slope in enumerate(slopes(*given)):
        up, down = list(given), list(given)
        up[place] += 1e-6
        down[place] -= 1e-6
        assert slope == pytest.approx((call(*up) - call(*down)) / 2e-6, rel=1e-5)


def test_optimizers() -> None:
    found = numbers("optimizers")
    # y is multiplied by 1 - 0.047 x 40 = -0.88 at each step of plain descent: it crosses the valley at every one.
    assert found["zigzag_turns"] == optimizers.STEPS
    assert found["heights"][0] == pytest.approx(((2 * 0.953**60) ** 2 + optimizers.STEEP * (0.35 * 0.88**60) ** 2) / 2)
    assert found["momentum_swing"] == pytest.approx(2, rel=0.1)  # nothing is lost
    assert found["rmsprop_last_stride"] == pytest.approx(0.05, rel=1e-3)
    assert found["adam_first_step"] == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-4)
    given = optimizers.draw(lambda en, _: en, momentum=0.5, rho=0.9, betas=(0.5, 0.9), bias_correction=True).numbers
    assert given["momentum_swing"] < 1.9
    assert given["adam_first_step"] == pytest.approx(1)


def test_depth() -> None:
    found = numbers("depth")
    assert found["one_layer_differs_by"] < 1e-4
    straight = found["right"]["32+32"]
    assert found["right"]["2"] >= straight - 0.05
    assert found["right"]["8"] > straight + 0.1
    assert found["right"]["8+8"] > straight + 0.1
    assert len(depth.spirals()[0]) == depth.POINTS


def test_batchnorm() -> None:
    from visus.lessons.batchnorm import normalized

    found = numbers("batchnorm")
    column = torch.tensor([[1.0], [2.0], [3.0], [4.0]], dtype=torch.float64)  # mean 2.5, variance 1.25
    by_hand = [(x - 2.5) / math.sqrt(1.25 + 1e-5) for x in (1, 2, 3, 4)]
    assert normalized(column).flatten().tolist() == pytest.approx(by_hand)
    assert found["gain"] == found["normalized"][0] / found["plain"][0] > 1000
    assert found["normalized_spread"] == pytest.approx(1, abs=0.01)


def test_dropout() -> None:
    found = numbers("dropout")
    assert found["mean_over_test"] == pytest.approx([1, 1], abs=0.02)
    torch.manual_seed(0)
    values = torch.tensor([1.0, 2.0, 4.0])
    at_test, in_training = dropout.sums(values, 500, 0.5)
    sums = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0}  # of every set of the three
    assert set(at_test.tolist()) == sums
    assert set(in_training.tolist()) == {2 * own for own in sums}


def test_padding() -> None:
    found = numbers("padding")
    assert found["rows"] == {
        "constant": [0, 0, 1, 2, 3, 4, 0, 0],
        "replicate": [1, 1, 1, 2, 3, 4, 4, 4],
        "reflect": [2, 1, 1, 2, 3, 4, 4, 3],
        "mirror": [3, 2, 1, 2, 3, 4, 3, 2],
        "wrap": [3, 4, 1, 2, 3, 4, 1, 2],
    }
    # A quarter of the Gaussian lies on the picture at its very corner, a little more within eight pixels of it.
    assert 0.25 < found["corner"]["constant"] / found["corner"]["reflect"] < 0.6


def test_receptive_field() -> None:
    found = numbers("receptive-field")
    assert found["fields"]["vgg16"] == [3, 5, 10, 14, 24, 32, 40, 60, 76, 92, 132, 164, 196]  # by hand
    assert found["fields"]["alexnet_paper"] == [11, 51, 99, 131, 163]
    assert found["ten_convolutions"] == 21
    assert found["share_of_the_inner_half"] > 0.8


def test_upsampling() -> None:
    found = numbers("upsampling")
    kernel = [0.25, 0.75, 0.75, 0.25]
    matrix = np.zeros((8, 3))
    for k in range(3):
        matrix[2 * k : 2 * k + 4, k] = kernel
    assert np.array_equal(found["matrix"], matrix)
    assert found["row"] == (matrix @ [1, 2, 3]).tolist()
    assert found["transposed_differs_from_bilinear_by"] < 1e-5
    assert found["unpooled_and_pooled_again_differs_by"] == 0
    # The transpose of that matrix is the convolution of stride 2.
    x = torch.arange(8.0)[None, None]
    convolved = torch.nn.functional.conv1d(x, torch.tensor([[kernel]]), stride=2)
    assert (matrix.T @ x.numpy().ravel()).tolist() == convolved.flatten().tolist()


@pytest.mark.parametrize("shape", [(3, 5, 3), (40, 200, 3), (6, 6, 3)])
def test_upsampling_of_a_picture_of_any_size(shape: tuple[int, int, int]) -> None:
    done = upsampling.draw(lambda en, _: en, picture=np.full(shape, 90, np.uint8))
    assert done.numbers["nearest_error"] < 1e-6


@pytest.mark.slow
def test_object_size() -> None:
    found = numbers("object-size")
    assert found["fields"][8] < found["fields"][16] < found["fields"][32]
    iou, kinds = found["iou"], found["kind_right_alone"]
    assert iou[32][1] < iou[16][1] < iou[8][1] - 0.1  # objects of 12 pixels
    assert iou[32][4] > 0.4  # of 72
    assert kinds[8][4] < kinds[32][4] - 0.1


@pytest.mark.parametrize("size", object_size.SIZES)
def test_objects_are_as_large_as_is_said(size: int) -> None:
    random = np.random.default_rng(0)
    made = [object_size.scene(size, random) for _ in range(6)]
    kinds = set()
    for picture, labels in made:
        _, spots = cv2.connectedComponents((labels > 0).astype(np.uint8))
        for spot in range(1, spots.max() + 1):
            (kind,) = set(labels[spots == spot].tolist())
            kinds.add(kind)
            assert (spots == spot).sum() == pytest.approx(size**2, rel=0.25 if size < 12 else 0.1)
            assert abs(float(picture[spots == spot].mean()) - 160) < 12
    assert kinds == {1, 2}


def test_accuracy_by_size_is_counted_as_by_hand() -> None:
    labels = torch.zeros(5, 8, 8, dtype=torch.int64)
    labels[:, :4] = 1
    answers = labels.clone()
    answers[1, :2], answers[2, :4, :4], answers[2, 4:, :4] = 2, 0, 1
    found = object_size.by_size(lambda _: torch.nn.functional.one_hot(answers, 3).movedim(-1, 1).float(), [], labels)
    assert [matrix.sum() for matrix in found] == [64] * 5
    # Class 2 is in the second picture's answers alone, where its IoU is 0; else the mean is that of class 1.
    assert [object_size.overlap(matrix) for matrix in found] == pytest.approx([1, (16 / 32 + 0) / 2, 16 / 48, 1, 1])
    assert [object_size.kinds_right(matrix) for matrix in found] == pytest.approx([1, 0.5, 1, 1, 1])
    assert object_size.kinds_right(np.diag([9, 0, 0])) is None


@pytest.mark.slow
def test_residual() -> None:
    found = numbers("residual")
    residual, plain = found["residual"], found["plain"]
    assert found["paths"] == 32
    assert min(residual["whole"], plain["whole"]) > 0.8
    lost = [own["whole"] - np.mean(own["without_one"]) for own in (residual, plain)]
    assert lost[0] < lost[1] - 0.2
    assert len(residual["without_more"]) == 6
    assert residual["without_more"][0] == residual["whole"]


def test_templates() -> None:
    found = numbers("templates")
    assert found["linear"] > 0.85
    assert found["perceptron"] > 0.85
    assert min(found["correlation_with_the_mean"]) > 0.5


def test_roi_align() -> None:
    found = numbers("roi-align")
    # The map rises by 1 a row and 1.25 a column, so that a bilinear sample at (x, y) is (y - 0.5) + 1.25 (x - 0.5).
    by_hand = [sum((y - 0.5) + 1.25 * (x - 0.5) for x, y in own) / 4 for own in roi_align.samples()]
    assert found["aligned"] == pytest.approx(by_hand, abs=1e-5)
    assert found["pooled"] == [6.75, 10.5, 8.75, 12.5]  # columns 1 to 6, rows 2 to 5: maxima of the four quarters
    assert found["largest_jumps"][0] >= 1.25
    assert found["largest_jumps"][1] == pytest.approx(1.25 * 2 / 80, abs=1e-4)


def test_nms() -> None:
    found = numbers("nms")
    left = sorted(range(len(found["scores"])), key=lambda k: -found["scores"][k])
    for kept, removed, overlaps in zip(found["kept"], found["removed"], found["overlaps"], strict=True):
        assert kept == left[0]
        assert min(overlaps, default=1) > 0.5
        left = [k for k in left if k != kept and k not in removed]
    assert not left
    assert found["as_in_one_go"]


def test_anchors() -> None:
    found = numbers("anchors")
    assert found["anchors"] == 8 * 12 * 9
    for x0, y0, x1, y1 in found["around_origin"]:
        assert round((x1 - x0) * (y1 - y0)) in {64**2, 128**2, 256**2}
        assert round((y1 - y0) / (x1 - x0), 3) in {0.5, 1.0, 2.0}
    assert 0.7 < found["best_iou"] < 1
    assert found["positive"] + found["negative"] < found["anchors"]


def test_whitening() -> None:
    found = numbers("whitening")
    assert found["largest_mean"]["none"] > 0.5
    assert max(own for kind, own in found["largest_mean"].items() if kind not in ("none", "zscore")) < 1e-3
    assert found["off_diagonal"]["zscore"] > 0.3
    assert max(found["off_diagonal"]["pca"], found["off_diagonal"]["pca_whiten"]) < 1e-4
    assert 0.9 < found["largest_variance"]["pca_whiten"] <= 1


def test_pooling() -> None:
    found = numbers("pooling")
    assert found["block"] == {"average": 2.5, "max": 4.0}
    assert found["changes"]["none"][0] == 0
    assert max(found["changes"][name][1] for name in ("average", "max")) < found["changes"]["none"][1] / 3


def test_a_lesson_is_an_answer() -> None:
    own = lesson("nms")
    assert own.picture.dtype == np.uint8
    assert own.picture.shape[2] == 3
    assert own.to_dict()["numbers"]["kept"]
    assert "nms" in repr(own)
    assert own.note == ""
    assert own._repr_html_().count("<p>") == 3
    assert own._repr_html_().count("<img ") == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("lossses", {}), "There is no lesson 'lossses'"),
        (("losses", {"lang": "fr"}), "in en, zh, not in 'fr'"),
        (("losses", {"rho": 0.5}), "has no option 'rho'; it takes none"),
        (("optimizers", {"picture": None}), "it takes momentum, rho, betas, bias_correction"),
        (("optimizers", {"momentum": 2.0}), "momentum must be within"),
    ],
)
def test_what_is_refused(call: tuple[str, dict[str, Any]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        lesson(call[0], **call[1])
    with pytest.raises(InputError, match="album can be read"):
        answer.album(lang="fr")  # pyright: ignore[reportArgumentType]
