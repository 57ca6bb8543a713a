# SPDX-License-Identifier: GPL-3.0-or-later
"""Until AVATARS, RASTER and CUDA have landed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..avatar.drive import animate
from ..avatar.drive import pose_vertices, chain_rotations, _skin
from ..raster.normals import vertex_normals

Follow = Literal["still", "stretch", "surface"]
DeviceName = Literal["auto", "cpu", "cuda"]


@dataclass
class Posed:
    gaussians: object
    normals: object
    vertices: object


class Actor:
    def __init__(self, avatar, motion, follow=None):
        self.avatar, self.motion, self.turn = avatar, motion, head_turns(motion)

    def pose(self, index):
        a = self.avatar
        w = self.motion.expression[index, :52]
        g = animate(a, w, self.turn[index])
        v, _ = _skin(pose_vertices(a, w), a.joint_weights, a.joint_pivots.astype(np.float64), chain_rotations(a, self.turn[index]))
        n = vertex_normals(v, a.faces)[a.anchors]
        return Posed(g, n.astype(np.float32), v)


def seen_colours(g, camera):
    return g.colours


def head_turns(motion):
    from scipy.spatial.transform import Rotation
    whole = Rotation.from_rotvec(motion.rotation.astype(np.float64))
    return (whole * Rotation.from_rotvec(motion.neck.astype(np.float64))).as_rotvec()
