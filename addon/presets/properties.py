# SPDX-License-Identifier: GPL-3.0-or-later
"""Which preset the panel shows. It is Blender's, not a file's: it is stored nowhere."""

from __future__ import annotations

import bpy

from ...shared.presets import BUILT_IN, Preset
from .pictures import icon_of
from .store import all_presets

_Item = tuple[str, str, str, int, int]
_chosen = BUILT_IN[0].name
_shown: tuple[Preset, ...] = ()
_items: list[_Item] = []
"""Kept here, since Blender reads the strings without holding them."""


def chosen_name() -> str:
    """The name of the preset that the panel shows; the first one's if that is gone."""
    names = [preset.name for preset in all_presets()]
    return _chosen if _chosen in names else names[0]


def choose(name: str) -> None:
    """Lets the panel show that preset."""
    global _chosen
    _chosen = name


def refresh_pictures() -> None:
    """Lets the panel show pictures that were drawn meanwhile."""
    global _shown
    _shown = ()


def _list(_: bpy.types.PropertyGroup, __: bpy.types.Context | None) -> list[_Item]:
    global _shown, _items
    presets = all_presets()
    if presets != _shown:
        _shown = presets
        _items = [
            (preset.name, preset.name, describe(preset), icon_of(preset), number)
            for number, preset in enumerate(presets)
        ]
    return _items


def describe(preset: Preset) -> str:
    """What the preset sets, in a line."""
    return ", ".join(f"{name.title()} {value:g}" for name, value in preset.values.items())


def _get(_: bpy.types.PropertyGroup) -> int:
    return [preset.name for preset in all_presets()].index(chosen_name())


def _set(_: bpy.types.PropertyGroup, number: int) -> None:
    choose(all_presets()[number].name)


class AFFEKT_PG_presets(bpy.types.PropertyGroup):
    chosen: bpy.props.EnumProperty(
        name="Preset",
        description="The preset to apply",
        items=_list,
        get=_get,
        set=_set,
        options={"SKIP_SAVE"},
    )
