"""The table of ``visus check`` that is served: its lines, their pictures, and what people decide."""

from collections.abc import Sequence
from typing import Any

from visus.images import read_bytes
from visus.review.reviewing import Decision, Reviewing
from visus.server.asked import Asked
from visus.server.pictures import Pictures
from visus.server.refusals import Missing
from visus.server.settings import Settings


class Checked:
    """A table under review, if there is one.

    Args:
        settings: How the server behaves.
        pictures: Decodes within the server's budget of pixels.

    Raises:
        InputError: The table cannot be read.
    """

    def __init__(self, settings: Settings, pictures: Pictures) -> None:
        self._pictures = pictures
        self._own: Reviewing | None = None
        if settings.check is not None and settings.checked is not None:
            self._own = Reviewing(settings.check, settings.checked)

    def __bool__(self) -> bool:
        return self._own is not None

    def lines(self, problem: str | None, offset: int, limit: int, undecided: bool) -> dict[str, Any]:
        """Lines of the table; see :meth:`visus.review.reviewing.Reviewing.part`.

        Raises:
            Missing: None is under review.
        """
        own = self._reviewing()
        return own.overview() | own.part(problem, offset, limit, undecided=undecided)

    def picture(self, line: int, *, other: bool) -> bytes:
        """The picture of a line as a JPEG, its longest side at most 1600 pixels.

        Raises:
            Missing: There is none in the folder that was checked.
            InputError: It cannot be decoded.
            Busy: Too many pixels are being worked on.
        """
        path = self._reviewing().picture(line, other=other)
        if path is None:
            raise Missing(f"There is no such picture of line {line} in the folder that was checked.")
        return self._pictures.preview_of(Asked(upload=read_bytes(path)))

    def decide(self, lines: Sequence[int], decision: Decision, label: str) -> int:
        """Decide on lines of the table; see :meth:`visus.review.reviewing.Reviewing.decide`."""
        return self._reviewing().decide(lines, decision, label)

    def _reviewing(self) -> Reviewing:
        if self._own is None:
            raise Missing("No table is under review; start the server with --check CSV --checked FOLDER.")
        return self._own
