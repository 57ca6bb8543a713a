# SPDX-License-Identifier: GPL-3.0-or-later
"""The table by which Blender's drivers press the open head's wrinkles."""

import json
from pathlib import Path

import affekt
import numpy as np
import pytest
from affekt.sidecar.avatar.effects import PLACES, face_places, open_motion, open_places, weights_of
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.lab.commands.open_head import as_lines
from affekt.sidecar.lab.open_head.place_motion import place_motion


def test_what_ships_is_what_the_command_writes() -> None:
    shipped = (Path(affekt.__file__).parent / "addon" / "head" / "place_motion.json").read_bytes()
    assert as_lines(place_motion(read_head(OPEN))) == shipped


def test_a_corner_by_hand() -> None:
    """A smile on the left lifts its corner by as much as the places move; the open head is as high
    as the face that the millimetres are of."""
    head = read_head(OPEN)
    found = place_motion(head)
    moved = open_motion(weights_of({"mouthSmileLeft": 0.5})[None], head)
    up = 1e3 * face_places(moved, open_places(head))[0, PLACES.index("corner.left"), 1]
    assert 0.5 * found["corner.left:y"]["mouthSmileLeft"] == pytest.approx(up, rel=2e-3)
    assert json.loads(as_lines({"a": {"b": 0.25}})) == {"a": {"b": 0.25}}
    jaw = np.array([found["chin:y"]["jaw x"], found["lip.lower.middle:y"]["jaw x"]])
    assert (jaw < -50).all()  # a radian opens the mouth by the jaw's length
