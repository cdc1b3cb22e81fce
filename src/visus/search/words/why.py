"""Why a picture is a hit for words: which of its places speak for what they name.

The vector of a picture is the mean of its feature map over the positions, v = mean_p f(p). So a class's logit,
w . v + b, is a sum over positions (Zhou et al., "Learning deep features for discriminative localization", CVPR 2016,
eq. 2):

    w . v = sum_p  f(p) . w / P

A word's weights are those of its kinds, each as likely as the network holds it for this picture, less the mean of all
classes: what speaks for every class speaks for none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visus.images import draw
from visus.search.describe import Describing, Floats, unit
from visus.search.queries import Joined, Named, Query
from visus.search.space import Space
from visus.search.why import contributions, scaled

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class WordWhy:
    """Where a picture shows what words name.

    Attributes:
        text: The words.
        hit: The picture ``(H, W, 3)`` uint8.
        hit_map: ``(h, w)`` float32: what each position speaks for the words. Of a single word its sum is how far the
            logit of its kinds lies above the mean of all classes, biases aside; of a mixed query the score, and of one
            with several things to be found the mean of their cosines, in which those count most that the picture lacks.
        score: Of the hit.
    """

    text: str
    hit: Pixels
    hit_map: Floats
    score: float

    def overlays(self, *, side: int = 360) -> list[Pixels]:
        """The picture with its heat map, ``(H, W, 3)`` uint8."""
        return [draw.overlay(draw.fit(self.hit, side), scaled(self.hit_map))]

    def picture(self, *, side: int = 360) -> Pixels:
        """The picture, and beside it the same with its heat map: ``(H, W, 3)`` uint8."""
        captions = ["hit", f"where it shows: {self.text}"]
        tiles = [draw.fit(self.hit, side), *self.overlays(side=side)]
        return draw.contact_sheet(tiles, captions, columns=2, tile=side, title=f"score {self.score:.4f}")


def explain(describing: Describing, query: Query, text: str, hit: Pixels, space: Space) -> WordWhy:
    """Explain a hit for words, or for words and pictures.

    Args:
        describing: What described the pictures.
        query: What asked.
        text: The words, for people.
        hit: ``(H, W, 3)`` uint8.
        space: In which vectors are compared.

    Raises:
        InputError: The network does not pool its last map by average.
    """
    found = describing.maps(hit)
    found = found / max(float(np.linalg.norm(found.mean(axis=(0, 1)))), 1e-12)
    vector = found.mean(axis=(0, 1))
    if isinstance(query, Named):
        heat = (found @ _weights(query, vector)) / np.float32(found.shape[0] * found.shape[1])
        return WordWhy(text, hit, heat.astype(np.float32), float(query.scores(vector[None], space)[0]))
    moved = space.moved(found)
    direction = query.asked(unit(moved.mean(axis=(0, 1)))) if isinstance(query, Joined) else query.moved
    score = float(query.scores(vector[None], space)[0])
    return WordWhy(text, hit, contributions(moved, direction), score)


def _weights(query: Named, vector: Floats) -> Floats:
    """The weights ``(D,)`` of a word's kinds for a vector of length 1, less the mean of all classes."""
    layer, kinds = query.layer, list(query.kinds)
    logits = layer.logits(vector[None])[0, kinds]
    likely = np.exp(logits - logits.max())
    return layer.length * ((likely / likely.sum()) @ layer.weight[kinds] - layer.weight.mean(axis=0))
