"""The index over HTTP: search, why, duplicates."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import JSONResponse

from visus._errors import InputError
from visus.search.duplicates.members import Name
from visus.server import answers
from visus.server.asked import Asked
from visus.server.described import described
from visus.server.routes.fields import Picture, Region, Text, Working, box_of, ids_of
from visus.server.wanted import Wanted

router = APIRouter(tags=["search"])

_MOST = 200  # hits of an answer
_GROUPS = 1000  # groups of an answer
_LONG = 40_000  # characters of a list of ids
_DECIDED = 500  # pictures of a decision, which is about each pair of them
_ASKING = 8  # pictures that ask beside the first

Ids = Annotated[str | None, Form(max_length=400, description="Ids of pictures in the index, with commas.")]
Files = Annotated[
    list[UploadFile] | None, File(description="The same as files; this field may be there several times.")
]
Words = Annotated[
    Text, Form(description="Words that pictures are to show, perhaps with signs and weights: tiger + snow - 0.5 beach.")
]


@router.post(
    "/search", summary="Pictures that look like one, or show what words name.", responses=described(answers.Hits)
)
async def search(
    work: Working,
    asked: Picture,
    k: Annotated[int, Form(ge=1, le=_MOST, description="How many.")] = 12,
    region: Region = None,
    where: Annotated[Text, "Condition on path, width, height, size, depth, container, mtime, seen, captured."] = None,
    min_score: Annotated[float | None, Form(ge=-1, le=1)] = None,
    by: Annotated[str, Form(max_length=60, description="embedding, texture or color.")] = "embedding",
    rerank: Annotated[Literal["expansion", "geometry"] | None, Form()] = None,
    also: Ids = None,
    also_pictures: Files = None,
    unlike: Ids = None,
    unlike_pictures: Files = None,
    words: Words = None,
) -> JSONResponse:
    options = {"k": k, "region": box_of(region), "where": where or None, "min_score": min_score, "by": by}
    joined = await beside("also", also, also_pictures)
    avoided = await beside("unlike", unlike, unlike_pictures)
    found = await work(
        work.service.searching.search, asked, joined, avoided, words=words or None, rerank=rerank, **options
    )
    return JSONResponse(found)  # plain values, which need no second look


async def beside(name: str, ids: str | None, files: list[UploadFile] | None) -> list[Asked]:
    """Pictures that ask beside the first: those of the index, then those that were sent.

    Raises:
        InputError: An id is none, or they are too many.
    """
    indexed = [Asked(number=number) for number in ids_of(name, ids, _ASKING)]
    sent = [Asked(await file.read()) for file in files or ()]
    if len(indexed) + len(sent) > _ASKING:
        raise InputError(f"{name} takes at most {_ASKING} pictures, not {len(indexed) + len(sent)}.")
    return indexed + sent


@router.post(
    "/why",
    summary="Where a picture and one of the index agree, or where it shows words.",
    responses=described(answers.Why),
)
async def why(
    work: Working,
    asked: Picture,
    hit: Annotated[int, Form(ge=0, lt=2**63, description="Id of the other.")],
    region: Region = None,
    words: Words = None,
) -> dict[str, Any]:
    return await work(work.service.searching.why, asked, hit, box_of(region), words or None)


@router.get(
    "/duplicates",
    summary="Groups of duplicates; 202 while they are looked for, which the first request begins.",
    responses={**described(answers.Groups), **described(answers.Looking, status=202)},
)
async def duplicates(
    work: Working,
    relation: Annotated[Name | None, Query(description="Only copies that differ so.")] = None,
    agreement: Annotated[float, Query(ge=0, le=1, description="Least share of blocks that agree.")] = 0.0,
    folder: Annotated[str | None, Query(max_length=4000, description="Only copies below this folder.")] = None,
    offset: Annotated[int, Query(ge=0, lt=2**63, description="Groups to pass over, and stacks.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_GROUPS, description="Groups at most, and stacks.")] = 200,
) -> JSONResponse:
    found = await work(work.service.copies.duplicates, Wanted(relation, agreement, folder), offset, limit)
    if found is None:
        return JSONResponse(work.service.copies.progress, 202, headers={"Retry-After": "1"})
    return JSONResponse(found)


@router.post("/duplicates/decisions", summary="Say that pictures are no copies.", responses=described(answers.Decided))
async def decisions(
    work: Working,
    numbers: Annotated[str, Form(alias="ids", max_length=_LONG, description="Ids of pictures, with commas.")],
    decision: Annotated[Literal["not-copies", "keep-both", "undecided"], Form()],
) -> dict[str, Any]:
    return {"changed": await work(work.service.copies.decide, ids_of("ids", numbers, _DECIDED), decision)}


@router.post(
    "/duplicates/moves",
    summary="Move copies that may go aside, where the server was started with --allow-move.",
    responses=described(answers.Moves),
)
async def moves(
    work: Working,
    numbers: Annotated[str, Form(alias="ids", max_length=_LONG, description="Ids of copies, with commas.")],
) -> dict[str, Any]:
    return await work(work.service.copies.move, ids_of("ids", numbers))
