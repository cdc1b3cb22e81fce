"""Groups of pictures that are the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from tests.search.duplicates.test_kinds import index_of
from tests.support.photographs import photographs
from tests.support.pictures import folder_of
from visus import Index, InputError
from visus.search.duplicates import grouping
from visus.search.duplicates.alignment import Matrix
from visus.search.duplicates.looks import Look
from visus.search.duplicates.opened import Opened
from visus.search.duplicates.relations import Judgment


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Three photographs with versions of each, and pictures that are alone."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for name in ("chelsea", "coffee", "china"):
        picture = Image.open(photographs()[name]).convert("RGB")
        width, height = picture.size
        picture.save(folder / f"{name}-original.jpg", quality=95)
        picture.save(folder / f"{name}-again.jpg", quality=40)
        picture.resize((width // 2, height // 2)).save(folder / f"{name}-small.png")
        ImageOps.mirror(picture).save(folder / f"{name}-mirror.jpg")
        picture.crop((width // 10, height // 10, width, height)).save(folder / f"{name}-crop.jpg")
    for name in ("astronaut", "rocket", "coins", "motorcycle_left"):
        Image.open(photographs()[name]).convert("RGB").save(folder / f"{name}-alone.jpg")
    folder_of(folder / "scenes", 5)
    return folder


def test_versions_are_grouped_and_others_are_not(copies: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "d.visus")
    index.add(copies)
    groups = index.duplicates()
    assert len(groups) == 3
    for group in groups:
        names = {Path(m.path).name.split("-")[0] for m in (group.keep, *group.others)}
        assert len(names) == 1
        assert len(group.others) == 4
        assert group.keep.width * group.keep.height == max(m.width * m.height for m in (group.keep, *group.others))
    sheet = index.sheet_of(groups)
    assert sheet.shape[1] == 12 + 6 * 172


def test_of_equal_sizes_the_oldest_is_kept_and_equal_files_need_no_look(tmp_path: Path) -> None:
    import os
    import shutil

    (first,) = folder_of(tmp_path / "p", 1)
    second = shutil.copy(first, tmp_path / "p" / "a-copy.jpg")
    os.utime(first, (1_000_000, 1_000_000))
    index = Index(tmp_path / "d.visus")
    index.add(tmp_path / "p")
    (group,) = index.duplicates(threshold=1.0)
    assert (group.keep.path, [m.path for m in group.others]) == (str(first), [str(second)])


def test_nothing_is_deleted_and_bad_thresholds_are_refused(copies: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "d.visus")
    index.add(copies)
    before = sorted(copies.rglob("*"))
    index.duplicates()
    assert sorted(copies.rglob("*")) == before
    with pytest.raises(InputError, match="within -1 and 1"):
        index.duplicates(threshold=1.5)


def test_a_copy_is_found_where_a_better_picture_agrees_in_one_direction_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.open(photographs()["coffee"]).convert("RGB").resize((480, 320))
    (tmp_path / "p").mkdir()
    picture.save(tmp_path / "p" / "hub.jpg", quality=60)
    picture.resize((240, 160)).save(tmp_path / "p" / "half.jpg", quality=90)
    picture.save(tmp_path / "p" / "better.png")
    real = grouping.judge

    def judge(keep: Opened, other: Opened, way: Matrix, looks: tuple[Look, Look]) -> Judgment | None:
        found = real(keep, other, way, looks)
        denied = Path(keep.member.path).stem == "better" and Path(other.member.path).stem == "hub"
        return replace(found, relation=None, kind="captioned") if found and denied else found

    (group,) = (index := index_of(tmp_path / "p")).duplicates()
    assert Path(group.keep.path).stem == "better"
    assert len(group.others) == 2
    monkeypatch.setattr(grouping, "judge", judge)
    (group,) = index.duplicates()
    assert (Path(group.keep.path).stem, [Path(copy.path).stem for copy in group.others]) == ("hub", ["half"])
