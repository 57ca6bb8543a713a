# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians that Blender imports from a file of USD, at some frames."""

import bpy
import harness
import numpy as np

FIELDS = {
    "position": ("vector", 3),
    "scale": ("vector", 3),
    "rotation": ("value", 4),
    "radiance:base": ("vector", 4),
}


def evaluated(cloud: bpy.types.Object, name: str) -> np.ndarray:
    field, width = FIELDS[name]
    now = cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.attributes[name].data
    values = np.empty(len(now) * width, np.float32)
    now.foreach_get(field, values)
    return values.reshape(-1, width)


asked = harness.options()
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.usd_import(filepath=asked["file"])
(cloud,) = (item for item in bpy.data.objects if item.type == "POINTCLOUD")
kept = {}
for frame in asked["frames"]:
    bpy.context.scene.frame_set(frame)
    kept.update({f"{frame}.{name}": evaluated(cloud, name) for name in FIELDS})
np.savez(asked["out"], **kept)
scene = bpy.context.scene
harness.answer(matrix=[list(row) for row in cloud.matrix_world], end=scene.frame_end)
