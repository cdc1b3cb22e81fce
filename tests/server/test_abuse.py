"""What one client can cost a server: whatever it sends, others are answered, and afterwards all places are free."""

import concurrent.futures
import contextlib
import io
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.support.pictures import folder_of
from tests.support.serving import serving
from visus import Index, Run

pytestmark = pytest.mark.slow

AT_ONCE, CONNECTIONS, LINE = 4, 40, 1
BEGUN = (  # of a form that does not go on
    b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
)
LARGE = b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000000\r\n\r\n"
PIXELS = 2_000_000  # of a picture; twice as many at the same time


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("abused")
    folder_of(folder / "photos", 8)
    noise = np.random.default_rng(0).integers(0, 255, (1800, 1100, 3), np.uint8)
    Image.fromarray(noise).save(folder / "photos" / "large.png")  # 6 MB, more than a socket holds
    Index(folder / "i.visus").add(folder / "photos")
    return folder


@pytest.fixture(scope="module")
def address(place: Path, trained_run: Run) -> Iterator[str]:
    limits = ("--at-once", AT_ONCE, "--connections", CONNECTIONS, "--line", LINE, "--max-pixels", PIXELS / 1e6)
    with serving("--index", "i.visus", "--run", trained_run.folder, *limits, cwd=place, told=place / "told") as own:
        yield own


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """A well-behaved client; when a test ends, nothing is held any more."""
    with httpx.Client(base_url=address, timeout=60) as own:
        yield own
        until(lambda: held(own) == 0)


def held(client: httpx.Client) -> float:
    """Everything that requests can hold."""
    measures = measures_of(client)
    return sum(measures[name] for name in ("working", "arriving", "heavy_working", "heavy_waiting", "pixels_reserved"))


def measures_of(client: httpx.Client) -> dict[str, float]:
    found = re.findall(r"^visus_(\w+) ([0-9.e+]+)$", client.get("/metrics").text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def until(fulfilled: Callable[[], bool]) -> None:
    for _ in range(400):
        if fulfilled():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come true")


def at_once(count: int, ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def is_refused_well(answer: httpx.Response) -> bool:
    return (
        answer.status_code in (429, 503) and int(answer.headers["retry-after"]) > 0 and len(answer.json()["error"]) > 10
    )


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", (width, height), (1, 2, 3, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def small() -> dict[str, bytes]:
    return {"picture": png(60, 40)}


def opened(address: str, first: bytes) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    found = socket.create_connection((host, int(port)), timeout=60)
    found.sendall(first)
    return found


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while data := connection.recv(65536):
            del data
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_pictures_that_unfold_wait_for_room_or_are_refused(client: httpx.Client, address: str) -> None:
    bomb = {"picture": png(2000, 1000)}

    def ask(number: int) -> httpx.Response:
        return httpx.post(f"{address}/search", files=bomb if number % 4 else small(), timeout=60)

    answers = at_once(24, ask)
    assert all(answer.status_code == 200 or is_refused_well(answer) for answer in answers)
    assert any(answer.status_code == 200 for answer in answers)
    assert measures_of(client)["pixels_peak"] <= 2 * PIXELS
    too_large = client.post("/search", files={"picture": png(2000, 1001)})
    assert (too_large.status_code, "megapixels" in too_large.json()["error"]) == (422, True)


def test_duplicates_are_looked_for_once_however_many_ask(client: httpx.Client, address: str) -> None:
    def ask(number: int) -> httpx.Response:
        return httpx.get(f"{address}/duplicates", params={"agreement": number / 100, "limit": number + 1}, timeout=60)

    answers = at_once(80, ask)
    assert all(answer.status_code in (200, 202) or is_refused_well(answer) for answer in answers)
    until(lambda: client.get("/duplicates").status_code == 200)
    assert all(answer.status_code == 200 or is_refused_well(answer) for answer in at_once(40, ask))
    assert measures_of(client)["duplicates_begun"] == 1


def test_heavy_work_stands_in_a_short_line(client: httpx.Client, address: str, trained_run: Run) -> None:
    form = {"run": trained_run.folder.name, "method": "occlusion"}

    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{address}/explain", files=small(), data=form, timeout=60)

    answers = at_once(12, ask)
    assert all(answer.status_code == 200 or is_refused_well(answer) for answer in answers)
    assert any(answer.status_code == 200 for answer in answers)
    assert any(is_refused_well(answer) for answer in answers)


def test_slow_bodies_hold_no_place(client: httpx.Client, address: str) -> None:
    with contextlib.ExitStack() as slow:
        connections = [slow.enter_context(opened(address, BEGUN)) for _ in range(4 * AT_ONCE)]
        until(lambda: measures_of(client)["arriving"] == len(connections))
        assert client.get("/runs").status_code == 200
        assert client.get("/static/main.js").status_code == 200
        assert is_refused_well(client.post("/search", files=small()))  # no more bodies, until the slow ones are refused
        too_large = slow.enter_context(opened(address, LARGE))
        assert b" 413 " in too_large.recv(4096)
        until(lambda: measures_of(client)["arriving"] == 0)  # nothing comes any more: 408
        assert connections[0].recv(4096).startswith(b"HTTP/1.1 408")
        assert client.post("/search", files=small()).status_code == 200
        until(lambda: not is_open(too_large))  # it has its answer, and what it still had to send did not come


def test_a_body_that_drips_is_refused(client: httpx.Client, address: str) -> None:
    with opened(address, BEGUN) as slow:

        def refused() -> bool:
            with contextlib.suppress(OSError):
                slow.sendall(b"x")
            return not is_open(slow)

        until(refused)


def test_headers_that_never_end_are_not_waited_for(client: httpx.Client, address: str, place: Path) -> None:
    with contextlib.ExitStack() as slow:
        connections = [
            slow.enter_context(opened(address, b"GET / HTTP/1.1\r\nA: b\r\n")) for _ in range(2 * CONNECTIONS)
        ]
        with httpx.Client(base_url=address) as other:  # a new connection finds room
            assert other.get("/health").status_code == 200
        assert sum(map(is_open, connections)) <= CONNECTIONS
        assert f"more than {CONNECTIONS} connections" in (place / "told").read_text()
        until(lambda: not any(map(is_open, connections)))
    with opened(address, b"GET / HTTP/1.1\r\n") as large:
        with contextlib.suppress(OSError):
            for _ in range(100):
                large.sendall(b"A: " + b"b" * 8000 + b"\r\n")
        until(lambda: not is_open(large))
    with opened(address, b"nonsense\r\n\r\n") as wrong:
        answer = wrong.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"nosniff" in answer
    assert b"frame-ancestors 'none'" in answer


def test_what_comes_after_an_early_answer_is_thrown_away(client: httpx.Client, address: str) -> None:
    head = b"Host: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n"
    with opened(address, b"GET /health HTTP/1.1\r\n" + head) as early:
        for _ in range(30):
            early.sendall(b"x" * 100_000)
        early.sendall(b"GET /about HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: early.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200"]
    with opened(address, LARGE) as too_large:  # who sends all of it before reading gets the answer, not a reset
        for _ in range(600):
            too_large.sendall(b"x" * 100_000)
        assert b" 413 " in too_large.recv(4096)


def test_requests_in_a_row_on_a_connection_that_goes(place: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    with serving("--index", "i.visus", cwd=place, told=told) as own:
        for _ in range(5):
            with opened(own, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000) as gone:
                gone.recv(100)
        odd = httpx.post(
            f"{own}/search", content=b"--x\r\n\0", headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        upgrade = httpx.get(f"{own}/health", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert (odd.status_code, upgrade.status_code) == (400, 200)
    lines = told.read_text().splitlines()
    strange = [line for line in lines if not re.match(r"Serving on|\d{4}-\d\d-\d\dT", line)]
    assert not strange


def test_slow_readers_hold_no_place(client: httpx.Client, address: str) -> None:
    (hit,) = client.post("/search", files=small(), data={"where": "path LIKE '%large%'"}).json()["hits"]
    request = f"GET /pictures/{hit['id']} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with contextlib.ExitStack() as slow:
        for _ in range(3 * AT_ONCE):
            connection = slow.enter_context(opened(address, b""))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request)
            assert connection.recv(1)  # its answer has begun
        until(lambda: measures_of(client)["working"] == 0)
        assert client.post("/search", files=small()).status_code == 200


@pytest.mark.parametrize(
    "where",
    [
        "repeat('a', 1000000000) = path",
        "array_to_string(generate_series(1, 1000000000), ',') = path",
        "regexp_like(path, '(a+)+$')",
        "path LIKE repeat('%a', 100000)",
        "id IN (SELECT id FROM pictures)",
        "cast(path AS binary) IS NULL",
        "width = 1 UNION SELECT 1",
        "width > 0; DROP TABLE pictures",
        "version() = '1'",
    ],
)
def test_conditions_call_no_functions(client: httpx.Client, where: str) -> None:
    answer = client.post("/search", files=small(), data={"where": where})
    assert answer.status_code == 422
    assert len(answer.json()["error"]) > 10


@pytest.mark.parametrize(
    "where",
    [
        "width / 0 = 1 / 0",
        "(" * 900 + "width = 1" + ")" * 900,
        "NOT " * 400 + "width = 1",
        " OR ".join(["path LIKE '%a%a%a%a%a%'"] * 60),
    ],
)
def test_long_conditions_harm_nobody(client: httpx.Client, where: str) -> None:
    assert client.post("/search", files=small(), data={"where": where}).status_code in (200, 422)
    assert client.get("/health").status_code == 200


def test_pages_of_other_sites_may_not_ask(client: httpx.Client) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert client.post("/search", files=small(), headers=headers).status_code == 403
        assert client.get("/duplicates", headers=headers).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/search", files=small(), headers=own).status_code == 200


def test_every_answer_says_how_it_may_be_used(client: httpx.Client) -> None:
    answers = [
        client.get("/"),
        client.get("/static/main.js"),
        client.get("/nowhere"),
        client.post("/search"),
        client.get("/health", headers={"Host": "evil.example"}),
        client.get("/runs", headers={"Sec-Fetch-Site": "cross-site"}),
        client.post("/search", content=b"0" * 40_000_000),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 422, 421, 403, 413]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_site_that_is_allowed_may_ask(place: Path) -> None:
    with serving("--index", "i.visus", "--allow-origin", "https://photos.example", cwd=place) as own:
        allowed = {"Origin": "https://photos.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        before = httpx.options(f"{own}/search", headers={**allowed, "Access-Control-Request-Method": "POST"})
        assert before.status_code == 204
        assert "POST" in before.headers["access-control-allow-methods"]
        answer = httpx.post(f"{own}/search", files=small(), headers=allowed)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://photos.example"
        other = httpx.post(f"{own}/search", files=small(), headers={**allowed, "Origin": "https://evil.example"})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers


def test_the_server_ends_with_an_answer_for_everyone(place: Path, trained_run: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("geheim\n")
    options = ("--run", trained_run.folder, "--drain", 1, "--token-file", tmp_path / "token", "--port", 0)
    command = [sys.executable, "-m", "visus", "serve", "--index", "i.visus", *map(str, options)]
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen(command, cwd=place, stderr=told)
    until(lambda: "Serving on" in (tmp_path / "told").read_text())
    address = re.findall(r"Serving on (\S+)", (tmp_path / "told").read_text())[0]
    headers = {"Authorization": "Bearer geheim"}
    assert httpx.get(f"{address}/runs").status_code == 401
    form = {"run": trained_run.folder.name, "method": "integrated"}

    def ask(_: int) -> httpx.Response | None:
        try:
            return httpx.post(f"{address}/explain", files=small(), data=form, headers=headers, timeout=60)
        except (httpx.ConnectError, httpx.ReadError):  # it has ended; a reset is the kernel's: nobody read the request
            return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(200)]
        until(lambda: httpx.get(f"{address}/metrics", headers=headers).text.count("visus_heavy_working 1.0") == 1)
        process.terminate()
        answers = [answer for own in asked if (answer := own.result()) is not None]
    assert all(answer.status_code == 200 or is_refused_well(answer) for answer in answers)
    process.wait(30)
    text = (tmp_path / "told").read_text()
    assert "Traceback" not in text
    assert sum("POST /explain" in line for line in text.splitlines()) == len(answers)
