"""The pictures of the index over HTTP: all of them in their order, and each as a file, a preview and a thumbnail."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from visus.server import answers
from visus.server.described import described, file_of
from visus.server.media import MEDIA
from visus.server.parts import headers_of, is_known, sent, wanted
from visus.server.routes.fields import InPath, Working
from visus.server.wall import Order, Shown

router = APIRouter(tags=["pictures"])

_PART = 500  # pictures of an answer
_FOLDERS = 2000  # folders of an answer

Words = Annotated[str | None, Query(max_length=200, description="Words that must all be in the path, in any case.")]
Where = Annotated[str | None, Query(max_length=4000, description="A condition, as that of /search.")]
By = Annotated[Order, Query(description="By the time when a picture was taken, or else its file was changed.")]


@router.get(
    "/wall",
    summary="How many pictures there are, and the shape of each, in order.",
    responses=described(answers.Layout),
)
async def layout(work: Working, text: Words = None, where: Where = None, order: By = "newest") -> JSONResponse:
    return JSONResponse(await work(work.service.pictures.layout, Shown(text or None, where or None, order)))


@router.get("/wall/pictures", summary="Some of them.", responses=described(answers.Part))
async def part(
    work: Working,
    text: Words = None,
    where: Where = None,
    order: By = "newest",
    offset: Annotated[int, Query(ge=0, lt=2**63, description="Pictures to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_PART, description="Pictures at most.")] = 100,
) -> JSONResponse:
    shown = Shown(text or None, where or None, order)
    return JSONResponse(await work(work.service.pictures.shown, shown, offset, limit))


@router.get("/folders", summary="Folders that hold pictures.", responses=described(answers.Folders))
async def folders(
    work: Working, limit: Annotated[int, Query(ge=1, le=_FOLDERS, description="Folders at most.")] = 500
) -> dict[str, Any]:
    return await work(work.service.pictures.folders, limit)


@router.get(
    "/pictures/{number}",
    summary="The file of an indexed picture, or a part of it (Range, If-None-Match).",
    **file_of(*MEDIA, parts=True),
)
async def pictures(request: Request, work: Working, number: InPath) -> Response:
    tag, size = await work(work.service.pictures.tag, number)
    if is_known(request, tag):
        return Response(None, 304, headers=headers_of(tag))
    bounds = wanted(request, size, tag)
    if bounds and 0 <= bounds[0] <= bounds[1] and (found := await work(work.service.pictures.part, number, *bounds)):
        content, kind = found
        return sent(request, size, lambda _first, _last: content, kind, tag)
    data, kind = await work(work.service.pictures.content, number)
    return sent(request, len(data), lambda first, last: data[first : last + 1], kind, tag)


@router.get("/pictures/{number}/facts", summary="What is known of it.", responses=described(answers.Facts))
async def facts(work: Working, number: InPath) -> dict[str, Any]:
    return await work(work.service.pictures.facts, number)


@router.get(
    "/previews/{number}",
    summary="An indexed picture as a JPEG of at most 1600 pixels, whatever its file is.",
    **file_of("image/jpeg"),
)
async def previews(request: Request, work: Working, number: InPath) -> Response:
    tag, _ = await work(work.service.pictures.tag, number)
    tag = f"p{tag}"
    if is_known(request, tag):
        return Response(None, 304, headers=headers_of(tag))
    return Response(await work(work.service.pictures.preview, number), media_type="image/jpeg", headers=headers_of(tag))


@router.get(
    "/thumbnails/{number}",
    summary="The small JPEG of an indexed picture.",
    **file_of("image/jpeg"),
)
async def thumbnails(work: Working, number: InPath) -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(await work(work.service.pictures.thumbnail, number), media_type="image/jpeg", headers=headers)
