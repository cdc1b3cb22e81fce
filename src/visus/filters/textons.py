"""Textons: the few kinds of local structure that a texture is made of.

Leung and Malik (2001), IJCV 43(1), section 2: clusters of filter responses. Varma and Zisserman (2005), A Statistical
Approach to Texture Classification from Single Images, IJCV 62(1): a dictionary from some textons of each class,
pictures described by how often each occurs, and compared by chi-squared.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visus._errors import InputError
from visus._optional import require
from visus.filters.texture import FILTERS, Scales, gray_of, responses
from visus.images.check import one_of, whole
from visus.images.noise import generator

Floats = NDArray[np.float32]

_WEBER = 0.03  # Varma and Zisserman, section 3.1: responses are compressed as contrast is by the eye
_BLOCK = 1 << 15  # pixels that are compared with all textons at once
_SAMPLE = 1000  # pixels of each picture that take part in clustering


def pixel_descriptions(image: ArrayLike, *, scales: Scales = "small") -> Floats:
    """What each pixel's surroundings look like: Leung-Malik responses, free of the picture's brightness and contrast.

    As Varma and Zisserman (2005) do: the picture is brought to mean 0 and standard deviation 1, each filter's absolute
    values sum to 1, and the length L of each pixel's responses becomes log(1 + L / 0.03).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float; of a color picture its luma counts.
        scales: Scales of :func:`visus.filters.leung_malik`.

    Returns:
        ``(H, W, 48)`` float32.

    >>> bright, dim = pixel_descriptions(np.eye(8)), pixel_descriptions(0.2 + 0.5 * np.eye(8))
    >>> bright.shape, np.allclose(bright, dim, atol=1e-3)
    ((8, 8, 48), True)
    """
    gray = gray_of(image).astype(np.float64)
    deviation = gray.std()
    gray = (gray - gray.mean()) / (deviation if deviation > 1e-9 else 1)
    answers = np.ascontiguousarray(responses(gray, bank=scales))
    length = np.linalg.norm(answers, axis=2, keepdims=True)
    answers *= np.log1p(length / _WEBER) / np.maximum(length, np.finfo(np.float32).tiny)
    return answers


def learn_textons(
    images: Sequence[ArrayLike], count: int, *, scales: Scales = "small", seed: int | None = None
) -> Floats:
    """Find the textons of some pictures: the centers of clusters of their pixels' descriptions.

    Leung and Malik (2001), section 2; clustered by k-means. Of each picture at most 1000 pixels take part.

    Args:
        images: Pictures ``(H, W)`` or ``(H, W, C)`` of any sizes: uint8, uint16, bool or float.
        count: How many textons.
        scales: Scales of the filters.
        seed: Repeats the same choice of pixels and clusters.

    Returns:
        ``(count, 48)`` float32.

    Raises:
        InputError: There are no pictures, fewer pixels take part than there are textons, or an option cannot be used.
        DependencyError: scikit-learn, which clusters, is not installed.
    """
    cluster = require("sklearn.cluster")
    if not len(images):
        raise InputError("Textons are learned from pictures; give at least one.")
    draw = generator(seed)
    parts = []
    for image in images:
        pixels = pixel_descriptions(image, scales=scales).reshape(-1, FILTERS)
        parts.append(pixels[draw.choice(len(pixels), min(_SAMPLE, len(pixels)), replace=False)])
    sample = np.concatenate(parts)
    if len(sample) < whole("count", count):
        raise InputError(f"{count} textons need as many pixels, and there are {len(sample)}; give more pictures.")
    state = int(draw.integers(2**31))
    return (
        cluster.KMeans(count, n_init="auto", max_iter=100, random_state=state)
        .fit(sample)
        .cluster_centers_.astype(np.float32)
    )


def texton_map(image: ArrayLike, textons: ArrayLike, *, scales: Scales = "small") -> NDArray[np.intp]:
    """Which texton each pixel is nearest to (Leung and Malik 2001, section 2).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float.
        textons: ``(K, 48)``.
        scales: Scales that the textons were learned with.

    Returns:
        ``(H, W)`` of integers in [0, K).

    Raises:
        InputError: The picture or the textons cannot be used.

    >>> words = pixel_descriptions(np.eye(8))[0, [0, 7]]  # of two corners
    >>> texton_map(np.eye(8), words)[0, [0, 7]].tolist()
    [0, 1]
    """
    centers = _dictionary(textons)
    pixels = pixel_descriptions(image, scales=scales)
    flat = pixels.reshape(-1, pixels.shape[2])
    # |p - c|^2 is least where p.c - |c|^2 / 2 is greatest
    bias = 0.5 * (centers**2).sum(axis=1)
    nearest = [
        (flat[start : start + _BLOCK] @ centers.T - bias).argmax(axis=1) for start in range(0, len(flat), _BLOCK)
    ]
    return np.concatenate(nearest).reshape(pixels.shape[:2])


def texton_histogram(image: ArrayLike, textons: ArrayLike, *, scales: Scales = "small") -> Floats:
    """How often each texton occurs in a picture (Varma and Zisserman 2005).

    Args:
        image: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float.
        textons: ``(K, 48)``.
        scales: Scales that the textons were learned with.

    Returns:
        ``(K,)`` float32 that sums to 1.

    Raises:
        InputError: The picture or the textons cannot be used.

    >>> shares = texton_histogram(np.eye(8), pixel_descriptions(np.eye(8))[0])
    >>> shares.shape, round(float(shares.sum()), 3)
    ((8,), 1.0)
    """
    places = texton_map(image, textons, scales=scales)
    counts = np.bincount(places.ravel(), minlength=len(_dictionary(textons)))
    return (counts / places.size).astype(np.float32)


def _dictionary(textons: ArrayLike) -> Floats:
    try:
        centers = np.asarray(textons, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"Textons must be numbers of the shape (K, 48) ({error}); see learn_textons.") from error
    if centers.ndim != 2 or centers.shape[1] != FILTERS or not len(centers) or not np.isfinite(centers).all():
        raise InputError(
            f"Textons must be finite numbers of the shape (K, 48), not {centers.shape}; see learn_textons."
        )
    return centers


def chi_squared(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Distances of histograms: the sum of (a - b)^2 / (a + b), halved; 0 for equal ones and 1 for disjoint ones.

    Varma and Zisserman (2005) compare texton histograms this way.

    Args:
        one: ``(N, K)``, each row summing to 1.
        other: ``(M, K)``, likewise.

    Returns:
        ``(N, M)`` float64 in [0, 1].

    Raises:
        InputError: The histograms have different numbers of bins.

    >>> chi_squared([[1, 0]], [[1, 0], [0, 1]]).tolist()
    [[0.0, 1.0]]
    """
    a, b = np.atleast_2d(np.asarray(one, np.float64)), np.atleast_2d(np.asarray(other, np.float64))
    if a.shape[1] != b.shape[1]:
        raise InputError(f"Histograms must have the same number of bins, not {a.shape[1]} and {b.shape[1]}.")
    total = a[:, None] + b
    return 0.5 * np.divide((a[:, None] - b) ** 2, total, out=np.zeros_like(total), where=total > 0).sum(axis=2)


class TextureClassifier:
    """Tells textures apart by their texton histograms.

    Args:
        method: ``"nearest"``: the class of the training picture with the least chi-squared distance (Varma and
            Zisserman 2005); ``"svm"``: a linear support vector machine on the square roots of the histograms.
        textons: How many textons each class gives to the dictionary.
        scales: Scales of the filters.
        seed: Repeats the same result.
    """

    def __init__(
        self,
        *,
        method: Literal["nearest", "svm"] = "svm",
        textons: int = 40,
        scales: Scales = "small",
        seed: int | None = 0,
    ) -> None:
        one_of("method", method, ("nearest", "svm"))
        one_of("scales", scales, ("small", "large"))
        self.method = method
        self.textons_per_class = whole("textons", textons)
        self.scales: Scales = scales
        self.seed = seed
        self.textons: Floats | None = None

    def fit(self, images: Sequence[ArrayLike], labels: Sequence[str]) -> "TextureClassifier":
        """Learn the dictionary and the classes.

        Args:
            images: Pictures ``(H, W)`` or ``(H, W, C)`` of any sizes: uint8, uint16, bool or float.
            labels: The class of each.

        Returns:
            The classifier itself.

        Raises:
            InputError: There are not as many labels as pictures, fewer than two classes, or too few pixels in a class.
            DependencyError: scikit-learn, which clusters and learns the SVM, is not installed.
        """
        if len(images) != len(labels):
            raise InputError(f"Each picture needs a label: there are {len(images)} pictures and {len(labels)} labels.")
        classes = sorted(set(labels))
        if len(classes) < 2:
            raise InputError(f"Textures are told apart from two classes on, not {len(classes)}.")
        of_class = {name: [i for i, label in enumerate(labels) if label == name] for name in classes}
        self.textons = np.concatenate(
            [
                learn_textons(
                    [images[i] for i in of_class[name]], self.textons_per_class, scales=self.scales, seed=self.seed
                )
                for name in classes
            ]
        )
        self._fit_histograms(self.histograms(images), np.array(labels))
        return self

    def _fit_histograms(self, histograms: Floats, labels: NDArray[np.str_]) -> None:
        self._known, self._labels = histograms, labels
        if self.method == "svm":
            # The root makes the linear kernel the Bhattacharyya coefficient (Vedaldi and Zisserman 2012).
            self._machine = (
                require("sklearn.svm")
                .LinearSVC(C=100, random_state=self.seed, max_iter=10_000)
                .fit(np.sqrt(histograms), labels)
            )

    def histograms(self, images: Sequence[ArrayLike]) -> Floats:
        """How often each texton of the dictionary occurs in each picture.

        Args:
            images: N pictures ``(H, W)`` or ``(H, W, C)`` of any sizes, at least one: uint8, uint16, bool or float.

        Returns:
            ``(N, K)`` float32, each row summing to 1.

        Raises:
            InputError: The classifier has not learned yet, or a picture cannot be used.
        """
        if self.textons is None:
            raise InputError("The classifier has not learned yet; call fit first.")
        if not len(images):
            raise InputError("There is no picture; give at least one.")
        return np.stack([texton_histogram(image, self.textons, scales=self.scales) for image in images])

    def predict(self, images: Sequence[ArrayLike]) -> list[str]:
        """The class of each picture.

        Args:
            images: Pictures ``(H, W)`` or ``(H, W, C)`` of any sizes, at least one: uint8, uint16, bool or float.

        Returns:
            A label for each.

        Raises:
            InputError: The classifier has not learned yet, or a picture cannot be used.
        """
        return self._predict_histograms(self.histograms(images))

    def _predict_histograms(self, histograms: Floats) -> list[str]:
        if self.method == "svm":
            return [str(label) for label in self._machine.predict(np.sqrt(histograms))]
        return [str(self._labels[i]) for i in chi_squared(histograms, self._known).argmin(axis=1)]
