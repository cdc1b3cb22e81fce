"""What the server says, in Chinese too: a page in Chinese shows no English sentence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import visus
from tests.server.test_api import client_of
from tests.support.pictures import folder_of
from visus import Index, Run

PACKAGE = Path(visus.__file__).parent
WORDS = PACKAGE / "server" / "static" / "words" / "sentences.js"
PATTERNS = re.findall(r"^  \[/(.+)/i?, \"(.+)\"\],$", WORDS.read_text(encoding="utf-8"), re.MULTILINE)


def constants() -> str:
    """All texts of the package's code, and those of the library that checks requests."""
    found = ["Input should be", "Unable to parse", "String should have", "Value error", "Field required", "JSON decode"]
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [own.value for own in ast.walk(tree) if isinstance(own, ast.Constant) and isinstance(own.value, str)]
    return "\n".join(found)


def is_translated(sentence: str) -> bool:
    return any(re.search(pattern, sentence, re.IGNORECASE) for pattern, _ in PATTERNS)


def test_every_pattern_is_of_a_sentence_that_is_still_said() -> None:
    assert len(PATTERNS) == WORDS.read_text(encoding="utf-8").count("\n  [/")
    said = constants()
    for pattern, _ in PATTERNS:
        plain = re.sub(r"\(\?:.*?\)|\[.*?\]|\\\w|\(|\)", "\0", pattern.strip("^$"))
        literal = max(re.split(r"[^A-Za-z ;]+", plain), key=len)
        assert literal.strip() in said, pattern


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, trained_run: Run) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("said")
    folder_of(place / "p", 3)
    Index(place / "i.visus").add(place / "p")
    with client_of(index=place / "i.visus", runs=(trained_run.folder,)) as own:
        yield own


def test_what_a_page_can_provoke_is_translated(client: TestClient, trained_run: Run) -> None:
    first, second = (int(own["id"]) for own in client.get("/wall/pictures").json()["pictures"][:2])
    run = trained_run.folder.name
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/search", {"id": 1}),
        ("/search", {}),
        ("/search", {"id": first, "where": "nonsense ("}),
        ("/search", {"id": first, "where": "(" * 2000}),
        ("/search", {"id": first, "by": "texture"}),
        ("/search", {"id": first, "region": "5,5,1,1"}),
        ("/search", {"id": first, "region": "all"}),
        ("/search", {"id": first, "region": "0,0,9,9", "also": second}),
        ("/search", {"id": first, "rerank": "geometry", "also": second}),
        ("/search", {"id": first, "unlike": first}),
        ("/search", {"id": first, "also": "x"}),
        ("/search", {"id": first, "also": ",".join(["1"] * 9)}),
        ("/search", {"id": first, "k": 5000}),
        ("/search", {"id": first, "nothing": 1}),
        ("/search", {"words": "unicorn"}),
        ("/search", {"words": "qqqqqqqqqqqq"}),
        ("/search", {"words": "dog +"}),
        ("/search", {"words": "- dog"}),
        ("/search", {"words": "dog - dog"}),
        ("/search", {"words": "dog + 99999 snow"}),
        ("/search", {"words": "dog + -1 snow"}),
        ("/search", {"words": "0.5"}),
        ("/search", {"words": "dog " * 600}),
        ("/search", {"words": "dog", "by": "texture"}),
        ("/why", {"id": first, "hit": 1}),
        ("/predict", {"id": first, "run": "none"}),
        ("/explain", {"id": first, "run": run, "method": "none"}),
        ("/explain", {"id": first, "run": run, "class": "none"}),
        ("/explain", {"id": first, "run": run, "at": "1,1"}),
        ("/fool", {"id": first, "run": run, "class": "none"}),
        ("/duplicates/moves", {"ids": str(first)}),
        ("/duplicates/decisions", {"ids": str(first), "decision": "keep-both"}),
    ]
    answers = [client.post(path, data=data) for path, data in asked]
    answers.append(client.post("/search", files={"picture": b"no picture"}))
    answers.append(client.post("/search", files={"picture": b"\xff\xd8\xff\xe0 torn"}))
    answers += [client.get(path) for path in ("/nowhere", "/trainings", "/pictures/1/facts", "/runs/none/metrics")]
    sentences = [answer.json()["error"] for answer in answers]
    assert [sentence for sentence in sentences if not is_translated(sentence)] == []


def test_notes_of_hits_are_translated(client: TestClient) -> None:
    first = client.get("/wall/pictures").json()["pictures"][0]["id"]
    notes = [
        part
        for how in ("expansion", "geometry")
        for hit in client.post("/search", data={"id": first, "rerank": how}).json()["hits"]
        for part in hit.get("note", "").split(", ")
        if part
    ]
    for words in ("dog", "elephant", "mountain + 0.5 snow"):
        notes += client.post("/search", data={"words": words}).json()["notes"]
    assert [note for note in notes if not is_translated(note)] == []
