# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes in neutral and in each emotion on a head, to be looked at: strips, sheets and videos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array, UInt8Array
from ....shared.head import HeadModel
from ....shared.motion import Motion, numbers_of
from ...head.forward import layer_of
from ...modulation.modulator import Modulator, modulate
from ...render.portrait import draw
from ...render.sheets import contact_sheet
from ...render.video import VideoWriter
from ..anchors.channels import columns_of
from ..anchors.lips import lips_of
from .lips_kept import kept, speech_closures
from .performances import STATES, held_track, without_turns

ITSELF = "the take itself"
STRIP_SIZE = (216, 260)
VIDEO_SIZE = (240, 288)
VIDEO_COLUMNS = 4
APART_S = 0.25
"""Frames of a strip lie at least so far apart."""

Picked = list[tuple[int, str]]


def in_all_states(take: Motion, modulator: Modulator) -> dict[str, Motion]:
    """`ITSELF` and the take, in space "open", in each of `STATES` at weight 1."""
    held = {s: modulate(take, held_track(s, len(take), take.fps), modulator) for s in STATES}
    return {ITSELF: take, **held}


def telling_frames(take: Motion, head: HeadModel) -> Picked:
    """Eight frames, in order, with what each shows: open mouths, closed lips in speech, turns of
    the head, a blink and a calm moment. Fewer in a take too short for eight."""
    signals = _signals(take, head)
    wanted = ("open", "closed", "turned", "blink", "open", "closed", "turned", "calm")
    apart = min(round(APART_S * take.fps), max((len(take) - 1) // len(wanted), 1))
    free = np.ones(len(take), bool)
    picked: Picked = []
    for name in wanted:
        if not free.any():
            break
        frame = int(np.where(free, signals[name], -np.inf).argmax())
        free[max(frame - apart, 0) : frame + apart + 1] = False
        picked.append((frame, name))
    return sorted(picked)


def _signals(take: Motion, head: HeadModel) -> dict[str, Float64Array]:
    """(T,) each, largest where the frame shows the named thing most."""
    gap = lip_gap(take, head)
    turn = np.linalg.norm((take.rotation + take.neck).astype(float), axis=1)
    blink = take.expression[:, columns_of("eyeBlink")].mean(1).astype(float)
    # A closure is a moment in the midst of talking, not the silence before it.
    reach = max(round(0.2 * take.fps), 1)
    around = np.convolve(np.pad(gap, reach, "edge"), np.ones(2 * reach + 1), "valid")
    talking = around / (2 * reach + 1)
    return {
        "open": gap - 10 * blink,
        "closed": talking - 3 * gap,
        "turned": turn,
        "blink": blink,
        "calm": -np.abs(gap - np.median(gap)) - 10 * blink - 20 * np.abs(turn - np.median(turn)),
    }


def closures_kept(versions: Mapping[str, Motion], head: HeadModel) -> dict[str, float]:
    """For each version but the first, the share of the first one's speech closures whose lips
    stay within `MEET_MM` of meeting; empty where it has no closures."""
    gaps = {name: lip_gap(motion, head) for name, motion in versions.items()}
    take = next(iter(versions.values()))
    frames = speech_closures(next(iter(gaps.values())), take.fps)
    shares = {name: kept(gap, frames) for name, gap in list(gaps.items())[1:]}
    return {name: share for name, share in shares.items() if share is not None}


def lip_gap(motion: Motion, head: HeadModel) -> Float64Array:
    """(T,) mm between the lips; 0 where they meet at rest."""
    numbers = numbers_of(motion)
    return (numbers @ lips_of(head).opening).mean(1)


def take_strip(
    versions: Mapping[str, Motion], picked: Picked, head: HeadModel, *, title: str = ""
) -> UInt8Array:
    """A row for each version of a take, a column for each picked frame."""
    pictures = [
        draw_in_frame(motion, frame, head, STRIP_SIZE)
        for motion in versions.values()
        for frame, _ in picked
    ]
    fps = next(iter(versions.values())).fps
    labels = [
        f"{name}, {frame / fps:.1f} s ({what})" if row == 0 else name
        for row, name in enumerate(versions)
        for frame, what in picked
    ]
    return contact_sheet(pictures, labels, len(picked), title=title)


def draw_in_frame(motion: Motion, frame: int, head: HeadModel, size: tuple[int, int]) -> UInt8Array:
    """A frame of a take with the head brought to the picture's middle wherever it went."""
    vertices = layer_of(head).vertices(motion, frame, frame + 1)[0]
    still = vertices - (vertices.mean(0) - head.template.mean(0))
    return draw(np.asarray(still, np.float32), head, size)


def write_take_video(
    path: Path, versions: Mapping[str, Motion], head: HeadModel, *, sound: Path | None = None
) -> None:
    """All versions side by side as an MP4, in rows of `VIDEO_COLUMNS`. Raises InputError as
    `VideoWriter` does."""
    motions = list(versions.values())
    with VideoWriter(path, motions[0].fps, sound=sound) as video:
        for frame in range(len(motions[0])):
            pictures = [draw_in_frame(motion, frame, head, VIDEO_SIZE) for motion in motions]
            video.add(contact_sheet(pictures, [""] * len(pictures), VIDEO_COLUMNS))


def measure_jitter(versions: Mapping[str, Motion], head: HeadModel) -> dict[str, float]:
    """For each version but the first, its mean third difference over time on the face's surface
    as a multiple of the first version's (the take's): 1 is as smooth as the take."""
    third = {name: _third_difference(motion, head) for name, motion in versions.items()}
    own = next(iter(third.values()))
    return {name: value / max(own, 1e-9) for name, value in list(third.items())[1:]}


def _third_difference(motion: Motion, head: HeadModel) -> float:
    """Mean over moving vertices, mm a frame cubed, of the face without the head's turns."""
    still = without_turns(motion)
    moving = np.linalg.norm(head.expression_basis, axis=1).max(1) > 0.001
    vertices = layer_of(head).vertices(still, 0, len(still))[:, moving]
    return 1000 * float(np.linalg.norm(np.diff(vertices, n=3, axis=0), axis=2).mean())
