# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a motion on a head and hands back the mesh that Blender draws at each frame."""

import bpy
import harness
import numpy as np

asked = harness.options()
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
