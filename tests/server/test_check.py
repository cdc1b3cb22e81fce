"""The table of ``visus check`` over HTTP."""

import csv
from pathlib import Path

import pytest

from tests.server.test_api import client_of, error_of
from tests.support.labeled import folder_of_classes
from visus import InputError
from visus.review.findings import Finding, write_table
from visus.server.settings import Settings


def test_a_table_is_reviewed(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "set", 3)
    findings = [
        Finding("blob/0000.png", "wrong-label", 0.9, "looks like checks", 0.9, "", "blob", "checks"),
        Finding("checks/0001.png", "twin", 1.0, "is there twice", None, "", "checks", "", "checks/0002.png"),
        Finding("../check.csv", "dark", 0.9, "outside of the folder"),
    ]
    write_table(findings, tmp_path / "check.csv")
    with client_of(check=tmp_path / "check.csv", checked=root) as own:
        assert own.get("/about").json()["check"] is True
        found = own.get("/check", params={"limit": 1}).json()
        assert [found["total"], len(found["findings"]), found["problems"]["twin"]] == [3, 1, 1]
        assert own.get("/check", params={"problem": "twin"}).json()["findings"][0]["id"] == 1
        for path in ("/check/0/picture", "/check/1/other"):
            answer = own.get(path)
            assert [answer.headers["Content-Type"], answer.content[:2]] == ["image/jpeg", b"\xff\xd8"]
        for path in ("/check/2/picture", "/check/0/other", "/check/77/picture"):
            assert "no such picture" in error_of(own.get(path), 404)
        fields = {"lines": "0", "decision": "relabel", "label": "checks"}
        assert own.post("/check/decisions", data=fields).json() == {"changed": 1}
        assert own.get("/check", params={"undecided": True}).json()["total"] == 2
        assert "no class" in error_of(own.post("/check/decisions", data={**fields, "label": "zebra"}), 422)
        error_of(own.post("/check/decisions", data={"lines": "0", "decision": "burn"}), 422)
    with (tmp_path / "check-reviewed.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["decision"], first["new_label"]) == ("relabel", "checks")


def test_a_review_needs_both(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(InputError, match="takes both"):
        Settings(check=tmp_path / "check.csv")
