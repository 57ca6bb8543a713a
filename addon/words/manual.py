# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the manual that lie beside the add-on, and which of them is about what.

`affekt extension build` makes them of docs/. Where it did not make the extension, there are none.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared.errors import InputError

_FOLDER = Path(__file__).resolve().parents[2] / "manual"
FIRST_PAGE = "blender"
PAGES = (
    ("bpy.ops.affekt.*set_up*", "setup"),
    ("bpy.ops.affekt.*sidecar*", "reliability"),
    ("bpy.ops.affekt.open_log*", "reliability"),
    ("bpy.ops.affekt.*flame*", "flame_head"),
    ("bpy.ops.affekt.set_identity*", "flame_head"),
    ("bpy.ops.affekt.*_head*", "open_head"),
    ("bpy.ops.affekt.*character*", "characters"),
    ("bpy.ops.affekt.calibrate*", "characters"),
    ("bpy.ops.affekt.apply_strengths*", "characters"),
    ("bpy.ops.affekt.add_shape_key_line*", "characters"),
    ("bpy.ops.affekt.*export_take*", "export"),
    ("bpy.ops.affekt.browse_export*", "export"),
    ("bpy.ops.affekt.import_take*", "formats"),
    ("bpy.ops.affekt.browse_take*", "formats"),
    ("bpy.ops.affekt.*_unit", "action_units"),
    ("bpy.ops.affekt.*preset*", "presets"),
    ("bpy.ops.affekt.*pose*", "presets"),
    ("bpy.ops.affekt.*emotions*", "presets"),
    ("bpy.ops.affekt.bake*", "baking"),
    ("bpy.ops.affekt.add_to_batch*", "farm"),
    ("bpy.ops.affekt.live*", "live"),
    ("bpy.ops.affekt.render_avatar*", "compositor"),
    ("bpy.ops.affekt.import_avatar*", "splats"),
    ("bpy.ops.affekt.browse_avatar*", "splats"),
    ("bpy.ops.affekt.bind_splats*", "splats"),
    ("bpy.ops.affekt.create_avatar*", "portrait"),
    ("bpy.ops.affekt.browse_photo*", "portrait"),
    ("bpy.ops.affekt.*_light*", "splats"),
    ("bpy.ops.affekt.*", FIRST_PAGE),
    ("bpy.types.affekt_pg_character*", "characters"),
    ("bpy.types.affekt_pg_emotion.au*", "action_units"),
    ("bpy.types.affekt_pg_emotion*", "presets"),
    ("bpy.types.affekt_pg_presets*", "presets"),
    ("bpy.types.affekt_pg_bake*", "baking"),
    ("bpy.types.affekt_pg_batch*", "farm"),
    ("bpy.types.affekt_pg_avatar.adapter*", "avatars"),
    ("bpy.types.affekt_pg_avatar.file*", "avatars"),
    ("bpy.types.affekt_pg_avatar.follow*", "avatars"),
    ("bpy.types.affekt_pg_avatar*", "compositor"),
    ("bpy.types.affekt_pg_head*", "flame_head"),
    ("bpy.types.affekt_ap_preferences.setup_*", "setup"),
    ("bpy.types.affekt_ap_preferences.connection_file*", "remote"),
    ("bpy.types.affekt_*", FIRST_PAGE),
)
"""What Blender asks for, lower case with * for anything, and its page; the first that fits counts.
"""


def find_page(name: str) -> Path:
    """The file of a page. Raises InputError `file.missing` where it does not lie beside us."""
    path = _FOLDER / f"{name}.html"
    if name in {page for _, page in PAGES} and path.is_file():
        return path
    raise InputError(
        "file.missing",
        f"The manual has no page '{name}'.",
        "Install the extension from its zip, which holds the manual.",
    )


def manual_map() -> tuple[str, list[tuple[str, str]]]:
    """For Blender's *Online Manual*: where pages begin, and the page of each of our names."""
    if not _FOLDER.is_dir():
        return "", []
    return f"{_FOLDER.as_uri()}/", [(name, f"{page}.html") for name, page in PAGES]


class AFFEKT_OT_open_manual(bpy.types.Operator):
    """Open the page on this in the web browser; it came with the add-on and needs no network"""

    bl_idname = "affekt.open_manual"
    bl_label = "Help"

    page: bpy.props.StringProperty(
        name="Page", description="Which page of the manual", default=FIRST_PAGE
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.url_open(url=find_page(self.page).as_uri())
        return {"FINISHED"}
