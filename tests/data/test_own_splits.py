"""Splits that a table of parts beside pictures tells: read whole, or said why not."""

from pathlib import Path

import pytest

from tests.data.test_kinds import said, sizes
from tests.support import tools
from visus.data import load, load_whole, table, table_places
from visus.data import own_splits as own_splits_module
from visus.data.left_out import Notes
from visus.data.own_splits import own_splits
from visus.data.table_text import open_table, peek

NAMES = ("cat", "dog")


def classes(root: Path, count: int = 4) -> None:
    tools.colors(root, count, names=NAMES)


def test_a_table_of_parts_with_folders_beside_classes(tmp_path: Path) -> None:
    classes(tmp_path)
    lines = [f"{name}/{n:03}.png,{'train' if n < 2 else 'val'}" for name in NAMES for n in range(4)]
    (tmp_path / "split.csv").write_text("\n".join(lines))
    found = load(tmp_path)
    assert sizes(found) == {"train": 4, "val": 4}
    assert "split.csv says which pictures are for what." in said(found)


def test_a_table_of_parts_whose_names_fit_several_pictures_is_not_used(tmp_path: Path) -> None:
    classes(tmp_path)
    (tmp_path / "split.csv").write_text("000.png,train\n001.png,train\n002.png,val\n003.png,val\n")
    assert "split.csv is not used to split the pictures: most of its names are" in said(load_whole(tmp_path))


def test_pictures_that_a_table_of_parts_does_not_list_are_told(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "img", range(8))
    rows = [f"{n:03}.png,{'ab'[n % 2]}" for n in range(8)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *rows]))
    parts = [f"{n:03}.png,{'train' if n < 4 else 'val'}" for n in range(7)]
    (tmp_path / "split.csv").write_text("\n".join(["file,split", *parts]))
    found = load(tmp_path)
    assert sizes(found) == {"train": 4, "val": 3}
    assert "1 picture not in split.csv, and not used, 007.png for one." in said(found)


def test_folds_in_a_partition_are_no_splits(tmp_path: Path) -> None:
    files = [str(path) for path in tools.pictures(tmp_path / "img", range(8))]
    parts = [f"{n:03}.png,{n % 4}" for n in range(8)]
    (tmp_path / "partition.csv").write_text("\n".join(["file,partition", *parts]))
    notes = Notes()
    assert own_splits(files, tmp_path, notes) == {"": list(range(8))}
    assert notes.remarks == [
        "partition.csv is not used to split the pictures: partition is not train, val or test in it (0, 1, 2, 3)."
    ]


def test_a_picture_that_a_table_of_parts_lists_twice_counts_once(tmp_path: Path) -> None:
    files = [str(path) for path in tools.pictures(tmp_path / "img", range(4))]
    (tmp_path / "split.csv").write_text("000.png,train\n000.png,train\n001.png,train\n002.png,val\n003.png,val\n")
    assert own_splits(files, tmp_path, Notes()) == {"train": [0, 1], "val": [2, 3]}


@pytest.mark.parametrize(
    ("name", "columns"),
    [("train_folds.csv", "image,label,fold"), ("manifold.csv", "image,label"), ("split.csv", "image,class")],
)
def test_a_table_of_classes_called_like_one_of_parts(tmp_path: Path, name: str, columns: str) -> None:
    tools.pictures(tmp_path / "img", range(8))
    rows = [f"{n:03}.png,{'ab'[n % 2]}" + f",{n % 4}" * columns.endswith("fold") for n in range(8)]
    (tmp_path / name).write_text("\n".join([columns, *rows]))
    found = load_whole(tmp_path)
    assert (found.classes, sizes(found)) == (("a", "b"), {"all": 8})
    assert "to split the pictures" not in said(found)


@pytest.mark.parametrize("head", ["", "image,class\n", "image,train,val\n"])
def test_a_table_of_parts_alone_is_no_table_of_classes(tmp_path: Path, head: str) -> None:
    classes(tmp_path)
    told = {True: "1,0", False: "0,1"} if head.endswith("val\n") else {True: "train", False: "val"}
    lines = [f"{name}/{n:03}.png,{told[n < 2]}" for name in NAMES for n in range(4)]
    (tmp_path / "split.csv").write_text(head + "\n".join(lines))
    assert load_whole(tmp_path).classes == NAMES


def numbered(root: Path) -> None:
    """Twelve pictures called 1 to 12 in folders of classes."""
    for k, name in enumerate(NAMES):
        for n, path in enumerate(tools.pictures(root / name, range(6)), 1):
            path.rename(path.with_name(f"{6 * k + n}.png"))


def test_a_table_about_something_else_is_no_split(tmp_path: Path) -> None:
    numbered(tmp_path)
    rows = [f"{n},0.1,{'train' if n < 11 else 'val'}" for n in range(1, 13)]
    (tmp_path / "experiments.csv").write_text("\n".join(["id,lr,phase", *rows]))
    found = load_whole(tmp_path)
    assert sizes(found) == {"all": 12}
    assert "experiments.csv is not used to split the pictures: its column id holds numbers" in said(found)


def test_decimal_numbers_are_no_classes(tmp_path: Path) -> None:
    numbered(tmp_path)
    rows = [f"{n}.png,{n}.5,-{n}.25" for n in range(1, 13)]
    (tmp_path / "places.csv").write_text("\n".join(["file,x,y", *rows]))
    assert "places.csv" not in said(load_whole(tmp_path))


@pytest.mark.parametrize("lists", [True, False])
def test_lists_that_do_not_number_pictures(tmp_path: Path, lists: bool) -> None:
    classes(tmp_path)
    (tmp_path / "images.txt").write_text("\n".join(f"{name}/{n:03}.png" for name in NAMES for n in range(4)))
    (tmp_path / "train_test_split.txt").write_text("80/20\n")
    for split, numbers in (("train", range(3)), ("val", range(3, 4))) if lists else ():
        names = [f"{name}/{n:03}.png" for name in NAMES for n in numbers]
        (tmp_path / f"{split}.txt").write_text("\n".join(names))
    found = load_whole(tmp_path)
    assert sizes(found) == ({"train": 6, "val": 2} if lists else {"all": 8})
    assert ("train_test_split.txt is not used: it and images.txt do not number" in said(found)) != lists


def test_tables_of_measurements_beside_classes_are_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes(tmp_path)
    numbers = ",".join(["0.123456"] * 60)
    rows = [f"{n}.png,1,{numbers}" for n in range(300)]
    (tmp_path / "features.csv").write_text("\n".join(["file,label," + ",".join(map(str, range(60))), *rows]))
    opened: list[str] = []
    for module in (own_splits_module, table, table_places):
        monkeypatch.setattr(module, "open_table", lambda path, *_: opened.append(path.name) or open_table(path))
    load_whole(tmp_path)
    assert not opened


@pytest.mark.parametrize("coding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_start_of_a_table(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["file,split", *(f"{n:06}-é.png,train" for n in range(9000))]), encoding=coding)
    found = peek(path)
    assert found.columns == ["file", "split"]
    assert 0 < len(found.rows) < 9000
    assert found.rows == open_table(path).rows[: len(found.rows)]
