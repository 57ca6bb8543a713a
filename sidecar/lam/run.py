# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the network on a photo, for the neutral face and for emotions, a layer at a time. What it
makes is kept by its content: the photo, the person's shape, the weights, the emotion."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ...shared.arrays import Float32Array
from ...shared.connection import default_cache_folder
from ...shared.fingerprint import fingerprint
from ..files import find_arrays, keep_arrays
from ..heap import give_back
from .checkpoint import Checkpoint, Precision, load_network
from .emotion import EmotionTokens, Feeling
from .emotion_file import EmotionWeights, with_emotion
from .gaussian_head import Attributes
from .network import Layer
from .surface import LamSurface

_VERSION = 1
"""Goes up whenever the same input gives other Gaussians."""
NEUTRAL: tuple[float, ...] = (0.0,) * 6
Made = dict[str, Float32Array]
"""A Gaussian for each point: `colours` (N, 3), `scales` (N, 3), `offsets` (N, 3), `opacities`
(N, 1), `quaternions` (N, 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A step of the work that begins: what it is, and how many of its kind are done."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What the network is asked: the image (3, S, S) 0..1 and the person's shape (300,)."""

    image: Float32Array
    shape: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """What it is asked with. emotion: None for LAM as it is; device: such as "cpu" or "cuda"."""

    checkpoint: Checkpoint
    surface: LamSurface
    precision: Precision
    emotion: EmotionWeights | None = None
    device: str = "cpu"


Result = TypeVar("Result")
RunSteps = Generator[Progress, None, list[Made]]


def ask(question: Question, means: Means, emotions: Sequence[tuple[float, ...]]) -> RunSteps:
    """The Gaussians for each of the emotions' weights (6,), `NEUTRAL` among them or not. A run that
    is cancelled has kept those that were done."""
    folder = default_cache_folder() / "lam"
    places = [folder / f"{_key(question, means, one)}.kept" for one in emotions]
    found = [find_arrays(place) for place in places]
    missing = [index for index, arrays in enumerate(found) if not _is_whole(arrays, means)]
    if not missing:
        return found
    yield Progress(stage="loading the network", done=0, total=1)
    network = load_network(means.checkpoint, means.precision, means.device)
    give_back()  # the file's tensors in single precision
    tokens = None if means.emotion is None else with_emotion(network, means.emotion)
    points = means.surface.rest_points(torch.from_numpy(question.shape)[None]).to(means.device)
    image = torch.from_numpy(question.image)[None].to(means.device)
    features = yield from _in_layers(network.encode(image), "seeing the photo")
    network.encoder.to("meta")
    give_back()  # half of the network
    for number, index in enumerate(missing, 1):
        feeling = None if tokens is None else _feeling(tokens, emotions[index])
        several = len(missing) > 1
        said = f"making look {number} of {len(missing)}" if several else "making the Gaussians"
        made = yield from _in_layers(network.decode(features, points, feeling), said)
        found[index] = _arrays(made)
        keep_arrays(places[index], found[index])
    return found


def _feeling(tokens: EmotionTokens, emotion: tuple[float, ...]) -> Feeling | None:
    """What joins the decoder; None where the network is to be LAM to the last bit."""
    if not any(emotion) or tokens.adds_nothing():
        return None
    with torch.inference_mode():
        return tokens(torch.tensor([emotion], device=tokens.gates.device))


def _in_layers(
    steps: Generator[Layer, None, Result], stage: str
) -> Generator[Progress, None, Result]:
    """The layers as progress, each computed without gradients; the mode does not reach what is done
    between them."""
    while True:
        with torch.inference_mode():
            try:
                layer = next(steps)
            except StopIteration as end:
                return end.value
        yield Progress(stage=stage, done=layer.index, total=layer.count)


def _arrays(made: Attributes) -> Made:
    return {
        "colours": _numpy(made.colours),
        "scales": _numpy(made.scales),
        "offsets": _numpy(made.offsets),
        "opacities": _numpy(made.opacities),
        "quaternions": _numpy(made.quaternions),
    }


def _numpy(values: Tensor) -> Float32Array:
    return values[0].float().cpu().numpy()


def _is_whole(arrays: Mapping[str, np.ndarray], means: Means) -> bool:
    count = len(means.surface.points)
    sizes = {"colours": 3, "scales": 3, "offsets": 3, "opacities": 1, "quaternions": 4}
    return {name: values.shape for name, values in arrays.items()} == {
        name: (count, size) for name, size in sizes.items()
    }


def _key(question: Question, means: Means, emotion: tuple[float, ...]) -> str:
    felt = None if means.emotion is None or not any(emotion) else means.emotion.sha256
    trained = None
    if means.emotion is not None and means.emotion.changes:
        trained = means.emotion.sha256
    return fingerprint(
        _VERSION,
        question.image,
        question.shape,
        means.checkpoint.sha256,
        means.precision,
        str(felt),
        str(trained),
        tuple(float(one) for one in emotion),
    )
