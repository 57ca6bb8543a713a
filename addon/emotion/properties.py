# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion channels of a head, animatable like any other property."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bpy

from ...shared.emotion import CONTROLS, EMOTIONS, largest_value, usual_value
from ...shared.units import UNIT_CHANNELS, UNIT_OF, ActionUnit
from .. import compat

_TEXT = {
    "happy": "Lip corners and cheeks up",
    "sad": "Inner brows up, lip corners down",
    "angry": "Brows together and down, lips tight",
    "fear": "Brows up and together, eyes wide",
    "disgust": "Nose wrinkled, upper lip up",
    "surprise": "Brows and upper lids up, jaw loose",
    "influence": "How far the performance's own emotion is replaced; 0 leaves the take untouched",
    "upper": "Strength above the tip of the nose",
    "lower": "Strength below the tip of the nose",
    "geometry": "Strength of the change of expression and jaw",
    "appearance": "How much the skin wrinkles with the expression, an avatar's and the open head's",
    "keep_closed": "Lips that the take holds closed through a silence stay closed: "
    "at 0.5 in all emotions but surprise, at 1 in surprise too, at 0 in none",
}


_SIDES = {
    "L": ("Left", "The same on the character's own left side alone, on top of what both sides do"),
    "R": (
        "Right",
        "The same on the character's own right side alone, on top of what both sides do",
    ),
}
_PARTS = {"upper": "Upper Face", "lower": "Lower Face"}


moved: list[Callable[[bpy.types.Object], None]] = []
"""Who is told which head's slider an animator or a script has moved, before Blender evaluates
anything; Actions and drivers move none."""


_together: dict[int, bool] = {}
"""Heads, by session number, whose sliders are moved as one, and whether any was."""


@contextmanager
def as_one_move(head: bpy.types.Object) -> Iterator[None]:
    """However many sliders of the head are moved inside, it is told once, at the end."""
    uid = head.session_uid
    _together[uid] = False
    try:
        yield
    finally:
        if _together.pop(uid):
            _tell_of(head)


def _tell(emotion: AFFEKT_PG_emotion, _: bpy.types.Context) -> None:
    head = emotion.id_data
    if head.session_uid in _together:
        _together[head.session_uid] = True
    else:
        _tell_of(head)


def _tell_of(head: bpy.types.Object) -> None:
    for call in moved:
        call(head)


def _label(name: str) -> str:
    return _PARTS.get(name, name.replace("_", " ").title())


def _slider(
    channel: str, label: str = "", text: str = "", *, most_shown: float | None = None
) -> bpy.props.FloatProperty:
    """A channel that can be keyed. label, text: by default those of its name. most_shown: the upper
    end of the slider, by default that of the channel's range."""
    most = largest_value(channel)
    return bpy.props.FloatProperty(
        name=label or _label(channel),
        description=text or _TEXT[channel],
        min=0,
        max=most,
        soft_max=most if most_shown is None else most_shown,
        default=usual_value(channel),
        subtype="FACTOR",
        options={"ANIMATABLE"},
        update=_tell,
        override=compat.OVERRIDABLE,
    )


def unit_label(unit: ActionUnit) -> str:
    """What a unit is called."""
    return f"AU {unit.number} {unit.name}"


def _unit(channel: str) -> bpy.props.FloatProperty:
    unit = UNIT_OF[channel]
    label, text = unit_label(unit), unit.says
    if "_" in channel:
        side, alone = _SIDES[channel[-1]]
        if unit.sides == "only":
            label = f"{label}, {side.lower()}"
        else:
            label, text = f"AU {unit.number} {side}", alone
    return _slider(channel, label, text, most_shown=1)


class AFFEKT_PG_emotion(bpy.types.PropertyGroup):
    __annotations__ = {
        **{name: _slider(name, most_shown=1) for name in EMOTIONS},
        **{name: _slider(name) for name in CONTROLS},
        **{name: _unit(name) for name in UNIT_CHANNELS},
        "words": bpy.props.StringProperty(
            name="Words",
            description="What the face shall show, such as: a slight smile, left brow raised, "
            "slowly. Left and right are the character's own",
            override=compat.OVERRIDABLE,
        ),
        "described": bpy.props.StringProperty(
            name="Described",
            description="What the last words have set, for the panel",
            options={"HIDDEN"},
            override=compat.OVERRIDABLE,
        ),
        "listed_units": bpy.props.StringProperty(
            name="Listed Units",
            description="Channels of action units that the panel shows though they rest, "
            "with spaces between them",
            override=compat.OVERRIDABLE,
        ),
    }


def channel_path(name: str) -> str:
    """Data path of a channel on the head object."""
    return f"affekt_emotion.{name}"
