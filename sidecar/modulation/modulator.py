# SPDX-License-Identifier: GPL-3.0-or-later
"""A take and an emotion track in, the take in those emotions out. Opens no file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...shared.emotion import EmotionTrack, check_length
from ...shared.errors import InputError, JobError
from ...shared.motion import Motion, cut_motion, frames_outside
from ..denormals import flushed_denormals
from ..threads import in_order
from . import windows
from .contact import contact_of, gaps_of, keep_contact, margin
from .inference import WindowNetwork, remembering, window_network
from .network import NUMBERS, GeometryNetwork
from .sides import side_factors, side_of_take
from .weights import Modulator, load_modulator

__all__ = ["MODEL_FPS", "Modulator", "load_modulator", "modulate"]

MODEL_FPS = 30.0
"""The network's own frame rate; other rates are resampled and only the change is brought back."""

FloatArray = NDArray[np.float32]
Progress = Callable[[int, int], None]
_Rows = Callable[[NDArray[np.intp]], tuple[FloatArray, FloatArray]]
"""From frames (n,) of the model's grid to numbers (n, 103) and emotion weights (n, 6)."""


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
    Lips that the take's speech closes stay closed.
    on_progress(done, total) is called after each window; is_cancelled before it.
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
        motion, track, _sided(modulator, motion), needed, on_progress, is_cancelled
    )
    share = modulator.upper_share
    region = track.upper[span, None] * share + track.lower[span, None] * (1 - share)
    take = np.concatenate([cut.expression, cut.jaw], 1)
    out = np.where(strength == 0, take, take + strength * region * change)
    out = _closed(out, motion, frames, modulator.lip_opening)
    return replace(
        cut,
        expression=np.ascontiguousarray(out[:, :100]),
        jaw=np.ascontiguousarray(out[:, 100:]),
    )


def _closed(out: FloatArray, motion: Motion, frames: range, opening: FloatArray) -> FloatArray:
    """out (len(frames), 103) with the take's closures kept."""
    first = max(frames.start - margin(motion.fps), 0)
    around = np.arange(first, min(frames.stop + margin(motion.fps), len(motion)))
    gaps = gaps_of(_numbers(motion, around), opening)
    span = slice(frames.start - first, frames.stop - first)
    return keep_contact(out, gaps[span], contact_of(gaps, motion.fps)[span], opening)


def _sided(modulator: Modulator, motion: Motion) -> Modulator:
    """The modulator as it answers a take that leads with one side."""
    if not modulator.side_gain:
        return modulator
    side = side_of_take(np.concatenate([motion.expression, motion.jaw], 1))
    factors = side_factors(modulator.side_gain * side)
    return replace(modulator, residual_scale=modulator.residual_scale * factors)


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
    ratio = MODEL_FPS / motion.fps  # model frames per frame of the take
    last = len(motion) - 1

    def rows(places: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        at = np.clip(places / ratio, 0, last)
        low = np.minimum(at.astype(np.intp), max(last - 1, 0))
        high = np.minimum(low + 1, last)
        ends = [(_numbers(motion, frames), track.weights[frames]) for frames in (low, high)]
        part = (at - low).astype(np.float32)[:, None]
        return _between(ends[0][0], ends[1][0], part), _between(ends[0][1], ends[1][1], part)

    if motion.fps == MODEL_FPS:
        return _run(
            lambda places: (_numbers(motion, places), track.weights[places]),
            len(motion), modulator, frames, on_progress, is_cancelled,
        )  # fmt: skip
    length = int(np.ceil(last * ratio)) + 1
    grid = range(int(frames.start * ratio), min(int((frames.stop - 1) * ratio) + 2, length))
    change = _run(rows, length, modulator, grid, on_progress, is_cancelled)
    at = np.arange(frames.start, frames.stop, dtype=np.float64) * ratio - grid.start
    return _sample(change, at)


def _numbers(motion: Motion, frames: NDArray[np.intp]) -> FloatArray:
    return np.concatenate([motion.expression[frames], motion.jaw[frames]], 1)


def _sample(values: FloatArray, at: NDArray[np.float64]) -> FloatArray:
    """Rows at fractional places, linear between neighbours, held past the ends."""
    at = np.clip(at, 0, len(values) - 1)
    low = np.minimum(at.astype(np.intp), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    return _between(values[low], values[high], (at - low).astype(np.float32)[:, None])


def _between(low: FloatArray, high: FloatArray, part: FloatArray) -> FloatArray:
    return np.asarray(low * (1 - part) + high * part, np.float32)


@flushed_denormals()
def _run(
    rows: _Rows,
    length: int,
    modulator: Modulator,
    frames: range,
    on_progress: Progress | None,
    is_cancelled: Callable[[], bool] | None,
) -> FloatArray:
    """(len(frames), 103) the network's change, window by window, kept within the range that
    training showed. `length` is the take's, on the model's grid."""
    total = np.zeros((len(frames), NUMBERS), np.float32)
    network, needed = _network_of(modulator.network), windows.windows_of(frames)

    @flushed_denormals()
    def change(window: int) -> FloatArray:
        take, weights = rows(windows.window_frames(window, length))
        normed = (take - modulator.mean) / modulator.scale
        return network(_tensor(normed), _tensor(weights)).numpy()

    changes = zip(needed, in_order(change, needed), strict=True)
    for done, (window, values) in enumerate(changes, 1):
        if is_cancelled is not None and is_cancelled():
            raise JobError("job.cancelled", "The bake was cancelled.", "Start it again.")
        windows.add_window(total, frames.start, window, values)
        if on_progress is not None:
            on_progress(done, len(needed))
    return _kept_in_range(rows, modulator, frames, total)


def _tensor(values: FloatArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _kept_in_range(
    rows: _Rows, modulator: Modulator, frames: range, residual: FloatArray
) -> FloatArray:
    old = rows(np.arange(frames.start, frames.stop))[0]
    new = old + residual * modulator.residual_scale
    low, high = np.minimum(old, modulator.lowest), np.maximum(old, modulator.highest)
    return np.asarray(np.clip(new, low, high) - old, np.float32)


@functools.lru_cache(maxsize=2)
def _network_of(network: GeometryNetwork) -> WindowNetwork:
    return remembering(window_network(network))
