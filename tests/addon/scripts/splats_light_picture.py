# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's own Gaussians in a set: in their own light, in the key light's, and in the shadow
of a thing before it; by Cycles."""

import bpy
import harness
from mathutils import Vector
from splats import given
from splats_set import HEAD_M, add_camera, build_set, render, set_up, sizes_of
from studio import material, solid

from sidecar import start_sidecar

asked = harness.options()


def add_grating(height: float) -> bpy.types.Object:
    """Slats before the key light, as one object."""
    dark = material("slats", (0.02, 0.02, 0.02), roughness=0.8)
    slats = [
        solid("cube", (0, 0, height * 0.14 * step), (0.8 * height, 0.004, height * 0.07), dark)
        for step in range(-4, 5)
    ]
    for item in slats:
        item.select_set(True)
    bpy.context.view_layer.objects.active = slats[0]
    bpy.ops.object.join()
    grating = bpy.context.object
    key = next(item for item in bpy.context.scene.objects if item.name.startswith("key"))
    way = key.location - Vector(HEAD_M)
    grating.location = Vector(HEAD_M) + 0.45 * way
    grating.rotation_mode = "QUATERNION"
    grating.rotation_quaternion = way.to_track_quat("-Y", "Z")
    bpy.ops.object.transform_apply(location=False, rotation=True, scale=True)
    return grating


with harness.enabled():
    scene = bpy.context.scene
    set_up(asked["samples"], asked["width"], asked["height"])
    start_sidecar(asked["python"])
    bpy.ops.affekt.import_avatar(filepath="open-gaussians")
    cloud, head = bpy.context.object, harness.load("addon.head.find").need_head(bpy.context)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    bpy.ops.affekt.stop_sidecar()
    scene.frame_set(asked["frame"] + 1)
    middle, height = sizes_of(head)
    head.parent.location += Vector(HEAD_M) - middle
    for item in list(scene.objects):
        if item.type == "LIGHT":
            bpy.data.objects.remove(item)
    build_set(height / 0.26, with_mirror=False)
    key = next(item for item in scene.objects if item.name.startswith("key"))
    key.data.color, key.data.energy = (1.0, 0.72, 0.46), 0.6 * key.data.energy
    scene.camera = add_camera(8, height)
    scene.camera.data.lens *= 1.1
    scene.render.film_transparent = False
    scene.cycles.use_denoising, scene.cycles.max_bounces = True, 3
    told = {"own": render("own")}
    bpy.context.view_layer.objects.active = cloud
    bpy.ops.affekt.match_light()
    bpy.context.view_layer.update()
    told["matched"] = render("matched")
    exposure, colour = given(cloud, "Exposure").value, given(cloud, "Light Colour").value
    told["gain"] = [2**exposure * part for part in colour[:3]]
    given(cloud, "Shadow Caster").value = add_grating(height)
    cloud.update_tag()
    told["shaded"] = render("shaded")
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "light.blend"))
    harness.answer(**told)
