"""What the answers of the API look like: for its description, and for :mod:`visus.client`, which reads them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Error(BaseModel):
    """What is wrong, in one sentence."""

    error: str


class Hit(BaseModel):
    """A picture that was found."""

    id: str = Field(description="Digits; JavaScript's numbers are too short for it.")
    path: str
    name: str
    score: float = Field(
        description="Cosine of the descriptions around the mean of the index, 1 for the same picture; of a word alone "
        "the probability that the picture shows it."
    )
    cosine: float = Field(description="Their plain cosine, 1 for the same picture; higher.")
    width: int
    height: int
    size: int = Field(description="Of the file, in bytes.")
    note: str = Field(default="", description="What re-ranking says, if it was asked for.")
    copies: list[str] = Field(default=[], description="Paths of further files with the same content.")
    missing: bool = Field(default=False, description="The file was not there when the search was made.")
    asked: bool = Field(default=False, description="It is the picture that asked.")


class Word(BaseModel):
    """How a word of a query is understood."""

    word: str
    weight: float
    kinds: int = Field(description="How many classes of the network it means.")
    such_as: list[str] = Field(description="Some of these.")


class Hits(BaseModel):
    """Pictures that look like one or show what words name, the best first."""

    hits: list[Hit]
    words: list[Word] = Field(default=[], description="How the words of the query are understood.")
    notes: list[str] = Field(default=[], description="What words mean here, and what was left out.")


class Why(BaseModel):
    """Where two pictures agree, or where one shows words."""

    score: float
    query: str | None = Field(
        description="The picture that asks under its heat map: a data URL of a JPEG; null where words ask."
    )
    hit: str = Field(description="The other.")
    scale: list[str] = Field(description="Colors of the heat maps, from nothing to the most.")


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

    kind: str = Field(description="burst, exposure bracket, same scene, same frame, captioned or overlapping.")
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

    changed: int = Field(description="Pairs, or lines of a table, that were decided otherwise before.")


class Move(BaseModel):
    """A file was moved."""

    model_config = ConfigDict(populate_by_name=True)

    from_: str = Field(alias="from")
    to: str


class Moves(BaseModel):
    """Copies were moved aside; ``visus duplicates --undo`` moves them back."""

    moved: list[Move]
    size: int = Field(description="Bytes of these files.")
    left: list[str] = Field(description="Sentences on what was left where it is.")


class Layout(BaseModel):
    """All pictures of the index, as far as one must know them to lay them out."""

    version: str = Field(description="Another one after each change of the index.")
    total: int
    shapes: str = Field(
        description="Base64 of one byte a picture: 128 for a square, 32 more for each doubling of width over height."
    )


class Fact(BaseModel):
    """A picture of the index."""

    id: str
    path: str
    name: str
    width: int
    height: int
    size: int
    time: str = Field(description="When it was taken (local), or where that is not known, when its file changed (UTC).")
    taken: bool = Field(description="Whether it was taken then.")


class Part(BaseModel):
    """Some of the pictures that follow each other."""

    version: str
    total: int
    pictures: list[Fact]


class Facts(Fact):
    """What is known of one picture."""

    missing: bool = Field(description="The file is not there.")


class Folder(BaseModel):
    """A folder that holds pictures."""

    path: str
    pictures: int = Field(description="In it, not further down.")


class Folders(BaseModel):
    """Folders that hold pictures, by name."""

    folders: list[Folder]
    total: int = Field(description="How many there are.")


class Training(BaseModel):
    """A training, or a study of several."""

    name: str = Field(description="TASK/NAME, as its folder.")
    task: str = Field(description="classify, segment, detect, localize, or tune for a study")
    status: Literal["running", "finished", "stopped"]
    done: int = Field(description="Epochs or trials.")
    total: int | None = Field(description="Epochs in all.")
    best: float | None = Field(description="The best score on the val split.")
    score: str | None = Field(description="What the score is called.")


class Trainings(BaseModel):
    """Trainings and studies, the newest first."""

    trainings: list[Training]


class Metrics(BaseModel):
    """A table of numbers, and words for what is none."""

    columns: list[str]
    rows: list[list[float | str | None]]


class Table(Training, Metrics):
    """A training or a study with its table: one row an epoch, or a trial."""


class Line(BaseModel):
    """A thing that ``visus check`` found, and what is decided on it."""

    id: int = Field(description="Of the line, from 0.")
    file: str = Field(description="From the folder that was checked.")
    problem: str
    score: str
    certainty: str = Field(description="Of a wrong label; empty for others.")
    split: str
    given_label: str
    predicted_label: str
    other: str = Field(description="The picture that it is the same as; empty for none.")
    why: str
    decision: str = Field(description="keep, relabel, leave out, or empty.")
    new_label: str


class Review(BaseModel):
    """Lines of the table, and what there is in all."""

    problems: dict[str, int] = Field(description="How many lines there are of each.")
    decided: int = Field(description="Lines with a decision.")
    classes: list[str]
    table: str = Field(description="Where decisions are written.")
    total: int = Field(description="Lines of the kind that was asked for.")
    findings: list[Line]


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
    class_: str | None = Field(None, alias="class", description="Of a classifier: the likeliest class.")
    best: dict[str, Any] | None = Field(None, description="Of a detector that found nothing: its likeliest class.")
    overlay: str | None = Field(None, description="A data URL of a JPEG, where it was asked for.")
    colors: dict[str, str] | None = Field(None, description="Of a segmenter: of each class in the overlay.")


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
    scale: list[str] = Field(description="Colors of the heat map, from nothing to the most.")


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


class Abilities(BaseModel):
    """What can be asked of a server."""

    pictures: int | None = Field(description="In the index; null without one.")
    descriptors: list[str] = Field(description="What pictures can be compared by.")
    words: bool = Field(description="Whether they can be searched by words.")
    runs: list[About]
    moves: bool = Field(description="Whether copies may be moved aside.")
    trainings: bool = Field(description="Whether trainings are shown.")
    check: bool = Field(description="Whether a table of visus check is under review.")
