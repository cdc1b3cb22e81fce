"""The table of ``visus check`` over HTTP: its lines, their pictures, and what is decided."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Response

from visus.server import answers
from visus.server.described import described, file_of
from visus.server.routes.fields import Working, ids_of

router = APIRouter(tags=["check"])

_PART = 500  # lines of an answer

Line = Annotated[int, Path(ge=0, lt=2**31, description="Of the table, from 0.")]


@router.get("/check", summary="What visus check found, and what is decided on it.", responses=described(answers.Review))
async def check(
    work: Working,
    problem: Annotated[str | None, Query(max_length=60, description="Only lines of this problem.")] = None,
    undecided: Annotated[bool, Query(description="Only lines on which nothing is decided.")] = False,
    offset: Annotated[int, Query(ge=0, lt=2**31, description="Lines to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_PART, description="Lines at most.")] = 24,
) -> dict[str, Any]:
    return await work(work.service.checked.lines, problem or None, offset, limit, undecided)


@router.get(
    "/check/{line}/{which}",
    summary="The picture of a line, or the other one that it is the same as: a JPEG of at most 1600 pixels.",
    **file_of("image/jpeg"),
)
async def picture(work: Working, line: Line, which: Literal["picture", "other"]) -> Response:
    content = await work(work.service.checked.picture, line, other=which == "other")
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.post(
    "/check/decisions",
    summary="Decide on lines: they are kept, relabeled or left out; the table beside is written.",
    responses=described(answers.Decided),
)
async def decisions(
    work: Working,
    numbers: Annotated[str, Form(alias="lines", max_length=4000, description="Of the table, with commas.")],
    decision: Annotated[Literal["keep", "relabel", "leave out", "undecided"], Form()],
    label: Annotated[str, Form(max_length=200, description="The new class, for relabel.")] = "",
) -> dict[str, Any]:
    return {"changed": await work(work.service.checked.decide, ids_of("lines", numbers), decision, label)}
