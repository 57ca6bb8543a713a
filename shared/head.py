# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME's head layout: a mesh, its bases, five joints and skin weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .arrays import Float32Array, Int32Array, UInt8Array
from .errors import InputError

Kind = TypeVar("Kind", bound=np.floating)

JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
"""FLAME's joints, in order."""
PARENTS = (-1, 0, 1, 1, 1)
"""Index of each joint's parent; the root has none."""
REGIONS = ("skin", "brow", "lip", "mouth", "teeth", "tongue", "sclera", "iris", "pupil", "lash")
"""Names of the labels in `HeadModel.region`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadModel:
    """A head in FLAME's layout. V vertices, F triangles, S identity and E <= 100 expression
    components; lengths in metres, x to the head's left, y up, z out of the face.

    template (V, 3); faces (F, 3); shape_basis (V, 3, S); expression_basis (V, 3, E);
    pose_basis (V, 3, 36) on the elements of R - I of neck, jaw, left eye and right eye, row by
    row (FLAME, eq. 4); joint_regressor (5, V) from the shaped template; skin_weights (V, 5);
    uv (F, 3, 2) of each triangle's corners, origin bottom left (seams need no doubled vertex);
    landmark_faces (68,), landmark_weights (68, 3): the iBUG landmarks as barycentrics,
    weights all zero where a landmark is not known;
    region (V,) index into `REGIONS`; upper (V,) 1 above the nose's tip falling to 0 below;
    colour (V, 3) sRGB 0..1; arkit_expression (E, 52), arkit_jaw (3, 52), arkit_eyes (6, 52):
    the linear map from ARKit weights, or all zero where the space has none.
    Raises InputError `head.shape`, `head.not_finite`.
    """

    name: str
    space: str
    expression_names: tuple[str, ...]
    template: Float32Array
    faces: Int32Array
    shape_basis: Float32Array
    expression_basis: Float32Array
    pose_basis: Float32Array
    joint_regressor: Float32Array
    skin_weights: Float32Array
    uv: Float32Array
    landmark_faces: Int32Array
    landmark_weights: Float32Array
    region: UInt8Array
    upper: Float32Array
    colour: Float32Array
    arkit_expression: Float32Array
    arkit_jaw: Float32Array
    arkit_eyes: Float32Array

    def __post_init__(self) -> None:
        vertices, components = len(self.template), len(self.expression_names)
        shapes = {
            "template": (vertices, 3),
            "faces": (len(self.faces), 3),
            "shape_basis": (vertices, 3, self.shape_basis.shape[-1]),
            "expression_basis": (vertices, 3, components),
            "pose_basis": (vertices, 3, 36),
            "joint_regressor": (5, vertices),
            "skin_weights": (vertices, 5),
            "uv": (len(self.faces), 3, 2),
            "landmark_faces": (68,),
            "landmark_weights": (68, 3),
            "region": (vertices,),
            "upper": (vertices,),
            "colour": (vertices, 3),
            "arkit_expression": (components, 52),
            "arkit_jaw": (3, 52),
            "arkit_eyes": (6, 52),
        }
        for name, shape in shapes.items():
            self._check(name, getattr(self, name), shape)
        if self.faces.min() < 0 or self.faces.max() >= vertices:
            raise InputError(
                "head.shape",
                f"The head '{self.name}' has faces that name missing vertices.",
                "Export or convert the head again.",
            )

    def _check(self, field: str, values: NDArray[np.generic], shape: tuple[int, ...]) -> None:
        if values.shape != shape:
            raise InputError(
                "head.shape",
                f"The head '{self.name}' has {field} of shape {values.shape}, not {shape}.",
                "Export or convert the head again.",
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(
                "head.not_finite",
                f"The head '{self.name}' has values in {field} that are not numbers.",
                "Export or convert the head again.",
            )


ARRAY_FIELDS = tuple(
    f.name for f in fields(HeadModel) if f.name not in ("name", "space", "expression_names")
)
"""The fields of a `HeadModel` that are arrays, in order."""


def landmark_values(head: HeadModel, values: NDArray[Kind]) -> NDArray[Kind]:
    """(68, …) what the head's landmarks have of its vertices' values (V, …)."""
    corners = values[head.faces[head.landmark_faces]]
    weights = head.landmark_weights.reshape(len(corners), 3, *(1,) * (values.ndim - 1))
    return np.asarray((weights * corners).sum(1), values.dtype)
