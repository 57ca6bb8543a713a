# SPDX-License-Identifier: GPL-3.0-or-later
"""What Cycles draws of a posed head, our z-buffer draws too, through any camera.

Cycles sends one ray through the middle of each pixel; ours is drawn at `FINE` times the size. A
pixel may differ only within half a pixel of our outline, and Cycles' depth must lie among the
depths that we find within half a pixel (where an edge runs through, that is a range), to 1 mm.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.mesh import EMPTY, MeshFragments, rasterise_mesh
from fakes.head import small_head
from scipy import ndimage

from .blenders import pythons
from .conftest import RunScript
from .nouns import random_motion, save

FINE = 4
SILHOUETTE_PIXELS = 0.5
DEPTH_M = 0.001
STEEP_M = 0.002
"""Where depth changes by more over a pixel, an edge runs through, or the surface is seen from the
side: the range counts there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """silhouette: pixels; outside: how far Cycles' depth is out of the range of ours, and direct:
    from ours at the same place where the surface is not steep, metres."""

    silhouette: float
    outside: float
    direct: float
    covered: int
    plain: int
    outline: int


@pytest.mark.two_blenders
def test_cameras_see_what_cycles_sees(
    blender_python: str, in_blender: RunScript, tmp_path: Path
) -> None:
    """Random ones, in perspective and without: three of them show how each Blender has cameras and
    writes EXRs; the newest has ten."""
    pytest.importorskip("OpenEXR", reason="OpenEXR reads what Cycles wrote")
    cameras = 10 if blender_python == str(pythons()[-1]) else 3
    head = read_head("open")
    told = in_blender(
        "camera.py",
        head=save(head, tmp_path / "head.npz"),
        count=cameras,
        seed=4,
        motion=save(random_motion(1, expression_scale=0.2), tmp_path / "motion.npz"),
    )["cameras"]
    found = []
    for index, values in enumerate(told):
        camera = make_camera(values)
        vertices = np.load(tmp_path / f"vertices_{index:02d}.npy")
        alpha, depth = read_cycles(tmp_path / f"camera_{index:02d}.exr")
        assert alpha.shape == (camera.height, camera.width)
        found.append(compare(vertices, head.faces, camera, alpha, depth))
        print(
            f"{'ortho' if camera.orthographic else 'persp'} {camera.width} x {camera.height}: "
            f"silhouette {found[-1].silhouette:.3f} px of {found[-1].outline} pixels, depth "
            f"{1e3 * found[-1].outside:.3f} mm out of range, {1e3 * found[-1].direct:.3f} mm "
            f"direct at {found[-1].plain} of {found[-1].covered} pixels"
        )
    assert max(one.silhouette for one in found) <= SILHOUETTE_PIXELS
    assert max(one.outside for one in found) <= DEPTH_M
    assert max(one.direct for one in found) <= DEPTH_M
    # The heads are in the pictures, with plain skin and edges to compare.
    assert min(one.covered for one in found) > 500
    assert sum(one.plain for one in found) > 500 * cameras
    assert np.median([one.outline for one in found]) > 100
    # Control: a lens that is off by less than a pixel is found out.
    wrong = compare(vertices, head.faces, shifted(camera, 0.8), alpha, depth)
    assert wrong.silhouette > SILHOUETTE_PIXELS


def make_camera(values: dict) -> Camera:
    known = {entry.name: values[entry.name] for entry in fields(Camera)}
    return Camera(**{**known, "camera_from_world": np.array(known["camera_from_world"])})


def read_cycles(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and depth (H, W), top row first."""
    import OpenEXR

    with OpenEXR.File(str(path), separate_channels=True) as file:
        # Blender 5 writes a part for each pass.
        channels = {n: c.pixels for part in file.parts for n, c in part.channels.items()}
    (alpha,) = (pixels for name, pixels in channels.items() if name.endswith("Combined.A"))
    (depth,) = (pixels for name, pixels in channels.items() if name.endswith("Depth.Z"))
    return np.array(alpha), np.array(depth)


def compare(
    vertices: np.ndarray, faces: np.ndarray, camera: Camera, alpha: np.ndarray, depth: np.ndarray
) -> Deviation:
    ours = rasterise_mesh(vertices, faces, camera)
    fine = rasterise_mesh(vertices, faces, enlarged(camera))
    inside, outline = ours.face != EMPTY, distance_to_outline(fine)
    differs = inside != (alpha > 0.5)
    both = inside & (alpha > 0.5)
    both = inside & (alpha > 0.5)
    low, high = depth_range(fine)  # which has no sample in the very middle
    low, high = np.minimum(low, ours.depth)[both], np.maximum(high, ours.depth)[both]
    seen = depth[both]
    outside = np.maximum(np.maximum(low - seen, seen - high), 0)
    direct = np.abs(ours.depth[both] - seen)[high - low < STEEP_M]
    return Deviation(
        silhouette=outline[differs].max(initial=0.0),
        outside=outside.max(initial=0.0),
        direct=direct.max(initial=0.0),
        covered=int(both.sum()),
        plain=len(direct),
        outline=int((outline < SILHOUETTE_PIXELS).sum()),
    )


def shifted(camera: Camera, pixels: float) -> Camera:
    return replace(camera, centre_x=camera.centre_x + pixels)


def enlarged(camera: Camera) -> Camera:
    """The same view in `FINE` times as many pixels each way."""
    names = ("width", "height", "focal_x", "focal_y", "centre_x", "centre_y")
    return replace(camera, **{name: FINE * getattr(camera, name) for name in names})


def distance_to_outline(fine: MeshFragments) -> np.ndarray:
    """(H, W) pixels from each pixel's centre to the nearest outline of the mesh."""
    inside = np.pad(fine.face != EMPTY, 1, mode="edge")
    # Sample centres lie half a sample from an outline between them.
    either = np.where(
        inside, ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside)
    )[1:-1, 1:-1]
    half = FINE // 2
    # A pixel's centre is a corner of four samples.
    four = [either[half - a :: FINE, half - b :: FINE] for a in (0, 1) for b in (0, 1)]
    return np.maximum(np.minimum.reduce(four) - 0.5, 0) / FINE


def depth_range(fine: MeshFragments) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) least and greatest depth within half a pixel of each pixel's centre; of what is
    there."""
    rows, columns = fine.depth.shape[0] // FINE, fine.depth.shape[1] // FINE
    blocks = fine.depth.reshape(rows, FINE, columns, FINE).swapaxes(1, 2)
    blocks = blocks.reshape(rows, columns, -1)
    low, high = blocks.min(-1), np.where(np.isfinite(blocks), blocks, -np.inf).max(-1)
    return low, high


@pytest.mark.two_blenders
def test_all_that_moves_the_camera_counts(in_blender: RunScript, tmp_path: Path) -> None:
    told = in_blender("camera_moves.py", head=save(small_head(), tmp_path / "head.npz"))
    centres = np.array(told["centres"])
    np.testing.assert_allclose(centres[0], [0, 1, 2], atol=1e-5)
    np.testing.assert_allclose(centres[2], [0, 11, 4], atol=1e-5)
    assert 2 < centres[1, 2] < 4
    np.testing.assert_allclose(centres[3:], [[9, 9, 9]] * 2, atol=1e-5)
    assert told["focals"][0] == pytest.approx(told["width"] * 30 / 36)
    assert told["focals"][2] == pytest.approx(told["width"] * 60 / 36)
    assert told["orthographic"] == [False, False, False, True, True]
    assert [place[2] for place in told["heads"]] == pytest.approx([0, 0, 0, 0, 8])
    assert told["after"] == told["after_close"] == [7, 0.25]
    assert told["codes"] == {
        "panorama": "camera.type",
        "mesh": "camera.type",
        "none": "camera.none",
    }
