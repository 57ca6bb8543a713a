# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians as 3DGS writes them into a PLY: logarithms of scales, logits of opacities, quaternions
w, x, y, z, colour as the zeroth spherical harmonic, the others channel by channel.

Source: Kerbl et al. 2023 and the files of its published code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from ...shared.camera import Camera, camera_axis, camera_centre
from ..raster.gaussians import Gaussians
from .ply import broken, encode_ply

DC = 0.28209479177387814
"""The zeroth spherical harmonic: colour = 0.5 + DC * f_dc."""
MEAN, COLOUR = ("x", "y", "z"), ("f_dc_0", "f_dc_1", "f_dc_2")
SCALE, ROTATION = ("scale_0", "scale_1", "scale_2"), ("rot_0", "rot_1", "rot_2", "rot_3")
MAX_MAGNITUDE = 1e6
"""Metres, logarithms, logits and quaternions all stay far below this."""
HEAD_LOG_SCALE, SCENE_LOG_SCALE = 2.0, 9.0
"""exp(2) m is far above a head; a scene's sky may be kilometres wide. Past these it is damage."""
_LEAST_LOG_SCALE = -60.0  # far below an atom, still above 0 in single precision
_MOST_LOGIT = 80.0
_REST_COUNTS = {0: 0, 9: 3, 24: 8, 45: 15}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Splats(Gaussians):
    """Gaussians whose colours may depend on the direction of sight, as in 3DGS. colours: (N, 3)
    sRGB 0..1, or with harmonics the zeroth one alone, which may lie outside. harmonics:
    (N, K, 3), K = 3, 8 or 15, coefficients of the spherical harmonics of degree 1 to 3 in 3DGS's
    order and signs, for directions in the world; or None."""

    means: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    harmonics: Float32Array | None = None

    def seen_by(self, camera: Camera) -> Gaussians:
        """The Gaussians with the colours that the camera sees, see `seen_colours`."""
        return self.carrying(np.ascontiguousarray(seen_colours(self, camera)))


def seen_colours(splats: Splats, camera: Camera) -> Float32Array:
    """(N, 3) sRGB, at least 0: `colours`, plus the harmonics in the direction from the camera to
    each Gaussian (Kerbl et al. 2023, 3DGS)."""
    if splats.harmonics is None:
        return splats.colours
    parallel = camera_axis(camera) if camera.orthographic else np.zeros(3)
    seen = np.empty_like(splats.colours)
    _add_harmonics(
        splats.means,
        splats.colours,
        splats.harmonics,
        camera_centre(camera).astype(np.float32),
        parallel.astype(np.float32),
        seen,
    )
    return seen


def decode_splats(
    columns: dict[str, NDArray], name: str, *, most_log_scale: float, plain_colour: bool = False
) -> Splats:
    """Decodes Gaussians from a PLY's columns; `name` is what errors call the file. plain_colour:
    f_dc is the colour itself, 0..1, without harmonics. Raises InputError `avatar.ply`."""
    rotation, log_scale = _stack(columns, ROTATION, name), _stack(columns, SCALE, name)
    lengths = np.linalg.norm(rotation.astype(np.float64), axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        raise broken(name, "a rotation is empty")
    if log_scale.max() > most_log_scale:
        raise broken(name, "a Gaussian is far too large")
    logit = np.clip(_stack(columns, ("opacity",), name)[:, 0], -_MOST_LOGIT, _MOST_LOGIT)
    colour = _stack(columns, COLOUR, name)
    harmonics = None if plain_colour else _harmonics(columns, name)
    if plain_colour:
        colour = np.clip(colour, 0, 1)
    else:
        colour = np.float32(0.5) + np.float32(DC) * colour
        colour = np.maximum(colour, 0) if harmonics is None else colour
    return Splats(
        means=_stack(columns, MEAN, name),
        quaternions=(rotation / lengths).astype(np.float32),
        scales=np.exp(np.maximum(log_scale, np.float32(_LEAST_LOG_SCALE))),
        opacities=(1 / (1 + np.exp(-logit))).astype(np.float32),
        colours=colour,
        harmonics=harmonics,
    )


def _stack(columns: dict[str, NDArray], names: tuple[str, ...], name: str) -> Float32Array:
    missing = [column for column in names if column not in columns]
    if missing:
        raise broken(
            name,
            f"the property {missing[0]} is missing, which every Gaussian has",
            "Choose a PLY of Gaussians; this one may hold a mesh or a point cloud.",
        )
    values = np.empty((len(columns[names[0]]), len(names)), np.float32)
    for place, column in enumerate(names):
        # Written so that a value that is no number fails.
        if not (np.abs(columns[column].astype(np.float64)) < MAX_MAGNITUDE).all():
            raise broken(name, f"{column} has values that are not numbers, or far too large")
        values[:, place] = columns[column]
    return values


def _harmonics(columns: dict[str, NDArray], name: str) -> Float32Array | None:
    count = sum(column.startswith("f_rest_") for column in columns)
    if count not in _REST_COUNTS:
        raise broken(name, f"it has {count} harmonics; 0, 9, 24 or 45 belong together")
    known = _REST_COUNTS[count]
    if not known:
        return None
    rest = _stack(columns, tuple(f"f_rest_{k}" for k in range(count)), name)
    return np.ascontiguousarray(rest.reshape(-1, 3, known).transpose(0, 2, 1))


def encode_splats(splats: Splats) -> bytes:
    """Encodes a 3DGS PLY of single precision."""
    columns: dict[str, NDArray] = {}

    def add(names: tuple[str, ...], values: Float32Array) -> None:
        columns.update({column: values[:, place] for place, column in enumerate(names)})

    add(MEAN, splats.means)
    add(("nx", "ny", "nz"), np.zeros_like(splats.means))
    add(COLOUR, zeroth_harmonics(splats))
    if splats.harmonics is not None:
        rest = splats.harmonics.transpose(0, 2, 1).reshape(len(splats.means), -1)
        add(tuple(f"f_rest_{k}" for k in range(rest.shape[1])), rest)
    add(("opacity",), logits(splats.opacities)[:, None])
    add(SCALE, log_scales(splats.scales))
    add(ROTATION, splats.quaternions)
    return encode_ply({key: values.astype("<f4") for key, values in columns.items()})


def zeroth_harmonics(splats: Splats) -> Float32Array:
    """(N, 3) what 3DGS calls f_dc."""
    return ((splats.colours.astype(np.float64) - 0.5) / DC).astype(np.float32)


def logits(opacities: Float32Array) -> Float32Array:
    """Inverse of the logistic function, finite at 0 and 1."""
    inside = np.clip(opacities.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside)).astype(np.float32)


def log_scales(scales: Float32Array) -> Float32Array:
    """Logarithms of standard deviations, finite at 0."""
    return np.log(np.maximum(scales.astype(np.float64), np.exp(_LEAST_LOG_SCALE))).astype(
        np.float32
    )


_FLIPS = (-1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1)
"""Sign of each harmonic beyond the zeroth when y and z change theirs."""


def turned_over(splats: Splats) -> Splats:
    """Turns Gaussians and their harmonics by half a turn about x: from y up to y down, or back."""
    w, x, y, z = splats.quaternions.T
    harmonics = splats.harmonics
    if harmonics is not None:
        harmonics = harmonics * np.array(_FLIPS, np.float32)[: harmonics.shape[1], None]
    return replace(
        splats,
        means=splats.means * np.array([1, -1, -1], np.float32),
        quaternions=np.stack([-x, w, -z, y], 1),
        harmonics=harmonics,
    )


@njit(cache=True, nogil=True)
def _add_harmonics(means, colours, harmonics, eye, parallel, out):  # pragma: no cover - compiled
    """Real spherical harmonics with 3DGS's order and signs. parallel: the one direction of sight,
    or zero where it goes from the eye to each mean."""
    count, known = means.shape[0], harmonics.shape[1]
    basis = np.zeros(15, np.float32)
    fixed = parallel[0] != 0 or parallel[1] != 0 or parallel[2] != 0
    for i in range(count):
        x, y, z = parallel
        if not fixed:
            x, y, z = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
        length = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))
        x, y, z = x / length, y / length, z / length
        basis[0] = -0.4886025119029199 * y
        basis[1] = 0.4886025119029199 * z
        basis[2] = -0.4886025119029199 * x
        xx, yy, zz = x * x, y * y, z * z
        if known > 3:
            basis[3] = 1.0925484305920792 * x * y
            basis[4] = -1.0925484305920792 * y * z
            basis[5] = 0.31539156525252005 * (2 * zz - xx - yy)
            basis[6] = -1.0925484305920792 * x * z
            basis[7] = 0.5462742152960396 * (xx - yy)
        if known > 8:
            basis[8] = -0.5900435899266435 * y * (3 * xx - yy)
            basis[9] = 2.890611442640554 * x * y * z
            basis[10] = -0.4570457994644658 * y * (4 * zz - xx - yy)
            basis[11] = 0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy)
            basis[12] = -0.4570457994644658 * x * (4 * zz - xx - yy)
            basis[13] = 1.445305721320277 * z * (xx - yy)
            basis[14] = -0.5900435899266435 * x * (xx - 3 * yy)
        for k in range(3):
            value = colours[i, k]
            for term in range(known):
                value += basis[term] * harmonics[i, term, k]
            out[i, k] = max(value, np.float32(0))
