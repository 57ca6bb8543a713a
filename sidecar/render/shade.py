# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a head mesh under a small studio: key, fill and rim lamps and a soft sky.

Shading happens in linear light; colours come in and go out as sRGB. The lamps are fixed to the
camera, so that every picture of a series is lit alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, Float64Array, FloatArray, Int32Array, UInt8Array
from ...shared.camera import Camera
from ...shared.head import REGIONS, HeadModel
from ..raster import occlusion
from ..raster.colour import PAPER, over, srgb_to_linear, straight_srgb
from ..raster.mesh import corner_weights, face_cross, fill, project, to_camera, vertex_normals
from ..raster.parallel import run_rows

LAMPS = np.array(
    [
        # Each lamp: its direction (x right, y down, z away from the camera) and linear colour.
        [-0.52, -0.66, -0.66, 1.10, 1.04, 0.97],  # key
        [0.85, -0.05, -0.60, 0.17, 0.19, 0.22],  # fill
        [0.75, -0.45, 0.62, 0.45, 0.48, 0.54],  # rim, right
        [-0.85, -0.30, 0.62, 0.26, 0.26, 0.28],  # rim, left
    ]
)
LAMPS[:, :3] /= np.linalg.norm(LAMPS[:, :3], axis=1, keepdims=True)
SKY = np.array([0.36, 0.37, 0.39])
"""Light from above, linear."""
GROUND = np.array([0.14, 0.125, 0.12])
"""Light from below, linear, as a floor reflects it."""

KEY_HALF_ANGLE_RAD = 0.16
KEY_RAYS = 5
SKY_RAYS = 26
MOUTH_FADE_M = 0.022
"""The light inside the mouth falls to 1 / e over this distance behind the lips."""
TEETH_LIT_M, TEETH_FADE_M = 0.014, 0.009
"""The front teeth, up to the first distance from the lips' middle, are in full light. Behind them
it falls to 1 / e over the second, since the cheeks shade the other teeth."""
LEAST_LIGHT = {
    "mouth": 0.4,
    "teeth": 0.38,
    "tongue": 0.25,
    "sclera": 0.3,
    "iris": 0.3,
    "pupil": 0.3,
}
"""The least share of sky and key light on these regions: the depth maps are too coarse for the gap
between lips or lids through which they are lit."""
_UP = np.array([0.0, -1.0, 0.0])
"""Up, in the camera's axes."""
SHARP_EXPONENT = 200.0
"""A gloss at least as sharp mirrors the key lamp alone: a wet eye has one catch light. The other
lamps are large and soft, and would stand on the white like lamps of its own."""

# Specular strength, exponent, and how far light wraps through the skin, by region.
_GLOSS = {
    "skin": (0.045, 22.0, 1.0),
    "brow": (0.01, 12.0, 0.4),
    "lip": (0.10, 38.0, 1.0),
    "mouth": (0.08, 40.0, 1.0),
    "teeth": (0.30, 90.0, 0.3),
    "tongue": (0.16, 36.0, 1.0),
    "sclera": (0.80, 420.0, 0.3),
    "iris": (1.20, 420.0, 0.2),
    "pupil": (1.20, 420.0, 0.0),
    "lash": (0.02, 12.0, 0.0),
}
GLOSS = np.array([_GLOSS[name] for name in REGIONS])  # (regions, 3)
_INSIDE = [REGIONS.index(name) for name in ("mouth", "teeth", "tongue")]
_EYE = [REGIONS.index(name) for name in ("sclera", "iris", "pupil")]

CLAY_SRGB = (0.76, 0.70, 0.66)

# A vertex's shading attributes, by column.
_RED, _NORMAL, _OPEN, _LIT, _GLOSS_AT, _INNER, _WIDTH = 0, 3, 6, 7, 8, 11, 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawOptions:
    """How a mesh is drawn. background: sRGB 0..1, or None for a transparent picture. samples: per
    pixel and axis. occlusion: soft shadows and darkened hollows. sky: (V,) the `share_of_sky` of
    these vertices or of a pose near theirs; None computes it. key_rays: directions to the key
    lamp. clay: one colour for skin, brows and lips. exposure: factor on all light."""

    background: tuple[float, float, float] | None = PAPER
    samples: int = 3
    occlusion: bool = True
    sky: Float32Array | None = None
    key_rays: int = KEY_RAYS
    clay: bool = False
    exposure: float = 1.0


def draw_head(
    vertices: FloatArray, head: HeadModel, camera: Camera, options: DrawOptions | None = None
) -> UInt8Array:
    """Draws a head as (H, W, 4) uint8 sRGB with straight alpha. vertices: (V, 3) metres."""
    colour = head.colour
    if options is not None and options.clay:
        plain = np.isin(head.region, [REGIONS.index(n) for n in ("skin", "brow", "lip", "lash")])
        colour = np.where(plain[:, None], np.array(CLAY_SRGB, np.float32), colour)
    return draw_mesh(vertices, head.faces, colour, head.region, camera, options)


def draw_mesh(
    vertices: FloatArray,
    faces: Int32Array,
    colour: FloatArray,
    region: UInt8Array,
    camera: Camera,
    options: DrawOptions | None = None,
) -> UInt8Array:
    """Draws any mesh as (H, W, 4) uint8 sRGB with straight alpha. vertices: (V, 3) metres;
    colour: (V, 3) sRGB 0..1; region: (V,) index into `REGIONS`. Both sides of a face are lit."""
    options = options or DrawOptions()
    light = light_mesh(vertices, faces, colour, region, camera, options).light
    if options.background is None:
        return straight_srgb(light)
    opaque = np.full((*light.shape[:2], 1), 255, np.uint8)
    return np.concatenate([over(light, options.background), opaque], -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LitMesh:
    """light: (H, W, 4) float32 linear, premultiplied by alpha. face: (H * samples, W * samples)
    int32, which face each sample of a pixel sees, `EMPTY` for none. screen: the vertices as
    `mesh.project` gives them."""

    light: Float32Array
    face: Int32Array
    screen: Float64Array
    samples: int


def light_mesh(
    vertices: FloatArray,
    faces: Int32Array,
    colour: FloatArray,
    region: UInt8Array,
    camera: Camera,
    options: DrawOptions,
) -> LitMesh:
    """Computes the light that reaches the camera from a mesh. Arguments as those of `draw_mesh`."""
    faces = np.ascontiguousarray(faces, np.int32)
    points = to_camera(vertices, camera)
    attributes = _attributes(points, faces, colour, region, options)
    screen = project(points, camera)
    face, nearness = fill(screen, faces, camera, samples=options.samples)
    out = np.zeros((camera.height, camera.width, 4), np.float32)
    label = region[faces[:, 0]]

    def shade(first: int, stop: int) -> None:
        _shade(
            first,
            stop,
            face,
            nearness,
            screen,
            faces,
            points,
            attributes,
            label,
            LAMPS,
            SKY,
            GROUND,
            options.samples,
            options.exposure,
            camera.orthographic,
            out,
        )

    run_rows([shade], camera.height)
    return LitMesh(light=out, face=face, screen=screen, samples=options.samples)


def _attributes(
    points: Float64Array,
    faces: Int32Array,
    colour: FloatArray,
    region: UInt8Array,
    options: DrawOptions,
) -> Float32Array:
    """(V, _WIDTH) the shading attributes of each vertex."""
    normals = vertex_normals(points, faces)
    attributes = np.empty((len(points), _WIDTH), np.float32)
    attributes[:, _RED:_NORMAL] = srgb_to_linear(np.clip(colour, 0, 1))
    attributes[:, _NORMAL:_OPEN] = normals
    least = np.array([LEAST_LIGHT.get(name, 0.0) for name in REGIONS])[region]
    for column, seen in zip(
        (_OPEN, _LIT), _light_reaching(points, faces, normals, options), strict=True
    ):
        attributes[:, column] = least + (1 - least) * seen
    attributes[:, _GLOSS_AT:_INNER] = GLOSS[region]
    attributes[:, _INNER] = _hollow_light(points, region)
    return attributes


def _light_reaching(
    points: Float64Array, faces: Int32Array, normals: Float64Array, options: DrawOptions
) -> tuple[Float32Array, Float32Array]:
    """(V,) and (V,) the shares of the sky and of the key lamp that each vertex sees."""
    if not options.occlusion:
        ones = np.ones(len(points), np.float32)
        return ones, ones
    sky = share_of_sky(points, faces, normals) if options.sky is None else options.sky
    lamp = occlusion.cone_directions(LAMPS[0, :3], KEY_HALF_ANGLE_RAD, options.key_rays)
    return sky, _smooth(occlusion.visibility(points, faces, lamp).mean(0), faces)


def share_of_sky(points: Float64Array, faces: Int32Array, normals: Float64Array) -> Float32Array:
    """(V,) the share of the sky that each vertex (V, 3) sees past the mesh."""
    directions = occlusion.sphere_directions(SKY_RAYS)
    facing = np.maximum(directions @ normals.T, 0)  # (D, V)
    seen = occlusion.visibility(points, faces, directions)
    return _smooth((seen * facing).sum(0) / np.maximum(facing.sum(0), 1e-9), faces)


def _smooth(seen: FloatArray, faces: Int32Array) -> Float32Array:
    """Averages with the neighbours, so that the edges of shadows do not crawl as a head turns."""
    return occlusion.neighbour_mean(seen.astype(np.float32)[:, None], faces)[:, 0]


def _hollow_light(points: Float64Array, region: UInt8Array) -> FloatArray:
    """(V,) factor on the light: 1 on the skin; inside the mouth it falls off with the distance
    behind the lips' middle, on the eyeballs towards the lids. The depth maps are too coarse for
    both."""
    light = np.ones(len(points))
    lips = region == REGIONS.index("lip")
    inside = np.isin(region, _INSIDE)
    if lips.any() and inside.any():
        distance = np.linalg.norm(points[inside] - points[lips].mean(0), axis=1)
        teeth = region[inside] == REGIONS.index("teeth")
        lit = np.where(teeth, TEETH_LIT_M, 0.5 * MOUTH_FADE_M)
        fade = np.where(teeth, TEETH_FADE_M, MOUTH_FADE_M)
        light[inside] = np.exp(-np.maximum(distance - lit, 0) / fade)
    eye = np.isin(region, _EYE)
    skin = region == REGIONS.index("skin")
    if eye.any() and skin.any():
        light[eye] = occlusion.lid_shade(points, eye, skin, _UP)
    return light


@njit(cache=True, nogil=True)
def _is_plain(face, nearness, label, top, left, samples):  # pragma: no cover - compiled
    """Whether all samples of a pixel see one region without a step in depth, so that one shaded
    sample is enough."""
    first = face[top, left]
    if first < 0:
        return False
    near = far = nearness[top, left]
    for dy in range(samples):
        for dx in range(samples):
            index = face[top + dy, left + dx]
            if index < 0 or label[index] != label[first]:
                return False
            value = nearness[top + dy, left + dx]
            near, far = max(near, value), min(far, value)
    return near - far < 0.004 * abs(near)


@njit(cache=True, nogil=True)
def _shade(
    first,
    stop,
    face,
    nearness,
    screen,
    faces,
    points,
    attributes,
    label,
    lamps,
    sky,
    ground,
    samples,
    exposure,
    orthographic,
    out,
):  # pragma: no cover - compiled
    """Shades the rows first to stop - 1: linear light premultiplied by alpha. In pixels with an
    edge every sample is shaded."""
    values = np.empty(attributes.shape[1])
    light = np.empty(3)
    middle = samples // 2
    for row in range(first, stop):
        for column in range(out.shape[1]):
            top, left = row * samples, column * samples
            if _is_plain(face, nearness, label, top, left, samples):
                low, high, share = middle, middle + 1, 1.0
            else:
                low, high, share = 0, samples, 1.0 / (samples * samples)
            for dy in range(low, high):
                for dx in range(low, high):
                    index = face[top + dy, left + dx]
                    if index < 0:
                        continue
                    x = (left + dx + 0.5) / samples
                    y = (top + dy + 0.5) / samples
                    corners = faces[index]
                    weights = corner_weights(screen, corners, x, y)
                    for k in range(values.shape[0]):
                        values[k] = (
                            weights[0] * attributes[corners[0], k]
                            + weights[1] * attributes[corners[1], k]
                            + weights[2] * attributes[corners[2], k]
                        )
                    _light_sample(
                        points, corners, weights, values, lamps, sky, ground, orthographic, light
                    )
                    for k in range(3):
                        # A soft shoulder, so that highlights never clip hard.
                        value = light[k] * exposure
                        if value > 0.75:
                            value = 0.75 + 0.25 * (1.0 - np.exp((0.75 - value) / 0.25))
                        out[row, column, k] += share * value
                    out[row, column, 3] += share


@njit(cache=True, nogil=True)
def _light_sample(
    points, corners, weights, values, lamps, sky, ground, orthographic, light
):  # pragma: no cover - compiled
    """Writes the light (3,) of one sample: Lambert with a wrap that is wider for red (a cheap
    substitute for scattering in skin), a normalised Blinn-Phong lobe with Schlick's Fresnel term,
    and a hemisphere of sky light."""
    a, b, c = corners[0], corners[1], corners[2]
    vx = -(weights[0] * points[a, 0] + weights[1] * points[b, 0] + weights[2] * points[c, 0])
    vy = -(weights[0] * points[a, 1] + weights[1] * points[b, 1] + weights[2] * points[c, 1])
    vz = -(weights[0] * points[a, 2] + weights[1] * points[b, 2] + weights[2] * points[c, 2])
    if orthographic:
        vx, vy, vz = 0.0, 0.0, -1.0
    scale = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
    vx, vy, vz = vx * scale, vy * scale, vz * scale
    nx, ny, nz = values[3], values[4], values[5]
    scale = 1.0 / max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
    ux, uy, uz = face_cross(points, a, b, c)
    if ux * vx + uy * vy + uz * vz < 0.0:  # the viewer sees the face's back
        scale = -scale
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    facing = max(nx * vx + ny * vy + nz * vz, 0.0)
    strength, exponent, wrap = values[8], values[9], values[10]
    inner = values[11]
    open_sky = values[6] * inner
    up = 0.5 - 0.5 * ny
    for k in range(3):
        # A hollow reflects light of its own colour onto itself; not in the mouth and behind the
        # lids, where the surfaces around have other colours.
        seen = inner * values[6] / (1.0 - values[k] * (1.0 - values[6]))
        light[k] = values[k] * (ground[k] + (sky[k] - ground[k]) * up) * seen
    for lamp in range(lamps.shape[0]):
        lx, ly, lz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
        toward = nx * lx + ny * ly + nz * lz
        if toward + wrap * 0.30 <= 0.0:  # as far as red wraps: most of a face for lamps behind it
            continue
        # Only the key lamp casts its own shadow; the others share the sky's.
        reach = (values[7] if lamp == 0 else 0.35 + 0.65 * values[6]) * inner
        if lamp >= 2:
            reach *= values[6]
        shine = 0.0
        if toward > 0.0 and (lamp == 0 or exponent < SHARP_EXPONENT):
            hx, hy, hz = lx + vx, ly + vy, lz + vz
            scale = 1.0 / max(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-9)
            half = max((nx * hx + ny * hy + nz * hz) * scale, 0.0)
            grazing = 1.0 - max((vx * hx + vy * hy + vz * hz) * scale, 0.0)
            fresnel = strength * (0.25 + 0.75 * grazing**5 * 6.0) if lamp >= 2 else strength
            shine = fresnel * (exponent + 8.0) * 0.04 * half**exponent * min(4.0 * toward, 1.0)
        for k in range(3):
            soft = wrap * (0.30 if k == 0 else (0.14 if k == 1 else 0.09))
            diffuse = max(toward + soft, 0.0) / ((1.0 + soft) * (1.0 + soft))
            light[k] += (values[k] * diffuse + shine) * lamps[lamp, 3 + k] * reach
    # The sky mirrored at a grazing angle: the sheen on a cheek's edge.
    edge = strength * 0.6 * (1.0 - facing) ** 4 * open_sky
    for k in range(3):
        light[k] += edge * sky[k]
