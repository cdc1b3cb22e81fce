"""A training of the task ``segment``."""

import dataclasses
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from visus._errors import WeightsError
from visus.data import MaskSet, plain_errors
from visus.data import preprocess as _preprocess
from visus.data.joint import Joint
from visus.data.windows import Windows, window_loader
from visus.nets import segmentation, trained
from visus.nets import weights as _weights
from visus.nets.detection.body import hold_norms
from visus.nets.segmentation import Segmenter
from visus.nets.segmentation.pyramid import Pyramid
from visus.nets.segmentation.trained import About, Trained
from visus.ops import Normalize
from visus.runs.engine.loop import Checkpointer, carry_over, fit, groups_of, workers_for
from visus.runs.engine.task import Hooks, Say, outline_of
from visus.runs.record.folder import BEST
from visus.runs.segment import threshold
from visus.runs.segment.evaluate import measure, write_confusion
from visus.runs.segment.fitting import channels_of, narrower
from visus.runs.segment.hastened import keep_lower
from visus.runs.segment.predict import SegmentPredictor
from visus.runs.segment.settings import NO_WEIGHTS, SegmentSettings
from visus.tasks import pixel_losses
from visus.tasks.segment import Recipe, Segment

_MOST_TO_FIT = 500  # training pictures that a preprocessing is fitted on


class KeptNorms(lightning.Callback):
    """Lets batch normalization of pretrained layers keep the statistics that came with their weights."""

    def __init__(self, parts: list[nn.Module]) -> None:
        self.parts = parts

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Let these norms keep their statistics in this epoch."""
        for part in self.parts:
            hold_norms(part)


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """A training of a segmenter.

    Attributes:
        settings: The settings, with nothing left open.
        data: Pictures or volumes with masks.
        about: What the trained network will say of itself.
        net: The network.
        normalize: From what the loader gives to its input.
        body: Parameters that were trained before.
    """

    settings: SegmentSettings
    data: MaskSet
    about: About
    net: Segmenter
    normalize: nn.Module
    body: list[nn.Parameter]
    score = "mean_iou"
    is_share = False

    @classmethod
    def begin(cls, settings: SegmentSettings, data: MaskSet) -> "Segmentation":
        """The network with its first weights, and its preprocessing.

        Raises:
            WeightsError: The weights are not at hand, or nothing of them fits.
        """
        own = {**settings.options, **channels_of(settings, data)}
        options = segmentation.registry.as_trained(settings.net, own)  # settings of an earlier visus say less
        assert settings.window is not None
        palette = tuple((int(r), int(g), int(b)) for r, g, b in data.palette)
        gray = options.get("channels") == 1
        about = About(
            settings.net, options, data.classes, settings.window, palette, gray, settings.ignore, settings.spacing
        )
        imagenet = "imagenet" if settings.weights == "imagenet" else None
        try:
            net = segmentation.create(settings.net, classes=len(data.classes), weights=imagenet, **options)
        except WeightsError as error:
            raise WeightsError(f"{error} Or {_other_weights(settings)}") from error
        body = [p for part in net.body() for p in part.parameters()] if imagenet else []
        if settings.weights not in ("imagenet", NO_WEIGHTS):
            before = trained.read(str(settings.weights), "segmenter")
            if before.net.channels != net.channels:
                raise WeightsError(f"{settings.weights} is for {before.net.channels} channels, not {net.channels}.")
            body, normalize = carry_over(net, before.net, str(settings.weights)), before.normalize
        elif imagenet:
            known = _weights.preprocessing(settings.backbone or net.prepared_like)
            normalize = Normalize.of_channels(known.mean, known.deviation)
        else:
            normalize = _fitted(settings, data, about)
        net.requires_grad_(True)
        if net.axes == 2:
            net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return cls(settings, data, about, net, normalize, body)

    @property
    def outline(self) -> str:
        """The network in a few words."""
        return outline_of(self.net, (self.net.channels, *self.about.window))

    def with_rate(self, lr: float) -> "Segmentation":
        """The same with another learning rate."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, lr=lr, find_lr=False))

    def learner(self) -> Segment:
        """The network as it learns: what was trained before with a lower rate."""
        settings = self.settings
        assert settings.lr is not None
        weights = None
        if settings.class_weights == "median_frequency":
            weights = pixel_losses.median_frequency_weights(torch.from_numpy(self.data.pixels["train"]))
        recipe = Recipe(
            settings.lr,
            settings.optimizer,
            settings.momentum,
            settings.weight_decay,
            settings.schedule,
            settings.warmup,
            pixel_losses.parse(settings.loss),
            weights,
            self.about.window,
            rho=settings.rho,
            betas=settings.betas,
            bias_correction=settings.bias_correction,
        )
        groups = groups_of(self.net, self.body, settings.lr_decay)
        return Segment(self.net.train(), self.normalize, recipe, groups)

    def windows(self, split: str) -> Windows:
        """Random windows of the training pictures, whole pictures of other splits."""
        settings = self.settings
        if split != "train":
            return Windows(self.data.splits[split], None, self.about.gray)
        return training_windows(settings, self.data, gray=self.about.gray, net=self.net)

    def loader(self, split: str) -> DataLoader[tuple[Tensor, ...]]:
        """Batches ``(N, C, H, W)`` uint8 with masks: windows of train, shuffled; of other splits whole pictures."""
        own, settings = self.windows(split), self.settings
        assert settings.batch_size is not None
        train = split == "train"
        return window_loader(
            own,
            batch_size=settings.batch_size if train else 1,
            shuffle=train,
            seed=settings.seed,
            workers=workers_for(settings.workers, len(own)),
        )

    def learn(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Train all layers of the network."""
        settings = self.settings
        assert settings.epochs is not None
        backbone = getattr(self.net, "backbone", None)
        if settings.lower == "kept" and isinstance(backbone, Pyramid):
            keep_lower(backbone, can_compile=settings.device != "cuda")
        if settings.norms == "kept":
            callbacks = [KeptNorms(list(self.net.body())), *callbacks]
        if checkpoint is None and (advice := narrower(settings, self.data)):
            hooks.say(advice)
        fit(
            self.learner(),
            self.loader("train"),
            self.loader("val"),
            settings,
            [*callbacks, keep],
            epochs=settings.epochs,
            checkpoint=checkpoint,
        )

    def seconds_before(self, check: float) -> float:
        """Nothing comes before the first step."""
        return 0.0

    def save(self, path: Path) -> None:
        """Write the network as it is now."""
        trained.write(path, Trained(self.about, self.net, self.normalize))

    def tuned(self, folder: Path, say: Say) -> dict[str, Any]:
        """Of two classes: choose on val above which probability a position is of the second."""
        if len(self.data.classes) != 2:
            return {}
        network = trained.read(folder, "segmenter")
        predictor, val = SegmentPredictor(network, device=self.settings.device), self.data.splits["val"]
        total = np.zeros((2, threshold.BINS), np.int64)
        for place in range(len(val)):
            picture, truth = val.read(place)
            total += threshold.counts(predictor.whole(picture)[1], truth)
        choice = threshold.best(total)
        if choice.threshold != network.about.threshold:
            about = dataclasses.replace(network.about, threshold=choice.threshold)
            trained.write(folder / BEST, dataclasses.replace(network.on("cpu"), about=about))
            say(
                f"A position is {self.data.classes[1]} from a probability of {choice.threshold:.2f} on: mean IoU "
                f"{choice.mean_iou:.2%} on val, {choice.before:.2%} from 0.50 on."
            )
        return {"threshold": dataclasses.asdict(choice)}

    def draw(self, folder: Path) -> None:
        """Draw the answers to some pictures of val, and which classes are taken for which."""
        val = measure(trained.read(folder, "segmenter"), self.data, "val", device=self.settings.device)
        write_confusion(val, folder / "confusion.png")
        val.write_sheet(folder / "answers.jpg")


def _other_weights(settings: SegmentSettings) -> str:
    """How to begin without weights that are not at hand."""
    has_backbone = "backbone" in segmentation.registry.options_of(settings.net)
    at_hand = "say --backbone efficientnet_lite0, whose weights are here, or " if has_backbone else ""
    return f"{at_hand}train from random weights: --weights none."


def _fitted(settings: SegmentSettings, data: MaskSet, about: About) -> nn.Module:
    """Mean 0 and deviation 1 of each channel over the training pictures; volumes come so."""
    if data.axes == 3:
        return nn.Identity()
    train = data.splits["train"]
    if len(train) > _MOST_TO_FIT:
        places = np.random.default_rng(settings.seed).permutation(len(train))[:_MOST_TO_FIT]
        train = train.take(np.sort(places))
    windows = Windows(train, about.window, about.gray, seed=settings.seed)
    with plain_errors():
        return _preprocess.fit("zscore", (batch[0] for batch in window_loader(windows, batch_size=16)))


begin = Segmentation.begin


def training_windows(settings: SegmentSettings, data: MaskSet, *, gray: bool, net: Segmenter) -> Windows:
    """Random windows of the training pictures.

    Args:
        settings: With nothing left open.
        data: Pictures or volumes with masks.
        gray: Whether the network takes one channel.
        net: The network, perhaps without numbers in its weights.
    """
    joint = Joint(settings.augment or "none", settings.flip, settings.elastic)
    return Windows(
        data.splits["train"],
        settings.window,
        gray,
        joint,
        margin=net.margin,
        border=settings.border,
        seed=settings.seed,
        each=settings.windows or 1,
    )
