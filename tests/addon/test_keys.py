# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves are read all at a time, with the bits that Blender gives frame by frame."""

import pytest

from .conftest import RunScript


@pytest.mark.two_blenders
def test_keys_are_read_as_blender_reads_them(in_blender: RunScript) -> None:
    told = in_blender("keys.py")
    assert told["frames_read"] > 20_000
    assert told["different"] == []
    assert told["noisy"] == told["noisy_in_blender"]
    assert told["muted"] == told["empty"] == told["absent"] == [7.0] * 5
