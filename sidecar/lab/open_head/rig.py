# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME's five joints in the open head: their places, their skin weights, and their rotations in
ARKit's shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array, Int64Array
from .assemble import Assembly
from .makehuman import BaseMesh, read_rig

# How far an eye turns at weight 1 of eyeLook*, radians. MakeHuman's own helper eyes turn by
# only 10 to 15 degrees; tracked people reach about these (ARKit's range).
GAZE_SIDE_RAD, GAZE_UP_RAD, GAZE_DOWN_RAD = np.radians([26.0, 17.0, 22.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """joints (5, 3); regressor (5, V); skin_weights (V, 5); jaw_angle: rotation about x at
    ARKit's jawOpen = 1, radians."""

    joints: Float64Array
    regressor: Float64Array
    skin_weights: Float64Array
    jaw_angle: float


def build_rig(data: Path, mesh: BaseMesh, assembly: Assembly, jaw_open: Float64Array) -> Rig:
    """Builds the rig. jaw_open: (N, 3) the base mesh's displacement at ARKit's jawOpen = 1."""
    teeth = mesh.group_vertices("helper-lower-teeth")
    rotation, pivot = _fit_rotation(assembly.base[teeth], assembly.base[teeth] + jaw_open[teeth])
    angle = float(np.arctan2(rotation[2, 1], rotation[1, 1]))
    joints = _place_joints(mesh, assembly, pivot)
    weights = _skin_weights(data, mesh, assembly, joints, angle, assembly.carry(jaw_open))
    regressor = np.stack(
        [
            _regress(assembly, joints[0], radius=0.09),
            _regress(assembly, joints[1], radius=0.11),
            _regress(assembly, joints[2], radius=0.11),
            _centre_of(assembly, "eye_left"),
            _centre_of(assembly, "eye_right"),
        ]
    )
    return Rig(
        joints=regressor @ assembly.vertices,
        regressor=regressor,
        skin_weights=weights,
        jaw_angle=angle,
    )


def _fit_rotation(before: Float64Array, after: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Best rotation (3, 3) (Kabsch 1976) and the point on its axis nearest the middle plane."""
    a, b = before.mean(0), after.mean(0)
    u, _, vt = np.linalg.svd((before - a).T @ (after - b))
    sign = np.diag([1, 1, np.linalg.det(vt.T @ u.T)])
    rotation = vt.T @ sign @ u.T
    pivot = np.linalg.lstsq(np.eye(3) - rotation, b - rotation @ a, rcond=None)[0]
    pivot[0] = 0
    return rotation, pivot


def _place_joints(mesh: BaseMesh, assembly: Assembly, jaw_pivot: Float64Array) -> Float64Array:
    base = assembly.base

    def middle(group: str) -> Float64Array:
        point = base[mesh.group_vertices(group)].mean(0)
        return point * [0, 1, 1]

    root = middle("joint-neck") + np.array([0, 0.012, 0])
    # The skull turns on the atlas, a good hand's breadth below MakeHuman's joint-head.
    neck = 0.55 * middle("joint-head") + 0.45 * middle("joint-neck")
    eyes = [assembly.vertices[assembly.slice_of(f"eye_{s}")] for s in ("left", "right")]
    centres = [_ball_centre(eye) for eye in eyes]
    return np.stack(
        [root - assembly.origin, neck - assembly.origin, jaw_pivot - assembly.origin, *centres]
    )


def _ball_centre(points: Float64Array) -> Float64Array:
    """Centre of the sphere that fits the back half of the points best (least squares)."""
    back = points[points[:, 2] < np.median(points[:, 2])]
    system = np.c_[2 * back, np.ones(len(back))]
    return np.linalg.lstsq(system, (back**2).sum(1), rcond=None)[0][:3]


def _centre_of(assembly: Assembly, name: str) -> Float64Array:
    """Weights (V,) of an eyeball's vertices whose mean is its centre."""
    ids = assembly.slice_of(name)
    points = assembly.vertices[ids]
    return _simplex_weights(points, _ball_centre(points), ids, len(assembly.vertices))


def _regress(assembly: Assembly, joint: Float64Array, radius: float) -> Float64Array:
    """Weights (V,) of the skin within `radius` metres of the joint whose mean is the joint."""
    skin = assembly.slice_of("skin")
    near = skin[np.linalg.norm(assembly.vertices[skin] - joint, axis=1) < radius]
    return _simplex_weights(assembly.vertices[near], joint, near, len(assembly.vertices))


def _simplex_weights(
    points: Float64Array, target: Float64Array, ids: Int64Array, vertices: int
) -> Float64Array:
    """Non-negative weights that sum to 1, spread widely, with points.T @ w = target.

    Minimises the sum of squares under the equalities; the few negative ones are removed in turn.
    """
    active = np.ones(len(points), bool)
    weight = np.zeros(len(points))
    for _ in range(len(points)):
        system = np.r_[points[active].T, np.ones((1, active.sum()))]
        weight = np.linalg.pinv(system) @ np.r_[target, 1.0]
        if weight.min() >= -1e-12:
            break
        where = np.flatnonzero(active)
        active[where[weight < 0]] = False
    row = np.zeros(vertices)
    row[ids[active]] = np.maximum(weight, 0)
    return row / row.sum()


def _skin_weights(
    data: Path,
    mesh: BaseMesh,
    assembly: Assembly,
    joints: Float64Array,
    angle: float,
    jaw_open: Float64Array,
) -> Float64Array:
    """Skin weights (V, 5). The neck's come from MakeHuman's skeleton; the jaw's are how much of
    the jaw's rotation jawOpen shows at each vertex."""
    head = assembly.carry(np.repeat(_head_share(data, len(assembly.base))[:, None], 3, 1))[:, 0]
    for name in ("eye", "teeth", "tongue", "brow", "lash", "tear"):
        head[assembly.slice_of(name)] = 1
    arm = assembly.vertices - joints[2]
    c, s = np.cos(angle), np.sin(angle)
    turned = arm @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T - arm
    reach = (turned**2).sum(1)
    jaw = np.clip((jaw_open * turned).sum(1) / np.maximum(reach, 0.004**2), 0, 1)
    jaw[assembly.slice_of("teeth_lower")] = 1
    for name in ("teeth_upper", "eye", "brow", "lash", "tear"):
        jaw[assembly.slice_of(name)] = 0
    weights = np.zeros((len(head), 5))
    weights[:, 2] = np.minimum(jaw, head)
    weights[:, 1] = head - weights[:, 2]
    weights[:, 0] = 1 - head
    for column, side in ((3, "left"), (4, "right")):
        weights[assembly.slice_of(f"eye_{side}")] = np.eye(5)[column]
    return weights


def _head_share(data: Path, vertices: int) -> Float64Array:
    """How much of each base vertex moves with the skull (N,): 0 at the collar, 1 at the chin."""
    bones, bone_weights = read_rig(data)
    share, total = np.zeros(vertices), np.zeros(vertices)
    part = {"neck01": 0.15, "neck02": 0.5, "neck03": 0.85}
    for bone, entries in bone_weights.items():
        if not entries:
            continue
        table = np.array(entries)
        ids = table[:, 0].astype(int)
        factor = part.get(bone, 1.0 if _is_under(bones, bone, "head") else 0.0)
        np.add.at(share, ids, factor * table[:, 1])
        np.add.at(total, ids, table[:, 1])
    return share / np.maximum(total, 1e-9)


def _is_under(bones: dict[str, dict[str, object]], bone: str, ancestor: str) -> bool:
    while bone and bone != ancestor:
        bone = str(bones[bone].get("parent") or "") if bone in bones else ""
    return bone == ancestor


def arkit_joints(jaw_angle: float, names: tuple[str, ...]) -> tuple[Float64Array, Float64Array]:
    """(3, 52) jaw and (6, 52) eye rotations, axis-angle radians at weight 1."""
    jaw, eyes = np.zeros((3, len(names))), np.zeros((6, len(names)))
    jaw[0, names.index("jawOpen")] = jaw_angle
    turns = {"Up": (0, -GAZE_UP_RAD), "Down": (0, GAZE_DOWN_RAD)}
    for first, side, left in ((0, "Left", 1.0), (3, "Right", -1.0)):
        for word, (axis, turn) in turns.items():
            eyes[first + axis, names.index(f"eyeLook{word}{side}")] = turn
        # The left eye looks out to the head's left (+x): a positive turn about y.
        eyes[first + 1, names.index(f"eyeLookOut{side}")] = left * GAZE_SIDE_RAD
        eyes[first + 1, names.index(f"eyeLookIn{side}")] = -left * GAZE_SIDE_RAD
    return jaw, eyes
