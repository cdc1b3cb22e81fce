"""Preprocessing fitted on training pictures, beside scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tests.support.labeled import texture
from visus import InputError
from visus.data.preprocess import KINDS, fit
from visus.ops import Normalize


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    gray = np.stack([texture(k % 3, k, 8) for k in range(400)])
    color = np.stack([gray, gray[:, ::-1], np.roll(gray, 3, 2)], axis=1)
    return torch.from_numpy(color)


def _flat(x: torch.Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy()


def test_each_kind_does_what_it_says(pictures) -> None:
    x = pictures.double() / 255
    batches = pictures.split(64)
    assert torch.allclose(fit("none", batches)(pictures).double(), x)
    mean_picture = fit("mean_picture", batches)(pictures)
    assert torch.allclose(mean_picture.mean(0), torch.zeros(3, 8, 8), atol=1e-6)
    channel = fit("channel_mean", batches)(pictures)
    assert torch.allclose(channel.mean((0, 2, 3)), torch.zeros(3), atol=1e-6)
    assert torch.allclose(channel.std((0, 2, 3)), x.std((0, 2, 3)).float(), rtol=1e-3)
    scaled = fit("zscore", batches)(pictures)
    per_channel = x.permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    expected = StandardScaler().fit_transform(per_channel).reshape(400, 8, 8, 3).transpose(0, 3, 1, 2)
    assert np.abs(scaled.numpy() - expected).max() < 1e-4


def test_pca_decorrelates_and_whitening_gives_covariance_one(pictures) -> None:
    gray = pictures[:, :1]
    reference = PCA().fit(_flat(gray) / 255)
    rotated = _flat(fit("pca", gray.split(50))(gray))
    expected = reference.transform(_flat(gray) / 255)
    strong = reference.explained_variance_ > 1e-3
    assert np.abs(np.abs(rotated) - np.abs(expected))[:, strong].max() < 1e-3
    covariance = np.cov(rotated.T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-5
    for kind in ("pca_whiten", "zca_whiten"):
        white = _flat(fit(kind, gray.split(50), epsilon=1e-9)(gray))
        assert np.abs(np.cov(white.T, bias=True) - np.eye(64)).max() < 0.02
    zca = fit("zca_whiten", gray.split(50))
    assert zca.matrix is not None
    assert torch.allclose(zca.matrix, zca.matrix.T, atol=1e-4)  # so it turns nothing


def test_zca_stays_nearest_to_the_picture(pictures) -> None:
    gray = pictures[:, :1]
    zca, pca = (_flat(fit(kind, gray.split(50))(gray)) for kind in ("zca_whiten", "pca_whiten"))
    plain = _flat(gray) / 255 - _flat(gray).mean(0) / 255

    def agreement(x: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(x, plain, strict=True)]))

    assert agreement(zca) > 0.5 > agreement(pca)


def test_batches_do_not_matter(pictures) -> None:
    for kind in KINDS:
        if kind == "none":
            continue
        one, many = fit(kind, [pictures[:, :1]]), fit(kind, pictures[:, :1].split(7))
        assert torch.allclose(one.mean, many.mean, atol=1e-6)


def test_too_many_values_and_unknown_kinds() -> None:
    large = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    with pytest.raises(InputError, match="--size"):
        fit("zca_whiten", [large])
    with pytest.raises(InputError, match="one of"):
        fit("whiten", [large])  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="at least one"):
        fit("zscore", [])


def test_constant_pictures_do_not_divide_by_zero() -> None:
    flat = torch.full((4, 1, 6, 6), 128, dtype=torch.uint8)
    for kind in KINDS:
        assert torch.isfinite(fit(kind, [flat])(flat)).all()


def test_a_gray_network_takes_the_luma_of_color_pictures() -> None:
    normalize = Normalize(torch.zeros(1, 1, 1))
    x = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert normalize(x).item() == pytest.approx(0.299)
    same = torch.full((1, 3, 2, 2), 77, dtype=torch.uint8)
    assert torch.allclose(normalize(same), torch.full((1, 1, 2, 2), 77 / 255))


def test_state_goes_through_tensors(pictures) -> None:
    for kind in ("zscore", "zca_whiten"):
        before = fit(kind, [pictures[:, :1]])
        after = Normalize.from_tensors(before.state_dict())
        assert torch.equal(before(pictures[:, :1]), after(pictures[:, :1]))
