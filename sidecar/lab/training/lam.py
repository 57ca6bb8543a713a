# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tunes LAM with emotion tokens: gates first, then the decoder, the encoder last or never.

Each step: some references of people, the emotion that each is to show, and frames that show it; the
network's Gaussians are moved by those frames' own FLAME parameters, drawn, and compared.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ....shared.arrays import Float32Array
from ....shared.emotion import EMOTIONS
from ....shared.errors import InputError
from ...files import check_outputs
from ...lam.checkpoint import Checkpoint, load_flame, load_network
from ...lam.emotion import EmotionTokens, Feeling
from ...lam.emotion_file import open_emotion, save_emotion, with_emotion
from ...lam.gaussian_head import Attributes
from ...lam.network import LamNetwork
from ...lam.surface import LamPose, LamSurface, move_points
from ...raster.cuda import rasterise_on_device
from ...raster.device import load_rasterization
from ...raster.differentiable import rasterise_tensors
from ...raster.gaussians import GaussianTensors
from ...steps import finish
from .checkpoint import State, save_checkpoint
from .journal import Journal, Log
from .lam_config import LamTrainingConfig
from .lam_data import Clip, LamSample, Target, draw_sample, read_clips
from .processes import Processes
from .steps import CHECKPOINT, finite, resume

WEIGHTS = "lam_emotion.safetensors"
_BETAS = (0.9, 0.95)
_OF_PART = {"gates": (), "decoder": ("transformer.", "pcl_embed.", "renderer.")}
"""Beginnings of the names of LAM's parameters that a part trains; the encoder's part is all."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """A run under way. trained: LAM's own parameters that change, by name; begun: the names
    of those that an earlier part has changed."""

    config: LamTrainingConfig
    processes: Processes
    checkpoint: Checkpoint
    clips: list[Clip]
    network: LamNetwork
    surface: LamSurface
    tokens: EmotionTokens
    trained: dict[str, nn.Parameter]
    begun: frozenset[str]
    optimiser: torch.optim.AdamW
    step: int = 0
    recent: list[tuple[float, float]] = field(default_factory=list)


def train_lam(
    config: LamTrainingConfig,
    checkpoint: Checkpoint,
    data: Path,
    folder: Path,
    log: Log = print,
    processes: Processes | None = None,
) -> Path:
    """Trains, from `folder`'s checkpoint on if there is one; returns the path of the weights. data:
    the clips' folder (`lam_data`). Raises InputError `data.clips`, `file.*`, `option.config`."""
    processes = processes or Processes()
    processes.part(config.batch)
    check_outputs(folder=folder, names=[WEIGHTS], sources=[config.start or None, checkpoint.path])
    clips = read_clips(data)
    check_emotions(clips)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder=folder, log=log, unit="samples") if processes.is_first else None
    run = _prepare(config, checkpoint, clips, processes)
    run.step = resume(folder, _lasting(config), _state(run), journal)
    while run.step < config.steps:
        before = time.monotonic()
        loss = _step(run)
        run.recent.append((loss, time.monotonic() - before))
        if journal:
            _report(run, folder, journal)
    if journal:
        _save(run, folder / WEIGHTS)
    return folder / WEIGHTS


def _prepare(
    config: LamTrainingConfig, checkpoint: Checkpoint, clips: list[Clip], processes: Processes
) -> _Run:
    torch.manual_seed(config.seed)
    device = processes.device
    network = load_network(checkpoint, "float32", str(device))
    network.keep_activations = config.keep_activations
    tokens, begun = _start(config, checkpoint, network)
    tokens = tokens.to(device)
    begins = _OF_PART.get(config.part)
    trained = {
        name: parameter
        for name, parameter in network.named_parameters()
        if begins is None or name.startswith(tuple(begins))
    }
    changing = [*tokens.parameters(), *trained.values()]
    for parameter in changing:
        parameter.requires_grad_(True)
    surface = load_flame(checkpoint).surface
    return _Run(
        config=config,
        processes=processes,
        checkpoint=checkpoint,
        clips=clips,
        network=network,
        surface=_on(surface, device),
        tokens=tokens,
        trained=trained,
        begun=begun,
        optimiser=torch.optim.AdamW(
            changing, lr=config.learning_rate, weight_decay=config.weight_decay, betas=_BETAS
        ),
    )


def _start(
    config: LamTrainingConfig, checkpoint: Checkpoint, network: LamNetwork
) -> tuple[EmotionTokens, frozenset[str]]:
    """The tokens before the first step; what an earlier part has changed of LAM goes into the
    network, and its names."""
    if not config.start:
        return EmotionTokens(config.emotion, checkpoint.config), frozenset()
    weights = open_emotion(Path(config.start), checkpoint)
    return with_emotion(network, weights), weights.changes


def _on(surface: LamSurface, device: torch.device) -> LamSurface:
    names = ("template", "directions", "regressor", "points", "point_directions", "skin_weights")
    return LamSurface(**{name: getattr(surface, name).to(device) for name in names})


def _step(run: _Run) -> float:
    """Does one step; returns its loss, the mean over all samples of all processes."""
    config = run.config
    for group in run.optimiser.param_groups:
        group["lr"] = config.rate(run.step)
    run.optimiser.zero_grad(set_to_none=True)
    rows = run.processes.part(config.batch)
    total = torch.zeros((), device=run.processes.device)
    for row in range(rows.start, rows.stop):
        rng = np.random.default_rng([config.seed, run.step, row])
        sample = draw_sample(
            run.clips,
            rng,
            config.targets,
            config.image_side,
            run.network.config.image_side,
            neutral_too=config.part != "gates",
        )
        loss = _loss(run, sample) / (rows.stop - rows.start)
        if loss.requires_grad:  # a neutral frame says nothing to the gates
            loss.backward()
        total += loss.detach()
    parameters = [p for group in run.optimiser.param_groups for p in group["params"]]
    for parameter in parameters:
        if parameter.grad is None:  # of a neutral sample alone, the tokens'
            parameter.grad = torch.zeros_like(parameter)
    run.processes.average([*(p.grad for p in parameters), total])
    nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
    run.optimiser.step()
    run.step += 1
    return finite(total, run.step)


def _loss(run: _Run, sample: LamSample) -> Tensor:
    """() the errors of a sample's targets, and how far its Gaussians are off the head."""
    config, device = run.config, run.processes.device
    made, centres = predict(
        run.network,
        run.surface,
        run.tokens,
        sample,
        bfloat16=config.bfloat16,
        train_encoder=config.part == "encoder",
    )
    losses = []
    for target in sample.targets:
        colour, alpha = draw(run.surface, made, centres, sample.shape, target)
        mask = _tensor(target.mask, device)
        wanted = _tensor(target.picture, device)
        shown = colour + (1 - alpha)[..., None] * target.background
        squares = ((shown - wanted) ** 2).mean(-1)
        person = (squares * mask).sum() / mask.sum().clamp(min=1)
        losses.append(
            config.pixel_weight * person
            + config.mask_weight_at(run.step) * ((alpha - mask) ** 2).mean()
        )
    return torch.stack(losses).mean() + config.offset_weight * (made.offsets**2).mean()


def predict(
    network: LamNetwork,
    surface: LamSurface,
    tokens: EmotionTokens,
    sample: LamSample,
    *,
    bfloat16: bool,
    train_encoder: bool = False,
) -> tuple[Attributes, Tensor]:
    """The Gaussians of a sample, and their centres (1, N, 3) on the head at rest."""
    device = surface.points.device
    image, shape = _tensor(sample.image, device)[None], _tensor(sample.shape, device)[None]
    points = surface.rest_points(shape)
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        with nullcontext() if train_encoder else torch.no_grad():
            features = finish(network.encode(image))
        made = finish(network.decode(features, points, _feeling(tokens, sample.emotion)))
    floats = {name: getattr(made, name).float() for name in Attributes.__slots__}
    made = Attributes(**floats)
    return made, points + made.offsets


def _feeling(tokens: EmotionTokens, emotion: Float32Array) -> Feeling | None:
    """What joins the decoder; None for a neutral face, which has no tokens."""
    if not emotion.any():
        return None
    return tokens(_tensor(emotion, tokens.gates.device)[None])


def draw(
    surface: LamSurface, made: Attributes, centres: Tensor, shape: Float32Array, target: Target
) -> tuple[Tensor, Tensor]:
    """(H, W, 3) premultiplied sRGB and (H, W) alpha of the Gaussians in a target's frame, moved in
    LAM's way."""
    device = centres.device

    def number(name: str) -> Tensor:
        return _tensor(target.numbers[name], device)[None]

    pose = LamPose(
        shape=_tensor(shape, device)[None],
        expression=number("expression"),
        rotation=number("rotation"),
        neck=number("neck_pose"),
        jaw=number("jaw_pose"),
        eyes=number("eyes_pose"),
        translation=number("translation"),
    )
    gaussians = GaussianTensors(
        means=move_points(surface, centres, pose)[0],
        quaternions=made.quaternions[0],
        scales=made.scales[0],
        opacities=made.opacities[0, :, 0],
        colours=made.colours[0],
    )
    if device.type == "cuda":
        drawn = rasterise_on_device(
            load_rasterization(), gaussians, target.camera, antialiased=False
        )
    else:
        drawn = rasterise_tensors(gaussians, target.camera)
    return drawn[0], drawn[1]


def _report(run: _Run, folder: Path, journal: Journal) -> None:
    """Logs and saves after the steps that the settings name."""
    config, step = run.config, run.step
    if step % config.log_every == 0:
        loss, seconds = np.mean(run.recent, 0)
        journal.say_loss(step, float(loss), config.batch / float(seconds))
        run.recent.clear()
    if step % config.checkpoint_every == 0 or step == config.steps:
        save_checkpoint(folder / CHECKPOINT, _lasting(config), step, _state(run))
        _save(run, folder / WEIGHTS)


def _save(run: _Run, path: Path) -> None:
    about: Mapping[str, str] = {
        "step": str(run.step),
        "training": str(asdict(run.config)),
        "gates": " ".join(f"{gate:.4f}" for gate in run.tokens.gates.tolist()),
    }
    # What an earlier part has changed goes on with the file.
    changed = {
        name: parameter
        for name, parameter in run.network.named_parameters()
        if name in run.trained or name in run.begun
    }
    save_emotion(path, run.tokens, changed, run.checkpoint, about)


class _Changing(nn.Module):
    """What changes in a run, in a fixed order."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.tokens = run.tokens
        self.trained = nn.ParameterList(run.trained.values())


def _state(run: _Run) -> State:
    return State(network=_Changing(run), average={}, optimiser=run.optimiser)


def _lasting(config: LamTrainingConfig) -> LamTrainingConfig:
    """The settings without how often is told and kept."""
    return replace(config, log_every=1, checkpoint_every=1)


def _tensor(values: Float32Array, device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)  # copied: what a file holds is not to be written


def check_emotions(clips: list[Clip]) -> None:
    """Raises InputError `data.clips` where no frame shows an emotion."""
    if not any(frame.emotion.any() for clip in clips for frame in clip.frames):
        names = ", ".join(EMOTIONS)
        raise InputError(
            "data.clips", "No clip shows an emotion.", f"Name one of {names} in its emotion.json."
        )
