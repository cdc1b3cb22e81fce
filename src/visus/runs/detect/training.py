"""A training of the task ``detect``."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Self

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from visus._cores import cores
from visus.data import Boxed, BoxSet
from visus.data.box_batches import BoxBatches, box_loader
from visus.data.joint_boxes import JointBoxes
from visus.nets import trained
from visus.nets.detection import Detector, create
from visus.nets.detection.fast_rcnn import FastRCNN
from visus.nets.detection.faster_rcnn import Proposes
from visus.nets.detection.trained import About, Trained
from visus.ops import proposals as _proposals
from visus.runs.detect.evaluate import BoxEvaluation, measure
from visus.runs.detect.hastened import FEW, hastened, keep_lower
from visus.runs.detect.proposals import Propose, proposer
from visus.runs.detect.settings import NO_WEIGHTS, DetectSettings
from visus.runs.engine.loop import Checkpointer, carry_over, fit, groups_of, workers_for
from visus.runs.engine.progress import Progress
from visus.runs.engine.task import Hooks
from visus.tasks.detect import Detect
from visus.tasks.learner import Recipe

_CALM = 0.25  # share of the epochs, the last ones, whose changes are light at most (YOLOX, Ge et al. 2021, section 2.1)


@dataclasses.dataclass(frozen=True)
class Detection:
    """A training of a detector.

    Attributes:
        settings: The settings, with nothing left open.
        data: Pictures with objects.
        about: What the trained network will say of itself.
        net: The network.
        body: Parameters that were trained before.
    """

    settings: DetectSettings
    data: BoxSet
    about: About
    net: Detector
    body: list[nn.Parameter]
    is_share = False
    learns = Detect
    sized = "shorter side"  # what the side is of
    keeps_objects = False  # whether random changes may take none away
    measured: ClassVar[type[BoxEvaluation]] = BoxEvaluation

    @classmethod
    def begin(cls, settings: DetectSettings, data: BoxSet) -> Self:
        """The network with its first weights.

        Raises:
            WeightsError: They are not at hand, or do not fit.
        """
        imagenet = "imagenet" if settings.weights == "imagenet" else None
        net = create(settings.net, classes=len(data.classes), weights=imagenet, **settings.options)
        about = cls.about_of(settings, data.classes)
        body = [p for part in net.body_modules() for p in part.parameters()] if imagenet else []
        if settings.weights not in ("imagenet", NO_WEIGHTS):
            before = trained.read(settings.weights, "detector")
            body = carry_over(net, before.net, settings.weights)
        net.keeps_norms = settings.weights != NO_WEIGHTS and settings.norms != "batch"
        net.requires_grad_(True).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return cls(settings, data, about, net, body)

    @property
    def score(self) -> str:
        """What epochs are compared by."""
        return self.settings.best_by

    @staticmethod
    def about_of(settings: DetectSettings, classes: tuple[str, ...]) -> About:
        """What the trained network will say of itself."""
        return About(settings.net, settings.options, classes, settings.proposals, settings.most)

    @property
    def outline(self) -> str:
        """The network in a few words."""
        count = sum(p.numel() for p in self.net.parameters())
        on = f", on {self.settings.backbone}" if self.settings.backbone else ""
        pasted = f", objects pasted into {self.copy_paste:.0%} of the pictures" if self.copy_paste else ""
        return f"{count:,} parameters{on}, {self.sized} {self.settings.side}{pasted}"

    def with_rate(self, lr: float) -> Self:
        """The same with another learning rate."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, lr=lr, find_lr=False))

    def learner(self) -> Detect:
        """The network as it learns: what was trained before with a lower rate."""
        groups = groups_of(self.net, self.body, self.settings.lr_decay)
        val = self.data.splits["val"]
        hasten = hastened if len(val) >= FEW else None
        return self.learns(self.net.train(), self.recipe, groups, val, hasten, score_is=self.score)

    @property
    def recipe(self) -> Recipe:
        """How the network learns."""
        settings = self.settings
        assert settings.lr is not None
        return Recipe(
            settings.lr,
            settings.optimizer,
            settings.momentum,
            settings.weight_decay,
            settings.schedule,
            settings.warmup,
            rho=settings.rho,
            betas=settings.betas,
            bias_correction=settings.bias_correction,
        )

    @property
    def propose(self) -> Propose | None:
        """From a picture to its proposals, where the network needs them."""
        return proposer(self.about) if self.net.needs_proposals else None

    @property
    def copy_paste(self) -> float:
        """Share of the training pictures into which objects of others are pasted."""
        return self.settings.copy_paste or 0.0

    @property
    def calm(self) -> int:
        """The first epoch whose changes are light at most: pictures are as they will be when the rate is lowest."""
        assert self.settings.epochs is not None
        return self.settings.epochs - round(_CALM * self.settings.epochs)

    def loader(self, split: str) -> DataLoader[Any]:
        """Batches of train, shuffled and changed at random; those of other splits as they are."""
        settings = self.settings
        assert settings.batch_size is not None
        train = split == "train"
        joint = JointBoxes(settings.augment or "none", settings.flip) if train else JointBoxes()
        own = BoxBatches(
            self.data.splits[split],
            joint,
            self.net.has_masks,
            self.propose,
            settings.seed,
            self.keeps_objects,
            self.calm,
            self.copy_paste if train else 0.0,
        )
        workers = workers_for(settings.workers, len(own))
        return box_loader(own, batch_size=settings.batch_size, shuffle=train, seed=settings.seed, workers=workers)

    def learn(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Train the layers that learn; propose boxes first where the network needs them."""
        settings = self.settings
        assert settings.epochs is not None
        if isinstance(self.net, FastRCNN | Proposes) and settings.lower == "kept":
            keep_lower(self.net, can_compile=settings.device != "cuda" and settings.norms != "batch")
        if self.net.needs_proposals:
            self.propose_all(hooks)
        fit(
            self.learner(),
            self.loader("train"),
            self.loader("val"),
            settings,
            [*callbacks, keep],
            epochs=settings.epochs,
            checkpoint=checkpoint,
        )

    def propose_all(self, hooks: Hooks) -> None:
        """Find the proposals of all pictures once, and say how many objects they hold."""
        propose = proposer(self.about)
        train, val = self.data.splits["train"], self.data.splits["val"]
        pictures = [(split, place) for split in (train, val) for place in range(len(split))]

        def recalls_of(where: tuple[Boxed, int]) -> list[float]:
            split, place = where
            picture, own = split.read(place)
            found = propose(picture)
            return [_proposals.recall(found, box[None]) for box in own.boxes[~own.crowd]]

        recalls: list[float] = []
        pool = ThreadPoolExecutor(cores())
        try:
            for done, of in enumerate(pool.map(recalls_of, pictures), 1):
                recalls += of
                if hooks.progress:
                    hooks.progress(Progress("proposals", done, len(pictures)))
        finally:
            pool.shutdown(cancel_futures=True)
        hooks.say(f"Selective search: {np.mean(recalls):.1%} of the objects lie in a proposal by an IoU of 0.5.")

    def seconds_before(self, check: float) -> float:
        """Nothing that takes long comes before the first step, but for proposals, which are remembered."""
        return 0.0

    def save(self, path: Path) -> None:
        """Write the network as it is now."""
        trained.write(path, Trained(self.about, self.net))

    def draw(self, folder: Path) -> None:
        """Draw what the best network finds on the val split."""
        found = measure(
            trained.read(folder, "detector"), self.data, "val", device=self.settings.device, kind=self.measured
        )
        found.draw(folder)
