# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar checks itself."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from fakes.lam import lam_bundle


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return decode_lam_avatar(lam_bundle(), "test.zip")


def test_avatar_checks_itself(avatar: Avatar):
    many = len(avatar)
    for change, code in (
        ({"opacities": avatar.opacities[:-1]}, "avatar.shape"),
        ({"anchors": avatar.anchors - 1}, "avatar.shape"),
        ({"anchors": avatar.anchors + len(avatar.vertices)}, "avatar.shape"),
        ({"scales": avatar.scales * np.float32(np.nan)}, "avatar.not_finite"),
        ({"harmonics": np.zeros((many, 4, 3), np.float32)}, "avatar.shape"),
        ({"harmonics": np.zeros((many - 1, 3, 3), np.float32)}, "avatar.shape"),
        ({"harmonics": np.full((many, 3, 3), np.inf, np.float32)}, "avatar.not_finite"),
        ({"shape": np.zeros(3, np.float32)}, "avatar.shape"),
        ({"binding": "none"}, "avatar.shape"),
        ({"surface": None}, "avatar.shape"),
    ):
        with pytest.raises(InputError) as caught:
            replace(avatar, **change)
        assert caught.value.code == code


def test_a_rig_checks_itself(avatar: Avatar):
    rig = avatar.surface
    for change, code in (
        ({"faces": rig.faces + len(rig.vertices)}, "avatar.shape"),
        ({"arkit_shapes": rig.arkit_shapes[:51]}, "avatar.shape"),
        ({"vertices": rig.vertices + np.float32(np.inf)}, "avatar.not_finite"),
        (
            {
                "joint_pivots": rig.joint_pivots[:0],
                "joint_weights": rig.joint_weights[:, :0],
                "joint_shares": rig.joint_shares[:0],
            },
            "avatar.shape",
        ),
    ):
        with pytest.raises(InputError) as caught:
            replace(rig, **change)
        assert caught.value.code == code


def test_anchors_lie_where_they_are_bound(avatar: Avatar):
    np.testing.assert_array_equal(avatar.means, avatar.vertices + avatar.offsets)
    faces = replace(avatar, binding="face", anchors=np.arange(len(avatar), dtype=np.int32))
    corners = avatar.vertices[avatar.faces[: len(avatar)]]
    np.testing.assert_allclose(faces.means, corners.mean(1) + avatar.offsets, atol=1e-6)
