# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with splats of every kind in a Blender that has no Affekt: what it draws, opened, and one
linked into another file with a library override."""

import bpy
import harness
from splats import drawn_bits, render_small

asked = harness.options()
assert not hasattr(bpy.types.Object, "affekt_head"), "the extension is there"


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
clouds = [bpy.data.objects[name] for name in asked["clouds"]]
told = {"drawn": {item.name: drawn_bits(item, asked["frames"]) for item in clouds}}
told["render"] = render_small(asked["render"])
told["overridden"] = drawn_bits(overridden(asked["clouds"][0]), asked["frames"])
harness.answer(**told)
