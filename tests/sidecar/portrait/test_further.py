# SPDX-License-Identifier: GPL-3.0-or-later
"""A second photo, from the side, of a person whose shape and skin are known."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait import further
from affekt.sidecar.portrait.colours import Evidence
from affekt.sidecar.portrait.completion import Graph
from affekt.sidecar.portrait.create import Portrait, portrait_steps
from affekt.sidecar.portrait.displacement import displace
from affekt.sidecar.portrait.fit import Fit, Look, fit_heads
from affekt.sidecar.portrait.further import Photograph, _merged
from affekt.sidecar.portrait.landmarks import HeadLandmarks
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.portrait.surface import Pieces
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.mesh import interpolate, rasterise_mesh
from affekt.sidecar.raster.project import to_pixels
from affekt.sidecar.steps import finish
from fakes.landmarks import drawn_landmarks
from scipy.spatial.transform import Rotation

PIXELS, FOV_RAD, DISTANCE_M = 560, 0.315, 0.9
SPOT = np.array([0.065, -0.03, 0.0])
"""Of dark skin, before the left ear: from the front it is hardly seen."""


@dataclass(frozen=True, slots=True)
class Person:
    head: HeadModel
    found: HeadLandmarks
    avatar: Avatar
    front: Photograph
    side: Photograph


@pytest.fixture(scope="module")
def person() -> Person:
    """Nose and chin stand out by millimetres that no photo from the front shows; the second photo
    is darker, and the face has another expression."""
    head, found = read_head("open"), drawn_landmarks()
    plain, places = open_avatar(head), head.template

    def bump(middle: tuple[float, ...], radius: float, depth: float) -> np.ndarray:
        away = np.linalg.norm(places - middle, axis=1)
        return np.exp(-0.5 * (away / radius) ** 2)[:, None] * [0, 0, depth]

    change = bump((0, -0.02, 0.06), 0.012, 0.007) + bump((0, -0.085, 0.04), 0.015, 0.006)
    shape = np.zeros(head.shape_basis.shape[2], np.float32)
    shape[:6] = [0.6, -0.9, 0.4, 0.7, -0.5, 0.3]
    spot = np.exp(-0.5 * (np.linalg.norm(plain.means - SPOT, axis=1) / 0.012) ** 2)
    avatar = replace(
        plain,
        shape=shape,
        template_change=change.astype(np.float32),
        colours=(plain.colours * (1 - 0.7 * spot[:, None])).astype(np.float32),
    )
    return Person(
        head=head,
        found=found,
        avatar=avatar,
        front=photo(head, found, avatar, 0, {"mouthSmileLeft": 0.3}, 1.0),
        side=photo(head, found, avatar, 40, {"jawOpen": 0.15, "browInnerUp": 0.4}, 0.85),
    )


def photo(
    head: HeadModel, found: HeadLandmarks, avatar: Avatar, yaw_deg: float,
    weights: dict[str, float], light: float,
) -> Photograph:  # fmt: skip
    scores = np.zeros(52, np.float32)
    for name, weight in weights.items():
        scores[ARKIT_NAMES.index(name)] = weight
    posed = Actor(avatar, motion(head, scores)).pose(0)
    camera = look_at(
        target=np.zeros(3), distance=DISTANCE_M, yaw_rad=np.radians(yaw_deg), width=PIXELS,
        height=PIXELS, fov_y_rad=FOV_RAD,
    )  # fmt: skip
    image = rasterise_gaussians(posed.gaussians.seen_by(camera), camera)
    drawn = light * image.colour + (1 - image.alpha[..., None]) * [0.1, 0.75, 0.2]
    points = posed.vertices[head.faces[found.faces]].mean(1)
    seen = SeenFace(
        landmarks=to_pixels(points, camera)[:, :2].astype(np.float64), scores=scores, confidence=1.0
    )
    return Photograph(
        name=f"{yaw_deg:.0f}.png",
        pixels=np.rint(255 * drawn.clip(0, 1)).astype(np.uint8),
        seen=seen,
        focal_pixels=float(camera.focal_x),
    )


def motion(head: HeadModel, scores: np.ndarray):
    return make_motion(
        expression=np.pad(head.arkit_expression @ scores, (0, 100))[None, :100].astype(np.float32),
        fps=30, space="open", jaw=(head.arkit_jaw @ scores)[None].astype(np.float32),
    )  # fmt: skip


def aligned(points: np.ndarray, to: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, turn and shift that bring points onto others: no photo says how large a head is."""
    middle, other = points.mean(0), to.mean(0)
    u, values, vt = np.linalg.svd((to - other).T @ (points - middle))
    signs = np.array([1, 1, np.linalg.det(u @ vt)])
    turn = u * signs @ vt
    scale = float((values * signs).sum() / ((points - middle) ** 2).sum())
    return scale, turn, other - scale * turn @ middle


def face_of(head: HeadModel) -> np.ndarray:
    """(V,) the front of the face."""
    _, y, z = head.template.T
    return (head.region == REGIONS.index("skin")) & (z > 0) & (y > -0.1) & (y < 0.07)


def away_m(person: Person, fits: list[Fit]) -> float:
    """How far the face that is made of some photos is from the truth, on the average."""
    head, photos = person.head, (person.front, person.side)
    more = [(one.seen, fit) for one, fit in zip(photos[1:], fits[1:], strict=False)]
    change = displace(head, person.found, person.front.seen, fits[0], more)
    rest = (head.template + head.shape_basis @ fits[0].shape + change).astype(np.float64)
    truth, face = person.avatar.vertices.astype(np.float64), face_of(head)
    scale, turn, shift = aligned(rest[face], truth[face])
    moved = scale * rest[face] @ turn.T + shift
    return float(np.linalg.norm(moved - truth[face], axis=1).mean())


def test_depth_is_found_from_the_side(person: Person) -> None:
    looks = [
        Look(seen=one.seen, size=(PIXELS, PIXELS), focal_pixels=one.focal_pixels)
        for one in (person.front, person.side)
    ]
    both = fit_heads(person.head, person.found, looks)
    np.testing.assert_array_equal(both[0].shape, both[1].shape)
    assert np.degrees([fit.yaw_rad for fit in both]) == pytest.approx([0, 40], abs=2)
    jaw = both[1].motion.jaw[0, 0] - both[0].motion.jaw[0, 0]
    opened = person.head.arkit_jaw[0, ARKIT_NAMES.index("jawOpen")]
    assert jaw == pytest.approx(0.15 * opened, abs=0.03)
    one = away_m(person, fit_heads(person.head, person.found, looks[:1]))
    two = away_m(person, both)
    print(f"the face is off by {1000 * one:.2f} mm of one photo, {1000 * two:.2f} mm of two")
    assert two < 0.6 * one


def made(person: Person, *more: Photograph) -> Portrait:
    front = person.front
    return finish(
        portrait_steps(
            front.pixels, front.seen, person.head, person.found, "drawn", front.focal_pixels,
            "edge", more,
        )
    )  # fmt: skip


def psnr_db(person: Person, avatar: Avatar, yaw_deg: float) -> float:
    """Of the face at rest, laid onto the true one."""
    head = person.head
    rest = motion(head, np.zeros(52, np.float32))
    camera = look_at(
        target=np.zeros(3), distance=DISTANCE_M, yaw_rad=np.radians(yaw_deg), width=300,
        height=300, fov_y_rad=FOV_RAD,
    )  # fmt: skip
    truth, posed = Actor(person.avatar, rest).pose(0), Actor(avatar, rest).pose(0)
    face = face_of(head)
    scale, turn, shift = aligned(
        posed.vertices[face].astype(np.float64), truth.vertices[face].astype(np.float64)
    )
    found = posed.gaussians
    turned = Rotation.from_matrix(turn) * Rotation.from_quat(np.roll(found.quaternions, -1, 1))
    laid = Splats(
        means=(scale * found.means @ turn.T + shift).astype(np.float32),
        quaternions=np.roll(turned.as_quat(), 1, 1).astype(np.float32),
        scales=(scale * found.scales).astype(np.float32),
        opacities=found.opacities,
        colours=found.colours,
    )
    hit = rasterise_mesh(truth.vertices, head.faces, camera)
    at = interpolate(head.template, head.faces, hit)
    shown = (hit.face >= 0) & (np.abs(at[..., 1]) < 0.08) & (at[..., 2] > -0.03)
    wanted, drawn = (
        rasterise_gaussians(g.seen_by(camera), camera).colour[shown]
        for g in (truth.gaussians, laid)
    )
    return float(-10 * np.log10(((wanted - drawn) ** 2).mean()))


@pytest.mark.full
def test_the_side_is_nearer_to_the_truth_with_a_photo_of_it(person: Person) -> None:
    one, two = made(person), made(person, person.side)
    for yaw_deg, gain_db in ((0, -0.5), (40, 1.5), (60, 2.5)):
        figures = [psnr_db(person, portrait.avatar, yaw_deg) for portrait in (one, two)]
        print(f"at {yaw_deg} degrees {figures[0]:.1f} dB of one photo, {figures[1]:.1f} dB of two")
        assert figures[1] > figures[0] + gain_db


def evidence(trust: np.ndarray, linear: np.ndarray) -> Evidence:
    return Evidence(
        **dict.fromkeys(("trust", "plain", "shown", "rim"), trust.astype(np.float32)),
        **dict.fromkeys(("looks_lid", "looks_lip", "lip_line", "even"), np.zeros(len(trust), bool)),
        linear=linear.astype(np.float32), light=np.zeros(9), mouth_is_open=False,
        teeth=np.ones(3),
    )  # fmt: skip


def test_another_photos_skin_is_laid_beside_the_firsts_in_its_light() -> None:
    """Skin that grows redder to the right, where the first photo shows nothing."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(40.0), np.arange(12.0)))
    places = np.stack([x, y, 0 * x], 1)
    graph = Graph.of(places, np.tile([0.0, 0, 1], (len(x), 1)), np.zeros(len(x), np.int32))
    truth = np.stack([0.3 + 0.01 * x, 0.3 + 0 * x, 0.2 + 0.01 * y], 1)
    first = evidence(1.0 * (x < 20), np.where(x[:, None] < 20, truth, 0.9))
    other = evidence(1.0 * (x >= 10) * (x < 35), truth * [0.5, 0.8, 1.2])
    canvas = SimpleNamespace(skin=np.arange(len(x)), graph=graph)
    merged = _merged(canvas, first, other)
    np.testing.assert_array_equal(merged.linear[x < 20], first.linear[x < 20])
    filled = (x >= 20) & (x < 35)
    np.testing.assert_allclose(merged.linear[filled], truth[filled], rtol=0.02)
    np.testing.assert_array_equal(merged.trust, 1.0 * (x < 35))
    np.testing.assert_array_equal(merged.linear[x >= 35], first.linear[x >= 35])


def test_eyes_lips_and_neck_stay_the_first_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("skin", "lip", "sclera", "skin", "skin")
    pieces = Pieces(
        avatar=cast(Avatar, None),
        region=np.array([REGIONS.index(name) for name in names], np.int32),
        places=np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, -0.12, 0], [0, 0, 0]], float),
        normals=np.zeros((5, 3)), corners=np.zeros((5, 3), np.int32), weights=np.zeros((5, 3)),
        areas=np.ones(5), from_end=np.full(5, np.inf),
    )  # fmt: skip
    strip = np.array([False, False, False, False, True])
    frame = SimpleNamespace(person=np.ones((4, 4)))
    monkeypatch.setattr(further, "posed_vertices", lambda *given: None)
    monkeypatch.setattr(further, "hair_mask", lambda *given: None)
    monkeypatch.setattr(
        further, "gather", lambda *given: evidence(np.full(5, 0.7), np.ones((5, 3)))
    )
    canvas = SimpleNamespace(pieces=pieces, strip=strip)
    shown = further._shown(canvas, None, frame, None, None, None)
    np.testing.assert_allclose(shown.trust, [0.7, 0, 0, 0, 0])
    np.testing.assert_allclose(shown.plain, [0.7, 0, 0, 0, 0])
