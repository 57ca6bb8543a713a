# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar animated in torch, in batches, against the actor and against the plain twin."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.shared.pictures import Follow
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import STRETCH_RANGE, Actor
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.avatar.resident import (
    chain_turns,
    faces_around,
    multiply,
    place_on,
    take_on,
    turn,
)
from affekt.sidecar.raster.cuda import GaussianBatch
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion, pose_rig, ring_frames, rotation_of, wxyz
from scipy.spatial.transform import Rotation

CPU = torch.device("cpu")
TURNS = [(0.0, 0.0, 0.0), (0.2, 0.4, -0.1), (-0.9, 1.5, 0.3)]


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return decode_lam_avatar(lam_bundle(), "test.zip")


def weights(frames: int, seed: int = 0) -> np.ndarray:
    """Some shapes on, most off, as in a take."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(0, 1, (frames, 52)) * (rng.random((frames, 52)) < 0.3)).astype(np.float32)


def posed(avatar: Avatar, motion, follow: Follow) -> GaussianBatch:
    return place_on(avatar, CPU).pose(*take_on(motion, CPU), follow)


def largest(a, b) -> float:
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())


@pytest.mark.parametrize("follow", ["still", "stretch"])
@pytest.mark.parametrize("turned", TURNS)
def test_equals_the_actor(avatar: Avatar, follow: Follow, turned):
    assert_equals_the_actor(avatar, arkit_motion(weights(3), turned), follow)


@pytest.mark.parametrize("follow", ["still", "stretch"])
def test_equals_the_actor_on_a_real_avatar(real_data: Path, follow: Follow):
    avatar = read_avatar(real_data / "lam_avatars" / "statue.zip")
    errors = assert_equals_the_actor(avatar, arkit_motion(weights(3), (0.2, 0.4, -0.1)), follow)
    print(f"{follow}: means {errors[0]:.1e} m, quaternions {errors[1]:.1e}, scales {errors[2]:.1e}")


def assert_equals_the_actor(avatar: Avatar, motion, follow: Follow) -> tuple[float, ...]:
    """Largest differences: metres, quaternions' numbers, share of a scale. The actor measures its
    areas metres from the origin, in single precision."""
    found, actor = posed(avatar, motion, follow), Actor(avatar, motion, follow)
    errors = []
    for index in range(len(motion)):
        wanted = actor.pose(index).gaussians
        errors.append(
            (
                largest(found.means[index], wanted.means),
                largest(found.quaternions[index], wanted.quaternions),
                largest(found.scales[index] / torch.from_numpy(wanted.scales), 1),
            )
        )
        np.testing.assert_array_equal(found.opacities[index], wanted.opacities)
        np.testing.assert_array_equal(found.colours[index], wanted.colours)
    means, quaternions, scales = (max(column) for column in zip(*errors, strict=True))
    assert means < 1e-6
    assert quaternions < 1e-6
    assert scales < 1e-3
    return means, quaternions, scales


@pytest.mark.parametrize("turned", TURNS)
def test_equals_the_plain_twin(avatar: Avatar, turned):
    frame = weights(1, seed=4)
    found = posed(avatar, arkit_motion(frame, turned), "stretch")
    rig = avatar.surface
    vertices, turns = pose_rig(rig, frame[0], np.array(turned))
    turns = turns[avatar.anchors]
    means = vertices[avatar.anchors] + turns.apply(avatar.offsets.astype(np.float64))
    assert largest(found.means[0], means) < 1e-6
    quaternions = wxyz(turns * rotation_of(avatar.quaternions))
    along = np.abs(np.sum(quaternions * found.quaternions[0].numpy(), 1))
    np.testing.assert_allclose(along, 1, atol=1e-6)
    before, after = (ring_frames(points, rig.faces)[1] for points in (rig.vertices, vertices))
    growth = np.sqrt(np.divide(after, before, out=np.ones_like(before), where=before > 0))
    stretch = np.clip(growth, *STRETCH_RANGE)[avatar.anchors]
    assert stretch.max() > 1.01
    np.testing.assert_allclose(found.scales[0], avatar.scales * stretch[:, None], rtol=1e-4)


def test_a_batch_equals_its_frames_alone(avatar: Avatar):
    resident = place_on(avatar, CPU)
    arkit, turns = take_on(arkit_motion(weights(5), (0.1, 0.3, 0.0)), CPU)
    whole = resident.pose(arkit, turns)
    for index in range(5):
        alone = resident.pose(arkit[index : index + 1], turns[index : index + 1])
        assert largest(whole.means[index], alone.means[0]) < 1e-6
        assert largest(whole.scales[index], alone.scales[0]) < 1e-6


def test_what_frames_share_is_not_copied(avatar: Avatar):
    resident = place_on(avatar, CPU)
    batch = resident.pose(torch.zeros(9, 52), torch.zeros(9, 3))
    assert batch.colours.shape == (9, len(avatar), 3)
    assert batch.colours.data_ptr() == resident.colours.data_ptr()
    assert batch.opacities.data_ptr() == resident.opacities.data_ptr()
    assert batch.colours.stride(0) == batch.opacities.stride(0) == 0


def test_faces_around_each_vertex():
    """A vertex without faces, and a face that uses one vertex twice."""
    around = faces_around(np.array([[0, 1, 2], [2, 1, 3], [3, 3, 0]]), 5)
    assert [sorted(row[row < 3].tolist()) for row in around] == [
        [0, 2],
        [0, 1],
        [0, 1],
        [1, 2, 2],
        [],
    ]


def test_half_turns_are_blended_in_one_hemisphere():
    turns = chain_turns(torch.tensor([[0.0, 4.0, 0.0]]), torch.tensor([0.5, 0.5]))
    assert (turns[..., 0] >= 0).all()
    wanted = Rotation.from_rotvec([[0, 2.0, 0], [0, 4.0, 0]])
    np.testing.assert_allclose(
        rotation_of(turns[0].numpy()).as_matrix(), wanted.as_matrix(), atol=1e-6
    )


def test_quaternions_against_scipy():
    rng = np.random.default_rng(0)
    p, q = Rotation.random(20, random_state=1), Rotation.random(20, random_state=2)
    points = rng.normal(size=(20, 3))
    first, second = (torch.from_numpy(wxyz(r)) for r in (p, q))
    np.testing.assert_allclose(
        rotation_of(multiply(first, second).numpy()).as_matrix(), (p * q).as_matrix(), atol=1e-12
    )
    np.testing.assert_allclose(turn(first, torch.from_numpy(points)), p.apply(points), atol=1e-12)


def test_what_cannot_live_on_a_card_is_refused(avatar: Avatar):
    harmonics = np.zeros((len(avatar), 3, 3), np.float32)
    static = replace(avatar, surface=None, binding="none", anchors=np.zeros_like(avatar.anchors))
    for unfit in (replace(avatar, harmonics=harmonics), static):
        with pytest.raises(InputError) as caught:
            place_on(unfit, CPU)
        assert caught.value.code == "avatar.not_resident"
    with pytest.raises(InputError) as caught:
        posed(avatar, arkit_motion(weights(1)), "surface")
    assert caught.value.code == "avatar.not_resident"


def test_a_take_in_another_space_is_refused():
    motion = make_motion(expression=np.zeros((2, 100), np.float32), fps=30, space="open")
    with pytest.raises(InputError) as caught:
        take_on(motion, CPU)
    assert caught.value.code == "space.no_adapter"
