# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered frames arrive in the scene's compositor, each at its own frame."""

from pathlib import Path

import numpy as np
import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


def linear(red: float) -> float:
    """sRGB of 8 bits -> scene linear."""
    value = red / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("first_frame", [1, 101])
def test_each_frame_of_the_compositor_shows_its_picture(
    first_frame: int, in_blender: RunScript, tmp_path: Path
) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender(
        "compositor.py", head=save(small_head(), tmp_path / "head.npz"), take=take,
        first_frame=first_frame,
    )  # fmt: skip
    np.testing.assert_allclose(told["reds"], [linear(i + 1) for i in range(8)], atol=2e-5)
    assert told["files"] == [f"avatar_{first_frame + i:06d}.png" for i in range(8)]
    # A second, shorter rendering replaces the pictures and nothing else.
    assert told["files_after"] == [*told["files"][:4], "mine.txt"]
    assert told["image_nodes"] == ["Affekt Avatar"]
    assert len(told["images"]) == 1
    assert told["left_over"] == []
