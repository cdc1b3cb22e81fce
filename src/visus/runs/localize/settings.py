"""How a localizer is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from visus.runs.record.fields import Setting, documented
from visus.runs.record.settings import DATA, LEARN, LOSS, NET, FirstPixel, Idle, TrainSettings, said

STAGES = 3

DEFAULTS: dict[str, Any] = {"epochs": 18, "patience": 0, "batch_size": 16, "augment": "light", "lr": 5e-4}
"""What None stands for."""


@documented
@dataclass(frozen=True, kw_only=True)
class LocalizeSettings(TrainSettings):
    """How a localizer is trained, beside what :class:`~visus.runs.record.settings.TrainSettings` says of every one."""

    task: ClassVar[str] = "localize"
    usual: ClassVar[Mapping[str, str]] = {
        **{name: said({"": DEFAULTS}, name) for name in ("epochs", "patience", "batch_size", "augment")},
        "lr": f"{DEFAULTS['lr']} for adamw",
    }

    first_pixel: FirstPixel = None
    net: Annotated[str, Setting("The network that localizes: localizer.")] = "localizer"
    weights: Annotated[str, Setting("imagenet for the backbone, none, a file, or an earlier run.", NET)] = "imagenet"
    backbone: Annotated[str, Setting("vgg16, zfnet, a resnet or an EfficientNet.", NET)] = "efficientnet_lite0"
    side: Annotated[
        int | None,
        Setting(
            "Side, in pixels, of the square that pictures are resized to.",
            NET,
            "[64, 4096]",
            option="--size",
            default="the median of the pictures' shorter sides, at most 224",
        ),
    ] = None
    box_weight: Annotated[float, Setting("Weight of the box in the loss.", LOSS, "(0, 1e6]")] = 5.0
    staged: Annotated[
        bool,
        Setting(
            "Class, then box, then both, in three stages of equal length; or both from the beginning.",
            LEARN,
            option="--staged/--joint",
        ),
    ] = True
    crops: Annotated[
        bool, Setting("Where a picture has several objects, cut out each as a picture of its own.", DATA)
    ] = False

    @property
    def options(self) -> dict[str, Any]:
        """What the network's own function is given."""
        return {"backbone": self.backbone, "side": self.side, "box_weight": self.box_weight}

    def idle(self) -> list[Idle]:
        """The table of options that do nothing beside others."""
        new = self.weights == "none"
        fixed, own = "staged, whose stages have fixed lengths", "staged, whose stages have losses of their own"
        return [
            *super().idle(),
            *((new and self.changed(name), name, "weights none") for name in ("lr_decay", "norms")),
            (self.staged and bool(self.patience), "patience", fixed),
            (self.staged and self.schedule == "plateau", "plateau", own),
        ]
