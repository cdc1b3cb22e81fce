"""What visus answers: hits, predictions, evaluations, heat maps, studies.

All can be displayed, saved, or turned into plain values or a table.
"""

import base64
import html
import json
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._files import write_atomically
from visus._optional import require
from visus.images.io import encode_png, write

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_MOST_ROWS = 20  # of a table in a notebook


class Result(ABC):
    """An answer that can be shown, saved and read as a table.

    A kind of answer says what it is in plain values (:meth:`to_dict`), and where it can, as a picture (:meth:`drawn`)
    and as the rows of a table (:meth:`rows`); the rest follows.
    """

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The answer as plain values for JSON."""

    def drawn(self) -> NDArray[np.uint8] | None:
        """The answer as a picture, ``(H, W, 3)`` uint8; None where there is nothing to draw."""
        return None

    def rows(self) -> list[dict[str, Any]]:
        """The answer as rows of a table."""
        return [self.to_dict()]

    def show(self) -> None:
        """Open the picture in the viewer of the desktop.

        Raises:
            InputError: There is nothing to draw.
        """
        from PIL import Image

        Image.fromarray(self._picture()).show()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the ending of the name says.

        Args:
            path: ``.json`` for the plain values, ``.csv`` for the table, ``.png``, ``.jpg`` or ``.webp`` for the
                picture.

        Raises:
            InputError: The ending is another, there is nothing to draw, or the place cannot be written.
            DependencyError: The table needs pandas, which is not installed.
        """
        place = Path(path)
        ending = place.suffix.lower()
        if ending in PICTURES:
            write(place, self._picture())
            return
        if ending == ".json":
            content = json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"
        elif ending == ".csv":
            content = str(self.to_dataframe().to_csv(index=False))
        else:
            raise InputError(f"{place} must end in .json, .csv, {', '.join(PICTURES)}.")
        try:
            write_atomically(place, content.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise InputError(f"{place} cannot be written ({error.strerror}); choose another place.") from error

    def to_dataframe(self) -> Any:  # noqa: ANN401 - pandas is optional
        """The rows as a table of pandas.

        Raises:
            DependencyError: pandas is not installed.
        """
        return require("pandas").DataFrame(self.rows())

    def _picture(self) -> NDArray[np.uint8]:
        picture = self.drawn()
        if picture is None:
            raise InputError(f"There is nothing to draw of {self!r}; save it as .json.")
        return picture

    def _repr_png_(self) -> bytes | None:
        picture = self.drawn()
        return None if picture is None else encode_png(picture)

    def _repr_html_(self) -> str:
        picture = self.drawn()
        table = _table(self.rows())
        if picture is None:
            return table
        data = base64.b64encode(encode_png(picture)).decode()
        return f'<img src="data:image/png;base64,{data}" style="max-width: 100%"/>{table}'


def _table(rows: list[dict[str, Any]]) -> str:
    """The first rows as a table of HTML; texts come from files and are escaped."""
    if not rows:
        return "<p>nothing</p>"
    names = [name for name, value in rows[0].items() if not isinstance(value, list | dict)]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(_cell(row.get(name)))}</td>" for name in names) + "</tr>"
        for row in rows[:_MOST_ROWS]
    ]
    more = f"<p>and {len(rows) - _MOST_ROWS:,} more</p>" if len(rows) > _MOST_ROWS else ""
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{more}"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
