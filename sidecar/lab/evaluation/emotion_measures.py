# SPDX-License-Identifier: GPL-3.0-or-later
"""How strongly subjects' faces move for an emotion, and what they keep of the takes' speech."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, partial

import numpy as np

from ....shared.arrays import Float64Array, FloatArray
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ....shared.motion import Motion, cut_motion, make_motion
from ...avatar.avatar import ArkitRig, Avatar
from ...memory import remembered
from ...modulation.modulator import Modulator
from ...render.shot import Subject, motion_for
from .emotion import Cast, Shown
from .emotion_pairs import measure_pairs
from .emotion_states import ITSELF, Take, Version, hold, states_of
from .emotion_strength import Perform, compare_landmarks, likeness, measure_strength, sum_landmarks
from .lips_kept import STILL_MM, correlation, gap_jitter, held_closures, kept, speech_closures
from .measured_face import MeasuredFace, measure_face
from .performances import STATES
from .takes import lip_gap

MEASURED_S = 3.0
"""Strength is measured on this much from the middle of each take, and on a still face."""
STILL_FRAMES = 30
PARTS = (
    "strength",
    "landmarks",
    "landmarks over the first subject's",
    "likeness",
    "speech",
    "mixed",
)
"""The groups of figures."""


def check_cast(cast: Cast) -> None:
    """Raises InputError `option.subjects` if no subject has a face that could be judged."""
    if not distinct_meshes(cast.subjects):
        raise InputError(
            "option.subjects",
            "None of the subjects has a face that a take could move.",
            "Give a head or an avatar with a face with --subjects, such as `open`.",
        )


def measure_subjects(
    takes: Sequence[Take],
    cast: Cast,
    modulator: Modulator,
    states: Version,
    pairs: Sequence[Shown] = (),
) -> dict[str, dict[str, object]]:
    """The figures of each distinct mesh, by `PARTS` and subject. states: the modulator's, at
    weight 1. pairs: of `plan_pairs`, for `mixed`."""
    out: dict[str, dict[str, object]] = {part: {} for part in PARTS}
    shut = cache(partial(states_of, modulator=modulator, keep_closed=1.0))
    neutral = {take.name: states(take.motion)["neutral"] for take in takes}
    first = None
    for name in distinct_meshes(cast.subjects):
        face = measure_face(cast.subjects[name], cast.head)
        perform = performer(modulator, face, cast)
        strength = measure_strength(face, measured_parts(takes), perform)
        sums = {emotion: sum_landmarks(rows) for emotion, rows in strength.landmarks.items()}
        speech = measure_speech(face, takes, states, shut, cast)
        mixed = measure_pairs(face, pairs, neutral, cast) if pairs else {}
        over = {} if first is None else compare_landmarks(sums, first)
        parts = (strength.shares, sums, over, likeness(strength.landmarks), speech, mixed)
        for part, figures in zip(PARTS, parts, strict=True):
            if figures:
                out[part][name] = figures
        first = first or sums
    return {part: figures for part, figures in out.items() if figures}


def distinct_meshes(subjects: Mapping[str, Subject]) -> dict[str, list[str]]:
    """The subjects' names by the first of those that have the very same mesh and shapes; Gaussians
    without a face are left out."""
    firsts: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name, subject in subjects.items():
        key = _mesh_key(subject)
        if key is not None:
            groups.setdefault(firsts.setdefault(key, name), []).append(name)
    return groups


def _mesh_key(subject: Subject) -> str | None:
    surface = subject.surface if isinstance(subject, Avatar) else subject
    if surface is None:
        return None
    rest = subject.vertices if isinstance(subject, Avatar) else subject.template
    shapes = surface.arkit_shapes if isinstance(surface, ArkitRig) else surface.expression_basis
    digest = hashlib.sha256(np.ascontiguousarray(rest).tobytes())
    digest.update(np.ascontiguousarray(shapes).tobytes())
    return digest.hexdigest()


def performer(modulator: Modulator, face: MeasuredFace, cast: Cast) -> Perform:
    """Performs takes for one face."""

    @cache
    def perform(take: Motion, state: str, weight: float) -> Motion:
        return motion_for(face.subject, hold(take, state, weight, modulator), cast.adapter)

    return perform


def measured_parts(takes: Sequence[Take]) -> list[Motion]:
    """A still face, and `MEASURED_S` from the middle of each take."""
    still = make_motion(
        expression=np.zeros((STILL_FRAMES, 100), np.float32), fps=30.0, space="open"
    )
    return [still, *(_middle(take.motion) for take in takes)]


def _middle(take: Motion) -> Motion:
    count = min(max(round(MEASURED_S * take.fps), 1), len(take))
    start = (len(take) - count) // 2
    return cut_motion(take, start, start + count)


def measure_speech(
    face: MeasuredFace, takes: Sequence[Take], states: Version, shut: Version, cast: Cast
) -> dict[str, dict[str, object]]:
    """What the takes themselves and each state show of the takes' lips and jaw on one face, over
    all takes: `held kept`, of `shut` (where Keep Closed is on), and `speech kept`, the shares of
    the takes' held closures and of their m, b and p in which this face's lips meet; the worst
    take's `jaw correlation`; `gap jitter` on the average and of the worst take. Closures are those
    of the take on the open head. shut: the states with held lips kept closed, of which held
    closures and the jaw are measured."""
    rows: dict[str, list[dict[str, float | None]]] = {s: [] for s in (ITSELF, *STATES)}
    counts: list[tuple[int, int]] = []
    for take in takes:
        own = lip_gap(take.motion, cast.head)
        held, spoken = held_closures(own, take.motion.fps), speech_closures(own, take.motion.fps)
        counts.append((len(held), len(spoken)))
        before = _gap_on(face, take.motion, cast)
        there = _open_gap(take.motion, cast.head)
        closed = {ITSELF: take.motion} | dict(shut(take.motion))
        for state, motion in ({ITSELF: take.motion} | dict(states(take.motion))).items():
            gap = _gap_on(face, motion, cast)
            rows[state].append(
                {
                    "held kept": kept(_gap_on(face, closed[state], cast), held),
                    "speech kept": kept(gap, spoken),
                    "jaw correlation": correlation(closed[state].jaw[:, 0], take.motion.jaw[:, 0]),
                    "gap jitter": _jitter(gap, before, there),
                }
            )
    weights = np.array(counts, float)
    return {state: _summed(row, weights) for state, row in rows.items()}


def _jitter(gap: FloatArray, before: FloatArray, there: FloatArray) -> float | None:
    """Of a gap against the take's: `before` on this face, or `there` on the open head with lips
    that part as far as here, whichever trembles more. A rig that presses its lips shut hides how
    the take does."""
    scaled = there * (before.max() / max(float(there.max()), STILL_MM))
    against = [gap_jitter(gap, one) for one in (before, scaled)]
    return min((one for one in against if one is not None), default=None)


def _gap_on(face: MeasuredFace, motion: Motion, cast: Cast) -> Float64Array:
    return face.gap_mm(face.positions(motion_for(face.subject, motion, cast.adapter)))


@remembered
def _open_gap(motion: Motion, head: HeadModel) -> Float64Array:
    """(T,) mm of a take's lips on the open head, for all subjects."""
    face = measure_face(head, head)
    return face.gap_mm(face.positions(motion_for(head, motion, None)))


def _summed(rows: list[dict[str, float | None]], counts: Float64Array) -> dict[str, object]:
    def values(name: str) -> list[float]:
        return [value for row in rows if (value := row[name]) is not None]

    jaws, jitters = values("jaw correlation"), values("gap jitter")
    return {
        "held kept": _mean_share([row["held kept"] for row in rows], counts[:, 0]),
        "speech kept": _mean_share([row["speech kept"] for row in rows], counts[:, 1]),
        "jaw correlation": float(np.mean(jaws)) if jaws else "",
        "jaw correlation, worst": min(jaws) if jaws else "",
        "gap jitter": float(np.mean(jitters)) if jitters else "",
        "gap jitter, worst": max(jitters) if jitters else "",
    }


def _mean_share(shares: Sequence[float | None], counts: Float64Array) -> float | str:
    known = np.array([share if share is not None else 0.0 for share in shares])
    return float(known @ counts / counts.sum()) if counts.sum() else ""
