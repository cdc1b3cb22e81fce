"""A training of the task ``detect``."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from visus._cores import cores
from visus._errors import WeightsError
from visus.data import BoxSet
from visus.data.box_batches import BoxBatches, box_loader
from visus.data.joint_boxes import JointBoxes
from visus.nets.detection import Detector, create, trained
from visus.nets.detection.rcnn import RCNN
from visus.ops import proposals as _proposals
from visus.runs.detect_settings import NO_WEIGHTS, DetectSettings
from visus.runs.fit import Keep, fit, groups_of
from visus.runs.job import Hooks
from visus.runs.mining import Mining
from visus.runs.progress import Progress
from visus.search.graph import cache_folder
from visus.tasks.detect import Detect
from visus.tasks.learner import Recipe

_FEW = 16  # pictures in an epoch that are read sooner than a process is started
Propose = Callable[[np.ndarray], np.ndarray]


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
    about: trained.About
    net: Detector
    body: list[nn.Parameter]
    score = "ap50"

    @classmethod
    def begin(cls, settings: DetectSettings, data: BoxSet) -> "Detection":
        """The network with its first weights.

        Raises:
            WeightsError: They are not at hand, or do not fit.
        """
        imagenet = "imagenet" if settings.weights == "imagenet" else None
        net = create(settings.net, classes=len(data.classes), weights=imagenet, **settings.options)
        about = trained.About(settings.net, settings.options, data.classes, settings.proposals, settings.most)
        body = [p for part in net.body_modules() for p in part.parameters()] if imagenet else []
        if settings.weights not in ("imagenet", NO_WEIGHTS):
            body = _carry_over(net, settings.weights)
        net.requires_grad_(True).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return cls(settings, data, about, net, body)

    @property
    def outline(self) -> str:
        """The network in a few words."""
        count = sum(p.numel() for p in self.net.parameters())
        what = "warped to" if isinstance(self.net, RCNN) else "shorter side"
        return f"{count:,} parameters, on {self.settings.backbone}, {what} {self.settings.side}"

    def with_rate(self, lr: float) -> "Detection":
        """The same with another learning rate."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, lr=lr, find_lr=False))

    def learner(self) -> Detect:
        """The network as it learns: what was trained before with a lower rate."""
        settings = self.settings
        assert settings.lr is not None
        recipe = Recipe(
            settings.lr,
            settings.optimizer,
            settings.momentum,
            settings.weight_decay,
            settings.schedule,
            settings.warmup,
        )
        groups = groups_of(self.net, self.body, settings.lr_decay)
        return Detect(self.net.train(), recipe, groups, self.data.splits["val"])

    @property
    def propose(self) -> Propose | None:
        """From a picture to its proposals, where the network needs them."""
        return proposer(self.about) if self.net.needs_proposals else None

    def loader(self, split: str) -> DataLoader[Any]:
        """Batches of train, shuffled and changed at random; those of other splits as they are."""
        settings = self.settings
        assert settings.batch_size is not None
        train = split == "train"
        joint = JointBoxes(settings.augment or "none", settings.flip) if train else JointBoxes()
        own = BoxBatches(self.data.splits[split], joint, self.net.has_masks, self.propose, settings.seed)
        workers = settings.workers
        if workers is None:
            workers = 0 if len(own) < _FEW else max(1, min(8, cores() // 2))
        return box_loader(own, batch_size=settings.batch_size, shuffle=train, seed=settings.seed, workers=workers)

    def learn(self, callbacks: list[lightning.Callback], keep: Keep, hooks: Hooks, checkpoint: Path | None) -> None:
        """Train all layers; propose boxes first where the network needs them."""
        settings = self.settings
        assert settings.epochs is not None
        if self.net.needs_proposals:
            self._propose_all(hooks)
        if isinstance(self.net, RCNN):
            train, val = self.data.splits["train"], self.data.splits["val"]
            mining = Mining(self.net, train, val, proposer(self.about), settings.device, settings.seed)
            mining.learn(keep, hooks)
            return
        fit(
            self.learner(),
            self.loader("train"),
            self.loader("val"),
            settings,
            [*callbacks, keep],
            epochs=settings.epochs,
            checkpoint=checkpoint,
        )

    def _propose_all(self, hooks: Hooks) -> None:
        """Find the proposals of all pictures once, and say how many objects they hold."""
        propose = proposer(self.about)
        train, val = self.data.splits["train"], self.data.splits["val"]
        total, recalls = len(train) + len(val), []
        for done in range(total):
            split, place = (train, done) if done < len(train) else (val, done - len(train))
            picture, own = split.read(place)
            found = propose(picture)
            recalls += [_proposals.recall(found, box[None]) for box in own.boxes]
            if hooks.progress:
                hooks.progress(Progress("proposals", done + 1, total))
        hooks.say(f"Selective search: {np.mean(recalls):.1%} of the objects lie in a proposal by an IoU of 0.5.")

    def save(self, path: Path) -> None:
        """Write the network as it is now."""
        trained.write(path, trained.Trained(self.about, self.net))

    def draw(self, folder: Path) -> None:
        """Draw what the best network finds on the val split."""
        from visus.runs.detect_evaluate import measure

        found = measure(trained.read(folder), self.data, "val", device=self.settings.device)
        found.draw(folder)


def proposer(about: trained.About) -> Propose:
    """From a picture to its proposals, which are remembered in the user's cache."""
    mode: Any = about.proposals
    return partial(_proposals.remembered, folder=cache_folder() / "proposals", mode=mode, most=about.most)


def _carry_over(net: Detector, source: str) -> list[nn.Parameter]:
    """Take all layers of an earlier training that fit, such as those of Faster R-CNN for Mask R-CNN.

    Raises:
        WeightsError: Most of the network would be left without.
    """
    before = trained.read(source)
    own = net.state_dict()
    fitting = {k: v for k, v in before.net.state_dict().items() if k in own and own[k].shape == v.shape}
    shared = sum(value.numel() for value in fitting.values())
    if 2 * shared < sum(value.numel() for value in own.values()):
        raise WeightsError(f"{source} holds {before.about.net}, which does not fit {net.name}; choose another run.")
    net.load_state_dict(fitting, strict=False)
    parameters = dict(net.named_parameters())
    return [parameters[name] for name in fitting if name in parameters]
