# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake: a take and an emotion track in, the emotional motion and its vertices out.

Opens no file. Memory is the take's and the result's motion plus one chunk of vertices; a preview of
a frame is a bake of that frame, which costs two windows and one block of vertices.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EmotionTrack, check_length
from ...shared.errors import InputError, JobError
from ...shared.head import HeadModel
from ...shared.motion import WIDTHS, Motion, cut_motion, frames_outside
from ..denormals import flushed_denormals
from ..head.forward import layer_of
from ..memory import remembered
from ..modulation.modulator import Modulator, answering, modulate_part
from ..motion.adapter import LinearAdapter, add_open_difference, to_open


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeProgress:
    """`done` of `total` steps of a stage: "modulate" (windows), "vertices" (frames)."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeResult:
    """What a bake of `frames` (of the take) gives.

    motion: those frames in space "open". take_motion: those frames in the take's own space, with
    only the change mapped back. vertices: (n, V, 3) float32 metres, chunk by chunk, in order, once;
    computed while it is iterated, when it also reports progress and heeds a cancel (JobError
    `job.cancelled`). seconds: of each stage so far.
    """

    frames: range
    motion: Motion
    take_motion: Motion
    vertices: Iterator[Float32Array]
    vertex_count: int
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A take made ready for bakes and previews with any track: what one shares with the next.

    motion: the take as it came. before: the whole take in space "open". spoken: the open head
    that says what ARKit's weights are. modulator: as it answers this take.
    """

    motion: Motion
    before: Motion
    head: HeadModel
    spoken: HeadModel
    adapter: LinearAdapter | None
    modulator: Modulator


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Watch:
    on_progress: Callable[[BakeProgress], None] | None
    is_cancelled: Callable[[], bool] | None

    def report(self, stage: str, done: int, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(BakeProgress(stage=stage, done=done, total=total))

    def stop_if_cancelled(self) -> None:
        if self.is_cancelled is not None and self.is_cancelled():
            raise JobError("job.cancelled", "The bake was cancelled.", "Start it again.")


def bake(
    motion: Motion,
    track: EmotionTrack,
    head: HeadModel,
    adapter: LinearAdapter | None,
    modulator: Modulator,
    frames: range | None = None,
    on_progress: Callable[[BakeProgress], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    open_head: HeadModel | None = None,
) -> BakeResult:
    """Bakes `frames` of a take (all if None) with an emotion track of the take's length.

    A head in space "open" shows the open motion; another head shows the take in its own space,
    and `open_head` then says what ARKit's weights are there. Frames baked alone have the same bits
    as in the whole; where influence is 0 the motion is the take's bit for bit.
    Raises InputError `frames.out_of_range`, `emotion.shape`, `space.no_adapter`; JobError
    `job.cancelled`.
    """
    watch = _Watch(on_progress=on_progress, is_cancelled=is_cancelled)
    frames = range(len(motion)) if frames is None else frames
    check_bake(motion, track, head, frames)
    seconds: dict[str, float] = {}
    with _Stage(seconds, "convert"):
        prepared = prepare(motion, head, adapter, modulator, open_head)
    with _Stage(seconds, "modulate"), flushed_denormals():
        watch.stop_if_cancelled()
        after = modulate_part(
            prepared.before,
            track,
            prepared.modulator,
            frames,
            None,
            lambda done, total: watch.report("modulate", done, total),
            is_cancelled,
        )
    with _Stage(seconds, "map back"):
        mapped = map_back(prepared, after, frames)
    is_open = head.space == "open"
    whole = _paste(prepared.before if is_open else motion, after if is_open else mapped, frames)
    return BakeResult(
        frames=frames,
        motion=after,
        take_motion=mapped,
        seconds=seconds,
        vertices=_vertices(whole, head, frames, watch),
        vertex_count=len(head.template),
    )


@remembered
def prepare(
    motion: Motion,
    head: HeadModel,
    adapter: LinearAdapter | None,
    modulator: Modulator,
    open_head: HeadModel | None = None,
) -> Prepared:
    """A take made ready, once while it is asked for; arguments as in `bake`. Raises InputError
    `space.no_adapter`."""
    _check_space(motion, head)
    spoken = head if head.space == "open" else open_head or head
    with flushed_denormals():
        before = to_open(motion, spoken, adapter)
        return Prepared(
            motion=motion,
            before=before,
            head=head,
            spoken=spoken,
            adapter=adapter,
            modulator=answering(modulator, before),
        )


def map_back(prepared: Prepared, after: Motion, frames: range) -> Motion:
    """Those frames of the take in its own space, with what `after`, the same frames in space
    "open", changes."""
    take = cut_motion(prepared.motion, frames.start, frames.stop)
    cut = cut_motion(prepared.before, frames.start, frames.stop)
    with flushed_denormals():
        return add_open_difference(take, cut, after, prepared.adapter, prepared.spoken)


def collect_vertices(result: BakeResult) -> Float32Array:
    """All of the result's vertices at once: (frames, V, 3). Uses them up."""
    out = np.empty((len(result.frames), result.vertex_count, 3), np.float32)
    done = 0
    for chunk in result.vertices:
        out[done : done + len(chunk)] = chunk
        done += len(chunk)
    return out


def check_bake(motion: Motion, track: EmotionTrack, head: HeadModel, frames: range) -> None:
    """Raises InputError `frames.out_of_range`, `emotion.shape`, `space.no_adapter`."""
    if frames.step != 1 or not 0 <= frames.start < frames.stop <= len(motion):
        raise frames_outside(frames, len(motion))
    check_length(track, len(motion))
    _check_space(motion, head)


def _check_space(motion: Motion, head: HeadModel) -> None:
    if head.space not in ("open", motion.space):
        raise InputError(
            "space.no_adapter",
            f"The take is in the space '{motion.space}', the head '{head.name}' speaks "
            f"'{head.space}'.",
            "Choose the open head, or a head in the take's own space.",
        )


def _paste(whole: Motion, part: Motion, frames: range) -> Motion:
    """The whole take with `part` at its frames: the head layer's blocks lie on the take's grid."""
    arrays = {}
    for name in WIDTHS:
        arrays[name] = getattr(whole, name).copy()
        arrays[name][frames.start : frames.stop] = getattr(part, name)
    return replace(whole, **arrays)


def _vertices(
    motion: Motion, head: HeadModel, frames: range, watch: _Watch
) -> Iterator[Float32Array]:
    chunks, done = layer_of(head).mover(motion).blocks(motion, frames.start, frames.stop), 0
    while done < len(frames):
        watch.stop_if_cancelled()
        chunk = next(chunks)
        yield chunk
        done += len(chunk)
        watch.report("vertices", done, len(frames))


class _Stage:
    """Measures a `with` block into a table of seconds."""

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = time.perf_counter() - self._start
