# SPDX-License-Identifier: GPL-3.0-or-later
"""A take and an emotion track in, the take in those emotions out. Opens no file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...shared.emotion import EMOTIONS, EmotionTrack, check_length
from ...shared.errors import InputError, JobError
from ...shared.motion import Motion, cut_motion, frames_outside
from ..denormals import flushed_denormals
from . import windows
from .network import NUMBERS
from .sides import side_factors, side_of_take
from .weights import Modulator, load_modulator

__all__ = ["MODEL_FPS", "Modulator", "load_modulator", "modulate"]

MODEL_FPS = 30.0
"""The network's own frame rate; other rates are resampled and only the change is brought back."""

FloatArray = NDArray[np.float32]
Progress = Callable[[int, int], None]


def modulate(
    motion: Motion,
    track: EmotionTrack,
    modulator: Modulator,
    frames: range | None = None,
    on_progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Motion:
    """out = take + influence * geometry * region * (G(take, emotion) - take), for `frames` of a
    take in space "open" (all of them if None).

    Where influence * geometry is 0 a frame is copied bit for bit. Any range gives the same bits
    as the whole. region runs between `track.upper` and `track.lower` by each number's share.
    on_progress(done, total) is called after each group of windows; is_cancelled before it.
    Raises InputError `space.not_open`, `emotion.shape`, `frames.out_of_range`; JobError
    `job.cancelled`.
    """
    frames = range(len(motion)) if frames is None else frames
    _check(motion, track, frames)
    cut = cut_motion(motion, frames.start, frames.stop)
    span = slice(frames.start, frames.stop)
    strength = (track.influence * track.geometry)[span, None]
    touched = np.flatnonzero(strength[:, 0])
    if not len(touched):
        return cut
    needed = range(frames.start + int(touched[0]), frames.start + int(touched[-1]) + 1)
    change = np.zeros((len(cut), NUMBERS), np.float32)
    change[needed.start - frames.start : needed.stop - frames.start] = _changes(
        motion, track, modulator, needed, on_progress, is_cancelled
    )
    share = modulator.upper_share
    region = track.upper[span, None] * share + track.lower[span, None] * (1 - share)
    take = np.concatenate([cut.expression, cut.jaw], 1)
    out = np.where(strength == 0, take, take + strength * region * change)
    return replace(
        cut,
        expression=np.ascontiguousarray(out[:, :100]),
        jaw=np.ascontiguousarray(out[:, 100:]),
    )


def _check(motion: Motion, track: EmotionTrack, frames: range) -> None:
    if motion.space != "open":
        raise InputError(
            "space.not_open",
            f"The take is in the space '{motion.space}'; emotion is changed in the space 'open'.",
            "Convert the take first, with an adapter for its space.",
        )
    check_length(track, len(motion))
    if frames.step != 1 or not 0 <= frames.start < frames.stop <= len(motion):
        raise frames_outside(frames, len(motion))


def _changes(
    motion: Motion,
    track: EmotionTrack,
    modulator: Modulator,
    frames: range,
    on_progress: Progress | None,
    is_cancelled: Callable[[], bool] | None,
) -> FloatArray:
    """(len(frames), 103) what the network would change, at the take's own frame rate."""
    take = np.concatenate([motion.expression, motion.jaw], 1)
    if motion.fps == MODEL_FPS:
        return _run(take, track.weights, modulator, frames, on_progress, is_cancelled)
    ratio = MODEL_FPS / motion.fps  # model frames per frame of the take
    length = int(np.ceil((len(take) - 1) * ratio)) + 1
    at = np.arange(length, dtype=np.float64) / ratio
    grid = range(int(frames.start * ratio), min(int((frames.stop - 1) * ratio) + 2, length))
    change = _run(
        _sample(take, at), _sample(track.weights, at), modulator, grid, on_progress, is_cancelled
    )
    return _sample(
        change, np.arange(frames.start, frames.stop, dtype=np.float64) * ratio - grid.start
    )


def _sample(values: FloatArray, at: NDArray[np.float64]) -> FloatArray:
    """Rows at fractional places, linear between neighbours, held past the ends."""
    at = np.clip(at, 0, len(values) - 1)
    low = np.minimum(at.astype(np.intp), max(len(values) - 2, 0))
    part = (at - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, len(values) - 1)
    return np.asarray(values[low] * (1 - part) + values[high] * part, np.float32)


@flushed_denormals()
def _run(
    take: FloatArray,
    weights: FloatArray,
    modulator: Modulator,
    frames: range,
    on_progress: Progress | None,
    is_cancelled: Callable[[], bool] | None,
) -> FloatArray:
    """(len(frames), 103) the network's change, group by group of windows, kept within the range
    that training showed."""
    total = np.zeros((len(frames), NUMBERS), np.float32)
    normed = (take - modulator.mean) / modulator.scale
    groups = windows.groups_of(frames)
    for done, group in enumerate(groups, 1):
        if is_cancelled is not None and is_cancelled():
            raise JobError("job.cancelled", "The bake was cancelled.", "Start it again.")
        places = windows.group_frames(group, len(take))
        values = _infer(modulator, normed[places], weights[places])
        windows.add_group(total, frames.start, group, values)
        if on_progress is not None:
            on_progress(done, len(groups))
    old = take[frames.start : frames.stop]
    step = total * modulator.residual_scale
    if modulator.side_gain:
        step *= side_factors(modulator.side_gain * side_of_take(take))
    new = old + step
    low, high = np.minimum(old, modulator.lowest), np.maximum(old, modulator.highest)
    return np.asarray(np.clip(new, low, high) - old, np.float32)


def _infer(modulator: Modulator, takes: FloatArray, weights: FloatArray) -> FloatArray:
    """(GROUP, WINDOW, 103) normalised in, the same out; always one batch shape."""
    assert takes.shape == (windows.GROUP, windows.WINDOW, NUMBERS)
    assert weights.shape == (windows.GROUP, windows.WINDOW, len(EMOTIONS))
    with torch.inference_mode():
        return modulator.network(
            torch.from_numpy(np.ascontiguousarray(takes, np.float32)),
            torch.from_numpy(np.ascontiguousarray(weights, np.float32)),
        ).numpy()
