"""What a network takes for alike: nearest neighbors in its last hidden layer, and a map of all pictures.

Krizhevsky, Sutskever and Hinton, NIPS 2012, section 6.1 and figure 4: pictures whose features in the last hidden layer
have a small distance are alike to the network. A linear classifier behind that layer answers by its templates; the
neighbors of a picture show which pictures it would answer alike.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus._renamed import renamed
from visus.explain.subject import Picture, Subject, asking
from visus.explain.subjects import open_classifier
from visus.images import draw

Layout = Literal["pca", "tsne"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_AT_A_TIME = 32
_THUMBNAIL = 40
_PERPLEXITY = 30.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Features:
    """Pictures and their features in the last hidden layer (Krizhevsky et al. 2012, section 6.1).

    Attributes:
        values: ``(N, dimension)`` float32.
        names: What the network takes each for.
        thumbnails: ``(N, s, s, 3)`` uint8.
    """

    values: NDArray[np.float32]
    names: list[str]
    thumbnails: NDArray[np.uint8]

    def layout(self, how: Layout = "tsne", *, seed: int = 0) -> NDArray[np.float32]:
        """A point of the unit square for each picture, ``(N, 2)`` float32: alike pictures lie near each other.

        Args:
            how: ``"pca"`` (the two directions of the largest variance) or ``"tsne"`` (van der Maaten and Hinton 2008).
            seed: Of t-SNE.

        Raises:
            InputError: There is no such layout, or there are fewer than three pictures.
        """
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE

        if how not in LAYOUTS or len(self.values) < 3:
            raise InputError(
                f"A map takes at least 3 pictures and one of {', '.join(LAYOUTS)}, not {len(self.values)} and {how!r}."
            )
        if how == "pca":
            points = PCA(2, random_state=seed).fit_transform(self.values)
        else:
            perplexity = min(_PERPLEXITY, (len(self.values) - 1) / 3)
            points = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(self.values)
        low, high = points.min(0), points.max(0)
        return ((points - low) / np.maximum(high - low, 1e-12)).astype(np.float32)

    def map(self, how: Layout = "tsne", *, side: int = 1000, seed: int = 0) -> NDArray[np.uint8]:
        """The thumbnails, each at its point, ``(side, side, 3)`` uint8.

        Raises:
            InputError: There is no such layout, or there are fewer than three pictures.
        """
        points = self.layout(how, seed=seed)
        size = self.thumbnails.shape[1]
        sheet = np.full((side, side, 3), 255, np.uint8)
        corners = np.rint(points * (side - size)).astype(int)
        for (x, y), own in zip(corners.tolist(), self.thumbnails, strict=True):
            sheet[y : y + size, x : x + size] = own
        return sheet


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The pictures that are alike to a network, the nearest first (Krizhevsky et al. 2012, section 6.1, figure 4).

    Attributes:
        picture: The one that was asked about, as a thumbnail ``(s, s, 3)`` uint8.
        name: What the network takes it for.
        places: Positions of the neighbors among all pictures.
        distances: Their distances, of features with length 1: from 0 to 2.
        names: What the network takes them for.
        thumbnails: ``(k, s, s, 3)`` uint8.
    """

    picture: NDArray[np.uint8]
    name: str
    places: list[int]
    distances: list[float]
    names: list[str]
    thumbnails: NDArray[np.uint8]

    def sheet(self) -> NDArray[np.uint8]:
        """The picture, framed, and its neighbors, ``(H, W, 3)`` uint8."""
        captions = [self.name, *(f"{d:.3f} {n}" for n, d in zip(self.names, self.distances, strict=True))]
        return draw.contact_sheet([self.picture, *self.thumbnails], captions, columns=5, tile=150, marked=[0])


def features_of(
    source: str | os.PathLike[str] | Subject,
    pictures: Sequence[Picture],
    *,
    thumbnail: int = _THUMBNAIL,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Features:
    """The features of pictures in the last hidden layer (Krizhevsky et al. 2012, section 6.1).

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        pictures: Files, or arrays ``(H, W, 3)`` uint8.
        thumbnail: Side of the thumbnails in pixels.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There are no pictures, or one cannot be read.

    >>> from visus import explain, nets, ops
    >>> net, normalize = nets.create("cnn", classes=2, widths=[4, 6]), ops.Normalize.of_channels([0.5] * 3, [0.25] * 3)
    >>> subject = explain.Classifier("mine", net, normalize, ("cat", "dog"), size=8, resize_to=8)
    >>> features_of(subject, [np.zeros((8, 8, 3), np.uint8)] * 3).values.shape
    (3, 6)
    """
    subject = open_classifier(source, device=device)
    if not len(pictures):
        raise InputError("There are no pictures; name some.")
    values, names, small = [], [], []
    for start in range(0, len(pictures), _AT_A_TIME):
        part = pictures[start : start + _AT_A_TIME]
        x = torch.cat([subject.input_of(own) for own in part]).to(subject.device)
        with torch.inference_mode(), asking(subject):
            features = subject.embed(x)
            answers = subject.backbone.head(features).argmax(1).tolist()
        values.append(features.cpu().numpy())
        names += [subject.classes[k] for k in answers]
        shrunk = torch.nn.functional.interpolate(x, (thumbnail, thumbnail), mode="bilinear", antialias=True)
        small.append((255 * shrunk).round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy())
        if progress:
            progress(start + len(part), len(pictures))
    return Features(np.concatenate(values), names, np.concatenate(small))


def neighbors(
    source: str | os.PathLike[str] | Subject,
    picture: Picture,
    pictures: Sequence[Picture],
    *,
    k: int = 9,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Neighbors:
    """The pictures that a network takes for most alike to another one (Krizhevsky et al. 2012, section 6.1, figure 4).

    Args:
        source: See :func:`features_of`.
        picture: The one that is asked about.
        pictures: Those among which its neighbors are looked for.
        k: How many.
        device: Where it works.
        progress: Told how many pictures are done, of how many.

    Raises:
        InputError: There are no pictures, one cannot be read, or ``k`` is below 1.
    """
    subject = open_classifier(source, device=device)
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}.")
    own = features_of(subject, [picture], thumbnail=150)
    others = features_of(subject, pictures, thumbnail=1, progress=progress)
    first, rest = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (own.values, others.values))
    distances = np.linalg.norm(rest - first, axis=1)
    order = np.argsort(distances, kind="stable")[:k].tolist()
    return Neighbors(
        own.thumbnails[0],
        own.names[0],
        order,
        [float(distances[place]) for place in order],
        [others.names[place] for place in order],
        features_of(subject, [pictures[place] for place in order], thumbnail=150).thumbnails,
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
