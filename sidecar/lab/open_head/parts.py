# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the open head: MakeHuman's (skin, tongue) and those made to fit them (eyeballs,
teeth, brows, lashes). Each part follows the base mesh by a linear map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from ....shared.head import REGIONS
from .makehuman import BaseMesh
from .subdivide import refine

Carry = Callable[[Float64Array], Float64Array]

# sRGB. Dark brows and lashes and a mid-brown iris read at any size; the skin is a mean of three.
SKIN = np.array([0.78, 0.60, 0.50])
LIP = np.array([0.70, 0.435, 0.395])
BROW = np.array([0.21, 0.14, 0.10])
LASH = np.array([0.09, 0.06, 0.05])
MOUTH = np.array([0.42, 0.16, 0.15])
TONGUE = np.array([0.72, 0.36, 0.36])
TOOTH = np.array([0.96, 0.93, 0.87])
GUM = np.array([0.68, 0.37, 0.36])
SCLERA = np.array([0.93, 0.91, 0.89])
IRIS_RIM = np.array([0.13, 0.08, 0.05])
IRIS = np.array([0.40, 0.25, 0.13])
PUPIL = np.array([0.02, 0.02, 0.02])


# Share of the helper eye's radius: a squint and a raised cheek together press the lower lid
# 0.4 mm into a ball of full size.
EYEBALL = 0.970
# Degrees above and below the axis of a level gaze between which the lids' shadows grow, and how
# dark they are. The upper lid's edge lies 20 degrees above the axis, the lower one's 27 below it.
UPPER_SHADE_DEG, UPPER_SHADE = (0.0, 24.0), 0.6
LOWER_SHADE_DEG, LOWER_SHADE = (16.0, 34.0), 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """vertices (n, 3) metres; faces (m, 3); uv (m, 3, 2); region (n,); colour (n, 3) sRGB;
    carry maps a displacement of the base mesh (N, 3) to this part's (n, 3), linearly."""

    name: str
    vertices: Float64Array
    faces: Int64Array
    uv: Float64Array
    region: UInt8Array
    colour: Float64Array
    carry: Carry


def region_index(name: str) -> np.uint8:
    """Label of a region in `HeadModel.region`."""
    return np.uint8(REGIONS.index(name))


def select(
    mesh: BaseMesh,
    positions: Float64Array,
    keep: BoolArray,
    name: str,
    region: UInt8Array,
    colour: Float64Array,
) -> Part:
    """The base mesh's quads `keep` (Q,) as a part of triangles. region: (N,) and colour: (N, 3) of
    all base vertices."""
    used = np.unique(mesh.faces[keep])
    lookup = np.full(len(positions), -1)
    lookup[used] = np.arange(len(used))
    corners, uv = mesh.faces[keep], mesh.uv[mesh.uv_faces[keep]]
    faces = np.concatenate([lookup[corners[:, [0, 1, 2]]], lookup[corners[:, [0, 2, 3]]]])
    uvs = np.concatenate([uv[:, [0, 1, 2]], uv[:, [0, 2, 3]]])
    solid = (
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    )
    return Part(
        name=name,
        vertices=positions[used],
        faces=faces[solid],
        uv=uvs[solid],
        region=region[used],
        colour=colour[used],
        carry=lambda d: d[used],
    )


def refine_part(part: Part, quads: Int64Array, uv: Float64Array, zone: BoolArray) -> Part:
    """Splits the part's quads of `zone` (q,) in four by `subdivide.refine`."""
    finer = refine(part.vertices, quads, uv, zone)

    def extend(values: Float64Array) -> Float64Array:
        return np.concatenate([values, values[finer.corners].mean(1)])

    vertices = extend(part.vertices)
    vertices[len(part.vertices) :] += finer.offset
    return Part(
        name=part.name,
        vertices=vertices,
        faces=finer.faces,
        uv=finer.uv,
        region=np.concatenate([part.region, part.region[finer.corners[:, 0]]]),
        colour=extend(part.colour),
        carry=lambda d: extend(part.carry(d)),
    )


def eyeball_sphere(positions: Float64Array, helper: Int64Array) -> tuple[Float64Array, float]:
    """Centre (3,) and radius, metres, of the eyeball in place of MakeHuman's eye helper (n,)."""
    points = positions[helper]
    centre = points.mean(0)
    return centre, EYEBALL * float(np.linalg.norm(points - centre, axis=1).mean())


def make_eyeball(
    positions: Float64Array, helper: Int64Array, side: str, segments: int = 24
) -> Part:
    """Makes a sphere with cornea, iris and pupil in place of MakeHuman's eye helper (n,).

    It follows the helper by translation and uniform scale, so that it stays a ball.
    """
    points = positions[helper]
    centre, radius = eyeball_sphere(positions, helper)
    # Angles from the pupil's axis; rings lie close together where a colour ends.
    pupil, iris = np.radians([9.5, 24.0])
    rings = np.concatenate(
        [
            np.linspace(0.25, 1.0, 3) * pupil,
            [pupil * 1.04],
            np.linspace(pupil * 1.3, iris * 0.95, 5),
            [iris, iris * 1.07],
            np.radians([30, 38, 48, 60, 75, 90, 110, 135, 160]),
        ]
    )
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.stack([np.cos(around), np.sin(around)], 1)
    # The cornea stands out of the ball by a twentieth of its radius.
    bulge = 1 + 0.05 * np.exp(-((rings / np.radians(17)) ** 2))
    shell = np.stack(
        [
            np.outer(np.sin(rings) * bulge, ring[:, 0]).ravel(),
            np.outer(np.sin(rings) * bulge, ring[:, 1]).ravel(),
            np.repeat(np.cos(rings) * bulge, segments),
        ],
        1,
    )
    unit = np.concatenate([[[0, 0, 1.05]], shell, [[0, 0, -1.0]]])
    angle = np.concatenate([[0.0], np.repeat(rings, segments), [np.pi]])
    faces = _sphere_faces(len(rings), segments)
    region = np.where(angle <= pupil * 1.01, region_index("pupil"), region_index("sclera"))
    region = np.where((angle > pupil * 1.01) & (angle <= iris * 1.01), region_index("iris"), region)
    # Fine streaks run through the iris; without them it looks like a sticker.
    theta = np.concatenate([[0.0], np.tile(around, len(rings)), [0.0]])
    streak = 0.82 + 0.18 * np.sin(theta * 13) * np.sin(theta * 5 + 1)
    depth = np.clip((angle - pupil) / (iris - pupil), 0, 1)[:, None]
    iris_colour = IRIS * streak[:, None] * (1.25 - 0.55 * depth)
    iris_colour = np.where(depth > 0.9, IRIS_RIM, iris_colour)
    # Toward the lids the white turns pink.
    pink = np.clip((angle - np.radians(35)) / np.radians(60), 0, 1)[:, None]
    white = SCLERA * (1 - pink) + np.array([0.85, 0.66, 0.62]) * pink
    colour = np.where((region == region_index("pupil"))[:, None], PUPIL, white)
    colour = np.where((region == region_index("iris"))[:, None], iris_colour, colour)
    colour = np.where((region == region_index("pupil"))[:, None], colour, colour * _lid_shade(unit))
    uv_point = 0.5 + 0.5 * unit[:, :2] * (angle / np.pi)[:, None]
    offset = points - centre
    spread = float((offset**2).sum())

    def carry(displacement: Float64Array) -> Float64Array:
        moved = displacement[helper]
        growth = (offset * moved).sum() / spread
        return moved.mean(0) + growth * radius * unit

    return Part(
        name=f"eye_{side}",
        vertices=centre + radius * unit,
        faces=faces,
        uv=uv_point[faces],
        region=region.astype(np.uint8),
        colour=np.clip(colour, 0, 1),
        carry=carry,
    )


def _lid_shade(directions: Float64Array) -> Float64Array:
    """(n, 1) shares of light that the lids leave to points of an eyeball in these directions (n, 3)
    from its centre: the upper lid with its lashes throws a shadow, the lower one a hint of it."""
    height = np.degrees(np.arcsin(directions[:, 1:2] / np.linalg.norm(directions, axis=1)[:, None]))
    above = np.clip((height - UPPER_SHADE_DEG[0]) / np.ptp(UPPER_SHADE_DEG), 0, 1)
    below = np.clip((-height - LOWER_SHADE_DEG[0]) / np.ptp(LOWER_SHADE_DEG), 0, 1)
    return 1 - UPPER_SHADE * above**1.5 - LOWER_SHADE * below


def _sphere_faces(rings: int, segments: int) -> Int64Array:
    """Outward triangles of a ball: a pole, `rings` rings of `segments` points, the other pole."""
    i = np.arange(segments)
    j = (i + 1) % segments
    last = 1 + (rings - 1) * segments
    faces = [np.stack([np.zeros_like(i), 1 + i, 1 + j], 1)]
    for r in range(rings - 1):
        a, b = 1 + r * segments, 1 + (r + 1) * segments
        faces += [np.stack([a + i, b + i, b + j], 1), np.stack([a + i, b + j, a + j], 1)]
    faces.append(np.stack([last + i, np.full_like(i, last + segments), last + j], 1))
    return np.concatenate(faces)


def affine_carry(positions: Float64Array, helper: Int64Array, points: Float64Array) -> Carry:
    """A map by which `points` follow the helper's best affine map (least squares)."""
    centre = positions[helper].mean(0)
    basis = np.c_[positions[helper] - centre, np.ones(len(helper))]
    weights = np.c_[points - centre, np.ones(len(points))] @ np.linalg.pinv(basis)
    return lambda displacement: weights @ displacement[helper]


def barycentric_carry(corners: Int64Array, weights: Float64Array) -> Carry:
    """A map by which points follow base triangles `corners` (n, 3) with `weights` (n, 3)."""
    return lambda displacement: np.einsum("nk,nkd->nd", weights, displacement[corners])
