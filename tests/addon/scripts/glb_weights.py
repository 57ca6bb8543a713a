# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that Blender's own glTF importer plays of a file, at some frames."""

import bpy
import harness

asked = harness.options()
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = asked["fps"], 1.0
bpy.ops.import_scene.gltf(filepath=asked["file"])
played = []
for frame in asked["frames"]:
    scene.frame_set(frame)
    bpy.context.view_layer.update()
    played.append(
        {
            item.data.name: {b.name: b.value for b in item.data.shape_keys.key_blocks}
            for item in bpy.data.objects
            if item.type == "MESH" and item.data.shape_keys
        }
    )
harness.answer(played=played, actions=[action.name for action in bpy.data.actions])
