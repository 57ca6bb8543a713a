# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the appearance network; reads top to bottom: config, data, model, loop.

Faces are made as the run goes on. Every step draws its batch from (seed, step), so a resumed run
has the same bits as one that never stopped.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ....shared.arrays import Float32Array
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ...avatar.skin_maps import MAPS
from ...avatar.skin_network import SkinNetwork
from ...avatar.skin_weights import TrainedSkin, load_skin, save_skin
from ...avatar.skin_zones import FOLDS, fold_zones
from ...denormals import flushed_denormals
from ...files import check_outputs
from ..skin.stock import SkinBatch, Stock
from ..skin.truth import draw_heights
from ..skin.wrinkle_identity import usual_folds
from .appearance_config import AppearanceConfig
from .appearance_measure import measure_skin
from .checkpoint import State, save_checkpoint
from .config import bad_setting
from .journal import Journal, Log
from .processes import Processes
from .steps import CHECKPOINT, copy_weights, finite, follow, make_optimiser, resume

WEIGHTS = "skin_network.safetensors"
_DATA = {"data": "skins made by affekt.sidecar.lab.skin", "licence": "CC0-1.0"}


@dataclass(slots=True, eq=False)
class _Run:
    """The state of a run and all that its steps need. mask: (folds, E, E) where heights count."""

    config: AppearanceConfig
    processes: Processes
    network: SkinNetwork
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    stock: Stock
    head: HeadModel
    mask: Tensor
    skin: Tensor
    step: int = 0


@flushed_denormals()
def train_appearance(
    config: AppearanceConfig,
    head: HeadModel,
    folder: Path,
    log: Log = print,
    processes: Processes | None = None,
    faces: Path | None = None,
) -> Path:
    """Trains, from `folder`'s checkpoint on if there is one; returns the path of the weights.

    processes: as in `geometry.train`. faces: a folder of faces that `affekt data appearance` has
    made. Raises InputError `file.damaged` for a broken checkpoint and
    `option.config` for one of other settings or of more steps, for a folder with another run's
    weights, or where the training loses its way, and as `check_outputs` does."""
    processes = processes or Processes()
    processes.part(config.batch)
    if processes.is_first:
        _check_folder(config, folder)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder=folder, log=log, unit="faces") if processes.is_first else None
    run = _prepare(config, head, processes, faces)
    try:
        run.step = resume(folder, _lasting(config), _state(run), journal)
        _check_steps(config, folder, run.step)
        recent: list[tuple[float, float]] = []
        while run.step < config.steps:
            before = time.monotonic()
            loss = _step(run)
            recent.append((loss, time.monotonic() - before))
            if journal:
                _report(run, folder, journal, recent)
        if journal:
            figures = _figures(run)
            save_skin(_exported(run, figures), folder / WEIGHTS)
            journal.say_figures(run.step, figures)
    finally:
        run.stock.close()
    return folder / WEIGHTS


def _check_folder(config: AppearanceConfig, folder: Path) -> None:
    """Refuses to train over a network that no checkpoint of this run made."""
    weights = folder / WEIGHTS
    check_outputs(folder=folder, names=[WEIGHTS], sources=[config.start or None])
    if (folder / CHECKPOINT).exists():
        return
    if weights.exists() or weights.with_suffix(".json").exists():
        raise InputError(
            "option.config",
            f"The folder {folder} holds a skin network already, and no checkpoint to go on from.",
            "Choose another folder, or move the network away.",
        )


def _check_steps(config: AppearanceConfig, folder: Path, done: int) -> None:
    """Refuses to end before where the checkpoint is."""
    if done > config.steps:
        raise InputError(
            "option.config",
            f"The run in {folder} has done {done} steps already; {config.steps} were asked for.",
            f"Ask for {done} steps or more, or choose another folder.",
        )


def _prepare(
    config: AppearanceConfig, head: HeadModel, processes: Processes, faces: Path | None
) -> _Run:
    torch.manual_seed(config.seed)
    network = _start(config).to(processes.device)
    stock = Stock(head, config.seed, config.fresh, config.kept, config.plain_faces, faces)
    skin = torch.from_numpy(stock.samples.skin).to(processes.device)
    zones = torch.from_numpy(fold_zones()).to(processes.device)
    return _Run(
        config=config,
        processes=processes,
        network=network,
        average=copy_weights(network),
        optimiser=make_optimiser(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        ),
        stock=stock,
        head=head,
        mask=zones * skin,
        skin=skin,
    )


def _start(config: AppearanceConfig) -> SkinNetwork:
    """The network before the first step."""
    network = SkinNetwork(config.network)
    network.common.copy_(torch.from_numpy(draw_heights(usual_folds())))
    if config.start:
        begun = load_skin(Path(config.start)).network
        if begun.config != config.network:
            raise bad_setting(
                f"'{config.start}' has another network than these settings",
                "Set layers, width, heads and hidden as in the JSON beside it.",
            )
        network.load_state_dict(begun.state_dict())
    return network


def _step(run: _Run) -> float:
    """Does one step; returns its loss, the mean over all processes."""
    config = run.config
    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(config, run.step)
    run.optimiser.zero_grad(set_to_none=True)
    rows = run.processes.part(config.batch)
    loss = _loss(run, run.stock.batch(run.step, config.batch, rows))
    loss.backward()
    gradients = [p.grad for p in run.network.parameters() if p.grad is not None]
    mean_loss = loss.detach()
    run.processes.average([*gradients, mean_loss])
    nn.utils.clip_grad_norm_(run.network.parameters(), config.gradient_clip)
    run.optimiser.step()
    run.step += 1
    follow(run.average, run.network, config.average_decay, run.step)
    return finite(mean_loss, run.step)


def _loss(run: _Run, batch: SkinBatch) -> Tensor:
    """() errors of heights, of their slopes, and of the redness."""
    config, device = run.config, run.processes.device

    def tensor(values: Float32Array) -> Tensor:
        return torch.from_numpy(values).to(device)

    with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16):
        drawn = run.network(tensor(batch.maps), torch.from_numpy(batch.states).to(device))
    count = len(FOLDS)
    # Nothing is asked where nothing is seen, and nothing is drawn there afterwards.
    maps = tensor(batch.maps)
    bare = maps[:, MAPS.index("seen")] * (1 - maps[:, MAPS.index("hair")])
    away = (drawn[:, :count].float() * run.mask - tensor(batch.heights)) * bare[:, None]
    # Of a fold's zone, not of the chart, most of which no fold reaches.
    share = 1 / (run.mask.mean() * len(batch.states))
    # The squares do not let go of a line whose place is uncertain, as the median does.
    errors = away.abs() + config.square_weight * away**2
    heights = errors.sum((0, 1)).mean() * share / count
    across = (away[..., :, 1:] - away[..., :, :-1]).abs().sum((0, 1)).mean()
    down = (away[..., 1:, :] - away[..., :-1, :]).abs().sum((0, 1)).mean()
    flush = ((drawn[:, count].float() * run.skin - tensor(batch.flush)) * bare).abs().mean()
    slopes = (across + down) * share / count
    return (
        config.height_weight * heights + config.slope_weight * slopes + config.flush_weight * flush
    )


def _learning_rate(config: AppearanceConfig, step: int) -> float:
    """Linear warm-up, then level, and a straight line down to a hundredth over the last steps."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    left = (config.steps - step) / config.decay_steps
    return config.learning_rate * float(np.clip(left, 0.01, 1))


def _report(run: _Run, folder: Path, journal: Journal, recent: list[tuple[float, float]]) -> None:
    """Logs, measures and saves after the steps that the settings name."""
    config, step = run.config, run.step
    if step % config.log_every == 0:
        loss, seconds = np.mean(recent, 0)
        journal.say_loss(step, float(loss), config.batch / float(seconds))
        recent.clear()
    if step % config.measure_every == 0 and step < config.steps:
        journal.say_figures(step, _figures(run))
    if step % config.checkpoint_every == 0 or step == config.steps:
        save_checkpoint(folder / CHECKPOINT, _lasting(config), step, _state(run))
        save_skin(_exported(run), folder / WEIGHTS)


def _figures(run: _Run) -> dict[str, float]:
    network, config = _exported(run).network, run.config
    return measure_skin(network, run.stock.samples, run.head, config.seed, config.held_out_people)


def _exported(run: _Run, figures: dict[str, float] | None = None) -> TrainedSkin:
    """The run's averaged weights."""
    network = SkinNetwork(run.network.config)
    network.load_state_dict(run.average)
    about = {"step": run.step, "training": asdict(run.config), "figures": figures or {}, **_DATA}
    return TrainedSkin(network=network.requires_grad_(False).eval(), about=about)


def _lasting(config: AppearanceConfig) -> AppearanceConfig:
    """The settings without their length: until the last steps begin, a run that will be longer or
    shorter has the same bits, and may become it."""
    return replace(config, steps=config.decay_steps)


def _state(run: _Run) -> State:
    return State(network=run.network, average=run.average, optimiser=run.optimiser)
