# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion track is what Blender shows, however the channels are animated."""

from pathlib import Path

import pytest
from affekt.shared.emotion import CONTROLS, EMOTIONS
from affekt.shared.units import UNIT_CHANNELS
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_tracks_are_what_blender_shows(in_blender: RunScript, tmp_path: Path) -> None:
    told = in_blender("emotion.py", head=save(small_head(), tmp_path / "head.npz"))
    print(told["errors"])
    assert max(told["errors"].values()) < 1e-5
    assert told["driven"] == pytest.approx([0.02, 0.03, 0.07], abs=1e-5)
    assert told["muted"] == [0.25, 0.25]
    # Blender's own German for Upper is that of a number that is larger.
    other = {"upper": "Upper Face", "lower": "Lower Face", "keep_closed": "Keep Closed"}
    assert told["labels"] == [other.get(name, name.title()) for name in (*EMOTIONS, *CONTROLS)]
    assert told["let_go"] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])
    assert told["from_before"] == [0.5, 0.5]
    assert told["frames"] == [17, 17.25]  # reading leaves the scene's frame where it was
    assert told["keyed"] == sorted(f"affekt_emotion.{name}" for name in (*EMOTIONS, *CONTROLS))
    check_by_hand(told["by_hand"])
    check_offers(told)


def check_by_hand(told: dict) -> None:
    """Key All keys each channel's own value where the timeline is; Neutral leaves the strengths."""
    names = (*EMOTIONS, *CONTROLS)
    values = [number / 20 for number in range(len(names))]
    assert told["keys"] == {
        f"affekt_emotion.{name}": pytest.approx([23, value])
        for name, value in zip(names, values, strict=True)
    }
    assert told["left"] == pytest.approx([0] * 6 + values[6:])
    assert told["told"] == [[True, 0], [True, 0.5]]


def check_offers(told: dict) -> None:
    """[default, least, most that the slider shows, most] of numbers, [default, choices] of others:
    an animator's files rely on them."""
    assert told["emotion"] == {
        **{name: [0, 0, 1, 1.5] for name in EMOTIONS},
        "influence": [1, 0, 1, 1],
        "keep_closed": [0.5, 0, 1, 1],
        **{name: [1, 0, 2, 2] for name in ("upper", "lower", "geometry", "appearance")},
        **{name: [0, 0, 1, 1.5] for name in UNIT_CHANNELS},
        "listed_units": [""],
        "words": [""],
        "described": [""],
    }
    passes = ["normal", "position", "mask", "index", "uv", "vector"]
    assert told["avatar"] == {
        "subject": ["GAUSSIANS", ["FILE", "GAUSSIANS", "MESH"]],
        "file": [""],
        "adapter": [""],
        "camera": ["SCENE", ["SCENE", "PORTRAIT"]],
        "frame_range": ["SCENE", ["SCENE", "CURRENT"]],
        "size": [512, 16, 2048, 8192],
        "head_mesh": ["SHADOW", ["SHADOW", "HIDDEN", "KEEP"]],
        "format": ["EXR", ["EXR", "PNG"]],
        "depth": ["HALF", ["HALF", "FLOAT"]],
        "codec": ["ZIP", ["ZIP", "ZIPS", "RLE", "PIZ", "NONE"]],
        "passes": [["mask"], passes],
        "antialiased": [True],
        "follow": ["AUTO", ["AUTO", "STILL", "STRETCH", "SURFACE", "DEFORM"]],
        "reuse": [True],
        "folder": ["//affekt_render/{head}/"],
        "is_explained": [False],
    }
    take_file = dict(told["take_file"])
    assert take_file.pop("first_frame")[0] == 1
    assert take_file == {
        "adapter": [""],
        "fps": [0, 0, 1000, 1000],
        "angles": ["FILE", ["FILE", "RADIANS", "DEGREES"]],
        "axes": ["FILE", ["FILE", "OPENGL", "OPENCV", "BLENDER"]],
        "sets_range": [True],
        "with_sound": [True],
        "with_identity": [True],
    }
    assert told["fit"] == {"with_emotions": [True]}
