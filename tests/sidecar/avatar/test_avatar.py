# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar checks itself."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import Avatar, describe, performance_notes
from affekt.sidecar.avatar.lam import decode_lam_avatar
from fakes.head import small_head
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


def values(kind: str, value: float) -> dict[str, np.ndarray]:
    """Three Gaussians, of which the second has this value."""
    arrays = {
        "anchors": np.zeros(3, np.int32),
        "offsets": np.zeros((3, 3), np.float32),
        "quaternions": np.tile(np.float32([1, 0, 0, 0]), (3, 1)),
        "scales": np.full((3, 3), 0.1, np.float32),
        "opacities": np.full(3, 0.5, np.float32),
        "colours": np.full((3, 3), 0.5, np.float32),
    }
    arrays[kind][(1, 0) if arrays[kind].ndim > 1 else 1] = value
    return arrays


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("quaternions", 1.0009, ""),
        ("quaternions", 1.0011, "avatar.values"),
        ("quaternions", 0.9989, "avatar.values"),
        ("scales", 0.0, ""),
        ("scales", -1e-6, "avatar.values"),
        ("scales", 1e4, ""),
        ("scales", 1.01e4, "avatar.values"),
        ("opacities", 0.0, ""),
        ("opacities", -1e-6, "avatar.values"),
        ("opacities", 1.0, ""),
        ("opacities", 1.001, "avatar.values"),
        ("offsets", -1e6, ""),
        ("offsets", -1.01e6, "avatar.values"),
        ("colours", -3.0, ""),
        ("colours", 1e4, ""),
        ("colours", 1.01e4, "avatar.values"),
        ("colours", -1e38, "avatar.values"),
        ("colours", float("nan"), "avatar.not_finite"),
        ("anchors", 1, "avatar.shape"),
    ],
)
def test_the_ends_of_an_avatars_values(kind: str, value: float, code: str):
    def make() -> Avatar:
        still = {"name": "vase", "surface": None, "binding": "none", "follow": "still"}
        return Avatar(**still, **values(kind, value))

    if not code:
        assert len(make()) == 3
        return
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.code == code


def test_an_identity_and_a_change_move_the_rest():
    """Two of the head's shapes, and a change of its template on top."""
    head = small_head()
    change = np.zeros_like(head.template)
    change[4, 2] = 0.25
    many = len(head.template)
    arrays = {key: np.repeat(v[:1], many, 0) for key, v in values("opacities", 0.5).items()}
    arrays["anchors"] = np.arange(many, dtype=np.int32)
    arrays["offsets"] = np.zeros((many, 3), np.float32)
    avatar = Avatar(
        name="a",
        surface=head,
        binding="vertex",
        follow="surface",
        shape=np.float32([0.5, -2]),
        template_change=change,
        **arrays,
    )
    wanted = head.template + 0.5 * head.shape_basis[..., 0] - 2 * head.shape_basis[..., 1] + change
    np.testing.assert_allclose(avatar.means, wanted, atol=1e-6)
    known = head.shape_basis.shape[2]
    assert len(replace(avatar, shape=np.zeros(known, np.float32))) == many
    for bad in (
        {"shape": np.zeros((2, 1), np.float32)},
        {"shape": np.zeros(known + 1, np.float32)},
        {"template_change": change[1:]},
    ):
        with pytest.raises(InputError) as caught:
            replace(avatar, **bad)
        assert caught.value.code == "avatar.shape"


def test_an_avatar_is_described_by_its_counts_and_size():
    arrays = values("opacities", 0.5)
    arrays["offsets"] = np.float32([[0, 0, 0], [1, 2, 3], [50, 60, 70]])
    arrays["opacities"] = np.float32([0.9, 0.31, 0.29])  # what hardly shows has no size
    avatar = Avatar(
        name="vase",
        surface=None,
        binding="none",
        follow="still",
        harmonics=np.zeros((3, 8, 3), np.float32),
        notes=("A note.",),
        **arrays,
    )
    assert describe(avatar) == [
        "name: vase",
        "Gaussians: 3, spherical harmonics of degree 2",
        "surface: none, the Gaussians stand still",
        "follow: still",
        "size: 0.98 x 1.96 x 2.94 m (width, height, depth)",
        "note: A note.",
    ]
    assert "degree 0" in describe(replace(avatar, harmonics=None))[1]


def test_surfaces_are_described(avatar: Avatar):
    (said,) = (line for line in describe(avatar) if line.startswith("surface: "))
    faces = len(avatar.faces)
    assert said == (
        f"surface: 768 vertices, {faces} faces, 51 ARKit shapes (as they are), the head turns "
        "on 3 joints; Gaussians on its vertices"
    )
    head = small_head()
    anchors = np.zeros(len(avatar), np.int32)
    on_head = replace(avatar, surface=head, binding="face", anchors=anchors)
    (said,) = (line for line in describe(on_head) if line.startswith("surface: "))
    assert said.startswith("surface: the head 'small' of the space 'open', 40 vertices, ")
    assert said.endswith("; Gaussians on its faces")


def test_an_avatar_that_cannot_move_is_said_to_stand_still(avatar: Avatar):
    noted = replace(avatar, notes=("A note.",))
    assert performance_notes(noted) == ("A note.",)
    still = {"name": "vase", "surface": None, "binding": "none", "follow": "still"}
    vase = Avatar(**still, **values("opacities", 0.5), notes=("A note.",))
    assert performance_notes(vase) == (
        "A note.",
        "'vase' has no face that a take could move: it stands still, every frame shows the same.",
    )
