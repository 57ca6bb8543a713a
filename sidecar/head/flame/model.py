# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a `HeadModel` of the arrays of a FLAME file.

The file holds the mesh, the bases and the joints (Li et al. 2017). Regions, colours and the
boundary between upper and lower face are derived from the geometry.
"""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ....shared.head import PARENTS, REGIONS, HeadModel
from ...quarantine.process import Arrays, Purpose

SPLITS = {400: (300, 100), 350: (300, 50), 150: (100, 50)}
"""Columns of `shapedirs` -> identity and expression components. 400 is FLAME as published, the
others are reduced versions that trackers ship."""
EXPRESSION_KEYS = ("expressiondirs", "exprdirs", "expr_dirs")
"""Names of a separate expression basis in converted files."""

FLAME_FILE = Purpose(
    what="FLAME file",
    origin="download FLAME from its own site",
    instead="Choose FLAME's pickle or npz.",
)
_MOST_VERTICES = 100_000  # FLAME has 5,023; subdivided once it has 20,000
_UPPER_FADE = 0.016  # metres over which `upper` rises from 0 to 1, as in the open head
# Angles about the eye's forward axis: an iris of 12 mm and a pupil of 4 mm on a ball of 24 mm.
_IRIS_RAD, _PUPIL_RAD = 0.52, 0.17
_COLOURS = {
    "skin": (0.78, 0.60, 0.50),
    "sclera": (0.93, 0.91, 0.89),
    "iris": (0.40, 0.25, 0.13),
    "pupil": (0.02, 0.02, 0.02),
}


def check_keys(arrays: Arrays, label: str) -> None:
    """Checks that all arrays of FLAME are there. Raises InputError `file.wrong_kind` if not."""
    if "f" not in arrays and "faces" not in arrays:
        raise FLAME_FILE.wrong_kind(label, "it has no readable f")
    for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights"):
        if key not in arrays:
            raise FLAME_FILE.wrong_kind(label, f"it has no readable {key}")


def head_from_flame(arrays: Arrays, label: str, space: str) -> HeadModel:
    """The head in `space`, with all landmarks zero; `label` is the file's name in errors.

    arrays: as `check_keys` accepts them. Raises InputError `head.shape`, `head.not_finite`.
    """
    template = _floats(arrays, "v_template", label)
    if template.ndim != 2 or template.shape[1] != 3 or not 5 <= len(template) <= _MOST_VERTICES:
        raise _shape_error(label, "v_template", template.shape, "(vertices, 3)")
    vertices = len(template)
    faces = _faces(arrays, label)
    identity, expression = _bases(arrays, label, vertices)
    weights = _exactly(_floats(arrays, "weights", label), (vertices, 5), "weights", label)
    _check_joints(arrays, label)
    regressor = _exactly(_floats(arrays, "J_regressor", label), (5, vertices), "J_regressor", label)
    region = _regions(template, weights)
    return HeadModel(
        name=label[:100],
        space=space,
        expression_names=tuple(f"expression{k:03d}" for k in range(expression.shape[2])),
        template=template,
        faces=faces,
        shape_basis=identity,
        expression_basis=expression,
        pose_basis=_pose_basis(arrays, label, vertices),
        joint_regressor=regressor,
        skin_weights=weights,
        uv=_uv(arrays, faces, label),
        landmark_faces=np.zeros(68, np.int32),
        landmark_weights=np.zeros((68, 3), np.float32),
        region=region,
        upper=_upper(template, weights),
        colour=_colours(region),
        arkit_expression=np.zeros((expression.shape[2], 52), np.float32),
        arkit_jaw=np.zeros((3, 52), np.float32),
        arkit_eyes=np.zeros((6, 52), np.float32),
    )


def _floats(arrays: Arrays, key: str, label: str) -> np.ndarray:
    values = arrays[key].astype(np.float32, order="C")
    if not np.isfinite(values).all():
        raise InputError(
            "head.not_finite",
            f"{label} has values in {key} that are not numbers.",
            "Download FLAME again.",
        )
    return values


def _shape_error(label: str, key: str, found: tuple[int, ...], wanted: str) -> InputError:
    return InputError(
        "head.shape",
        f"{label} has {key} of the shape {found}, not {wanted}.",
        "Choose FLAME's own file; other models of the same family do not fit.",
    )


def _exactly(values: np.ndarray, shape: tuple[int, ...], key: str, label: str) -> np.ndarray:
    if values.shape != shape:
        raise _shape_error(label, key, values.shape, str(shape))
    return values


def _faces(arrays: Arrays, label: str) -> np.ndarray:
    """Triangles (F, 3) int32 from `f` or `faces`, which some files store as floats."""
    key = "f" if "f" in arrays else "faces"
    faces = arrays[key]
    if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0:
        raise _shape_error(label, key, faces.shape, "(triangles, 3)")
    vertices = len(arrays["v_template"])
    if not ((faces >= 0) & (faces < vertices) & (faces == np.floor(faces))).all():
        raise InputError(
            "head.shape",
            f"{label} has triangles that name missing vertices.",
            "Download FLAME again.",
        )
    return faces.astype(np.int32, order="C")


def _bases(arrays: Arrays, label: str, vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """The bases of identity (V, 3, S) and expression (V, 3, E)."""
    together = _floats(arrays, "shapedirs", label)
    if together.ndim != 3 or together.shape[:2] != (vertices, 3):
        raise _shape_error(label, "shapedirs", together.shape, f"({vertices}, 3, components)")
    apart = next((key for key in EXPRESSION_KEYS if key in arrays), None)
    if apart is not None:
        expression = _floats(arrays, apart, label)
        if expression.ndim != 3 or expression.shape[:2] != (vertices, 3):
            raise _shape_error(label, apart, expression.shape, f"({vertices}, 3, components)")
        return together[..., :300], np.ascontiguousarray(expression[..., :100])
    if together.shape[2] not in SPLITS:
        known = ", ".join(f"{sum(n)} ({n[0]} + {n[1]})" for n in SPLITS.values())
        raise _shape_error(label, "shapedirs", together.shape, f"one of {known} components")
    count = SPLITS[together.shape[2]][0]
    return (
        np.ascontiguousarray(together[..., :count]),
        np.ascontiguousarray(together[..., count:]),
    )


def _pose_basis(arrays: Arrays, label: str, vertices: int) -> np.ndarray:
    """The pose correctives (V, 3, 36); converted files store them as (36, V * 3)."""
    values = _floats(arrays, "posedirs", label)
    if values.shape == (36, vertices * 3):
        values = np.ascontiguousarray(values.T).reshape(vertices, 3, 36)
    return _exactly(values, (vertices, 3, 36), "posedirs", label)


def _check_joints(arrays: Arrays, label: str) -> None:
    """Checks `kintree_table` (2, 5), parents and joints; the root's parent may be -1 or its
    unsigned equivalent."""
    if "kintree_table" not in arrays:
        return
    table = arrays["kintree_table"]
    right = table.shape == (2, 5) and tuple(table[0, 1:]) == PARENTS[1:]
    if not right or tuple(table[1]) != tuple(range(5)):
        raise InputError(
            "head.shape",
            f"{label} has other joints than FLAME's root, neck, jaw and eyes.",
            "Choose FLAME's own file; other models of the same family do not fit.",
        )


def _uv(arrays: Arrays, faces: np.ndarray, label: str) -> np.ndarray:
    """UVs (F, 3, 2) from `vt` and `ft`; zeros if the file has none."""
    if "vt" not in arrays or "ft" not in arrays:
        return np.zeros((len(faces), 3, 2), np.float32)
    places, corners = _floats(arrays, "vt", label), arrays["ft"]
    fits = places.ndim == 2 and places.shape[1] == 2 and corners.shape == faces.shape
    if not fits or not ((corners >= 0) & (corners < len(places))).all():
        raise _shape_error(label, "vt and ft", corners.shape, f"{faces.shape} into (n, 2)")
    return places[corners.astype(np.int64)]


def _regions(template: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Region of each vertex (V,): eyeballs by their joints' skin weights; the rest is skin."""
    region = np.full(len(template), REGIONS.index("skin"), np.uint8)
    for joint in (3, 4):
        ball = np.flatnonzero(weights[:, joint] > 0.5)
        if len(ball) == 0:
            continue
        points = template[ball].astype(np.float64)
        outward = points - (points.max(0) + points.min(0)) / 2
        length = np.maximum(np.linalg.norm(outward, axis=1), 1e-9)
        angle = np.arccos(np.clip(outward[:, 2] / length, -1, 1))
        region[ball] = REGIONS.index("sclera")
        region[ball[angle < _IRIS_RAD]] = REGIONS.index("iris")
        region[ball[angle < _PUPIL_RAD]] = REGIONS.index("pupil")
    return region


def _upper(template: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights (V,) that rise over 16 mm from 0 below the nose's tip (the foremost skin) to 1."""
    skin = np.where(weights[:, 3:].sum(1) > 0.5, -np.inf, template[:, 2])
    tip = template[int(skin.argmax()), 1]
    return np.clip((template[:, 1] - tip) / _UPPER_FADE + 0.5, 0, 1).astype(np.float32)


def _colours(region: np.ndarray) -> np.ndarray:
    table = np.array([_COLOURS.get(name, _COLOURS["skin"]) for name in REGIONS], np.float32)
    return table[region]
