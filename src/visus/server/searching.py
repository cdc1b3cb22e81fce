"""Search by pictures that are sent or indexed, and where two of them agree."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError, PictureIndexError
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

    def search(
        self, asked: Asked, also: Sequence[Asked] = (), unlike: Sequence[Asked] = (), **options: Any
    ) -> dict[str, Any]:
        """The hits for a picture; ids are texts, since numbers of JavaScript have 53 bits only.

        Args:
            asked: The picture.
            also: Pictures that ask together with it.
            unlike: Pictures that hits are to be unlike.
            options: Of :meth:`visus.Index.search`; ``region`` and ``by`` must be among them.

        Raises:
            InputError: There is no such picture, or an option cannot be.
            Missing: The picture is not in the index, or its file is no longer what was indexed.
            PictureIndexError: The index is gone or damaged.
            Busy: Too many pixels are being worked on.
        """
        index = self._pictures.index
        full = options["region"] or options["by"] != "embedding"
        verified = options.get("rerank") == "geometry"  # opens the files of hits, one after the other
        joined, avoided = ([self._small(own) for own in others] for others in (also, unlike))
        with self._pictures.picture(
            asked, min_side=None if full else self._pictures.least_side, whole=verified
        ) as picture:
            left = max(1, self._most - picture.shape[0] * picture.shape[1])
            try:
                hits = index.search([picture, *joined], unlike=avoided, max_pixels=left, **options)
            except PictureIndexError as error:
                if options["by"] in index.descriptors:
                    raise
                raise InputError(str(error)) from error  # the index is sound, and does not have what was asked for
        rows = [{"id": str(hit.id), **hit.to_dict(), "name": os.path.basename(hit.path)} for hit in hits]
        for row in rows:
            if self._is_asked(row, asked):
                row["asked"] = True
        return {"hits": rows, "notes": hits.notes}

    def _small(self, asked: Asked) -> NDArray[np.uint8]:
        """A picture that is held beside another: shrunk, so that one large picture is held at a time."""
        with self._pictures.picture(asked, min_side=2 * _SHOWN) as picture:
            return shrink(picture, 2 * _SHOWN)

    def _is_asked(self, hit: dict[str, Any], asked: Asked) -> bool:
        """Whether a hit is the picture that asks: the same row, a copy of it, or the same bytes."""
        if asked.number is not None:
            return str(asked.number) == hit["id"] or self._pictures.row(asked.number, "path")["path"] in hit.get(
                "copies", ()
            )
        if asked.upload is None or len(asked.upload) != hit["size"]:
            return False
        return self._pictures.row(int(hit["id"]), "hash")["hash"] == content_hash(asked.upload)

    def why(self, asked: Asked, number: int, region: Box | None = None) -> dict[str, Any]:
        """Where a picture, or a part of it, and one of the index agree.

        Args:
            asked: The picture.
            number: Id of the other in the index.
            region: x0, y0, x1, y1 in pixels of the part; None for the whole picture.

        Returns:
            The ``score``, ``query`` and ``hit`` under their heat maps as data URLs, and the ``scale`` of these.

        Raises:
            Missing: The other is not in the index, or its file is no longer what was indexed.
            InputError: The region reaches beyond the picture, or the network does not pool by average.
            Busy: Too many pixels are being worked on.
        """
        hit = self._small(Asked(number=number))
        with self._pictures.picture(asked) as picture:
            found = self._pictures.index.why(cut(picture, region) if region else picture, hit)
            shown = [data_url(own) for own in found.overlays(side=_SHOWN)]
        return {"score": found.score, "query": shown[0], "hit": shown[1], "scale": scale()}
