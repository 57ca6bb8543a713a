# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that one sees in a portrait's avatar, each looked for in the avatar of a drawn photo: no
networks are needed, for the landmarks are known."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.portrait import SIDES_DEG, open_shares
from affekt.sidecar.portrait.create import Portrait, portrait_steps
from affekt.sidecar.portrait.displacement import as_in_photo
from affekt.sidecar.portrait.fit import posed_vertices
from affekt.sidecar.portrait.landmarks import INNER_LIPS, HeadLandmarks
from affekt.sidecar.portrait.lids import folded_away, lash_strip, neutral_vertices
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.portrait.surface import Pieces, cut_head, neck_fade
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.mesh import interpolate, rasterise_mesh
from affekt.sidecar.raster.project import to_pixels
from affekt.sidecar.steps import finish
from fakes.landmarks import drawn_landmarks

pytestmark = pytest.mark.full
GREEN, BLUE, NAVY = (0.1, 0.75, 0.2), (0.1, 0.15, 0.95), (0.0, 0.0, 0.5)
GREY = np.array([0.299, 0.587, 0.114])
SCORES = {"jawOpen": 0.4, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}


@dataclass(frozen=True, slots=True)
class Made:
    head: HeadModel
    found: HeadLandmarks
    portrait: Portrait
    pieces: Pieces


@pytest.fixture(scope="module")
def made() -> Made:
    """A smiling head with short hair before a green wall, the inside of its mouth blue."""
    return portray(SCORES)


@pytest.fixture(scope="module")
def silent() -> Made:
    """The same with closed lips and a dark blue line between them."""
    return portray({})


def portray(weights: dict[str, float]) -> Made:
    """The avatar of the head with an expression."""
    head = read_head("open")
    found = drawn_landmarks()
    scores = np.zeros(52, np.float32)
    for name, score in weights.items():
        scores[ARKIT_NAMES.index(name)] = score
    pose = make_motion(
        expression=np.pad(head.arkit_expression @ scores, (0, 100))[None, :100].astype(np.float32),
        fps=30,
        space="open",
        jaw=(head.arkit_jaw @ scores)[None].astype(np.float32),
    )
    posed = Actor(open_avatar(head), pose).pose(0)
    camera = look_at(
        target=np.zeros(3), distance=0.9, yaw_rad=0.1, width=560, height=640, fov_y_rad=0.36
    )
    image = rasterise_gaussians(posed.gaussians.seen_by(camera), camera)
    photo = image.colour + (1 - image.alpha[..., None]) * GREEN
    points = posed.vertices[head.faces[found.faces]].mean(1)
    landmarks = to_pixels(points, camera)[:, :2].astype(np.float64)
    photo = painted(photo, head, posed.vertices, camera)
    photo = photo if weights else with_lip_line(photo, landmarks)
    seen = SeenFace(landmarks=landmarks, scores=scores, confidence=1.0)
    pixels = np.rint(255 * photo.clip(0, 1)).astype(np.uint8)
    steps = portrait_steps(pixels, seen, head, found, "drawn", camera.focal_x, neck="edge")
    portrait = finish(steps)
    change = portrait.avatar.template_change
    assert change is not None
    return Made(head, found, portrait, cut_head(head, portrait.fit.shape, change, hairy=True))


def painted(photo: np.ndarray, head: HeadModel, vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """The photo with dark hair, and the mouth's inside in blue."""
    seen = rasterise_mesh(vertices, head.faces, camera)
    rest = interpolate(head.template, head.faces, seen)
    hair = (seen.face >= 0) & ((rest[..., 1] > 0.085) | (rest[..., 2] < -0.02))
    hair &= rest[..., 1] > 0.03
    hair = cv2.dilate(hair.astype(np.uint8), np.ones((13, 13))) > 0
    hair &= (seen.face < 0) | (rest[..., 1] > 0.08) | (rest[..., 2] < -0.015)
    grain = np.random.default_rng(3).normal(0, 0.03, (*hair.shape, 1))
    photo = np.where(hair[..., None], np.array([0.25, 0.16, 0.1]) + grain, photo)
    region = head.region[head.faces[seen.face, 0]]
    inside = np.isin(region, [REGIONS.index(n) for n in ("mouth", "teeth", "tongue")])
    inside &= seen.face >= 0
    return np.where(inside[..., None], BLUE, photo)


def with_lip_line(photo: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The photo with the shadow between closed lips."""
    line = np.zeros(photo.shape[:2], np.uint8)
    middle = 0.5 * (landmarks[list(INNER_LIPS[1:10])] + landmarks[list(INNER_LIPS[:10:-1])])
    cv2.polylines(line, [np.rint(middle).astype(np.int32)], False, 1, 2)
    return np.where(line[..., None] > 0, NAVY, photo)


def test_a_shut_eye_shows_no_lashes_outside_its_lash_line(made: Made) -> None:
    pieces = made.pieces
    strip = lash_strip(pieces, made.head, made.found)
    lids = folded_away(pieces, neutral_vertices(pieces)) & ~strip
    light = made.portrait.avatar.colours[: len(lids)] @ GREY
    assert lids.sum() > 300
    # Where lashes count as skin, or lids keep what is seen of them, it is 0.65 and less.
    assert light[lids].min() > 0.7 * np.median(light[lids])


def test_no_skin_and_no_lip_has_the_colour_of_the_mouths_inside(made: Made) -> None:
    outer = np.flatnonzero(made.pieces.of("skin", "lip"))
    colours = made.portrait.avatar.colours[outer]
    assert (colours[:, 2] - colours[:, 0]).max() < 0.02


def test_lips_that_part_have_no_line_of_the_shadow_between_them(silent: Made) -> None:
    lips = np.flatnonzero(silent.pieces.of("lip"))
    colours = silent.portrait.avatar.colours[lips]
    assert (colours[:, 2] - colours[:, 0]).max() < 0.02  # the line has 0.5
    light = colours @ GREY
    assert light.min() > 0.25 * np.median(light)


def test_the_background_is_nowhere_on_the_avatar(made: Made) -> None:
    avatar = made.portrait.avatar
    assert len(avatar) > len(made.pieces.region) + 2000  # it has hair too
    shown = avatar.colours[avatar.opacities > 0.3]
    green = shown[:, 1] - shown[:, [0, 2]].max(1)
    assert green.max() < 0.1  # the wall has 0.55


def test_a_person_with_shorter_ways_is_still_as_in_the_photo(made: Made) -> None:
    """Brows 8 mm nearer to the eyes, drawn down in the photo."""
    head = made.head
    expression = np.zeros((1, 100), np.float32)
    for side in ("Left", "Right"):
        expression[0, head.expression_names.index(f"browDown{side}")] = 1
    motion = make_motion(expression=expression, fps=30, space="open")
    fit = replace(made.portrait.fit, motion=motion, shape=0 * made.portrait.fit.shape)
    change = np.zeros_like(head.template)
    change[:, 1] = -0.4 * np.clip(head.template[:, 1] - 0.024, 0, 0.02)
    own = replace(head, template=head.template + change)
    wanted = own.template + own.expression_basis @ expression[0]
    skin = head.region == REGIONS.index("skin")
    away = np.linalg.norm(posed_vertices(head, fit, change) - wanted, axis=1)[skin].max()
    found = posed_vertices(head, fit, as_in_photo(head, fit, change))
    assert away > 2e-3
    assert np.linalg.norm(found - wanted, axis=1)[skin].max() < 0.4 * away


@pytest.mark.parametrize("yaw_deg", SIDES_DEG)
def test_nothing_is_seen_through_the_head(made: Made, yaw_deg: float) -> None:
    assert open_shares(made.portrait.avatar, [yaw_deg])[0] < 0.005


def test_a_portrait_is_no_larger_than_promised(made: Made) -> None:
    assert len(made.portrait.avatar) <= 70_000


def test_a_fading_neck_shows_no_single_gaussian(made: Made) -> None:
    """Along each row of the fade the opacity is even: no strands, as of fur."""
    avatar = made.portrait.avatar
    opacities = avatar.opacities.copy()
    opacities[: len(made.pieces.region)] *= neck_fade(made.pieces).astype(np.float32)
    head = Actor(replace(avatar, opacities=opacities), made.portrait.fit.motion).pose(0).gaussians
    camera = look_at(
        target=np.array([0, -0.12, 0]), distance=1, yaw_rad=0, width=320, height=320, fov_y_rad=0.1
    )
    alpha = rasterise_gaussians(head.seen_by(camera), camera).alpha
    even = cv2.GaussianBlur(alpha, (0, 0), 8)
    fades = (even > 0.15) & (even < 0.85)
    fades[:, :90], fades[:, -90:] = False, False  # beside it lies the outline
    assert fades.sum() > 4000
    assert (
        np.abs(alpha - cv2.GaussianBlur(alpha, (25, 1), sigmaX=8, sigmaY=0.1))[fades].max() < 0.04
    )


def test_a_neck_fades_towards_its_end_alone(made: Made) -> None:
    fade = neck_fade(made.pieces)
    height = made.pieces.places[:, 1]
    assert (fade[height > -0.09] == 1).all()
    assert fade[height < np.quantile(height, 0.002)].max() < 0.3
    assert fade.min() >= 0
