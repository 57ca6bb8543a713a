# SPDX-License-Identifier: GPL-3.0-or-later
"""The head as a mesh through the scene's camera, by a real sidecar and by Cycles."""

import bpy
import harness
from rendering import set_up_cycles

from sidecar import start_sidecar

asked = harness.options()


def animate(scene: bpy.types.Scene, head: bpy.types.Object) -> None:
    """The head wanders and turns; a long lens with a shift follows half of it."""
    eye = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    scene.collection.objects.link(eye)
    scene.camera = eye
    eye.data.lens, eye.data.shift_x, eye.data.shift_y = 85, 0.05, -0.1
    rig = head.parent
    rig.scale = (1.2, 1.0, 0.9)
    first = scene.frame_start
    for step, frame in enumerate((first, first + 2)):
        rig.location = (3 + 0.03 * step, 1, 2)
        rig.rotation_euler = (0.1, 0, 0.5 + 0.1 * step)
        eye.location = (3 + 0.02 * step, 1 - 1.5 + 0.1 * step, 2.05)
        eye.rotation_euler = (1.57, 0, 0)
        for item, paths in ((rig, ("location", "rotation_euler")), (eye, ("location",))):
            for path in paths:
                item.keyframe_insert(path, frame=frame)


with harness.enabled():
    scene = bpy.context.scene
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    scene.render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    for node in head.data.materials[0].node_tree.nodes:
        if node.bl_idname == "ShaderNodeBump":  # pores, which our own normals have not
            node.mute = True
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    scene.frame_start, scene.frame_end = 4, 6
    animate(scene, head)
    scene.render.resolution_x, scene.render.resolution_y = 320, 400
    scene.render.resolution_percentage, scene.render.pixel_aspect_x = 70, 1.1
    chosen = harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format, chosen.depth = "MESH", "SCENE", "EXR", "FLOAT"
    chosen.passes, chosen.head_mesh = {"normal", "position", "vector"}, "KEEP"
    chosen.folder = str(harness.folder() / "frames")
    bpy.ops.affekt.render_avatar()
    scene.use_nodes = False
    if hasattr(scene, "compositing_node_group"):  # 5.0
        scene.compositing_node_group = None
    set_up_cycles(scene)
    scene.frame_set(5)
    scene.render.filepath = str(harness.folder() / "cycles.exr")
    bpy.ops.render.render(write_still=True)
    bpy.ops.affekt.stop_sidecar()
    harness.answer(files=sorted(str(p) for p in (harness.folder() / "frames").glob("*.exr")))
