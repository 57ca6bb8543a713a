# SPDX-License-Identifier: GPL-3.0-or-later
"""What every training's steps share: the optimiser, the moving average, a loss that must stay
finite, and going on from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ....shared.errors import InputError
from .checkpoint import State, load_checkpoint
from .journal import Journal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT = "checkpoint.kept"


def make_optimiser(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    weight_decay: float,
    fused: bool | None = None,
) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only. fused: as torch has it."""
    parameters = list(parameters)
    matrices = [p for p in parameters if p.ndim >= 2]
    others = [p for p in parameters if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=fused)


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """The moving average of a network's weights before the first step."""
    return {name: t.detach().clone() for name, t in network.state_dict().items()}


def follow(average: Mapping[str, Tensor], network: nn.Module, most: float, step: int) -> None:
    """Moves the average of the weights towards the network's after its `step`th step. most: the
    average's decay in the long run."""
    # A smaller decay in the first steps, or the average would keep the random start for long.
    decay = min(most, step / (step + 10))
    with torch.no_grad():
        for name, value in network.state_dict().items():
            average[name].lerp_(value, 1 - decay)


def finite(loss: Tensor, step: int) -> float:
    """The loss () as a number. Raises InputError `option.config` if it is none."""
    value = loss.item()
    if not math.isfinite(value):
        raise InputError(
            "option.config",
            f"The training lost its way at step {step}: the loss is {value}.",
            "Lower learning_rate and start again from the last checkpoint.",
        )
    return value


def resume(folder: Path, config: DataclassInstance, state: State, journal: Journal | None) -> int:
    """Loads the folder's checkpoint, if there is one, into the state; returns its number of steps.
    Raises InputError as `load_checkpoint` does."""
    path = folder / CHECKPOINT
    step = load_checkpoint(path, config, state) if path.exists() else 0
    if journal:
        journal.rewind(step)
        if step:
            journal.say(f"resumed at step {step}")
    return step
