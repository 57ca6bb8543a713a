# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the geometry modulator; reads top to bottom: config, data, model, loop.

Every step draws its batch from (seed, step), so a resumed run has the same bits as one that never
stopped; on CUDA, where sums have no fixed order, nearly the same.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....shared.arrays import Float32Array
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ....shared.wording import say_count
from ...denormals import flushed_denormals
from ...files import check_outputs
from ...modulation.network import GeometryNetwork
from ...modulation.weights import Modulator, load_modulator, save_modulator
from ...modulation.windows import WINDOW
from ..anchors.channels import columns_of, mirrored_columns
from ..anchors.emotions import prototype_variants
from ..anchors.lips import CLOSERS
from ..anchors.programs import TRAINING_KINDS
from . import data
from .checkpoint import State, save_checkpoint
from .config import SHIPPED, GeometryConfig
from .data import Batch, Group, Scaling, augment, cut_batch, scaling_of
from .journal import Journal, Log
from .linear_head import LinearHead, linearise_head
from .loss import GeometryLoss, make_loss
from .measure import measure
from .processes import Processes
from .stain import Outcome, StainTerms
from .steps import CHECKPOINT, copy_weights, finite, follow, make_optimiser, resume

WEIGHTS = "geometry_modulator.safetensors"
ASYMMETRY_GAIN = 0.4
"""1 would make the output as asymmetric as the take, on top of what the network already follows. Of
0, 0.4 and 1 this has the smallest errors on held-out people; with 1 an eye of some takes shut."""
_ANCHORS = {
    "data": "anchors spoken by espeak-ng, made by affekt.sidecar.lab.anchors",
    "licence": "CC0-1.0",
}
_OWN_DATA = {"data": "synchronised takes from a folder", "licence": "that of those takes"}


@dataclass(slots=True, eq=False)
class Run:
    """The state of a run and all that its steps need."""

    config: GeometryConfig
    processes: Processes
    network: GeometryNetwork
    average: dict[str, Tensor]  # moving average of the weights; this is what is exported
    stain: StainTerms
    optimiser: torch.optim.AdamW  # of the network and, as long as there is one, the reversed probe
    loss: GeometryLoss
    linear_head: LinearHead
    train: list[Group]
    held_out: list[Group]
    scaling: Scaling
    step: int = 0


@flushed_denormals()
def train(
    config: GeometryConfig,
    head: HeadModel,
    folder: Path,
    log: Log = print,
    processes: Processes | None = None,
) -> Path:
    """Trains, from `folder`'s checkpoint on if there is one; returns the path of the weights.

    processes: from `joined`, all of which call this with the same arguments; None is this process
    alone, on the CPU. Raises InputError `file.damaged` for a broken checkpoint, `option.config` for
    one of other settings or a batch that the processes cannot share, and as `read_groups` and
    `check_outputs` do.
    """
    processes = processes or Processes()
    processes.part(config.batch)
    if processes.is_first and config.start not in ("", SHIPPED):
        check_outputs(folder=folder, names=[WEIGHTS], sources=[config.start])
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder=folder, log=log) if processes.is_first else None
    run = _prepare(config, head, processes, journal)
    run.step = resume(folder, config, _state(run), journal)
    recent: list[tuple[float, float]] = []  # loss and seconds of the steps since the last line
    while run.step < config.steps:
        before = time.monotonic()
        loss = _step(run)
        recent.append((loss, time.monotonic() - before))
        if journal:
            _report(run, folder, journal, recent)
    if journal:
        figures = measure(export(run), run.held_out, run.linear_head)
        save_modulator(export(run, figures), folder / WEIGHTS)
        journal.say_figures(run.step, figures)
    return folder / WEIGHTS


def is_finished(config: GeometryConfig, folder: Path) -> bool:
    """Whether a run of these settings came to its end in `folder`."""
    try:
        about = json.loads((folder / WEIGHTS).with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    # Only the weights after the last step carry figures.
    return bool(about.get("figures")) and about.get("training") == asdict(config)


def _report(run: Run, folder: Path, journal: Journal, recent: list[tuple[float, float]]) -> None:
    """Logs, measures and saves after the steps that the settings name. recent: loss and seconds of
    each step since the last logged line; logging empties it."""
    config, step = run.config, run.step
    if step % config.log_every == 0:
        loss, seconds = np.mean(recent, 0)
        journal.say_loss(step, float(loss), config.batch * WINDOW / float(seconds))
        recent.clear()
    if step % config.measure_every == 0 and step < config.steps:
        journal.say_figures(step, measure(export(run), run.held_out, run.linear_head))
    if step % config.checkpoint_every == 0 or step == config.steps:
        save_checkpoint(folder / CHECKPOINT, config, step, _state(run))
        save_modulator(export(run), folder / WEIGHTS)


def _groups(config: GeometryConfig, head: HeadModel) -> tuple[list[Group], list[Group]]:
    """The groups to train on and those held out: read from the folder `data`, or made."""
    if config.data:
        folder = Path(config.data)
        return data.read_groups(folder, "train", head), data.read_groups(folder, "held-out", head)
    kinds = tuple(TRAINING_KINDS[k % len(TRAINING_KINDS)] for k in range(config.programs))
    return (
        data.make_groups("train", config.performances, kinds, config.seed, head),
        data.make_groups("held-out", config.held_out_performances, kinds, config.seed, head),
    )


def _prepare(
    config: GeometryConfig, head: HeadModel, processes: Processes, journal: Journal | None
) -> Run:
    """A run at step 0, with its data and random first weights."""
    started = time.monotonic()
    train, held_out = _groups(config, head)
    if journal:
        frames = sum(g.targets.shape[0] * g.targets.shape[1] for g in train)
        journal.say(f"{say_count(frames, 'frame')} of data in {time.monotonic() - started:.0f} s")
        journal.say(f"{processes.count} process(es), the first on {processes.device}")
        journal.say_whether_drawn()
    torch.manual_seed(config.seed)
    network, scaling = _start(config, train)
    network.to(processes.device)
    linear_head = linearise_head(head, config.vertices, config.seed)
    stain = StainTerms(config, scaling.residual_scale).to(processes.device)
    return Run(
        config=config,
        processes=processes,
        network=network,
        average=copy_weights(network),
        stain=stain,
        optimiser=make_optimiser(
            _parameters(network, stain),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        ),
        loss=make_loss(config, linear_head, processes.device),
        linear_head=linear_head,
        train=train,
        held_out=held_out,
        scaling=scaling,
    )


def _start(config: GeometryConfig, train: list[Group]) -> tuple[GeometryNetwork, Scaling]:
    """The network before the first step, and its scaling."""
    network = GeometryNetwork(config.network)
    if not config.start:
        return network, scaling_of(train)
    begun = load_modulator(None if config.start == SHIPPED else Path(config.start))
    if begun.network.config != config.network:
        raise InputError(
            "option.config",
            f"The modulator '{config.start}' has another network than these settings.",
            "Set layers, width, heads, hidden and emotion as in the JSON beside it.",
        )
    network.load_state_dict(begun.network.state_dict())
    values = {field.name: getattr(begun, field.name) for field in fields(Scaling)}
    return network, Scaling(**values)


def _parameters(*modules: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]


def _step(run: Run) -> float:
    """Does one step; returns its loss, the mean over all processes. Raises InputError
    `option.config` if that is not finite."""
    config = run.config
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(config, run.step)
    run.optimiser.zero_grad(set_to_none=True)
    loss, goal = _losses(run, _draw(run))
    goal.backward()
    gradients = [p.grad for p in _parameters(run.network, run.stain) if p.grad is not None]
    mean_loss = loss.detach()
    run.processes.average([*gradients, mean_loss, *run.stain.fresh()])
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), config.gradient_clip)
    run.optimiser.step()
    run.stain.follow()
    run.step += 1
    follow(run.average, run.network, config.average_decay, run.step)
    return finite(mean_loss, run.step)


def _draw(run: Run) -> Batch:
    """This process's rows of the step's batch; the whole batch is the same for any number of
    processes."""
    rng = np.random.default_rng([run.config.seed, 7, run.step])
    batch = augment(cut_batch(run.train, run.config.batch, rng), run.scaling.scale, rng)
    rows = run.processes.part(run.config.batch)
    return Batch(**{field.name: getattr(batch, field.name)[rows] for field in fields(Batch)})


def _losses(run: Run, batch: Batch) -> tuple[Tensor, Tensor]:
    """() loss of the network's output on this batch, and () what the step goes down: the loss with
    the stain's terms."""
    device, scaling = run.processes.device, run.scaling

    def tensor(values: Float32Array) -> Tensor:
        return torch.from_numpy(values).to(device)

    cues = tensor(batch.cues)
    normed = tensor((batch.source - scaling.mean) / scaling.scale)
    with torch.autocast(device.type, torch.bfloat16, enabled=run.config.bfloat16):
        residual = run.network(normed, cues)
    output = tensor(batch.source) + residual.float() * tensor(scaling.residual_scale)
    outcome = Outcome(
        output=output,
        target=tensor(batch.target),
        source_weights=tensor(batch.source_weights),
        cues=cues,
    )
    loss = run.loss(output - outcome.target, tensor(batch.contact))
    return loss, loss + run.stain(outcome, run.step)


def learning_rate(config: GeometryConfig, step: int) -> float:
    """The step's learning rate: linear warm-up, then half a cosine down to a hundredth."""
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
        upper_share=run.linear_head.upper_share,
        lip_opening=run.linear_head.gap,
        lip_closers={columns_of(name)[0]: limit for name, limit in CLOSERS.items()},
        mirrored=np.array(mirrored_columns(("eyeLook", "eyeBlink", "eyeWide")), np.intp),
        asymmetry_gain=ASYMMETRY_GAIN,
        variants=prototype_variants().astype(np.float32),
        about={
            "space": "open",
            "step": run.step,
            "training": asdict(run.config),
            "figures": figures or {},
            **(_OWN_DATA if run.config.data else _ANCHORS),
        },
    )


def _state(run: Run) -> State:
    return State(network=run.network, average=run.average, stain=run.stain, optimiser=run.optimiser)
