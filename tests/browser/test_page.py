"""The web page in a real browser."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.support.pictures import folder_of
from tests.support.serving import serving
from visus import Index, Run

expect.set_options(timeout=30_000)  # milliseconds; a busy machine answers late

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; on Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    folder_of(place / "photos", 12)
    first = min((place / "photos").iterdir())
    shutil.copy(first, place / "photos" / "zz-copy.jpg")
    Index(place / "i.visus").add(place / "photos")
    return place


@pytest.fixture(scope="module")
def address(folder: Path, trained_run: Run) -> Iterator[str]:
    with serving("--index", "i.visus", "--run", trained_run.folder, cwd=folder) as own:
        yield own


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The page in English on a desktop; whatever it asks of another host fails the test."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        own = browser.new_page(viewport={"width": 1200, "height": 900}, locale="en-GB")
        asked: list[str] = []
        errors: list[str] = []
        own.on("request", lambda request: asked.append(request.url))
        own.on("pageerror", lambda error: errors.append(str(error)))
        own.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        own.goto(address)
        yield own
        browser.close()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not errors


def choose(page: Page, folder: Path) -> None:
    page.set_input_files("#file", str(min((folder / "photos").glob("0*"))))


def test_a_picture_is_searched_for_and_a_hit_with_it(page: Page, folder: Path) -> None:
    expect(page.locator("#count")).to_have_text("13 pictures")
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    expect(page.locator("#hits li p").first).to_contain_text("1.000")
    expect(page.locator("#hits li p").first).to_contain_text("1 copy")
    page.locator("#hits li .shown").nth(4).click()
    expect(page.locator("#hits li p").first).to_contain_text("1.000")
    page.locator("#least").fill("0.99")
    expect(page.locator("#hits li")).not_to_have_count(12)
    page.locator("#hits li .small").first.click()
    expect(page.locator("#why")).to_be_visible()
    assert (page.locator("#why-query").get_attribute("src") or "").startswith("data:image/jpeg")
    page.keyboard.press("Escape")
    expect(page.locator("#why")).to_be_hidden()


def test_a_rectangle_by_mouse_and_by_keyboard(page: Page, folder: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)  # the whole picture has been searched for
    box = page.locator("#canvas").bounding_box()
    assert box
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.up()
    assert answered.value.json()["hits"][0]["score"] < 0.9999  # a part of it is not the whole
    before = page.locator("#part").inner_text()
    assert re.fullmatch(r"\d+, \d+, \d+, \d+", before)
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert page.locator("#part").inner_text() != before
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.keyboard.press("Enter")
    with page.expect_response(lambda response: response.url.endswith("/why")) as told:  # of the same part
        page.locator("#hits li .small").first.click()
    assert abs(told.value.json()["score"] - answered.value.json()["hits"][0]["score"]) < 0.02
    page.keyboard.press("Escape")
    page.locator("#whole").click()
    expect(page.locator("#part")).to_have_text("all of it")


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"tab-search", "tab-duplicates", "tab-runs", "language", "file", "k", "least"} <= reached
    page.locator("#tab-search").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#duplicates")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#search")).to_be_visible()


def test_duplicates(page: Page) -> None:
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    expect(page.locator("#groups li")).to_have_count(2)
    expect(page.locator("#groups")).to_contain_text("keep")
    expect(page.locator("#groups li p").nth(1)).to_contain_text("byte-identical")
    page.locator("#groups li .shown").first.click()  # search with it
    expect(page.locator("#hits li")).to_have_count(12)


def test_what_was_decided_is_not_listed_again(page: Page) -> None:
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    page.get_by_role("button", name="Keep all of them").click()
    expect(page.locator("#groups li")).to_have_count(0)
    page.locator("#find-duplicates").click()
    expect(page.locator("#groups")).to_contain_text("No duplicates.")


def test_hits_and_answers_are_those_of_the_picture_that_is_shown(page: Page, folder: Path) -> None:
    first, second = sorted((folder / "photos").glob("0*"))[1:3]
    page.set_input_files("#file", str(first))
    expect(page.locator("#hits li p").first).to_contain_text(first.name)
    page.locator("#tab-runs").click()
    page.locator("#predict").click()
    expect(page.locator("#answer")).to_contain_text("%")
    page.set_input_files("#file", str(second))
    expect(page.locator("#answer")).to_have_text("")
    page.locator("#tab-search").click()
    expect(page.locator("#hits li p").first).to_contain_text(second.name)


def test_an_answer_that_comes_too_late_is_not_shown(page: Page, folder: Path) -> None:
    first, second = sorted((folder / "photos").glob("0*"))[:2]
    page.locator("#tab-runs").click()
    page.set_input_files("#file", str(first))
    expect(page.locator("#frame")).to_be_visible()
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/predict", hold)
    page.locator("#predict").click()
    expect(page.locator("#message")).to_have_text("Working …")
    expect(page.locator("#message")).to_be_in_viewport()
    expect(page.locator("#predict")).to_be_disabled()
    page.set_input_files("#file", str(second))
    with page.expect_response(lambda response: response.url.endswith("/predict")):
        waiting[0].continue_()
    expect(page.locator("#message")).to_have_text("")
    expect(page.locator("#predict")).to_be_enabled()
    expect(page.locator("#answer")).to_have_text("")


def test_a_file_that_cannot_be_shown_changes_nothing(page: Page, folder: Path, tmp_path: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    (tmp_path / "a.tif").write_bytes(b"II*\0 and so on")
    page.set_input_files("#file", str(tmp_path / "a.tif"))
    expect(page.locator("#message")).to_contain_text("This browser cannot show that file")
    expect(page.locator("#message")).to_be_in_viewport()
    page.locator("#k").fill("5")
    expect(page.locator("#hits li")).to_have_count(5)
    expect(page.locator("#hits li p").first).to_contain_text("1.000")


def test_a_run_predicts_explains_and_is_fooled(page: Page, folder: Path) -> None:
    choose(page, folder)
    page.locator("#tab-runs").click()
    page.locator("#predict").click()
    expect(page.locator("#answer")).to_contain_text("%")
    page.locator("#method").select_option("saliency")
    page.locator("#explain").click()
    expect(page.locator("#pictures img")).to_have_count(2)
    page.locator("#epsilon").fill("8")
    expect(page.locator("#pictures img")).to_have_count(3)
    expect(page.locator("#answer")).to_contain_text("→")
    expect(page.locator("#curves")).to_be_visible()


def test_chinese_and_a_phone(page: Page, folder: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    choose(page, folder)
    page.locator("#language").click()
    expect(page.locator("#tab-search")).to_have_text("搜索")
    expect(page.locator("#hits li")).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.lang") == "zh"


def test_what_is_wrong_is_said(page: Page, folder: Path) -> None:
    page.locator("#tab-runs").click()
    page.locator("#predict").click()
    expect(page.locator("#message")).to_contain_text("Choose a picture first.")


def test_a_token_is_asked_for(folder: Path) -> None:
    with serving("--index", "i.visus", cwd=folder, VISUS_TOKEN="geheim") as own, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page = browser.new_page(locale="en-GB")
        page.goto(own)
        expect(page.locator("#gate")).to_be_visible()
        expect(page.locator("#message")).to_contain_text("Enter the token")
        expect(page.locator("#query")).to_be_hidden()
        for wrong in ("falsch", "gehéim字"):
            page.locator("#token").fill(wrong)
            page.keyboard.press("Enter")
            expect(page.locator("#message")).to_contain_text("That token is wrong.")
        page.locator("#token").fill("geheim")
        page.keyboard.press("Enter")
        expect(page.locator("#gate")).to_be_hidden()
        choose(page, folder)
        expect(page.locator("#hits li")).to_have_count(12)
        page.wait_for_timeout(1000)
        assert page.evaluate("[...document.querySelectorAll('#hits img')].every((i) => i.naturalWidth > 0)")
        browser.close()
