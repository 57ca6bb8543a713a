# SPDX-License-Identifier: GPL-3.0-or-later
"""A take is read where its keys lie, whatever the scene's rate has become since."""

from pathlib import Path

import numpy as np
import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

FRAMES = 90


@pytest.mark.two_blenders
def test_the_scenes_rate_changes_after_the_import(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender("placement.py", head=save(small_head(), tmp_path / "head.npz"), take=take)
    placed = (1 + np.arange(FRAMES) * 0.8).astype(np.float32)
    assert told["placed"] == 24
    assert told["places"] == placed.tolist()
    assert told["end"] == 73
    for case in ("changed", "older"):
        assert told[case]["gap"] == 0
        assert told[case]["places"] == placed.tolist()  # the bake plays as the take does
        assert "plays 25 % too fast" in told[case]["said"]
        assert "24 fps" in told[case]["said"]
        assert "Fit to Scene Rate" in told[case]["said"]

    fitted = told["fitted"]
    assert fitted["places"] == list(range(1, FRAMES + 1))
    assert fitted["emotions"] == pytest.approx([1, 31])
    assert fitted["end"] == FRAMES
    assert fitted["speed"] == ""
    assert fitted["rates"] == [30, 30, 30]
    assert told["after_fit"]["gap"] == 0
    assert "too fast" not in told["after_fit"]["said"]
    assert told["other_ends"] == [200, 40]  # of a scene that did not end with the take

    assert told["moved"]["gap"] == 0
    assert told["moved"]["places"] == list(range(11, FRAMES + 11))

    # A second of the timeline, 23.976 frames, plays half as many frames of the curves.
    stretched = told["stretched"]
    assert stretched["range"] == [5, 41]
    assert stretched["last_place"] == pytest.approx(2.5 + 89 / 59.94 * 24 / 1.001 / 2, abs=1e-4)
    assert stretched["shown"] == pytest.approx([0, 0.3], abs=1e-4)  # 12 frames on: 30 of the take
    assert stretched["speed"] == ""
    assert stretched["gap"] == 0
    # Pictures are of the timeline's frames 5 to 17, each two and a half of the take's on.
    assert told["rendered"] == pytest.approx([0.025 * step for step in range(13)], abs=1e-4)
    assert told["rendered_fps"] == pytest.approx(24 / 1.001, abs=1e-5)
    # Two and a half frames a frame; the last one lies behind the take's end, which is held.
    assert told["rendered_end"] == pytest.approx([0.85, 0.875, 0.89], abs=1e-4)
    assert told["linked"] == "motion.linked"
    assert not told["linked_moved"]
    # Of a scene at 24 / 1.001 whose time runs half as fast; the keys themselves are in float32.
    assert told["told_by_keys"] == pytest.approx([2.5, 12 / 1.001], abs=1e-9)
    check_refit(told["refit"])


def check_refit(told: dict) -> None:
    """From 24 to 30: what was n frames after the take's first one is 1.25 n frames after it."""
    assert told["said"] == [
        "Fitted to 30 fps: take 2, the emotions.",
        "Fitted to 24 fps: take, take 2.",
        "Every take plays at the scene's rate already.",
        "Fitted to 30 fps: take, take 2.",
    ]
    at_30, at_24 = [[5, 25], [11, 31]], [[5, 21], [11, 27]]
    assert told["places"] == [at_30, at_24, at_24, [*at_30, [1, 21]]]
    assert told["ends"] == [31, 27, 27, 21]
    assert told["emotions"] == [pytest.approx([11, 16.5, 31], abs=1e-5)] * 4
    assert told["handles"] == pytest.approx([14, 0.3, 18.5, 0.8], abs=1e-5)
    assert told["root"] == [pytest.approx(key) for key in ([11, 0], [14, 0.06], [31, 0.4])]
    assert told["placed"] == [11, 30]
    assert told["speed"] == (
        "take 2 plays 20 % too slow: its keys are spaced for 30 fps, and the scene runs at 24."
    )
    assert told["mostly"] == [11, 30]  # what most curves say counts
    # Time runs half as fast: a second of the scene plays 15 frames of the curves.
    assert told["stretched"] == "Fitted to 15 fps: take, take 2, take 3."
    assert told["places_stretched"] == [5, 15]
    assert told["still"] == [3, 24]  # no key tells of a take that never moves
    assert told["speed_of_film"] == (
        "take 2 plays 0.0999 % too slow: its keys are spaced for 24 fps, and the scene runs at "
        "23.976."
    )
    assert told["film_end"] == 21  # a millionth of a frame is no frame more
    assert told["nudged"] == 1.25
