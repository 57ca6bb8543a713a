# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins the parts of the open head at the neutral adult identity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from . import hair, teeth
from .complexion import darken_mouth, tint_skin
from .lips import below_mouth
from .makehuman import BaseMesh
from .parts import LIP, MOUTH, TONGUE, Part, make_eyeball, refine_part, region_index, select
from .tears import make_tear_line

# The base mesh is cut where the neck ends: heights (metres above MakeHuman's origin) at the
# nape and at the throat (z, y), rising toward the shoulders, so that these stay out.
CUT_BACK, CUT_FRONT = (-0.07, 0.620), (0.10, 0.556)
# Quads with an edge longer than this, above this height, are split: the skull's.
COARSE_EDGE, COARSE_ABOVE = 0.0135, 0.70
CUT_RISE, CUT_RISE_FROM = 0.8, 0.050


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The head as one mesh whose vertices follow those of the base mesh."""

    base: Float64Array  # (N, 3) base mesh at the neutral adult identity
    parts: tuple[Part, ...]
    origin: Float64Array  # (3,) subtracted from every position

    @property
    def vertices(self) -> Float64Array:
        return np.concatenate([part.vertices for part in self.parts]) - self.origin

    @property
    def faces(self) -> Int64Array:
        start = np.cumsum([0] + [len(part.vertices) for part in self.parts])
        return np.concatenate([p.faces + s for p, s in zip(self.parts, start[:-1], strict=True)])

    def carry(self, displacement: Float64Array) -> Float64Array:
        """Maps a displacement of the base mesh (N, 3) linearly to the head's (V, 3)."""
        return np.concatenate([part.carry(displacement) for part in self.parts])

    def slice_of(self, prefix: str) -> Int64Array:
        """Indices of the vertices of the parts whose names begin with `prefix`."""
        start, found = 0, []
        for part in self.parts:
            if part.name.startswith(prefix):
                found.append(np.arange(start, start + len(part.vertices)))
            start += len(part.vertices)
        return np.concatenate(found)


def lip_masks(
    data: Path, mesh: BaseMesh, arkit: dict[str, Float64Array]
) -> tuple[BoolArray, BoolArray]:
    """(N,) masks of the lips' vertices, and of those that jawOpen moves as far as the lower lip."""
    lip = _sample_mask(data, mesh, "mpfb_lips.jpg", len(mesh.vertices)) > 0.5
    return lip, below_mouth(arkit["jawOpen"], lip)


def assemble(data: Path, mesh: BaseMesh, positions: Float64Array) -> Assembly:
    """Makes all parts of the head to fit the base vertices `positions` (N, 3)."""
    keep = _head_faces(mesh, positions)
    corners = mesh.faces[keep]
    surface = hair.Surface.of(
        positions, np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    )
    balls = {side: _eye_helper(mesh, side) for side in ("left", "right")}
    middle = np.mean([positions[ball].mean(0) for ball in balls.values()], axis=0)
    upper, lower = (mesh.group_vertices(f"helper-{jaw}-teeth") for jaw in ("upper", "lower"))
    parts = [
        *_soft_parts(data, mesh, positions, keep),
        *(p for side in balls for p in _eye_parts(mesh, positions, surface, balls[side], side)),
        teeth.make_teeth(positions, upper, upper=True, inset=0.0005, lift=-0.0044),
        teeth.make_teeth(positions, lower, upper=False, inset=0.0028, lift=-0.0005),
    ]
    # FLAME's template has the middle between its eyes about here.
    origin = middle - np.array([0.0, 0.02, 0.025])
    return Assembly(base=positions, parts=tuple(parts), origin=origin)


def _soft_parts(data: Path, mesh: BaseMesh, positions: Float64Array, keep: BoolArray) -> list[Part]:
    region, colour = _skin_regions(data, mesh, positions)
    trimmed = _trim(mesh, positions, keep)
    tongue = mesh.group == "helper-tongue"
    wet = np.full(len(positions), region_index("tongue"))
    lips_z = float(positions[region == region_index("lip"), 2].max())
    skin = select(mesh, trimmed, keep, "skin", region, colour)
    return [
        refine_part(
            skin, _quads_of(mesh, keep), mesh.uv[mesh.uv_faces[keep]], _skull(mesh, trimmed, keep)
        ),
        select(mesh, positions, tongue, "tongue", wet, TONGUE * darken_mouth(positions, lips_z)),
    ]


def _quads_of(mesh: BaseMesh, keep: BoolArray) -> Int64Array:
    """The kept quads (q, 4), with the vertex indices of the part that `select` makes of them."""
    return np.unique(mesh.faces[keep], return_inverse=True)[1].reshape(-1, 4)


def _skull(mesh: BaseMesh, positions: Float64Array, keep: BoolArray) -> BoolArray:
    """(q,) mask of the kept quads above the neck with an edge longer than `COARSE_EDGE`."""
    quads = positions[mesh.faces[keep]]
    edge = np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2).max(1)
    return (edge > COARSE_EDGE) & (quads[:, :, 1].mean(1) > COARSE_ABOVE)


def _eye_parts(
    mesh: BaseMesh, positions: Float64Array, surface: hair.Surface, ball: Int64Array, side: str
) -> list[Part]:
    """The eyeball, brow, both rows of lashes and the moist line of one side."""
    centre = positions[ball].mean(0)
    parts = [
        make_eyeball(positions, ball, side),
        hair.make_brow(surface, centre, 1.0 if side == "left" else -1.0, strands=460, seed=7),
    ]
    for lid, upper, strands in (("2", True, 44), ("1", False, 30)):
        strip = mesh.group_vertices(f"helper-{side[0]}-eyelashes-{lid}")
        strip = strip[~np.isin(strip, _shared_lashes(mesh, side[0]))]
        name = f"lash_{'upper' if upper else 'lower'}_{side}"
        lashes = hair.Lashes(upper=upper, name=name, strands=strands, seed=3)
        parts.append(hair.make_lashes(positions, strip, centre, lashes))
        if not upper:
            parts.append(make_tear_line(positions, strip, ball, side))
    return parts


def _eye_helper(mesh: BaseMesh, side: str) -> Int64Array:
    """Vertices of MakeHuman's helper eye without its lashes, whose groups' names begin alike."""
    ids = mesh.group_vertices(f"helper-{side[0]}-eye")
    lashes = np.unique(mesh.faces[np.char.find(mesh.group, "eyelashes") >= 0])
    return ids[~np.isin(ids, lashes)]


def _shared_lashes(mesh: BaseMesh, side: str) -> Int64Array:
    """Vertices that both strips of one eye use (the obj file switches group between them)."""
    one = mesh.group_vertices(f"helper-{side}-eyelashes-1")
    return np.intersect1d(one, mesh.group_vertices(f"helper-{side}-eyelashes-2"))


def _cut_height(positions: Float64Array) -> Float64Array:
    """Height (N,) of the cut under each vertex."""
    (z0, y0), (z1, y1) = CUT_BACK, CUT_FRONT
    slope = y0 + (positions[:, 2] - z0) * (y1 - y0) / (z1 - z0)
    return slope + CUT_RISE * np.maximum(0, np.abs(positions[:, 0]) - CUT_RISE_FROM)


def _head_faces(mesh: BaseMesh, positions: Float64Array) -> BoolArray:
    """Faces (Q,) of the body with a corner above the cut."""
    above = (positions[:, 1] > _cut_height(positions)) & (positions[:, 1] > 0.5)
    return (mesh.group == "body") & above[mesh.faces].any(1)


def _trim(mesh: BaseMesh, positions: Float64Array, keep: BoolArray) -> Float64Array:
    """Moves vertices below the cut along their edges up to it, so that the border is clean."""
    height = positions[:, 1] - _cut_height(positions)
    corners = mesh.faces[keep]
    edges = np.concatenate([corners[:, [k, (k + 1) % 4]] for k in range(4)])
    edges = np.concatenate([edges, edges[:, ::-1]])
    low, high = edges[(height[edges[:, 0]] <= 0) & (height[edges[:, 1]] > 0)].T
    share = (height[high] / (height[high] - height[low]))[:, None]
    crossing = positions[high] + share * (positions[low] - positions[high])
    total, count = np.zeros_like(positions), np.zeros((len(positions), 1))
    np.add.at(total, low, crossing)
    np.add.at(count, low, 1.0)
    # A corner of a face that only touches the cut has no crossing edge: it goes to its middle.
    trimmed = np.where(count > 0, total / np.maximum(count, 1), positions)
    for quad in corners[(height[corners] <= 0).any(1)]:
        for corner in quad[(height[quad] <= 0) & (count[quad, 0] == 0)]:
            trimmed[corner] = trimmed[quad[(height[quad] > 0) | (count[quad, 0] > 0)]].mean(0)
    return trimmed


def _skin_regions(
    data: Path, mesh: BaseMesh, positions: Float64Array
) -> tuple[UInt8Array, Float64Array]:
    """Region (N,) and colour (N, 3) of the body's vertices, from MakeHuman's UV masks."""
    lips = _sample_mask(data, mesh, "mpfb_lips.jpg", len(positions))
    inside = _sample_mask(data, mesh, "mpfb_inside-mouth.jpg", len(positions))
    region = np.full(len(positions), region_index("skin"))
    region[lips > 0.5] = region_index("lip")
    region[inside > 0.5] = region_index("mouth")
    skin = tint_skin(positions, positions[_eye_helper(mesh, "left")].mean(0))
    colour = skin * (1 - lips[:, None]) + LIP * lips[:, None]
    mouth = MOUTH * darken_mouth(positions, float(positions[lips > 0.5, 2].max()))
    colour = colour * (1 - inside[:, None]) + mouth * inside[:, None]
    return region, colour


def _sample_mask(data: Path, mesh: BaseMesh, name: str, vertices: int) -> Float64Array:
    """Mean of a UV mask (0..1) over each vertex's corners."""
    import cv2

    image = np.asarray(cv2.imread(str(data / "mpfb2/textures" / name), cv2.IMREAD_GRAYSCALE))
    image = cv2.GaussianBlur(image, (0, 0), 3).astype(np.float64) / 255
    size = np.array([image.shape[1], image.shape[0]])
    pixel = (mesh.uv * [1, -1] + [0, 1]) * (size - 1)
    x, y = np.clip(pixel.round().astype(int), 0, size - 1).T
    value = image[y, x]
    total, count = np.zeros(vertices), np.zeros(vertices)
    body = mesh.group == "body"
    np.add.at(total, mesh.faces[body].ravel(), value[mesh.uv_faces[body].ravel()])
    np.add.at(count, mesh.faces[body].ravel(), 1)
    return total / np.maximum(count, 1)
