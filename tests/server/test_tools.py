"""The tools for language models, asked by the real client of the protocol's SDK."""

import asyncio
import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.pictures import folder_of
from visus import Index, Run

pytest.importorskip("mcp.server.mcpserver", reason="the SDK is not there in version 2")
import mcp


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    folder_of(folder / "photos", 5)
    Index(folder / "i.visus").add(folder / "photos")
    return folder


def asked(place: Path, *questions: tuple[str, dict[str, Any]]) -> tuple[set[str], list[Any]]:
    """Names of the tools, and answers to questions over standard input and output."""

    async def talk() -> tuple[set[str], list[Any]]:
        command = mcp.StdioServerParameters(
            command=sys.executable, args=["-m", "visus", "mcp", "--index", str(place / "i.visus")], env=dict(os.environ)
        )
        async with mcp.Client(command) as client:
            tools = await client.list_tools()
            answers = [await client.call_tool(name, options) for name, options in questions]
        return {tool.name for tool in tools.tools}, answers

    return asyncio.run(talk())


@pytest.mark.slow
def test_a_model_searches_and_is_told_why(place: Path) -> None:
    first = min((place / "photos").iterdir())
    sent = {"picture": base64.b64encode(first.read_bytes()).decode()}
    names, (found, wrong, path) = asked(
        place, ("search", {**sent, "k": 3}), ("search", {"id": "1"}), ("search", {"picture": "/etc/passwd"})
    )
    assert names == {"search", "why", "duplicates", "predict", "explain"}
    hits = json.loads(found.content[0].text)["hits"]
    assert [len(hits), hits[0]["path"]] == [3, str(first)]
    with Image.open(io.BytesIO(base64.b64decode(found.content[1].data))) as small:
        assert small.format == "JPEG"
    assert wrong.is_error
    assert "There is no picture 1 in the index." in wrong.content[0].text
    assert path.is_error
    _, (why, duplicates, words, shown, unknown, none, every) = asked(
        place,
        ("why", {**sent, "hit": hits[1]["id"]}),
        ("duplicates", {}),
        ("search", {**sent, "words": "+ dogs", "k": 2}),
        ("why", {"words": "dogs", "hit": hits[1]["id"]}),
        ("search", {"words": "unicorn"}),
        ("search", {"words": "trombone"}),
        ("search", {"words": "trombone", "min_score": 0}),
    )
    said = json.loads(none.content[0].text)
    assert (said["hits"], "min_score" in said["notes"][0]) == ([], True)
    assert len(json.loads(every.content[0].text)["hits"]) == 5
    _, refused = asked(
        place,
        ("search", {**sent, "limit": 2}),
        ("search", {**sent, "k": 0}),
        ("search", {}),
        ("duplicates", {"agreement": 5}),
    )
    for answer, part in zip(refused, ("limit", "k", "Name one picture", "agreement"), strict=True):
        assert answer.is_error
        assert part in answer.content[0].text
    assert json.loads(words.content[0].text)["words"][0]["kinds"] == 118
    assert [part.type for part in shown.content] == ["text", "image"]
    assert "'unicorn' is not among" in unknown.content[0].text
    assert [part.type for part in why.content] == ["text", "image", "image"]
    assert set(json.loads(duplicates.content[0].text)) & {"looking", "groups"}


@pytest.mark.slow
def test_networks_answer_over_streamable_http(place: Path, trained_run: Run) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "visus", "mcp", "--index", str(place / "i.visus"), "--http", "--port", str(port)]
    name = trained_run.folder.name
    picture = {"picture": base64.b64encode(min((place / "photos").iterdir()).read_bytes()).decode()}

    async def talk() -> list[Any]:
        async with mcp.Client(f"http://127.0.0.1:{port}/mcp") as client:
            return [
                await client.call_tool("predict", {"run": name, **picture}),
                await client.call_tool("explain", {"run": name, **picture, "method": "saliency"}),
                await client.call_tool("predict", {"run": "none", **picture}),
            ]

    process = subprocess.Popen([*command, "--run", str(trained_run.folder)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        said, why, wrong = asyncio.run(talk())
    finally:
        process.terminate()
        process.wait(30)
    assert set(json.loads(said.content[0].text)["probabilities"]) == {"blob", "checks", "stripes"}
    told = json.loads(why.content[0].text)
    assert [told["method"], told["run"], "overlay" in told] == ["saliency", name, False]
    with Image.open(io.BytesIO(base64.b64decode(why.content[1].data))) as overlay:
        assert overlay.format == "JPEG"
    assert wrong.is_error
    assert "There is no run 'none' here" in wrong.content[0].text
