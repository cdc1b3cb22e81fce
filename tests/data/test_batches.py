"""What a network sees, and in which order."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.labeled import folder_of_classes, idx_folder
from visus import read
from visus.data import Augmentation, Batches, Features, Order, load, loader
from visus.images import square


@pytest.fixture
def data(tmp_path: Path):
    return load(folder_of_classes(tmp_path / "d", 20, side=40))


@pytest.fixture
def digits(tmp_path: Path):
    return load(idx_folder(tmp_path / "i"))


def test_a_plain_picture_is_the_file_cut_square(data) -> None:
    pictures = data.splits["train"]
    own = Batches(pictures, 24, 30)
    tensor, label = own[0, 5]
    expected = square(read(pictures.files[5]), size=24, resize_to=30)
    assert (tensor.permute(1, 2, 0).numpy() == expected).all()
    assert label == pictures.labels[5]


def test_pictures_in_memory_come_in_whole_batches_and_are_the_same(digits) -> None:
    pictures = digits.splits["train"]
    for gray in (True, False):
        own = Batches(pictures, 12, gray=gray)
        x, labels = next(iter(loader(own, pictures.labels, batch_size=32)))
        assert x.shape[1:] == (1 if gray else 3, 12, 12)
        assert x.dtype == torch.uint8
        singles = torch.stack([own[0, k][0] for k in range(32)])
        assert torch.equal(x, singles)
        assert labels.tolist() == pictures.labels[:32].tolist()
    bigger = next(iter(loader(Batches(pictures, 20), pictures.labels, batch_size=8)))[0]
    assert bigger.shape == (8, 3, 20, 20)


def test_the_margin_is_cut_off_from_pictures_in_memory_too(digits) -> None:
    own = Batches(digits.splits["train"], 12, 14)
    x, _ = next(iter(loader(own, own.pictures.labels, batch_size=4)))
    assert torch.equal(x[1], own.tensor(1))


def test_an_error_of_a_reading_process_is_one_sentence(data) -> None:
    from visus import InputError
    from visus.data import plain_errors

    pictures = data.splits["train"]
    Path(pictures.files[0]).unlink()
    with pytest.raises(InputError) as raised, plain_errors():
        list(loader(Batches(pictures, 16), pictures.labels, batch_size=4, workers=1))
    assert str(raised.value).startswith(pictures.files[0])
    assert "\n" not in str(raised.value)


def test_color_pictures_become_luma(data) -> None:
    pictures = data.splits["train"]
    gray = Batches(pictures, 40, gray=True).tensor(0).float()
    red, green, blue = Batches(pictures, 40).tensor(0).float()
    assert torch.allclose(gray[0], 0.299 * red + 0.587 * green + 0.114 * blue, atol=1.0)


@pytest.mark.parametrize("strength", ["light", "strong"])
@pytest.mark.parametrize("gray", [True, False])
def test_augmentation_depends_on_seed_epoch_and_place_alone(data, strength, gray) -> None:
    own = Batches(data.splits["train"], 24, gray=gray, augmentation=Augmentation(strength), seed=1)
    state = torch.get_rng_state()
    first = own[0, 3][0]
    assert first.shape == (1 if gray else 3, 24, 24)
    assert torch.equal(torch.get_rng_state(), state)
    own[0, 4]
    assert torch.equal(own[0, 3][0], first)
    assert not torch.equal(own[1, 3][0], first)
    other = Batches(data.splits["train"], 24, gray=gray, augmentation=Augmentation(strength), seed=2)
    assert not torch.equal(other[0, 3][0], first)


def test_without_flip_an_asymmetric_picture_is_never_mirrored(tmp_path: Path) -> None:
    from visus.data import Pictures

    left = np.zeros((1, 32, 32, 3), np.uint8)
    left[:, :, :8] = 255  # bright on the left
    pictures = Pictures(np.zeros(1, np.int64), arrays=left)

    def sides(flip: bool) -> set[bool]:
        own = Batches(pictures, 32, augmentation=Augmentation("light", flip))
        means = [own[epoch, 0][0].float().mean((0, 1)) for epoch in range(40)]
        return {bool(mean[:6].mean() > mean[-6:].mean()) for mean in means if abs(mean[0] - mean[-1]) > 60}

    assert sides(False) == {True}
    assert sides(True) == {True, False}


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_do_not_depend_on_the_number_of_workers(data, workers) -> None:
    pictures = data.splits["train"]
    own = Batches(pictures, 16, augmentation=Augmentation("light"), seed=5)

    def epochs(workers: int) -> list[torch.Tensor]:
        reading = loader(own, pictures.labels, batch_size=16, shuffle=True, seed=5, workers=workers)
        batches = []
        for epoch in range(2):
            reading.sampler.set_epoch(epoch)  # pyright: ignore[reportAttributeAccessIssue]
            batches += [x for x, _ in reading]
        return batches

    assert all(torch.equal(a, b) for a, b in zip(epochs(0), epochs(workers), strict=True))


def test_order_is_a_permutation_that_changes_with_the_epoch() -> None:
    labels = np.arange(50) % 3
    order = Order(labels, shuffle=True, seed=1)
    first = [place for _, place in order]
    order.set_epoch(1)
    second = list(order)
    assert sorted(first) == sorted(p for _, p in second) == list(range(50))
    assert first != [p for _, p in second]
    assert {epoch for epoch, _ in second} == {1}
    assert [p for _, p in Order(labels, shuffle=False)] == list(range(50))


def test_balanced_sampling_shows_every_class_as_often() -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    drawn = labels[[place for _, place in Order(labels, shuffle=True, balanced=True, seed=0)]]
    assert np.bincount(drawn).min() > 280


def test_a_last_batch_of_one_is_left_out_in_training_only() -> None:
    labels = np.zeros(9, np.int64)
    features = Features(torch.arange(18.0).view(9, 2), labels)
    assert [len(x) for x, _ in loader(features, labels, batch_size=4, shuffle=True)] == [4, 4]
    assert [len(x) for x, _ in loader(features, labels, batch_size=4)] == [4, 4, 1]
    assert [len(x) for x, _ in loader(features, labels, batch_size=9, shuffle=True)] == [9]
    x, _ = features[0, 3]
    assert x.tolist() == [6.0, 7.0]
