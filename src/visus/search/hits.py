"""What a search answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import decode
from visus.images.result import Result

if TYPE_CHECKING:
    from visus.search.why import Why
    from visus.search.words.why import WordWhy


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture of an answer.

    Attributes:
        id: Number of the picture in the index.
        path: Absolute path of the file.
        score: Of a single word the probability that the picture shows it. Otherwise the similarity in [-1, 1]: the
            cosine of the picture and the vector that asks, which is the query's own, or with several queries,
            ``unlike`` or query expansion a mixture; as they lie around the mean of the index, see
            :mod:`visus.search.space`.
        cosine: The same without taking the mean away: what two pictures have in common with each other and with all.
        width: Width in pixels.
        height: Height in pixels.
        size: Bytes of the file.
        note: What re-ranking has to say, or an empty text.
        copies: Absolute paths of further files with the same content.
        missing: The file was not there when the search was made.
    """

    id: int
    path: str
    score: float
    cosine: float
    width: int
    height: int
    size: int
    note: str
    copies: tuple[str, ...]
    missing: bool
    _answer: "Hits"

    def thumbnail(self) -> NDArray[np.uint8]:
        """The small picture ``(h, w, 3)`` uint8 that the index keeps.

        Raises:
            InputError: The picture has left the index meanwhile.
        """
        return self._answer.thumbnails([self])[0]

    def why(self) -> "Why | WordWhy":
        """Where query and hit agree: two heat maps that add up to the score. For words, where the hit shows them.

        Raises:
            InputError: The query was neither words nor one single picture alone, or the network does not pool by
                average.
        """
        return self._answer.explain(self)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "path": self.path,
            "score": round(self.score, 6),
            "cosine": round(self.cosine, 6),
            "width": self.width,
            "height": self.height,
            "size": self.size,
            **({"note": self.note} if self.note else {}),
            **({"copies": list(self.copies)} if self.copies else {}),
            **({"missing": True} if self.missing else {}),
        }


class Hits(Result):
    """The answer of a search: hits, best first.

    Args:
        rows: For each hit: id, path, score, cosine, width, height, size, and perhaps note, copies and missing.
        queries: The query pictures, for the contact sheet.
        thumbnails: Gives the small pictures (JPEG) of hits by their id.
        explain: Explains a hit.
        words: How each word of the query is understood: ``word``, ``weight``, ``kinds`` (how many) and ``such_as``.
        notes: Sentences on what words mean here, and on what was left out or found damaged.
    """

    def __init__(
        self,
        rows: list[dict[str, Any]],
        *,
        queries: list[NDArray[np.uint8]],
        thumbnails: Callable[[list[int]], dict[int, bytes]],
        explain: Callable[[Hit], "Why | WordWhy"],
        words: Sequence[dict[str, Any]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.words = list(words)
        self.notes = list(notes)
        self._hits = [
            Hit(
                row["id"],
                row["path"],
                row["score"],
                row["cosine"],
                row["width"],
                row["height"],
                row["size"],
                row.get("note", ""),
                tuple(row.get("copies", ())),
                row.get("missing", False),
                self,
            )
            for row in rows
        ]
        self._queries = queries
        self._thumbnails = thumbnails
        self.explain = explain

    def __len__(self) -> int:
        return len(self._hits)

    def __getitem__(self, position: int) -> Hit:
        return self._hits[position]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self._hits)

    def __repr__(self) -> str:
        best = f", best {self._hits[0].score:.4f} {self._hits[0].path}" if self._hits else ""
        return f"Hits({len(self)}{best})"

    @property
    def paths(self) -> list[str]:
        """Absolute paths, best first."""
        return [hit.path for hit in self._hits]

    @property
    def scores(self) -> list[float]:
        """Similarities in [-1, 1], falling unless the answer was re-ranked."""
        return [hit.score for hit in self._hits]

    def thumbnails(self, hits: list[Hit]) -> list[NDArray[np.uint8]]:
        """The small pictures of some hits, each ``(h, w, 3)`` uint8.

        Raises:
            InputError: One of them has left the index meanwhile.
        """
        found = self._thumbnails([hit.id for hit in hits])
        missing = [hit.path for hit in hits if hit.id not in found]
        if missing:
            raise InputError(f"{missing[0]} has left the index meanwhile; search again.")
        return [decode(found[hit.id], name=hit.path).pixels for hit in hits]

    def sheet(self, *, columns: int = 5, tile: int = 200) -> NDArray[np.uint8]:
        """A contact sheet ``(H, W, 3)`` uint8: the queries with a red frame, then the hits with scores.

        Args:
            columns: Pictures in a row, at least 1.
            tile: Side of a tile in pixels, at least 16.

        Raises:
            InputError: A hit has left the index meanwhile, or ``columns`` or ``tile`` is too small.
        """
        from visus.images import draw

        pictures = [*self._queries, *self.thumbnails(self._hits)]
        captions = ["query"] * len(self._queries)
        captions += [_caption(hit) for hit in self._hits]
        return draw.contact_sheet(pictures, captions, columns=columns, tile=tile, marked=range(len(self._queries)))

    def drawn(self) -> NDArray[np.uint8] | None:
        """The contact sheet, ``(H, W, 3)`` uint8; None where nothing was found."""
        return self.sheet() if self._hits else None

    def rows(self) -> list[dict[str, Any]]:
        """One row a hit, best first."""
        return [hit.to_dict() for hit in self._hits]

    def to_dict(self) -> dict[str, Any]:
        """The hits as plain values for JSON, best first."""
        told = {"words": self.words, "notes": self.notes}
        return {"hits": self.rows(), **{name: own for name, own in told.items() if own}}


def _caption(hit: Hit) -> str:
    path = Path(hit.path)
    return f"{hit.score:.3f}  {'MISSING ' if hit.missing else ''}{path.parent.name}/{path.name}"
