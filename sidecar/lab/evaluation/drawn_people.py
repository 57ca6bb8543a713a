# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of drawn people from any side: photos to make avatars of, and the truth that no photo
gives, how the same head under the same light looks from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ....shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from ....shared.camera import Camera, look_at
from ....shared.head import REGIONS, HeadModel
from ...head.forward import layer_of
from ...raster import occlusion
from ...raster.colour import linear_to_srgb, srgb_to_linear
from ...raster.mesh import interpolate, rasterise_mesh, vertex_normals
from ...raster.oversample import magnify
from .avatar_looks import NECK_M
from .drawn_strands import (
    Piece,
    grow_beard,
    grow_hair,
    make_glasses,
    make_shirt,
    on_beard,
    on_scalp,
    unit,
)
from .people import Colour, Person, identity_of, pose_of

PHOTO_SIZE = (720, 840)
KINDS = ("skin", "eyes", "worn", "mouth", "clothes")
"""What a face of the mesh belongs to: skin and lips; eyes, brows and lashes; hair, beard and
glasses; the mouth's inside; clothes."""
_FOV_RAD, _DISTANCE_M, _TARGET_M = 0.40, 1.05, (0.0, -0.015, -0.02)
_SAMPLES = 2
_NOISE = np.random.default_rng(7).standard_normal((48, 48, 48)).astype(np.float32)
_SKY, _GROUND, _KEY = (
    np.array([0.50, 0.52, 0.56]),
    np.array([0.24, 0.21, 0.19]),
    np.array([0.95, 0.89, 0.80]),
)
_SKY_RAYS, _KEY_RAYS, _KEY_HALF_ANGLE_RAD, _WRAP = 24, 5, 0.25, 0.25
_GLOSS = {
    "skin": 0.06,
    "lip": 0.12,
    "sclera": 0.9,
    "iris": 1.1,
    "pupil": 1.1,
    "teeth": 0.3,
    "tongue": 0.2,
}
_WET = 0.5
"""A gloss at least as strong is sharp."""
_MOUTH_LIT_M, _MOUTH_FADE_M = 0.012, 0.02
_SENSOR = 0.006


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A person in one expression, everything that light meets. vertices (V, 3), faces (F, 3),
    normals (V, 3), colour (V, 3) linear, light (V, 2) shares of sky and lamp, gloss (V,), rest
    (V, 3) places on the template, kind (F,) one of `KINDS`. skin: (V',) which of the head's
    vertices, the first ones, are of its face's skin; eyes: (2, 3) their middles; lamp: (3,) the
    direction to it."""

    person: Person
    vertices: Float64Array
    faces: Int32Array
    normals: Float64Array
    colour: Float32Array
    light: Float32Array
    gloss: Float32Array
    rest: Float32Array
    kind: Int32Array
    skin: Int64Array
    eyes: Float64Array
    lamp: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """picture (H, W, 3) sRGB 0 to 1, premultiplied by alpha (H, W). Of the middle of each pixel:
    kind (H, W) one of `KINDS`, -1 nothing; rest (H, W, 3) the place on the template, metres."""

    picture: Float32Array
    alpha: Float32Array
    kind: Int32Array
    rest: Float32Array

    @property
    def face(self) -> BoolArray:
        """(H, W) the face without the inside of the mouth, as far as nothing covers it."""
        return (self.kind >= 0) & (self.kind <= KINDS.index("eyes")) & _on_face(self.rest)

    @property
    def whole(self) -> BoolArray:
        """(H, W) the head with its hair and what it wears, above the neck."""
        shown = (self.kind >= 0) & (self.kind != KINDS.index("clothes"))
        return shown & (self.rest[..., 1] > NECK_M)


def set_scene(
    person: Person,
    head: HeadModel,
    words: Mapping[str, Float32Array],
    weights: Mapping[str, float],
    *,
    dressed: bool,
) -> Scene:
    """The person with an expression, ARKit weights by name. dressed: with shoulders in a shirt."""
    shape = identity_of(person, words)
    still = layer_of(head).vertices(pose_of(person, shape, head, {}), 0, 1)[0].astype(np.float64)
    posed = (
        layer_of(head).vertices(pose_of(person, shape, head, weights), 0, 1)[0].astype(np.float64)
    )
    worn: list[Piece] = []
    if person.hair is not None:
        worn += grow_hair(head, still, person.hair, person.seed)
    if person.beard is not None:
        worn.append(grow_beard(head, posed, person.beard, person.seed))
    if person.glasses is not None:
        worn.append(make_glasses(head, still, person.glasses))
    clothes = [make_shirt(_shirt(person))] if dressed else []
    return _lit(person, head, posed, worn, clothes)


def photo_camera(person: Person, yaw_deg: float | None = None) -> Camera:
    """The photo's camera; with a yaw, the same from another side."""
    rng = np.random.default_rng(person.seed)
    pitch = float(rng.uniform(-0.06, 0.08))
    width, height = PHOTO_SIZE
    return look_at(
        target=np.array(_TARGET_M),
        distance=_DISTANCE_M,
        yaw_rad=float(np.radians(person.yaw if yaw_deg is None else yaw_deg)),
        pitch_rad=pitch,
        width=width,
        height=height,
        fov_y_rad=_FOV_RAD,
    )


def draw_photo(scene: Scene, camera: Camera) -> Float32Array:
    """(H, W, 3) sRGB 0 to 1: the person before a room out of focus, with a sensor's noise."""
    drawn = draw(scene, camera)
    rng = np.random.default_rng(500 + scene.person.seed)
    size = (camera.width, camera.height)
    room = cv2.resize(
        rng.uniform(0.25, 0.85, (7, 6, 1)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC
    )
    tint = cv2.resize(
        rng.uniform(-0.08, 0.08, (4, 4, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC
    )
    behind = np.clip(cv2.GaussianBlur(room, (0, 0), 25)[..., None] + tint, 0.03, 0.97)
    picture = drawn.picture + (1 - drawn.alpha[..., None]) * behind
    return np.clip(picture + rng.normal(0, _SENSOR, picture.shape), 0, 1).astype(np.float32)


def draw(scene: Scene, camera: Camera) -> Drawn:
    """What the camera sees. Light stays where it is in the world."""
    whole = (0, 0, camera.width, camera.height)
    seen = rasterise_mesh(scene.vertices, scene.faces, magnify(camera, whole, _SAMPLES))
    looks = (scene.normals, scene.colour, scene.light, scene.gloss[:, None])
    values = np.concatenate([*looks, scene.rest, scene.vertices], 1)
    at = interpolate(values.astype(np.float32), scene.faces, seen)
    shown = seen.face >= 0
    kind = np.where(shown, scene.kind[seen.face], -1).astype(np.int32)
    light = np.zeros((*shown.shape, 3), np.float32)
    light[shown] = _shade(scene, at[shown], kind[shown], camera)
    alpha = _shrunk(shown.astype(np.float32))
    linear = _shrunk(light) / np.maximum(alpha, 1e-6)[..., None]
    picture = np.asarray(linear_to_srgb(np.clip(linear, 0, 1)), np.float32) * alpha[..., None]
    middle = slice(_SAMPLES // 2, None, _SAMPLES)
    return Drawn(
        picture=picture,
        alpha=alpha,
        kind=kind[middle, middle],
        rest=np.ascontiguousarray(at[middle, middle, 9:12]),
    )


def _shrunk(values: Float32Array) -> Float32Array:
    size = values.shape[1] // _SAMPLES, values.shape[0] // _SAMPLES
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _lit(
    person: Person, head: HeadModel, posed: Float64Array, worn: list[Piece], clothes: list[Piece]
) -> Scene:
    pieces = [*worn, *clothes]
    starts = np.cumsum([len(posed), *(len(piece.vertices) for piece in pieces)])
    vertices = np.concatenate([posed, *(piece.vertices for piece in pieces)])
    moved = [piece.faces + start for piece, start in zip(pieces, starts[:-1], strict=True)]
    faces = np.ascontiguousarray(np.concatenate([head.faces, *moved]), np.int32)
    normals = np.concatenate([vertex_normals(posed, head.faces), *(p.normals for p in pieces)])
    colour = np.concatenate([_painted(person, head), *(p.colour for p in pieces)])
    of_head = np.array([_GLOSS.get(name, 0.02) for name in REGIONS])[head.region]
    gloss = [of_head, *(np.full(len(p.vertices), p.gloss) for p in pieces)]
    side = -0.75 if person.seed % 2 else 0.7
    lamp = unit(np.array([side, 0.55, 0.95]))
    return Scene(
        person=person,
        vertices=vertices,
        faces=faces,
        normals=normals,
        colour=np.asarray(srgb_to_linear(np.clip(colour, 0, 1)), np.float32),
        light=_light(vertices, faces, normals, head, posed, lamp),
        gloss=np.concatenate(gloss).astype(np.float32),
        rest=np.concatenate([head.template, *(p.vertices for p in pieces)]).astype(np.float32),
        kind=_kinds(head, worn, clothes),
        eyes=head.joint_regressor[3:5].astype(np.float64) @ posed,
        skin=np.flatnonzero((head.region == REGIONS.index("skin")) & _on_face(head.template)),
        lamp=lamp,
    )


def _kinds(head: HeadModel, worn: list[Piece], clothes: list[Piece]) -> Int32Array:
    """(F,) which of `KINDS` each face is."""
    region = head.region[head.faces[:, 0]]
    inside = np.isin(region, _numbers("mouth", "teeth", "tongue"))
    skin = np.isin(region, _numbers("skin", "lip"))
    outside = np.where(skin, KINDS.index("skin"), KINDS.index("eyes"))
    kinds = [np.where(inside, KINDS.index("mouth"), outside)]
    kinds += [np.full(len(piece.faces), KINDS.index("worn")) for piece in worn]
    kinds += [np.full(len(piece.faces), KINDS.index("clothes")) for piece in clothes]
    return np.concatenate(kinds).astype(np.int32)


def _numbers(*names: str) -> list[int]:
    return [REGIONS.index(name) for name in names]


def _painted(person: Person, head: HeadModel) -> Float64Array:
    """(V, 3) sRGB of the head's vertices in the person's colours."""
    colour = head.colour.astype(np.float64)
    rest = head.template.astype(np.float64)
    of = {name: head.region == REGIONS.index(name) for name in REGIONS}
    for name, wanted in (("skin", person.skin), ("lip", person.lip), ("iris", person.iris)):
        mean = colour[of[name]].mean(0)
        colour[of[name]] *= np.array(wanted) / mean
    hairy = person.hair or person.beard
    brow = np.array(hairy.colour) if hairy is not None else np.array([0.45, 0.42, 0.40])
    colour[of["brow"]] *= (0.55 * brow + 0.02) / colour[of["brow"]].mean(0)
    skin = of["skin"]
    if person.hair is not None:
        cover = (on_scalp(rest) & skin)[:, None] * 0.85
        colour = (1 - cover) * colour + cover * 0.6 * np.array(person.hair.colour)
    grey = person.stubble * 0.35 if person.beard is None or person.beard.only else 0.6
    tint = (grey * on_beard(rest) * skin)[:, None]
    dark = 0.45 * np.array(person.beard.colour if person.beard is not None else (0.3, 0.3, 0.32))
    return (1 - tint) * colour + tint * (0.35 * colour + dark)


def _light(
    vertices: Float64Array,
    faces: Int32Array,
    normals: Float64Array,
    head: HeadModel,
    posed: Float64Array,
    lamp: Float64Array,
) -> Float32Array:
    """(V, 2) the shares of the sky's and of the lamp's light that come to each vertex."""
    rays = occlusion.sphere_directions(_SKY_RAYS)
    facing = np.maximum(rays @ normals.T, 0)
    sky = (occlusion.visibility(vertices, faces, rays) * facing).sum(0) / np.maximum(
        facing.sum(0), 1e-9
    )
    cone = occlusion.cone_directions(lamp, _KEY_HALF_ANGLE_RAD, _KEY_RAYS)
    key = occlusion.visibility(vertices, faces, cone).mean(0)
    both = occlusion.neighbour_mean(np.stack([sky, key], 1).astype(np.float32), faces)
    inside = np.isin(head.region, _numbers("mouth", "teeth", "tongue"))
    eye = np.isin(head.region, _numbers("sclera", "iris", "pupil"))
    skin, lips = (head.region == REGIONS.index(n) for n in ("skin", "lip"))
    deep = np.linalg.norm(posed[inside] - posed[lips].mean(0), axis=1)
    own = both[: len(posed)]
    own[inside] = (
        np.maximum(own[inside], 0.55)
        * np.exp(-np.maximum(deep - _MOUTH_LIT_M, 0) / _MOUTH_FADE_M)[:, None]
    )
    shade = occlusion.lid_shade(posed, eye, skin, np.array([0.0, 1.0, 0.0]))
    own[eye] = np.maximum(own[eye], 0.7) * shade[:, None]
    return both


def _shade(scene: Scene, at: Float32Array, kind: Int32Array, camera: Camera) -> Float32Array:
    """(n, 3) linear light of pixels whose interpolated values are `at`."""
    normals, albedo = at[:, :3].astype(np.float64), at[:, 3:6].astype(np.float64)
    share, gloss, rest, place = at[:, 6:8], at[:, 8].astype(np.float64), at[:, 9:12], at[:, 12:15]
    pose = camera.camera_from_world
    eye = -pose[:3, :3].T @ pose[:3, 3]
    view = unit(eye - place)
    normals = unit(normals)
    normals *= np.where((normals * view).sum(1) < -0.2, -1, 1)[:, None]
    skin = kind == 0
    bump, factor = _skin_detail(scene.person, rest[skin].astype(np.float64))
    normals[skin] = unit(normals[skin] + bump)
    albedo[skin] *= factor
    up = 0.5 + 0.5 * normals[:, 1:2]
    light = albedo * (_GROUND + (_SKY - _GROUND) * up) * share[:, :1]
    toward = normals @ scene.lamp
    wrap = np.where(skin, _WRAP, 0.1)[:, None] * np.array([1.0, 0.55, 0.4])
    diffuse = np.maximum(toward[:, None] + wrap, 0) / (1 + wrap) ** 2
    light += albedo * _KEY * diffuse * share[:, 1:2]
    half = unit(scene.lamp + view)
    wet = gloss > _WET
    exponent = np.where(wet, 420.0, 26.0)
    shine = np.maximum((normals * half).sum(1), 0) ** exponent * (exponent + 8) / 60
    light += (gloss * shine * np.maximum(toward, 0))[:, None] * _KEY * share[:, 1:2] * 0.5
    return np.asarray(
        np.where(light > 0.75, 0.75 + 0.25 * (1 - np.exp((0.75 - light) / 0.25)), light), np.float32
    )


def _skin_detail(person: Person, rest: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(n, 3) what is added to the normals, and (n, 3) factors on the colour, at places (n, 3) on
    the template: pores, spots of blood, freckles, lines of age."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    shift = 0.37 * person.seed
    pores = np.stack([_noise(rest + shift + k, 0.0007) for k in range(3)], 1)
    bump = 0.05 * pores
    patch, spots = _noise(rest + shift, 0.009), _noise(rest + shift, 0.0022)
    factor = np.exp(0.05 * patch[:, None] * [0.4, 1.0, 1.0] + 0.03 * spots[:, None])
    if person.freckles:
        front = np.exp(-(((x - 0.022) / 0.022) ** 2) - ((y - 0.004) / 0.02) ** 2) * (z > 0.0)
        dots = np.clip((_noise(rest + shift, 0.0016) - 1.1) / 0.4, 0, 1) * front * person.freckles
        factor = factor * np.exp(-dots[:, None] * [0.35, 0.55, 0.7])
    if person.stubble:
        hairs = np.clip(_noise(rest - shift, 0.0005), 0, 2) * on_beard(rest) * person.stubble
        factor = factor * np.exp(-0.22 * hairs[:, None] * np.ones(3))
    if person.lines:
        depth = person.lines * _lines(rest, shift)
        factor = factor * np.exp(-depth[:, :1] * [0.55, 0.8, 0.85])
        bump = bump + np.stack([0 * x, depth[:, 1], 0 * x], 1)
    return bump, factor


def _lines(rest: Float64Array, shift: float) -> Float64Array:
    """(n, 2) how dark lines of age are, and how far they turn the skin up or down."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    bent = y + 0.0016 * _noise(rest * [1, 0.2, 0.2] + shift, 0.012)
    forehead = np.exp(-(((x - 0.0) / 0.036) ** 4) - ((y - 0.071) / 0.014) ** 4) * (z > 0)
    wave = np.cos(2 * np.pi * bent / 0.0082)
    dark = forehead * np.clip(wave - 0.55, 0, 1) * 0.9
    tilt = forehead * 0.28 * np.sin(2 * np.pi * bent / 0.0082)
    front = z > 0.005
    for start, end, width, strength in _CREASES:
        away = _from_segment(np.stack([x, y], 1), np.array(start), np.array(end))
        dark = dark + front * strength * np.exp(-((away / width) ** 2))
    return np.stack([dark, tilt], 1)


_CREASES = (
    ((0.018, -0.006), (0.031, -0.032), 0.0013, 0.55),  # from the nose's wing
    ((0.031, -0.032), (0.034, -0.052), 0.0013, 0.45),  # past the mouth's corner
    ((0.022, 0.012), (0.041, 0.012), 0.0012, 0.35),  # under the eye
    ((0.050, 0.028), (0.060, 0.034), 0.0008, 0.5),  # crow's feet
    ((0.050, 0.024), (0.061, 0.024), 0.0008, 0.5),
    ((0.050, 0.020), (0.059, 0.014), 0.0008, 0.5),
    ((0.004, 0.046), (0.005, 0.060), 0.0009, 0.4),  # between the brows
)
"""Start and end in the front view, metres from the middle; width; strength."""


def _from_segment(points: Float64Array, start: Float64Array, end: Float64Array) -> Float64Array:
    along = end - start
    share = np.clip((points - start) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def _noise(places: Float64Array, size_m: float) -> Float64Array:
    """(n,) noise of standard deviation about 0.6 that changes over `size_m`."""
    at = (places / size_m).T
    return np.asarray(map_coordinates(_NOISE, at, order=1, mode="grid-wrap"), np.float64)


def _shirt(person: Person) -> Colour:
    tone = np.random.default_rng(70 + person.seed).uniform(0.2, 0.55, 3)
    return (float(tone[0]), float(tone[1]), float(tone[2]))


def _on_face(rest: Float32Array) -> BoolArray:
    """Which places on the template (..., 3) are the face's front."""
    return (rest[..., 2] > -0.005) & (rest[..., 1] > -0.1) & (rest[..., 1] < 0.09)
