# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class that we register with Blender, in the order that it needs."""

from __future__ import annotations

import bpy

from . import notice
from .avatar import operators as avatar_operators
from .avatar import panel as avatar_panel
from .avatar import properties as avatar_properties
from .bake import operators as bake_operators
from .bake import panel as bake_panel
from .bake import properties as bake_properties
from .character import operators as character_operators
from .character import panel as character_panel
from .character import properties as character_properties
from .compat import OVERRIDABLE
from .emotion import operators as emotion_operators
from .emotion import panel as emotion_panel
from .emotion import properties as emotion_properties
from .emotion.strip import hide_strip, show_strip
from .export import operators as export_operators
from .export import panel as export_panel
from .flame import operators as flame_operators
from .guard import guard_call, guard_class
from .handlers import Pair, add_handlers, remove_handlers
from .head import operators as head_operators
from .head import panel as head_panel
from .head import properties as head_properties
from .head import upkeep
from .head.menu import add_menu, remove_menu
from .link import operators as link_operators
from .link import panel as link_panel
from .link.session import session
from .link.tasks import end_task, end_task_of_file
from .live import operators as live_operators
from .live import running as live_running
from .motion import demo as motion_demo
from .motion import operators as motion_operators
from .motion import panel as motion_panel
from .motion import properties as motion_properties
from .motion import take_operators
from .portrait import operators as portrait_operators
from .preferences import AFFEKT_AP_preferences
from .presets import operators as preset_operators
from .presets import panel as preset_panel
from .presets import properties as preset_properties
from .presets import shelf as preset_shelf
from .presets.pictures import forget_pictures
from .setup import operators as setup_operators
from .setup import panel as setup_panel
from .setup import running as setup_running
from .splats import menu as splats_menu
from .splats import operators as splats_operators
from .splats.cloud import follow_slider
from .words import manual
from .words.describing import describe_class
from .words.translating import add_languages, remove_languages

CLASSES: tuple[type, ...] = (
    AFFEKT_AP_preferences,
    head_properties.AFFEKT_PG_head,
    character_properties.AFFEKT_PG_character_line,
    character_properties.AFFEKT_PG_character,
    motion_properties.AFFEKT_PG_take_part,
    motion_properties.AFFEKT_PG_take,
    motion_properties.AFFEKT_PG_takes,
    emotion_properties.AFFEKT_PG_emotion,
    preset_properties.AFFEKT_PG_presets,
    avatar_properties.AFFEKT_PG_avatar,
    bake_properties.AFFEKT_PG_bake,
    link_operators.AFFEKT_OT_start_sidecar,
    link_operators.AFFEKT_OT_connect_sidecar,
    link_operators.AFFEKT_OT_stop_sidecar,
    link_operators.AFFEKT_OT_cancel,
    link_operators.AFFEKT_OT_copy_error,
    link_operators.AFFEKT_OT_open_log,
    setup_operators.AFFEKT_OT_set_up_sidecar,
    setup_operators.AFFEKT_OT_plan_set_up,
    setup_operators.AFFEKT_OT_open_set_up_log,
    notice.AFFEKT_OT_say,
    manual.AFFEKT_OT_open_manual,
    head_operators.AFFEKT_OT_add_head,
    head_operators.AFFEKT_OT_shape_head,
    flame_operators.AFFEKT_OT_add_flame_head,
    flame_operators.AFFEKT_OT_browse_flame_head,
    flame_operators.AFFEKT_OT_set_identity,
    splats_operators.AFFEKT_OT_import_avatar,
    splats_operators.AFFEKT_OT_browse_avatar,
    splats_operators.AFFEKT_OT_bind_splats,
    portrait_operators.AFFEKT_OT_create_avatar,
    portrait_operators.AFFEKT_OT_browse_photo,
    splats_operators.AFFEKT_OT_match_light,
    splats_operators.AFFEKT_OT_release_light,
    character_operators.AFFEKT_OT_use_character,
    character_operators.AFFEKT_OT_calibrate,
    character_operators.AFFEKT_OT_apply_strengths,
    character_operators.AFFEKT_OT_add_shape_key_line,
    character_operators.AFFEKT_OT_release_character,
    motion_operators.AFFEKT_OT_import_take,
    motion_operators.AFFEKT_OT_browse_take,
    motion_demo.AFFEKT_OT_import_demo,
    motion_operators.AFFEKT_OT_use_take,
    motion_operators.AFFEKT_OT_fit_takes,
    take_operators.AFFEKT_OT_rename_take,
    take_operators.AFFEKT_OT_duplicate_take,
    take_operators.AFFEKT_OT_delete_take,
    take_operators.AFFEKT_OT_trim_take,
    take_operators.AFFEKT_OT_loop_take,
    take_operators.AFFEKT_OT_use_take_rate,
    take_operators.AFFEKT_OT_set_take_rate,
    export_operators.AFFEKT_OT_export_take,
    export_operators.AFFEKT_OT_browse_export,
    emotion_operators.AFFEKT_OT_key_emotions,
    emotion_operators.AFFEKT_OT_neutral,
    emotion_operators.AFFEKT_OT_add_unit,
    emotion_operators.AFFEKT_OT_split_unit,
    emotion_operators.AFFEKT_OT_clear_unit,
    emotion_operators.AFFEKT_OT_describe,
    emotion_operators.AFFEKT_OT_import_emotions,
    emotion_operators.AFFEKT_OT_export_emotions,
    preset_operators.AFFEKT_OT_apply_preset,
    preset_operators.AFFEKT_OT_save_preset,
    preset_operators.AFFEKT_OT_delete_preset,
    preset_operators.AFFEKT_OT_copy_pose,
    preset_operators.AFFEKT_OT_paste_pose,
    preset_operators.AFFEKT_OT_draw_presets,
    preset_shelf.AFFEKT_OT_publish_presets,
    preset_shelf.AFFEKT_OT_apply_preset_asset,
    bake_operators.AFFEKT_OT_bake,
    bake_operators.AFFEKT_OT_bake_edited,
    live_operators.AFFEKT_OT_live,
    live_operators.AFFEKT_OT_show_avatar,
    avatar_operators.AFFEKT_OT_render_avatar,
    avatar_operators.AFFEKT_OT_show_head_mesh,
    setup_panel.AFFEKT_PT_set_up,
    link_panel.AFFEKT_PT_sidecar,
    head_panel.AFFEKT_MT_add_head,
    head_panel.AFFEKT_PT_head,
    character_panel.AFFEKT_UL_character_lines,
    character_panel.AFFEKT_PT_character,
    character_panel.AFFEKT_PT_character_shapes,
    character_panel.AFFEKT_PT_character_bones,
    motion_panel.AFFEKT_MT_take,
    motion_panel.AFFEKT_PT_take,
    export_panel.AFFEKT_PT_export,
    emotion_panel.AFFEKT_PT_emotion,
    emotion_panel.AFFEKT_PT_words,
    emotion_panel.AFFEKT_MT_units,
    emotion_panel.AFFEKT_PT_units,
    preset_panel.AFFEKT_PT_presets,
    preset_shelf.AFFEKT_AST_presets,
    emotion_panel.AFFEKT_PT_emotion_strengths,
    bake_panel.AFFEKT_PT_bake,
    bake_panel.AFFEKT_PT_bake_options,
    avatar_panel.AFFEKT_PT_avatar,
    avatar_panel.AFFEKT_PT_avatar_output,
)

PROPERTIES: tuple[tuple[type, str, type], ...] = (
    (bpy.types.Object, "affekt_head", head_properties.AFFEKT_PG_head),
    (bpy.types.Object, "affekt_character", character_properties.AFFEKT_PG_character),
    (bpy.types.Object, "affekt_takes", motion_properties.AFFEKT_PG_takes),
    (bpy.types.Object, "affekt_bake", bake_properties.AFFEKT_PG_bake),
    (bpy.types.Object, "affekt_emotion", emotion_properties.AFFEKT_PG_emotion),
    (bpy.types.Object, "affekt_avatar", avatar_properties.AFFEKT_PG_avatar),
    (bpy.types.Scene, "affekt_avatar", avatar_properties.AFFEKT_PG_avatar),  # of files of before
    (bpy.types.WindowManager, "affekt_presets", preset_properties.AFFEKT_PG_presets),
)
"""Owner, attribute and property group of what we hang on Blender's own types."""


_FOLLOWING: tuple[Pair, ...] = ((emotion_properties.moved, follow_slider),)
"""What goes along with a head's sliders."""


def register() -> None:
    for item in CLASSES:
        guard_class(item)
        describe_class(item)
        bpy.utils.register_class(item)
    for owner, name, group in PROPERTIES:
        setattr(owner, name, bpy.props.PointerProperty(type=group, override=OVERRIDABLE))
    add_languages()
    bpy.utils.register_manual_map(manual.manual_map)
    add_menu()
    preset_shelf.add_asset_menu()
    splats_menu.add_menu()
    bpy.app.handlers.load_pre.append(_forget_task)
    upkeep.watch()
    add_handlers(_FOLLOWING)
    live_running.watch()
    show_strip()


def unregister() -> None:
    live_running.stop_all()
    live_running.unwatch()
    end_task()
    link_operators.unwatch_session()
    setup_running.unwatch()
    session.stop()
    remove_handlers(_FOLLOWING)
    upkeep.unwatch()
    hide_strip()
    bpy.app.handlers.load_pre.remove(_forget_task)
    splats_menu.remove_menu()
    preset_shelf.remove_asset_menu()
    remove_menu()
    bpy.utils.unregister_manual_map(manual.manual_map)
    remove_languages()
    for owner, name, _ in reversed(PROPERTIES):
        delattr(owner, name)
    for item in reversed(CLASSES):
        bpy.utils.unregister_class(item)
    forget_pictures()


@bpy.app.handlers.persistent
def _forget_task(*_: object) -> None:
    """Ends the task and Live when another file is loaded: the scene that they would change goes
    away."""
    guard_call(live_running.stop_all, "Ending Live")
    guard_call(end_task_of_file, "Ending the task of the file before")
