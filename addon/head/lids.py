# SPDX-License-Identifier: GPL-3.0-or-later
"""Lids that go with eyes which look at their aim. A take's lids follow its gaze by the shape keys
eyeLook...; where the aim turns an eye away from that, one more key of each such shape adds what is
missing:

    aim * (weight that the eye's turn asks for - weight that the take gives the shape)

so that at an aim of 1 the lids are those of the gaze that is seen, whatever the take does, and at 0
nothing is added. A bake of the aimed gaze has the sum in the shapes themselves; nothing is missing
then, and nothing is added twice.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from .. import axes
from .controls import AIM_PATH, read_into, read_turn
from .shape_keys import add_shape_key

PREFIX = "aim "
_LOOKS = tuple(name for name in ARKIT_NAMES if name.startswith("eyeLook"))
_MOST = 1.3
"""The weight at which a lid stays, however far an eye is turned."""


def add_lids(head: bpy.types.Object, rig: bpy.types.Object, model: HeadModel) -> None:
    """Adds the keys and their drivers to a head whose shapes eyeLook... turn its eyes."""
    template = model.template.astype(np.float64)
    for name in _LOOKS:
        side = 0 if name.endswith("Left") else 1
        turn = axes.to_blender(
            model.arkit_eyes[3 * side : 3 * side + 3, ARKIT_NAMES.index(name)].astype(np.float64)
        )
        if name not in model.expression_names or not turn.any():
            continue
        column = model.expression_names.index(name)
        moved = template + model.expression_basis[..., column]
        key = add_shape_key(head, PREFIX + name, moved)
        _drive(key, head, rig, name, turn)


def _drive(
    key: bpy.types.ShapeKey,
    head: bpy.types.Object,
    rig: bpy.types.Object,
    name: str,
    turn: np.ndarray,
) -> None:
    """turn (3,): the eye's at a weight of 1, about one of Blender's axes, radians."""
    axis = int(np.abs(turn).argmax())
    letter, gain = "xyz"[axis], 1 / np.sin(turn[axis] / 2)
    driver = key.driver_add("value").driver
    read_into(driver, "aim", "OBJECT", rig, AIM_PATH)
    read_into(driver, "weight", "KEY", head.data.shape_keys, f'key_blocks["{name}"].value')
    read_turn(driver, letter, rig, "eye_left" if name.endswith("Left") else "eye_right")
    driver.expression = f"aim*(min({_MOST},max(0,{letter}*{gain:.9g}))-weight)"


def lid_blocks(keys: bpy.types.Key) -> dict[str, int]:
    """Shape -> the place among the key blocks of what the aim adds to it; empty on other heads."""
    places = {name: keys.key_blocks.find(PREFIX + name) for name in _LOOKS}
    return {name: place for name, place in places.items() if place >= 0}
