# SPDX-License-Identifier: GPL-3.0-or-later
"""Driving an avatar: rest is rest, the head turns and the shoulders stay, Gaussians follow; every
kernel against its plain twin."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.shared.pictures import FOLLOWS, Follow
from affekt.sidecar.avatar import kernels
from affekt.sidecar.avatar.animated_mesh import (
    PosedMesh,
    chain_transforms,
    head_turns,
    joint_quaternions,
)
from affekt.sidecar.avatar.avatar import Avatar, corner_shares
from affekt.sidecar.avatar.drive import STRETCH_RANGE, Actor, PosedAvatar, _growth, face_frames
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.supports import supports_of
from affekt.sidecar.head.forward import layer_of
from fakes.head import small_head
from fakes.lam import lam_bundle
from fakes.plain_drive import (
    arkit_motion,
    covariances,
    face_frame,
    pose_rig,
    ring_frames,
    rotation_of,
    support_turns,
    wxyz,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return decode_lam_avatar(lam_bundle(), "test.zip")


def pose(
    avatar: Avatar,
    weights: np.ndarray,
    turn: tuple[float, float, float] = (0, 0, 0),
    follow: Follow | None = None,
) -> PosedAvatar:
    return Actor(avatar, arkit_motion(weights, turn), follow).pose(0)


def on_head(count: int = 60, *, binding: str = "face") -> Avatar:
    """Random Gaussians on a random head with an identity."""
    head, rng = small_head(), np.random.default_rng(2)
    places = len(head.faces) if binding == "face" else len(head.template)
    return Avatar(
        name="blob",
        surface=head,
        binding=binding,
        follow="surface",
        anchors=rng.integers(0, places, count).astype(np.int32),
        offsets=rng.normal(0, 0.01, (count, 3)).astype(np.float32),
        quaternions=wxyz(Rotation.random(count, random_state=3)).astype(np.float32),
        scales=rng.uniform(0.001, 0.01, (count, 3)).astype(np.float32),
        opacities=np.ones(count, np.float32),
        colours=np.ones((count, 3), np.float32),
        shape=rng.normal(0, 1, head.shape_basis.shape[2]).astype(np.float32),
    )


def head_take(head: HeadModel, frames: int = 3, seed: int = 5) -> Motion:
    rng = np.random.default_rng(seed)
    arrays = {
        name: rng.normal(0, 0.3, (frames, width)).astype(np.float32)
        for name, width in (
            ("jaw", 3),
            ("neck", 3),
            ("eyes", 6),
            ("rotation", 3),
            ("translation", 3),
        )
    }
    expression = rng.normal(0, 0.5, (frames, 100)).astype(np.float32)
    return make_motion(expression=expression, fps=30, space=head.space, **arrays)


@pytest.mark.parametrize("follow", FOLLOWS)
def test_rest_is_the_bundle(avatar: Avatar, follow: Follow):
    gaussians = pose(avatar, np.zeros(52), follow=follow).gaussians
    np.testing.assert_allclose(gaussians.means, avatar.vertices + avatar.offsets, atol=1e-6)
    np.testing.assert_allclose(gaussians.quaternions, avatar.quaternions, atol=1e-4)
    np.testing.assert_allclose(gaussians.scales, avatar.scales, rtol=1e-5)


def test_weights_add_linearly(avatar: Avatar):
    rng = np.random.default_rng(0)
    weights = rng.random(52).astype(np.float32)
    expected = avatar.vertices + np.einsum("k,kvc->vc", weights, avatar.surface.arkit_shapes)
    np.testing.assert_allclose(pose(avatar, weights).vertices, expected, atol=1e-6)


def test_an_unmoved_gaussian_stays(avatar: Avatar):
    weights = np.zeros(52)
    weights[ARKIT_NAMES.index("jawOpen")] = 1
    still = ~avatar.surface.arkit_shapes[ARKIT_NAMES.index("jawOpen")].any(1)
    gaussians = pose(avatar, weights).gaussians
    rest = avatar.vertices + avatar.offsets
    np.testing.assert_allclose(gaussians.means[still], rest[still], atol=1e-6)
    assert np.abs(gaussians.means - rest)[~still].max() > 1e-3


def test_head_turns_and_shoulders_stay(avatar: Avatar):
    turn = Rotation.from_rotvec([0.1, 0.5, -0.2])
    gaussians = pose(avatar, np.zeros(52), (0.1, 0.5, -0.2)).gaussians
    rest, weights = avatar.vertices + avatar.offsets, avatar.surface.joint_weights
    body, head = weights.sum(1) == 0, weights[:, 2] == 1
    assert body.any()
    assert head.any()
    np.testing.assert_allclose(gaussians.means[body], rest[body], atol=1e-6)
    # The head moves as a rigid body that has turned by the whole.
    centred = gaussians.means[head] - gaussians.means[head].mean(0)
    expected = turn.apply(rest[head] - rest[head].mean(0))
    np.testing.assert_allclose(centred, expected, atol=1e-6)
    before = covariances(avatar.quaternions, np.full_like(avatar.scales, 1) * (3, 2, 1))[head]
    after = covariances(gaussians.quaternions, np.full_like(avatar.scales, 1) * (3, 2, 1))[head]
    matrix = turn.as_matrix()
    np.testing.assert_allclose(after, matrix @ before @ matrix.T, atol=1e-5)


def test_the_chain_hangs_together(avatar: Avatar):
    """Positive turn about y: the face goes to the head's left, +x."""
    quaternions, _ = chain_transforms(avatar.surface, np.array([0, 0.8, 0]))
    angles = 2 * np.arccos(quaternions[:, 0])
    np.testing.assert_allclose(angles, [0.2, 0.4, 0.8], atol=1e-6)
    gaussians = pose(avatar, np.zeros(52), (0, 0.8, 0)).gaussians
    nose = np.argmax(avatar.vertices[:, 2] * (avatar.surface.joint_weights[:, 2] == 1))
    assert gaussians.means[nose, 0] > avatar.vertices[nose, 0] + 0.03


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**16),
    turn=st.tuples(*[st.floats(-1.2, 1.2)] * 3),
    follow=st.sampled_from(FOLLOWS),
)
def test_a_rig_against_its_twin(avatar: Avatar, seed: int, turn: tuple, follow: Follow):
    weights = np.random.default_rng(seed).uniform(0, 1, 52).astype(np.float32)
    posed = pose(avatar, weights, turn, follow)
    vertices, bones = pose_rig(avatar.surface, weights, np.array(turn))
    np.testing.assert_allclose(posed.vertices, vertices, atol=2e-6)
    rest = avatar.vertices
    normals, area = ring_frames(vertices, avatar.faces)
    np.testing.assert_allclose(posed.normals, normals, atol=1e-3)
    stretch = np.clip(np.sqrt(area / ring_frames(rest, avatar.faces)[1]), *STRETCH_RANGE)
    turns = bones
    if follow in ("surface", "deform"):
        turns = support_turns(rest, vertices, supports_of(avatar))
    if follow == "still":
        turns, stretch = Rotation.identity(len(rest)), np.ones(len(rest))
    gaussians = posed.gaussians
    np.testing.assert_allclose(gaussians.means, vertices + turns.apply(avatar.offsets), atol=2e-5)
    np.testing.assert_allclose(gaussians.scales, avatar.scales * stretch[:, None], rtol=1e-3)
    expected = wxyz(turns * rotation_of(avatar.quaternions))
    agreement = np.abs(np.sum(gaussians.quaternions * expected, 1))
    np.testing.assert_allclose(agreement, 1, atol=1e-3)


def test_far_from_the_origin_no_digits_are_lost(avatar: Avatar):
    """A rig stands on its feet, a head's height above them: the places around a vertex are as near
    to the twin's as those of a head at the origin."""
    weights, turn = np.linspace(0.05, 0.9, 52), np.array([0.1, -0.6, 0.2])
    actor = Actor(avatar, arkit_motion(weights, tuple(turn)))
    assert avatar.vertices[:, 1].min() > 1
    found = actor._mesh.pose(0).vertices
    wanted = pose_rig(avatar.surface, weights.astype(np.float32), turn)[0] - actor._mesh.origin
    np.testing.assert_allclose(found, wanted, atol=6e-8)


def test_a_face_is_followed_as_the_paper_says():
    """position = k R x + T, scale = k s, in the frame of the posed face."""
    avatar = on_head()
    motion = head_take(avatar.surface)
    actor = Actor(avatar, motion)
    shape = np.zeros(300, np.float32)
    shape[: len(avatar.shape)] = avatar.shape
    for index in range(len(motion)):
        posed = actor.pose(index)
        vertices = layer_of(avatar.surface).vertices(replace(motion, shape=shape), 0, 3)[index]
        np.testing.assert_array_equal(posed.vertices, vertices)
        for i, anchor in enumerate(avatar.anchors):
            corners = avatar.faces[anchor]
            _, rest_axes, rest_size = face_frame(avatar.vertices[corners])
            middle, axes, size = face_frame(vertices[corners])
            local = rest_axes.T @ avatar.offsets[i] / rest_size
            np.testing.assert_allclose(
                posed.gaussians.means[i], size * axes @ local + middle, atol=1e-5
            )
            np.testing.assert_allclose(
                posed.gaussians.scales[i], avatar.scales[i] * size / rest_size, rtol=1e-4
            )
            np.testing.assert_allclose(
                posed.normals[i], smooth_normal(avatar, i, vertices, axes[:, 1]), atol=1e-3
            )
            turn = Rotation.from_matrix(axes @ rest_axes.T)
            expected = wxyz(turn * rotation_of(avatar.quaternions[i]))
            assert abs(posed.gaussians.quaternions[i] @ expected) > 1 - 1e-4


def smooth_normal(avatar: Avatar, i: int, vertices: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """The corners' normals by the barycentric place of the Gaussian's middle at rest."""
    corners = avatar.faces[avatar.anchors[i]]
    a, b, c = avatar.vertices[corners].astype(np.float64)
    basis = np.stack([b - a, c - a], 1)
    place = np.linalg.lstsq(basis, (a + b + c) / 3 + avatar.offsets[i] - a, rcond=None)[0]
    shares = np.clip([1 - place.sum(), *place], 0, 1)
    normal = (shares / shares.sum()) @ ring_frames(vertices, avatar.faces)[0][corners]
    normal /= np.linalg.norm(normal)
    return normal if normal @ flat > 0 else flat


@pytest.mark.parametrize("binding", ["face", "vertex"])
@pytest.mark.parametrize("follow", FOLLOWS)
def test_a_head_at_rest_and_turned_as_a_whole(binding: str, follow: Follow):
    avatar = on_head(binding=binding)
    vector, shift = np.array([0.2, -0.7, 0.3], np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    motion = make_motion(
        expression=np.zeros((2, 100), np.float32),
        fps=30,
        space=avatar.surface.space,
        rotation=np.stack([0 * vector, vector]),
        translation=np.stack([0 * shift, shift]),
    )
    actor = Actor(avatar, motion, follow)
    still, turned = actor.pose(0).gaussians, actor.pose(1).gaussians
    np.testing.assert_allclose(still.means, avatar.means, atol=1e-5)
    np.testing.assert_allclose(still.scales, avatar.scales, rtol=1e-3)
    if follow == "still":
        np.testing.assert_array_equal(turned.quaternions, avatar.quaternions)
        return
    root = avatar.surface.joint_regressor[0] @ avatar.vertices
    turn = Rotation.from_rotvec(vector)
    expected = turn.apply(still.means - root) + root + shift
    np.testing.assert_allclose(turned.means, expected, atol=1e-4)
    after = covariances(turned.quaternions, turned.scales)
    before = covariances(still.quaternions, still.scales)
    matrix = turn.as_matrix()
    np.testing.assert_allclose(after, matrix @ before @ matrix.T, atol=1e-7)


def test_joints_turn_with_their_parents():
    motion = head_take(small_head())
    root, neck = (Rotation.from_rotvec(values[1]) for values in (motion.rotation, motion.neck))
    eye = root * neck * Rotation.from_rotvec(motion.eyes[1, 3:])
    quaternions = joint_quaternions(motion)[1]
    assert abs(quaternions[4] @ wxyz(eye)) == pytest.approx(1, abs=1e-6)
    assert (quaternions @ quaternions[0] >= 0).all()


def test_without_a_surface_nothing_moves():
    count, rng = 50, np.random.default_rng(0)
    avatar = Avatar(
        name="vase",
        surface=None,
        binding="none",
        follow="still",
        anchors=np.zeros(count, np.int32),
        offsets=rng.normal(size=(count, 3)).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.tile(np.array([3, 1, 2], np.float32), (count, 1)),
        opacities=np.ones(count, np.float32),
        colours=np.ones((count, 3), np.float32),
    )
    posed = Actor(avatar, arkit_motion(rng.random((3, 52)))).pose(2)
    np.testing.assert_array_equal(posed.gaussians.means, avatar.offsets)
    outward = np.sign(avatar.offsets[:, 1] - avatar.offsets[:, 1].mean())
    np.testing.assert_allclose(posed.normals, outward[:, None] * [0, 1, 0], atol=1e-6)
    assert posed.vertices.shape == (0, 3)


def test_threads_change_no_bit(avatar: Avatar):
    motion = arkit_motion(np.random.default_rng(1).random((12, 52)), (0.1, 0.4, 0))
    head = on_head()
    for actor in (Actor(avatar, motion, "surface"), Actor(head, head_take(head.surface, 12))):
        alone = [actor.pose(index).gaussians for index in range(12)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda i, a=actor: a.pose(i).gaussians, range(12)))
        for one, other in zip(alone, together, strict=True):
            for field in ("means", "quaternions", "scales"):
                np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_actors_refuse_other_spaces_and_frames(avatar: Avatar):
    motion = arkit_motion(np.zeros((2, 52)))
    for call, code in (
        (lambda: Actor(avatar, replace(motion, space="open")), "space.no_adapter"),
        (lambda: Actor(on_head(), motion), "space.no_adapter"),
        (lambda: Actor(avatar, motion).pose(2), "frames.out_of_range"),
        (lambda: Actor(avatar, motion).pose(-1), "frames.out_of_range"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code


def test_printed_gaussians_follow_any_pull():
    """deform: the covariance of J Σ Jᵀ with J the map between the faces, at J x from the middle."""
    avatar = on_head()
    motion = head_take(avatar.surface)
    actor = Actor(avatar, motion, "deform")
    for index in range(len(motion)):
        posed = actor.pose(index)
        covariance = covariances(posed.gaussians.quaternions, posed.gaussians.scales)
        rest = covariances(avatar.quaternions, avatar.scales)
        for i, anchor in enumerate(avatar.anchors):
            corners = avatar.faces[anchor]
            before, after = (face_basis(v[corners]) for v in (avatar.vertices, posed.vertices))
            matrix = after[1] @ np.linalg.inv(before[1])
            if np.linalg.cond(before[1]) > 1e3:
                continue  # a sliver of the random head: single precision ends there
            expected = after[0] + matrix @ avatar.offsets[i]
            np.testing.assert_allclose(posed.gaussians.means[i], expected, atol=1e-4)
            wanted = matrix @ rest[i] @ matrix.T
            if wanted.trace() < (9 * avatar.scales[i].max()) ** 2:  # else it is held back
                np.testing.assert_allclose(covariance[i], wanted, atol=2e-3 * wanted.trace())


def face_basis(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c = corners.astype(np.float64)
    normal = np.cross(b - a, c - a)
    basis = np.stack([b - a, c - a, normal / np.linalg.norm(normal)], 1)
    return (a + b + c) / 3, basis


def test_no_axis_grows_without_end():
    avatar = on_head()
    take = head_take(avatar.surface)
    wild = replace(take, expression=(take.expression * 1e4).astype(np.float32))
    for follow in ("surface", "deform"):
        posed = Actor(avatar, wild, follow).pose(0).gaussians
        assert posed.scales.max() <= 10.001 * avatar.scales.max()
        assert np.isfinite(posed.quaternions).all()


@pytest.mark.parametrize("kind", ["rig", "vertex", "face"])
def test_another_take_is_played_as_if_made_for_it(kind: str, avatar: Avatar):
    """And the actor that it came from goes on with its own."""
    if kind == "rig":
        shown = avatar
        takes = [arkit_motion(np.full(52, weight), (0.1, weight, 0)) for weight in (0.2, 0.7)]
    else:
        shown = on_head(binding=kind)
        take = head_take(shown.surface)
        takes = [take, replace(take, expression=-take.expression, jaw=2 * take.jaw)]
    first = Actor(shown, takes[0])
    first.pose(0)
    second = first.playing(takes[1])
    for actor, take in ((second, takes[1]), (first, takes[0])):
        found, wanted = actor.pose(0), Actor(shown, take).pose(0)
        for name in ("means", "quaternions", "scales"):
            np.testing.assert_array_equal(
                getattr(found.gaussians, name), getattr(wanted.gaussians, name)
            )
        np.testing.assert_array_equal(found.normals, wanted.normals)
    assert not np.array_equal(first.pose(0).gaussians.means, second.pose(0).gaussians.means)
    with pytest.raises(InputError) as caught:
        first.playing(replace(takes[1], space="flame2020"))
    assert caught.value.code == "space.no_adapter"


def quarter(axis: int) -> np.ndarray:
    """A quarter turn about x, y or z as axis-angle."""
    return (np.pi / 2 * np.eye(3)[axis]).astype(np.float32)


def test_the_neck_turns_on_top_of_the_whole_head():
    """A point on x: the neck's quarter about z takes it to y, the whole's about x on to z."""
    take = make_motion(
        expression=np.zeros((1, 100)),
        rotation=quarter(0)[None],
        neck=quarter(2)[None],
        fps=30,
        space="arkit",
    )
    turned = Rotation.from_rotvec(head_turns(take)).apply([1, 0, 0])
    np.testing.assert_allclose(turned, [[0, 0, 1]], atol=1e-6)


def test_each_joint_hangs_on_its_own_parent():
    """The jaw and both eyes on the neck, the neck on the root; left comes before right."""
    take = make_motion(
        expression=np.zeros((1, 100)),
        rotation=quarter(0)[None],
        neck=quarter(2)[None],
        jaw=[[0.3, 0, 0]],
        eyes=[[0, 0.2, 0, 0, -0.4, 0]],
        fps=30,
        space="flame2023",
    )
    root, neck = (Rotation.from_rotvec(quarter(axis)) for axis in (0, 2))
    own = [[0.3, 0, 0], [0, 0.2, 0], [0, -0.4, 0]]
    wanted = [root, root * neck, *(root * neck * Rotation.from_rotvec(v) for v in own)]
    found = joint_quaternions(take)[0]
    for joint, turn in enumerate(wanted):
        assert abs(found[joint] @ wxyz(turn)) == pytest.approx(1, abs=1e-6), joint


def test_frames_of_every_block_of_a_long_take():
    """Blocks of 32 frames are kept one at a time, whichever way a user scrubs."""
    shown = on_head()
    take = head_take(shown.surface, 70)
    actor = Actor(shown, take)
    for index in (40, 3, 31, 32, 69, 64, 63):
        alone = replace(take, **one_frame(take, index))
        np.testing.assert_array_equal(
            actor.pose(index).vertices, Actor(shown, alone).pose(0).vertices
        )


def one_frame(take: Motion, index: int) -> dict[str, np.ndarray]:
    fields = ("expression", "jaw", "neck", "eyes", "rotation", "translation")
    return {name: getattr(take, name)[index : index + 1] for name in fields}


@pytest.mark.parametrize(
    ("area", "factor"), [(0.5, 1.0), (1.44, 1.2), (1.8, 1.3416408), (2.5, 1.35)]
)
def test_gaussians_widen_with_the_root_of_the_area_and_never_shrink(area: float, factor: float):
    grown = _growth(np.float32([2 * area, 1]), np.float32([2, 0]))
    np.testing.assert_allclose(grown, [factor, 1], rtol=1e-6)


def test_places_in_a_face():
    """A right angle of legs 3 and 6: the middle of the corners, a corner, and beyond an edge."""
    corners = np.float32([[0, 0, 0], [3, 0, 0], [0, 6, 0]])
    middle = corners.mean(0)
    places = np.float32([middle, [3, 0, 0], [0.75, 1.5, 0], [-1, 3, 0]])
    shown = replace(
        on_head(4),
        anchors=np.zeros(4, np.int32),
        offsets=(places - middle + [0, 0, 0.5]).astype(np.float32),
    )
    flat = np.zeros((len(shown.vertices), 3), np.float32)
    flat[shown.faces[0]] = corners
    np.testing.assert_allclose(
        corner_shares(shown, flat),
        [[1 / 3, 1 / 3, 1 / 3], [0, 1, 0], [0.5, 0.25, 0.25], [0.625, 0, 0.375]],
        atol=1e-6,
    )
    flat[shown.faces[0]] = [0, 0, 1]
    np.testing.assert_allclose(corner_shares(shown, flat), np.full((4, 3), 1 / 3), atol=1e-6)


def test_places_in_a_face_without_a_right_angle():
    """A fifth, a half and three tenths of corners that lie askew, and beside each of its edges."""
    corners = np.float32([[0, 0, 0], [4, 0, 0], [1, 3, 0]])
    shares = np.float32([[0.2, 0.5, 0.3], [0.5, 0.1, 0.4], [0.7, 0.3, 0], [0, 0.25, 0.75]])
    places = shares @ corners
    shown = replace(
        on_head(4),
        anchors=np.zeros(4, np.int32),
        offsets=(places - corners.mean(0) - [0, 0, 0.25]).astype(np.float32),
    )
    flat = np.zeros((len(shown.vertices), 3), np.float32)
    flat[shown.faces[0]] = corners
    np.testing.assert_allclose(corner_shares(shown, flat), shares, atol=1e-6)


def flat_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    normals = np.cross(b - a, c - a)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_normals_are_those_of_the_faces_where_nobody_reads_smooth_ones():
    shown = on_head()
    posed = Actor(shown, head_take(shown.surface)).pose(1, with_smooth_normals=False)
    wanted = flat_normals(posed.vertices, shown.faces)[shown.anchors]
    np.testing.assert_allclose(posed.normals, wanted, atol=1e-3)
    smooth = Actor(shown, head_take(shown.surface)).pose(1).normals
    assert np.abs(smooth - wanted).max() > 0.05


def test_a_turn_between_unlike_corners_is_still_a_turn():
    """`stretch`: the mean of three bones' turns moves a Gaussian as far as it was."""
    shown = on_head()
    posed = Actor(shown, head_take(shown.surface), "stretch").pose(2)
    lengths = np.linalg.norm(posed.gaussians.quaternions, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-4)
    middles = posed.vertices[shown.faces[shown.anchors]].mean(1)
    np.testing.assert_allclose(
        np.linalg.norm(posed.gaussians.means - middles, axis=1),
        np.linalg.norm(shown.offsets, axis=1),
        rtol=2e-3,
    )


@pytest.mark.parametrize(
    ("size", "surface", "stretch"),
    [(0.05, 0.1, 1.0), (0.5, 0.5, 1.0), (1.2, 1.2, 1.2), (3.0, 3.0, 1.35), (20.0, 10.0, 1.35)],
)
def test_how_far_gaussians_grow_with_their_faces(size: float, surface: float, stretch: float):
    shown = on_head()
    vertices = (size * shown.vertices).astype(np.float32)
    turns = np.tile(np.float32([1, 0, 0, 0]), (len(vertices), 1))
    for follow, factor in (("surface", surface), ("stretch", stretch)):
        actor = Actor(shown, head_take(shown.surface), follow)
        posed = PosedMesh(vertices=vertices, turns=turns)
        actor._mesh = SimpleNamespace(pose=lambda _index, posed=posed: posed)
        gaussians = actor.pose(0).gaussians
        np.testing.assert_allclose(gaussians.scales, factor * shown.scales, rtol=1e-3)
        reach = factor if follow == "surface" else 1.0
        middles = vertices[shown.faces[shown.anchors]].mean(1)
        np.testing.assert_allclose(gaussians.means, middles + reach * shown.offsets, atol=1e-4)


def test_turns_between_frames_at_every_angle():
    """Half a turn about each axis too, where three of a quaternion's numbers are 0."""
    turns = Rotation.concatenate(
        [Rotation.random(300, random_state=4), Rotation.from_rotvec(np.pi * np.eye(3)),
         Rotation.from_rotvec(3.1 * np.eye(3)), Rotation.identity()]
    )  # fmt: skip
    before = Rotation.random(len(turns), random_state=5)
    frames = [r.as_matrix().astype(np.float32) for r in (before, turns * before)]
    sizes, found = np.ones((len(turns), 2), np.float32), np.empty((len(turns), 4), np.float32)
    sizes[0, 0] = 0
    kernels.turns_between(*frames, sizes, found)
    assert found[0].tolist() == [1, 0, 0, 0]
    agreement = np.abs(np.sum(found * wxyz(turns), 1))
    np.testing.assert_allclose(agreement[1:], 1, atol=1e-5)


@pytest.mark.parametrize(("flat_at_rest", "scale"), [(True, 1.0), (False, 0.1)])
def test_a_face_without_area_turns_nothing(flat_at_rest: bool, scale: float):
    """Nor does it pull: what is printed on it stays as large as it was."""
    head = small_head()
    flat = head.template.copy()
    flat[head.faces[0]] = flat[head.faces[0]].mean(0)
    shown = replace(on_head(5), anchors=np.zeros(5, np.int32), shape=None)
    rest, moved = (flat, head.template) if flat_at_rest else (head.template, flat)
    shown = replace(shown, surface=replace(head, template=rest))
    turns = np.tile(np.float32([1, 0, 0, 0]), (len(moved), 1))
    posed = PosedMesh(vertices=moved + np.float32([0.5, 0, 0]), turns=turns)
    for follow, factor, reach in (("surface", scale, scale), ("deform", 1.0, 1.0)):
        actor = Actor(shown, head_take(shown.surface), follow)
        actor._mesh = SimpleNamespace(pose=lambda _index: posed)
        if flat_at_rest and follow == "surface":  # the faces around tell how it turns
            assert (supports_of(shown)[0] != head.faces[0]).any()
            actor._supports = head.faces
            actor._rest_axes, actor._support_sizes = face_frames(flat, head.faces)
        gaussians = actor.pose(0).gaussians
        middle = posed.vertices[head.faces[0]].mean(0)
        np.testing.assert_allclose(gaussians.means, middle + reach * shown.offsets, atol=1e-6)
        np.testing.assert_allclose(
            covariances(gaussians.quaternions, gaussians.scales),
            factor**2 * covariances(shown.quaternions, shown.scales),
            rtol=1e-3,
            atol=1e-9,
        )
