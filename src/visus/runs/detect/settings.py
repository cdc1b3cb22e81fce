"""How a detector is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from visus.runs.record.fields import Setting, documented
from visus.runs.record.settings import DATA, LEARN, NET, FirstPixel, Idle, Lower, TrainSettings, Unlabeled, said

Pooling = Literal["pool", "align", "align_maximum"]
Proposals = Literal["fast", "quality"]
BestBy = Literal["ap", "ap50"]

_OWN = "Options of networks"
OPTIONS = ("backbone", "pooling", "width", "side", "boxes", "sizes", "stages")
"""Settings that are options of networks."""

NO_WEIGHTS = "none"

_WITH_LOWER = ("fast_rcnn", "faster_rcnn", "mask_rcnn")  # of 0.1

MOST = 2000  # proposals of a picture

DEFAULTS: dict[str, Any] = {"epochs": 20, "patience": 0, "batch_size": 4, "augment": "light", "lr": 5e-4}
"""What None stands for."""


@documented
@dataclass(frozen=True, kw_only=True)
class DetectSettings(TrainSettings):
    """How a detector is trained, beside what :class:`~visus.runs.record.settings.TrainSettings` says of every one."""

    task: ClassVar[str] = "detect"
    usual: ClassVar[Mapping[str, str]] = {
        **{name: said({"": DEFAULTS}, name) for name in ("epochs", "patience", "batch_size", "augment")},
        "lr": f"{DEFAULTS['lr']} for adamw",
    }

    unlabeled: Unlabeled = None
    first_pixel: FirstPixel = None
    net: Annotated[
        str,
        Setting(
            "rcnn, fast_rcnn, faster_rcnn, mask_rcnn, faster_rcnn_fpn, mask_rcnn_fpn, fasterrcnn_resnet50_fpn or "
            "maskrcnn_resnet50_fpn.",
            NET,
        ),
    ] = "faster_rcnn_fpn"
    weights: Annotated[
        str,
        Setting(
            "imagenet for the backbone (for torchvision's networks: all layers, from COCO), none, a file, or an "
            "earlier run; layers that fit are copied.",
            NET,
        ),
    ] = "imagenet"
    backbone: Annotated[
        str | None,
        Setting("vgg16, a resnet, an EfficientNet or, without a pyramid, zfnet.", _OWN, default="efficientnet_lite0"),
    ] = None
    lower: Lower = None
    pooling: Annotated[
        Pooling | None, Setting("fast_rcnn, faster_rcnn: how boxes are pooled.", _OWN, default="align")
    ] = None
    width: Annotated[
        int | None,
        Setting(
            "faster_rcnn_fpn, mask_rcnn_fpn: channels of the pyramid and of the mask branch; mask_rcnn: of the branch.",
            _OWN,
            "[1, 1024]",
            default="256; with an EfficientNet 128 on a pyramid, 64 for mask_rcnn",
        ),
    ] = None
    side: Annotated[
        int | None,
        Setting(
            "Shorter side of the resized pictures, in pixels; for rcnn, the side that boxes are warped to.",
            NET,
            "[64, 4096]",
            option="--size",
            default="the median of the pictures' shorter sides, at most 600, small ones enlarged for a pyramid (to "
            "twice that, at most 320); 128 for rcnn",
        ),
    ] = None
    boxes: Annotated[
        int | None,
        Setting(
            "Boxes per picture in each training step.",
            _OWN,
            "[1, 512]",
            default="128 on a pyramid; else 64, with an EfficientNet 32",
        ),
    ] = None
    sizes: Annotated[
        tuple[int, ...] | None,
        Setting(
            "Networks that propose boxes: sizes of the anchors in pixels of the resized pictures (on a pyramid three, "
            "one for each map); the paper's are 128,256,512 at a size of 600.",
            _OWN,
            option="--anchors",
            metavar="A,B,C",
            default="three that suit the objects",
        ),
    ] = None
    stages: Annotated[
        int | None,
        Setting(
            "faster_rcnn_fpn, mask_rcnn_fpn: stages that refine a box; 2 or 3 make a Cascade R-CNN.",
            _OWN,
            "[1, 3]",
            default="1",
        ),
    ] = None
    copy_paste: Annotated[
        float | None,
        Setting(
            "Share of the training pictures into which objects from another picture are pasted; needs the shapes of "
            "all objects.",
            DATA,
            "[0, 1]",
            default="0.5 on a pyramid with augment strong, where all objects have shapes; else 0",
        ),
    ] = None
    best_by: Annotated[
        BestBy,
        Setting("Average precision on val that chooses the best epoch: ap (IoU 0.5 to 0.95) or ap50 (IoU 0.5).", LEARN),
    ] = "ap"
    proposals: Annotated[Proposals, Setting("rcnn, fast_rcnn: mode of selective search.", _OWN)] = "fast"
    most: Annotated[int, Setting("rcnn, fast_rcnn: most proposals per picture.", _OWN, "[1, 100000]")] = MOST

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given."""
        values = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def of_earlier(cls, values: dict[str, Any]) -> dict[str, Any]:
        """As in 0.1, all layers learned, the best epoch was that of the best AP50, and nothing was pasted."""
        has_lower = values.get("net") in _WITH_LOWER and values.get("weights") != NO_WEIGHTS
        return {"best_by": "ap50", "copy_paste": 0.0, **({"lower": "learn"} if has_lower else {}), **values}

    def idle(self) -> list[Idle]:
        """The table of options that do nothing beside others."""
        new = self.weights == NO_WEIGHTS
        return [
            *super().idle(),
            *((new and self.changed(name), name, "weights none") for name in ("lr_decay", "norms", "lower")),
        ]
