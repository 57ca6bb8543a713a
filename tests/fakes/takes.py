# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files in the layouts of real ones, filled with random numbers."""

import json

import numpy as np
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion


def random_motion(frames: int = 40, *, space: str = "open", seed: int = 0) -> Motion:
    """Any take, every array filled."""
    rng = np.random.default_rng(seed)
    return make_motion(
        expression=rng.normal(0, 0.3, (frames, 100)), jaw=rng.normal(0, 0.1, (frames, 3)),
        neck=rng.normal(0, 0.1, (frames, 3)), eyes=rng.normal(0, 0.1, (frames, 6)),
        rotation=rng.normal(0, 0.1, (frames, 3)), translation=rng.normal(0, 0.01, (frames, 3)),
        shape=rng.normal(0, 1, 300), eyelids=rng.random((frames, 2)), fps=30.0, space=space,
    )  # fmt: skip


def arkit_motion(frames: int = 40, *, seed: int = 0) -> Motion:
    """A take of ARKit weights, half of them zero."""
    rng = np.random.default_rng(seed)
    expression = np.zeros((frames, 100))
    expression[:, :52] = rng.random((frames, 52)) * (rng.random((frames, 52)) < 0.5)
    return make_motion(
        expression=expression, rotation=rng.normal(0, 0.1, (frames, 3)), fps=30.0, space="arkit"
    )


def lam_content(frames: int = 9, *, seed: int = 0) -> dict:
    """flame_params.json as LAM writes it: the first frame's expression is missing."""
    rng = np.random.default_rng(seed)
    widths = {"translation": 3, "rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6}
    content = {k: rng.normal(0, 0.1, (frames, w)).tolist() for k, w in widths.items()}
    content["shape"] = rng.normal(0, 1, 300).tolist()
    rows = rng.normal(0, 1, (frames - 1, 100)).tolist()
    content["expr"] = [{f"expr{i}": v for i, v in enumerate(row)} for row in rows]
    return content


def arkit_content(frames: int = 9, *, seed: int = 0, fps: float = 30.0) -> dict:
    """bsData.json as LAM writes it."""
    rng = np.random.default_rng(seed)
    weights = rng.random((frames, 52)).tolist()
    return {
        "names": list(ARKIT_NAMES),
        "metadata": {"fps": fps, "frame_count": frames, "blendshape_names": list(ARKIT_NAMES)},
        "frames": [
            {"weights": row, "time": i / fps, "rotation": []} for i, row in enumerate(weights)
        ],
    }


def as_bytes(content: object) -> bytes:
    return json.dumps(content).encode()
