# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's file and a user's checkpoint to a LAM avatar, a step at a time."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch

from ...shared.emotion import EMOTIONS
from ...shared.errors import JobError
from ..avatar.avatar import Avatar
from ..avatar.calibration import with_calibration
from ..avatar.seen_bindings import with_seen_bindings
from ..heap import free_bytes, give_back
from ..portrait.choice import choose_face
from ..portrait.photo import decode_photo
from ..raster.device import check_cuda
from .avatar import make_avatar, make_rig
from .checkpoint import (
    Checkpoint,
    Precision,
    check_known,
    check_memory,
    find_precision,
    load_flame,
    open_checkpoint,
)
from .crop import Crop, crop_head, network_image
from .emotion_file import open_emotion
from .identity import find_identity
from .run import NEUTRAL, Means, Progress, Question, RunSteps, ask
from .settings import LAM_20K, LamConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class LamOptions:
    """weights: LAM's checkpoint; unknown_weights: whether it may be another than the published one;
    emotion: the file that `affekt train lam` wrote, None for LAM without emotions; mixtures:
    weights (6,) of emotions for which the network is run beside each emotion alone; precision:
    None for what this machine is fastest in; device: "cpu" or "cuda"; config: of the network."""

    weights: Path
    unknown_weights: bool = False
    emotion: Path | None = None
    mixtures: tuple[tuple[float, ...], ...] = ()
    precision: Precision | None = None
    device: str = "cpu"
    config: LamConfig = LAM_20K

    def emotions(self) -> list[tuple[float, ...]]:
        """What the network is run for beside neutral."""
        if self.emotion is None:
            return []
        return [*map(tuple, np.eye(len(EMOTIONS)).tolist()), *self.mixtures]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LamMade:
    """avatar: as all that reads LAM's bundles would read it; plain: with its Gaussians on the
    vertices that LAM gave them, for a bundle; crop: what the network saw; said: sentences on the
    photo."""

    avatar: Avatar
    plain: Avatar
    crop: Crop
    said: str


MakingSteps = Generator[Progress, None, LamMade]
_AROUND = 7
"""Steps of `make_steps` that are no layers: five before the network, its loading, and the last."""


def make_steps(data: bytes, name: str, face: int | None, options: LamOptions) -> MakingSteps:
    """Makes an avatar of the person in a photo. data: of the photo's file; name: that file's; face:
    counted from 1 by size, the largest for None. Raises InputError `file.*`, `photo.*`,
    `adapter.*`, `head.*`, `option.missing_extra`, `option.device_*`, JobError `job.memory`,
    `job.gpu_memory`."""
    if options.device == "cuda":
        check_cuda()
    yield _step("reading the photo")
    photo = decode_photo(data, name)
    yield _step("reading the checkpoint")
    checkpoint = open_checkpoint(options.weights, options.config)
    check_known(checkpoint, unknown_allowed=options.unknown_weights)
    emotion = None if options.emotion is None else open_emotion(options.emotion, checkpoint)
    precision = _precision(options, checkpoint)
    yield _step("finding the face")
    seen, said = choose_face(photo.pixels, name, face)
    yield _step("laying FLAME onto the open head")
    flame = load_flame(checkpoint)
    yield _step("fitting the head")
    identity = find_identity(photo.pixels, seen, flame.head, name, photo.focal_pixels)
    crop = crop_head(photo.pixels, seen, identity.points, name)
    question = Question(
        image=network_image(crop.pixels, checkpoint.config.image_side), shape=identity.shape
    )
    means = Means(
        checkpoint=checkpoint,
        surface=flame.surface,
        precision=precision,
        emotion=emotion,
        device=options.device,
    )
    emotions = options.emotions()
    made = yield from _asked(question, means, emotions)
    yield _step("making the avatar")
    plain = make_avatar(make_rig(flame, identity.shape), made, PurePath(name).stem, emotions)
    avatar = with_calibration(with_seen_bindings(plain))
    return LamMade(
        avatar=avatar, plain=plain, crop=crop, said="\n".join(filter(None, [said, crop.said]))
    )


def count_steps(options: LamOptions) -> int:
    """How many steps `make_steps` has where nothing of it is kept yet; else it has fewer."""
    config = options.config
    return _AROUND + config.encoder_layers + config.layers * (1 + len(options.emotions()))


def _asked(question: Question, means: Means, emotions: list[tuple[float, ...]]) -> RunSteps:
    """The Gaussians of neutral, and after it of the emotions. Raises JobError `job.gpu_memory`."""
    try:
        return (yield from ask(question, means, [NEUTRAL, *emotions]))
    except torch.OutOfMemoryError as error:
        raise JobError(
            "job.gpu_memory",
            "The graphics card has too little free memory for LAM's network.",
            "Close other programs that use it, or compute on the processor (--device cpu).",
        ) from error
    finally:
        give_back()  # the network, which a worker would hold until it ends


def _precision(options: LamOptions, checkpoint: Checkpoint) -> Precision:
    """The precision to compute in, in which the network has room. Raises JobError `job.memory`."""
    precision = options.precision or find_precision(options.device)
    if checkpoint.config == LAM_20K:  # others are those of tests
        free = torch.cuda.mem_get_info()[0] if options.device == "cuda" else free_bytes()
        check_memory(free, precision)
    return precision


def _step(stage: str) -> Progress:
    return Progress(stage=stage, done=0, total=1)
