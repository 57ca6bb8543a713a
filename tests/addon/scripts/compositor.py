# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders an avatar through the fake, and reads every frame back through the compositor."""

from pathlib import Path

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()


def composite(frame: int) -> np.ndarray:
    """(H, W, 4) linear, as the scene's compositor gives it for that frame."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    path = harness.folder() / f"composite_{frame:04d}.exr"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(image.size[1], image.size[0], 4)
    bpy.data.images.remove(image)
    return pixels


def set_up_render(scene: bpy.types.Scene, size: int) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    for item in scene.objects:
        item.hide_render = item.type == "MESH"


with harness.enabled():
    scene = bpy.context.scene
    session = harness.load("addon.link.session").session
    scene.render.fps = 30
    harness.add_head(asked["head"])
    session.attach(FakeClient(harness.read_head(asked["head"]), silence(8)))
    first = asked["first_frame"]
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=first)
    scene.affekt_avatar.file = asked["take"]
    scene.affekt_avatar.size = 16
    scene.affekt_avatar.folder = str(harness.folder() / "frames")
    bpy.ops.affekt.render_avatar()
    set_up_render(scene, 16)
    reds = [float(composite(first + i)[8, 8, 0]) for i in range(8)]
    first_files = sorted(p.name for p in Path(scene.affekt_avatar.folder[:]).iterdir())
    Path(scene.affekt_avatar.folder, "mine.txt").write_text("stays")
    scene.frame_end = first + 3
    bpy.ops.affekt.render_avatar()
    tree = harness.load("addon.compat").compositor_tree(scene)
    harness.answer(
        reds=reds,
        files=first_files,
        files_after=sorted(p.name for p in Path(scene.affekt_avatar.folder[:]).iterdir()),
        image_nodes=[n.name for n in tree.nodes if n.bl_idname == "CompositorNodeImage"],
        images=[i.name for i in bpy.data.images if i.source == "SEQUENCE"],
        left_over=[p.name for p in harness.folder().glob(".affekt_*")],
    )
