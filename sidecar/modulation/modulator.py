# SPDX-License-Identifier: GPL-3.0-or-later
"""The modulation itself: a take and an emotion track in, the take in those emotions out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from ...shared.arrays import Float32Array, Float64Array, FloatArray, IndexArray
from ...shared.emotion import EmotionTrack, check_length, kept_level, opened_level
from ...shared.errors import InputError
from ...shared.motion import Motion, cut_motion, frames_outside, numbers_of
from ..denormals import flushed_denormals
from ..memory import remembered
from ..threads import in_order
from . import windows
from .asymmetry import asymmetry_factors, asymmetry_of
from .contact import (
    contact_of,
    either,
    gaps_of,
    held_of,
    keep_contact,
    margin,
    rest_of,
    yielding_of,
)
from .inference import ROWS, WindowNetwork, remembering, window_network
from .network import NUMBERS, GeometryNetwork, emotion_cues
from .strength import amplitudes
from .units import add_units, hardly_opening, in_arkit, parting, shown_units
from .weights import Modulator, load_modulator
from .windows import MODEL_FPS

__all__ = ["Modulator", "TakeModulator", "answering", "load_modulator", "modulate", "modulate_part"]

Answers = dict[int, Float32Array]
"""Window number -> the network's output (64, 103). A caller who asks for successive frames of one
take and track passes the same dict; only the last call's windows stay in it."""
_Rows = Callable[[IndexArray], tuple[Float32Array, Float32Array]]
"""A function from frames (n,) of the network's grid to numbers (n, 103) and emotion cues (n, K)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakeModulator(Modulator):
    """A modulator for one take, with what it needs to know of the whole of it. `answering` makes
    it.

    rest_mm: the gap at which the take's lips meet, see `rest_of`. is_keyed: whether a track's
    weights are keyed ones, as the animator's are, or already the network's amplitudes, as those of
    the training's programs are.
    """

    rest_mm: float = 0.0
    is_keyed: bool = True


def modulate(
    motion: Motion, track: EmotionTrack, modulator: Modulator, frames: range | None = None
) -> Motion:
    """`frames` (all if None) of a take in space "open", with the track's emotions in place of its
    own: take + influence * geometry * region * (G(take, emotion) - take).

    A frame whose influence * geometry is 0 is copied bit for bit. Any range has the bits of the
    same frames of the whole. region is a mean of `track.upper` and `track.lower`, weighted by each
    number's `upper_share`. The track's weights are shares of an emotion's displacement energy, see
    `amplitudes`. Lips that the take's speech closes stay closed, and as far as `track.keep_closed`
    says, those that it holds closed.
    Raises InputError `space.not_open`, `emotion.shape`, `frames.out_of_range`.
    """
    return modulate_part(motion, track, answering(modulator, motion), frames)


def modulate_part(
    motion: Motion,
    track: EmotionTrack,
    modulator: TakeModulator,
    frames: range | None = None,
    answers: Answers | None = None,
) -> Motion:
    """`modulate` with a modulator that `answering` has already fitted to the take. Windows found in
    `answers` are not computed again."""
    frames = range(len(motion)) if frames is None else frames
    _check(motion, track, frames)
    cut = cut_motion(motion, frames.start, frames.stop)
    span = slice(frames.start, frames.stop)
    strength = strength_of(track, frames)[:, None]
    touched, shown = np.flatnonzero(strength[:, 0]), shown_units(track, frames)
    if not len(touched) and shown is None:
        return cut
    change = np.zeros((len(cut), NUMBERS), np.float32)
    if len(touched):
        low, high = int(touched[0]), int(touched[-1]) + 1
        needed = range(frames.start + low, frames.start + high)
        change[low:high] = _changes(motion, track, modulator, needed, answers)
    region = _region(track, frames, modulator)
    take = numbers_of(cut)
    out = np.where(strength == 0, take, take + strength * region * change)
    kept, untouched = kept_level(track.weights[span], track.keep_closed[span]), None
    if shown is not None:
        strength = unit_strength(track, frames, modulator)
        plain, out = out, add_units(out, shown, strength, motion.shape, modulator)
        untouched = hardly_opening(out - plain, modulator)
        kept = kept + parting(shown) * (
            np.minimum(opened_level(track.keep_closed[span]), kept) - kept
        )
    out = _with_closures(out, motion, kept, modulator, frames, untouched)
    return _with_numbers(cut, out)


def _with_closures(
    out: Float32Array,
    motion: Motion,
    kept: FloatArray,
    modulator: TakeModulator,
    frames: range,
    untouched: Float32Array | None,
) -> Float32Array:
    """out (len(frames), 103) whose lips meet where the take's speech closes them, and as far as
    kept (len(frames),) is 1 also where the take holds them closed. untouched: see
    `keep_contact`."""
    first = max(frames.start - margin(motion.fps), 0)
    around = np.arange(first, min(frames.stop + margin(motion.fps), len(motion)))
    take = _numbers(motion, around)
    gaps = gaps_of(take, modulator.lip_opening)
    span = slice(frames.start - first, frames.stop - first)
    speech, held = (level(gaps, motion.fps, modulator.rest_mm) for level in (contact_of, held_of))
    contact = either(speech[span], kept * held[span])
    slow = (yielding_of(level, motion.fps)[span] for level in (speech, held))
    yielding = either(next(slow), kept * next(slow))
    return keep_contact(out, take[span], contact, yielding, modulator, untouched)


def with_arkit_units(
    after: Motion, track: EmotionTrack, frames: range, modulator: Modulator
) -> Motion:
    """`after`, these frames as `modulate_part` made them, with the track's action units as ARKit's
    shapes alone show them."""
    shown = shown_units(track, frames)
    if shown is None:
        return after
    out = in_arkit(numbers_of(after), shown, unit_strength(track, frames, modulator))
    return _with_numbers(after, out)


def unit_strength(track: EmotionTrack, frames: range, modulator: Modulator) -> FloatArray:
    """(len(frames), 103) how far units act on each number."""
    span = slice(frames.start, frames.stop)
    return track.geometry[span, None] * _region(track, frames, modulator)


def _region(track: EmotionTrack, frames: range, modulator: Modulator) -> FloatArray:
    """(len(frames), 103) the strength of the part of the face to which each number belongs."""
    span, share = slice(frames.start, frames.stop), modulator.upper_share
    return track.upper[span, None] * share + track.lower[span, None] * (1 - share)


def _with_numbers(motion: Motion, numbers: Float32Array) -> Motion:
    expression, jaw = np.split(numbers, [100], 1)
    return replace(
        motion, expression=np.ascontiguousarray(expression), jaw=np.ascontiguousarray(jaw)
    )


def strength_of(track: EmotionTrack, frames: range) -> Float32Array:
    """(len(frames),) influence * geometry; where it is 0 the take is not changed."""
    span = slice(frames.start, frames.stop)
    return track.influence[span] * track.geometry[span]


def answering(modulator: Modulator, motion: Motion) -> TakeModulator:
    """The modulator for one take in space "open": its change follows the take's asymmetry, and it
    knows how near the take's lips are when they meet."""
    numbers = numbers_of(motion)
    parts = {entry.name: getattr(modulator, entry.name) for entry in fields(Modulator)}
    if modulator.asymmetry_gain:
        asymmetry = modulator.asymmetry_gain * asymmetry_of(numbers, modulator.mirrored)
        parts["residual_scale"] = modulator.residual_scale * asymmetry_factors(
            asymmetry, modulator.mirrored
        )
    return TakeModulator(**parts, rest_mm=rest_of(gaps_of(numbers, modulator.lip_opening)))


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


def cue_rows(motion: Motion, track: EmotionTrack, frames: range) -> range:
    """The rows of the track's weights and keep_closed on which those frames of the modulated take
    depend."""
    touched = np.flatnonzero(strength_of(track, frames))
    if not len(touched):
        return range(0)
    grid = _Grid(fps=motion.fps, frames=len(motion))
    span = range(frames.start + int(touched[0]), frames.start + int(touched[-1]) + 1)
    needed = windows.windows_of(grid.around(span))
    places = [windows.window_frames(window, grid.length) for window in (needed[0], needed[-1])]
    low, high, _ = grid.neighbours(np.concatenate(places))
    return range(int(low.min()), int(high.max()) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """A take's frames on the network's grid of `MODEL_FPS`. fps, frames: the take's own."""

    fps: float
    frames: int

    @property
    def ratio(self) -> float:
        """Grid frames per frame of the take."""
        return MODEL_FPS / self.fps

    @property
    def length(self) -> int:
        """Frames of the whole take on the grid."""
        if self.fps == MODEL_FPS:
            return self.frames
        return int(np.ceil((self.frames - 1) * self.ratio)) + 1

    def around(self, frames: range) -> range:
        """The grid's frames between which the take's frames lie."""
        if self.fps == MODEL_FPS:
            return frames
        stop = min(int((frames.stop - 1) * self.ratio) + 2, self.length)
        return range(int(frames.start * self.ratio), stop)

    def neighbours(self, places: IndexArray) -> tuple[IndexArray, IndexArray, Float32Array]:
        """The take's frames before and after each of the grid's (n,), and the share (n, 1) of the
        one after."""
        if self.fps == MODEL_FPS:
            return places, places, np.zeros((len(places), 1), np.float32)
        last = self.frames - 1
        at = np.clip(places / self.ratio, 0, last)
        low = np.minimum(at.astype(np.intp), max(last - 1, 0))
        return low, np.minimum(low + 1, last), (at - low).astype(np.float32)[:, None]


def _changes(
    motion: Motion,
    track: EmotionTrack,
    modulator: TakeModulator,
    frames: range,
    answers: Answers | None,
) -> Float32Array:
    """(len(frames), 103) change by the network at full strength, at the take's own frame rate."""
    grid = _Grid(fps=motion.fps, frames=len(motion))

    def rows(places: IndexArray) -> tuple[Float32Array, Float32Array]:
        low, high, part = grid.neighbours(places)

        def at(curve: Callable[[IndexArray], Float32Array]) -> Float32Array:
            if motion.fps == MODEL_FPS:
                return curve(places)
            return _between(curve(low), curve(high), part)

        # The keyed weight is what changes evenly between two frames, so its amplitude comes last.
        weights = at(lambda frames: track.weights[frames])
        keep_closed = at(lambda frames: track.keep_closed[frames, None])[:, 0]
        cues = emotion_cues(_performed(weights, modulator), modulator.variants, keep_closed)
        return at(lambda frames: _numbers(motion, frames)), cues

    around = grid.around(frames)
    change = _run(rows, grid.length, modulator, around, answers)
    if motion.fps == MODEL_FPS:
        return change
    at = np.arange(frames.start, frames.stop, dtype=np.float64) * grid.ratio - around.start
    return _sample(change, at)


def _performed(weights: Float32Array, modulator: TakeModulator) -> Float32Array:
    """The network's weights (n, 6) from a track's."""
    return amplitudes(weights) if modulator.is_keyed else weights


def _numbers(motion: Motion, frames: IndexArray) -> Float32Array:
    return np.concatenate([motion.expression[frames], motion.jaw[frames]], 1)


def _sample(values: Float32Array, at: Float64Array) -> Float32Array:
    """Rows (T, C) sampled at fractional places (n,): linear between neighbours, held past the
    ends."""
    at = np.clip(at, 0, len(values) - 1)
    low = np.minimum(at.astype(np.intp), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    return _between(values[low], values[high], (at - low).astype(np.float32)[:, None])


def _between(low: Float32Array, high: Float32Array, part: Float32Array) -> Float32Array:
    return np.asarray(low * (1 - part) + high * part, np.float32)


@flushed_denormals()
def _run(
    rows: _Rows, length: int, modulator: Modulator, frames: range, answers: Answers | None
) -> Float32Array:
    """(len(frames), 103) change by the network for frames of its grid, computed window by window
    and kept within the range of training. length: frames of the whole take on the grid."""
    total = np.zeros((len(frames), NUMBERS), np.float32)
    network, needed = _network_of(modulator.network), windows.windows_of(frames)
    is_small = answers is None and frames.start // ROWS == (frames.stop - 1) // ROWS

    @flushed_denormals()
    def change(window: int) -> Float32Array:
        take, cues = rows(windows.window_frames(window, length))
        inputs = _tensor((take - modulator.mean) / modulator.scale), _tensor(cues)
        if not is_small:
            return network(*inputs).numpy()
        asked = windows.rows_around(window, frames.start, ROWS)
        values = np.zeros_like(take)
        values[asked] = network(*inputs, asked).numpy()
        return values

    kept = {} if answers is None else {w: answers[w] for w in needed if w in answers}
    fresh = in_order(change, [window for window in needed if window not in kept])
    for window in needed:
        values = kept[window] if window in kept else next(fresh)
        if answers is not None:
            kept[window] = values
        windows.add_window(total, frames.start, window, values)
    if answers is not None:
        answers.clear()
        answers.update(kept)
    return _kept_in_range(rows, modulator, frames, total)


def _tensor(values: Float32Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _kept_in_range(
    rows: _Rows, modulator: Modulator, frames: range, residual: Float32Array
) -> Float32Array:
    """The residual (n, 103) in the take's units, cut so that the result leaves the range of the
    training's targets no further than the take does."""
    old = rows(np.arange(frames.start, frames.stop))[0]
    new = old + residual * modulator.residual_scale
    low, high = np.minimum(old, modulator.lowest), np.maximum(old, modulator.highest)
    return np.asarray(np.clip(new, low, high) - old, np.float32)


@remembered
def _network_of(network: GeometryNetwork) -> WindowNetwork:
    return remembering(window_network(network))
