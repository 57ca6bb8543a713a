# SPDX-License-Identifier: GPL-3.0-or-later
"""A loose head hides what is behind it, and its outline stays as it was."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.affekt_avatar import decode_affekt_avatar, encode_avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.render import opaque_core
from affekt.sidecar.render.passes import render_frames
from affekt.sidecar.render.shot import make_shot
from fakes.lam import lam_bundle

from .conftest import take


def ball(rows: int = 24, columns: int = 36) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a closed ball of 0.1 m."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    sides = (np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around))
    vertices = 0.1 * np.stack(np.broadcast_arrays(*sides), -1).reshape(-1, 3)
    row, column = np.mgrid[: rows - 1, :columns]
    here, beside = row * columns + column, row * columns + (column + 1) % columns
    first = np.stack([here, here + columns, beside], -1).reshape(-1, 3)
    second = np.stack([beside, here + columns, beside + columns], -1).reshape(-1, 3)
    return vertices.astype(np.float32), np.concatenate([first, second]).astype(np.int32)


CORE = opaque_core.Core(vertices=np.arange(24 * 36), edge_m=0.022)
"""Of the ball."""


def view(distance: float = 1.0, edge: int = 160) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=distance,
        yaw_rad=0.4,
        pitch_rad=0.2,
        width=edge,
        height=edge - 30,
        fov_y_rad=0.3,
    )


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("distance", [0.6, 1.0, 3.0])
def test_coverage_lies_inside_the_outline_and_fills_it(distance: float, orthographic: bool):
    vertices, faces = ball()
    camera = view(distance)
    if orthographic:
        focal = camera.focal_x / distance
        camera = replace(camera, focal_x=focal, focal_y=focal, orthographic=True)
    coverage = opaque_core.core_coverage(vertices, CORE, camera)
    seen = rasterise_mesh(vertices, faces, camera).face >= 0
    # Less than any alpha that is raised.
    assert coverage[~seen].max(initial=0) < opaque_core.LEAST_ALPHA / 4
    assert coverage.max() == 1
    # Of so coarse a ball: its cells are as wide as its edges.
    assert coverage.sum() > 0.3 * seen.sum()


def test_nothing_is_covered_where_there_is_nothing_to_see():
    vertices, _ = ball()
    behind = vertices + np.array([0, 0, 50], np.float32)
    assert opaque_core.core_coverage(behind, CORE, view()).max() == 0
    assert opaque_core.core_coverage(np.full_like(vertices, np.nan), CORE, view()).max() == 0
    assert opaque_core.core_coverage(vertices, replace(CORE, edge_m=0.0), view()).max() == 0
    nothing = replace(CORE, vertices=np.zeros(0, np.int64))
    assert opaque_core.core_coverage(vertices, nothing, view()).max() == 0


def test_all_channels_grow_with_alpha_and_keep_their_ratio():
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0, 1, (40, 50)).astype(np.float32)
    coverage = rng.uniform(0, 1, (40, 50)).astype(np.float32)
    stack = rng.uniform(0, 1, (40, 50, 7)).astype(np.float32)
    before, old = stack.copy(), alpha.copy()
    opaque_core.make_opaque(stack, alpha, coverage).run()
    raised = (coverage > old) & (old >= opaque_core.LEAST_ALPHA)
    np.testing.assert_array_equal(alpha, np.where(raised, coverage, old))
    expected = before * np.where(raised, coverage / np.maximum(old, 1e-9), 1)[..., None]
    np.testing.assert_allclose(stack, expected, rtol=1e-5)


def test_a_loose_avatar_hides_what_is_behind_it():
    avatar = decode_lam_avatar(lam_bundle(), "test.zip")
    assert avatar.opaque_core
    vertices, faces = ball()
    rig = replace(
        avatar.surface,
        vertices=vertices,
        faces=faces,
        arkit_shapes=np.zeros((52, len(vertices), 3), np.float32),
        joint_weights=np.tile(np.array([0, 0, 1], np.float32), (len(vertices), 1)),
    )
    count = len(vertices)
    loose = replace(
        avatar,
        surface=rig,
        anchors=np.arange(count, dtype=np.int32),
        offsets=np.zeros((count, 3), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), 0.008, np.float32),
        opacities=np.full(count, 0.25, np.float32),
        colours=np.full((count, 3), 0.5, np.float32),
    )
    camera = view()
    request = PictureRequest(cameras=(camera,))
    made, left = (
        next(render_frames(make_shot(a, take(), request)))
        for a in (loose, replace(loose, opaque_core=False))
    )
    alpha, before = made.combined[..., 3], left.combined[..., 3]
    inner = opaque_core.core_coverage(vertices, opaque_core.find_core(loose), camera) == 1
    assert before[inner].max() < 0.95
    assert alpha[inner].min() == 1
    outer = rasterise_mesh(vertices, faces, camera).face < 0
    np.testing.assert_array_equal(alpha[outer], before[outer])
    np.testing.assert_allclose(made.depth[inner], left.depth[inner], rtol=1e-5)


def test_shoulders_are_no_part_of_a_core():
    avatar = decode_lam_avatar(lam_bundle(), "test.zip")
    weights = avatar.surface.joint_weights.copy()
    weights[:3] = 0
    core = opaque_core.find_core(
        replace(avatar, surface=replace(avatar.surface, joint_weights=weights))
    )
    np.testing.assert_array_equal(core.vertices, np.flatnonzero(weights.sum(1) > 0.5))
    assert core.vertices.min() >= 3
    edges = [
        np.linalg.norm(avatar.vertices[f[k]] - avatar.vertices[f[k - 1]])
        for f in avatar.faces
        for k in range(3)
    ]
    assert core.edge_m == pytest.approx(np.quantile(edges, 0.9), rel=1e-6)


@pytest.mark.parametrize("is_opaque", [False, True])
def test_an_own_file_remembers(is_opaque: bool):
    avatar = replace(decode_lam_avatar(lam_bundle(), "test.zip"), opaque_core=is_opaque)
    assert decode_affekt_avatar(encode_avatar(avatar), "mine.safetensors").opaque_core is is_opaque
