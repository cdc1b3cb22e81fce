"""The formats of pictures with boxes and shapes that are read: one file each, one line here.

A reader gives, by split, files and for each the objects on it as rows: ``name`` (or ``line``, YOLO's numbers), ``box``
(its edges in pixels), and perhaps ``shape`` (polygons or run lengths as COCO writes them), ``crowd``, ``difficult``,
``area``, ``size`` (height and width that the annotation is for), ``relative`` (box and polygons are shares of the width
and the height), ``rectangle`` (the shape is but the box) and ``stuff`` (what cannot be counted, such as sky). What it
cannot use it tells in its :class:`~visus.data.left_out.Notes`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from visus.data.box_tables import is_table_of_boxes, read_tables_of_boxes
from visus.data.coco_boxes import is_coco_set, read_coco_boxes
from visus.data.createml import is_createml, read_createml
from visus.data.cvat import is_cvat, read_cvat
from visus.data.datumaro import is_datumaro, read_datumaro
from visus.data.fiftyone import is_fiftyone, read_fiftyone
from visus.data.gather import Rows
from visus.data.hugging_face import is_hugging_face, read_hugging_face
from visus.data.kitti import is_kitti, read_kitti
from visus.data.label_studio import is_label_studio, read_label_studio
from visus.data.labelme import is_labelme, read_labelme
from visus.data.left_out import Notes
from visus.data.panoptic import is_panoptic, read_panoptic
from visus.data.supervisely import is_supervisely, read_supervisely
from visus.data.via import is_via, read_via
from visus.data.voc import is_voc, read_voc
from visus.data.yolo import is_yolo, read_yolo

_LISTS = (
    ".json", ".xml", ".txt", ".yaml", ".yml", ".csv", ".jsonl", ".md", ".names", ".data", ".labels",
    ".cache", ".html", ".pdf", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """A format of pictures with boxes.

    Attributes:
        name: What it is called.
        is_in: Whether a folder is of this form.
        read: From a folder and notes to the classes (None: the names that occur, sorted), and the rows by split.
        has_shapes: Whether its objects may have shapes, so that masks can be drawn from them.
        bare_is_negative: Whether it gives a picture without objects no annotation.
        endings: Endings of its own files, and of papers that come with them.
    """

    name: str
    is_in: Callable[[Path], bool]
    read: Callable[[Path, Notes], tuple[tuple[str, ...] | None, dict[str, Rows]]]
    has_shapes: bool = True
    bare_is_negative: bool = False
    endings: tuple[str, ...] = _LISTS


FORMATS: tuple[Format, ...] = (
    Format("COCO", is_coco_set, read_coco_boxes),
    Format("COCO panoptic", is_panoptic, read_panoptic),
    Format("CVAT's XML for images", is_cvat, read_cvat),
    Format("Supervisely", is_supervisely, read_supervisely),
    Format("labelme", is_labelme, read_labelme),
    Format("Label Studio", is_label_studio, read_label_studio),
    Format("VIA", is_via, read_via),
    Format("FiftyOne", is_fiftyone, read_fiftyone, has_shapes=False),
    Format("CreateML", is_createml, read_createml, has_shapes=False),
    Format("Datumaro", is_datumaro, read_datumaro),
    Format("Hugging Face's metadata", is_hugging_face, read_hugging_face, has_shapes=False),
    Format("a table of boxes", is_table_of_boxes, read_tables_of_boxes, has_shapes=False),
    Format("Pascal VOC", is_voc, read_voc, has_shapes=False),
    Format("KITTI", is_kitti, read_kitti, has_shapes=False),
    Format("YOLO", is_yolo, read_yolo, bare_is_negative=True),
)
"""In the order in which they are looked for."""
