"""Why two pictures are alike: which places of each make up the similarity.

The vector of a picture is the mean of its feature map over the positions p, v = mean_p f(p). So the cosine of a
picture a with any direction u of length 1 is a sum over positions (Zhou et al., "Learning deep features for
discriminative localization", CVPR 2016, eq. 2, with u in place of a class's weights):

    cos(a, u) = sum_p  f_a(p) . u / (P |v_a|)

Each summand is what its position contributes. Both maps add up to the score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.images import draw
from visus.search.describe import Describing, Floats, unit
from visus.search.space import PLAIN, Space

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Why:
    """Where two pictures agree.

    Attributes:
        query: The query picture ``(H, W, 3)`` uint8.
        hit: The hit ``(H, W, 3)`` uint8.
        query_map: ``(h, w)`` float32: what each position of the query contributes to the score.
        hit_map: ``(h, w)`` float32: what each position of the hit contributes to the score.
        score: Similarity in [-1, 1], the sum of each map.
    """

    query: Pixels
    hit: Pixels
    query_map: Floats
    hit_map: Floats
    score: float

    def overlays(self, *, side: int = 360) -> list[Pixels]:
        """Query and hit with their heat maps, each ``(H, W, 3)`` uint8."""
        pairs = ((self.query, self.query_map), (self.hit, self.hit_map))
        return [draw.overlay(draw.fit(picture, side), scaled(heat)) for picture, heat in pairs]

    def picture(self, *, side: int = 360) -> Pixels:
        """Both pictures above, both with their heat maps below: ``(H, W, 3)`` uint8."""
        small = [draw.fit(self.query, side), draw.fit(self.hit, side)]
        heated = self.overlays(side=side)
        captions = [
            "query",
            "hit",
            "where the query agrees with the hit",
            "where the hit agrees with the query",
        ]
        title = f"similarity {self.score:.4f} = the sum of each map"
        return draw.contact_sheet([*small, *heated], captions, columns=2, tile=side, title=title)


def scaled(contributions: Floats) -> Floats:
    """Contributions in [0, 1] for drawing; negative ones, which speak against, are dark."""
    positive = np.maximum(contributions, 0)
    return (positive / max(float(positive.max()), 1e-12)).astype(np.float32)


def contributions(feature_map: NDArray[np.floating], direction: Floats) -> Floats:
    """What each position contributes to the cosine of a picture with a direction.

    Args:
        feature_map: ``(h, w, D)`` float.
        direction: ``(D,)`` float32 of length 1.

    Returns:
        ``(h, w)`` float32; its sum is the cosine.
    """
    positions = feature_map.shape[0] * feature_map.shape[1]
    length = np.linalg.norm(feature_map.mean(axis=(0, 1)))
    return (feature_map @ direction / (positions * max(float(length), 1e-12))).astype(np.float32)


def explain(embedder: Describing, query: Pixels, hit: Pixels, space: Space = PLAIN) -> Why:
    """Explain the similarity of two pictures.

    Args:
        embedder: What described them.
        query: ``(H, W, 3)`` uint8.
        hit: ``(H, W, 3)`` uint8.
        space: In which their vectors are compared.

    Raises:
        InputError: The network does not pool its last map by average.
    """
    maps = [embedder.maps(query), embedder.maps(hit)]
    # A space moves the vector scaled to length 1 by a linear map, which may be applied to each position.
    maps = [space.moved(m / max(float(np.linalg.norm(m.mean(axis=(0, 1)))), 1e-12)) for m in maps]
    directions = [unit(m.mean(axis=(0, 1))) for m in maps]
    query_map = contributions(maps[0], directions[1])
    hit_map = contributions(maps[1], directions[0])
    return Why(query, hit, query_map, hit_map, float(directions[0] @ directions[1]))
