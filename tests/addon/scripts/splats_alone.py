# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with splats in a Blender that has no Affekt: what it draws, opened, and linked into
another file with a library override."""

import bpy
import harness
from splats import evaluated, render_small

asked = harness.options()
assert not hasattr(bpy.types.Object, "affekt_head"), "the extension is there"


def drawn(cloud: bpy.types.Object, frames: list[int]) -> list[dict[str, str]]:
    told = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        told.append({k: v.tobytes().hex() for k, v in evaluated(cloud).items()})
    return told


def overridden(name: str) -> bpy.types.Object:
    """The cloud in a file that links it with its head and rig, as an override of all three."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(asked["blend"], link=True) as (_, wanted):
        wanted.objects = [name]
    cloud = wanted.objects[0]
    scene = bpy.context.scene
    for item in (cloud, cloud.parent, cloud.parent.parent):
        scene.collection.objects.link(item)
    own = cloud.override_hierarchy_create(scene, bpy.context.view_layer)
    assert own.override_library is not None
    assert own.parent.override_library is not None
    return own


bpy.ops.wm.open_mainfile(filepath=asked["blend"])
told = {"drawn": drawn(bpy.data.objects[asked["cloud"]], asked["frames"])}
told["render"] = render_small(asked["render"])
told["overridden"] = drawn(overridden(asked["cloud"]), asked["frames"])
harness.answer(**told)
