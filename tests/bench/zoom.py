# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench --zoom PATH`: a head goes away slowly, in three ways: as Gaussians are
drawn plainly, with `antialiased`, and with `rasterise_oversampled`. Writes a strip of pictures,
enlarged to one size, and prints how far the head's area wanders and jumps on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.gaussians import GaussianImage, Gaussians, rasterise_gaussians
from affekt.sidecar.raster.mesh import vertex_normals
from affekt.sidecar.raster.oversample import rasterise_oversampled
from PIL import Image

COUNT = 20_000
EDGE = 96
NEAREST, FARTHEST = 0.8, 20.0
PICTURES, STEPS = 10, 120
SHOWN = 112

Draw = Callable[..., GaussianImage]
WAYS: dict[str, Draw] = {
    "plain": rasterise_gaussians,
    "antialiased": partial(rasterise_gaussians, antialiased=True),
    "oversampled": partial(rasterise_oversampled, rasterise_gaussians),
}


def make_zoom(path: Path) -> None:
    """Writes the strip, one row a way; prints area times distance squared, which should stay."""
    scene = head_gaussians()
    rows = []
    for name, draw in WAYS.items():
        views = [zoomed(distance) for distance in np.geomspace(NEAREST, FARTHEST, PICTURES)]
        rows.append(np.concatenate([shown(draw(scene, view), view) for view in views], 1))
        distances = np.geomspace(NEAREST, FARTHEST, STEPS)
        area = [draw(scene, zoomed(d)).alpha.sum(dtype=float) * d**2 for d in distances]
        slid = [draw(scene, slide(zoomed(8.0), x)).alpha.sum() for x in np.linspace(0, 1, 21)]
        steps = np.abs(np.diff(np.log(np.maximum(area, 1e-9))))
        print(
            f"{name}: area from {min(area) / area[0]:.2f} to {max(area) / area[0]:.2f} of the "
            f"nearest, largest step {100 * steps.max():.1f} %; sliding by a pixel at 8 m "
            f"changes it by {100 * np.ptp(slid) / max(np.mean(slid), 1e-9):.1f} %"
        )
    Image.fromarray((np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)).save(path)


def head_gaussians() -> Gaussians:
    """The open head, shaded and finely striped, as Gaussians of LAM's number and size."""
    head, rng = read_head("open"), np.random.default_rng(0)
    points = head.template.astype(np.float64)
    points -= (points.max(0) + points.min(0)) / 2
    corners = points[head.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    face = rng.choice(len(area), COUNT, p=area / area.sum())
    means = np.einsum("nk,nkd->nd", rng.dirichlet([1, 1, 1], COUNT), corners[face])
    normals = vertex_normals(points, head.faces)[head.faces[face, 0]]
    shade = 0.15 + 0.8 * np.clip(normals @ [0.4, 0.5, 0.75], 0, 1)
    shade *= np.where(np.sin(700 * means[:, 1]) > 0, 1.0, 0.4)
    colours = shade[:, None] * [1.0, 0.8, 0.7]
    scales = np.exp(rng.normal(-6.6, 0.35, (COUNT, 3)))
    return Gaussians(
        means=means.astype(np.float32),
        quaternions=rng.normal(size=(COUNT, 4)).astype(np.float32),
        scales=scales.astype(np.float32),
        opacities=rng.uniform(0.3, 1, COUNT).astype(np.float32),
        colours=colours.astype(np.float32),
    )


def zoomed(distance: float) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=float(distance),
        yaw_rad=0.35,
        pitch_rad=0.0,
        width=EDGE,
        height=EDGE,
        fov_y_rad=0.42,
    )


def slide(camera: Camera, pixels: float) -> Camera:
    return replace(camera, centre_x=camera.centre_x + pixels)


def shown(image: GaussianImage, view: Camera) -> np.ndarray:
    """(SHOWN, SHOWN, 3): the head on grey, enlarged without smoothing."""
    on_grey = image.colour + 0.5 * (1 - image.alpha[..., None])
    half = max(round(0.17 * view.focal_x / float(view.camera_from_world[2, 3])), 2)
    middle = on_grey[EDGE // 2 - half : EDGE // 2 + half, EDGE // 2 - half : EDGE // 2 + half]
    nearest = np.arange(SHOWN) * len(middle) // SHOWN
    return middle[nearest][:, nearest]
