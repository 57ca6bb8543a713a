# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network has made, as an avatar on the person's head."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.lam import avatar as avatars
from affekt.sidecar.lam.avatar import make_avatar, make_rig
from affekt.sidecar.lam.checkpoint import Flame, load_flame, open_checkpoint
from affekt.sidecar.motion.adapter import LinearAdapter
from fakes.flame import flame_arrays
from fakes.lam_checkpoint import write_checkpoint
from fakes.lam_twin import SMALL

SMILE, JAW = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("jawOpen")
VERTICES = 60


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return flame_arrays(VERTICES, seed=4)


@pytest.fixture(scope="module")
def flame(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Flame:
    path = write_checkpoint(tmp_path_factory.mktemp("lam") / "m.safetensors", arrays, SMALL)
    return load_flame(open_checkpoint(path, SMALL))


@pytest.fixture
def rig(flame: Flame, monkeypatch: pytest.MonkeyPatch) -> ArkitRig:
    numbers = np.zeros((103, 52), np.float32)
    numbers[4, SMILE], numbers[9, SMILE] = 2.0, -1.0
    numbers[100, JAW] = 0.3
    adapter = LinearAdapter(
        space="flame2023",
        arkit_from_space=np.zeros((52, 103), np.float32),
        arkit_bias=np.zeros(52, np.float32),
        space_from_arkit=numbers,
    )
    monkeypatch.setattr(avatars, "adapter_of", lambda *_: adapter)
    shape = np.zeros(300, np.float32)
    shape[2] = 1.5
    return make_rig(flame, shape)


def test_the_persons_head(rig: ArkitRig, arrays: dict[str, np.ndarray]) -> None:
    own = arrays["v_template"] + 1.5 * arrays["shapedirs"][..., 2]
    np.testing.assert_allclose(rig.vertices[:VERTICES], own, atol=1e-6)
    np.testing.assert_allclose(rig.joint_pivots, (arrays["J_regressor"] @ own)[1:2], atol=1e-6)
    below = arrays["weights"][:, 1:].sum(1)
    np.testing.assert_allclose(rig.joint_weights[:VERTICES, 0], below, atol=1e-6)


def test_shapes_are_flames_expressions(rig: ArkitRig, arrays: dict[str, np.ndarray]) -> None:
    directions = arrays["shapedirs"][..., 300:]
    wanted = 2 * directions[..., 4] - directions[..., 9]
    np.testing.assert_allclose(rig.arkit_shapes[SMILE, :VERTICES], wanted, atol=1e-6)


def test_the_jaw_turns_what_it_holds(rig: ArkitRig, arrays: dict[str, np.ndarray]) -> None:
    own = arrays["v_template"] + 1.5 * arrays["shapedirs"][..., 2]
    joint, turn = (arrays["J_regressor"] @ own)[2], 0.3
    matrix = np.array(
        [[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]]
    )
    turned = (own - joint) @ matrix.T + joint
    wanted = arrays["weights"][:, 2:3] * (turned - own)
    np.testing.assert_allclose(rig.arkit_shapes[JAW, :VERTICES], wanted, atol=1e-6)


def made(count: int, value: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(int(value * 10))
    turns = rng.normal(size=(count, 4)).astype(np.float32)
    return {
        "colours": np.full((count, 3), value, np.float32),
        "scales": np.full((count, 3), 0.001 * value, np.float32),
        "offsets": np.full((count, 3), 0.01 * value, np.float32),
        "opacities": np.full((count, 1), value, np.float32),
        "quaternions": turns / np.linalg.norm(turns, axis=1, keepdims=True),
    }


def test_gaussians_lie_on_the_points(rig: ArkitRig) -> None:
    avatar = make_avatar(rig, [made(len(rig.vertices), 0.5)], "me")
    np.testing.assert_allclose(avatar.means, rig.vertices + 0.005, atol=1e-7)
    assert avatar.emotion_looks is None
    assert "CC BY-NC" in avatar.notes[0]


def test_looks_are_what_the_network_made(rig: ArkitRig) -> None:
    count = len(rig.vertices)
    rows = [made(count, value) for value in (0.5, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9)]
    rows[3]["scales"][0] = 0
    emotions = [*map(tuple, np.eye(6).tolist()), (0.25, 0.0, 0.5, 0.0, 0.0, 0.0)]
    looks = make_avatar(rig, rows, "me", emotions).emotion_looks
    assert looks is not None
    np.testing.assert_array_equal(looks.weights[6], [0.25, 0, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(looks.colours[2], rows[3]["colours"])
    np.testing.assert_array_equal(looks.opacities[6], rows[7]["opacities"])
    np.testing.assert_array_equal(looks.offsets[0], rows[1]["offsets"])
    np.testing.assert_array_equal(looks.scales[4], rows[5]["scales"])
    assert looks.scales[2, 0, 0] == pytest.approx(1e-12)
    np.testing.assert_array_equal(np.abs(looks.quaternions[3]), np.abs(rows[4]["quaternions"]))
    assert (np.sum(looks.quaternions * rows[0]["quaternions"], 2) >= 0).all()
