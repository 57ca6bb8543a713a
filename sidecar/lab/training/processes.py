# SPDX-License-Identifier: GPL-3.0-or-later
"""Training in several processes, and the device of each.

Every process makes the same data, first weights and batches, and computes its own rows of each
batch. Gradients are averaged over the processes, so all take the same step and no weights are sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from ....shared.errors import InputError

TIMEOUT = timedelta(hours=1)
"""How long the others wait while the first process measures, which takes minutes."""

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process's place among those that train together: number `rank` of `count`, on `device`.
    Only the first one logs, measures and writes."""

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def part(self, batch: int) -> slice:
        """This process's rows of a batch of that size.

        Raises InputError `option.config` if the processes cannot share it evenly.
        """
        if batch % self.count:
            raise InputError(
                "option.config",
                f"A batch of {batch} cannot be shared out evenly among {self.count} processes.",
                "Set batch to a multiple of their number.",
            )
        share = batch // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def average(self, tensors: list[Tensor]) -> None:
        """Replaces each tensor in place by its mean over all processes."""
        if self.count == 1:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Joins the processes that torchrun started (by nccl on CUDA, else gloo); without torchrun this
    process is alone.

    device: "auto" (CUDA if torch sees it), "cpu" or "cuda". Raises InputError `option.config` if
    there is no CUDA device for this process.
    """
    together = "TORCHELASTIC_RUN_ID" in os.environ
    chosen = choose_device(device, int(os.environ["LOCAL_RANK"]) if together else 0)
    if not together:
        yield Processes(device=chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Processes(
            rank=distributed.get_rank(), count=distributed.get_world_size(), device=chosen
        )
        # Nobody ends before the first process has written: the thread of a process's last sum
        # may still need Python, and torchrun ends all if one breaks.
        distributed.barrier(device_ids=[chosen.index] if chosen.type == "cuda" else None)
    finally:
        distributed.destroy_process_group()


def choose_device(device: str, place: int = 0) -> torch.device:
    """The device of the process at `place` on this machine; a CUDA device becomes torch's current
    one. Raises InputError `option.config` if there are too few."""
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return CPU
    if place >= torch.cuda.device_count():
        raise InputError(
            "option.config",
            f"Torch sees {torch.cuda.device_count()} CUDA devices; process {place + 1} needs one.",
            'Start fewer processes, or set device to "cpu".',
        )
    torch.cuda.set_device(place)
    return torch.device("cuda", place)
