"""Several processes train one network: each sees its share of every batch, and all take the same step.

The gradient of a mean over a batch is the mean of the gradients of its equal parts, so that the processes together do
what one does (Goyal et al., "Accurate, large minibatch SGD", 2017, section 3). Where a loss is a mean over something
else than pictures (labeled pixels, drawn boxes, weights of classes), each share counts as much as the others.

Gradients are averaged between the backward pass and the step, whichever layers are open then: torch's
DistributedDataParallel would fix them at the beginning, and fine-tuning opens a network from the top down.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader, Sampler

from visus.data import Order
from visus.data.batches import Key
from visus.tasks.learner import Diverged, Learner
from visus.tasks.processes import count, rank


class Share(Sampler[Key]):
    """What one of several processes sees of each batch.

    Args:
        order: Of all pictures.
        batch: Pictures in a batch of all processes together; ``processes`` divides it.
        processes: How many there are.
        rank: Which one this is.
    """

    def __init__(self, order: Order, batch: int, processes: int, rank: int) -> None:
        self.order, self.batch, self.processes, self.rank = order, batch, processes, rank

    def __len__(self) -> int:
        return sum(self._each(size) for size in self._sizes())

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning does."""
        self.order.set_epoch(epoch)

    def __iter__(self) -> Iterator[Key]:
        keys, start = list(self.order), 0
        for size in self._sizes():
            first = start + self.rank * self._each(size)
            yield from keys[first : first + self._each(size)]
            start += size

    def _sizes(self) -> list[int]:
        """Of the batches; the last may be smaller."""
        whole, rest = divmod(len(self.order), self.batch)
        return [self.batch] * whole + [rest]

    def _each(self, size: int) -> int:
        """Pictures of a batch that each process sees; what cannot be divided is left out."""
        return size // self.processes


def shared(loader: DataLoader[Any]) -> DataLoader[Any]:
    """The share of this process in the batches of a loader."""
    if count() == 1:
        return loader
    order, batch = loader.sampler, loader.batch_size
    assert isinstance(order, Order)
    assert batch is not None
    share, each = Share(order, batch, count(), rank()), batch // count()
    return DataLoader(
        loader.dataset,
        batch_size=each,
        sampler=share,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        persistent_workers=loader.persistent_workers,
        prefetch_factor=loader.prefetch_factor,
        worker_init_fn=loader.worker_init_fn,
        drop_last=len(share) > each > 1 and len(share) % each == 1,  # batch normalization cannot take it
        pin_memory=loader.pin_memory,
        generator=loader.generator,
    )


class Average(lightning.Callback):
    """Averages the first weights' copies, gradients, and the statistics of batch norms over all processes."""

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """All begin with what the first process has."""
        assert isinstance(pl_module, Learner)
        pl_module.alone = False
        for tensor in (*pl_module.parameters(), *pl_module.buffers()):
            plain = tensor.detach().contiguous()
            distributed.broadcast(plain, 0)
            tensor.detach().copy_(plain)

    def on_after_backward(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Average the gradients of what is open now.

        Raises:
            Diverged: One is NaN or infinite; in all processes alike.
        """
        average_gradients([p for p in pl_module.parameters() if p.requires_grad])

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Average what batch norms have seen."""
        for buffer in pl_module.buffers():
            if buffer.is_floating_point():
                total = buffer.detach().contiguous()
                distributed.all_reduce(total)
                buffer.copy_(total / count())


def average_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Average gradients over the processes; a parameter that none has used stays without.

    Raises:
        Diverged: One is NaN or infinite.
    """
    used = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
    parts = [_gradient(p).flatten().float() for p in parameters]
    flat = torch.cat([used, *parts])
    distributed.all_reduce(flat)
    if not torch.isfinite(flat).all():
        raise Diverged("a gradient is no finite number")
    averages = (flat[len(parameters) :] / count()).split([p.numel() for p in parameters])
    for parameter, average, users in zip(parameters, averages, flat[: len(parameters)].tolist(), strict=True):
        if users:
            parameter.grad = _gradient(parameter).copy_(average.view_as(parameter))


def _gradient(parameter: torch.nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
