"""Any sentence asks: a tiny network of two towers with random weights, from open_clip's files to a search."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support import two_towers
from tests.support.command import visus
from visus import Index, InputError
from visus.graphs import graph, towers
from visus.graphs.sentences import Sentences, plain
from visus.search.demo import photographs
from visus.search.words.sentences import OpenWords, gumbel

pytestmark = pytest.mark.slow  # PyTorch exports both towers first


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with photographs, and their index by the tiny network."""
    folder = tmp_path_factory.mktemp("towers")
    with pytest.MonkeyPatch.context() as patch, two_towers.known(folder):
        patch.setenv("VISUS_CACHE", str(folder / "cache"))
        two_towers.bring(folder / "cache")
        (folder / "photos").mkdir()
        for name, file in photographs().items():
            shutil.copy(file, folder / "photos" / f"{name}.jpg")
            with Image.open(file) as picture:
                ImageOps.mirror(picture).save(folder / "photos" / f"{name}-mirrored.jpg")
        Index(folder / "i.visus", model=two_towers.NAME).add(folder / "photos")
        yield folder


@pytest.fixture
def index(album: Path) -> Index:
    return Index(album / "i.visus")


@pytest.fixture
def tower(album: Path) -> Sentences:
    return Sentences(towers.folder_beside(graph.load(two_towers.NAME).path.with_suffix("")))


def test_tokens_are_those_of_open_clip(tower: Sentences) -> None:
    import open_clip

    theirs = open_clip.get_tokenizer(two_towers.TINY.architecture)
    for text in ("a dog's life, 3  cats!", "大熊猫 in snow", "Ünïcode — ok", "x" * 400, "word " * 100, ""):
        assert tower.ids(text).tolist() == theirs([text])[0].tolist(), text


@pytest.mark.parametrize("side", ["left", "right"])
def test_sentences_are_filled_up_as_the_tokenizer_says(album: Path, tmp_path: Path, side: str) -> None:
    import tokenizers

    [folder] = album.glob("cache/*-text")
    shutil.copytree(folder, tmp_path / "text")
    own = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.enable_padding(direction=side, pad_id=7, pad_token="x", length=9)
    own.save(str(tmp_path / "text" / "tokenizer.json"))
    (tmp_path / "text" / "text.json").write_bytes(towers.describe(tmp_path / "text", two_towers.TINY))
    ids = Sentences(tmp_path / "text").ids("dog").tolist()
    assert len(ids) == 77
    assert (ids[-1] if side == "right" else ids[0]) == 7
    assert ids.count(7) == 74


def test_both_graphs_answer_as_the_network_does(album: Path, tower: Sentences, index: Index) -> None:
    import open_clip
    import torch

    file = album / "cache" / two_towers.NAME / towers.WEIGHTS[0]
    net: Any = open_clip.create_model(two_towers.TINY.architecture, pretrained=str(file)).eval()
    theirs = open_clip.get_tokenizer(two_towers.TINY.architecture)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    with torch.inference_mode():
        text = net.encode_text(theirs(["a photo of a dog"]), normalize=True)[0].numpy()
        plain_pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
        picture = net.encode_image(plain_pixels).numpy()
    np.testing.assert_allclose(tower(["a dog"])[0], text, atol=1e-5)
    np.testing.assert_allclose(index.embedder().runner().vectors(pixels), picture, atol=1e-4)


def test_what_is_kept_says_its_license(album: Path) -> None:
    [folder] = album.glob("cache/*-text")
    assert two_towers.TINY.license in (folder / "license.txt").read_text()
    assert sorted(own.name for own in folder.iterdir()) == [
        "license.txt", "names.npy", "text.bin", "text.json", "text.onnx", "tokenizer.json"
    ]  # fmt: skip
    assert np.load(folder / "names.npy").shape == (250, 24)


def test_a_sentence_is_one_word(index: Index) -> None:
    hits = index.search("a tiger in snow", k=4, min_score=-1)
    assert [(own["word"], own["weight"]) for own in hits.words] == [("a tiger in snow", 1)]
    assert len(hits) == 4
    assert hits.scores == sorted(hits.scores, reverse=True)
    words = index.words()
    [word] = words.read("a tiger in snow")
    found = {hit.path: hit.score for hit in hits}
    every = index.table(["path", "embedding"])
    vectors = np.array(every.column("embedding").to_pylist(), np.float32)
    expected = dict(zip(every.column("path").to_pylist(), words.shown(word, vectors).tolist(), strict=True))
    assert all(found[path] == pytest.approx(expected[path], abs=2e-3) for path in found)
    assert hits.scores[0] == pytest.approx(max(expected.values()), abs=2e-3)


def test_mixtures_and_pictures_ask(index: Index, album: Path) -> None:
    dog = album / "photos" / "two-dogs-at-window.jpg"
    hits = index.search([dog, "+ snow - 0.5 beach"], k=3)
    assert [(own["word"], own["weight"]) for own in hits.words] == [("snow", 1), ("beach", -0.5)]
    both = index.search(dog, plus="snow", minus="0.5:beach", k=3)
    assert both.paths == hits.paths
    assert index.search("Snow + snow", k=3, min_score=-1).paths == index.search("snow", k=3, min_score=-1).paths


def test_nothing_is_found_where_all_may_be_chance(index: Index) -> None:
    words = index.words()
    chance = words.chance(words.read("a red cell")[0], 88)
    assert chance is not None
    assert -1 < chance.likely < chance.certain < 2
    scores = index.search("a red cell", k=88, min_score=-1).scores
    hits = index.search("a red cell", k=88)
    if scores[0] < chance.certain:
        assert not len(hits)
        assert "may be chance; a least score of -1 (--min-score, min_score) shows them all the same" in hits.notes[-1]
    else:
        assert len(hits) == sum(score >= chance.likely for score in scores)


def test_gumbels_law_is_found_again() -> None:
    noise = np.random.default_rng(0).standard_normal((2000, 400)).astype(np.float32)
    place, width = gumbel(noise)
    certain = place - width * np.log(-np.log1p(-0.05))
    others = np.random.default_rng(1).standard_normal((2000, 400))
    assert np.mean(others.max(axis=0) > certain) == pytest.approx(0.05, abs=0.03)


def test_why_says_what_it_needs(index: Index, album: Path) -> None:
    hit = index.search("snow", k=1, min_score=-1)[0]
    with pytest.raises(InputError, match="does not pool its last map by average"):
        hit.why()


def test_from_the_command_line(album: Path) -> None:
    answer = visus("search", "a tiger in snow", "-i", "i.visus", "--min-score", "-1", "-k", "3", cwd=album)
    assert answer.stdout.count(".jpg") >= 3
    assert not answer.stderr
    refused = visus("index", "photos", "--model", "clip", "--weights", "w.pth", "-i", "j.visus", cwd=album, code=2)
    assert refused.stderr.strip() == "visus: clip brings its own weights; leave --weights away."


def test_the_server_and_its_tools_take_any_words(album: Path, index: Index) -> None:
    from fastapi.testclient import TestClient

    from visus.server.api import create_app
    from visus.server.settings import Settings

    with TestClient(create_app(Settings(index=album / "i.visus")), base_url="http://127.0.0.1:8000") as client:
        assert client.get("/about").json()["words"] is True
        asked = {"words": "a tiger in snow + a dog", "k": "3"}
        told = client.post("/search", data=asked).json()
        assert [hit["path"] for hit in told["hits"]] == index.search(asked["words"], k=3).paths
        assert [own["word"] for own in told["words"]] == ["a tiger in snow", "a dog"]
        why = client.post("/why", data={"words": "snow", "hit": told["hits"][0]["id"]})
        assert why.status_code == 422
        assert "does not pool its last map by average" in why.text


def test_the_doctor_tries_what_is_at_hand(album: Path) -> None:
    from visus.doctor.weights import tried, weights

    first, asked = tried(two_towers.NAME)
    assert (0 <= first <= asked, asked) == (True, 12)
    held = {own.net: own for own in weights()}
    assert held[two_towers.NAME].here
    assert held[two_towers.NAME].told == f"{first} of 12 photographs come first for what they show"
    assert not held["clip"].here
    assert held["clip"].told == "visus index --model clip fetches it; needs pip install 'visus[train,words]'"


def test_a_damaged_folder_is_made_again(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = shutil.copytree(album / "cache", tmp_path / "cache")
    monkeypatch.setenv("VISUS_CACHE", str(cache))
    [folder] = cache.glob("*-text")
    (folder / "text.bin").write_bytes(b"")
    assert towers.described(folder) is None
    with pytest.raises(InputError, match="are damaged; delete this folder, and index again"):
        Sentences(folder)
    Index(album / "i.visus").search("snow", min_score=-1, k=1)
    assert towers.described(folder) is not None


def test_a_missing_tokenizer_is_one_sentence(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from visus import DependencyError
    from visus.search.words import sentences

    sentences._made_ready.cache_clear()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DependencyError, match=r"pip install 'visus\[words\]'"):
        index.search("snow")


def test_without_a_network_one_sentence_says_what_to_bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    from visus.nets import hub

    monkeypatch.setenv("VISUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "reachable", lambda: False)
    (tmp_path / "photos").mkdir()
    shutil.copy(next(iter(photographs().values())), tmp_path / "photos" / "a.jpg")
    answer = visus("index", "photos", "--model", "siglip2", "-i", "i.visus", cwd=tmp_path, code=2)
    assert answer.stderr.strip() == (
        "visus: The weights of siglip2 are not on this machine and cannot be downloaded (ConnectionError); bring "
        "open_clip_model.safetensors and tokenizer.json of timm/ViT-B-16-SigLIP2-256, a model of the Hugging Face hub, "
        f"to {tmp_path / 'cache' / 'siglip2'}, or leave --model away: the usual network knows words, too."
    )
    assert not (tmp_path / "i.visus").exists()


def test_weights_are_taken_out_of_the_hubs_cache(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    from visus.nets.towers import files_of

    brought = album / "cache" / two_towers.NAME
    home = tmp_path / "hub" / "models--visus--tiny"
    shutil.copytree(brought, home / "snapshots" / "abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    weights, tokenizer = files_of(two_towers.NAME, tmp_path / "none")
    assert weights.parent == tokenizer.parent == home / "snapshots" / "abc"


def test_weights_of_another_network_are_refused(album: Path, tmp_path: Path) -> None:
    from visus import WeightsError
    from visus.nets.towers import built

    broken = tmp_path / "open_clip_model.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="does not hold the weights of tiny-towers"):
        built(two_towers.TINY, broken)


def test_texts_are_plain_as_siglip_learned_them() -> None:
    assert plain(" A  Dog's_life! ") == "a dogs life"


def test_an_index_of_few_pictures_judges_nothing(album: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "few.visus", model=two_towers.NAME)
    index.add(album / "photos" / "red-panda.jpg")
    assert isinstance(index.words(), OpenWords)
    assert len(index.search("snow")) == 1
