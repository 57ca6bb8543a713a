# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of an avatar in the scene, as Blender evaluates it: in poses of its head, at strengths
of *Appearance*, with the head turned, as another person."""

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()


def base_of(cloud: bpy.types.Object) -> np.ndarray:
    """(N, 4) coefficients of colour, and opacity, as they are drawn."""
    bpy.context.view_layer.update()
    data = cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    attribute = data.attributes["radiance:base"]
    flat = np.empty(4 * len(data.points), np.float32)
    attribute.data.foreach_get("color" if attribute.data_type == "FLOAT_COLOR" else "vector", flat)
    return flat.reshape(-1, 4)


def pose(head: bpy.types.Object, weights: dict[str, float], turn_rad: float) -> None:
    for block in head.data.shape_keys.key_blocks[1:]:
        block.value = weights.get(block.name, 0.0)
    bone = head.parent.pose.bones[asked["bone"]]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = (turn_rad, 0.4 * turn_rad, -0.7 * turn_rad)


with harness.enabled():
    start_sidecar(asked["python"])
    bpy.ops.affekt.import_avatar(filepath=asked["avatar"])
    cloud, head = bpy.context.object, harness.load("addon.head.find").need_head(bpy.context)
    told = {}
    for number, (weights, appearance, turn_rad) in enumerate(asked["poses"]):
        pose(head, weights, turn_rad)
        head.affekt_emotion.appearance = appearance
        head.update_tag()
        told[f"pose{number}"] = base_of(cloud)
    pose(head, {}, 0.0)
    if asked["identity"]:
        identity = harness.load("addon.head.identity")
        values = identity.values_of(head)
        values[:2] = 1.0, -0.7
        head.hide_set(False)
        identity.turn_sliders(head, values, bpy.context)
        told["other_person"] = base_of(cloud)
    bpy.ops.affekt.stop_sidecar()
    np.savez(asked["out"], **told)
    harness.answer(warnings=[one.message for one in cloud.modifiers[0].node_warnings])
