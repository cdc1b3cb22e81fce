"""The API's description: an example for every route and every status, which is as its model says."""

import json
from typing import Any

import pytest

from tests.server.test_api import client_of
from tests.support.pictures import folder_of
from visus import Index
from visus.server.examples import ANSWERS


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("described")
    folder_of(root / "p", 1)
    Index(root / "i.visus").add(root / "p")
    with client_of(index=root / "i.visus") as own:
        return own.get("/openapi.json").json()


def test_every_answer_has_an_example(description: dict[str, Any]) -> None:
    seen = set()
    for path, methods in description["paths"].items():
        for method, about in methods.items():
            for status, answer in about["responses"].items():
                found = answer.get("content", {}).get("application/json")
                if found:
                    assert "example" in found, (method, path, status)
                    seen.add(status)
                else:  # a file, or nothing
                    assert status in ("200", "206", "304", "416"), (method, path, status)
    assert seen >= {"200", "202", "400", "401", "403", "404", "413", "422", "429", "431", "500", "503", "504"}


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_examples_are_what_the_models_say(model: Any) -> None:
    made = model.model_validate_json(json.dumps(ANSWERS[model]), strict=True)
    assert set(ANSWERS[model]) <= set(made.model_dump(by_alias=True))
