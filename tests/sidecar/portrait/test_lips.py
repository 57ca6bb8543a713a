# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of the lips lie on the head's own lines."""

import numpy as np
from affekt.shared.camera import look_at
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.landmarks import LIP_RINGS, _on_lip_lines
from affekt.sidecar.raster.mesh import interpolate, rasterise_mesh
from affekt.sidecar.raster.project import to_pixels
from scipy.ndimage import binary_dilation, binary_erosion

from tests.fakes.landmarks import drawn_landmarks


def test_landmarks_of_an_open_mouth_go_onto_the_lips_own_lines() -> None:
    head = read_head("open")
    k = ARKIT_NAMES.index("jawOpen")
    expression = np.zeros((1, 100), np.float32)
    expression[0, : len(head.arkit_expression)] = 0.4 * head.arkit_expression[:, k]
    jaw = (0.4 * head.arkit_jaw[:, k])[None].astype(np.float32)
    pose = make_motion(expression=expression, jaw=jaw, fps=30, space="open")
    vertices = layer_of(head).vertices(pose, 0, 1)[0]
    camera = look_at(
        target=np.array([0.0, -0.01, 0.0]), distance=0.62, width=512, height=512, fov_y_rad=0.42
    )
    points = vertices[head.faces[drawn_landmarks().faces]].mean(1)
    given = to_pixels(points, camera)[:, :2].astype(np.float64)
    moved = _on_lip_lines(head, vertices, camera, given)
    hit = rasterise_mesh(vertices, head.faces, camera)
    names = ("mouth", "teeth", "tongue")
    inside = np.isin(head.region, [REGIONS.index(name) for name in names]).astype(np.float32)
    opening = interpolate(inside[:, None], head.faces, hit)[..., 0] > 0.5
    edge = binary_dilation(opening) & np.logical_not(binary_erosion(opening))
    columns, rows = moved[list(LIP_RINGS[-1])].astype(int).T
    assert edge[rows, columns].all()
    between = np.linalg.norm(moved[list(LIP_RINGS[1])] - moved[list(LIP_RINGS[0])], axis=1)
    whole = np.linalg.norm(moved[list(LIP_RINGS[-1])] - moved[list(LIP_RINGS[0])], axis=1)
    assert (between < whole + 1e-9).all()
    np.testing.assert_array_equal(moved[10], given[10])
