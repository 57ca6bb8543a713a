# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a run: one safetensors file, whatever the device and number of processes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ....shared.errors import InputError
from ...files import read_kept, write_kept

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """All that changes in a run. average: of the network's weights. stain: the stain's terms, of
    which a training may have none. optimiser: of both."""

    network: torch.nn.Module
    average: Mapping[str, Tensor]
    stain: torch.nn.Module = field(default_factory=torch.nn.Module)
    optimiser: torch.optim.AdamW


def save_checkpoint(path: Path, config: DataclassInstance, step: int, state: State) -> None:
    """Writes the state after `step` steps, whole or not at all.

    Raises InputError `file.not_writable`.
    """
    tensors = {f"network.{n}": t for n, t in state.network.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in state.average.items()}
    tensors |= {f"stain.{n}": t for n, t in state.stain.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{n}": t for n, t in values.items()}
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    write_kept(path, save(tensors, {"step": str(step), "config": _settings(config)}))


def load_checkpoint(path: Path, config: DataclassInstance, state: State) -> int:
    """Loads a checkpoint into the state; returns its number of steps.

    Raises InputError `file.damaged`, and `option.config` for a run with other settings.
    """
    tensors, metadata = _read(path)
    if metadata["config"] != _settings(config):
        raise InputError(
            "option.config",
            f"The checkpoint {path} belongs to a run with other settings.",
            "Choose another folder, or delete it.",
        )
    state.network.load_state_dict(_part(tensors, "network."))
    for name, tensor in _part(tensors, "average.").items():
        state.average[name].copy_(tensor)
    state.stain.load_state_dict(_part(tensors, "stain."))
    _load_optimiser(state.optimiser, _part(tensors, "optimiser."))
    return int(metadata["step"])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        data = read_kept(path)
        tensors = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        return tensors, {"step": str(int(metadata["step"])), "config": metadata["config"]}
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(
            "file.damaged",
            f"The checkpoint {path} cannot be read.",
            "It is damaged or of another version: delete it to start the training again.",
        ) from error


def _settings(config: DataclassInstance) -> str:
    """The settings that may not change in a run, as JSON: all but the device."""
    settings = asdict(config)
    del settings["device"]
    return json.dumps(settings, sort_keys=True)


def _load_optimiser(optimiser: torch.optim.AdamW, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".")
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(
        {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
