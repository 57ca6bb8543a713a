# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of flat colours: a red bar 2 m before the camera, a blue wall 5 m behind it. The camera
stands at the origin and looks along +y."""

import bpy

BAR_M, WALL_M = 2.0, 5.0


def flat_colour(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """A material that shines with just this scene-linear colour."""
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shine = tree.nodes.new("ShaderNodeEmission")
    shine.inputs["Color"].default_value = (*colour, 1.0)
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shine.outputs[0], out.inputs["Surface"])
    return material


def upright_plane(name: str, y: float, width: float, height: float) -> bpy.types.Object:
    """A plane that faces the camera, centred before it."""
    mesh = bpy.data.meshes.new(name)
    x, z = width / 2, height / 2
    mesh.from_pydata([(-x, y, -z), (x, y, -z), (x, y, z), (-x, y, z)], [], [(0, 1, 2, 3)])
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def build_set(size: int) -> None:
    """Into the scene in use, which is emptied of what Blender put there, but for heads."""
    scene = bpy.context.scene
    for name in ("Cube", "Light"):
        if name in bpy.data.objects:
            bpy.data.objects.remove(bpy.data.objects[name])
    upright_plane("Bar", BAR_M, 0.3, 10).data.materials.append(flat_colour("red", (1, 0, 0)))
    upright_plane("Wall", WALL_M, 10, 10).data.materials.append(flat_colour("blue", (0, 0, 1)))
    camera = scene.camera
    camera.location, camera.rotation_euler = (0, 0, 0), (1.5707963267948966, 0, 0)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
