"""Search by words, and by pictures that are sent or indexed; and where two of them agree, or one shows words."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import DependencyError, InputError, PictureIndexError
from visus.images import shrink
from visus.search.query import Box, cut
from visus.search.reading import content_hash
from visus.server.asked import Asked
from visus.server.data_urls import data_url, scale
from visus.server.pictures import Pictures

_SHOWN = 512  # longest side of heat maps, in pixels


class Searching:
    """Search in the index that is served.

    Args:
        pictures: Of the index.
        most: Pixels of the largest picture that is decoded.
    """

    def __init__(self, pictures: Pictures, most: int) -> None:
        self._pictures, self._most = pictures, most

    def knows_words(self) -> bool:
        """Whether pictures can be searched by words."""
        try:
            self._pictures.index.words()
        except (InputError, DependencyError):
            return False
        return True

    def search(
        self,
        asked: Asked,
        also: Sequence[Asked] = (),
        unlike: Sequence[Asked] = (),
        *,
        words: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The hits for a picture, for words, or for both; ids are texts, since numbers of JavaScript have 53 bits only.

        Args:
            asked: The picture; of words alone none.
            also: Pictures that ask together with it.
            unlike: Pictures that hits are to be unlike.
            words: Words, or several with signs and weights; none of them names a file.
            options: Of :meth:`visus.Index.search`; ``region`` and ``by`` must be among them.

        Raises:
            InputError: There is no such picture, a word is not known, or an option cannot be.
            Missing: The picture is not in the index, or its file is no longer what was indexed.
            PictureIndexError: The index is gone or damaged.
            Busy: Too many pixels are being worked on.
        """
        index = self._pictures.index
        full = options["region"] or options["by"] != "embedding"
        verified = options.get("rerank") == "geometry"  # opens the files of hits, one after the other
        joined, avoided = ([self._small(own) for own in others] for others in (also, unlike))
        said = [words] if words else []
        with self._first(asked, words, None if full else self._pictures.least_side, whole=verified) as first:
            left = max(1, self._most - sum(own.shape[0] * own.shape[1] for own in first))
            try:
                hits = index.search([*first, *joined, *said], unlike=avoided, max_pixels=left, files=False, **options)
            except PictureIndexError as error:
                if options["by"] in index.descriptors:
                    raise
                raise InputError(str(error)) from error  # the index is sound, and does not have what was asked for
        rows = [{"id": str(hit.id), **hit.to_dict(), "name": os.path.basename(hit.path)} for hit in hits]
        for row in rows:
            if self._is_asked(row, asked):
                row["asked"] = True
        return {"hits": rows, "words": hits.words, "notes": hits.notes}

    @contextlib.contextmanager
    def _first(
        self, asked: Asked, words: str | None, min_side: int | None = None, *, whole: bool = False
    ) -> Iterator[list[NDArray[np.uint8]]]:
        """The picture that a request is about, where it is not about words alone; see :meth:`Pictures.picture`."""
        if words and asked.upload is None and asked.number is None:
            yield []
            return
        with self._pictures.picture(asked, min_side=min_side, whole=whole) as picture:
            yield [picture]

    def _small(self, asked: Asked) -> NDArray[np.uint8]:
        """A picture that is held beside another: shrunk, so that one large picture is held at a time."""
        with self._pictures.picture(asked, min_side=2 * _SHOWN) as picture:
            return shrink(picture, 2 * _SHOWN)

    def _is_asked(self, hit: dict[str, Any], asked: Asked) -> bool:
        """Whether a hit is the picture that asks: the same row, a copy of it, or the same bytes."""
        if asked.number is not None:
            copies = hit.get("copies", ())
            return str(asked.number) == hit["id"] or (
                bool(copies) and self._pictures.row(asked.number, "path")["path"] in copies
            )
        if asked.upload is None or len(asked.upload) != hit["size"]:
            return False
        return self._pictures.row(int(hit["id"]), "hash")["hash"] == content_hash(asked.upload)

    def why(self, asked: Asked, number: int, region: Box | None = None, words: str | None = None) -> dict[str, Any]:
        """Where a picture, or a part of it, and one of the index agree; or where the latter shows words.

        Args:
            asked: The picture.
            number: Id of the other in the index.
            region: x0, y0, x1, y1 in pixels of the part; None for the whole picture.
            words: That ask, alone or with the picture.

        Returns:
            The ``score``, ``query`` (null where words ask) and ``hit`` under their heat maps as data URLs, and the
            ``scale`` of these.

        Raises:
            Missing: The other is not in the index, or its file is no longer what was indexed.
            InputError: The region reaches beyond the picture, a word is not known, or the network does not pool by
                average.
            Busy: Too many pixels are being worked on.
        """
        hit = self._small(Asked(number=number))
        with self._first(asked, words) as first:
            parts = [cut(own, region) if region else own for own in first]
            found = self._pictures.index.why([*parts, words] if words else parts, hit, files=False)
            *query, shown = (data_url(own) for own in found.overlays(side=_SHOWN))
        return {"score": found.score, "query": query[0] if query else None, "hit": shown, "scale": scale()}
