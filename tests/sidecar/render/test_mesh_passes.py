# SPDX-License-Identifier: GPL-3.0-or-later
"""Which label a pixel of a mesh has, and which of a take's frames are posed when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.motion import Motion, make_motion
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.head.forward import CHUNK_FRAMES, layer_of
from affekt.sidecar.render import mesh_passes
from affekt.sidecar.render.mesh_passes import MeshPainter
from fakes.head import small_head

from .conftest import view


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_sample_has_the_label_that_weighs_most_of_its_faces_corners(first: int) -> None:
    """A face with its corners at (0, 0), (8.2, 0) and (0, 8.2) pixels, of which the first alone
    has the label 3: it wins where x + y is less than 4.1, although no other corner weighs as much
    there, whichever corner is the first. Four samples a pixel."""
    corners = np.roll(np.array([[0, 0], [8.2, 0], [0, 8.2]]), first, 0)
    screen = np.concatenate([corners, np.ones((3, 2))], 1)
    label = np.roll(np.array([3, 1, 1], np.uint8), first)
    column, row = np.meshgrid(np.arange(8), np.arange(8))
    face = np.where((column + row + 1) / 2 < 8.2, 0, -1).astype(np.int32)
    face[4:, 6:] = -1
    out = np.zeros((4, 4, 4), np.float32)
    mesh_passes._count_labels(face, screen, np.array([[0, 1, 2]], np.int32), label, 2, out)
    assert out[0, 0].tolist() == [0, 0, 0, 1]
    assert out[1, 2].tolist() == [0, 0.25, 0, 0.75]
    assert out[2, 1].tolist() == [0, 0.25, 0, 0.75]
    assert out[1, 3].tolist() == [0, 1, 0, 0]
    assert out[3, 3].tolist() == [0, 0, 0, 0]


def test_a_mesh_is_drawn_on_a_card_only_where_that_is_worth_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rasteriser chooses; but who asked for the CPU gets it."""
    asked: list[str] = []
    monkeypatch.setattr(mesh_passes, "choose_mesh_rasteriser", asked.append)
    head = small_head()
    motion = make_motion(expression=np.zeros((1, 100), np.float32), fps=30, space=head.space)
    for device in ("cpu", "auto", "cuda"):
        MeshPainter(head, motion, PictureRequest(cameras=(view(),)), device)
    assert asked == ["cpu", "auto", "auto"]


def test_a_face_of_one_label_needs_no_weighing() -> None:
    face = np.array([[0, -1, 1], [-1, -1, 1], [1, 1, 1]], np.int32)
    out = np.zeros((1, 1, 3), np.float32)
    faces = np.array([[0, 1, 2], [3, 3, 3]], np.int32)
    label = np.array([2, 2, 2, 1], np.uint8)
    mesh_passes._count_labels(face, np.full((4, 4), np.nan), faces, label, 3, out)
    np.testing.assert_allclose(out[0, 0], [0, 5 / 9, 1 / 9], rtol=1e-6)


def long_take(frames: int) -> Motion:
    expression = np.random.default_rng(4).normal(0, 0.5, (frames, 100)).astype(np.float32)
    return make_motion(expression=expression, fps=30.0, space="open")


def test_each_frame_has_its_own_vertices_across_blocks() -> None:
    """The last block is shorter; of blocks that lie apart only the neighbours are kept."""
    head, frames = small_head(), 3 * CHUNK_FRAMES + 5
    motion = long_take(frames)
    painter = MeshPainter(head, motion, PictureRequest(cameras=(view(16),)))
    whole = layer_of(head).vertices(motion, 0, frames)
    for index in (0, CHUNK_FRAMES - 1, CHUNK_FRAMES, 2 * CHUNK_FRAMES + 3, frames - 1):
        np.testing.assert_allclose(painter._vertices(index), whole[index], atol=1e-7)
    assert sorted(painter._blocks) == [2 * CHUNK_FRAMES, 3 * CHUNK_FRAMES]
    block = painter._blocks[3 * CHUNK_FRAMES]
    assert len(block) == 5
    painter._vertices(frames - 2)
    assert painter._blocks[3 * CHUNK_FRAMES] is block


def test_what_was_not_asked_for_is_not_drawn() -> None:
    painter = MeshPainter(small_head(), long_take(2), PictureRequest(cameras=(view(16),)))
    frame = painter.paint(1)
    assert frame.index == 1
    for name in ("normal", "position", "masks", "object_index", "uv", "vector"):
        assert getattr(frame, name) is None, name


@pytest.mark.parametrize("turned", [False, True])
def test_a_sheet_shows_the_normal_of_the_side_that_is_seen(turned: bool) -> None:
    """A square that faces the camera, its corners counter-clockwise or clockwise seen from there:
    the normal shown comes towards the camera in both cases, where nothing is there is none."""
    head = small_head(5)
    edge = 0.05
    square = np.array([[-edge, -edge, 0], [edge, -edge, 0], [edge, edge, 0], [-edge, edge, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    head = replace(
        head,
        template=np.append(square, [[9, 9, 9]], 0).astype(np.float32),
        faces=faces[:, ::-1].copy() if turned else faces,
        uv=np.zeros((2, 3, 2), np.float32),
        landmark_faces=np.zeros(68, np.int32),
        expression_basis=np.zeros_like(head.expression_basis),
        pose_basis=np.zeros_like(head.pose_basis),
    )
    camera = replace(view(32, target=(0, 0, 0)), camera_from_world=np.diag([1.0, -1, -1, 1]))
    camera.camera_from_world[2, 3] = 1.0
    request = PictureRequest(cameras=(camera,), passes=("normal",), format="exr")
    still = make_motion(expression=np.zeros((1, 100), np.float32), fps=30.0, space="open")
    normal = MeshPainter(head, still, request).paint(0).normal
    np.testing.assert_allclose(normal[16, 16], [0, 0, 1], atol=1e-5)
    assert not normal[0, 0].any()
