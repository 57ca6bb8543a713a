# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a take lies by its keys, who rules at which frame, which Actions play, what takes hand on;
by examples that were worked out by hand."""

import pytest

from .conftest import RunScript


@pytest.mark.one_blender
def test_votes(in_blender: RunScript) -> None:
    told = in_blender("votes.py")
    check_grids(told["grids"])
    check_reigns(told["reigns"])
    check_layers(told["layers"])
    check_names(told["names"])
    check_swaps(told["swaps"])
    assert told["fingerprints"] == [False] + 7 * [True]


def check_grids(told: dict) -> None:
    assert told.pop("usual") == pytest.approx([24 / 1.001, 24, 17.3], rel=1e-12)
    assert told == {
        "as it was": [1, 24, 5],
        "moved": [11, 24, 5],
        "slower": [1, 48, 5],
        "trimmed": [2, 24, 3],
        "most": [1, 24, 15],
        "few keys": [1, 24, 5],
        "few keys, moved": [3, 24, 7],
        "uneven": [1, 24, 5],
        "uneven, longer": [1, 24, 8],
        "one key": [4, 24, 5],
        "where most begin": [4, 24, 5],
        "no keys": [1, 30, 5],
        "one frame": [7, 24, 1],
    }


def check_reigns(told: dict) -> None:
    assert told["rulers"] == [0, 6, 2, 2, 7]
    assert told["strengths"] == pytest.approx([0.5, 1, 0.75, 1, 0.012])
    assert told["spans"] == [["happy", 1, 1], ["neutral", 3, 3], ["angry", 5, 7], ["", 9, 9]]
    assert told["places"] == [[2, 0], [4, 0], [4, 1], [2, 0], [4, 1], [2, 1]]
    assert told["alpha"] == pytest.approx([0.65, 1, 0.825, 1, 0])
    assert told["shades"] == [True] * 5
    assert told["alike"] == 1


def check_layers(told: dict) -> None:
    assert told == {
        "own": [None, None],
        "another": ["x", None],
        "under a bake": ["o", "p"],
        "a bake in strips": [["o", "p"], ["o", "p"]],
        "a take in strips": [None, None],
        "gone": [None, None],
        "laid over": ["x", "y"],
        "in strips": ["x", "v"],
        "character": [["w", "v"], [None, None]],
        "bakes": ["b", "c"],
    }


def check_names(told: dict) -> None:
    """Actions of another file, and those that are not called after the take, keep their names."""
    before = ["walk", "b", "c", "run"]
    assert told["free"] == [
        "",
        ["sit", "b", "c", "run"],
        ["", "sit", "run", "walk"],
        ["sit", "sit shapes", "walk", "my walk"],
        "sit",
    ]
    assert told["taken"] == told["none"] == ["motion.take_name", before]
    assert told["same"] == ["", before]


def check_swaps(told: dict) -> None:
    """What was done; what a keeps; what b has; what c, a bake of a, has; the units that a keeps."""
    assert told.pop("channels") == 80
    done = [["assigned", "b's", "OBJECT"], ["posed", 80, 0.5, 0]]
    kept = [done, "now", [0.5, 0.25], "b's", None, "AU12_L=0.25"]
    assert told == {
        "kept": kept,
        "first": [[], "now", [0.5, 0.25], ["head emotions b", True], None, "AU12_L=0.25"],
        "from a bake": kept,
        "of a bake": [[], None, [], None, None, None],
        "shared": [[], None, [], "b's", None, None],
        "new": [[], None, [], "b's", None, None],
    }
