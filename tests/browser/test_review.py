"""The review of what ``visus check`` found, in a real browser."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.test_page import _FLAGS, CHROMIUM, looked_at
from tests.support.labeled import folder_of_classes
from tests.support.serving import serving
from visus.review.findings import Finding, write_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; on Debian: apt-get install chromium"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A set, and a table on 30 of its pictures."""
    folder_of_classes(tmp_path / "set", 30, side=64)
    findings = [
        Finding(
            "checks/0001.png",
            "twin",
            1.0,
            "is the same picture as checks/0002.png",
            None,
            "",
            "checks",
            "",
            "checks/0002.png",
        )
    ]
    why = "looks like checks rather than blob (0.90)"
    findings += [Finding(f"blob/{k:04}.png", "wrong-label", 0.9, why, 0.9, "", "blob", "checks") for k in range(30)]
    write_table(findings, tmp_path / "check.csv")
    return tmp_path


@pytest.fixture
def address(place: Path) -> Iterator[str]:
    with serving("--check", "check.csv", "--checked", "set", cwd=place) as own:
        yield own


def decisions(place: Path) -> list[tuple[str, str]]:
    with (place / "check-reviewed.csv").open(newline="") as file:
        return [(row["decision"], row["new_label"]) for row in csv.DictReader(file)]


def test_lines_are_decided_on_and_a_table_is_written(place: Path, address: str) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 900}, locale="en-GB")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)  # with nothing else to show, the review comes first
        expect(page.locator(".finding")).to_have_count(24)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".finding")).to_have_count(31)
        first = page.locator(".finding").first
        expect(first.locator("img")).to_have_count(2)
        first.get_by_role("button", name="Leave out").click()
        expect(page.locator("#decided")).to_contain_text("1 of 31 decided, in check-reviewed.csv")
        second = page.locator(".finding").nth(1)
        second.get_by_label("Class").select_option("checks")
        second.get_by_role("button", name="Give this class").click()
        expect(second.get_by_role("button", name="Give this class")).to_have_attribute("aria-pressed", "true")
        assert decisions(place)[:3] == [("leave out", ""), ("relabel", "checks"), ("", "")]
        second.get_by_role("button", name="Give this class").click()  # takes it back
        expect(page.locator("#decided")).to_contain_text("1 of 31")
        page.get_by_label("only what is undecided").check()
        expect(page.locator(".finding").first).to_contain_text("looks like checks rather than blob")
        page.get_by_role("link", name="Same picture twice").click()
        expect(page.locator(".finding")).to_have_count(1)
        for width, scheme in ((1200, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
            for language in ("en", "zh"):
                looked_at(page, f"review-{width}-{scheme}-{language}")
                page.locator("#language").click()
        page.goto(f"{address}/#check?problem=wrong-label")
        page.locator("#language").click()
        expect(page.locator(".finding").first).to_contain_text("看起来像 checks，而不是 blob")
        looked_at(page, "review-wrong-label")
        browser.close()
    assert not errors
