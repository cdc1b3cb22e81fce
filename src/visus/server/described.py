"""Answers as the API's description has them: what they look like, with an example of each."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel

from visus.server.answers import Error
from visus.server.examples import ANSWERS, SENTENCES


def described(model: type[BaseModel], *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """An answer for FastAPI's description.

    Args:
        model: What it looks like.
        status: Of the answer.
    """
    content = {"application/json": {"example": ANSWERS[model]}}
    return {status: {"model": model, "description": (model.__doc__ or "").strip(), "content": content}}


def file_of(*kinds: str, parts: bool = False) -> dict[str, Any]:
    """What tells FastAPI that a good answer is a file of one of some media types.

    Args:
        kinds: Media types.
        parts: Whether a part of it can be had, and nothing where the other side has it.
    """
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    answers: dict[int, dict[str, Any]] = {200: {"description": "The file.", "content": content}}
    if parts:
        answers[206] = {"description": "The part that was asked for in Range.", "content": content}
        answers[304] = {"description": "The other side has it already."}
        answers[416] = {"description": "The file has no such part."}
    return {"response_class": Response, "responses": answers}


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Error,
        "description": text,
        "content": {"application/json": {"example": {"error": SENTENCES[status]}}},
    }
    for status, text in (
        (400, "What came is no request, or its form is cut or cannot be read."),
        (401, "The token is missing or wrong."),
        (403, "A page of another site asks, or the server was not started for that."),
        (404, "It is not there."),
        (405, "The method is not for this path."),
        (408, "The request stopped coming."),
        (413, "The request is too large."),
        (421, "The server is not called so."),
        (422, "The request makes no sense, or the picture cannot be read."),
        (429, "Too many are being worked on."),
        (431, "The headers of the request are too large."),
        (500, "Nobody expected this; the log says more."),
        (503, "There is no room for this work now; Retry-After says when to ask again."),
        (504, "The answer took too long."),
    )
}
"""What every request may get."""
