"""What the server can do, without HTTP: everything here runs in threads that may wait."""

from pathlib import Path
from typing import Any

from visus.server import trainings
from visus.server.checked import Checked
from visus.server.copies import Copies
from visus.server.networks import Networks
from visus.server.pictures import Pictures
from visus.server.pixels import Budget
from visus.server.refusals import Missing
from visus.server.searching import Searching
from visus.server.settings import Settings


class Service:
    """The index and the runs that are served.

    Args:
        settings: How the server behaves.

    Attributes:
        settings: The same.
        budget: Pixels that may be decoded at the same time.
        pictures: Of the index.
        searching: Search among them.
        copies: Duplicates among them.
        networks: The runs.
        checked: The table of ``visus check`` under review.

    Raises:
        VisusError: The index or a run cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.budget = Budget(settings.budget)
        self.pictures = Pictures(settings, self.budget)
        self.searching = Searching(self.pictures, settings.pixels)
        self.copies = Copies(settings, self.pictures)
        self.networks = Networks(settings, self.pictures)
        self.checked = Checked(settings, self.pictures)

    def close(self) -> None:
        """End the threads that describe pictures, and the search for duplicates."""
        self.pictures.close()
        self.copies.close()

    def abilities(self) -> dict[str, Any]:
        """What can be asked of this server, for its page."""
        about = [self.networks.about(name) for name in self.networks.runs]
        with_index = self.settings.index is not None
        return {
            "pictures": self.pictures.count(),
            "descriptors": self.pictures.index.descriptors if with_index else [],
            "words": with_index and self.searching.knows_words(),
            "runs": about,
            "moves": self.settings.move is not None,
            "trainings": self.settings.trainings is not None,
            "check": bool(self.checked),
        }

    def trainings(self) -> list[dict[str, Any]]:
        """Trainings and studies as they are now; see :func:`visus.server.trainings.trainings`.

        Raises:
            Missing: None are shown.
        """
        return trainings.trainings(self._trainings())

    def training(self, name: str) -> dict[str, Any]:
        """One of them with its table; see :func:`visus.server.trainings.training`.

        Raises:
            Missing: There is none.
        """
        return trainings.training(self._trainings(), name)

    def _trainings(self) -> Path:
        if self.settings.trainings is None:
            raise Missing("No trainings are shown; start the server with --trainings runs.")
        return self.settings.trainings
