# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head as somebody else's rig, for tests of what is carried from one to the other."""

import numpy as np
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.avatar import ArkitRig

EYES = ("sclera", "iris", "pupil")
SCALE = np.array([1.08, 1.15, 1.1], np.float32)


def is_kept(head: HeadModel) -> np.ndarray:
    """(V,) the open head's vertices that the rig has."""
    return np.isin(head.region, [REGIONS.index(n) for n in ("skin", "lip", "mouth", *EYES)])


def in_disguise(head: HeadModel) -> tuple[ArkitRig, np.ndarray]:
    """The open head's skin and eyes as somebody else's rig: larger, elsewhere, longer in the
    face; and (V,) what its vertices are."""
    kept = is_kept(head)
    place = np.cumsum(kept) - 1
    faces = place[head.faces[kept[head.faces].all(1)]].astype(np.int32)
    shapes = head.expression_basis @ head.arkit_expression  # (V, 3, 52)
    shapes = shapes.transpose(2, 0, 1)[:, kept] * SCALE
    # jawOpen is the jaw's in the open head: here its weights, straight down.
    jaw = head.skin_weights[kept, 2]
    shapes[ARKIT_NAMES.index("jawOpen"), :, 1] -= 0.02 * jaw
    count = int(kept.sum())
    rig = ArkitRig(
        vertices=head.template[kept] * SCALE + np.array([0, 1.6, 0.02], np.float32),
        faces=faces,
        arkit_shapes=np.ascontiguousarray(shapes, np.float32),
        joint_pivots=np.array([[0, 1.5, 0]], np.float32),
        joint_weights=np.ones((count, 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    return rig, head.region[kept]
