"""The web page in a real browser: first paint, scrolling a wall of very many pictures, and from a search to its hits.

    python -m benchmarks.page [--rows 100000]

An index is made up: a few photographs that ship with visus, whose rows are written again and again under other names.
Chromium draws in software on one core; the server has the other, where there are two.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from playwright.sync_api import Page, sync_playwright
from tests.support.serving import serving

import visus.search
from visus import Index
from visus.search.store import Store

PHOTOGRAPHS = Path(visus.search.__file__).parent / "photographs"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_SECONDS = 8  # of scrolling
_SEARCHES = 9

# Scrolls a few rows each frame, and notes how long each frame took.
_SCROLL = """(seconds) => new Promise((done) => {
  const frames = [], end = performance.now() + 1000 * seconds;
  let before = performance.now();
  const step = (now) => {
    frames.push(now - before);
    before = now;
    scrollBy(0, 60);
    if (now < end) requestAnimationFrame(step);
    else done(frames.slice(2));
  };
  requestAnimationFrame(step);
})"""


def synthetic(folder: Path, rows: int) -> Path:
    """An index of as many rows, of which the first are photographs that are there."""
    place = folder / "i.visus"
    shutil.copytree(PHOTOGRAPHS, folder / "photos")
    Index(place).add(folder / "photos")
    store = Store(place)
    own = store.table.to_table()
    times = len(own)
    copies = [own]
    for k in range(1, -(-rows // times)):
        part = own.slice(0, min(times, rows - k * times))
        made: dict[str, Any] = {
            "id": pa.array(np.arange(len(part), dtype=np.int64) + (1 << 40) + k * times),
            "path": pa.array(
                [f"/nowhere/{k:05d}/{os.path.basename(path)}" for path in part.column("path").to_pylist()]
            ),
        }
        for name, column in made.items():
            part = part.set_column(part.schema.get_field_index(name), own.schema.field(name), column)
        nothing = pa.nulls(len(part), pa.int64())
        for name in ("place_sum",):  # another path has another checksum; a row without one is not checked
            part = part.set_column(part.schema.get_field_index(name), own.schema.field(name), nothing)
        copies.append(part)
    store.append(pa.concat_tables(copies[1:]))
    return place


def paint(page: Page, address: str) -> tuple[float, float]:
    """Milliseconds until the page is first painted, and until its first picture is there."""
    page.goto(address)
    page.wait_for_function("() => document.querySelector('.tile img')?.naturalWidth > 0")
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return first, page.evaluate("performance.now()")


def searched(page: Page) -> tuple[float, float]:
    """Milliseconds from a click to the hits on the screen, and those that the server took."""
    page.goto(page.url.split("#")[0] + "#wall?text=photos+tabby-cat")  # those whose files are there
    page.locator(".tile[title]").first.click()
    page.locator("#like").wait_for()
    took = page.evaluate("""() => new Promise((done) => {
      const started = performance.now();
      performance.clearResourceTimings();
      new MutationObserver((_, own) => {
        if (!document.querySelector("#hits li")) return;
        own.disconnect();
        requestAnimationFrame(() => setTimeout(() => {
          const asked = performance.getEntriesByType("resource").find((one) => one.name.endsWith("/search"));
          done([performance.now() - started, asked.duration]);
        }));
      }).observe(document.querySelector("#main"), { childList: true, subtree: true });
      document.querySelector("#like").click();
    })""")
    return took[0], took[1]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        place = synthetic(folder, rows)
        print(f"page: {rows:,} rows made up in {time.perf_counter() - started:.0f} s; Chromium draws in software")
        with serving("--index", place, "--log", "off", cwd=folder) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
            page.goto(address)
            page.wait_for_selector(".tile img[src]")  # the server has read the index
            pairs = [paint(page, f"{address}/?{k}") for k in range(5)]
            first, there = (statistics.median(own) for own in zip(*pairs, strict=True))
            print(f"first paint {first:.0f} ms, first picture {there:.0f} ms (medians of 5)")
            frames = np.array(page.evaluate(_SCROLL, _SECONDS))
            nodes = page.evaluate("document.querySelectorAll('#rows *').length")
            low = np.mean(frames <= 50)
            print(
                f"scrolling {_SECONDS} s: {len(frames)} frames, {low:.1%} within 50 ms, the longest "
                f"{frames.max():.0f} ms, {nodes} nodes"
            )
            took = [searched(page) for _ in range(_SEARCHES)]
            whole, server = (statistics.median(own) for own in zip(*took, strict=True))
            print(f"search to hits {whole:.0f} ms, of which the server took {server:.0f} ms (medians of {_SEARCHES})")
            browser.close()


if __name__ == "__main__":
    main()
