# SPDX-License-Identifier: GPL-3.0-or-later
"""Which action units of a head are in use: those that are listed, that are not at 0, or that a
curve or a driver moves."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...shared.errors import InputError
from ...shared.units import UNIT_CHANNELS, UNITS, ActionUnit
from .. import compat
from ..head.find import need_editable
from .action import ensure_action
from .pose import set_pose
from .properties import channel_path


def unit_of_number(number: int) -> ActionUnit:
    """The action unit of FACS's number. Raises InputError `emotion.unknown_name`."""
    for unit in UNITS:
        if unit.number == number:
            return unit
    raise InputError(
        "emotion.unknown_name",
        f"There is no action unit {number}.",
        f"Use one of {', '.join(str(unit.number) for unit in UNITS)}.",
    )


def units_in_use(head: bpy.types.Object) -> tuple[str, ...]:
    """The channels that the panel lists, in its order."""
    emotion = head.affekt_emotion
    moved = {curve.data_path for curve in compat.active_curves(head)} | _driven(head)
    listed = set(emotion.listed_units.split())
    return tuple(
        name
        for name in UNIT_CHANNELS
        if name in listed or channel_path(name) in moved or getattr(emotion, name)
    )


def _driven(head: bpy.types.Object) -> set[str]:
    """The properties that drivers move."""
    data = head.animation_data
    return set() if data is None else {curve.data_path for curve in data.drivers}


def list_unit(
    head: bpy.types.Object, unit: ActionUnit, channels: Sequence[str] | None = None
) -> None:
    """Lists channels of the unit; None for the one of both sides, or both where it has none.
    Raises InputError `head.linked`."""
    need_editable(head)
    if channels is None:
        channels = unit.channels if unit.sides == "only" else unit.channels[:1]
    wanted = {*head.affekt_emotion.listed_units.split(), *channels}
    head.affekt_emotion.listed_units = " ".join(n for n in UNIT_CHANNELS if n in wanted)


def clear_unit(head: bpy.types.Object, unit: ActionUnit) -> None:
    """Sets the unit to 0, removes its curves and takes it off the list. Raises InputError
    `head.linked`, `emotion.driven`."""
    need_editable(head)
    driven = _driven(head)
    for name in unit.channels:
        if channel_path(name) in driven:
            raise InputError(
                "emotion.driven",
                f"A driver moves {name}.",
                "Delete the driver first: right-click the slider, Delete Driver.",
            )
    curves = compat.active_curves(head)
    if any(compat.find_curve(curves, channel_path(name)) for name in unit.channels):
        ensure_action(head)
        curves = compat.active_curves(head)
        for name in unit.channels:
            curve = compat.find_curve(curves, channel_path(name))
            if curve is not None and not isinstance(curves, tuple):
                curves.remove(curve)
    kept = [n for n in head.affekt_emotion.listed_units.split() if n not in unit.channels]
    head.affekt_emotion.listed_units = " ".join(kept)
    set_pose(head, dict.fromkeys(unit.channels, 0.0))
