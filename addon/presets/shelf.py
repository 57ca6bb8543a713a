# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets in the 3D view's asset shelf and in the Asset Browser: a click sets the emotions of
the head."""

from __future__ import annotations

import bpy

from ...shared.errors import InputError
from ..emotion.pose import strike_pose
from ..glance import look_again
from ..head.find import find_head, need_head
from ..head.polling import HeadOperator
from .library import MARK, library_file, publish
from .operators import KeyProperties
from .store import all_presets, find_preset

_LIBRARY_TYPES = tuple(
    (name, name.title(), "", number)
    for name, number in (
        ("LOCAL", 1),
        ("ALL", 2),
        ("ESSENTIALS", 3),
        ("ONLINE_ESSENTIALS", 4),
        ("CUSTOM", 100),
    )
)
"""As Blender numbers them."""


class AFFEKT_OT_publish_presets(bpy.types.Operator):
    """Offer all presets as assets too: in the Asset Browser, and at the foot of the 3D view in
    Object Mode. They become a library in Blender's preferences, which follows your own presets"""

    bl_idname = "affekt.publish_presets"
    bl_label = "Add to Asset Browser"

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, publish())
        look_again()
        return {"FINISHED"}


class AFFEKT_OT_apply_preset_asset(KeyProperties, HeadOperator, bpy.types.Operator):
    """Set the six emotions, Upper and Lower of the head to those of this preset"""

    bl_idname = "affekt.apply_preset_asset"
    bl_label = "Apply Emotion"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    # Blender's shelf tells by these which asset was clicked; its Asset Browser by the context.
    asset_library_type: bpy.props.EnumProperty(
        items=_LIBRARY_TYPES, options={"HIDDEN", "SKIP_SAVE"}
    )
    asset_library_identifier: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    relative_asset_identifier: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        clicked = _name_in(self.relative_asset_identifier)
        preset = find_preset(clicked or _marked_name(context))
        strike_pose(need_head(context), preset.pose, context.scene, key=self.key)
        return {"FINISHED"}


def _name_in(identifier: str) -> str:
    """The preset's name in an asset's path, such as "presets.blend/Action/Rage"; empty if it is
    none of ours."""
    file, _, name = identifier.replace("\\", "/").partition("/Action/")
    if file.rpartition("/")[2] != library_file().name:
        return ""
    known = {preset.name for preset in all_presets()}
    # Blender numbers an Action whose name was taken when the library was written.
    return name if name in known else name.rpartition(".")[0] or name


def _marked_name(context: bpy.types.Context) -> str:
    """The preset of the asset that was clicked. Raises InputError `preset.unknown`."""
    asset = getattr(context, "asset", None)
    if asset is None or not is_preset(asset):
        raise InputError(
            "preset.unknown",
            "No preset of emotions is chosen among the assets.",
            "Click one in the library Affekt.",
        )
    return str(asset.metadata[MARK])


def is_preset(asset: bpy.types.AssetRepresentation | None) -> bool:
    """Whether the asset is one of ours."""
    return asset is not None and asset.id_type == "ACTION" and MARK in asset.metadata


class AFFEKT_AST_presets(bpy.types.AssetShelf):
    """The presets at the foot of the 3D view, wherever there is a head"""

    bl_idname = "AFFEKT_AST_presets"
    bl_space_type = "VIEW_3D"
    bl_activate_operator = "AFFEKT_OT_apply_preset_asset"
    bl_default_preview_size = 96
    filter_action = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.mode == "OBJECT" and find_head(context) is not None

    @classmethod
    def asset_poll(cls, asset: bpy.types.AssetRepresentation) -> bool:
        return is_preset(asset)

    @classmethod
    def draw_context_menu(
        cls,
        context: bpy.types.Context,
        asset: bpy.types.AssetRepresentation,
        layout: bpy.types.UILayout,
    ) -> None:
        _draw_buttons(layout)


def _draw_buttons(layout: bpy.types.UILayout) -> None:
    layout.operator("affekt.apply_preset_asset", icon="CHECKMARK").key = False
    layout.operator("affekt.apply_preset_asset", text="Apply and Key", icon="KEY_HLT").key = True


def _draw_in_browser(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if is_preset(getattr(context, "asset", None)):
        menu.layout.separator()
        _draw_buttons(menu.layout)


def add_asset_menu() -> None:
    """Adds ours to the Asset Browser's menu of the right mouse button."""
    bpy.types.ASSETBROWSER_MT_context_menu.append(_draw_in_browser)


def remove_asset_menu() -> None:
    """Takes them away."""
    bpy.types.ASSETBROWSER_MT_context_menu.remove(_draw_in_browser)
