# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing nouns to the scripts in Blender, and the slow twin of what Blender computes."""

from dataclasses import fields
from pathlib import Path

import numpy as np
from affekt.shared.head import PARENTS, REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head
from scipy.spatial.transform import Rotation


def save(noun: HeadModel | Motion, path: Path) -> Path:
    values = {entry.name: getattr(noun, entry.name) for entry in fields(noun)}
    np.savez(path, **{k: np.asarray(v) for k, v in values.items() if v is not None})
    return path


def random_motion(frames: int, seed: int = 3, expression_scale: float = 0.7) -> Motion:
    """Every channel moves, far beyond what faces do; no joint turns by more than half a turn."""
    rng = np.random.default_rng(seed)
    scales = {"jaw": 0.3, "neck": 0.5, "eyes": 0.4, "rotation": 0.7, "translation": 0.3}
    widths = {"eyes": 6}
    others = {n: rng.normal(0, s, (frames, widths.get(n, 3))) for n, s in scales.items()}
    expression = rng.normal(0, expression_scale, (frames, 100)).astype(np.float32)
    return make_motion(
        expression=expression,
        fps=30.0,
        space="open",
        **{n: v.astype(np.float32) for n, v in others.items()},
    )


def twin_vertices(head: HeadModel, motion: Motion, frame: int) -> np.ndarray:
    """(V, 3) float64 by FLAME's equations, one joint after the other (Li et al. 2017)."""
    poses = [
        motion.rotation[frame],
        motion.neck[frame],
        motion.jaw[frame],
        motion.eyes[frame, :3],
        motion.eyes[frame, 3:],
    ]
    turns = [Rotation.from_rotvec(p.astype(np.float64)).as_matrix() for p in poses]
    feature = np.concatenate([(turn - np.eye(3)).ravel() for turn in turns[1:]])
    template = head.template.astype(np.float64)
    joints = head.joint_regressor.astype(np.float64) @ template
    components = len(head.expression_names)
    posed = (
        template
        + head.expression_basis.astype(np.float64) @ motion.expression[frame, :components]
        + head.pose_basis.astype(np.float64) @ feature
    )
    transforms: list[np.ndarray] = []
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        transforms.append(transforms[parent] @ local if parent >= 0 else local)
    out = np.zeros_like(template)
    for joint, transform in enumerate(transforms):
        moved = (posed - joints[joint]) @ transform[:3, :3].T + transform[:3, 3]
        out += head.skin_weights[:, joint : joint + 1].astype(np.float64) * moved
    return out + motion.translation[frame]


def save_arkit_face(path: Path) -> Path:
    """The open head's face with ARKit's shapes: part 0 its skin, 1 its teeth, 2 the rest."""
    head = read_head(OPEN)
    part = np.full(len(head.region), 2)
    for number, names in enumerate((("skin", "lip"), ("teeth", "mouth", "tongue"))):
        part[np.isin(head.region, [REGIONS.index(name) for name in names])] = number
    np.savez(
        path,
        vertices=head.template,
        faces=head.faces,
        part=part,
        shapes=open_motion(np.eye(len(ARKIT_NAMES)), head).astype(np.float32),
        names=np.array(ARKIT_NAMES),
    )
    return path
