"""The typed client, against a server as a user starts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from tests.support.serving import serving
from visus import Index, InputError, Run
from visus.client import Client, RefusedError
from visus.review.findings import Finding, write_table


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, trained_run: Run) -> Iterator[Client]:
    place = tmp_path_factory.mktemp("asked")
    paths = folder_of(place / "photos", 4)
    (place / "photos" / "copy.jpg").write_bytes(paths[0].read_bytes())
    Index(place / "i.visus").add(place / "photos")
    write_table([Finding("0001.jpg", "dark", 0.9, "nearly all is black")], place / "check.csv")
    options = ("--run", trained_run.folder, "--trainings", trained_run.folder.parents[1])
    options = (*options, "--check", "check.csv", "--checked", "photos")
    with serving("--index", "i.visus", *options, cwd=place, VISUS_TOKEN="abc") as address:
        with Client(address, token="abc") as own:
            yield own
        with Client(address, token="wrong") as other, pytest.raises(RefusedError, match="Send the token"):
            other.runs()
    with Client(address) as gone, pytest.raises(RefusedError, match="is it running"):
        gone.health()


@pytest.mark.slow
def test_everything_can_be_asked(client: Client, tmp_path: Path) -> None:
    assert client.health().pictures == client.about().pictures == client.wall().total == 5
    first = client.pictures(text="0001").pictures[0]
    number = int(first.id)
    found = client.search(first.path, k=2)
    assert [found.hits[0].id, found.hits[0].asked] == [first.id, True]
    assert client.search(number, k=1, where="width > 10", unlike=[int(found.hits[1].id)]).hits[0].id == first.id
    assert (
        client.search(number, also=[first.path], unlike=[Path(found.hits[1].path).read_bytes()]).hits[0].id == first.id
    )
    assert client.why(Path(first.path).read_bytes(), number).score > 0.99
    mixed = client.search(number, words="+ dogs - 0.5 beach", k=2)
    assert [own.kinds for own in mixed.words] == [118, 2]
    joined = client.search(words="dogs", also=[first.path])
    assert joined.words[0].kinds == 118
    assert first.id in [hit.id for hit in joined.hits]
    assert client.search(words="dogs", min_score=0, k=2).words[0].kinds == 118
    assert client.why(None, number, words="dogs").query is None
    assert client.facts(number).name == "0001.jpg"
    assert client.picture(number, first=0, last=2) == b"\xff\xd8\xff"
    assert client.thumbnail(number)[:2] == client.preview(number)[:2] == b"\xff\xd8"
    assert client.folders().total == 1
    told: list[int] = []
    (group,) = client.duplicates(tell=lambda own: told.append(own.total)).groups
    ids = [int(own.id) for own in (group.keep, *group.others)]
    assert client.decide(ids, "keep-both").changed == 1
    with pytest.raises(RefusedError, match="--allow-move") as refused:
        client.move_aside(ids)
    assert refused.value.status == 403
    (run,) = client.runs().runs
    assert client.predict(run.name, number).probabilities
    assert client.explain(run.name, number, method="saliency").scale
    assert client.fool(run.name, number, epsilon=0.1, steps=2).names
    assert client.curves(run.name).startswith(b"\x89PNG")
    assert len(client.metrics(run.name).rows) == 12
    assert client.training(client.trainings().trainings[0].name).columns
    assert client.review(undecided=True).findings[0].problem == "dark"
    assert client.reviewed_picture(0)[:2] == b"\xff\xd8"
    assert client.decide_lines([0], "keep").changed == 1
    assert "visus_requests_total" in client.metrics_text()
    with pytest.raises(InputError, match="cannot be read"):
        client.search(tmp_path / "none.jpg")


def test_a_token_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="plain letters"):
        Client(token="字")
