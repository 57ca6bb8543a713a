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
from scipy.spatial.transform import Rotation

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera, camera_axis, camera_centre
from ..raster.gaussians import Gaussians
from .ply import Columns, encode_ply
from .refusals import AGAIN, Refusal, broken
from .side_look import SideLook, in_turned_axes, seen_share

DC = 0.28209479177387814
"""The zeroth spherical harmonic: colour = 0.5 + DC * f_dc."""
MEAN, COLOUR = ("x", "y", "z"), ("f_dc_0", "f_dc_1", "f_dc_2")
SCALE, ROTATION = ("scale_0", "scale_1", "scale_2"), ("rot_0", "rot_1", "rot_2", "rot_3")
MAX_MAGNITUDE = 1e6
"""Metres, logarithms, logits and quaternions all stay far below this."""
HEAD_LOG_SCALE, SCENE_LOG_SCALE = 2.0, 9.0
"""exp(2) m is far above a head; a scene's sky may be kilometres wide. Past these it is damage."""
LEAST_LOG_SCALE = -60.0  # far below an atom, still above 0 in single precision
_MOST_LOGIT = 80.0
_LEAST_LENGTH = 1e-6  # of a quaternion; shorter ones say nothing
_REST_COUNTS = {0: 0, 9: 3, 24: 8, 45: 15}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Splats(Gaussians):
    """Gaussians whose colours may depend on the direction of sight, as in 3DGS. colours: (N, 3)
    sRGB 0..1, or with harmonics the zeroth one alone, which may lie outside. harmonics:
    (N, K, 3), K = 3, 8 or 15, coefficients of the spherical harmonics of degree 1 to 3 in 3DGS's
    order and signs, for directions in the world; or None. side_look: what is added to the colours
    from one side, or None."""

    means: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    harmonics: Float32Array | None = None
    side_look: SideLook | None = None

    def seen_by(self, camera: Camera) -> Gaussians:
        """The Gaussians with the colours that the camera sees, see `seen_colours`."""
        return self.carrying(np.ascontiguousarray(seen_colours(self, camera)))


def seen_colours(splats: Splats, camera: Camera) -> Float32Array:
    """(N, 3) sRGB, at least 0: `colours`, plus the harmonics in the direction from the camera to
    each Gaussian (Kerbl et al. 2023, 3DGS), plus the look from the camera's side."""
    colours = _without_side(splats, camera)
    look = splats.side_look
    share = 0.0 if look is None else seen_share(look, splats.means, camera)
    if look is None or share == 0:
        return colours
    colours = colours.copy()
    colours[look.gaussian] = np.maximum(colours[look.gaussian] + share * look.colours, 0)
    return colours


def _without_side(splats: Splats, camera: Camera) -> Float32Array:
    """The same without the look."""
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
    columns: Columns, name: str, *, most_log_scale: float, plain_colour: bool = False
) -> Splats:
    """Decodes Gaussians from a PLY's columns; `name` is what errors call the file. plain_colour:
    f_dc is the colour itself, 0..1, without harmonics. An opacity of +inf is opaque, of -inf
    transparent; a scale of -inf is flat, as is the third of a PLY that has but two (2DGS's discs).
    Raises InputError `avatar.ply`."""
    rotation = _stack(columns, ROTATION, name)
    flat = SCALE[2] not in columns and SCALE[1] in columns
    log_scale = _stack(columns, SCALE[:2] if flat else SCALE, name, infinite=(-np.inf,))
    if flat:
        log_scale = np.pad(log_scale, ((0, 0), (0, 1)), constant_values=LEAST_LOG_SCALE)
    if (np.linalg.norm(rotation.astype(np.float64), axis=1) < _LEAST_LENGTH).any():
        raise broken(name, "a rotation is empty")
    if log_scale.max() > most_log_scale:
        raise broken(name, "a Gaussian is far too large")
    opacity = _stack(columns, ("opacity",), name, infinite=(-np.inf, np.inf))[:, 0]
    colour = _stack(columns, COLOUR, name)
    found = Splats(
        means=_stack(columns, MEAN, name),
        quaternions=rotation,
        scales=np.exp(np.maximum(log_scale, np.float32(LEAST_LOG_SCALE))),
        opacities=logistic(opacity),
        colours=colour if plain_colour else np.float32(0.5) + np.float32(DC) * colour,
        harmonics=None if plain_colour else _harmonics(columns, name),
    )
    if plain_colour:
        found = replace(found, colours=np.clip(colour, 0, 1))
    return checked(found, name, most_log_scale=most_log_scale)


def checked(
    found: Splats, name: str, refuse: Refusal = broken, *, most_log_scale: float = SCENE_LOG_SCALE
) -> Splats:
    """Gaussians as a file of any format has them, made usable: quaternions get length 1 (empty ones
    turn nothing), flat axes the least scale, and colours without harmonics are at least 0. Raises
    what `refuse` makes for values that are not numbers or far too large."""
    numbers = [found.means, found.quaternions, found.scales, found.opacities, found.colours]
    if found.harmonics is not None:
        numbers.append(found.harmonics)
    # Written so that a value that is no number fails.
    if not all(v.min() > -MAX_MAGNITUDE and v.max() < MAX_MAGNITUDE for v in numbers):
        raise refuse(name, "it has values that are not numbers, or far too large", AGAIN)
    most_scale = np.exp(most_log_scale) * (1 + 1e-6)  # single precision rounds
    if found.scales.min() < 0 or found.scales.max() > most_scale:
        raise refuse(name, "a Gaussian has no size, or is far too large", AGAIN)
    lengths = np.linalg.norm(found.quaternions.astype(np.float64), axis=1, keepdims=True)
    empty = lengths[:, 0] < _LEAST_LENGTH
    quaternions = (found.quaternions / np.maximum(lengths, _LEAST_LENGTH)).astype(np.float32)
    quaternions[empty] = (1, 0, 0, 0)
    colours = np.maximum(found.colours, 0) if found.harmonics is None else found.colours
    return replace(
        found,
        quaternions=quaternions,
        scales=np.maximum(found.scales, np.float32(np.exp(LEAST_LOG_SCALE))),
        colours=colours,
    )


def from_smallest_three(three: NDArray[np.floating], largest: NDArray[np.integer]) -> Float32Array:
    """(N, 4) quaternions from the three components (N, 3) that are not the largest, in their order,
    and the largest's place (N,), 0 to 3; its own value is what length 1 leaves it."""
    quaternions = np.empty((len(three), 4), np.float32)
    rest = np.sqrt(np.maximum(1 - (three**2).sum(1), 0))
    for place in range(4):
        rows = largest == place
        quaternions[np.ix_(rows, [k for k in range(4) if k != place])] = three[rows]
        quaternions[rows, place] = rest[rows]
    return quaternions


def logistic(logit: Float32Array) -> Float32Array:
    """Opacities 0..1; the infinities are exactly 0 and 1."""
    inside = np.clip(logit, -_MOST_LOGIT, _MOST_LOGIT)
    opacities = (1 / (1 + np.exp(-inside))).astype(np.float32)
    opacities[logit == -np.inf] = 0
    return opacities


def _stack(
    columns: Columns, names: tuple[str, ...], name: str, *, infinite: tuple[float, ...] = ()
) -> Float32Array:
    """The columns side by side, (N, len(names)). infinite: the infinities that have a meaning."""
    missing = [column for column in names if column not in columns]
    if missing:
        raise broken(
            name,
            f"the property {missing[0]} is missing, which every Gaussian has",
            "Choose a PLY of Gaussians; this one may hold a mesh or a point cloud.",
        )
    values = np.empty((len(columns[names[0]]), len(names)), np.float32)
    for place, column in enumerate(names):
        found = columns[column].astype(np.float64)
        # Written so that a value that is no number fails.
        if not ((np.abs(found) < MAX_MAGNITUDE) | np.isin(found, infinite)).all():
            raise broken(name, f"{column} has values that are not numbers, or far too large")
        values[:, place] = found
    return values


def _harmonics(columns: Columns, name: str) -> Float32Array | None:
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
    columns: Columns = {}

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
    return np.log(np.maximum(scales.astype(np.float64), np.exp(LEAST_LOG_SCALE))).astype(np.float32)


def turned_over(splats: Splats) -> Splats:
    """Turns Gaussians and their harmonics by half a turn about x: from y up to y down, or back."""
    return in_axes(splats, np.diag([1.0, -1.0, -1.0]))


def in_axes(splats: Splats, new_from_old: Float64Array) -> Splats:
    """The Gaussians and their harmonics in other axes. new_from_old: (3, 3) orthogonal; it may be a
    reflection."""
    harmonics, look = splats.harmonics, splats.side_look
    if harmonics is not None:
        change = _harmonics_change(new_from_old, harmonics.shape[1]).astype(np.float32)
        harmonics = np.ascontiguousarray(np.einsum("jk,nkc->njc", change, harmonics))
    # A Gaussian is its own image in its middle, so a reflection turns it as the rotation -M does.
    turn = Rotation.from_matrix(new_from_old * np.linalg.det(new_from_old))
    turned = turn * Rotation.from_quat(np.roll(splats.quaternions, -1, 1))
    return replace(
        splats,
        means=(splats.means @ new_from_old.T).astype(np.float32),
        quaternions=np.roll(turned.as_quat(), 1, 1).astype(np.float32),
        harmonics=harmonics,
        side_look=None if look is None else in_turned_axes(look, new_from_old),
    )


def _harmonics_change(new_from_old: Float64Array, known: int) -> Float64Array:
    """(K, K): coefficients in the new axes from those in the old. Harmonics of one degree stay
    among themselves under any turn, so a few directions tell it exactly."""
    directions = np.random.default_rng(0).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    new, old = (np.empty((64, known)) for _ in range(2))
    for place, direction in enumerate(directions):
        for basis, (x, y, z) in ((new, direction), (old, direction @ new_from_old)):
            _fill_basis(x, y, z, basis[place])
    return np.round(np.linalg.lstsq(new, old, rcond=None)[0], 12).astype(np.float64)


@njit(cache=True, nogil=True, inline="always")
def _fill_basis(x, y, z, basis):  # pragma: no cover - compiled
    """The harmonics beyond the zeroth in a direction of length 1. Inlined: as a call the colours of
    200,000 Gaussians take 18 ms instead of 7."""
    known = len(basis)
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
        _fill_basis(x, y, z, basis)
        for k in range(3):
            value = colours[i, k]
            for term in range(known):
                value += basis[term] * harmonics[i, term, k]
            out[i, k] = max(value, np.float32(0))
