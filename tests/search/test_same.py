"""The same picture is the same picture: links, copies, moves, restored files, drives that are away."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.support.pictures import folder_of, scene
from visus import Index, InputError
from visus.search import contents, filesystems, reading, walk
from visus.search.filesystems import lasting_inodes
from visus.search.nearest import Nearest
from visus.search.queries import Query
from visus.search.report import Report
from visus.search.rows import PLACE, place_sum, plain


@pytest.fixture
def index(tmp_path: Path, photos: Path) -> Index:
    made = Index(tmp_path / "i.visus")
    made.add(photos)
    return made


def rows(index: Index) -> list[dict[str, Any]]:
    return index._opened().read(["id", "path", "gone", "twin", "embedding", "thumbnail"]).to_pylist()


def hold(index: Index) -> None:
    """Of each content exactly one row has the vector, one that is there if any is, and the others name it."""
    store = index._opened()
    store.refresh()
    table = store.read(["id", "hash", "gone", "twin", "embedding", "thumbnail"]).to_pylist()
    for content in {row["hash"] for row in table}:
        same = [row for row in table if row["hash"] == content]
        (bearer,) = [row for row in same if row["twin"] is None]
        assert bearer["embedding"] is not None
        assert bearer["thumbnail"]
        assert all(row["twin"] == bearer["id"] for row in same if row is not bearer)
        assert not bearer["gone"] or all(row["gone"] for row in same)
    assert index.verify().sound


# Unchanged -------------------------------------------------------------------------------------------------------


def test_a_file_replaced_with_equal_size_and_time_is_described_anew(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    contents_of = [Path(p).read_bytes() for p in folder_of(tmp_path / "raw", 2)]
    size = max(map(len, contents_of))
    for name, data in zip(("p/a.jpg", "other.jpg"), contents_of, strict=True):
        (tmp_path / name).write_bytes(data.ljust(size, b"\0"))
        os.utime(tmp_path / name, (1_577_872_800, 1_577_872_800))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p")
    shutil.copy2(tmp_path / "other.jpg", tmp_path / "p" / "a.jpg")  # in place, with the time of the other
    assert index.add(tmp_path / "p").changed == 1
    assert index.search(tmp_path / "p" / "a.jpg")[0].score > 0.999
    hold(index)


def test_a_touched_entry_is_read_and_not_described(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chmod(photos / "0001.jpg", 0o600)
    os.link(photos / "0002.jpg", photos.parent / "elsewhere.jpg")
    data = (photos / "0003.jpg").read_bytes()  # a restored file: another inode, the same time
    about = (photos / "0003.jpg").stat()
    (photos / "0003.jpg").unlink()
    (photos / "0003.jpg").write_bytes(data)
    os.utime(photos / "0003.jpg", ns=(about.st_mtime_ns, about.st_mtime_ns))
    monkeypatch.setattr("visus.search.reading.decode", lambda *_, **__: pytest.fail("it was described"))
    report = index.add(photos)
    assert (report.unchanged, report.reread, report.changed) == (12, 3, 0)
    assert index.add(photos).reread == 0


def test_rehash_reads_all_and_finds_what_entries_hide(index: Index, photos: Path) -> None:
    report = index.add(photos, rehash=True)
    assert (report.unchanged, report.reread) == (12, 12)


def test_where_inodes_do_not_last_size_and_times_decide(photos: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(filesystems, "lasting_inodes", lambda _: False)
    index = Index(tmp_path / "n.visus")
    index.add(photos)
    assert set(index._opened().read(["inode"]).column("inode").to_pylist()) == {0}
    assert index.add(photos).reread == 0


def test_this_file_system_keeps_its_inodes(tmp_path: Path) -> None:
    assert lasting_inodes(tmp_path.stat().st_dev)
    assert lasting_inodes(2**40)  # one that is not known


# Links -----------------------------------------------------------------------------------------------------------


def test_a_link_and_its_target_are_one_picture_in_two_runs(tmp_path: Path) -> None:
    (real,) = folder_of(tmp_path / "b", 1)
    (tmp_path / "a" / "album").mkdir(parents=True)
    (tmp_path / "a" / "album" / "rocket.jpg").symlink_to("../../b/0000.jpg")
    index = Index(tmp_path / "i.visus")
    assert index.add(tmp_path / "a").added == 1
    assert index.search(real, k=5).paths == [str(real)]  # never the link
    report = index.add(tmp_path / "b")
    assert (report.added, report.unchanged) == (0, 1)
    assert len(index) == 1
    assert index.duplicates() == []


def test_hard_links_are_one_picture_in_one_run_and_across_runs(index: Index, photos: Path, tmp_path: Path) -> None:
    os.link(photos / "0001.jpg", photos / "again.jpg")
    (tmp_path / "other").mkdir()
    os.link(photos / "0002.jpg", tmp_path / "other" / "again.jpg")
    report = index.add(photos)
    assert (report.added, report.links) == (0, 1)
    report = index.add(tmp_path / "other")
    assert (report.added, report.links) == (0, 1)
    assert len(index) == 12
    (photos / "0002.jpg").unlink()  # the name that the index knows goes: the other one takes its place
    report = index.add(photos, tmp_path / "other")
    assert (report.moved, report.gone) == (1, 0)
    assert str(tmp_path / "other" / "again.jpg") in index.search(scene(2), k=1).paths
    hold(index)


def test_a_root_by_another_name_is_the_same_root(index: Index, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(photos, target_is_directory=True)
    report = index.add(tmp_path / "alias")
    assert (report.added, report.unchanged, report.gone) == (0, 12, 0)
    assert {hit.path for hit in index.search(scene(1), k=20)} == {str(p) for p in photos.iterdir()}


# Copies and moves ------------------------------------------------------------------------------------------------


def test_equal_contents_share_one_vector_and_k_counts_contents(index: Index, photos: Path) -> None:
    for k in range(3):
        shutil.copy(photos / "0001.jpg", photos / f"copy{k}.jpg")
    assert index.add(photos).added == 3
    hold(index)
    hits = index.search(photos / "0001.jpg", k=12)
    assert len(hits) == 12
    assert len({hits[0].path, *hits[0].copies}) == 4
    assert hits[0].to_dict()["copies"] == list(hits[0].copies)
    (group,) = index.duplicates()
    assert len(group.others) == 3
    assert index.search(scene(1), where="path LIKE '%copy1%'").paths == [str(photos / "copy1.jpg")]
    assert index.search(scene(1), where="path LIKE '%copy%'", k=1)[0].copies != ()
    assert hits.thumbnails([index.search(scene(1), where="path LIKE '%copy2%'")[0]])[0].shape == (150, 200, 3)


def test_many_new_copies_in_one_run_share_a_vector(tmp_path: Path) -> None:
    (one,) = folder_of(tmp_path / "p", 1)
    for k in range(40):
        shutil.copy(one, tmp_path / "p" / f"{k}.jpg")
    index = Index(tmp_path / "i.visus")
    assert index.add(tmp_path / "p").added == 41
    hold(index)
    assert len(index.search(one, k=50)) == 1


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_vector_is_handed_on_when_its_row_leaves(index: Index, photos: Path, how: str) -> None:
    for k in range(2):
        shutil.copy(photos / "0001.jpg", photos / f"z{k}.jpg")
    index.add(photos)
    if how == "gone":
        (photos / "0001.jpg").unlink()
    else:
        Image.fromarray(scene(77)).save(photos / "0001.jpg")
    index.add(photos)
    hold(index)
    best = index.search(scene(1), k=1)[0]
    assert {best.path, *best.copies} == {str(photos / "z0.jpg"), str(photos / "z1.jpg")}
    index.prune()
    hold(index)
    shutil.copy(photos / "z0.jpg", photos / "0001.jpg")  # and it comes back
    index.add(photos)
    hold(index)
    assert len(index.search(scene(1), k=1)[0].copies) == 2


def test_names_that_are_swapped_keep_their_vectors(index: Index, photos: Path, monkeypatch: Any) -> None:
    one, two = photos / "0007.jpg", photos / "0008.jpg"
    one.rename(photos / "t")
    two.rename(one)
    (photos / "t").rename(two)
    monkeypatch.setattr("visus.search.reading.decode", lambda *_, **__: pytest.fail("it was described"))
    index.add(photos)
    monkeypatch.undo()
    assert index.search(one, k=1).paths == [str(one)]
    assert index.search(two, k=1).paths == [str(two)]
    hold(index)


def test_a_renamed_folder_is_moved_though_its_contents_exist_elsewhere(tmp_path: Path) -> None:
    folder_of(tmp_path / "p" / "old", 3)
    shutil.copytree(tmp_path / "p" / "old", tmp_path / "p" / "backup")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p")
    (tmp_path / "p" / "old").rename(tmp_path / "p" / "new")
    report = index.add(tmp_path / "p")
    assert (report.moved, report.added, report.gone) == (3, 0, 0)
    hold(index)


# Files that hold no picture any more -------------------------------------------------------------------------------


@pytest.mark.parametrize("junk", [b"", b"no picture at all", b"\xff\xd8\xff\xe0 half a photograph"])
def test_a_picture_whose_file_holds_junk_now_is_gone_and_that_is_said(index: Index, photos: Path, junk: bytes) -> None:
    whole = (photos / "0001.jpg").read_bytes()
    shutil.copy(photos / "0002.jpg", photos / "z.jpg")
    index.add(photos)
    for name in ("0001.jpg", "0002.jpg"):
        (photos / name).write_bytes(junk)
    report = index.add(photos)
    assert (report.gone, report.unchanged, len(report.unreadable)) == (2, 11, 2)
    assert all("marked as gone" in failure.message for failure in report.unreadable)
    assert len(index) == 11
    assert str(photos / "0001.jpg") not in index.search(scene(1), k=20).paths
    assert index.search(scene(2), k=1).paths == [str(photos / "z.jpg")]
    hold(index)
    again = index.add(photos)
    assert (again.gone, len(again.unreadable)) == (0, 2)
    (photos / "0001.jpg").write_bytes(whole)
    assert index.add(photos).added == 1
    hold(index)
    assert index.prune() == 1  # the row whose file is still no picture
    hold(index)


def test_a_picture_that_became_a_folder_is_gone(index: Index, photos: Path) -> None:
    (photos / "0001.jpg").unlink()
    folder_of(photos / "0001.jpg", 1, first=70)
    report = index.add(photos)
    assert (report.gone, report.added) == (1, 1)
    hold(index)


def test_a_picture_that_may_not_be_read_is_not_gone(
    index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(photos / "0001.jpg")

    def refused(path: str) -> bytes:
        raise InputError(f"{path} may not be read; change its permissions.")

    monkeypatch.setattr(reading, "read_bytes", refused)
    report = index.add(photos)
    assert (report.gone, len(report.unreadable), len(index)) == (0, 1, 12)


# Drives that are away --------------------------------------------------------------------------------------------


def take_the_drive_away(index: Index, place: Path) -> Report:
    """Unmount p/usb with its three pictures, and remove one of the two beside it: only that one is gone."""
    (place / "p" / "usb").rename(place / "away")
    (place / "p" / "usb").mkdir()
    (place / "p" / "0000.jpg").unlink()
    report = index.add(place / "p", prune=True)
    assert (report.gone, report.pruned) == (1, 1)
    assert [failure.path for failure in report.vanished] == [str(place / "p" / "usb")]
    assert len(index) == 4
    return report


def test_a_drive_in_a_folder_that_stays_is_not_gone(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 2)
    folder_of(tmp_path / "p" / "usb", 3, first=20)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p", tmp_path / "p" / "usb")
    take_the_drive_away(index, tmp_path)
    hits = index.search(scene(20), k=1)
    assert hits[0].missing
    assert hits[0].to_dict()["missing"] is True
    assert "MISSING" in repr(hits.sheet) or hits.sheet().shape[2] == 3


def test_a_drive_that_was_mounted_below_the_folder_is_not_gone(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 2)
    folder_of(tmp_path / "p" / "usb", 3, first=20)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p")
    store = index._opened()
    rows = [row for row in store.read(["id", *PLACE]).to_pylist() if "usb" in row["path"]]
    for row in rows:  # as if another file system had been mounted there
        times = store.read(["mtime", "ctime"], f"id = {row['id']}")
        row.update({name: plain(times.column(name))[0] for name in ("mtime", "ctime")})
        row["device"] += 1
    moved = {"id": [row["id"] for row in rows], "device": [row["device"] for row in rows]}
    store.merge(pa.table({**moved, "place_sum": [place_sum(row) for row in rows]}))
    report = take_the_drive_away(index, tmp_path)
    assert "a drive of its own" in report.vanished[0].message
    assert index.add(tmp_path / "p", prune=True, force=True).pruned == 3


def test_another_file_system_in_its_place_is_said_once(index: Index, photos: Path) -> None:
    (photos / "0001.jpg").unlink()
    store = index._opened()
    store.tell(roots={str(photos): 1})  # as if another drive were mounted there
    report = index.add(photos)
    assert report.gone == 0
    assert "a different file system" in report.vanished[0].message
    assert index.add(photos).gone == 1  # it is right


def test_a_folder_whose_pictures_are_all_marked_is_not_pruned_without_force(index: Index, photos: Path) -> None:
    shutil.rmtree(photos)
    photos.mkdir()
    index.add(photos, force=True)
    assert index.prune() == 0
    assert index.prune(force=True) == 12


def test_pictures_that_are_there_again_are_not_pruned(index: Index, photos: Path) -> None:
    shutil.move(photos / "0001.jpg", photos.parent / "away.jpg")
    assert index.add(photos).gone == 1
    shutil.move(photos.parent / "away.jpg", photos / "0001.jpg")
    assert index.prune() == 0
    assert index.add(photos).added == 1
    hold(index)


# What no answer may lose -----------------------------------------------------------------------------------------


def test_pictures_that_a_descriptor_says_nothing_about_are_found(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = reading.Reader._vectors

    def blind(self: reading.Reader, name: str, prepared: list[Any]) -> Any:  # as a network with dead units
        seen = np.array([np.std(np.asarray(part, np.float64)) > 0 for part in prepared])
        return plain(self, name, prepared) * seen[:, None]

    monkeypatch.setattr(reading.Reader, "_vectors", blind)
    for k, gray in enumerate((30, 200)):
        Image.new("RGB", (90, 80), (gray,) * 3).save(photos / f"flat{k}.png")
    index = Index(tmp_path / "i.visus")
    index.add(photos)
    index.add(photos, descriptors=["texture"])
    assert contents.about(index._opened()).blank
    hits = index.search(photos / "0001.jpg", k=14)
    assert len(hits) == 14
    assert [hit.score for hit in hits if "flat" in hit.path] == [0.0, 0.0]
    assert len(index.search(photos / "flat0.png", k=14)) == 14
    nothing = Nearest(index._opened(), None, False, None, contents.Checks(index._opened(), None)).rows(
        Query(np.zeros(1280, np.float32), np.zeros(1280, np.float32)), 20
    )
    assert len(nothing) == 14
    assert len(index.search(photos / "0001.jpg", k=14, where="width = 90")) == 2
    assert len(index.search(photos / "0001.jpg", by="texture", k=14)) == 14


def test_a_part_of_a_panorama_finds_it(tmp_path: Path, photos: Path) -> None:
    wide = np.hstack([scene(seed, 150, 150) for seed in range(60, 67)])
    Image.fromarray(wide).save(photos / "panorama.png")
    Image.fromarray(wide.swapaxes(0, 1)).save(photos / "tower.png")
    index = Index(tmp_path / "i.visus")
    index.add(photos)
    for seed in (60, 63, 66):
        assert index.search(scene(seed, 150, 150), k=1).paths == [str(photos / "panorama.png")]
    assert index.search(photos / "panorama.png", k=1)[0].score > 0.999
    index.rotate(6)
    assert index.search(scene(63, 150, 150), k=1).paths == [str(photos / "panorama.png")]


# Nothing is passed over in silence -------------------------------------------------------------------------------


def test_what_is_passed_over_is_counted_by_kind(photos: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "more.TXT", "film.mp4", "noending"):
        (photos / name).write_bytes(b"something")
    for junk in ("@eaDir", "$RECYCLE.BIN", "__MACOSX"):
        folder_of(photos / junk, 1)
    Image.fromarray(scene(70)).save(tmp_path / "t.jpg")
    shutil.copy(tmp_path / "t.jpg", photos / "a picture.dat2")  # the content decides
    shutil.copy(tmp_path / "t.jpg", photos / "really.heic")
    Image.fromarray(scene(71)).save(photos / "a.avif")
    Image.fromarray(scene(72)).save(photos / "b.jp2")
    report = Index(tmp_path / "i.visus").add(photos)
    assert report.added == 12 + 4
    junk = {"@eaDir": 1, "$RECYCLE.BIN": 1, "__MACOSX": 1}
    assert report.passed == {"txt": 2, "mp4": 1, "": 1, **junk}


def test_kinds_that_need_a_package_are_named_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").mkdir()
    for k in range(5):
        head = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
        (tmp_path / "p" / f"IMG_{k}.HEIC").write_bytes(head + bytes(40))
    monkeypatch.setattr(walk, "readable", lambda kind: kind != "HEIC")
    with pytest.raises(InputError, match=r"5 HEIC: pip install 'visus\[heic\]'"):
        Index(tmp_path / "i.visus").add(tmp_path / "p")
    folder_of(tmp_path / "p", 1)
    report = Index(tmp_path / "i.visus").add(tmp_path / "p")
    assert (report.passed, report.hints) == ({"HEIC": 5}, {"HEIC": "pip install 'visus[heic]'"})


# Found by reading -------------------------------------------------------------------------------------------------


def test_a_copy_that_comes_back_alone_is_found(index: Index, photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "0001.jpg", photos / "b.jpg")
    shutil.copy(photos / "0001.jpg", photos / "c.jpg")
    index.add(photos)
    for name in ("0001.jpg", "b.jpg", "c.jpg"):
        shutil.move(photos / name, tmp_path / name)
    assert index.add(photos).gone == 3
    shutil.move(tmp_path / "c.jpg", photos / "c.jpg")
    index.add(photos)
    hold(index)
    assert index.search(scene(1), k=1).paths == [str(photos / "c.jpg")]
    Image.fromarray(scene(88)).save(photos / "0001.jpg")  # the row that had the vector gets another picture
    shutil.move(tmp_path / "b.jpg", photos / "b.jpg")
    index.add(photos)
    hold(index)
    assert index.search(scene(88), k=1)[0].copies == ()
    best = index.search(scene(1), k=1)[0]
    assert {best.path, *best.copies} == {str(photos / "b.jpg"), str(photos / "c.jpg")}


def test_copies_that_leave_together_name_the_one_that_stays(index: Index, photos: Path) -> None:
    for k in range(3):
        shutil.copy(photos / "0001.jpg", photos / f"z{k}.jpg")
    index.add(photos)
    for name in ("0001.jpg", "z0.jpg"):
        (photos / name).unlink()
    index.add(photos)
    hold(index)
    assert set(index.search(scene(1), k=1)[0].copies) | set(index.search(scene(1), k=1).paths) == {
        str(photos / "z1.jpg"),
        str(photos / "z2.jpg"),
    }


def test_a_folder_that_moved_behind_a_link_is_moved(tmp_path: Path) -> None:
    folder_of(tmp_path / "p" / "2023", 3)
    folder_of(tmp_path / "p", 1, first=20)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p")
    (tmp_path / "big").mkdir()
    shutil.copytree(tmp_path / "p" / "2023", tmp_path / "big" / "2023")
    shutil.rmtree(tmp_path / "p" / "2023")
    (tmp_path / "p" / "2023").symlink_to(tmp_path / "big" / "2023", target_is_directory=True)
    report = index.add(tmp_path / "p")
    assert (report.moved, report.added, report.gone) == (3, 0, 0)
    assert index.duplicates() == []
    assert index.search(scene(1), k=1).paths == [str(tmp_path / "big" / "2023" / "0001.jpg")]
    hold(index)


def test_a_file_is_updated_though_a_hard_link_comes_before_it(index: Index, photos: Path) -> None:
    os.link(photos / "0005.jpg", photos / "0000-first.jpg")
    index.add(photos)
    with (photos / "0005.jpg").open("r+b") as file:  # in place
        data = folder_of(photos.parent / "other", 1, first=95)[0].read_bytes()
        file.truncate(0)
        file.write(data)
    report = index.add(photos)
    assert report.changed == 1
    assert len(index) == 12
    (hit,) = index.search(photos / "0005.jpg", k=1)
    assert (hit.path, round(hit.score, 3)) == (str(photos / "0005.jpg"), 1.0)
    hold(index)


def test_two_files_that_become_hard_links_are_one_picture(index: Index, photos: Path) -> None:
    shutil.copy(photos / "0003.jpg", photos / "z.jpg")
    index.add(photos)
    (photos / "z.jpg").unlink()
    os.link(photos / "0003.jpg", photos / "z.jpg")
    index.add(photos)
    assert len(index) == 12
    hold(index)


def test_pictures_behind_links_into_hidden_folders_are_found(tmp_path: Path) -> None:
    folder_of(tmp_path / "p" / ".git" / "objects", 2)
    for path in (tmp_path / "p" / ".git" / "objects").iterdir():
        (tmp_path / "p" / f"photo {path.name}").symlink_to(path)
    assert Index(tmp_path / "i.visus").add(tmp_path / "p").added == 2


def test_the_path_that_is_shown_follows_when_an_alias_goes(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "alias").symlink_to(photos, target_is_directory=True)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "alias")
    assert index.search(scene(1), k=1).paths == [str(tmp_path / "alias" / "0001.jpg")]
    (tmp_path / "alias").unlink()
    report = index.add(photos)
    assert (report.unchanged, report.reread) == (12, 0)
    (hit,) = index.search(scene(1), k=1)
    assert (hit.path, hit.missing) == (str(photos / "0001.jpg"), False)
    hold(index)


def test_mending_leaves_excluded_pictures_out(tmp_path: Path, photos: Path) -> None:
    folder_of(photos / "private", 2, first=60)
    index = Index(tmp_path / "i.visus")
    index.add(photos, exclude=["private"])
    for data in (tmp_path / "i.visus" / "pictures.lance" / "data").iterdir():
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 64
        data.write_bytes(content)
    Index(tmp_path / "i.visus").verify(mend=True)
    assert len(Index(tmp_path / "i.visus")) == 12


def test_a_link_to_a_name_that_is_not_utf8_stops_nothing(tmp_path: Path, photos: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    shutil.copy(os.fsencode(photos / "0001.jpg"), strange)
    os.symlink(strange, os.fsencode(photos / "link.jpg"))
    report = Index(tmp_path / "i.visus").add(photos)
    assert report.added == 12
    assert "not UTF-8" in report.unreadable[0].message
