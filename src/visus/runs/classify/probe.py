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

from visus.data import Features, loader, plain_errors
from visus.ops.pieces import pieces
from visus.runs.classify.network import Parts, readers
from visus.runs.engine.compiled import compiled
from visus.runs.engine.loop import fit
from visus.runs.engine.progress import Progress
from visus.tasks.classify import Classify, Recipe

Known = dict[tuple[str, str, str, str, int], Tensor]
"""Features that were computed already: split, network, weights, preprocessing, size."""

_MANY = 1000  # pictures from which on it pays to compile a network


class LinearOnFeatures(nn.Module):
    """The last layer of a network, on features that are scaled to mean 0 and a deviation of about 1.

    Deviations of few pictures are uncertain, so that each is shrunk half the way to their mean.

    Args:
        head: The layer; :meth:`fold` writes into it.
        features: ``(N, D)``, those of the training pictures.
        bias: ``(classes,)`` float, what it answers before it learns (see :func:`first_bias`); None for 0.
    """

    def __init__(self, head: nn.Linear, features: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.head = head
        self.mean = nn.Buffer(features.mean(0))
        deviation = features.std(0, correction=0)
        self.scale = nn.Buffer(1 / ((deviation + deviation.mean()) / 2).clamp_min(1e-3))
        self.linear = nn.Linear(head.in_features, head.out_features)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        if bias is not None:
            self.linear.bias.data.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(N, D)`` float32 to logits ``(N, classes)``."""
        return self.linear((x - self.mean) * self.scale)

    def heads(self, x: Tensor) -> list[Tensor]:
        """The logits of features ``(N, D)`` float32 alone: a probe has no auxiliary classifiers."""
        return [self(x)]

    @torch.no_grad()
    def fold(self) -> None:
        """Write the layer into the network's head, with the scaling multiplied in."""
        weight = self.linear.weight * self.scale
        self.head.weight.copy_(weight)
        assert self.head.bias is not None
        self.head.bias.copy_(self.linear.bias - weight @ self.mean)


def first_bias(counts: Tensor, total: int, *, multilabel: bool = False) -> Tensor:
    """The logits of one who knows how frequent the classes are, and nothing else.

    On features of mean 0 nothing else tells rare classes from frequent ones, and from 0 a bias would need thousands of
    small steps to get there. One picture more is counted of each (Laplace's rule of succession), since there may be
    none.

    Args:
        counts: ``(classes,)`` int64, training pictures of each class.
        total: Training pictures in all.
        multilabel: Whether a picture may have several classes, with a sigmoid each.

    Returns:
        ``(classes,)`` float32.

    >>> first_bias(torch.tensor([6, 1]), 7).softmax(0)
    tensor([0.7778, 0.2222])
    """
    if multilabel:
        return ((counts + 1) / (total - counts + 1)).log()
    return ((counts + 1) / (total + len(counts))).log()


def features(
    parts: Parts,
    split: str,
    known: Known | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    embed: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The embedding of every picture of a split, without augmentation.

    Args:
        parts: The network and the pictures.
        split: ``"train"`` or ``"val"``.
        known: What was computed before with the same pictures; it is looked up there, and added.
        progress: Told how many pictures are done.
        embed: From bytes ``(N, C, H, W)`` on the CPU to embeddings ``(N, D)``; None for the network itself.

    Returns:
        ``(N, D)`` float32, on the CPU.
    """
    settings = parts.settings
    key = (split, settings.net, settings.weights, str(settings.preprocess), parts.about.size)
    if known is not None and key in known:
        return known[key]
    own = parts.batches(split).plain()
    reading = loader(own, own.pictures.labels, batch_size=32, workers=readers(own, settings))
    describe = embed or _describer(parts, len(own))
    answers = []
    with plain_errors():
        for pictures, _ in reading:
            answers.append(describe(pictures))
            if progress:
                progress(Progress("features", sum(map(len, answers)), len(own)))
    found = torch.cat(answers)
    if known is not None:
        known[key] = found
    return found


class _Embedding(nn.Module):
    """From bytes ``(N, C, H, W)`` to the embedding ``(N, D)``."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.normalize = parts.normalize
        self.net = parts.net

    def forward(self, pictures: Tensor) -> Tensor:
        return self.net.embed(self.normalize(pictures))


def _describer(parts: Parts, count: int) -> Callable[[Tensor], Tensor]:
    """What turns a batch of bytes into features: torch, or OpenVINO for many pictures on a CPU.

    OpenVINO takes seconds to get ready and is several times faster then (benchmarks/classify.py measures both).
    """
    embedding = _Embedding(parts).eval()
    device = parts.settings.device
    if device != "cuda" and count >= _MANY:
        shape = (1, 1 if parts.about.gray else 3, parts.about.size, parts.about.size)
        quick = compiled(embedding, torch.zeros(shape, dtype=torch.uint8))
        if quick:
            return quick
        embedding = _Embedding(parts).eval()
    target = "cuda" if device == "cuda" else "cpu"
    embedding.to(target).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def describe(pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            parts = pieces(pictures.to(target).contiguous(memory_format=torch.channels_last))
            return torch.cat([embedding(part) for part in parts]).float().cpu().clone()

    return describe


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
        train: ``(N, D)`` float32, features of the training pictures.
        val: ``(M, D)`` float32, features of the val split.
        callbacks: Made for the layer that is trained.
        epochs: Epochs in all.
        batch_size: Features in a step.
        checkpoint: ``last.ckpt`` to go on from, or None.
    """
    labels, val_labels = parts.dataset.splits["train"].labels, parts.dataset.splits["val"].labels
    settings = parts.settings
    bias = None
    if settings.balance == "none":  # else all classes count alike
        counts = torch.from_numpy(parts.dataset.counts("train"))
        bias = first_bias(counts, len(labels), multilabel=settings.multilabel)
    layer = LinearOnFeatures(parts.net.head, train, bias)
    task = Classify(layer, nn.Identity(), recipe, [(list(layer.linear.parameters()), 1.0)])
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
