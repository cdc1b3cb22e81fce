"""Duplicates in the index that is served: groups of them, what people decide, and copies that are moved aside."""

from typing import Any, Literal

from visus.search.duplicates.decisions import Decision
from visus.server import moving
from visus.server.looking import Looking
from visus.server.pictures import Pictures
from visus.server.refusals import Forbidden
from visus.server.settings import Settings
from visus.server.turns import Busy, Places
from visus.server.wanted import Wanted


class Copies:
    """Duplicates among the pictures of an index.

    Args:
        settings: How the server behaves.
        pictures: Of the index.

    Attributes:
        looking: The search for duplicates; None without an index.
    """

    def __init__(self, settings: Settings, pictures: Pictures) -> None:
        self._folder, self._pictures = settings.move, pictures
        self._listing = Places(1, settings.line)  # many groups take a while to be looked at
        self.looking = Looking(pictures.location) if pictures.location is not None else None

    def close(self) -> None:
        """End the search for duplicates."""
        if self.looking:
            self.looking.close()

    def duplicates(self, wanted: Wanted, offset: int, limit: int) -> dict[str, Any] | None:
        """Groups of duplicates, and stacks of pictures that are none; None while they are looked for.

        Args:
            wanted: Which of them.
            offset: Groups to pass over, and stacks.
            limit: Groups at most, and stacks.

        Raises:
            Missing: No index is served.
            PictureIndexError: The search before ended with an error.
            Busy: Too many ask for them.
        """
        index = self._pictures.index
        assert self.looking
        if self.looking.is_running:
            return None
        with self._listing.turn():
            found = self.looking.found(index)
            return None if found is None else wanted(found, offset, limit)

    @property
    def progress(self) -> dict[str, Any]:
        """How far the search for duplicates is: ``what``, ``done`` and ``total``."""
        return self.looking.progress if self.looking else {}

    def decide(self, numbers: list[int], decision: Decision | Literal["undecided"] | None) -> int:
        """Note what someone decided about pictures.

        Args:
            numbers: Ids of at least two pictures in the index.
            decision: See :meth:`visus.Index.decide`.

        Returns:
            How many pairs were decided otherwise before.

        Raises:
            Missing: A picture is not in the index.
            InputError: There are fewer than two, or they hold the same and are said to be no copies.
        """
        rows = self._pictures.rows(list(dict.fromkeys(numbers)), "hash")
        return self._pictures.index.decide_contents([row["hash"] for row in rows], decision)

    def move(self, numbers: list[int]) -> dict[str, Any]:
        """Move copies that may go to where the server was allowed to; see :func:`visus.server.moving.move`.

        Raises:
            Forbidden: It was not.
            Busy: Duplicates are being looked for.
            InputError: The folder cannot be written.
        """
        if self._folder is None:
            raise Forbidden("Nothing is moved here; start the server with --allow-move FOLDER.")
        index = self._pictures.index
        assert self.looking
        found = None if self.looking.is_running else self.looking.found(index)
        if found is None:
            raise Busy("Duplicates are being looked for; come again in a moment.", seconds=5)
        return moving.move(index, found["groups"], numbers, self._folder)
