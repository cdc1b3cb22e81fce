"""What a language model may ask: the server's questions as tools of the Model Context Protocol (version 2 of its SDK).

Pictures come by their id in the index, or as base64; no tool takes a path, and what is answered is of the index alone.
"""

import base64
import binascii
import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from visus._errors import InputError, VisusError
from visus._version import __version__
from visus.search.duplicates.members import Name
from visus.server.asked import Asked
from visus.server.service import Service
from visus.server.wanted import Wanted

if TYPE_CHECKING:
    from mcp.server.mcpserver import Image, MCPServer
    from mcp.server.mcpserver.tools import Tool

_MOST = 50  # hits of an answer
_MOST_GROUPS = 1000  # of duplicates

Answer = list[Any]
"""A text of JSON, and pictures."""

_ABOUT = (
    "Finds pictures that look alike in one index of pictures on this machine, and asks trained networks about them. "
    "Name a picture by its id (as search, duplicates and pictures give it) or send its file as base64."
)


def tools_of(service: Service) -> "MCPServer":
    """A server of tools that ask the index and the runs that are served.

    Args:
        service: What answers.
    """
    from mcp.server.mcpserver import MCPServer

    asking = _Asking(service)
    asked = (asking.search, asking.why, asking.duplicates, asking.predict, asking.explain)
    return MCPServer(
        "visus", instructions=_ABOUT, version=__version__, log_level="WARNING", tools=[_tool(own) for own in asked]
    )


def _tool(function: Callable[..., Answer]) -> "Tool":
    """A tool that refuses what it has no parameter for: nothing that a model wants is passed over in silence."""
    from mcp.server.mcpserver.tools import Tool

    tool = Tool.from_function(_told(function), structured_output=False)
    model = tool.fn_metadata.arg_model
    model.model_config["extra"] = "forbid"
    model.model_rebuild(force=True)
    tool.parameters["additionalProperties"] = False
    return tool


def _told(tool: Callable[..., Answer]) -> Callable[..., Answer]:
    """The same tool, which tells what is wrong in one sentence."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def asked(*args: Any, **options: Any) -> Answer:
        try:
            return tool(*args, **options)
        except VisusError as error:
            raise ToolError(str(error)) from error

    return asked


class _Asking:
    """The tools; their docstrings and parameters are what a model reads."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def search(
        self,
        id: str | None = None,
        picture: str | None = None,
        words: str | None = None,
        k: Annotated[int, Field(ge=1, le=_MOST)] = 8,
        where: str | None = None,
        by: str = "embedding",
        min_score: Annotated[float | None, Field(ge=-1, le=1)] = None,
    ) -> Answer:
        """Find the pictures of the index that look most like one, or show what words name; with paths and thumbnails.

        `words` are names of things, in English or Chinese, perhaps with signs and weights: "tiger + snow - 0.5 beach".
        They may stand alone or beside a picture; words that are not known are told with near ones. `picture` is the
        base64 of a JPEG, PNG, WebP, TIFF, BMP or GIF file. `where` is a condition on path, width, height, size,
        captured ..., for example: width > 1000 AND path LIKE '%2024%'. `min_score` is the least score of a hit; for
        words 0 shows the likeliest even where a note says that they may be chance.
        """
        found = self._service.searching.search(
            _asked(id, picture, words),
            words=words or None,
            k=k,
            where=where,
            by=by,
            min_score=min_score,
            region=None,
        )
        small = [_jpeg(self._service.pictures.thumbnail(int(hit["id"]))) for hit in found["hits"]]
        return [json.dumps(found), *small]

    def why(self, hit: str, id: str | None = None, picture: str | None = None, words: str | None = None) -> Answer:
        """Show where a picture and one of the index agree, or where this one shows words: heat maps, and the score."""
        found = self._service.searching.why(_asked(id, picture, words), _number(hit), words=words or None)
        shown = [_image(own) for own in (found["query"], found["hit"]) if own]
        return [json.dumps({"score": found["score"]}), *shown]

    def duplicates(
        self,
        relation: Name | None = None,
        agreement: Annotated[float, Field(ge=0, le=1)] = 0.0,
        folder: str | None = None,
        limit: Annotated[int, Field(ge=1, le=_MOST_GROUPS)] = 50,
    ) -> Answer:
        """List groups of duplicates and which copies may go; ask again later while they are being looked for."""
        wanted = Wanted(relation, agreement, folder)
        found = self._service.copies.duplicates(wanted, 0, limit)
        return [json.dumps(found if found is not None else {"looking": self._service.copies.progress})]

    def predict(self, run: str, id: str | None = None, picture: str | None = None) -> Answer:
        """Ask a trained network what a picture shows."""
        found = self._service.networks.predict(run, _asked(id, picture), overlay=True)
        overlay = found.pop("overlay", None)
        return [json.dumps(found), *([_image(overlay)] if overlay else [])]

    def explain(
        self,
        run: str,
        id: str | None = None,
        picture: str | None = None,
        method: Literal["gradcam", "saliency", "guided", "smoothgrad", "integrated", "occlusion"] = "gradcam",
    ) -> Answer:
        """Show which pixels speak for the answer of a trained network."""
        found = self._service.networks.explain(run, _asked(id, picture), method, target=None)
        overlay = _image(found.pop("overlay"))
        found.pop("picture")
        return [json.dumps(found), overlay]


def _number(id: str) -> int:
    """The number of a picture.

    Raises:
        InputError: It is none.
    """
    if not (id.isascii() and id.isdigit() and int(id) < 2**63):
        raise InputError(f"An id is a text of digits, as search gives it, not {id[:40]!r}.")
    return int(id)


def _asked(id: str | None, picture: str | None, words: str | None = None) -> Asked:
    """The picture that a tool is about; none where words ask alone.

    Raises:
        InputError: It is no base64, the id is none, or there are both, or nothing that asks.
    """
    if (id and picture) or not (id or picture or words):
        raise InputError("Name one picture: its id in the index, or its file as base64 in picture.")
    try:
        upload = base64.b64decode(picture, validate=True) if picture else None
    except (binascii.Error, ValueError) as error:
        raise InputError("The picture is no base64; send the content of a picture file in base64.") from error
    return Asked(upload, _number(id) if id else None)


def _image(url: str) -> "Image":
    """A picture from a data URL of ours."""
    return _jpeg(base64.b64decode(url.partition(",")[2]))


def _jpeg(data: bytes) -> "Image":
    from mcp.server.mcpserver import Image

    return Image(data=data, format="jpeg")
