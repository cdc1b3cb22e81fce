"""Splits whose pictures lie in one folder, and whose classes a list tells: read, or said why not."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.test_kinds import said, sizes
from tests.support import tools
from visus import InputError
from visus.data import load, load_whole
from visus.data.overview import overview

CODES = ("n01440764", "n01443537")


def put(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def labels(root: Path, split: str) -> dict[str, str]:
    """The class of each picture of a split, by its name."""
    found = load_whole(root)
    own = found.splits[split]
    return {Path(file).name: own.names(k, found.classes) for k, file in enumerate(own.files)}


def tiny(root: Path) -> None:
    for code in CODES:
        tools.pictures(root / "train" / code / "images", range(4))
        put(root / "train" / code / f"{code}_boxes.txt", [f"{n:03}.png\t0\t0\t9\t9" for n in range(4)])
    tools.pictures(root / "val" / "images", range(4))
    put(root / "val" / "val_annotations.txt", [f"{n:03}.png\t{CODES[n % 2]}\t0\t0\t9\t9" for n in range(4)])
    tools.pictures(root / "test" / "images", range(3))
    put(root / "wnids.txt", list(CODES))
    put(root / "words.txt", ["n01440764\ttench, Tinca tinca", "n01443537\tgoldfish, Carassius auratus"])


def test_val_of_tiny_imagenet(tmp_path: Path) -> None:
    tiny(tmp_path)
    found = load(tmp_path)
    assert sizes(found) == {"train": 8, "val": 4}
    assert labels(tmp_path, "val") == {f"{n:03}.png": CODES[n % 2] for n in range(4)}
    assert "val_annotations.txt tells the classes of 4 pictures of val." in said(found)
    assert "3 files are not used: 3 .png in test/images." in said(found)


def test_wordnets_codes_have_their_words_beside_them(tmp_path: Path) -> None:
    tiny(tmp_path)
    found = overview(tmp_path)
    assert found.dataset.classes == CODES
    assert found.to_dict()["words"] == {"n01440764": "tench", "n01443537": "goldfish"}
    assert "n01443537 goldfish" in found.describe()


def test_words_without_a_list_are_those_of_timm(tmp_path: Path) -> None:
    tools.colors(tmp_path, 4, names=CODES)
    assert load(tmp_path).words == {"n01440764": "tench", "n01443537": "goldfish"}


def imagenet(root: Path) -> Path:
    """The folders of Kaggle's archive."""
    inner = root / "ILSVRC" / "Data" / "CLS-LOC"
    tools.colors(inner / "train", 4, names=CODES)
    for k, path in enumerate(tools.pictures(inner / "val", range(4)), 1):
        path.rename(path.with_name(f"ILSVRC2012_val_{k:08}.png"))
    put(root / "ILSVRC" / "Annotations" / "CLS-LOC" / "train" / CODES[0] / "0.xml", ["<annotation/>"])
    put(root / "ILSVRC" / "ImageSets" / "CLS-LOC" / "val.txt", [f"ILSVRC2012_val_{k:08} {k}" for k in range(1, 5)])
    return inner


def test_val_of_imagenet_by_kaggles_table(tmp_path: Path) -> None:
    imagenet(tmp_path)
    rows = [f"ILSVRC2012_val_{k:08},{CODES[k % 2]} 1 2 3 4 {CODES[k % 2]} 5 6 7 8" for k in range(1, 4)]
    rows.append("ILSVRC2012_val_00000004,n02119789 1 2 3 4")
    put(tmp_path / "LOC_val_solution.csv", ["ImageId,PredictionString", *rows])
    put(tmp_path / "LOC_synset_mapping.txt", ["n01440764 tench, Tinca tinca", "n01443537 goldfish"])
    found = load(tmp_path)
    assert sizes(found) == {"train": 8, "val": 3}
    assert labels(tmp_path, "val") == {f"ILSVRC2012_val_{k:08}.png": CODES[k % 2] for k in range(1, 4)}
    assert "1 picture of val is of classes that train has not (n02119789), and left out." in said(found)
    assert found.words == {"n01440764": "tench", "n01443537": "goldfish"}


@pytest.mark.parametrize("kit", ["map_clsloc.txt", "meta.mat"])
def test_val_of_imagenet_by_the_numbers_of_its_kit(tmp_path: Path, kit: str) -> None:
    imagenet(tmp_path)
    folder = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    put(folder / "ILSVRC2012_validation_ground_truth.txt", ["2", "1", "2", "1", "1"])
    assert "names; without, it is not used. Bring one of them." in said(load(tmp_path))
    if kit == "meta.mat":
        savemat = pytest.importorskip("scipy.io").savemat
        synsets = np.array([(1, CODES[1]), (2, CODES[0])], [("ILSVRC2012_ID", object), ("WNID", object)])
        savemat(folder / kit, {"synsets": synsets})
    else:
        put(folder / kit, [f"{CODES[1]} 1 goldfish", f"{CODES[0]} 2 tench"])
    found = load(tmp_path)
    assert sizes(found) == {"train": 8, "val": 4}
    assert labels(tmp_path, "val") == {f"ILSVRC2012_val_{k:08}.png": CODES[(k + 1) % 2] for k in range(1, 5)}


@pytest.mark.parametrize("table", ["Test.csv", "Test/GT-final_test.csv"])
def test_test_of_gtsrb(tmp_path: Path, table: str) -> None:
    for label in range(2):
        name = f"{label}" if table == "Test.csv" else f"{label:05}"
        tools.pictures(tmp_path / "Train" / name, range(4))
        put(
            tmp_path / "Train" / name / f"GT-{name}.csv",
            ["Filename;ClassId", *(f"{n:03}.ppm;{label}" for n in range(4))],
        )
    tools.pictures(tmp_path / "Test", range(5))
    tools.pictures(tmp_path / "Meta", range(2))
    head = "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path"
    rows = [f"64,48,1,1,9,9,{n % 2},Test/{n:03}.png" for n in range(4)]
    if table != "Test.csv":  # converted from .ppm
        rows = [row.replace("Test/", "").replace(".png", ".ppm").replace(",", ";") for row in rows]
        head = head.replace(",", ";").replace("Path", "Filename")
    put(tmp_path / table, [head, *rows])
    found = load(tmp_path)
    classes = ("0", "1") if table == "Test.csv" else ("00000", "00001")
    assert sizes(found) == {"train": 6, "val": 2, "test": 4}
    assert labels(tmp_path, "test") == {f"{n:03}.png": classes[n % 2] for n in range(4)}
    assert "1 picture of test is not in" in said(found)
    assert "2 .png in Meta" in said(found)


def test_what_a_list_names_and_is_not_there_is_left_out(tmp_path: Path) -> None:
    tiny(tmp_path)
    (tmp_path / "val" / "images" / "001.png").unlink()
    found = load_whole(tmp_path)
    assert [own.reason.partition(" names ")[2] for own in found.left_out] == ["001.png, which is not there; bring it."]


def test_a_list_of_other_classes_is_said(tmp_path: Path) -> None:
    tiny(tmp_path)
    put(tmp_path / "val" / "val_annotations.txt", ["000.png\tcat", "001.png\tdog"])
    assert "val_annotations.txt is not used: its classes (cat, dog) are none of train." in said(load(tmp_path))


def listed(root: Path, name: str, rows: list[str], classes: tuple[str, ...]) -> str:
    """What is said of folders of classes with a list of the six pictures of test."""
    tools.colors(root / "train", 4, names=classes)
    tools.pictures(root / "test", range(6))
    put(root / name, rows)
    return said(load_whole(root))


def test_classes_of_two_words(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{('black cat', 'sea lion')[n % 2]}" for n in range(6)]
    told = listed(tmp_path, "test.csv", ["file,label", *rows], ("black", "black cat", "sea lion"))
    assert set(labels(tmp_path, "test").values()) == {"black cat", "sea lion"}
    assert "test.csv tells the classes of 6 pictures of test." in told
    assert "test.csv gives most" not in told


def test_classes_of_two_words_on_lines(tmp_path: Path) -> None:
    rows = [f"{n:03}.png {('black cat', 'black', 'black dog')[n % 3]}" for n in range(6)]
    told = listed(tmp_path, "test.txt", rows, ("black", "black cat"))
    assert list(labels(tmp_path, "test").values()) == ["black cat", "black"] * 2
    assert "2 pictures of test are of classes that train has not (black dog), and left out." in told


@pytest.mark.parametrize("name", ["test_predictions.csv", "sample_submission_test.csv", "test.csv"])
def test_what_was_predicted_is_not_the_truth(tmp_path: Path, name: str) -> None:
    head = "file,label,score" if name == "test.csv" else "file,label"
    told = listed(tmp_path, name, [head, *(f"{n:03}.png,{'ab'[n % 2]},0.9" for n in range(6))], ("a", "b"))
    assert f"{name} is not used: by its {'column score' if 'score' in head else 'name'} it holds what was" in told
    assert sizes(load_whole(tmp_path)) == {"train": 8}


def test_a_list_of_one_class_is_not_the_truth(tmp_path: Path) -> None:
    told = listed(tmp_path, "test.csv", ["file,label", *(f"{n:03}.png,a" for n in range(6))], ("a", "b"))
    assert "test.csv is not used: it gives all pictures the class a, as a list to be filled in does" in told


@pytest.mark.parametrize("number", ["²", "9" * 5000])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    tools.colors(tmp_path / "train", 4, names=("1", "2"))
    tools.pictures(tmp_path / "test", range(6))
    put(tmp_path / "test.txt", [number] * 6)
    put(tmp_path / "test.csv", ["file,label", *(f"{n:03}.png,{number}" for n in range(6))])
    assert "test.csv is not used: its classes" in said(load_whole(tmp_path))


def test_pictures_that_a_list_gives_several_classes(tmp_path: Path) -> None:
    rows = [f"{n:03}.png,{'ab'[n % 2]}" for n in range(4)]
    told = listed(tmp_path, "test.csv", ["file,label", *rows, "000.png,b", "001.png,bird", "003.png,b"], ("a", "b"))
    found = load_whole(tmp_path)
    assert sorted(labels(tmp_path, "test")) == ["002.png", "003.png"]
    assert ["several classes (a, b)" in own.reason for own in found.left_out] == [True, False]
    assert "2 pictures of test are not in test.csv, and left out." in told
    put(tmp_path / "test.csv", ["file,label", *rows, *(f"{n:03}.png,bird" for n in range(4))])
    assert "test.csv is not used: it gives most pictures several classes (000.png: a, bird)." in said(
        load_whole(tmp_path)
    )


def cub(root: Path) -> None:
    files = [f"{name}/{n}_{name}.png" for name in ("001.Albatross", "002.Auklet") for n in range(4)]
    for n, file in enumerate(files):
        (path,) = tools.pictures((root / "images" / file).parent, [n])
        path.rename(root / "images" / file)
    put(root / "images.txt", [f"{k} {file}" for k, file in enumerate(files, 1)])
    put(root / "image_class_labels.txt", [f"{k} {1 + (k > 4)}" for k in range(1, 9)])
    put(root / "classes.txt", ["1 001.Albatross", "2 002.Auklet"])
    put(root / "train_test_split.txt", [f"{k} {int(k % 4 != 0)}" for k in range(1, 9)])
    put(root / "bounding_boxes.txt", [f"{k} 60.0 27.0 25.0 34.0" for k in range(1, 9)])


@pytest.mark.parametrize("outer", ["", "CUB_200_2011"])
def test_the_split_of_cub(tmp_path: Path, outer: str) -> None:
    cub(tmp_path / outer)
    put(tmp_path / "attributes.txt", ["1 has_bill_shape::curved"])
    found = load_whole(tmp_path)
    assert found.classes == ("001.Albatross", "002.Auklet")
    assert sizes(found) == {"train": 6, "test": 2}
    assert {Path(own).name for own in found.splits["test"].files} == {"3_001.Albatross.png", "3_002.Auklet.png"}
    put(tmp_path / outer / "train_test_split.txt", ["1 0", "2 yes"])
    with pytest.raises(InputError, match=r"train_test_split.txt must have a number of images.txt and 0 or 1 on each"):
        load_whole(tmp_path)


def test_lists_that_name_other_pictures_are_said(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6)
    for name in ("train", "val"):
        put(tmp_path / f"{name}.txt", [f"red/9{n}.png" for n in range(6)])
    assert "train.txt is not used: most of its names are those of no picture here" in said(load(tmp_path))
