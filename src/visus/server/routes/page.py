"""Whether the server lives, the web page, and the description of the API for people."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from visus._version import __version__
from visus.server import answers
from visus.server.described import described
from visus.server.routes.fields import Working

STATIC = Path(__file__).parents[1] / "static"

router = APIRouter()


@router.get("/health", tags=["service"], summary="Whether it lives.", responses=described(answers.Health))
async def health(work: Working) -> dict[str, Any]:
    return {"status": "ok", "version": __version__, "pictures": await work.quickly(work.service.pictures.count)}


@router.get(
    "/about", tags=["service"], summary="What can be asked of this server.", responses=described(answers.Abilities)
)
async def about(work: Working) -> dict[str, Any]:
    return await work(work.service.abilities)


@router.get("/", include_in_schema=False)
async def page() -> Response:
    return Response((STATIC / "index.html").read_text(encoding="utf-8"), media_type="text/html")


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    return Response((STATIC / "docs.html").read_text(encoding="utf-8"), media_type="text/html")
