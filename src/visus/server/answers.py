"""What the answers of the API look like, for its description; nothing is checked against it at work."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field


class Error(BaseModel):
    """What is wrong, in one sentence."""

    error: str


class Hit(BaseModel):
    """A picture that was found."""

    id: str = Field(description="Digits; JavaScript's numbers are too short for it.")
    path: str
    name: str
    score: float = Field(description="Cosine of the descriptions around the mean of the index, 1 for the same picture.")
    cosine: float = Field(description="Their plain cosine, 1 for the same picture; higher.")
    width: int
    height: int
    size: int = Field(description="Of the file, in bytes.")
    note: str = Field(default="", description="What re-ranking says, if it was asked for.")
    copies: list[str] = Field(default=[], description="Paths of further files with the same content.")
    missing: bool = Field(default=False, description="The file was not there when the search was made.")


class Hits(BaseModel):
    """Pictures that look like one, the most similar first."""

    hits: list[Hit]
    notes: list[str] = Field(default=[], description="What was left out, since the index is damaged there.")


class Why(BaseModel):
    """Where two pictures agree."""

    score: float
    query: str = Field(description="The picture that asks under its heat map: a data URL of a JPEG.")
    hit: str = Field(description="The other.")


class Member(BaseModel):
    """A picture that has copies, or belongs to others."""

    id: str
    path: str
    width: int
    height: int
    size: int


class Relation(BaseModel):
    """How a copy differs from the picture that is kept."""

    names: list[str] = Field(description="byte-identical, re-encoded, resized, cropped, turned, mirrored ...")
    agreement: float = Field(description="Share of the compared blocks that show the same.")
    covered: float = Field(description="Share of the kept picture that the copy shows.")
    scale: float = Field(description="Pixels of the copy for each pixel of the kept one, along a side.")
    turn: int = Field(description="Degrees counterclockwise, to the nearest quarter.")
    color: float = Field(description="Mean difference of the colors, in levels of 255.")


class Copy(Member):
    """A copy of the picture that is kept."""

    relation: Relation
    means: str = Field(description="The relation in words.")
    may_go: bool = Field(description="Nothing is lost without it.")
    stays: str = Field(description="Why it must not go; empty where it may.")


class Group(BaseModel):
    """Pictures that are one and the same."""

    keep: Member
    why: str = Field(description="What speaks for the one that is kept.")
    others: list[Copy]


class Stack(BaseModel):
    """Pictures that belong together and are no copies."""

    kind: str = Field(description="burst, exposure bracket, same scene, captioned or overlapping.")
    pictures: list[Member]


class Totals(BaseModel):
    """What there is in all, beyond what an answer holds."""

    groups: int
    copies: int
    may_go: int = Field(description="Copies without which nothing is lost.")
    size: int = Field(description="Bytes of these.")
    stacks: int


class Looking(BaseModel):
    """Duplicates are being looked for."""

    what: str = Field(description="What is being done.")
    done: int = Field(description="How much of it.")
    total: int


class Groups(BaseModel):
    """Groups of duplicates, and what belongs together without being copies."""

    groups: list[Group]
    stacks: list[Stack]
    totals: Totals
    notes: list[str] = Field(default=[], description="What was left out.")


class Decided(BaseModel):
    """A decision is noted."""

    changed: int = Field(description="Pairs that were decided otherwise before.")


class Health(BaseModel):
    """That the server lives."""

    status: str
    version: str
    pictures: int | None = Field(description="In the index; null without one.")


class About(BaseModel):
    """A network that answers."""

    name: str
    task: str = Field(description="classify, segment, detect or localize")
    net: str | None
    classes: list[str]
    curves: bool = Field(description="Whether it has learning curves.")


class Runs(BaseModel):
    """All networks that answer."""

    runs: list[About]


class Prediction(BaseModel):
    """What a network says of a picture."""

    run: str
    task: str
    probabilities: dict[str, float] | None = Field(None, description="Of a classifier, the likeliest first.")
    shares: dict[str, float] | None = Field(None, description="Of a segmenter: of the picture, for each class.")
    objects: list[dict[str, Any]] | None = Field(None, description="Of a detector: class, score, box, segmentation.")
    overlay: str | None = Field(None, description="A data URL of a JPEG, where it was asked for.")


class Explanation(BaseModel):
    """Which pixels speak for a class."""

    run: str
    method: str
    class_: str = Field(alias="class")
    probability: float
    gap: float | None = Field(
        None, description="Of integrated: how far the values are from adding up to the score, as a share of it."
    )
    picture: str = Field(description="A data URL of a JPEG.")
    overlay: str = Field(description="The same under its heat map.")


class Fooling(BaseModel):
    """A change too small to see that changes an answer."""

    run: str
    names: list[str] = Field(description="The answer before and after.")
    probabilities: list[float]
    fooled: bool
    linf: float = Field(description="Largest change of a value, as a share of white.")
    l2: float
    before: str = Field(description="A data URL of a JPEG.")
    change: str
    after: str


def described(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """A good answer for FastAPI's description."""
    return {200: {"model": model, "description": (model.__doc__ or "").strip()}}


def file_of(*kinds: str) -> dict[str, Any]:
    """What tells FastAPI that a good answer is a file of one of some media types."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"response_class": Response, "responses": {200: {"description": "The file.", "content": content}}}


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": text}
    for status, text in (
        (403, "A page of another site asks."),
        (401, "The token is missing or wrong."),
        (404, "It is not there."),
        (408, "The request stopped coming."),
        (413, "The request is too large."),
        (421, "The server is not called so."),
        (422, "The request makes no sense, or the picture cannot be read."),
        (429, "Too many are being worked on."),
        (503, "There is no room for this work now; Retry-After says when to ask again."),
        (504, "The answer took too long."),
    )
}
"""What every request may get."""
