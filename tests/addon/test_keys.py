# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves are read all at a time, with the bits that Blender gives frame by frame."""

import math

import pytest

from .conftest import RunScript


@pytest.mark.two_blenders
def test_keys_are_read_as_blender_reads_them(in_blender: RunScript) -> None:
    told = in_blender("keys.py")
    assert told["frames_read"] > 20_000
    assert told["different"] == []
    assert told["noisy"] == told["noisy_in_blender"]
    assert told["muted"] == told["empty"] == told["absent"] == [7.0] * 5
    check_grids(told["grids"])
    check_reign(told["reign"])
    check_turns(told["turns"])
    assert told["sliders"] == [[0, 1], [-0.5, 2.5], [-0.5, 2.5], [-10, 10]]
    assert told["cleared"] == {
        "keys": 0,
        "modifiers": 0,
        "mute": False,
        "extrapolation": "CONSTANT",
    }


def check_grids(told: dict) -> None:
    """Frames of a take of 30 that lie two curve frames apart, from 5 on."""
    assert told["step"] == 2
    assert told["later"] == [9, 11, 13]
    assert told["widened"] == [1, 3, 5, 7, 9, 11, 13]
    assert told["as_it_was"] == told["not_moved"] == [5, 7, 9]
    assert told["moved"] == [8, 10, 12, 14]
    assert told["rates"] == pytest.approx([24 / 1.001, 30, 25.5], rel=1e-12)
    # Rows 0, 1, 8 and 4.5 of a take of 24, which then lie two curve frames apart from 7 on.
    assert told["refitted"] == [7, 9, 23, 16]
    assert told["every"] == [[0, 4, 8, 9], [0, 3, 6, 9]]


def check_reign(told: dict) -> None:
    assert told["spans"] == [
        ["happy", 10, 12],
        ["neutral", 14, 14],
        ["angry", 16, 16],
        ["", 18, 18],
    ]
    assert told["strengths"] == pytest.approx([0.5, 0.25, 1, 0.45, 0.02])


def check_turns(told: dict) -> None:
    """What was not turned keeps its quaternion, and what was is on the same side of the sphere."""
    assert told["neck"] == [[-1, 0, 0, 0]] * 2
    turned = [-math.cos(0.15), -math.sin(0.15), 0, 0]
    assert told["jaw"] == [pytest.approx(turned, abs=1e-7), [-1, 0, 0, 0]]
    assert told["angles"] == pytest.approx([0.2, math.pi])
