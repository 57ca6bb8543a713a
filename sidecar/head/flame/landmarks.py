# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the iBUG landmarks from FLAME's official embedding, a separate file.

Without it a FLAME head has no landmarks: faces and weights are all zero. Guessed ones would look
like the official ones and be wrong by millimetres.
"""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ...quarantine.process import Arrays

CONTOUR = 17
STATIC = 51

_FULL = (("full_lmk_faces_idx", "full_lmk_bary_coords"),)
_STATIC = (
    ("static_lmk_faces_idx", "static_lmk_bary_coords"),
    ("lmk_face_idx", "lmk_b_coords"),
    ("lmk_faces_idx", "lmk_bary_coords"),
)
_DYNAMIC = (("dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords"),)


def landmarks_from(arrays: Arrays, label: str, faces: int) -> Arrays:
    """`faces` (68,) and `weights` (68, 3) from the arrays of an embedding; `faces` is the number of
    triangles of the mesh.

    The contour of the chin, which depends on the view, is the frontal one; an embedding of 51
    points has none, and those 17 are zero. Raises InputError `head.landmarks` if it does not fit.
    """
    full = _pair(arrays, _FULL) or _pair(arrays, _STATIC)
    if full is not None and len(full[0]) in (68, 70):  # 70: two points in the eyes at the end
        return _checked(full[0][:68], full[1][:68], label, faces)
    inner = _pair(arrays, _STATIC)
    if inner is None or len(inner[0]) != STATIC:
        raise _error(label, "it holds neither the 68 nor the 51 landmarks of iBUG")
    contour = _frontal(arrays)
    place, weight = (np.concatenate(both) for both in zip(contour, inner, strict=True))
    return _checked(place, weight, label, faces)


def _pair(
    arrays: Arrays, names: tuple[tuple[str, str], ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Faces (n,) and weights (n, 3) under the first of these pairs of names that fits."""
    for place, weight in names:
        if place in arrays and weight in arrays and arrays[weight].shape[-1:] == (3,):
            flat = arrays[place].reshape(-1), arrays[weight].reshape(-1, 3)
            if len(flat[0]) == len(flat[1]):
                return flat
    return None


def _frontal(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """The contour at 0 degrees, which is the first; zeros if there is none."""
    place, weight = (arrays.get(name) for name in _DYNAMIC[0])
    fits = (
        place is not None
        and weight is not None
        and place.ndim == 2
        and place.shape[1] == CONTOUR
        and weight.shape == (*place.shape, 3)
    )
    if place is None or weight is None or not fits:
        return np.zeros(CONTOUR, np.int64), np.zeros((CONTOUR, 3), np.float32)
    return place[0], weight[0]


def _checked(place: np.ndarray, weight: np.ndarray, label: str, faces: int) -> Arrays:
    if not ((place >= 0) & (place < faces)).all():
        raise _error(label, "it names triangles that the head does not have")
    known = np.abs(weight).sum(1) > 0
    proper = np.isfinite(weight).all() and np.abs(weight[known].sum(1) - 1).max(initial=0) < 1e-3
    if not proper or not known[CONTOUR:].all():
        raise _error(label, "its weights do not add up to one")
    return {"faces": place.astype(np.int32), "weights": weight.astype(np.float32)}


def _error(label: str, why: str) -> InputError:
    return InputError(
        "head.landmarks",
        f"{label} cannot be used for landmarks: {why}.",
        "Give FLAME's landmark embedding (iBUG's 68 or 51 points), or leave it out.",
    )
