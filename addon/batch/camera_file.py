# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's cameras as the file that `affekt render --camera` reads (docs/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...shared.camera import Camera


def encode_cameras(cameras: Sequence[Camera]) -> bytes:
    """The file of a take's cameras, one a frame, in the head's axes; all have one size. What does
    not change from the frame before is not said again."""
    before = _told(cameras[0])
    content: dict[str, object] = {"width": cameras[0].width, "height": cameras[0].height, **before}
    entries = list[dict[str, object]]()
    for frame, camera in enumerate(cameras):
        now = _told(camera)
        if now != before:
            # An entry differs from the file's own camera, whatever the frame before had.
            changed = {name: value for name, value in now.items() if value != content[name]}
            entries.append({"frame": frame, **changed})
        before = now
    if entries:
        content["frames"] = [{"frame": 0}, *entries]
    return (json.dumps(content) + "\n").encode()


def _told(camera: Camera) -> dict[str, object]:
    return {
        "focal_px": [camera.focal_x, camera.focal_y],
        "centre_px": [camera.centre_x, camera.centre_y],
        "camera_from_head": camera.camera_from_world.tolist(),
        "near_m": camera.near,
        "far_m": camera.far,
        "orthographic": camera.orthographic,
    }
