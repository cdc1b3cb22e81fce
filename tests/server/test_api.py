"""The HTTP API."""

import asyncio
import gzip
import io
import logging
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.support.pictures import folder_of
from visus import Index, InputError, Run, VisusError, read
from visus.explain import METHODS
from visus.search.duplicates import keep, members, stays
from visus.server.answers import Hits
from visus.server.api import create_app
from visus.server.limits import Limits, Load
from visus.server.origins import Origins
from visus.server.routes.page import STATIC
from visus.server.settings import Settings

LOCAL = "http://127.0.0.1"


def jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures and their index."""
    folder = tmp_path_factory.mktemp("served")
    folder_of(folder / "Fotos", 12)
    Index(folder / "i.visus").add(folder / "Fotos")
    return folder


def client_of(**settings: Any) -> TestClient:
    return TestClient(create_app(Settings(**settings)), base_url=LOCAL, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[TestClient]:
    with client_of(index=place / "i.visus") as own:
        yield own


def error_of(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert len(sentence) > 10
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def test_a_search_finds_what_the_index_finds(client: TestClient, place: Path) -> None:
    picture = sorted((place / "Fotos").iterdir())[3]
    expected = Index(place / "i.visus").search(picture, k=5)
    found = client.post("/search", files={"picture": picture.read_bytes()}, data={"k": 5}).json()["hits"]
    scores = {hit["path"]: hit["score"] for hit in found}  # bf16 has 8 bits, and streams round otherwise
    assert scores.keys() == set(expected.paths)
    assert found[0]["path"] == expected.paths[0]
    np.testing.assert_allclose([scores[path] for path in expected.paths], expected.scores, atol=2e-3)
    assert found[0]["name"] == picture.name
    assert isinstance(found[0]["id"], str)  # numbers of JavaScript have 53 bits
    again = client.post("/search", data={"id": found[0]["id"], "k": 5}).json()["hits"]
    assert [hit["id"] for hit in again] == [hit["id"] for hit in found]
    part = client.post("/search", data={"id": found[0]["id"], "region": "0,0,40,40", "where": "width > 10"}).json()
    assert part["hits"][0]["score"] < 1
    few = client.post("/search", data={"id": found[0]["id"], "min_score": 0.999}).json()["hits"]
    assert len(few) < 12


def test_only_what_was_indexed_is_served(client: TestClient, place: Path, tmp_path: Path) -> None:
    hits = client.post("/search", files={"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}).json()["hits"]
    hit = hits[0]
    answer = client.get(f"/pictures/{hit['id']}")
    assert answer.content == Path(hit["path"]).read_bytes()
    assert answer.headers["content-type"].startswith("image/")
    assert answer.headers["x-content-type-options"] == "nosniff"
    thumbnail = client.get(f"/thumbnails/{hit['id']}")
    with Image.open(io.BytesIO(thumbnail.content)) as small:
        assert max(small.size) <= 256
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody may read this")
    for path in (
        "/pictures/99999999999",
        "/pictures/-1",
        "/pictures/1e3",
        "/pictures/..%2f..%2fetc%2fpasswd",
        f"/pictures/{secret}",
        "/pictures/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2fapi.py",
        "/static/%2e%2e/api.py",
        f"/static/{secret}",
        "/thumbnails/18446744073709551617",
    ):
        answer = client.get(path)
        assert answer.status_code in (404, 422), path
        assert b"nobody may read" not in answer.content
        assert b"import" not in answer.content


def test_a_file_that_changes_after_it_was_indexed_is_not_served(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 3)
    Index(tmp_path / "i.visus").add(tmp_path / "p")
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (40, 40), "red").save(secret)
    with client_of(index=tmp_path / "i.visus") as own:
        hits = own.post("/search", files={"picture": secret.read_bytes()}).json()["hits"]
        first, second, third = (Path(hit["path"]) for hit in hits)
        first.unlink()
        first.symlink_to(secret)
        second.write_bytes(b"something else")
        third.unlink()
        for hit in hits:
            assert "is gone or has changed" in error_of(own.get(f"/pictures/{hit['id']}"), 404)
            error_of(own.post("/search", data={"id": hit["id"]}), 404)
            assert own.get(f"/thumbnails/{hit['id']}").status_code == 200
        Index(tmp_path / "i.visus").add(tmp_path / "p")  # the third is gone now
        Index(tmp_path / "i.visus").prune()
        assert "no picture" in error_of(own.get(f"/thumbnails/{hits[2]['id']}"), 404)


def test_bad_requests_get_one_sentence(client: TestClient) -> None:
    picture = {"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}
    assert "Send a picture" in error_of(client.post("/search"), 422)
    assert "Send a picture" in error_of(client.post("/search", files=picture, data={"id": 1}), 422)
    error_of(client.post("/search", files={"picture": b"no picture"}), 422)
    error_of(client.post("/search", files={"picture": picture["picture"][:300]}), 422)
    error_of(client.post("/search", files={"picture": b""}), 422)
    for data, words in (
        ({"k": 0}, "k:"),
        ({"k": "many"}, "k:"),
        ({"region": "1,2,3"}, "region takes 4 whole numbers"),
        ({"region": "5,5,5,5"}, ""),
        ({"region": "²,1,2,3"}, "region takes 4 whole numbers"),
        ({"region": "--5,1,50,30"}, "region takes 4 whole numbers"),
        ({"filter": "width > 10"}, "no field 'filter'; there are: also, also_pictures, by, id, k,"),
        ({"where": "DROP TABLE x"}, "is not understood"),
        ({"where": "width > 1" + " + 1" * 60}, "levels deep"),
        ({"by": "smell"}, "smell"),
        ({"by": "texture"}, "not described by texture"),
        ({"id": "-3"}, "id:"),
    ):
        assert words in error_of(client.post("/search", files=picture, data=data), 422)
    error_of(client.get("/nowhere"), 404)
    assert "in a form" in error_of(client.post("/search", json={"id": 1}), 422)
    assert "in a form" in error_of(client.post("/search", content=picture["picture"]), 422)
    error_of(client.put("/search"), 405)
    assert "no run" in error_of(client.post("/predict", files=picture, data={"run": "x"}), 404)


def form_of(*parts: bytes, end: bytes = b"--x--\r\n") -> dict[str, Any]:
    """A form as it is sent, perhaps without its end."""
    heads = b"Content-Disposition: form-data; name="
    content = b"".join(b"--x\r\n" + heads + part + b"\r\n" for part in parts) + end
    return {"content": content, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}


def test_a_form_that_is_cut_is_not_taken_for_a_whole_one(client: TestClient) -> None:
    words, few = b"words\r\n\r\ndog", b"k\r\n\r\n2"
    assert client.post("/search", **form_of(words, few)).status_code == 200
    for broken in (form_of(words, few, end=b""), form_of(words, end=b"--y--")):
        assert "does not end" in error_of(client.post("/search", **broken), 400)
    for kind in ("multipart/form-data", "multipart/form-data; boundary="):
        whole = {**form_of(words), "headers": {"Content-Type": kind}}
        assert error_of(client.post("/search", **whole), 400).startswith("The form cannot be read: ")
    assert "picture takes a file" in error_of(client.post("/search", data={"picture": "cat.jpg"}), 422)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Origin", "http://[::1")], 403),
        ([("Origin", "null")], 403),
        ([("Origin", LOCAL), ("Origin", "https://evil.example")], 400),
        ([("Sec-Fetch-Site", "CROSS-SITE")], 403),
        ([("Sec-Fetch-Site", "cross-site, same-origin")], 403),
        ([("Host", "127.0.0.1:80@evil.example")], 421),
        ([("Host", "127.0.0.1:x")], 421),
        ([("Host", "evil.example"), ("Host", "127.0.0.1")], 400),
        ([("A", "b" * 70_000)], 431),
        ([("Origin", LOCAL)], 200),
        ([("Sec-Fetch-Site", "same-origin")], 200),
        ([("Host", "LOCALHOST:")], 200),
    ],
)
def test_odd_headers_lead_nowhere(client: TestClient, headers: list[tuple[str, str]], status: int) -> None:
    answer = client.get("/runs", headers=headers)
    assert answer.status_code == status
    if status != 200:
        error_of(answer, status)


def test_nothing_is_redirected_and_no_sentence_is_endless(client: TestClient) -> None:
    for path in ("/health/", "/static", "/pictures/1/", f"/{'a' * 5000}"):
        assert len(error_of(client.get(path, follow_redirects=False), 404)) < 300


def test_limits(place: Path) -> None:
    index = place / "i.visus"
    big = jpeg(np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8))
    with client_of(index=index, upload=50_000) as own:
        assert "larger than 0.05 MB" in error_of(own.post("/search", files={"picture": big}), 413)

        def stream() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
            for _ in range(100):
                yield b"0" * 1000

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert "larger than" in error_of(own.post("/search", content=stream(), headers=headers), 413)
    with client_of(index=index, pixels=10_000) as own:
        assert "pixels" in error_of(own.post("/search", files={"picture": big}), 422)
    with client_of(index=index, seconds=0.0005) as own:
        assert "took longer" in error_of(own.post("/search", files={"picture": big}), 504)
    with client_of(index=index, token="geheim") as own:
        assert "Send the token" in error_of(own.post("/search", files={"picture": big}), 401)
        bad = own.post("/search", files={"picture": big}, headers={"Authorization": "Bearer falsch"})
        error_of(bad, 401)
        assert bad.headers["www-authenticate"] == "Bearer"
        good = own.post("/search", files={"picture": big}, headers={"Authorization": "bearer geheim"})
        assert good.status_code == 200
        assert own.get("/health").status_code == 200
        assert own.get("/").status_code == 200
        for path in ("/metrics", "/runs", "/pictures/1", "/thumbnails/1", "/duplicates"):
            error_of(own.get(path), 401)
    with client_of(index=index) as own:  # another site's name that leads here
        assert "127.0.0.1" in error_of(own.get("/runs", headers={"Host": "evil.example"}), 421)
        assert own.get("/runs", headers={"Host": "localhost:8000"}).status_code == 200
        assert own.get("/runs", headers={"Host": "[::1]:8000"}).status_code == 200
    with client_of(index=index, host="127.0.0.2") as own:
        assert own.get("/runs", headers={"Host": "127.0.0.2:8000"}).status_code == 200
        error_of(own.get("/runs", headers={"Host": "127.0.0.3:8000"}), 421)


def test_a_request_that_stops_coming_is_not_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visus.server.limits._PATIENCE", 0.05)

    async def never(*_: Any) -> None:
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        async def reads(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()

        load = Load()
        limits = Limits(
            reads, token=None, upload=100, at_once=2, seconds=30, names=None, origins=Origins(()), load=load
        )
        headers = [(b"content-length", b"5")]
        await limits({"type": "http", "path": "/search", "method": "POST", "headers": headers}, receive, send)
        assert sent[0]["status"] == 408
        assert load == Load()

    asyncio.run(never())


def test_work_that_was_given_up_ends_and_counts_until_then(trained_run: Run) -> None:
    picture = next((trained_run.folder.parents[2] / "textures" / "test" / "checks").iterdir())
    asked = []

    def slow(*_: Any) -> None:
        asked.append(1)
        time.sleep(1)

    with client_of(runs=(trained_run.folder,), seconds=0.9) as own:
        limits: Load = own.app.state.load  # pyright: ignore
        networks: Any = own.app.state.service.networks  # pyright: ignore
        subject_of = networks._subject

        def slowed(name: str, options: Any) -> Any:
            subject = subject_of(name, options)
            subject.register_forward_pre_hook(slow)
            return subject

        networks._subject = slowed
        data = {"run": networks.about(next(iter(networks.runs)))["name"], "method": "occlusion"}

        def explain() -> int:
            return own.post("/explain", files={"picture": picture.read_bytes()}, data=data).status_code

        with ThreadPoolExecutor(3) as pool:
            answers = [pool.submit(explain) for _ in range(3)]
            assert [answer.result() for answer in answers] == [504, 504, 504]
        for _ in range(300):
            if not limits.working:
                break
            time.sleep(0.1)
        assert limits.working == 0  # all have ended, long before they were done
        assert len(asked) < 20
        count = len(asked)
        time.sleep(1.5)
        assert len(asked) == count


def test_head_is_get_without_the_content(client: TestClient) -> None:
    for path in ("/", "/health", "/runs"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))


def test_the_description_tells_answers_errors_and_the_token(client: TestClient) -> None:
    told = client.get("/openapi.json").json()
    search = told["paths"]["/search"]["post"]
    assert search["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Hits"}
    error = {"$ref": "#/components/schemas/Error"}
    for status in ("401", "413", "422", "429", "504"):
        assert search["responses"][status]["content"]["application/json"]["schema"] == error
    assert "image/jpeg" in told["paths"]["/thumbnails/{number}"]["get"]["responses"]["200"]["content"]
    assert told["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    hits = client.post("/search", files={"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}).json()
    Hits.model_validate(hits, strict=True)


def test_what_nobody_expected_is_one_sentence_too(place: Path) -> None:
    with client_of(index=place / "i.visus") as own:
        own.app.state.service.pictures.count = lambda: 1 / 0  # pyright: ignore
        assert "log of the server" in error_of(own.get("/health"), 500)


def test_why_of_a_part_is_why_its_search_found_it(client: TestClient, place: Path) -> None:
    picture = {"picture": sorted((place / "Fotos").iterdir())[3].read_bytes()}
    hit = client.post("/search", files=picture, data={"region": "0,0,40,40"}).json()["hits"][1]
    why = client.post("/why", files=picture, data={"region": "0,0,40,40", "hit": hit["id"]}).json()
    assert why["score"] == pytest.approx(hit["score"], abs=2e-2)


def test_too_many_at_once_are_told_to_come_again(place: Path) -> None:
    with client_of(index=place / "i.visus", at_once=1) as own:
        limits: Load = own.app.state.load  # pyright: ignore
        limits.working = 1
        assert "come again" in error_of(own.get("/runs"), 429)
        assert own.get("/health").status_code == 200
        limits.working = 0
        assert own.get("/runs").status_code == 200
        text = own.get("/metrics").text
        assert 'visus_requests_total{path="other",status="429"} 1.0' in text
        assert 'visus_requests_total{path="/runs",status="200"} 1.0' in text


def test_settings_that_cannot_be(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to serve"):
        Settings()
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.org"):
        with pytest.raises(InputError, match="say --token"):
            Settings(index=place / "i.visus", host=host)
        assert Settings(index=place / "i.visus", host=host, token="abc").token == "abc"
    for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1"):
        assert Settings(index=place / "i.visus", host=host).local
    with pytest.raises(VisusError, match=r"none\.visus"):
        create_app(Settings(index=tmp_path / "none.visus"))
    with pytest.raises(VisusError, match="nowhere"):
        create_app(Settings(runs=(tmp_path / "nowhere",)))
    limits: list[dict[str, Any]] = [{"upload": 0}, {"seconds": float("nan")}, {"seconds": float("inf")}]
    for limit in limits:
        with pytest.raises(InputError, match="above 0"):
            Settings(index=place / "i.visus", **limit)


def test_why_and_duplicates(client: TestClient, place: Path) -> None:
    hits = client.post("/search", files={"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}).json()["hits"]
    found = client.post("/why", data={"id": hits[0]["id"], "hit": hits[1]["id"]}).json()
    assert found["query"].startswith("data:image/jpeg;base64,")
    assert -1 <= found["score"] <= 1
    assert duplicates_of(client)["groups"] == []
    shutil.copy(hits[0]["path"], place / "Fotos" / "copy.jpg")
    Index(place / "i.visus").add(place / "Fotos")
    answer = duplicates_of(client)
    assert set(answer) == {"groups", "stacks", "totals", "notes"}
    (group,) = (own for own in answer["groups"] if "copy.jpg" in {Path(copy["path"]).name for copy in _all(own)})
    assert group["others"][0]["relation"]["names"] == ["byte-identical"]
    assert group["others"][0]["may_go"]
    assert client.get("/duplicates").json() == answer
    for wanted, count in (
        ({"relation": "byte-identical"}, 1),
        ({"relation": "turned"}, 0),
        ({"agreement": 1}, 1),
        ({"folder": str(place / "Fotos")}, 1),
        ({"folder": str(place / "Fo")}, 0),
        ({"offset": 1}, 0),
    ):
        assert len(duplicates_of(client, **wanted)["groups"]) == count, wanted
    assert duplicates_of(client, relation="turned")["totals"]["copies"] == 0
    assert duplicates_of(client, offset=1)["totals"]["copies"] == 1
    for wrong in ({"relation": "alike"}, {"agreement": 2}, {"threshold": 0.5}, {"limit": 0}):
        error_of(client.get("/duplicates", params=wrong), 422)
    error_of(client.get("/duplicates?limit=5&limit=6"), 422)
    (place / "Fotos" / "copy.jpg").unlink()
    gone = duplicates_of(client)  # the index does not know yet
    assert gone["groups"] == []
    assert "1 file that was found is gone or changed since" in gone["notes"][0]
    Index(place / "i.visus").add(place / "Fotos")


def duplicates_of(client: TestClient, **wanted: Any) -> dict[str, Any]:
    """The answer, once they have been looked for."""
    for _ in range(600):
        answer = client.get("/duplicates", params=wanted)
        if answer.status_code != 202:
            assert answer.status_code == 200, answer.text
            return answer.json()
        assert answer.headers["retry-after"] == "1"
        assert set(answer.json()) == {"what", "done", "total"}
        time.sleep(0.1)
    raise AssertionError("they are looked for without end")


def _all(group: dict[str, Any]) -> list[dict[str, Any]]:
    return [group["keep"], *group["others"]]


def test_decisions_hold(client: TestClient, place: Path) -> None:
    picture = Image.open(next((place / "Fotos").glob("*.jpg")))
    picture.save(place / "Fotos" / "again.jpg", quality=70)
    Index(place / "i.visus").add(place / "Fotos")
    (group,) = duplicates_of(client)["groups"]
    form = {"ids": ",".join(own["id"] for own in _all(group)), "decision": "not-copies"}
    assert client.post("/duplicates/decisions", data=form).json() == {"changed": 1}
    assert client.get("/duplicates").json()["groups"] == []
    assert client.post("/duplicates/decisions", data=form | {"decision": "undecided"}).json() == {"changed": 1}
    assert len(client.get("/duplicates").json()["groups"]) == 1
    error_of(client.post("/duplicates/decisions", data=form | {"ids": "1,x"}), 422)
    error_of(client.post("/duplicates/decisions", data=form | {"ids": "1,2"}), 404)
    many = ",".join(map(str, range(501)))
    assert "at most 500" in error_of(client.post("/duplicates/decisions", data=form | {"ids": many}), 422)
    one = _all(group)[0]["id"]
    assert "two pictures" in error_of(client.post("/duplicates/decisions", data=form | {"ids": f"{one},{one}"}), 422)
    (place / "Fotos" / "again.jpg").unlink()
    Index(place / "i.visus").add(place / "Fotos")


def test_health_and_measures(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["pictures"]) == ("ok", 12)
    text = client.get("/metrics").text
    assert 'visus_requests_total{path="/health",status="200"}' in text
    assert "visus_described" in text


def test_the_page_and_the_description_need_no_other_host(client: TestClient) -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in ("/", "/docs", *(f"/static/{own.relative_to(STATIC)}" for own in files)):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text
    assert "/search" in client.get("/openapi.json").json()["paths"]
    assert sum(len(gzip.compress(own.read_bytes())) for own in files) < 150_000


def test_both_languages_say_the_same_things() -> None:
    keys = {name: set(_keys(name)) for name in ("en", "zh")}
    assert keys["en"] == keys["zh"]
    assert len(keys["en"]) > 150
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-(?:word|label|placeholder)="([\w-]+)"', page))
    for own in STATIC.glob("*.js"):
        used |= set(re.findall(r'\bword\("([\w-]+)"', own.read_text(encoding="utf-8")))
    assert used <= keys["en"]


def _keys(name: str) -> list[str]:
    text = (STATIC / "words" / f"{name}.js").read_text(encoding="utf-8")
    found = re.findall(r'^  "?([\w-]+)"?: ', text, re.MULTILINE)
    assert len(found) == len(set(found)), "a word is there twice"
    return found


def test_names_that_the_server_uses_have_chinese_words() -> None:
    text = (STATIC / "words" / "zh.js").read_text(encoding="utf-8")
    reasons = re.findall(r'\("([a-z ]+)", ', Path(keep.__file__).read_text(encoding="utf-8"))
    assert "more pixels" in reasons
    for name in (
        *get_args(members.Name),
        *get_args(members.Kind),
        *(set(reasons) - {"best"}),
        stays.CAPTION,
        *re.findall(r'"((?:has|is) [a-z ]+)": lambda', Path(stays.__file__).read_text(encoding="utf-8")),
        *METHODS,
    ):
        assert re.search(rf'[\s{{]"?{re.escape(name)}"?: "', text), name


@pytest.fixture(scope="module")
def runs(trained_run: Run) -> Iterator[TestClient]:
    with client_of(runs=(trained_run.folder,)) as own:
        yield own


def test_a_run_answers_and_says_why(runs: TestClient, trained_run: Run) -> None:
    (about,) = runs.get("/runs").json()["runs"]
    assert (about["task"], about["classes"]) == ("classify", ["blob", "checks", "stripes"])
    picture = next((trained_run.folder.parents[2] / "textures" / "test" / "checks").iterdir())
    files = {"picture": picture.read_bytes()}
    name = about["name"]
    found = runs.post("/predict", files=files, data={"run": name, "k": 2}).json()
    expected = trained_run.predict(picture)
    assert found["class"] == expected.label
    assert len(found["probabilities"]) == 2
    why = runs.post("/explain", files=files, data={"run": name, "method": "saliency", "target": "blob"}).json()
    assert why["class"] == "blob"
    assert why["overlay"].startswith("data:image/jpeg")
    fooled = runs.post("/fool", files=files, data={"run": name, "epsilon": 0.3, "target": "blob"}).json()
    assert fooled["names"][1] == "blob"
    assert fooled["linf"] <= 0.301
    assert runs.get(f"/runs/{name}/curves").content.startswith(b"\x89PNG")
    assert runs.get("/health").json()["pictures"] is None
    assert "No index" in error_of(runs.post("/search", files=files), 404)
    assert "must be one of" in error_of(runs.post("/explain", files=files, data={"run": name, "method": "magic"}), 422)
    error_of(runs.post("/explain", files=files, data={"run": name, "at": "1,2"}), 422)
    error_of(runs.get("/runs/..%2f..%2f/curves"), 404)


def test_what_nobody_expected_is_one_sentence_with_all_headers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    app: Any = client.app
    monkeypatch.setattr(app.state.service.searching, "search", broken)
    answer = client.post("/search?a=%0aforged", data={"words": "dog"})
    assert "/search broke on this request" in error_of(answer, 500)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
    assert "nobody thought of this" in caplog.text
    assert measure_of(client, "working") == 0


def measure_of(client: TestClient, name: str) -> float:
    (value,) = re.findall(rf"^visus_{name} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(value)


def test_overlays_are_not_larger_than_the_picture(runs: TestClient, trained_run: Run) -> None:
    assert read(trained_run.folder / "curves.png").ndim == 3


def test_another_index_in_its_place_is_seen(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 5)):
        folder_of(tmp_path / name, seed)
        Index(tmp_path / f"{name}.visus").add(tmp_path / name)
    shutil.copytree(tmp_path / "a.visus", tmp_path / "i.visus")
    picture = {"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}
    with client_of(index=tmp_path / "i.visus") as own:
        assert own.get("/health").json()["pictures"] == 3
        shutil.rmtree(tmp_path / "i.visus")
        assert "is gone" in error_of(own.post("/search", files=picture), 503)
        assert own.get("/health").status_code == 503
        shutil.copytree(tmp_path / "b.visus", tmp_path / "i.visus")
        hits = own.post("/search", files=picture).json()["hits"]
        assert {Path(hit["path"]).parent.name for hit in hits} == {"b"}
        assert own.get("/health").json()["pictures"] == 5


def test_geometry_looks_at_what_was_indexed_alone(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 3)
    Index(tmp_path / "i.visus").add(tmp_path / "p")
    with client_of(index=tmp_path / "i.visus") as own:
        first, second, _ = (
            Path(hit["path"])
            for hit in own.post(
                "/search", data={"k": 3}, files={"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}
            ).json()["hits"]
        )
        asked = {"picture": first.read_bytes()}
        form = {"rerank": "geometry", "where": f"path = '{second}'"}
        before = own.post("/search", files=asked, data=form).json()["hits"][0].get("note", "")
        second.unlink()
        second.symlink_to(first)  # the file of the hit shows the query now
        after = own.post("/search", files=asked, data=form).json()["hits"][0].get("note", "")
        assert "features agree" not in before + after


def test_a_field_that_is_there_twice_is_refused(client: TestClient) -> None:
    files = [("picture", jpeg(np.zeros((50, 50, 3), np.uint8)))] * 2
    assert "2 times" in error_of(client.post("/search", files=files), 422)


def test_a_part_of_a_file_and_one_that_is_known(client: TestClient, place: Path) -> None:
    hit = client.post("/search", files={"picture": jpeg(np.zeros((50, 50, 3), np.uint8))}).json()["hits"][0]
    whole, path = Path(hit["path"]).read_bytes(), f"/pictures/{hit['id']}"
    tag = client.get(path).headers["etag"]
    beyond = b'{"error":"The file has %d bytes, and no such part."}' % len(whole)
    for asked, status, content in (
        ("bytes=0-9", 206, whole[:10]),
        ("bytes=10-", 206, whole[10:]),
        ("bytes=-7", 206, whole[-7:]),
        ("bytes=5-99999999", 206, whole[5:]),
        ("bytes=99999999-", 416, beyond),
        ("bytes=9-5", 416, beyond),
        ("bytes=-0", 416, beyond),
        ("bytes=-", 200, whole),
        ("bytes=0-1,4-5", 200, whole),
        ("apples=1-2", 200, whole),
    ):
        answer = client.get(path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (status, content), asked
    assert client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).content == whole
    known = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_request_has_an_id_and_a_line(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    kept = Kept()
    logging.getLogger("visus.access").addHandler(kept)
    given = client.get("/health", headers={"X-Request-Id": "mine-1"})
    made = client.get("/runs%0aforged", headers={"X-Request-Id": "not allowed"})
    logging.getLogger("visus.access").removeHandler(kept)
    assert given.headers["x-request-id"] == "mine-1"
    assert re.fullmatch("[0-9a-f]{16}", made.headers["x-request-id"])
    assert [line.split()[1] for line in lines] == ["mine-1", made.headers["x-request-id"]]
    assert lines[0].split()[3:6] == ["GET", "/health", "200"]
    assert "\n" not in lines[1]


def test_words_ask_alone_and_beside_a_picture(client: TestClient, place: Path) -> None:
    assert client.get("/about").json()["words"] is True
    found = client.post("/search", data={"words": "dogs", "min_score": 0, "k": 5}).json()
    assert len(found["hits"]) == 5
    assert found["words"][0]["kinds"] == 118
    assert "118 kinds" in found["notes"][0]
    hits = Hits.model_validate(found)
    assert all(0 <= hit.score <= 1 for hit in hits.hits)
    expected = Index(place / "i.visus").search("dogs", k=5, min_score=0)
    assert [hit.path for hit in hits.hits] == expected.paths
    picture = {"id": hits.hits[0].id, "words": "+ snow - 0.5 beach"}
    mixed = client.post("/search", data=picture).json()
    assert [own["weight"] for own in mixed["words"]] == [1, -0.5]
    assert sum(hit.get("asked", False) for hit in mixed["hits"]) == 1
    why = client.post("/why", data={"words": "dogs", "hit": hits.hits[0].id}).json()
    assert why["query"] is None
    assert why["hit"].startswith("data:image/jpeg")
    assert client.post("/why", data={**picture, "hit": hits.hits[1].id}).json()["query"] is None


def test_words_ask_beside_pictures_that_are_sent(client: TestClient, place: Path) -> None:
    first, second, third = (str(path) for path in sorted((place / "Fotos").iterdir())[:3])
    index = Index(place / "i.visus")
    sent = [(name, Path(path).read_bytes()) for name, path in (("also_pictures", second), ("unlike_pictures", third))]
    mixed = client.post("/search", data={"words": "dogs"}, files=sent[:1]).json()
    assert [hit["path"] for hit in mixed["hits"]] == index.search([second, "dogs"]).paths
    whole = [("picture", Path(first).read_bytes()), *sent]
    mixed = client.post("/search", data={"words": "+ snow - 0.5 beach"}, files=whole).json()
    expected = index.search([first, second, "+ snow - 0.5 beach"], unlike=third)
    assert [hit["path"] for hit in mixed["hits"]] == expected.paths
    assert [own["word"] for own in mixed["words"]] == ["snow", "beach"]


def test_words_of_others_name_no_files(client: TestClient, place: Path) -> None:
    picture = min((place / "Fotos").iterdir())
    for words in (str(picture), f"file:{picture}", f"dog + {picture}"):
        assert "not among the" in error_of(client.post("/search", data={"words": words}), 422)
    assert "Nothing stands behind" in error_of(client.post("/search", data={"words": "dog +"}), 422)
    assert "Send a picture" in error_of(client.post("/search", data={"words": ""}), 422)
