# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a motion on a head and hands back the mesh that Blender draws at each frame; and what
exporters make of its colours."""

import json

import bpy
import harness
import numpy as np

asked = harness.options()


def exported_colours(head: bpy.types.Object) -> dict:
    """Which of the mesh's attributes glTF calls its colours, and the lines of USD's material. Not
    asked of Blender 4.2, whose module crashes at its end after such exports."""
    if bpy.app.version < (5, 0, 0):
        return {}
    for item in bpy.data.objects:
        item.select_set(item == head)
    path = harness.folder() / "head.gltf"
    bpy.ops.export_scene.gltf(
        filepath=str(path),
        export_format="GLTF_SEPARATE",
        use_selection=True,
        export_animations=False,
        export_morph=False,
    )
    written = json.loads(path.read_text())
    primitive = written["meshes"][0]["primitives"][0]
    stage = harness.folder() / "head.usda"
    bpy.ops.wm.usd_export(filepath=str(stage), selected_objects_only=True)
    lines = [line.strip() for line in stage.read_text().splitlines()]
    known = ("diffuseColor", "varname", "inputs:normal", "inputs:file", "primvars:affekt_colour")
    return {
        "gltf": sorted(primitive["attributes"]),
        "pictures": len(written.get("images", ())),
        "usd": [line[:100] for line in lines if any(word in line for word in known)],
    }


with harness.enabled():
    axes, takes = harness.load("addon.axes"), harness.load("addon.motion.takes")
    find = harness.load("addon.head.find")
    scene = bpy.context.scene
    scene.render.fps = 30
    head = harness.add_head(asked["head"])
    motion = harness.read_motion(asked["motion"])
    place = harness.load("addon.motion.placement").Placement(first=1, fps=30)
    take = takes.add_take(head, motion, name="random", place=place)
    frames = [harness.evaluated_vertices(head, 1 + t) for t in range(len(motion))]
    np.save(asked["out"], axes.to_flame(np.stack(frames)))
    back = takes.read_take(head, take, scene)
    errors = {
        name: float(np.abs(getattr(back, name) - getattr(motion, name)).max())
        for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation")
    }
    keys = head.data.shape_keys
    drivers = [] if keys.animation_data is None else list(keys.animation_data.drivers)
    harness.answer(
        colours=exported_colours(head) if asked["exports"] else {},
        errors=errors,
        keys=len(keys.key_blocks),
        slow_drivers=[d.data_path for d in drivers if not d.driver.is_simple_expression],
        invalid_drivers=[d.data_path for d in drivers if not d.driver.is_valid],
        smooth=all(p.use_smooth for p in head.data.polygons),
        groups=[group.name for group in head.vertex_groups],
        bones=[bone.name for bone in find.rig_of(head).data.bones],
        locks={
            bone.name: [[*bone.lock_location], [*bone.lock_scale], [*bone.lock_rotation]]
            for bone in find.rig_of(head).pose.bones
        },
    )
