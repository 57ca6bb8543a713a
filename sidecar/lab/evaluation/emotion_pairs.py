# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that feel two things at once: to be looked at, and how they strain the mouth's corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....shared.arrays import Float32Array, Float64Array, IndexArray
from ....shared.head import HeadModel
from ....shared.motion import Motion, cut_motion
from ...modulation.modulator import Modulator
from ...render.shot import motion_for
from .emotion import Cast, Shown
from .emotion_states import Take, blend, frames_of, join
from .faces import mesh_frames
from .measured_face import LANDMARKS, MeasuredFace
from .performances import without_turns

PAIRS = (("happy", "sad"), ("angry", "disgust"), ("fear", "surprise"))
"""Emotions that people really mix."""
PAIR_WEIGHTS = (1.0, 0.5)
"""Both emotions' weight."""
VERSION = "pairs"
CORNERS = (48, 54)
"""iBUG's landmarks of the mouth's corners."""
CORNER_REACH = 0.08
"""Edges this near to a corner, in shares of the face's height, are its own: 8 mm."""


def plan_pairs(takes: Sequence[Take], modulator: Modulator, head: HeadModel) -> list[Shown]:
    """One frame of each take, by turns with shut and parted lips, for each of `PAIRS` in each of
    `combinations`."""
    shown = []
    for index, take in enumerate(takes):
        ((frame, form),) = frames_of(take.motion, head, 1, first=index)
        for pair in PAIRS:
            for name, weights in combinations(pair).items():
                motion = cut_motion(blend(take.motion, weights, modulator), frame, frame + 1)
                shown.append(
                    Shown(
                        version=VERSION,
                        state=name,
                        take=take.name,
                        frame=frame,
                        form=form,
                        motion=motion,
                    )
                )
    return shown


def combinations(pair: tuple[str, str]) -> dict[str, dict[str, float]]:
    """By name: each emotion of the pair alone at weight 1, then both at each of `PAIR_WEIGHTS`."""
    alone = {name: {name: 1.0} for name in pair}
    return alone | {
        f"{pair[0]} + {pair[1]} at {weight:g}": dict.fromkeys(pair, weight)
        for weight in PAIR_WEIGHTS
    }


def measure_pairs(
    face: MeasuredFace, plan: Sequence[Shown], neutral: Mapping[str, Motion], cast: Cast
) -> dict[str, dict[str, float]]:
    """For each mixed face the strain at the mouth's corners, the worst of all takes, and over that
    of the worse of its two emotions alone. neutral: each take in neutral."""
    strains: dict[str, float] = {}
    edges = corner_edges(face)
    for shown in plan:
        rest = cut_motion(neutral[shown.take], shown.frame, shown.frame + 1)
        both = motion_for(face.subject, join([rest, shown.motion]), cast.adapter)
        before, after = mesh_frames(face.subject, without_turns(both))
        strain = worst_strain(before, after, edges)
        strains[shown.state] = max(strains.get(shown.state, 0.0), strain)
    return {
        name: {"strain": strains[name], "over the worse alone": strains[name] / alone}
        for pair in PAIRS
        for name, weights in combinations(pair).items()
        if len(weights) > 1 and (alone := max(strains[emotion] for emotion in pair)) > 0
    }


def corner_edges(face: MeasuredFace) -> IndexArray:
    """(E, 2) edges of the subject's mesh near the corners of its mouth."""
    subject = face.subject
    surface = subject if isinstance(subject, HeadModel) else subject.surface
    rest = subject.template if isinstance(subject, HeadModel) else subject.vertices
    assert surface is not None
    first = next(iter(LANDMARKS.values())).start
    corners = (face.landmarks @ rest[face.kept])[[corner - first for corner in CORNERS]]
    away = np.linalg.norm(rest[:, None] - corners[None], axis=2).min(1)
    edges = np.concatenate([surface.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    return edges[(away[edges] < CORNER_REACH * face.height_m).all(1)].astype(np.intp)


def worst_strain(before: Float32Array, after: Float32Array, edges: IndexArray) -> float:
    """The 98 % quantile over the edges of how far they are stretched or crushed, as the logarithm
    of their lengths' ratio; before, after: (V, 3). 0.69 is twice or half as long."""
    lengths = [_lengths(vertices, edges) for vertices in (before, after)]
    return float(np.quantile(np.abs(np.log(lengths[1] / lengths[0])), 0.98))


def _lengths(vertices: Float32Array, edges: IndexArray) -> Float64Array:
    apart = (vertices[edges[:, 0]] - vertices[edges[:, 1]]).astype(np.float64)
    return np.maximum(np.linalg.norm(apart, axis=1), 1e-7)
