"""A linear probe: the features of every picture are computed once, and a linear layer is trained on them.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016. Fine-tuning starts from a
probe too, since a random last layer would first spoil what the layers below have learned (Kumar et al., "Fine-tuning
can distort pretrained features and underperform out-of-distribution", ICLR 2022).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from visus.data import Features, loader
from visus.runs.fit import Progress, fit
from visus.runs.network import Parts
from visus.tasks.classify import Classify, Recipe


class LinearOnFeatures(nn.Module):
    """The last layer of a network, on features that are scaled to mean 0 and deviation 1.

    Args:
        head: The layer; :meth:`fold` writes into it.
        features: ``(N, D)``, those of the training pictures.
    """

    def __init__(self, head: nn.Linear, features: Tensor) -> None:
        super().__init__()
        self.head = head
        self.mean = nn.Buffer(features.mean(0))
        self.scale = nn.Buffer(1 / features.std(0, correction=0).clamp_min(1e-3))
        self.linear = nn.Linear(head.in_features, head.out_features)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, D)`` to logits ``(N, classes)``."""
        return self.linear((x - self.mean) * self.scale)

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits alone: a probe has no auxiliary classifiers."""
        return [self(x)]

    @torch.no_grad()
    def fold(self) -> None:
        """Write the layer into the network's head, with the scaling multiplied in."""
        weight = self.linear.weight * self.scale
        self.head.weight.copy_(weight)
        assert self.head.bias is not None
        self.head.bias.copy_(self.linear.bias - weight @ self.mean)


def features(parts: Parts, split: str, *, progress: Callable[[Progress], None] | None = None) -> Tensor:
    """The embedding of every picture of a split, without augmentation, ``(N, D)`` float32 on the CPU."""
    own = replace(parts, settings=replace(parts.settings, augment="none", batch_size=64)).batches(split)
    reading = loader(own, own.pictures.labels, batch_size=32, workers=0 if own.pictures.arrays is not None else 1)
    device = "cuda" if parts.settings.device == "cuda" else "cpu"
    net, normalise = parts.net.eval().to(device), parts.normalise.to(device)
    answers = []
    half = parts.settings.precision == "bf16"
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=half):
        for pictures, _ in reading:
            x = normalise(pictures.to(device)).contiguous(memory_format=torch.channels_last)
            answers.append(net.embed(x).float().cpu())
            if progress:
                progress(Progress("features", sum(map(len, answers)), len(own)))
    return torch.cat(answers).clone()


def train_on(
    parts: Parts,
    recipe: Recipe,
    train: Tensor,
    val: Tensor,
    callbacks: Callable[[LinearOnFeatures], list[lightning.Callback]],
    *,
    epochs: int,
    batch_size: int,
    checkpoint: Path | None = None,
) -> None:
    """Train the last layer on features.

    Args:
        parts: The network; its head is written when a callback calls :meth:`LinearOnFeatures.fold`.
        recipe: How it learns.
        train: ``(N, D)``, features of the training pictures.
        val: ``(M, D)``, features of the val split.
        callbacks: Made for the layer that is trained.
        epochs: Epochs in all.
        batch_size: Features in a step.
        checkpoint: ``last.ckpt`` to go on from, or None.
    """
    labels, val_labels = parts.dataset.splits["train"].labels, parts.dataset.splits["val"].labels
    layer = LinearOnFeatures(parts.net.head, train)
    task = Classify(layer, nn.Identity(), recipe, [(layer.linear.parameters(), 1.0)])
    settings = parts.settings
    batches = loader(
        Features(train, labels),
        labels,
        batch_size=batch_size,
        shuffle=True,
        balanced=settings.balance == "sampling",
        seed=settings.seed,
    )
    val_batches = loader(Features(val, val_labels), val_labels, batch_size=4096)
    plain = replace(settings, precision="f32")
    fit(task, batches, val_batches, plain, callbacks(layer), epochs=epochs, checkpoint=checkpoint)
