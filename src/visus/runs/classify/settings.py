"""How a classifier is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from visus.runs.record.fields import Setting, documented
from visus.runs.record.settings import DATA, LEARN, LOSS, NET, Idle, TrainSettings, said

Mode = Literal["probe", "finetune", "scratch"]
Loss = Literal["cross_entropy", "hinge", "relative_entropy"]
Balance = Literal["none", "weights", "sampling"]
Preprocess = Literal["weights", "none", "mean_picture", "channel_mean", "zscore", "pca", "pca_whiten", "zca_whiten"]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu"]

_MLP = "Options of mlp and cnn"

DEFAULTS: dict[str, dict[str, Any]] = {
    "finetune": {"epochs": 6, "patience": 4, "batch_size": 32, "augment": "light", "lr": 3e-4},
    "scratch": {"epochs": 15, "patience": 6, "batch_size": 64, "augment": "light", "lr": 1e-3},
    "probe": {"epochs": 100, "patience": 15, "batch_size": 256, "augment": "none", "lr": 1e-3},
}
"""What None stands for, by mode."""


@documented
@dataclass(frozen=True, kw_only=True)
class ClassifySettings(TrainSettings):
    """How a classifier is trained, beside what :class:`~visus.runs.record.settings.TrainSettings` says of every one."""

    task: ClassVar[str] = "classify"
    usual: ClassVar[Mapping[str, str]] = {
        **{name: said(DEFAULTS, name) for name in ("epochs", "patience", "batch_size", "augment")},
        "lr": f"{said(DEFAULTS, 'lr')} for adamw",
    }

    net: Annotated[str, Setting("A name of visus nets, or of timm.", NET)] = "efficientnet_lite0"
    mode: Annotated[
        Mode | None,
        Setting(
            "probe: the last layer on cached features; finetune: all layers from weights, from the top down; scratch: "
            "all from random weights.",
            NET,
            default="finetune, or scratch where there are no weights",
        ),
    ] = None
    weights: Annotated[str, Setting("imagenet, a file of weights, or an earlier run; not used by scratch.", NET)] = (
        "imagenet"
    )
    size: Annotated[
        int | None, Setting("Side of the input in pixels.", NET, "[1, inf)", default="what suits the network")
    ] = None
    loss: Annotated[Loss, Setting("What is minimized.", LOSS)] = "cross_entropy"
    label_smoothing: Annotated[
        float, Setting("Share of the target that is spread evenly over all classes.", LOSS, "[0, 1)")
    ] = 0.0
    multilabel: Annotated[
        bool,
        Setting("A picture may have several classes, or none; recognized where a table plainly gives several.", DATA),
    ] = False
    adversarial: Annotated[
        float,
        Setting(
            "Train on pictures altered to fool the network, by at most this share of white, such as 4/255; twice "
            "the time.",
            LOSS,
            "[0, 0.5]",
            metavar="EPS",
            fraction=True,
        ),
    ] = 0.0
    balance: Annotated[Balance, Setting("Let rare classes count more, or show them more often.", LOSS)] = "none"
    preprocess: Annotated[
        Preprocess | None,
        Setting("Preprocessing, fitted on the training pictures.", DATA, default="what the weights expect, or zscore"),
    ] = None
    hidden: Annotated[
        tuple[int, ...],
        Setting("mlp: units in each hidden layer; none for no hidden layer.", _MLP, metavar="N,N,...", empty=True),
    ] = (256, 128)
    activation: Annotated[Activation, Setting("mlp: activation function.", _MLP)] = "relu"
    batch_norm: Annotated[bool, Setting("mlp: normalize each layer over the batch.", _MLP)] = False
    dropout: Annotated[
        float | None,
        Setting("mlp and cnn: share of units that are left out.", _MLP, "[0, 1)", default="the network's own"),
    ] = None
    refit: Annotated[
        bool,
        Setting(
            "Train once more at the end, on train and val together, for as many epochs as were best on val.", LEARN
        ),
    ] = False
    thirds: Annotated[
        int,
        Setting(
            "finetune: how many thirds of the network learn, from the top down; the others stay as they are.",
            LEARN,
            "[1, 3]",
        ),
    ] = 2
    lr_decay: Annotated[
        float, Setting("finetune: rate of each third of the network, as a factor of the third above.", LEARN, "(0, 1]")
    ] = 0.3

    @classmethod
    def of_earlier(cls, values: dict[str, Any]) -> dict[str, Any]:
        """As in 0.1, all layers were opened, and took the statistics of each batch."""
        return {"norms": "batch", "thirds": 3, **values} if values.get("mode") == "finetune" else values

    def idle(self) -> list[Idle]:
        """The table of options that do nothing beside others, as far as the mode is known."""
        probe, scratch = self.mode == "probe", self.mode == "scratch"
        mode, hinge, flat = f"mode {self.mode}", self.loss == "hinge", self.net == "mlp" and not self.hidden
        return [
            *super().idle(),
            (hinge and self.label_smoothing > 0, "label_smoothing", "the hinge loss"),
            (self.multilabel and self.changed("loss"), "loss", "multilabel"),
            (self.multilabel and self.label_smoothing > 0, "label_smoothing", "multilabel"),
            (self.multilabel and self.balance == "sampling", "balance sampling", "multilabel"),
            (scratch and self.changed("weights"), "weights", mode),
            *(((probe or scratch) and self.changed(name), name, mode) for name in ("lr_decay", "norms", "thirds")),
            (probe and self.changed("minutes"), "minutes", mode),
            *((flat and self.changed(name), name, "hidden none") for name in ("activation", "batch_norm", "dropout")),
        ]
