"""How a segmenter is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from visus.runs.record.fields import Setting, documented
from visus.runs.record.settings import DATA, LEARN, LOSS, NET, Idle, Lower, TrainSettings, Unlabeled, said

ClassWeights = Literal["none", "median_frequency"]
Head = Literal["large_fov", "aspp"]

_OWN = "Options of networks"
OPTIONS = ("backbone", "head", "padded", "width", "batch_norm", "round_up", "release")
"""Settings that are options of networks."""

NO_WEIGHTS = "none"
AUTO = "auto"

DEFAULTS: dict[str, dict[str, Any]] = {
    "pictures": {"epochs": 30, "patience": 0, "batch_size": 8, "augment": "light", "lr": 1e-3, "window": 256},
    "volumes": {"epochs": 30, "patience": 0, "batch_size": 2, "augment": "light", "lr": 1e-3, "window": 64},
}
"""What None stands for; a window is as large where the pictures are."""


@documented
@dataclass(frozen=True, kw_only=True)
class SegmentSettings(TrainSettings):
    """How a segmenter is trained, beside what :class:`~visus.runs.record.settings.TrainSettings` says of every one."""

    task: ClassVar[str] = "segment"
    usual: ClassVar[Mapping[str, str]] = {
        **{name: said(DEFAULTS, name) for name in ("epochs", "patience", "batch_size", "augment", "window")},
        "lr": f"{said(DEFAULTS, 'lr')} for adamw",
    }

    net: Annotated[
        str,
        Setting(
            "A name of visus nets; auto: vnet for volumes, unet for gray pictures and for two classes, else fcn8s, of "
            "a width that trains in about ten minutes here.",
            NET,
        ),
    ] = AUTO
    weights: Annotated[
        str | None,
        Setting(
            "imagenet (the backbone), none, a file, or an earlier run, for example of fcn32s when training fcn16s; "
            "layers that fit are copied.",
            NET,
            default="imagenet where available",
        ),
    ] = None
    backbone: Annotated[
        str | None, Setting("fcn and deeplab: backbone; on a CPU, choose efficientnet_lite0.", _OWN, default="vgg16")
    ] = None
    head: Annotated[Head | None, Setting("deeplab: kind of head.", _OWN)] = None
    padded: Annotated[
        bool | None,
        Setting("unet: convolutions keep the size.", _OWN, option="--padded/--unpadded", default="unpadded"),
    ] = None
    width: Annotated[
        int | None,
        Setting(
            "unet, segnet, deconvnet, vnet: channels of the first level.",
            _OWN,
            "[1, 1024]",
            default="64; 16 for vnet; with auto what fits",
        ),
    ] = None
    batch_norm: Annotated[
        bool | None,
        Setting(
            "segnet, deconvnet, unet, vnet: use batch normalization.", _OWN, default="yes, where nothing is pretrained"
        ),
    ] = None
    round_up: Annotated[
        bool | None,
        Setting(
            "segnet: pool maps of odd size to the larger half, as its authors do.",
            _OWN,
            option="--round-up/--round-down",
            default="up",
        ),
    ] = None
    release: Annotated[
        bool | None,
        Setting(
            "unet, vnet, fcn8s, fcn16s, deconvnet: as the authors released it, where that differs from their paper.",
            _OWN,
            option="--release/--paper",
            default="paper",
        ),
    ] = None
    lower: Lower = None
    window: Annotated[
        tuple[int, ...] | None,
        Setting("Spatial size of the windows that the network sees.", NET, option="--size", metavar="N|H,W|D,H,W"),
    ] = None
    windows: Annotated[
        int | None,
        Setting(
            "Windows of each training picture in an epoch.",
            LEARN,
            "[1, 100000]",
            default="as many as cover it where nothing is pretrained, else 1",
        ),
    ] = None
    ignore: Annotated[
        tuple[str, ...], Setting("A class that does not count, by name or value; may be repeated.", DATA)
    ] = ()
    unlabeled: Unlabeled = None
    binary: Annotated[bool, Setting("Masks: all that is not 0 is one class.", DATA)] = False
    spacing: Annotated[
        tuple[float, float, float] | None,
        Setting(
            "Volumes: millimeters between voxels (left to right, back to front, feet to head) that all get.",
            DATA,
            "(0, inf)",
            metavar="X,Y,Z",
            default="as they lie",
        ),
    ] = None
    loss: Annotated[
        str,
        Setting(
            "What is minimized: cross_entropy, cross_entropy_sum, focal, dice, or a sum: cross_entropy+dice.", LOSS
        ),
    ] = "cross_entropy"
    class_weights: Annotated[ClassWeights, Setting("Let rare classes count more.", LOSS)] = "none"
    border: Annotated[float, Setting("Weight of positions between touching regions (U-Net: 10).", LOSS, "[0, 1e6]")] = (
        0.0
    )
    elastic: Annotated[
        float, Setting("Standard deviation of random smooth displacements, in pixels (U-Net: 10).", DATA, "[0, 1e6]")
    ] = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given, but for the channels."""
        values = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def of_earlier(cls, values: dict[str, Any]) -> dict[str, Any]:
        """As in 0.1: one window of a picture in an epoch, all layers learn, no norms in U-Net, SegNet cuts maps.

        Batch normalization took the statistics of each step.
        """
        pretrained = values.get("weights") != NO_WEIGHTS
        has_lower = str(values.get("net")).startswith("fcn") and values.get("backbone") not in (None, "vgg16")
        learns = {"lower": "learn"} if has_lower and pretrained else {}
        norms = {"norms": "batch"} if pretrained else {}
        plain = {"unet": {"batch_norm": False}, "vnet": {"batch_norm": False}, "segnet": {"round_up": False}}
        return {"windows": 1, **learns, **norms, **plain.get(str(values.get("net")), {}), **values}

    def idle(self) -> list[Idle]:
        """The table of options that do nothing beside others, as far as the weights are known."""
        dice, new = self.loss == "dice", self.weights == NO_WEIGHTS
        return [
            *super().idle(),
            (dice and self.changed("class_weights"), "class_weights", "the loss dice"),
            (dice and self.changed("border"), "border", "the loss dice"),
            *((new and self.changed(name), name, "weights none") for name in ("lr_decay", "norms", "lower")),
        ]
