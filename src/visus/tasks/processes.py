"""How many processes train one network together, and which one this is."""

import torch
from torch import distributed


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this one is; the first keeps what comes of it."""
    return distributed.get_rank() if count() > 1 else 0


def wait() -> None:
    """Wait until all are here."""
    if count() > 1:
        distributed.barrier()


def averaged(*values: float) -> tuple[float, ...]:
    """Numbers, averaged over the processes, so that all decide alike."""
    if count() == 1:
        return values
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return tuple((total / count()).tolist())
