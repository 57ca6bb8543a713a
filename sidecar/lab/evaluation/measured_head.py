# SPDX-License-Identifier: GPL-3.0-or-later
"""A head reduced to the vertices that figures are measured on; these move exactly as in the
whole head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float32Array, IndexArray
from ....shared.errors import InputError
from ....shared.head import REGIONS, HeadModel
from ....shared.motion import make_motion
from ...head.forward import HeadLayer
from ...modulation.windows import MODEL_FPS
from ..anchors.lips import lip_edges

FACE_STRIDE = 4
"""Every fourth vertex of the face is measured: 1,000 give the same mean as 4,000."""
FACE_MOVES_M = 0.001
"""A vertex belongs to the face if some expression at weight 1 moves it by more than this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredHead:
    """A head reduced to n measured vertices. face, lips: indices of these. upper, lower: (5, 3)
    the lips' edges at the places of `anchors.lips`. meeting: (5,) mm measured between the
    template's lips, which touch; subtracted from every gap."""

    layer: HeadLayer
    face: IndexArray
    lips: IndexArray
    upper: IndexArray
    lower: IndexArray
    meeting: Float32Array

    def vertices(self, numbers: Float32Array, shape: Float32Array) -> Float32Array:
        """(T, n, 3) mm of a take (T, 103) by the identity `shape` (300,), head and eyes still."""
        motion = make_motion(
            expression=numbers[:, :100],
            jaw=numbers[:, 100:],
            shape=shape,
            fps=MODEL_FPS,
            space=self.layer.space,
        )
        return self.layer.vertices(motion, 0, len(numbers)) * np.float32(1000)

    def gap(self, vertices: Float32Array) -> Float32Array:
        """(T, 5) mm between the lips of vertices (T, n, 3); below 0 they press into each other."""
        return _opening(vertices, self.upper, self.lower) - self.meeting


def cut_to_measured(head: HeadModel) -> MeasuredHead:
    """The head reduced to its face and lips. Raises InputError `head.no_lips` for a head whose
    lips are not labelled."""
    edges = lip_edges(head)
    if any(len(upper) < 3 or len(lower) < 3 for upper, lower in edges):
        raise InputError(
            "head.no_lips",
            f"The head '{head.name}' does not say where its lips are.",
            "Measure on the open head.",
        )
    skin = np.isin(head.region, [REGIONS.index("skin"), REGIONS.index("lip")])
    moving = np.linalg.norm(head.expression_basis, axis=1).max(1) > FACE_MOVES_M
    face = np.flatnonzero(skin & moving)[::FACE_STRIDE]
    lips = np.flatnonzero(head.region == REGIONS.index("lip"))
    upper, lower = (np.stack([edge[side] for edge in edges]) for side in (0, 1))
    kept = np.unique(np.concatenate([face, lips, upper.ravel(), lower.ravel()]))
    rest = head.template[None] * np.float32(1000)
    return MeasuredHead(
        layer=HeadLayer(cut_head(head, kept)),
        face=np.searchsorted(kept, face),
        lips=np.searchsorted(kept, lips),
        upper=np.searchsorted(kept, upper),
        lower=np.searchsorted(kept, lower),
        meeting=_opening(rest, upper, lower)[0],
    )


def _opening(vertices: Float32Array, upper: IndexArray, lower: IndexArray) -> Float32Array:
    heights = vertices[:, :, 1]
    return heights[:, upper].mean(2) - heights[:, lower].mean(2)


def cut_head(head: HeadModel, kept: IndexArray) -> HeadModel:
    """The head with only the vertices `kept`, and five more at the end that stand for its joints,
    so that the kept ones move as in the whole head."""
    joints = head.joint_regressor
    regressor = np.zeros((5, len(kept) + 5), np.float32)
    regressor[:, len(kept) :] = np.eye(5)

    def with_joints(values: Float32Array, at_joints: Float32Array) -> Float32Array:
        return np.concatenate([values[kept], at_joints]).astype(np.float32)

    def with_still(values: Float32Array) -> Float32Array:
        return with_joints(values, np.zeros((5, *values.shape[1:]), np.float32))

    return HeadModel(
        name=head.name,
        space=head.space,
        expression_names=head.expression_names,
        template=with_joints(head.template, joints @ head.template),
        faces=np.zeros((1, 3), np.int32),
        shape_basis=with_joints(
            head.shape_basis, np.einsum("jv,vcs->jcs", joints, head.shape_basis)
        ),
        expression_basis=with_still(head.expression_basis),
        pose_basis=with_still(head.pose_basis),
        joint_regressor=regressor,
        skin_weights=with_joints(head.skin_weights, np.eye(5, dtype=np.float32)),
        uv=np.zeros((1, 3, 2), np.float32),
        landmark_faces=np.zeros(68, np.int32),
        landmark_weights=np.zeros((68, 3), np.float32),
        region=np.concatenate([head.region[kept], np.zeros(5, np.uint8)]),
        upper=with_still(head.upper),
        colour=with_still(head.colour),
        arkit_expression=head.arkit_expression,
        arkit_jaw=head.arkit_jaw,
        arkit_eyes=head.arkit_eyes,
    )
