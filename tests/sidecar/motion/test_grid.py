# SPDX-License-Identifier: GPL-3.0-or-later
"""Where repeated frames go."""

import numpy as np
import pytest
from affekt.sidecar.motion.grid import spread


@pytest.mark.parametrize(
    ("frames", "expected", "kept"),
    [
        ([4, 5, 7], [4, 5, 7], [1, 1, 1]),
        ([4, 4, 6], [4, 5, 6], [1, 1, 1]),  # the next one is free
        ([2, 4, 4, 5], [2, 3, 4, 5], [1, 1, 1, 1]),  # the one before
        ([3, 4, 4, 5], [3, 4, 4, 5], [1, 1, 0, 1]),  # neither
        ([4, 4, 5], [4, 4, 5], [1, 0, 1]),  # nothing lies before the first
        ([4, 5, 5], [4, 5, 6], [1, 1, 1]),  # the last may move on
        ([4, 4], [4, 5], [1, 1]),
        ([1, 4, 4, 4, 9], [1, 3, 4, 5, 9], [1, 1, 1, 1, 1]),
    ],
)
def test_repeated_frames(frames: list[int], expected: list[int], kept: list[int]) -> None:
    out, has_own = spread(np.array(frames, np.int64))
    assert out.tolist() == expected
    assert has_own.tolist() == [bool(k) for k in kept]
