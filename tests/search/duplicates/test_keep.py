"""What is kept: a reference folder protects what lies in it, and all that people decided to keep stays."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.photographs import photographs
from visus import Index, InputError
from visus.images import read, write


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of a photograph in ``all`` and worse copies of it in ``all/best``."""
    place = tmp_path_factory.mktemp("keep")
    best = place / "all" / "best"
    best.mkdir(parents=True)
    picture = read(photographs()["coffee"])
    write(best.parent / "a.png", picture)
    write(best / "b.jpg", picture, quality=70)
    shutil.copy(best / "b.jpg", best / "c.jpg")
    write(best / "d.jpg", picture, quality=40)
    write(best.parent / "e.jpg", picture, quality=30)
    index = Index(place / "i.visus")
    index.add(best.parent)
    return index


def _going(index: Index, keep: str | None = None) -> list[str]:
    return sorted(Path(copy.path).name for group in index.duplicates(keep=keep) for copy in group.others if copy.may_go)


@pytest.mark.parametrize("way", ["HERE/best", "HERE/best/../best", "link", "all/best"])
def test_a_reference_folder_protects_however_it_is_named(index: Index, tmp_path: Path, way: str) -> None:
    every = Path(str(index.location)).with_name("all")
    (tmp_path / "all").symlink_to(every)
    (tmp_path / "link").symlink_to(every / "best")
    way = way.replace("HERE", str(every))
    assert _going(index, f"folder:{tmp_path / way}") == ["e.jpg"]  # a.png is less compressed


def test_a_reference_folder_protects_what_was_indexed_by_a_link(index: Index, tmp_path: Path) -> None:
    every = Path(str(index.location)).with_name("all")
    (tmp_path / "linked").symlink_to(every)
    other = Index(tmp_path / "other.visus")
    other.add(tmp_path / "linked")
    assert _going(other, f"folder:{every / 'best'}") == ["e.jpg"]  # a.png is less compressed


def test_a_reference_folder_without_pictures_of_the_index_is_refused(index: Index, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"No picture of the index lies in .*empty"):
        index.duplicates(keep=f"folder:{tmp_path / 'empty'}")
    refused = visus("duplicates", "--index", index.location, "--keep", f"folder:{tmp_path / 'empty'}", code=2)
    assert "protects nothing" in refused.stderr


def test_what_was_decided_to_stay_beside_another_copy_never_goes(index: Index, tmp_path: Path) -> None:
    own = Index(shutil.copytree(str(index.location), tmp_path / "own.visus"))
    best = Path(str(index.location)).with_name("all") / "best"
    before = own.duplicates_kept()  # is kept, and holds the decision too
    assert own.decide([best / "b.jpg", best / "d.jpg"], "keep-both") == 1
    (group,) = own.duplicates_known()["groups"]  # pyright: ignore[reportOptionalSubscript]
    assert group["others"] != before["groups"][0]["others"]
    decided = [copy for copy in group["others"] if copy["stays"] == "you decided to keep it"]
    assert {Path(copy["path"]).name for copy in decided} == {"b.jpg", "c.jpg", "d.jpg"}
    assert _going(own) == ["e.jpg"]
    assert "stays: you decided to keep it" in visus("duplicates", "--index", own.location).stdout
    own.decide([best / "b.jpg", best / "d.jpg"], None)
    assert _going(own) == ["b.jpg", "c.jpg", "d.jpg", "e.jpg"]


def test_equal_files_that_were_decided_to_stay_never_go(index: Index, tmp_path: Path) -> None:
    own = Index(shutil.copytree(str(index.location), tmp_path / "own.visus"))
    best = Path(str(index.location)).with_name("all") / "best"
    own.decide([best / "b.jpg", best / "c.jpg"], "keep-both")
    assert _going(own) == ["d.jpg", "e.jpg"]


def test_what_does_not_go_together_is_refused_before_the_search(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "duplicates", lambda *_args, **_options: pytest.fail("was looked for"))
    a = Path(str(index.location)).with_name("all") / "a.png"
    b = a.with_name("best") / "b.jpg"
    for arguments, said in (
        (("--move-to", a), f"visus: {a} is a file; name a folder that files can be moved to."),
        (("--move-to", a / "x"), "cannot be made (Not a directory); choose another one."),
        (("--json", "--print0"), "--json and --print0 are two forms of one answer"),
        (("--sheet", tmp_path / "x.txt"), "x.txt has no ending that visus writes"),
        (("--decide", "keep-both", b, b), "b.jpg is named twice"),
        (("--decide", "keep-both", a, b, b.parent / ".." / "a.png"), "is named twice"),
        (("--sheet", tmp_path / "none" / "x.png"), "x.png cannot be written (No such file or directory)"),
        (("--move-to", ""), "a name, not an empty one"),
        (("--undo", ""), "a name, not an empty one"),
        (("--undo", tmp_path, "--move-to", tmp_path), "--undo leaves nothing for --move-to to do"),
        (("--undo", tmp_path, "--sheet", tmp_path / "x.png"), "--undo leaves nothing for --sheet to do"),
        (("--undo", tmp_path, "--decide", "keep-both", a, b), "--undo leaves nothing for --decide to do"),
        (("--undo", tmp_path, a), "--undo leaves nothing for the name of a picture to do"),
        (("--decide", "keep-both", a, b, "--move-to", tmp_path), "--decide leaves nothing for --move-to to do"),
        (("--decide", "keep-both", a, b, "--threshold", 0.9), "--decide leaves nothing for --threshold to do"),
        (("--move-to", tmp_path, "--print0"), "--move-to leaves nothing for --print0 to do"),
        (("--move-to", tmp_path, "--scenes"), "--move-to leaves nothing for --scenes to do"),
        (("--print0", "--scenes"), "--print0 leaves nothing for --scenes to do"),
        (("--print0", a), "--print0 leaves nothing for the name of a picture to do"),
    ):
        assert said in visus("duplicates", "--index", index.location, *arguments, code=2).stderr
