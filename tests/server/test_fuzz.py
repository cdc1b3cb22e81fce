"""Requests made up from the description of the API: whatever comes, no answer is 500."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.support.pictures import folder_of
from tests.support.serving import serving
from visus import Index, Run


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, trained_run: Run) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("fuzzed")
    folder_of(place / "photos", 4)
    Index(place / "i.visus").add(place / "photos")
    with serving("--index", "i.visus", "--run", trained_run.folder, "--timeout", "20", cwd=place) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.slow
def test_no_request_breaks_the_server(api: Any) -> None:
    asked = []
    for found in api.get_all_operations():
        operation = found.ok()
        asked.append(operation.path)

        @settings(
            max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            answer = case.call()
            assert answer.status_code < 500, (answer.status_code, answer.text)
            if answer.status_code >= 400:
                assert list(answer.json()) == ["error"]

        check()
    assert {"/search", "/predict", "/explain", "/fool", "/pictures/{number}"} <= set(asked)
