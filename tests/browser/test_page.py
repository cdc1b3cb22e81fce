"""The web page in a real browser."""

import base64
import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.support.pictures import folder_of
from tests.support.serving import serving
from tests.support.untrained import finder, painter
from visus import Index, Run
from visus.graphs.runs import decode
from visus.search.duplicates.aside import move_back

expect.set_options(timeout=30_000)  # milliseconds; a busy machine answers late

SLOW = 120_000  # milliseconds, for networks that are read first

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
    shown = ("--trainings", trained_run.folder.parents[1], "--allow-move", folder / "aside")
    with serving("--index", "i.visus", "--run", trained_run.folder, *shown, cwd=folder) as own:
        yield own


SHOTS = os.environ.get("VISUS_SHOTS")  # a folder for pictures of the page in every state


def looked_at(page: Page, name: str) -> None:
    """Hold a state of the page against the rules of axe, and keep a picture of it where someone wants to look."""
    page.wait_for_load_state("networkidle")
    found = Axe().run(page).response["violations"]
    assert not found, [(own["id"], own["nodes"][0]["html"]) for own in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def drawn(folder: Path, tmp_path_factory: pytest.TempPathFactory, trained_run: Run) -> Iterator[str]:
    """A server with a detector and a segmenter, whose answers are drawn, and a study."""
    place = tmp_path_factory.mktemp("drawn")
    study = place / "runs" / "tune" / "lights-1"
    study.mkdir(parents=True)
    (study / "study.json").write_text('{"trials": 4}')
    (study / "trials.csv").write_text(
        "trial,stage,state,lr,loss,score\n0,coarse,complete,0.01,hinge,0.81\n"
        "1,coarse,complete,0.001,cross_entropy,0.9\n2,coarse,pruned,0.1,hinge,\n"
    )
    runs = [part for run in (finder(place / "finder"), painter(place / "painter")) for part in ("--run", run)]
    shown = ("--trainings", place / "runs", "--run", trained_run.folder, "--timeout", 200)
    with serving("--index", "i.visus", *runs, *shown, cwd=folder) as own:
        yield own


@contextlib.contextmanager
def open_page(address: str) -> Iterator[Page]:
    """The page in English on a desktop; whatever it asks of another host fails the test."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        own = browser.new_page(viewport={"width": 1200, "height": 900}, locale="en-GB")
        asked: list[str] = []
        errors: list[str] = []
        own.on("request", lambda request: asked.append(request.url))
        own.on("pageerror", lambda error: errors.append(str(error)))
        own.on(
            "console",
            lambda message: (
                errors.append(message.text)
                if message.type == "error" and not re.search("404|422", message.text)  # what a test asked for
                else None
            ),
        )
        own.goto(address)
        expect(own.locator(".tile img[src]")).to_have_count(13)
        yield own
        browser.close()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not errors


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with open_page(address) as own:
        yield own


def choose(page: Page, folder: Path) -> None:
    page.set_input_files("#file", str(min((folder / "photos").glob("0*"))))


def test_the_wall_shows_all_pictures_and_words_choose_among_them(page: Page) -> None:
    expect(page.locator("#count")).to_have_text("13 pictures")
    page.locator("#words").fill("COPY")
    page.locator("#find-in").select_option("paths")
    page.locator("#find-go").click()
    expect(page.locator("#count")).to_have_text("1 picture found")
    expect(page.locator(".tile")).to_have_count(1)
    page.reload()  # the words stand in the address
    expect(page.locator("#count")).to_have_text("1 picture found")
    expect(page.locator("#words")).to_have_value("COPY")
    page.go_back()
    expect(page.locator(".tile")).to_have_count(13)
    page.locator(".filters summary").click()
    page.get_by_label("Shape").select_option("portrait")
    expect(page.locator("#count")).to_have_text("No picture is like that.")


def test_a_link_to_the_view_that_is_shown_leaves_it_at_its_top(page: Page) -> None:
    for view in ("wall", "trainings"):
        page.locator(f"#tab-{view}").click()
        page.wait_for_load_state("networkidle")
        page.locator(f"#tab-{view}").click()
        page.wait_for_timeout(200)
        assert page.evaluate("scrollY") == 0
        assert not page.evaluate(f"document.getElementById('{view}')")


def test_what_cannot_be_found_leads_back(page: Page) -> None:
    page.locator("#words").fill("nothing is called so")
    page.locator("#find-in").select_option("paths")
    page.locator("#find-go").click()
    page.locator("#show-all button").click()
    expect(page.locator(".tile")).to_have_count(13)
    expect(page.locator("#show-all")).to_be_hidden()
    page.locator("#tab-duplicates").click()
    page.goto(page.url.split("#")[0] + "#search?id=1")
    expect(page.locator("#message")).to_contain_text("no picture 1")
    expect(page.locator("#main h2")).to_have_text("Search")
    page.get_by_role("link", name="Show all pictures").click()
    expect(page.locator(".tile")).to_have_count(13)


def test_words_find_what_pictures_show(page: Page) -> None:
    page.locator("#words").fill("unicorn")
    page.locator("#find-go").click()
    expect(page.locator("#message")).to_contain_text("'unicorn' is not among the")
    page.locator("#words").fill("dogs")
    page.locator("#find-go").click()
    expect(page.locator("#results-title")).to_be_visible()
    expect(page.locator("#results")).to_contain_text("118 kinds")
    looked_at(page, "words")
    page.locator("#all-the-same").click()
    expect(page.locator("#hits li")).to_have_count(12)
    page.locator("#words").fill("dogs - 0.5 beach")
    page.locator("#find-go").click()
    expect(page.locator("#hits li")).to_have_count(12)
    page.locator("#hits .shown").first.click()
    page.locator("#why").click()
    expect(page.locator("#why-told img")).to_have_count(1)
    looked_at(page, "words-why")
    page.locator("#details-close").click()
    page.reload()  # the words stand in the address
    expect(page.locator("#words")).to_have_value("dogs - 0.5 beach")


def test_words_ask_beside_a_picture(page: Page, folder: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    page.locator("#words-too").fill("+ snow - 0.5 beach")
    page.locator("#words-too").press("Enter")
    expect(page.locator("#results")).to_contain_text("snow stands for")
    expect(page.locator("#hits li.asked")).to_have_count(1)


def test_words_ask_beside_pictures_that_are_sent(page: Page, folder: Path) -> None:
    first, second = (str(path) for path in sorted((folder / "photos").glob("0*"))[1:3])
    page.locator("#words").fill("dogs")
    page.locator("#find-go").click()
    expect(page.locator("#query")).to_contain_text("dogs")
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.set_input_files("#more", first)  # a picture joins the words
    expect(page.locator("#results-title")).to_have_text("12 pictures for dogs + 1")
    assert answered.value.json()["words"][0]["kinds"] == 118
    page.locator(".chip.also .turn").click()
    expect(page.locator("#results-title")).to_have_text("12 pictures for dogs − 1")
    with page.expect_response(lambda response: response.url.endswith("/search")):
        page.set_input_files("#file", [first, second])
    expect(page.locator("#words")).to_have_value("")
    expect(page.locator("#hits li")).to_have_count(12)
    page.locator("#words-too").fill("+ snow")
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.locator("#words-too").press("Enter")  # words join two pictures
    assert [own["word"] for own in answered.value.json()["words"]] == ["snow"]
    expect(page.locator(".chip.also")).to_have_count(1)
    expect(page.locator("#words-too")).to_have_value("+ snow")
    page.reload()
    expect(page.locator("#words-too")).to_have_value("+ snow")
    expect(page.locator("#words")).to_have_value("")
    expect(page.locator(".chip.also img")).to_have_count(1)


def test_the_first_view_asks_for_little(address: str) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        own = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        asked: list[tuple[str, int]] = []
        own.on("requestfinished", lambda request: asked.append((request.url, request.sizes()["responseBodySize"])))
        own.goto(address)
        expect(own.locator(".tile img[src]")).to_have_count(13)
        own.wait_for_load_state("networkidle")
        pictures = [url for url, _ in asked if "/thumbnails/" in url]
        assert len(pictures) == 13
        assert len(asked) - len(pictures) <= 30
        assert sum(size for url, size in asked if "/thumbnails/" not in url) < 150_000
        browser.close()


def test_a_wall_of_very_many_pictures_has_few_nodes(page: Page, address: str) -> None:
    shapes = base64.b64encode(bytes(96 + (k * 37) % 80 for k in range(100_000))).decode()
    first = page.request.get(f"{address}/wall/pictures?limit=1").json()["pictures"][0]

    def wall(route: Route) -> None:
        route.fulfill(json={"version": "many", "total": 100_000, "shapes": shapes})

    def part(route: Route) -> None:
        route.fulfill(json={"version": "many", "total": 100_000, "pictures": [first] * 100})

    page.route("**/wall?*", wall)
    page.route("**/wall/pictures?*", part)
    for width, height in ((1280, 800), (390, 800), (2560, 1400)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(page.url.split("#")[0] + "#wall?order=oldest")
        page.reload()
        expect(page.locator("#count")).to_have_text("100,000 pictures")
        for place in (0.0, 0.37, 1.0):
            page.evaluate(f"scrollTo(0, document.body.scrollHeight * {place})")
            page.wait_for_timeout(200)
            assert 0 < page.evaluate("document.querySelectorAll('#rows *').length") <= 300
            assert page.locator(".tile").last.is_visible()
    page.locator(".tile").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".tile:focus img")).to_have_attribute("alt", re.compile("100,000 of 100,000"))


def test_a_picture_is_searched_for_and_a_hit_with_it(page: Page, folder: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    expect(page.locator("#results-title")).to_have_text("12 pictures like 0000.jpg")
    expect(page.locator("#news")).to_have_text("12 pictures like 0000.jpg")
    expect(page.locator("#hits li").first).to_contain_text("1.000")
    expect(page.locator("#hits li").first).to_contain_text("1 copy")
    expect(page.locator("#hits li").first).to_contain_text("your picture")
    assert (page.locator("#hits li").first.bounding_box() or {"y": 999})["y"] < 250
    page.locator("#hits li .shown").nth(4).click()
    expect(page.locator("#details")).to_be_visible()
    page.locator("#like").click()
    expect(page.locator("#hits li.asked")).to_have_count(1)
    expect(page.locator("#hits li").first).to_contain_text("1.000")
    page.locator(".filters summary").click()
    page.locator("#least").fill("0.99")
    expect(page.locator("#hits li")).not_to_have_count(12)
    page.reload()  # the question stands in the address
    expect(page.locator("#hits li.asked")).to_have_count(1)
    expect(page.locator("#least")).to_have_value("0.99")


def test_a_dropped_picture_is_there_after_a_reload(page: Page, folder: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    page.reload()
    expect(page.locator("#results-title")).to_have_text("12 pictures like 0000.jpg")


def test_details_go_on_by_arrow_keys_and_the_focus_returns(page: Page, folder: Path) -> None:
    page.locator(".tile").nth(2).click()
    first = page.locator("#details-title").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#details-title")).not_to_have_text(first)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#details-title")).to_have_text(first)
    expect(page.locator("#details .path")).to_contain_text(str(folder / "photos"))
    page.locator("#runs-say").click()
    expect(page.locator("#details-more .bars li").first).to_contain_text("%")
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    expect(page.locator(".tile:focus")).to_have_count(1)
    page.locator(".tile").nth(2).click()
    expect(page.locator("#details")).to_be_visible()
    page.go_back()
    expect(page.locator("#details")).to_be_hidden()


def test_why_with_a_part_and_several_pictures(page: Page, folder: Path) -> None:
    choose(page, folder)
    page.locator("#hits li .shown").nth(1).click()
    page.locator("#also-add").click()
    expect(page.locator(".chip.also")).to_have_count(1)
    page.locator("#hits li .shown").nth(3).click()
    page.locator("#unlike-add").click()
    expect(page.locator(".chip.unlike")).to_have_count(1)
    without = page.get_by_role("button", name="Take it away")
    without.first.click()
    expect(page.locator(".chip")).to_have_count(1)
    without.first.click()
    expect(page.locator(".chip")).to_have_count(0)


def test_pictures_that_are_sent_ask_together(page: Page, folder: Path) -> None:
    first, second, third = (str(path) for path in sorted((folder / "photos").glob("0*"))[1:4])
    page.locator("#words").fill("tiger")
    page.set_input_files("#file", [first, second])
    expect(page.locator(".chip.also img")).to_have_count(1)
    expect(page.locator("#words")).to_have_value("")  # pictures ask now, not words
    expect(page.locator("#hits li")).to_have_count(12)
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.set_input_files("#more", third)
    assert {hit["name"] for hit in answered.value.json()["hits"][:3]} == {"0001.jpg", "0002.jpg", "0003.jpg"}
    expect(page.locator(".chip.also")).to_have_count(2)
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.locator(".chip.also .turn").last.click()
    expect(page.locator(".chip.unlike")).to_have_count(1)
    expect(page.locator("#results-title")).to_have_text("12 pictures like 0001.jpg + 1 − 1")
    assert "0003.jpg" not in {hit["name"] for hit in answered.value.json()["hits"][:3]}
    page.reload()  # they stay in this browser
    expect(page.locator(".chip img")).to_have_count(2)
    expect(page.locator("#hits li")).to_have_count(12)
    assert page.evaluate("[...document.querySelectorAll('.chip img')].every((own) => own.naturalWidth > 0)")
    looked_at(page, "several")


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
    expect(page.locator("#canvas")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    with page.expect_response(lambda response: response.url.endswith("/search")) as answered:
        page.keyboard.press("Enter")
    expect(page.locator("#part")).not_to_have_text(before)
    score = answered.value.json()["hits"][0]["score"]
    expect(page.locator("#hits li b").first).to_have_text(f"{score:.3f}")
    page.locator("#hits li .shown").first.click()
    with page.expect_response(lambda response: response.url.endswith("/why")) as told:  # of the same part
        page.locator("#why").click()
    assert abs(told.value.json()["score"] - score) < 0.02
    expect(page.locator("#why-told .outlined .heat")).to_be_visible()
    assert (page.locator("#why-told .heat").get_attribute("src") or "").startswith("data:image/jpeg")
    page.keyboard.press("Escape")
    handle = page.locator(".handle.se").bounding_box()
    assert handle
    before = page.locator("#part").inner_text()
    page.mouse.move(handle["x"] + 6, handle["y"] + 6)
    page.mouse.down()
    page.mouse.move(handle["x"] + 40, handle["y"] + 30)
    page.mouse.up()
    expect(page.locator("#part")).not_to_have_text(before)
    page.locator("#whole").click()
    expect(page.locator("#part")).to_have_text("all of it")


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"tab-wall", "tab-duplicates", "tab-networks", "language", "file", "words", "find-go", "tile"} <= reached
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#details")).to_be_visible()


def test_duplicates(page: Page) -> None:
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    expect(page.locator("#groups li")).to_have_count(2)
    expect(page.locator("#groups")).to_contain_text("keep")
    expect(page.locator("#groups li").nth(1)).to_contain_text("byte-identical")
    expect(page.locator("#totals")).to_contain_text("1 group with 1 copy; 1 may go")
    page.locator("#groups .small").click()
    expect(page.locator("#compare")).to_be_visible()
    looked_at(page, "compare")
    page.keyboard.press("Escape")
    page.locator("#groups li .shown").first.click()
    page.locator("#like").click()  # search with it
    expect(page.locator("#hits li")).to_have_count(12)


def test_copies_are_moved_aside_only_when_asked(page: Page, folder: Path) -> None:
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    expect(page.locator("#groups li")).to_have_count(2)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#move-all").click()
    expect(page.locator("#totals")).to_contain_text("1 file was moved aside")
    assert len(list((folder / "photos").iterdir())) == 12
    move_back(folder / "aside")
    Index(folder / "i.visus").add(folder / "photos")
    assert len(list((folder / "photos").iterdir())) == 13


def test_what_was_decided_is_not_listed_again(page: Page, folder: Path) -> None:
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    page.get_by_role("button", name="Keep all of them").click()
    expect(page.locator("#groups li")).to_have_count(0)
    page.locator("#find-duplicates").click()
    expect(page.locator("#groups")).to_contain_text("No duplicates.")
    pair = [min((folder / "photos").iterdir()), folder / "photos" / "zz-copy.jpg"]
    assert Index(folder / "i.visus").decide(pair, "undecided")  # for the tests below


def test_hits_and_answers_are_those_of_the_picture_that_is_shown(page: Page, folder: Path) -> None:
    first, second = sorted((folder / "photos").glob("0*"))[1:3]
    page.set_input_files("#file", str(first))
    expect(page.locator("#hits li").first).to_contain_text(first.name)
    page.get_by_role("link", name="Ask the networks").click()
    page.locator("#predict").click()
    expect(page.locator("#predict-answer")).to_contain_text("%")
    page.set_input_files("#file", str(second))
    expect(page.locator("#predict-answer")).to_have_text("")
    page.get_by_role("link", name="Search with it").click()
    expect(page.locator("#hits li").first).to_contain_text(second.name)


def test_an_answer_that_comes_too_late_is_not_shown(page: Page, folder: Path) -> None:
    first, second = sorted((folder / "photos").glob("0*"))[:2]
    page.locator("#tab-networks").click()
    page.set_input_files("#file", str(first))
    expect(page.locator("#canvas")).to_be_visible()
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/predict", hold)
    page.locator("#predict").click()
    expect(page.locator("#busy-text")).to_have_text("Working …")
    expect(page.locator("#busy")).to_be_in_viewport()
    expect(page.locator("#predict")).to_have_attribute("aria-disabled", "true")
    page.set_input_files("#file", str(second))
    expect(page.locator(".told .name")).to_have_text(second.name)
    with page.expect_response(lambda response: response.url.endswith("/predict")):
        waiting[0].continue_()
    expect(page.locator("#busy")).to_be_hidden()
    expect(page.locator("#predict-answer")).to_have_text("")


def test_work_can_be_cancelled(page: Page, folder: Path) -> None:
    page.locator("#tab-networks").click()
    choose(page, folder)
    page.route("**/predict", lambda route: None)  # an answer never comes
    page.locator("#predict").click()
    expect(page.locator("#busy")).to_be_visible()
    assert not Axe().run(page).response["violations"]
    page.locator("#busy-cancel").click()
    expect(page.locator("#busy")).to_be_hidden()
    expect(page.locator("#message")).to_have_text("")


def test_a_file_that_cannot_be_shown_changes_nothing(page: Page, folder: Path, tmp_path: Path) -> None:
    choose(page, folder)
    expect(page.locator("#hits li")).to_have_count(12)
    (tmp_path / "a.tif").write_bytes(b"II*\0 and so on")
    page.set_input_files("#file", str(tmp_path / "a.tif"))
    expect(page.locator("#message")).to_contain_text("This browser cannot show that file")
    expect(page.locator("#message")).to_be_in_viewport()
    expect(page.locator("#hits li").first).to_contain_text("1.000")


def test_a_run_predicts_explains_and_is_fooled(page: Page, folder: Path) -> None:
    page.locator("#tab-networks").click()
    choose(page, folder)
    page.locator("#predict").click()
    expect(page.locator("#predict-answer .bars li")).to_have_count(3)
    page.locator("#method").select_option("saliency")
    page.locator("#explain").click()
    expect(page.locator("#explain-answer img")).to_have_count(2)
    page.locator("#epsilon").fill("8")
    page.locator("#fool").click()
    expect(page.locator("#fool-answer img")).to_have_count(3)
    expect(page.locator("#fool-answer p").first).to_contain_text("ooled")
    page.locator("#curves summary").click()
    expect(page.locator("#curves svg")).to_have_count(2)
    looked_at(page, "networks")


def test_objects_and_masks_are_drawn_in_the_colors_of_their_legend(drawn: str, folder: Path) -> None:
    with open_page(drawn) as page:
        page.locator("#tab-networks").click()
        page.locator("#run").select_option("finder")
        choose(page, folder)
        with page.expect_response(lambda own: own.url.endswith("/predict"), timeout=SLOW) as answered:
            page.locator("#predict").click()
        found = answered.value.json()["objects"]
        assert found
        expect(page.locator("#predict-answer rect")).to_have_count(len(found))
        expect(page.locator("#predict-answer .bars li")).to_have_count(len(found))
        rect = page.locator("#predict-answer rect").first
        assert [float(rect.get_attribute(name) or "nan") for name in ("x", "y")] == pytest.approx(found[0]["box"][:2])
        shown = page.locator("#predict-answer canvas").evaluate(
            "own => [own.width, own.height, [...own.getContext('2d').getImageData(0, 0, own.width, own.height).data]]"
        )
        painted = np.array(shown[2], np.uint8).reshape(shown[1], shown[0], 4)[..., 3] > 0
        masks = np.any([decode(own["segmentation"]) for own in found], axis=0)
        np.testing.assert_array_equal(painted, masks)  # the picture is small: a pixel is a pixel
        looked_at(page, "detector")
        page.locator("#run").select_option("painter")
        page.locator("#predict").click()
        expect(page.locator("#predict-answer .answer")).to_be_visible(timeout=SLOW)
        expect(page.locator("#predict-answer .spot").first).to_be_visible()
        looked_at(page, "segmenter")


def test_a_study_shows_its_trials(drawn: str) -> None:
    with open_page(drawn) as page:
        page.locator("#tab-trainings").click()
        expect(page.locator("#training")).to_contain_text("running, 3 / 4 trials")
        expect(page.locator("#training svg circle")).to_have_count(2)  # those with a score
        expect(page.locator("#training .bars li")).to_have_text(
            [re.compile("cross_entropy.*90.0"), re.compile("hinge")]
        )
        page.get_by_text("The numbers").click()
        expect(page.locator("#training td", has_text="pruned")).to_have_count(1)
        looked_at(page, "study")


def test_a_training_grows_while_it_runs(page: Page, trained_run: Run) -> None:
    folder = trained_run.folder.parent / "growing-1"
    folder.mkdir()
    (folder / "config.toml").write_text('task = "classify"\nepochs = 9\n')
    (folder / "summary.json").write_text('{"status": "started"}')
    table = "epoch,train_loss,train_accuracy,val_loss,val_accuracy,seconds\n1,0.9,0.5,0.8,0.6,1.0\n"
    (folder / "metrics.csv").write_text(table)
    try:
        page.locator("#tab-trainings").click()
        page.get_by_role("link", name="growing-1").click()
        expect(page.locator("#training")).to_contain_text("running, 1 / 9 epochs")
        (folder / "metrics.csv").write_text(table + "2,0.7,0.6,0.6,0.75,1.0\n")
        expect(page.locator("#training")).to_contain_text("running, 2 / 9 epochs")
        expect(page.locator("#training svg")).to_have_count(2)
        looked_at(page, "trainings")
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        *(pytest.param(*view, marks=pytest.mark.long) for view in [(1280, "dark"), (768, "light"), (768, "dark")]),
        pytest.param(390, "light", marks=pytest.mark.long),
    ],
)
def test_every_state_can_be_read_by_everyone(page: Page, folder: Path, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    page.set_viewport_size({"width": width, "height": 800})
    for language in ("en", "zh"):
        tag = f"{width}-{scheme}-{language}"
        page.locator("#tab-wall").click()
        expect(page.locator(".tile").first).to_be_visible()
        looked_at(page, f"{tag}-wall")
        page.locator(".tile").first.click()
        expect(page.locator("#details")).to_be_visible()
        looked_at(page, f"{tag}-details")
        page.locator("#like").click()
        expect(page.locator("#hits li").first).to_be_visible()
        page.locator(".filters summary").click()
        looked_at(page, f"{tag}-search")
        page.locator("#tab-duplicates").click()
        page.locator("#find-duplicates").click()
        expect(page.locator("#totals")).not_to_be_empty()
        looked_at(page, f"{tag}-duplicates")
        page.locator("#tab-networks").click()
        expect(page.locator(".card").first).to_be_visible()
        looked_at(page, f"{tag}-networks")
        page.locator("#language").click()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("view", ["pictures", "networks"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_every_further_state_can_be_read_too(drawn: str, folder: Path, width: int, scheme: str, view: str) -> None:
    with open_page(drawn) as page:
        page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        page.set_viewport_size({"width": width, "height": 800})
        for language in ("en", "zh"):
            {"pictures": states_of_pictures, "networks": states_of_networks}[view](
                page, folder, f"{width}-{scheme}-{language}"
            )
            page.locator("#language").click()


def states_of_pictures(page: Page, folder: Path, tag: str) -> None:
    """Go through what the page can show of pictures."""
    first, second = (str(path) for path in sorted((folder / "photos").glob("0*"))[:2])
    page.locator("#tab-wall").click()
    page.locator(".filters summary").click()
    looked_at(page, f"{tag}-filters")
    page.locator("#words").fill("nothing is called so")
    page.locator("#find-in").select_option("paths")
    page.locator("#words").press("Enter")  # a phone has no button for it
    expect(page.locator(".tile")).to_have_count(0)
    looked_at(page, f"{tag}-none")
    states_of_words(page, second, tag)
    page.set_input_files("#file", [first, second])
    expect(page.locator(".chip img")).to_have_count(1)
    expect(page.locator("#hits li").first).to_be_visible()
    page.locator(".chip .turn").click()
    expect(page.locator(".chip.unlike")).to_have_count(1)
    looked_at(page, f"{tag}-several")
    page.locator(".chip button").last.click()
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#whole")).to_be_visible()
    expect(page.locator("#hits li").first).to_be_visible()
    looked_at(page, f"{tag}-part")
    page.locator("#hits li .shown").nth(1).click()
    page.locator("#why").click()
    expect(page.locator("#why-told .heat")).to_be_visible()
    looked_at(page, f"{tag}-why")
    page.locator("#runs-say").click()
    expect(page.locator("#details-more h3")).to_have_count(3, timeout=SLOW)
    looked_at(page, f"{tag}-say")
    page.keyboard.press("Escape")
    page.locator("#tab-duplicates").click()
    page.locator("#find-duplicates").click()
    page.locator("#groups .small").first.click()
    expect(page.locator("#compare")).to_be_visible()
    looked_at(page, f"{tag}-compare")
    page.keyboard.press("Escape")
    page.goto(page.url.split("#")[0] + "#search?id=1")
    expect(page.locator("#message")).not_to_be_empty()
    looked_at(page, f"{tag}-error")


def states_of_words(page: Page, picture: str, tag: str) -> None:
    """Go through what the page can show of words."""
    page.locator("#find-in").select_option("pictures")
    page.locator("#words").fill("unicorn")
    page.locator("#words").press("Enter")
    expect(page.locator("#message")).to_contain_text("unicorn")
    looked_at(page, f"{tag}-unknown")
    page.locator("#words").fill("dogs - 0.5 beach")
    page.locator("#words").press("Enter")
    expect(page.locator("#hits li").first).to_be_visible()
    page.set_input_files("#more", picture)
    expect(page.locator(".chip.also")).to_have_count(1)
    looked_at(page, f"{tag}-words")
    page.set_input_files("#file", picture)
    expect(page.locator("#refine")).to_be_visible()
    if not page.locator("#words-too").is_visible():
        page.locator("#refine summary").click()
    page.locator("#words-too").fill("+ snow")
    page.locator("#words-too").press("Enter")
    expect(page.locator("#results")).to_contain_text("snow")
    expect(page.locator("#hits li").first).to_be_visible()
    looked_at(page, f"{tag}-words-too")


def states_of_networks(page: Page, folder: Path, tag: str) -> None:
    """Go through what the page can show of networks and studies."""
    page.locator("#tab-networks").click()
    choose(page, folder)
    for run in ("finder", "painter", "textures-1"):
        page.locator("#run").select_option(run)
        expect(page.locator("#predict-answer")).to_be_empty()
        page.locator("#predict").click()
        expect(page.locator("#predict-answer")).not_to_be_empty(timeout=SLOW)
        page.locator("#method").select_option("saliency")
        page.locator("#explain").click()
        expect(page.locator("#explain-answer img")).to_have_count(2, timeout=SLOW)
        looked_at(page, f"{tag}-{run}")
    page.locator("#fool").click()
    expect(page.locator("#fool-answer img")).to_have_count(3)
    page.locator("#curves summary").click()
    expect(page.locator("#curves svg")).to_have_count(2)
    looked_at(page, f"{tag}-fooled")
    page.locator("#tab-trainings").click()
    expect(page.locator("#training svg")).to_have_count(1)
    looked_at(page, f"{tag}-study")


def test_chinese_and_a_phone(page: Page, folder: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    choose(page, folder)
    page.locator("#language").click()
    expect(page.locator("#tab-wall")).to_have_text("图片")
    expect(page.locator("#hits li")).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.goto(page.url.split("#")[0] + "#search?id=1")
    expect(page.locator("#message")).to_have_text("索引中没有图片 1。")  # a sentence of the server


def test_what_is_wrong_is_said(page: Page, folder: Path) -> None:
    page.locator("#tab-networks").click()
    expect(page.locator("#predict")).to_be_disabled()
    expect(page.locator("#main")).to_contain_text("Drop, paste or choose a picture first.")


def test_a_server_that_goes_is_looked_for_again(folder: Path) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page = browser.new_page(locale="en-GB")
        with serving("--index", "i.visus", cwd=folder) as own:
            page.goto(own)
            expect(page.locator(".tile").first).to_be_visible()
        page.locator("#words").fill("copy")
        page.locator("#find-in").select_option("paths")
        page.locator("#find-go").click()
        expect(page.locator("#gone")).to_have_text("The server is gone; trying again …")
        with serving("--index", "i.visus", cwd=folder, port=int(own.rpartition(":")[2])):
            expect(page.locator("#count")).to_have_text("1 picture found")
            expect(page.locator("#gone")).to_be_hidden()
        browser.close()


def test_a_token_is_asked_for(folder: Path) -> None:
    with serving("--index", "i.visus", cwd=folder, VISUS_TOKEN="geheim") as own, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page = browser.new_page(locale="en-GB")
        page.goto(own)
        expect(page.locator("#gate")).to_be_visible()
        expect(page.locator("#message")).to_contain_text("Enter the token")
        expect(page.locator("#main")).to_be_hidden()
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
