# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion track is what Blender shows, however the channels are animated."""

from pathlib import Path

import pytest
from affekt.shared.emotion import CONTROLS, EMOTIONS
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


def test_tracks_are_what_blender_shows(in_blender: RunScript, tmp_path: Path) -> None:
    told = in_blender("emotion.py", head=save(small_head(), tmp_path / "head.npz"))
    print(told["errors"])
    assert max(told["errors"].values()) < 1e-5
    assert told["driven"] == pytest.approx([0.02, 0.03, 0.07], abs=1e-5)
    assert told["muted"] == [0.25, 0.25]
    assert told["frames"] == [17, 17.25]  # reading leaves the scene's frame where it was
    assert told["keyed"] == sorted(f"affekt_emotion.{name}" for name in (*EMOTIONS, *CONTROLS))
