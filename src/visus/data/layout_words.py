"""Names of folders that say what lies in them, pictures or labels, not what is on the pictures."""

import re
from collections.abc import Iterable

from visus.data.splits import split_of

PICTURES = (
    "images", "image", "pictures", "imgs", "img", "jpegimages", "data", "rgb", "img_dir", "image_dir", "inputs",
    "input", "original_images", "imagestr", "pngimages",
)  # fmt: skip
"""What a folder of pictures is called, lower case."""

MASKS = (
    "1st_manual", "masks", "mask", "labels", "label", "annotations", "segmentations", "segmentationclass",
    "segmentationclasspng", "gt", "ground_truth", "groundtruth", "ann_dir", "label_dir", "mask_dir", "annot", "targets",
    "target", "label_images_semantic", "labelstr", "trimaps",
)  # fmt: skip
"""What a folder of masks is called, lower case, the likeliest first."""

BOXES = ("annotations", "annotation", "labels", "label", "xmls", "xml", "ann", "label_2", "txt", "txts", "yolo")
"""What a folder of annotation files is called, lower case."""

_OTHERS = {
    "dataset", "default", "imagesets", "obj_train_data", "obj_valid_data", "obj_test_data", "imagests", "leftimg8bit",
    "imgsfine", "gtfine", "gtcoarse", "image_2", "image_3", "segmentationobject", "segmentationclassvisualization",
    "segmentationobjectvisualization", "visualization", "2nd_manual",
}  # fmt: skip
_LABELS = {*MASKS, *BOXES, "gtfine", "gtcoarse", "segmentationobject", "2nd_manual"}
_WITH_LABELS = re.compile(r"(.+?)[-_ ]?(?:annot|annotations?|masks?|labels?|gt|seg|segmentations?|ground_?truth)")


def is_layout(name: str) -> bool:
    """Whether a folder is named for what files lie in it.

    >>> is_layout("Images"), is_layout("cats")
    (True, False)
    """
    return name.lower() in {*PICTURES, *_LABELS, *_OTHERS}


_NO_PICTURES = {
    "1st_manual", "masks", "mask", "segmentations", "segmentationclass", "segmentationclasspng", "segmentationobject",
    "gt", "ground_truth", "groundtruth", "gtfine", "gtcoarse", "trimaps",
}  # fmt: skip


def is_of_masks(folders: Iterable[str]) -> bool:
    """Whether one of some folders is called as one of masks, and as nothing else.

    >>> is_of_masks(["set", "Masks"]), is_of_masks(["labels"])
    (True, False)
    """
    return any(name.lower() in _NO_PICTURES for name in folders)


def labels_of(name: str) -> str | None:
    """The name of the folder whose masks or labels one holds, lower case; None where it tells of none.

    >>> labels_of("train_masks"), labels_of("trainannot"), labels_of("train")
    ('train', 'train', None)
    """
    match = _WITH_LABELS.fullmatch(name.lower())
    return match[1] if match else None


def stands_beside_labels(names: Iterable[str]) -> bool:
    """Whether folders are some of pictures and some of their masks or labels.

    >>> stands_beside_labels(["train", "trainannot"]), stands_beside_labels(["images", "texts", "maps"])
    (True, False)
    """
    known = {name.lower() for name in names}
    if known & _LABELS and known & {*PICTURES, *_OTHERS} - _LABELS:
        return True
    pairs = {own: labels_of(own) for own in known}
    return any(
        own in known or any(split_of(own) == split_of(other) for other in known - {name} if split_of(other))
        for name, own in pairs.items()
        if own
    )
