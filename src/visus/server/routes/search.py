"""The index over HTTP: search, why, duplicates, pictures."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse

from visus.search.duplicates.members import Name
from visus.server import answers
from visus.server.answers import described, file_of
from visus.server.parts import is_known, sent
from visus.server.routes.fields import InPath, Picture, Region, Text, Working, box_of, ids_of
from visus.server.service import MEDIA
from visus.server.wanted import Wanted

router = APIRouter(tags=["search"])

_MOST = 200  # hits of an answer
_GROUPS = 1000  # groups of an answer


@router.post("/search", summary="Pictures that look like one.", responses=described(answers.Hits))
async def search(
    work: Working,
    asked: Picture,
    k: Annotated[int, Form(ge=1, le=_MOST, description="How many.")] = 12,
    region: Region = None,
    where: Annotated[Text, "Condition on path, width, height, size, depth, container, mtime, seen, captured."] = None,
    min_score: Annotated[float | None, Form(ge=-1, le=1)] = None,
    by: Annotated[str, Form(max_length=60, description="embedding, texture or color.")] = "embedding",
    rerank: Annotated[Literal["expansion", "geometry"] | None, Form()] = None,
) -> JSONResponse:
    options = {"k": k, "region": box_of(region), "where": where or None, "min_score": min_score, "by": by}
    found = await work(work.service.search, asked, rerank=rerank, **options)
    return JSONResponse(found)  # plain values, which need no second look


@router.post("/why", summary="Where a picture and one of the index agree.", responses=described(answers.Why))
async def why(
    work: Working,
    asked: Picture,
    hit: Annotated[int, Form(ge=0, lt=2**63, description="Id of the other.")],
    region: Region = None,
) -> dict[str, Any]:
    return await work(work.service.why, asked, hit, box_of(region))


@router.get(
    "/duplicates",
    summary="Groups of duplicates; 202 while they are looked for, which the first request begins.",
    responses={**described(answers.Groups), 202: {"model": answers.Looking, "description": "Not found yet."}},
)
async def duplicates(
    work: Working,
    relation: Annotated[Name | None, Query(description="Only copies that differ so.")] = None,
    agreement: Annotated[float, Query(ge=0, le=1, description="Least share of blocks that agree.")] = 0.0,
    folder: Annotated[str | None, Query(max_length=4000, description="Only copies below this folder.")] = None,
    offset: Annotated[int, Query(ge=0, lt=2**63, description="Groups to pass over, and stacks.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_GROUPS, description="Groups at most, and stacks.")] = 200,
) -> JSONResponse:
    found = await work(work.service.duplicates, Wanted(relation, agreement, folder), offset, limit)
    if found is None:
        return JSONResponse(work.service.progress, 202, headers={"Retry-After": "1"})
    return JSONResponse(found)


@router.post("/duplicates/decisions", summary="Say that pictures are no copies.", responses=described(answers.Decided))
async def decisions(
    work: Working,
    numbers: Annotated[str, Form(alias="ids", max_length=4000, description="Ids of pictures, with commas.")],
    decision: Annotated[Literal["not-copies", "keep-both", "undecided"], Form()],
) -> dict[str, Any]:
    return {"changed": await work(work.service.decide, ids_of(numbers), decision)}


@router.get(
    "/pictures/{number}",
    summary="The file of an indexed picture, or a part of it (Range, If-None-Match).",
    **file_of(*MEDIA),
)
async def pictures(request: Request, work: Working, number: InPath) -> Response:
    tag = await work(work.service.tag, number)
    if is_known(request, tag):
        return sent(request, b"", "", tag)
    data, kind = await work(work.service.content, number)
    return sent(request, data, kind, tag)


@router.get(
    "/thumbnails/{number}",
    summary="The small JPEG of an indexed picture.",
    **file_of("image/jpeg"),
)
async def thumbnails(work: Working, number: InPath) -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(await work(work.service.thumbnail, number), media_type="image/jpeg", headers=headers)
