# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotions of their own for each take, where the animator wants it: they change hands with it."""

from __future__ import annotations

import bpy

from ...shared.emotion import CHANNELS
from ...shared.units import UNIT_CHANNELS, parse_units
from .. import compat
from ..emotion.pose import read_pose, set_pose
from .properties import AFFEKT_PG_take


def swap_emotions(head: bpy.types.Object, before: str, after: str) -> None:
    """Keeps the head's emotions with the take that was in use, and lets those of the other one
    move the head. A take that had none yet begins with a copy; a bake has its take's."""
    data = head.animation_data
    if not head.affekt_takes.own_emotions or data is None or data.use_tweak_mode:
        return
    old, new = _bearer(head, before), _bearer(head, after)
    if old is None or new is None or old == new:
        return
    old.emotions, old.emotion_values = data.action, list(read_pose(head, CHANNELS).values())
    held = read_pose(head, UNIT_CHANNELS).items()
    old.emotion_units = ",".join(f"{name}={value:.7g}" for name, value in held if value)
    if new.emotions is not None:
        compat.assign_action(head, new.emotions, "OBJECT")
        units = parse_units(new.emotion_units) if new.emotion_units else {}
        values = dict(zip(CHANNELS, new.emotion_values, strict=True))
        set_pose(head, {**dict.fromkeys(UNIT_CHANNELS, 0.0), **values, **units})
    elif data.action is not None:
        new.emotions = compat.copy_for(data, f"{head.name} emotions {new.name}")
        new.emotions.use_fake_user = True


def _bearer(head: bpy.types.Object, name: str) -> AFFEKT_PG_take | None:
    """The take whose emotions count where that take or bake is in use."""
    items = head.affekt_takes.items
    take = items.get(name)
    if take is not None and take.kind == "BAKE":
        return items.get(take.source) or take
    return take
