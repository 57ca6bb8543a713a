# SPDX-License-Identifier: GPL-3.0-or-later
"""A Gaussian head avatar at rest."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ...shared.errors import InputError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Avatar:
    """N Gaussians on a head mesh of V vertices that speaks ARKit's 52 shapes.

    vertices (V, 3) neutral, metres, x to the head's left, y up, z out of the face; faces (F, 3);
    arkit_shapes (52, V, 3) differences at weight 1, in `ARKIT_NAMES` order, zero for shapes that
    the avatar lacks; joint_pivots (J, 3), joint_weights (V, J): the chain that turns the head,
    lowest first, the rest of each vertex's weight staying with the body; joint_shares (J,), sum
    1: how much of the head's turn each joint takes; anchors (N,) the vertex that each Gaussian
    sits on; offsets (N, 3) from it, metres; quaternions (N, 4) w, x, y, z; scales (N, 3) metres;
    opacities (N,); colours (N, 3) sRGB 0..1.
    Raises InputError `avatar.shape`, `avatar.not_finite`.
    """

    name: str
    vertices: FloatArray
    faces: IntArray
    arkit_shapes: FloatArray
    joint_pivots: FloatArray
    joint_weights: FloatArray
    joint_shares: FloatArray
    anchors: IntArray
    offsets: FloatArray
    quaternions: FloatArray
    scales: FloatArray
    opacities: FloatArray
    colours: FloatArray

    def __post_init__(self) -> None:
        vertices, joints, count = len(self.vertices), len(self.joint_pivots), len(self.anchors)
        shapes = {
            "vertices": (vertices, 3), "faces": (len(self.faces), 3),
            "arkit_shapes": (52, vertices, 3), "joint_pivots": (joints, 3),
            "joint_weights": (vertices, joints), "joint_shares": (joints,),
            "anchors": (count,), "offsets": (count, 3), "quaternions": (count, 4),
            "scales": (count, 3), "opacities": (count,), "colours": (count, 3),
        }  # fmt: skip
        for field in fields(self):
            if field.name == "name":
                continue
            values = getattr(self, field.name)
            if values.shape != shapes[field.name]:
                raise self._broken(
                    "avatar.shape",
                    f"{field.name} of shape {values.shape}, not {shapes[field.name]}",
                )
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise self._broken(
                    "avatar.not_finite", f"values in {field.name} that are not numbers"
                )
        for name in ("faces", "anchors"):
            values = getattr(self, name)
            if values.size and not (values.min() >= 0 and values.max() < vertices):
                raise self._broken("avatar.shape", f"{name} that point at missing vertices")

    def _broken(self, code: str, what: str) -> InputError:
        return InputError(
            code, f"The avatar '{self.name}' has {what}.", "Export or download the avatar again."
        )

    def __len__(self) -> int:
        return len(self.anchors)
