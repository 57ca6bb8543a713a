# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a bake need a key, so that the mesh is nowhere farther off than is allowed.

The bound is of the whole mesh: displacements of the expressions are added vertex by vertex, and
each joint's error of angle by the distance to the farthest vertex that it moves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float64Array, IndexArray
from ...shared.head import JOINTS, PARENTS
from ...shared.motion import Motion
from ..head.correctives import PREFIX
from ..head.find import expression_names, need_shape_keys, rig_of
from ..link.requests import Waiting
from ..link.tasks import Progress
from ..motion.curves import ROOT_PATH, Rows, Turns, channels_of, expression_path, rotation_path
from .thinning import refill, thin

_BLOCK_FRAMES = 256
"""Of so many frames the whole mesh is looked at in one go: 256 of 20,000 vertices take 60 MB."""
_SLICE_S = 0.1
"""How long Blender may stand still at a time."""
_MARGIN = 0.95
_CLOSE_SEARCH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplified:
    """rows: the keys; worst_mm: how far the mesh is off at most; keys, of: how many there are, and
    were."""

    rows: Rows
    worst_mm: float
    keys: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How far things move: shapes (K, V * 3) metres for a weight of 1, of those that move at all;
    arms, metres for a radian, of each path of a joint's rotation."""

    paths: tuple[str, ...]
    shapes: Float64Array
    arms: dict[str, float]


def every(step: int, frames: int, paths: list[str]) -> Rows:
    """A key on each so many-th frame, and on the last."""
    rows = np.unique(np.append(np.arange(0, frames, step), frames - 1))
    return dict.fromkeys(paths, rows)


def simplify(
    head: bpy.types.Object, motion: Motion, turns: Turns, allowed_mm: float
) -> Waiting[Simplified]:
    """Thins the motion's keys until the mesh is at most so far off. Where that is reached in no
    other way all keys stay. turns: the joints' quaternions that will be written."""
    values = _values_of(head, motion, turns)
    moving = {path: curve for path, curve in values.items() if (curve != curve[0]).any()}
    reach = _measure(head, moving)
    sizes = np.sqrt(np.square(reach.shapes.reshape(len(reach.paths), -1, 3)).sum(2).max(1))
    metres = dict(zip(reach.paths, sizes.tolist(), strict=True)) | reach.arms | {ROOT_PATH: 1.0}
    allowed, share, worst = allowed_mm / 1000, 1.0, np.inf
    for attempt in range(_CLOSE_SEARCH):
        rows: dict[str, IndexArray] = {}
        ends = time.perf_counter() + _SLICE_S
        for path, curve in moving.items():
            rows[path] = thin(curve, share * allowed / max(metres[path], 1e-9))
            if time.perf_counter() > ends:
                text = f"Fewer keys {len(rows)}/{len(moving)}"
                yield Progress(fraction=attempt / _CLOSE_SEARCH, text=text)
                ends = time.perf_counter() + _SLICE_S
        worst = yield from _worst(reach, moving, rows)
        if worst <= allowed:
            break
        share *= _MARGIN * allowed / worst
    else:
        rows, worst = {path: np.arange(len(motion)) for path in moving}, 0.0
    still = {path: np.arange(1) for path in values.keys() - moving.keys()}
    keys = sum(len(kept) * _width(moving[path]) for path, kept in rows.items())
    of = sum(len(motion) * _width(curve) for curve in moving.values())
    return Simplified(rows={**rows, **still}, worst_mm=1000 * worst, keys=keys, of=of)


def _width(curve: Float64Array) -> int:
    return curve.shape[1]


def _values_of(head: bpy.types.Object, motion: Motion, turns: Turns) -> dict[str, Float64Array]:
    """(T, C) by data path, in single precision as keys are."""
    found: dict[str, list[Float64Array]] = {}
    for channel in channels_of(head, motion, turns):
        values = channel.values.astype(np.float32).astype(np.float64)
        found.setdefault(channel.path, []).append(values)
    return {path: np.stack(columns, 1) for path, columns in found.items()}


def _measure(head: bpy.types.Object, moving: dict[str, Float64Array]) -> _Reach:
    blocks = need_shape_keys(head).key_blocks
    basis = _points(blocks[0])
    named = {expression_path(name): name for name in expression_names(head)}
    paths = tuple(path for path in moving if path in named)
    shapes = np.empty((len(paths), len(basis)))
    for row, path in enumerate(paths):
        shapes[row] = _points(blocks[named[path]]) - basis
    farthest = float(np.abs(shapes).max()) * 3**0.5 if shapes.size else 0.0
    arms = _arms(head, basis.reshape(-1, 3))
    for joint, name in enumerate(JOINTS):
        turned = [block for block in blocks if block.name.startswith(f"{PREFIX}{name} ")]
        arms[joint] += farthest + sum(_farthest(block, basis) for block in turned)
    lengths = {rotation_path(name): arms[joint] for joint, name in enumerate(JOINTS)}
    return _Reach(paths=paths, shapes=shapes, arms=lengths)


def _points(block: bpy.types.ShapeKey) -> Float64Array:
    """(V * 3,) metres."""
    flat = np.empty(3 * len(block.data), np.float32)
    block.points.foreach_get("co", flat)
    return flat.astype(np.float64)


def _farthest(block: bpy.types.ShapeKey, basis: Float64Array) -> float:
    return float(np.linalg.norm((_points(block) - basis).reshape(-1, 3), axis=1).max())


def _arms(head: bpy.types.Object, places: Float64Array) -> list[float]:
    """Of each joint the distance of the farthest vertex that turns with it, metres; places
    (V, 3)."""
    joints = {group.index: JOINTS.index(group.name) for group in head.vertex_groups}
    moves = np.zeros((len(JOINTS), len(places)), bool)
    for vertex in head.data.vertices:
        for member in vertex.groups:
            joint = joints.get(member.group, -1) if member.weight > 0 else -1
            while joint >= 0:
                moves[joint, vertex.index] = True
                joint = PARENTS[joint]
    centres = [np.array(rig_of(head).data.bones[name].head_local) for name in JOINTS]
    away = [np.linalg.norm(places - centre, axis=1) for centre in centres]
    return [float(far[moves[joint]].max(initial=0.0)) for joint, far in enumerate(away)]


def _worst(
    reach: _Reach, moving: dict[str, Float64Array], rows: dict[str, IndexArray]
) -> Waiting[float]:
    """How far the mesh is off at most, in metres."""
    off = {path: refill(curve, rows[path]) for path, curve in moving.items()}
    frames = len(next(iter(moving.values()), ()))
    turned = np.zeros(frames)
    for path in moving.keys() - set(reach.paths):
        if path == ROOT_PATH:
            turned += np.linalg.norm(off[path] - moving[path], axis=1)
        else:
            turned += reach.arms[path] * _angles(off[path], moving[path])
    weights = np.zeros((frames, len(reach.paths)), np.float32)
    for column, path in enumerate(reach.paths):
        weights[:, column] = (off[path] - moving[path])[:, 0]
    worst, shapes = 0.0, reach.shapes.astype(np.float32)
    for start in range(0, frames, _BLOCK_FRAMES):
        block = slice(start, start + _BLOCK_FRAMES)
        moved = (weights[block] @ shapes).reshape(len(weights[block]), -1, 3)
        shifts = np.sqrt(np.square(moved).sum(2).max(1, initial=0.0))
        worst = max(worst, float((shifts + turned[block]).max()))
        yield Progress(fraction=0.5, text="Looking at the mesh")
    return worst


def _angles(one: Float64Array, other: Float64Array) -> Float64Array:
    """(T,) radians between quaternions (T, 4) of any length."""
    one, other = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (one, other))
    chord = np.linalg.norm(one - other, axis=1)
    return 4 * np.arcsin(np.clip(chord / 2, 0, 1))
