# SPDX-License-Identifier: GPL-3.0-or-later
"""An EXR of ours in Blender's compositor: every pass is a socket, with its numbers."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.sidecar.avatar.regions import PASS_REGIONS
from affekt.sidecar.render.exr import About, write_exr
from affekt.sidecar.render.frame import Frame

from .conftest import RunScript

SIZE, PIXEL = 16, (5, 9)


def frame() -> Frame:
    rng = np.random.default_rng(2)

    def noise(channels: int) -> np.ndarray:
        return rng.uniform(0.1, 0.9, (SIZE, SIZE, channels)).astype(np.float32)

    combined = noise(4)
    combined[..., 3] = 1
    return Frame(
        index=0,
        combined=combined,
        depth=1 + noise(1)[..., 0],
        normal=noise(3),
        position=noise(3),
        masks=noise(6),
        object_index=np.full((SIZE, SIZE), 3, np.float32),
        uv=noise(2),
        vector=noise(4),
    )


@pytest.mark.two_blenders
def test_every_pass_is_a_socket(in_blender: RunScript, tmp_path: Path) -> None:
    camera = look_at(
        target=np.zeros(3),
        distance=1.0,
        yaw_rad=0,
        pitch_rad=0,
        width=SIZE,
        height=SIZE,
        fov_y_rad=0.3,
    )
    ours, path = frame(), tmp_path / "frame_0001.exr"
    write_exr(path, ours, About(fps=25.0, camera=camera), half=False)
    told = in_blender("layers.py", picture=path, size=SIZE, pixel=PIXEL)
    assert told["type"] == "MULTILAYER"
    masks = {f"mask_{name}": ours.masks[..., k] for k, name in enumerate(PASS_REGIONS)}
    single = {"Depth": ours.depth, "IndexOB": ours.object_index, **masks}
    vectors = {"Normal": ours.normal, "Position": ours.position}
    assert {"Combined", "Vector", "UV", *single, *vectors} <= set(told["sockets"])
    for name, values in single.items():
        np.testing.assert_allclose(told["values"][name][0], values[PIXEL], rtol=2e-3, err_msg=name)
    for name, values in vectors.items():
        np.testing.assert_allclose(told["values"][name][:3], values[PIXEL], rtol=2e-3, err_msg=name)
    np.testing.assert_allclose(told["values"]["Combined"], ours.combined[PIXEL], rtol=2e-3)
