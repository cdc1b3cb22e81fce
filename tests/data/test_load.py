"""Labeled pictures from folders, tables and idx files."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.bad_files import write_bad_files
from tests.support.labeled import CLASSES, folder_of_classes, idx_bytes, idx_folder, splits, write_class
from visus import FormatError, InputError
from visus.data import load, load_whole
from visus.data.idx import read_array


def test_folders_of_classes_are_split(tmp_path: Path) -> None:
    dataset = load(folder_of_classes(tmp_path / "d", 20), seed=3)
    assert dataset.classes == CLASSES
    assert {name: len(p) for name, p in dataset.splits.items()} == {"train": 42, "val": 9, "test": 9}
    for split in dataset.splits:
        assert len(set(dataset.counts(split).tolist())) == 1
    files = [file for pictures in dataset.splits.values() for file in pictures.files]
    assert len(set(files)) == 60
    for pictures in dataset.splits.values():
        assert all(Path(f).parent.name == CLASSES[k] for f, k in zip(pictures.files, pictures.labels, strict=True))
    assert dataset.remarks == []
    again, other = load(tmp_path / "d", seed=3), load(tmp_path / "d", seed=4)
    assert again.splits["val"].files == dataset.splits["val"].files != other.splits["val"].files
    assert "blob" in dataset.describe()
    assert "42" in dataset.describe()


def test_given_splits_are_kept_and_a_missing_val_is_taken_from_train(tmp_path: Path) -> None:
    whole = load(splits(tmp_path / "a", 20, 8, 6))
    assert {name: len(p) for name, p in whole.splits.items()} == {"train": 60, "val": 24, "test": 18}
    shutil.move(tmp_path / "a" / "val", tmp_path / "a" / "Validation")
    assert len(load(tmp_path / "a").splits["val"]) == 24
    shutil.rmtree(tmp_path / "a" / "Validation")
    cut = load(tmp_path / "a", val=0.2)
    assert {name: len(p) for name, p in cut.splits.items()} == {"train": 48, "val": 12, "test": 18}
    assert "20% of train" in cut.form


def test_load_whole_cuts_nothing(tmp_path: Path) -> None:
    assert {k: len(v) for k, v in load_whole(folder_of_classes(tmp_path / "a", 4)).splits.items()} == {"all": 12}
    assert {k: len(v) for k, v in load_whole(splits(tmp_path / "b", 3, 0, 2)).splits.items()} == {"train": 9, "test": 6}


def test_a_table_with_and_without_splits(tmp_path: Path) -> None:
    folder_of_classes(tmp_path / "p", 10)
    rows = [(f"p/{name}/{k:04d}.png", name, "train" if k < 7 else "valid") for name in CLASSES for k in range(10)]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Path", "Label", "split"), *rows])
    dataset = load(tmp_path / "labels.csv")
    assert {name: len(p) for name, p in dataset.splits.items()} == {"train": 21, "val": 9}
    with (tmp_path / "plain.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "class"), *(row[:2] for row in rows)])
    assert load(tmp_path / "plain.csv").splits.keys() == {"train", "val", "test"}


def test_idx_files_plain_and_zipped(tmp_path: Path) -> None:
    for zipped in (True, False):
        dataset = load(idx_folder(tmp_path / str(zipped), zipped=zipped))
        assert dataset.classes == ("0", "1", "2")
        assert dataset.gray
        assert {name: len(p) for name, p in dataset.splits.items()} == {"train": 78, "val": 12, "test": 30}
        picture = dataset.splits["test"].read(0)
        assert picture.shape == (12, 12, 3)
        assert (picture[..., 0] == picture[..., 2]).all()


def test_unreadable_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    folder = folder_of_classes(tmp_path / "d", 10)
    bad = write_bad_files(folder / "blob" / "bad")
    with pytest.raises(InputError, match="--allow-bad"):
        load(folder)
    dataset = load(folder, allow_bad=True)
    assert sum(len(p) for p in dataset.splits.values()) == 30
    assert sorted(own.path for own in dataset.left_out) == sorted(map(str, bad))
    (remark,) = dataset.remarks
    assert f"Left out {len(bad)} pictures" in remark
    assert any(str(path) in remark for path in bad)


def test_copies_across_splits_and_labels_are_said(tmp_path: Path) -> None:
    folder = splits(tmp_path / "d", 8, 4, 4)
    shutil.copy(folder / "train" / "blob" / "0000.png", folder / "test" / "blob" / "copy.png")
    shutil.copy(folder / "train" / "blob" / "0001.png", folder / "train" / "checks" / "wrong.png")
    remarks = " ".join(load(folder).remarks)
    assert "1 of 13 pictures of test is in train too" in remarks
    assert "1 picture can be found under more than one class" in remarks


def test_copies_stay_together_when_a_folder_is_split(tmp_path: Path) -> None:
    folder = folder_of_classes(tmp_path / "d", 12)
    for k in range(6):
        shutil.copy(folder / "blob" / f"{k:04d}.png", folder / "blob" / f"copy{k}.png")
    for seed in range(5):
        dataset = load(folder, seed=seed)
        assert not any("too good" in remark for remark in dataset.remarks)
        where = {Path(f).name: split for split, p in dataset.splits.items() for f in p.files if "/blob/" in f}
        assert all(where[f"{k:04d}.png"] == where[f"copy{k}.png"] for k in range(6))


def test_where_all_are_copies_this_is_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (path,) = write_class(tmp_path / name, 0, 1)
        for number in range(4):
            shutil.copy(path, path.with_name(f"copy{number}.png"))
    with pytest.raises(
        InputError, match=r"val split \(its 10 pictures are copies of 1, and copies are kept together\)"
    ):
        load(tmp_path)


def test_uneven_classes_are_said(tmp_path: Path) -> None:
    folder_of_classes(tmp_path / "d", 4)
    write_class(tmp_path / "d" / "blob", 0, 40, first=100)
    assert "--balance" in " ".join(load(tmp_path / "d").remarks)


def test_names_with_unicode_and_nested_folders(tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "Gänseblümchen" / "2024", 0, 6)
    write_class(tmp_path / "d" / "菊", 1, 6)
    assert load(tmp_path / "d").classes == ("Gänseblümchen", "菊")


def _table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return tmp_path / "t.csv"


def test_bad_data_is_one_sentence(tmp_path: Path) -> None:
    folder_of_classes(tmp_path / "p", 4)
    (tmp_path / "empty" / "a").mkdir(parents=True)
    write_class(tmp_path / "empty" / "b", 0, 3)
    write_class(tmp_path / "one" / "only", 0, 6)
    (tmp_path / "nothing").mkdir()
    write_bad_files(tmp_path / "broken" / "a")
    write_class(tmp_path / "broken" / "b", 0, 4)
    splits(tmp_path / "strange", 4, 0, 0)
    write_class(tmp_path / "strange" / "test" / "lily", 0, 2)
    cases = [
        (tmp_path / "none", "does not exist"),
        (tmp_path / "nothing", "holds no labeled pictures"),
        (tmp_path / "empty", "one class only"),
        (tmp_path / "one", "one class only"),
        (tmp_path / "broken", "cannot be used .* more than a tenth"),
        (tmp_path / "strange", "has the class 'lily', which train has not"),
        (tmp_path / "p" / "blob" / "0000.png", "neither a folder nor a CSV"),
    ]
    for path, words in cases:
        with pytest.raises(InputError, match=words):
            load(path)
    for text, words in (
        ("a,b\n1,2\n", "needs the columns file and class"),
        ("file,class\n", "lists no pictures"),
        ("file,class\np/blob/0000.png,a\np/none.png,b\n", "The class b has no pictures to learn from"),
        ("file,class\np/blob/0000.png,\n", "No line of .* names a class"),
        ("file,class,split\np/blob/0000.png,a,later\n", "the split 'later'"),
        ("file,class,split\np/blob/0000.png,a,test\n", "no pictures in the split train"),
        ("file,class,split\np/blob/0000.png,a,train\np/blob/0001.png,b,\n", "too few pictures"),
    ):
        with pytest.raises(InputError, match=words):
            load(_table(tmp_path, text))
    for val, test in ((0.0, 0.1), (0.6, 0.5), (0.1, -0.1)):
        with pytest.raises(InputError, match="shares"):
            load(tmp_path / "p", val=val, test=test)


def test_a_folder_of_splits_without_train_is_not_learned_from(tmp_path: Path) -> None:
    folder = splits(tmp_path / "d", 0, 3, 3)
    with pytest.raises(InputError, match="no pictures in the split train"):
        load(folder)
    assert load_whole(folder).splits.keys() == {"val", "test"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "train", 0, 6)
    write_class(tmp_path / "d" / "plane", 1, 6)
    assert load(tmp_path / "d").classes == ("plane", "train")


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    write_class(tmp_path / "d" / "b", 1, 4)
    write_class(tmp_path / "d" / "caf\udce9", 0, 4)
    with pytest.raises(InputError, match="not UTF-8"):
        load(tmp_path / "d")


def test_damaged_idx_files(tmp_path: Path) -> None:
    good = idx_bytes(np.zeros((3, 4, 4), np.uint8))
    for name, content in {
        "short": good[:-5],
        "long": good + b"x",
        "header": good[:7],
        "type": good[:2] + b"\x0d" + good[3:],
        "empty": b"",
        "zip.gz": b"\x1f\x8b" + bytes(30),
        "huge": good[:4] + b"\xff" * 12,
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=name):
            read_array(tmp_path / name)
    folder = idx_folder(tmp_path / "d", zipped=False)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FormatError, match="labels of test"):
        load(folder)
    (folder / "t10k-images-idx3-ubyte").unlink()
    assert load(folder).splits.keys() == {"train", "val"}
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(5, np.uint8)))
    with pytest.raises(FormatError, match="do not belong together"):
        load(folder)
