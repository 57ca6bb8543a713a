# SPDX-License-Identifier: GPL-3.0-or-later
"""A head of a few vertices in the full layout, for tests that need any head, fast."""

import numpy as np
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES


def small_head(vertices: int = 40, seed: int = 0) -> HeadModel:
    """A random blob with 100 expression components; the first 52 are ARKit's."""
    rng = np.random.default_rng(seed)
    template = rng.normal(0, 0.08, (vertices, 3)).astype(np.float32)
    faces = np.stack([np.arange(vertices - 2) + i for i in range(3)], 1).astype(np.int32)
    regressor = np.zeros((5, vertices), np.float32)
    regressor[np.arange(5), np.arange(5)] = 1
    weights = rng.random((vertices, 5)).astype(np.float32)
    arkit_expression = np.zeros((100, 52), np.float32)
    arkit_expression[:52] = np.eye(52)
    arkit_jaw = np.zeros((3, 52), np.float32)
    arkit_jaw[0, ARKIT_NAMES.index("jawOpen")] = 0.3
    return HeadModel(
        name="small",
        space="open",
        expression_names=(*ARKIT_NAMES, *(f"extra{i:02d}" for i in range(48))),
        template=template,
        faces=faces,
        shape_basis=rng.normal(0, 0.002, (vertices, 3, 8)).astype(np.float32),
        expression_basis=rng.normal(0, 0.002, (vertices, 3, 100)).astype(np.float32),
        pose_basis=rng.normal(0, 0.0005, (vertices, 3, 36)).astype(np.float32),
        joint_regressor=regressor,
        skin_weights=weights / weights.sum(1, keepdims=True),
        uv=rng.random((len(faces), 3, 2)).astype(np.float32),
        landmark_faces=np.zeros(68, np.int32),
        landmark_weights=np.full((68, 3), 1 / 3, np.float32),
        region=np.zeros(vertices, np.uint8),
        upper=rng.random(vertices).astype(np.float32),
        colour=np.full((vertices, 3), 0.7, np.float32),
        arkit_expression=arkit_expression,
        arkit_jaw=arkit_jaw,
        arkit_eyes=np.zeros((6, 52), np.float32),
    )
