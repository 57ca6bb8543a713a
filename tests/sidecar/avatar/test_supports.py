# SPDX-License-Identifier: GPL-3.0-or-later
"""By which vertices faces turn: their own corners, unless they are low or can be pressed flat."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.supports import LEAST_M, WIDE_M, edges_of, supports_of
from fakes.head import small_head
from fakes.plain_drive import arkit_motion

MM = 1e-3
SIDE = 9


def grid(step_m: float, height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """SIDE x SIDE vertices, x by step and y by height, and two faces in each field; slightly bent,
    and far from the origin."""
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    places = np.stack([step_m * columns, height_m * rows, 0.1 * step_m * columns**2], 1)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    faces = [(a, a + 1, a + SIDE + 1) for a in corner] + [
        (a, a + SIDE + 1, a + SIDE) for a in corner
    ]
    return (places + np.array([0.02, 1.6, 0.05])).astype(np.float32), np.array(faces, np.int32)


def on_rig(
    vertices: np.ndarray,
    faces: np.ndarray,
    *,
    binding: str = "face",
    shapes: np.ndarray | None = None,
    anchors: list[int] | None = None,
) -> Avatar:
    count = len(faces) if binding == "face" else len(vertices)
    anchors = list(range(count)) if anchors is None else anchors
    rig = ArkitRig(
        vertices=vertices,
        faces=faces,
        arkit_shapes=np.zeros((52, len(vertices), 3), np.float32) if shapes is None else shapes,
        joint_pivots=vertices[:1],
        joint_weights=np.ones((len(vertices), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    ones = np.ones((len(anchors), 3), np.float32)
    return Avatar(
        name="sheet",
        surface=rig,
        binding=binding,
        anchors=np.array(anchors, np.int32),
        offsets=0 * ones,
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (len(anchors), 1)),
        scales=0.001 * ones,
        opacities=ones[:, 0],
        colours=ones,
        follow="surface",
    )


def heights(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    longest = np.max([np.linalg.norm(edge, axis=1) for edge in (b - a, c - b, a - c)], 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / longest


def test_high_faces_are_told_by_their_own_corners():
    vertices, faces = grid(2 * MM, 2 * MM)
    assert heights(vertices, faces).min() > LEAST_M
    np.testing.assert_array_equal(supports_of(on_rig(vertices, faces)), faces)


def test_a_low_face_is_told_by_a_wider_triangle_around_its_longest_edge():
    vertices, faces = grid(3 * MM, 0.5 * MM)
    found = supports_of(on_rig(vertices, faces))
    assert heights(vertices, faces).max() < LEAST_M
    assert heights(vertices, found).min() >= WIDE_M
    # Corners 0, 1 and 10, of which 0 and 10 are farthest apart: (0, 0) and (3, .5) mm. Of the
    # vertices above, that in row 3, (0, 1.5), makes a triangle of 1.42 mm, that in row 4 of 1.79.
    assert found[0].tolist() == [10, 0, 4 * SIDE]


def test_a_face_that_is_short_all_around_is_told_by_vertices_further_off():
    vertices, faces = grid(0.5 * MM, 0.5 * MM)
    found = supports_of(on_rig(vertices, faces))
    edges = np.linalg.norm(vertices[found[:, 1]] - vertices[found[:, 0]], axis=1)
    assert edges.min() > 1.2 * WIDE_M
    assert (found[:, 0] == faces[:, 2]).sum() + (found[:, 0] == faces[:, 0]).sum() == len(faces)


def test_a_face_that_a_shape_presses_flat_is_low():
    vertices, faces = grid(2 * MM, 2 * MM)
    shapes = np.zeros((52, len(vertices), 3), np.float32)
    shapes[7, faces[5, 2], 1] = -1.9 * MM
    found = supports_of(on_rig(vertices, faces, shapes=shapes))
    changed = (found != faces).any(1)
    pressed = heights(vertices + shapes[7], faces) < LEAST_M
    assert pressed[5]
    np.testing.assert_array_equal(changed, pressed)
    assert heights(vertices + shapes[7], found).min() > LEAST_M


@pytest.mark.parametrize(("space", "is_low"), [("flame2023", True), ("open", False)])
def test_flames_shapes_are_tried_both_ways(space: str, is_low: bool):
    head = small_head()
    a, b, c = head.faces[0]
    basis = np.zeros_like(head.expression_basis)
    basis[c, :, 3] = head.template[c] - 0.5 * (head.template[a] + head.template[b])
    head = replace(head, space=space, expression_basis=basis)
    found = supports_of(on_head(head))
    assert (found[0] != head.faces[0]).any() == is_low


def on_head(head: HeadModel) -> Avatar:
    vertices, faces = grid(2 * MM, 2 * MM)
    return replace(on_rig(vertices, faces, anchors=[0]), surface=head)


def test_each_vertex_that_is_bound_to_has_a_triangle_around_it():
    vertices, faces = grid(0.5 * MM, 0.5 * MM)
    avatar = on_rig(vertices, faces, binding="vertex", anchors=[40, 3, 40])
    found = supports_of(avatar)
    assert found.shape == (len(vertices), 3)
    assert (found[[40, 3], 0] == [40, 3]).all()
    assert heights(vertices, found[[40, 3]]).min() >= WIDE_M
    assert found[4].tolist() == [4, 4, 4]


def test_where_nothing_is_around_a_face_keeps_its_corners_and_a_vertex_turns_nothing():
    vertices, faces = grid(2 * MM, 2 * MM)
    count, alone = len(vertices), vertices[:3] + np.float32([0.1, 0, 0])
    alone[1:] = alone[0] + np.float32([[0.1 * MM, 0, 0], [0, 0.1 * MM, 0]])
    loose = alone[:1] + np.float32([0.1, 0, 0])
    more = np.concatenate([vertices, alone, loose])
    faces = np.concatenate([faces, [[count, count + 1, count + 2]]]).astype(np.int32)
    assert set(supports_of(on_rig(more, faces))[-1]) == {count, count + 1, count + 2}
    avatar = on_rig(more, faces, binding="vertex")
    assert supports_of(avatar)[-1].tolist() == [count + 3] * 3
    turned = Actor(avatar, arkit_motion(np.zeros(52), (0, 0.5, 0))).pose(0).gaussians
    assert turned.quaternions[-1].tolist() == [1, 0, 0, 0]
    assert turned.quaternions[0, 2] == pytest.approx(np.sin(0.25), abs=1e-5)


def test_what_is_rounded_turns_no_gaussian():
    """Against the control: by the faces' own corners it would."""
    vertices, faces = grid(1.5 * MM, 0.1 * MM)
    avatar = on_rig(vertices, faces)
    noise = np.random.default_rng(0).uniform(-1e-7, 1e-7, vertices.shape)
    corners = vertices - vertices.mean(0)

    def off(triangles: np.ndarray) -> float:
        one, other = (normals(at, triangles) for at in (corners, corners + noise))
        return float(np.linalg.norm(one - other, axis=1).max())

    assert off(supports_of(avatar)) < 1e-3 < off(faces)


def normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    cross = np.cross(b - a, c - a)
    return cross / np.linalg.norm(cross, axis=1, keepdims=True)


def test_gaussians_that_stand_still_have_none():
    avatar = replace(on_rig(*grid(1, 1), anchors=[0]), surface=None, binding="none", follow="still")
    assert supports_of(avatar).shape == (0, 3)


def test_each_edge_once_with_the_faces_at_it():
    edges, counts = edges_of(np.array([[0, 1, 2], [2, 1, 3]], np.int32))
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert counts.tolist() == [1, 1, 2, 1, 1]
    assert edges_of(np.zeros((0, 3), np.int32))[0].shape == (0, 2)
