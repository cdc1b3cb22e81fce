"""Sets as archives and competitions publish them: read right, or said what they are; never something else."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_kinds import said, sizes, true_boxes
from tests.support import tools
from visus import InputError
from visus.data import load, load_boxes, load_boxes_whole, load_masks, load_masks_whole, load_whole
from visus.data.overview import overview


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


# Masks


def test_the_retina_of_drive_is_no_mask_of_the_field_of_view(tmp_path: Path) -> None:
    for split, first in (("training", 21), ("test", 1)):
        for n in range(first, first + 6):
            save(tmp_path / split / "images" / f"{n:02}_{split}.tif", tools.picture(n))
            save(tmp_path / split / "1st_manual" / f"{n:02}_manual1.gif", (tools.mask(n) > 0).astype(np.uint8) * 255)
            save(tmp_path / split / "mask" / f"{n:02}_{split}_mask.gif", np.full(tools.SIZE, 255, np.uint8))
    found = load_masks_whole(tmp_path)
    assert sizes(found) == {"test": 6, "train": 6}
    assert sum(found.pixels["train"][:, 1]) == sum((tools.mask(n) > 0).sum() for n in range(21, 27))
    assert "12 files are not used: 6 .gif in test/mask, 6 .gif in training/mask." in said(found)


def test_two_observers_beside_each_picture(tmp_path: Path) -> None:
    for n in range(6):
        save(tmp_path / f"Image_{n:02}L.jpg", tools.picture(n))
        for observer in ("1stHO", "2ndHO"):
            save(tmp_path / f"Image_{n:02}L_{observer}.png", (tools.mask(n) > 0).astype(np.uint8) * 255)
    found = load_masks_whole(tmp_path)
    assert (sizes(found), said(found)) == ({"all": 6}, "6 files are not used: 6 .png.")


@pytest.mark.parametrize("folders", [("PNGImages", "PedMasks"), ("1. Originals", "2. Groundtruths")])
def test_folders_that_pair_by_name_are_pictures_and_masks(tmp_path: Path, folders: tuple[str, str]) -> None:
    for n in range(6):
        save(tmp_path / folders[0] / f"Ped{n:05}.png", tools.picture(n))
        save(tmp_path / folders[1] / f"Ped{n:05}_mask.png", tools.mask(n))
    assert sizes(load_masks_whole(tmp_path)) == {"all": 6}
    with pytest.raises(InputError, match=r"another task \(pictures with masks\); say visus train segment"):
        load(tmp_path)


def test_classes_whose_files_have_the_same_names_are_classes(tmp_path: Path) -> None:
    tools.colors(tmp_path, 6, names=("labels off", "red"))
    assert load(tmp_path).classes == ("labels off", "red")


def test_masks_of_the_same_name_with_another_ending(tmp_path: Path) -> None:
    for split, numbers in (("traincrop", range(8)), ("valcrop", range(10, 13))):
        for n in numbers:
            save(tmp_path / split / split / f"{n}.jpg", tools.picture(n))
            save(tmp_path / split / split / f"{n}.png", (tools.mask(n) > 0).astype(np.uint8) * 255)
    assert sizes(load_masks(tmp_path)) == {"train": 8, "val": 3}
    with pytest.raises(InputError, match="visus train segment"):
        load(tmp_path)


def test_few_numbers_that_may_count_objects_are_doubted(tmp_path: Path) -> None:
    tools.masks(tmp_path, range(8), lambda n, own: own * (own == 1) if n % 2 else own)
    assert "they are taken as classes. If they count objects, say --binary." in said(load_masks_whole(tmp_path))


def test_masks_in_a_folder_of_a_class_are_no_pictures_of_it(tmp_path: Path) -> None:
    for name, first in (("Class1", 0), ("Class2", 20)):
        for split, more in (("Train", 0), ("Test", 10)):
            for n in range(first + more, first + more + 5):
                save(tmp_path / name / split / f"{n:04}.PNG", tools.picture(n))
                save(tmp_path / name / split / "Label" / f"{n:04}_label.PNG", tools.mask(n))
    found = load_whole(tmp_path)
    assert sizes(found) == {"test": 10, "train": 10}
    assert "20 pictures are each a mask of another beside it, and not learned from." in said(found)


# Classes of pictures


def test_a_set_in_folders_within_folders(tmp_path: Path) -> None:
    inner = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    tools.colors(inner / "train", 6, names=("n01440764", "n01443537"))
    tools.pictures(inner / "val", range(30, 34))
    put(tmp_path / "LOC_synset_mapping.txt", "n01440764 tench\nn01443537 goldfish\n")
    found = load(tmp_path)
    assert (found.classes, sizes(found)) == (("n01440764", "n01443537"), {"train": 10, "val": 2})
    assert "4 files are not used: 4 .png in ILSVRC/Data/CLS-LOC/val." in said(found)


def test_a_folder_of_classes_beside_one_called_as_a_split(tmp_path: Path) -> None:
    tools.colors(tmp_path / "data_256", 4)
    tools.pictures(tmp_path / "val_256", range(30, 34))
    with pytest.raises(InputError, match=r"data_256 .* holds folders itself \(green, red\) and val_256 is called as"):
        load(tmp_path)
    assert load(tmp_path / "data_256").classes == ("green", "red")


def test_categories_of_whole_pictures_in_cocos_form(tmp_path: Path) -> None:
    for split, numbers in (("train", range(10)), ("val", range(20, 24))):
        for n in numbers:
            save(tmp_path / "images" / f"{n % 2}" / f"{n:03}.jpg", tools.picture(n))
        content = {
            "images": [{"id": n, "file_name": f"images/{n % 2}/{n:03}.jpg"} for n in numbers],
            "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in numbers],
            "categories": [{"id": 0, "name": "Anas crecca"}, {"id": 1, "name": "Corvus corax"}],
        }
        put(tmp_path / f"{split}2019.json", json.dumps(content))
    found = overview(tmp_path)
    assert (found.task, found.dataset.form) == ("classify", "COCO's categories of pictures")
    assert (found.dataset.classes, sizes(load(tmp_path))) == (("Anas crecca", "Corvus corax"), {"train": 10, "val": 4})


def test_metadata_of_splits_in_a_folder_of_data(tmp_path: Path) -> None:
    for split, numbers in (("train", range(8)), ("validation", range(10, 14))):
        tools.pictures(tmp_path / "data" / split, numbers)
        rows = [json.dumps({"file_name": f"{n:03}.png", "label": n % 2}) for n in numbers]
        put(tmp_path / "data" / split / "metadata.jsonl", "\n".join(rows))
    put(tmp_path / "README.md", "A set.")
    found = load(tmp_path)
    assert (found.classes, sizes(found)) == (("0", "1"), {"train": 8, "val": 4})


def test_attributes_of_one_and_minus_one_and_their_partition(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "img_align_celeba", range(12))
    rows = [f"{n:03}.png,{1 if n % 2 else -1},1" for n in range(12)]
    put(tmp_path / "list_attr_celeba.csv", "\n".join(["image_id,Bald,Young", *rows]))
    parts = [f"{n:03}.png,{0 if n < 8 else 1 if n < 10 else 2}" for n in range(12)]
    put(tmp_path / "list_eval_partition.csv", "\n".join(["image_id,partition", *parts]))
    found = load(tmp_path)
    assert (found.classes, sizes(found)) == (("Bald", "Young"), {"train": 8, "val": 2, "test": 2})
    assert "list_eval_partition.csv says which pictures are for what." in said(found)


def test_a_list_of_parts_is_no_table_of_classes(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "faces", range(12))
    put(tmp_path / "list_eval_partition.txt", "\n".join(f"{n:03}.png {n % 3}" for n in range(12)))
    with pytest.raises(InputError, match="one class only"):
        load(tmp_path)


def test_labels_in_a_file_that_is_not_read_are_named(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "jpg", range(6))
    (tmp_path / "imagelabels.mat").write_bytes(b"MATLAB")
    with pytest.raises(InputError, match="It is a set with MATLAB files, which is not read; save its pictures as"):
        load(tmp_path)


def test_accents_as_macos_and_others_write_them(tmp_path: Path) -> None:
    names = [f"caf\u00e9{n}.png" for n in range(8)]
    for n, name in enumerate(names):
        save(tmp_path / "img" / name, tools.picture(n))
    rows = [f"elsewhere/{name.replace(chr(0xE9), 'e' + chr(0x301))},{'ab'[n % 2]}" for n, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *rows]), encoding="utf-8")
    found = load_whole(tmp_path)
    assert (sizes(found), found.left_out) == ({"all": 8}, [])


def test_near_copies_of_odd_sizes_are_counted_where_jpeg_files_are_decoded_small(tmp_path: Path) -> None:
    for split, numbers, quality in (("train", range(8), 95), ("val", range(8), 70)):
        for n in numbers:
            wide = Image.fromarray(tools.picture(n)).resize((333, 251), Image.Resampling.LANCZOS)
            own = wide if split == "train" else wide.resize((301 - 9 * n, 227 - 7 * n), Image.Resampling.LANCZOS)
            path = tmp_path / split / "ab"[n % 2] / f"{n}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            own.save(path, quality=quality)
    assert "8 of 8 pictures of val look the same as one in train but for size or quality" in said(load(tmp_path))


# Boxes


def test_turned_boxes_of_rolabelimg(tmp_path: Path) -> None:
    for n in range(6):
        save(tmp_path / f"{n:03}.png", tools.picture(n))
        objects = ""
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            middle = f"<cx>{(x0 + x1) / 2}</cx><cy>{(y0 + y1) / 2}</cy>"
            sides = f"<w>{y1 - y0}</w><h>{x1 - x0}</h><angle>{math.pi / 2}</angle>"
            objects += f"<object><type>robndbox</type><name>{name}</name><robndbox>{middle}{sides}</robndbox></object>"
        put(tmp_path / f"{n:03}.xml", f"<annotation><path>/x/{n:03}.png</path>{objects}</annotation>")
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert "rotated" not in said(found)
    text = (tmp_path / "000.xml").read_text()
    put(tmp_path / "000.xml", text.replace(f"<angle>{math.pi / 2}</angle>", "<angle>0.5</angle>"))
    assert "a rotated box: the upright box around it is taken" in said(load_boxes_whole(tmp_path))


@pytest.mark.parametrize("shares", [False, True])
def test_tables_of_a_corner_and_sides_and_of_shares(tmp_path: Path, shares: bool) -> None:
    tools.pictures(tmp_path / "train", range(6))
    head = "filename,class,xmin,ymin,xmax,ymax" if shares else "patientId,Target,x,y,width,height"
    rows = [head]
    for n in range(6):
        for name, (x0, y0, x1, y1) in tools.boxes(n).items():
            numbers = (x0 / 120, y0 / 90, x1 / 120, y1 / 90) if shares else (x0, y0, x1 - x0, y1 - y0)
            rows.append(f"{n:03}{'.png' * shares},{name},{','.join(map(str, numbers))}")
    put(tmp_path / "train.csv", "\n".join(rows))
    found = load_boxes_whole(tmp_path)
    assert true_boxes(found)
    assert ("The boxes of train.csv are shares of the width and the height" in said(found)) is shares


def test_a_corner_and_sides_in_shares_may_not_be_the_middle(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "train", range(6))
    rows = ["filename,class,x,y,width,height", *(f"{n:03}.png,cat,0.25,0.25,0.5,0.5" for n in range(6))]
    put(tmp_path / "train.csv", "\n".join(rows))
    found = load_boxes_whole(tmp_path)
    assert found.splits["train"].objects[0].boxes.tolist() == [[30, 22.5, 90, 67.5]]
    assert "x and y of train.csv are taken as the left upper corner of a box." in said(found)
    put(tmp_path / "train.csv", "\n".join(rows).replace("0.25,0.25,0.5", "0.6,0.5,0.5"))
    with pytest.raises(InputError, match=r"x and y of .*train.csv are the middle of a box, it seems"):
        load_boxes_whole(tmp_path)


def test_the_size_of_a_picture_and_a_point_are_no_box(tmp_path: Path) -> None:
    tools.pictures(tmp_path / "img", range(8))
    rows = [f"{n:03}.png,120,90,{'ab'[n % 2]},{n},{n}" for n in range(8)]
    put(tmp_path / "labels.csv", "\n".join(["filename,width,height,class,x,y", *rows]))
    assert load_whole(tmp_path).classes == ("a", "b")


# What is named


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("train.csv", "label,pixel0,pixel1\n1,2,3\n", "a table of pixels, which is not read; save its pictures"),
        ("fer2013.csv", "emotion,pixels,Usage\n1,2 3,Training\n", "a table of pixels, which is not read"),
        ("pathmnist.npz", "", "a set of NumPy files, which is not read; save its pictures as files"),
        ("nnUNetPlans.json", "{}", r"preprocessed folder, which is not read; name the raw one \(nnUNet_raw"),
        ("annotations/000.txt", "12,10,28,20,1,4,0,0\n", "a set of VisDrone, which is not read; export it"),
    ],
)
def test_what_is_not_read_is_named_with_the_mend(tmp_path: Path, name: str, text: str, words: str) -> None:
    tools.pictures(tmp_path / "images", range(3))
    put(tmp_path / name, text)
    for reading in (load, load_boxes, load_masks):
        with pytest.raises(InputError, match=words):
            reading(tmp_path)


def test_a_mask_for_each_object_is_named(tmp_path: Path) -> None:
    for n in range(4):
        tools.pictures(tmp_path / f"{n:03}" / "images", [n])
        for label in (1, 2):
            save(tmp_path / f"{n:03}" / "masks" / f"{label}.png", (tools.mask(n) == label).astype(np.uint8) * 255)
    for reading in (load, load_boxes, load_masks):
        with pytest.raises(InputError, match=r"a mask for each object .* join the masks of each picture"):
            reading(tmp_path)


def test_a_stack_in_one_file_is_named(tmp_path: Path) -> None:
    pages = [Image.fromarray(tools.mask(n)) for n in range(3)]
    pages[0].save(tmp_path / "train-volume.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="a stack of pictures in one TIFF file, which is not read; save each of its"):
        load_masks(tmp_path)


def test_masks_of_single_lesions_are_no_class(tmp_path: Path) -> None:
    outer = tmp_path / "A. Segmentation"
    for n in range(6):
        save(outer / "1. Original Images" / "a. Training Set" / f"IDRiD_{n:02}.png", tools.picture(n))
        for k, name in enumerate(("MA", "HE"), 1):
            mask = (tools.mask(n) == k).astype(np.uint8) * 255
            save(outer / "2. All Groundtruths" / "a. Training Set" / name / f"IDRiD_{n:02}_{name}.png", mask)
    with pytest.raises(InputError, match=r"another task \(pictures with masks\); say visus train segment"):
        load(tmp_path)
    with pytest.raises(InputError, match="No picture has a mask beside it"):
        load_masks(tmp_path)
