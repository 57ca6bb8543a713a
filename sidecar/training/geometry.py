# SPDX-License-Identifier: GPL-3.0-or-later
"""Training the geometry modulator, top to bottom: config, data, model, loop.

Every step draws its batch from (seed, step), so a run that was stopped and resumed goes on with
the same bits as one that never stopped.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ...shared.errors import InputError
from ...shared.head import HeadModel
from ..denormals import flushed_denormals
from ..modulation.network import GeometryNetwork, NetworkConfig
from ..modulation.weights import Modulator, save_modulator
from ..modulation.windows import WINDOW
from .config import GeometryConfig
from .data import Batch, Group, Scaling, augment, cut_batch, make_groups, scaling_of
from .loss import GeometryLoss, make_loss
from .measure import measure
from .surface import Surface, make_surface

Log = Callable[[str], None]
CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "geometry_modulator.safetensors"


@dataclass(slots=True, eq=False)
class Run:
    """Everything that changes or is needed while a run goes on."""

    config: GeometryConfig
    network: GeometryNetwork
    average: dict[str, Tensor]  # moving average of the weights; this is what is exported
    optimiser: torch.optim.AdamW
    loss: GeometryLoss
    surface: Surface
    train: list[Group]
    held_out: list[Group]
    scaling: Scaling
    step: int = 0


@flushed_denormals()
def train(config: GeometryConfig, head: HeadModel, folder: Path, log: Log = print) -> Path:
    """Trains, resuming from `folder`'s checkpoint if there is one; returns the weights' path.

    Raises InputError `file.damaged` (checkpoint), `option.config` (checkpoint of other settings).
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _prepare(config, head, log)
    _resume(run, folder / CHECKPOINT, log)
    started, first = time.monotonic(), run.step
    while run.step < config.steps:
        loss = _step(run)
        if run.step % config.log_every == 0:
            speed = (run.step - first) / (time.monotonic() - started)
            log(
                f"step {run.step:6d}  loss {loss:.5f}  {speed * config.batch * WINDOW:.0f} frames/s"
            )
        if run.step % config.measure_every == 0 and run.step < config.steps:
            figures = measure(export(run), run.held_out, run.surface)
            log(f"step {run.step:6d}  {_figures_line(figures)}")
        if run.step % config.checkpoint_every == 0 or run.step == config.steps:
            save_checkpoint(run, folder / CHECKPOINT)
            save_modulator(export(run), folder / WEIGHTS)
    figures = measure(export(run), run.held_out, run.surface)
    log(f"held-out  {_figures_line(figures)}")
    save_modulator(export(run, figures), folder / WEIGHTS)
    return folder / WEIGHTS


def _prepare(config: GeometryConfig, head: HeadModel, log: Log) -> Run:
    started = time.monotonic()
    train = make_groups("train", config.performances, config.programs, config.seed, head)
    held_out = make_groups(
        "held-out", config.held_out_performances, config.programs, config.seed, head
    )
    frames = sum(g.targets.shape[0] * g.targets.shape[1] for g in train)
    log(f"made {frames} frames of anchors in {time.monotonic() - started:.0f} s")
    torch.manual_seed(config.seed)
    network = GeometryNetwork(
        NetworkConfig(
            layers=config.layers,
            width=config.width,
            heads=config.heads,
            hidden=config.hidden,
            emotion=config.emotion,
        )
    )
    surface = make_surface(head, config.vertices, config.seed)
    return Run(
        config=config,
        network=network,
        average={name: t.detach().clone() for name, t in network.state_dict().items()},
        optimiser=_optimiser(network, config),
        loss=make_loss(config, surface, torch.device("cpu")),
        surface=surface,
        train=train,
        held_out=held_out,
        scaling=scaling_of(train),
    )


def _optimiser(network: GeometryNetwork, config: GeometryConfig) -> torch.optim.AdamW:
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def _step(run: Run) -> float:
    """One step; returns its loss."""
    config = run.config
    rng = np.random.default_rng([config.seed, 7, run.step])
    batch = augment(cut_batch(run.train, config.batch, rng), run.scaling.scale, rng)
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(config, run.step)
    loss = run.loss(_error(run, batch), torch.from_numpy(batch.closure))
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), config.gradient_clip)
    run.optimiser.step()
    run.step += 1
    # Early on the average follows closely, or it would remember the start for long.
    decay = min(config.average_decay, run.step / (run.step + 10))
    with torch.no_grad():
        for name, value in run.network.state_dict().items():
            run.average[name].lerp_(value, 1 - decay)
    value = loss.item()
    if not math.isfinite(value):
        raise InputError(
            "option.config",
            f"The training lost its way at step {run.step}: the loss is {value}.",
            "Lower learning_rate and start again from the last checkpoint.",
        )
    return value


def _error(run: Run, batch: Batch) -> Tensor:
    """(B, T, 103) what the network makes of the sources, minus the truth."""
    source, target = torch.from_numpy(batch.source), torch.from_numpy(batch.target)
    normed = (batch.source - run.scaling.mean) / run.scaling.scale
    with torch.autocast("cpu", torch.bfloat16, enabled=run.config.bfloat16):
        residual = run.network(torch.from_numpy(normed), torch.from_numpy(batch.weights))
    return source + residual.float() * torch.from_numpy(run.scaling.residual_scale) - target


def learning_rate(config: GeometryConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))


def export(run: Run, figures: dict[str, float] | None = None) -> Modulator:
    """The run's averaged weights as a modulator."""
    network = GeometryNetwork(run.network.config)
    network.load_state_dict(run.average)
    network.requires_grad_(False).eval()
    return Modulator(
        network=network,
        mean=run.scaling.mean,
        scale=run.scaling.scale,
        residual_scale=run.scaling.residual_scale,
        lowest=run.scaling.lowest,
        highest=run.scaling.highest,
        upper_share=run.surface.upper_share,
        about={
            "space": "open",
            "step": run.step,
            "training": asdict(run.config),
            "figures": figures or {},
            "licence": "CC0-1.0",
            "data": "anchors spoken by espeak-ng, made by affekt.sidecar.anchors",
        },
    )


def save_checkpoint(run: Run, path: Path) -> None:
    """Network, average and optimiser in one safetensors file, written whole or not at all."""
    tensors = {f"network.{n}": t for n, t in run.network.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in run.average.items()}
    state = run.optimiser.state_dict()["state"]
    for index, values in state.items():
        tensors |= {f"optimiser.{index}.{n}": t for n, t in values.items()}
    tensors = {name: t.detach().contiguous().clone() for name, t in tensors.items()}
    metadata = {"step": str(run.step), "config": json.dumps(asdict(run.config), sort_keys=True)}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(save(tensors, metadata))
    temporary.replace(path)


def _resume(run: Run, path: Path, log: Log) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        step, config = int(header["__metadata__"]["step"]), header["__metadata__"]["config"]
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(
            "file.damaged",
            f"The checkpoint {path} cannot be read.",
            "Delete it to start the training again.",
        ) from error
    if config != json.dumps(asdict(run.config), sort_keys=True):
        raise InputError(
            "option.config",
            f"The checkpoint {path} belongs to a run with other settings.",
            "Choose another folder, or delete it.",
        )
    run.network.load_state_dict(_part(tensors, "network."))
    run.average = _part(tensors, "average.")
    _load_optimiser(run.optimiser, _part(tensors, "optimiser."))
    run.step = step
    log(f"resumed at step {step}")


def _load_optimiser(optimiser: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".")
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(
        {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
    )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _figures_line(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
