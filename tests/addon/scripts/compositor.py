# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders an avatar through the fake, and reads every frame back through the compositor."""

from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence
from rendering import composite, set_up_render

asked = harness.options()


with harness.enabled():
    scene = bpy.context.scene
    session = harness.load("addon.link.session").session
    scene.render.fps = 30
    harness.add_head(asked["head"])
    session.attach(FakeClient(harness.read_head(asked["head"]), silence(8)))
    first = asked["first_frame"]
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=first)
    chosen = harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format = "FILE", "PORTRAIT", "PNG"
    chosen.file, chosen.size = asked["take"], 16
    chosen.folder = str(harness.folder() / "frames")
    bpy.ops.affekt.render_avatar()
    set_up_render(scene, 16)
    reds = [float(composite(scene, first + i, harness.folder())[8, 8, 0]) for i in range(8)]
    first_files = sorted(p.name for p in Path(harness.avatar_settings().folder[:]).iterdir())
    Path(harness.avatar_settings().folder, "mine.txt").write_text("stays")
    scene.frame_end = first + 3
    bpy.ops.affekt.render_avatar()
    tree = harness.load("addon.compat").compositor_tree(scene)
    harness.answer(
        reds=reds,
        files=first_files,
        files_after=sorted(p.name for p in Path(harness.avatar_settings().folder[:]).iterdir()),
        image_nodes=[n.name for n in tree.nodes if n.bl_idname == "CompositorNodeImage"],
        images=[i.name for i in bpy.data.images if i.source == "SEQUENCE"],
        occlusion=[
            n.inputs["Occlusion"].default_value for n in tree.nodes if "Occlusion" in n.inputs
        ],
    )
