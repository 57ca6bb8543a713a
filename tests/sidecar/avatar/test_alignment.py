# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of a mesh, and which of them are eyeballs; the labels themselves are in test_regions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import JOINTS, REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.adapter.registration import Registration
from affekt.sidecar.adapter.skin import Hits, Skin
from affekt.sidecar.avatar import alignment
from affekt.sidecar.avatar.alignment import find_eyeballs, fit_sphere, mesh_pieces, open_alignment
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.files import keep_arrays
from fakes.head import small_head


def ball(x: float, y: float, z: float, radius: float = 0.012, count: int = 60) -> np.ndarray:
    points = np.random.default_rng(count).normal(size=(count, 3))
    return np.array([x, y, z]) + radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_a_sphere_through_points_on_its_front() -> None:
    points = ball(0.03, -0.02, 0.4, 0.5, 400)
    front = points[points[:, 2] > 0.45]
    centre, radius, spread = fit_sphere(front)
    np.testing.assert_allclose(centre, [0.03, -0.02, 0.4], atol=1e-9)
    assert radius == pytest.approx(0.5)
    assert spread == pytest.approx(0, abs=1e-9)


def test_the_spread_is_a_share_of_the_radius() -> None:
    rough = np.concatenate([ball(0, 0, 0, 0.9, 4000), ball(0, 0, 0, 1.1, 4000)])
    assert fit_sphere(rough)[2] == pytest.approx(0.1, abs=0.01)
    assert fit_sphere(10 * rough)[2] == pytest.approx(0.1, abs=0.01)


def test_pieces_are_numbered_from_the_largest() -> None:
    faces = np.array([[0, 1, 2], [3, 4, 5], [5, 4, 6], [7, 8, 9]], np.int32)
    assert mesh_pieces(faces, 10).tolist() == [1, 1, 1, 0, 0, 0, 0, 2, 2, 2]


def eyes_among(*balls: np.ndarray) -> tuple[int, int] | None:
    """The skin is piece 0."""
    skin = np.random.default_rng(0).uniform(-0.2, 0.2, (200, 3))
    points = np.concatenate([skin, *balls])
    pieces = np.repeat(np.arange(len(balls) + 1), [len(skin), *map(len, balls)])
    return find_eyeballs(points, pieces.astype(np.int32))


LEFT, RIGHT = ball(0.033, 0.01, 0.08), ball(-0.031, 0.01, 0.08)


def test_the_left_eye_is_at_greater_x() -> None:
    assert eyes_among(LEFT, RIGHT) == (1, 2)
    assert eyes_among(RIGHT, LEFT) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        ball(-0.031, 0.01, 0.08, 0.006),  # too small
        ball(-0.031, 0.01, 0.08, 0.023),  # too large
        ball(-0.031, 0.01, 0.08, count=30),  # too few points
        ball(0.006, 0.01, 0.08),  # 27 mm from the left one
        ball(-0.09, 0.01, 0.08),  # 123 mm
        np.random.default_rng(1).uniform(-0.012, 0.012, (60, 3)) - [0.031, 0, 0],  # not round
    ],
)
def test_what_is_no_second_eye(other: np.ndarray) -> None:
    assert eyes_among(LEFT, other) is None


def test_of_several_pairs_the_most_level_one() -> None:
    """Earrings are balls, too; what is beside counts as height and depth do."""
    high, behind = ball(-0.031, 0.05, 0.08), ball(-0.031, 0.01, 0.03)
    assert eyes_among(high, LEFT, RIGHT, behind) == (2, 3)
    assert eyes_among(high, LEFT, behind) == (2, 1)
    ahead, low = ball(-0.031, 0.01, 0.2), ball(-0.031, -0.1, 0.08)
    assert eyes_among(LEFT, ahead, low, RIGHT) == (1, 4)


def test_the_open_head_lies_on_itself() -> None:
    head = small_head()
    found = open_alignment(head)
    np.testing.assert_array_equal(found.label, head.region)
    np.testing.assert_array_equal(found.place, head.template)
    np.testing.assert_array_equal(found.vertex, np.arange(len(head.template)))
    np.testing.assert_array_equal(found.distance, np.zeros(len(head.template)))
    assert found.open_from_metres == 1


def strip(first: int, count: int) -> np.ndarray:
    """Triangles through points one after another: one piece."""
    return np.stack([np.arange(first, first + count - 2) + k for k in range(3)], 1)


def rig() -> ArkitRig:
    """A skin of 200 points, of which the last two are moved by jawOpen, by 4 and 1 mm, and one
    lies where the hinge of the jaw is; the right eye comes before the left one."""
    rng = np.random.default_rng(0)
    skin = rng.uniform((-0.2, -0.2, 0.8), (0.2, 0.2, 1.2), (200, 3))
    left, right = ball(0.034, 0.01, 0.08), ball(-0.030, 0.01, 0.08)
    apart = np.linalg.norm(left.mean(0) - right.mean(0))
    skin[17] = 0.5 * (left.mean(0) + right.mean(0)) - [0, 0.6 * apart, 0.9 * apart]
    vertices = np.concatenate([skin, right, left]).astype(np.float32)
    shapes = np.zeros((52, len(vertices), 3), np.float32)
    shapes[ARKIT_NAMES.index("jawOpen"), 198] = 0, -0.004, 0
    shapes[ARKIT_NAMES.index("jawOpen"), 199] = 0, 0, 0.001
    return ArkitRig(
        vertices=vertices,
        faces=np.concatenate([strip(0, 200), strip(200, 60), strip(260, 60)]).astype(np.int32),
        arkit_shapes=shapes,
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((len(vertices), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )


def test_a_rig_as_a_head_for_the_registration() -> None:
    given = rig()
    head = alignment._as_head(given, small_head())
    assert head.region.tolist() == [REGIONS.index("skin")] * 200 + [REGIONS.index("sclera")] * 120
    weights = head.skin_weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    jaw, left, right = (JOINTS.index(name) for name in ("jaw", "eye_left", "eye_right"))
    np.testing.assert_allclose(weights[[0, 198, 199], jaw], [0, 1, 0.25])
    np.testing.assert_allclose(weights[[0, 199], 0], [1, 0.75])
    assert (weights[200:260, right] == 1).all()
    assert (weights[260:, left] == 1).all()
    places = head.joint_regressor @ head.template
    np.testing.assert_allclose(places[left], given.vertices[260:].mean(0), atol=1e-6)
    np.testing.assert_allclose(places[right], given.vertices[200:260].mean(0), atol=1e-6)
    assert np.flatnonzero(head.joint_regressor[jaw]).tolist() == [17]
    np.testing.assert_array_equal(head.faces, given.faces)
    np.testing.assert_array_equal(head.template, given.vertices)
    assert not head.landmark_weights.any()


@pytest.mark.parametrize(("moved", "said"), [(0.9e-4, "jawOpen moves nothing"), (1.1e-4, "")])
def test_a_mouth_that_hardly_opens(moved: float, said: str) -> None:
    given = rig()
    shapes = np.zeros_like(given.arkit_shapes)
    shapes[ARKIT_NAMES.index("jawOpen"), 3, 1] = moved
    given = replace(given, arkit_shapes=shapes)
    if not said:
        assert alignment._as_head(given, small_head()).skin_weights[3, JOINTS.index("jaw")] == 1
        return
    with pytest.raises(InputError, match=said) as caught:
        alignment._as_head(given, small_head())
    assert caught.value.code == "avatar.regions"
    assert "without the pass 'mask'" in caught.value.remedy


def test_each_vertex_learns_from_the_nearest_of_the_open_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The open head's vertices 3, 4 and 5 were bent onto a triangle of this head, which is half as
    large. Of this head's vertices the first has a label of its own."""
    names = ("lip", "skin", "mouth")
    region = np.zeros(40, np.uint8)
    region[3:6] = [REGIONS.index(name) for name in names]
    open_head = replace(small_head(), region=region)
    corners = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]])
    here = np.array([[0.001, 0, 0.003], [0.01, 0.001, -0.002], [0.002, 0.07, 0.001], [0, 0, 0]])
    own = np.array([REGIONS.index(name) for name in ("teeth", "skin", "skin", "skin")], np.uint8)
    head = replace(
        small_head(seed=4),
        template=np.concatenate([here, np.full((36, 3), 5.0)]).astype(np.float32),
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        uv=np.zeros((2, 3, 2), np.float32),
        landmark_faces=np.zeros(68, np.int32),
        region=np.concatenate([own, np.zeros(36, np.uint8)]),
    )
    away = np.array([[9.0, 9, 9], [9.1, 9, 9], [9, 9.1, 9]])
    points = open_head.template[[3, 4, 5, 6, 7, 8]].astype(float)
    source = Skin(
        points=points,
        faces=np.array([[0, 1, 2], [3, 4, 5]]),
        vertex=np.arange(3, 9),
        side=np.zeros(6, np.int8),
    )
    target = replace(source, points=head.template[:6].astype(float), vertex=np.arange(6))
    asked: list[float] = []

    def registered(one: HeadModel, other: HeadModel, *, least_found: float) -> Registration:
        assert (one, other) == (open_head, head)
        asked.append(least_found)
        return Registration(
            source=source,
            target=target,
            hits=Hits(
                face=np.zeros(6, np.int64),
                weights=np.zeros((6, 3)),
                found=np.ones(6, bool),
                distance=np.zeros(6),
            ),
            bent=np.concatenate([corners, away]),
            turn=np.eye(3),
            scale=0.5,
            shift=np.zeros(3),
        )

    monkeypatch.setattr(alignment, "register", registered)
    found = alignment.align.__wrapped__(head, open_head)
    assert asked == [0.6]
    assert found.open_from_metres == 2
    assert found.vertex[:4].tolist() == [3, 3, 5, 3]
    wanted = [REGIONS.index(name) for name in ("teeth", "lip", "mouth", "lip")]
    assert found.label[:4].tolist() == wanted
    np.testing.assert_allclose(found.distance[:4], [0.003, 0.002, 0.001, 0], atol=1e-7)
    np.testing.assert_allclose(found.place[1], np.array([0.89, 0.1, 0.01]) @ points[:3], atol=1e-6)


def test_a_face_that_is_not_met_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("adapter.registration", "Not laid.", "Look.")

    monkeypatch.setattr(alignment, "register", fail)
    with pytest.raises(InputError, match="could not be laid onto it") as caught:
        alignment.align.__wrapped__(small_head(), small_head())
    assert caught.value.code == "avatar.regions"


def laid(count: int) -> dict[str, np.ndarray]:
    """An alignment of so many vertices, each by its number."""
    return {
        "label": np.full(count, REGIONS.index("brow"), np.uint8),
        "place": np.arange(3 * count, dtype=np.float32).reshape(count, 3),
        "vertex": np.arange(count, dtype=np.int32) % 7,
        "distance": np.linspace(0, 0.01, count),
        "open_from_metres": np.array([1.25]),
    }


def test_a_surface_is_laid_once_and_damage_is_laid_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same geometry in another record is the same; what `_as_head` reads is all of the name."""
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path))
    given, head, asked = rig(), small_head(), []
    count = len(given.vertices)
    monkeypatch.setattr(alignment, "_lay", lambda *a: asked.append(a) or laid(count))
    for _ in range(2):
        found = alignment.align(replace(given, joint_shares=given.joint_shares.copy()), head)
        np.testing.assert_array_equal(found.place, laid(count)["place"])
        np.testing.assert_array_equal(found.vertex, laid(count)["vertex"])
        assert found.open_from_metres == 1.25
    assert len(asked) == 1
    (path,) = (tmp_path / "alignments").iterdir()
    for damaged in (
        laid(count) | {"vertex": np.full(count, len(head.template), np.int32)},
        laid(count) | {"label": np.full(count, len(REGIONS), np.uint8)},
        laid(count - 1),
    ):
        keep_arrays(path, damaged)
        alignment.align(replace(given), head)
    assert len(asked) == 4
    shapes = given.arkit_shapes.copy()
    shapes[ARKIT_NAMES.index("jawOpen"), 5, 1] = -0.003
    alignment.align(replace(given, arkit_shapes=shapes), head)
    alignment.align(replace(given, vertices=given.vertices + np.float32(0.001)), head)
    assert len(asked) == 6
