# SPDX-License-Identifier: GPL-3.0-or-later
"""A small set for the compositor's picture: a counter before the head's neck, a brass pole before
its cheek, a column and a wall behind it, all lit; and a camera that travels."""

import math

import bpy

WIDTH, HEIGHT = 640, 480
FRAMES = 40
HEAD_M = (0.0, 0.0, 1.50)
"""Where the head's origin stands; it looks along -y."""


def material(
    name: str, colour: tuple[float, float, float], *, roughness: float = 0.5, metallic: float = 0.0
) -> bpy.types.Material:
    made = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        made.use_nodes = True
    shader = next(n for n in made.node_tree.nodes if n.bl_idname == "ShaderNodeBsdfPrincipled")
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return made


def solid(
    kind: str,
    place: tuple[float, float, float],
    size: tuple[float, float, float],
    dress: bpy.types.Material,
) -> bpy.types.Object:
    """A cube, cylinder or sphere of that size, in metres, centred at `place`."""
    ops = bpy.ops.mesh
    if kind == "cube":
        ops.primitive_cube_add(size=1)
    elif kind == "cylinder":
        ops.primitive_cylinder_add(vertices=64, radius=0.5, depth=1)
    else:
        ops.primitive_uv_sphere_add(segments=48, ring_count=24, radius=0.5)
    item = bpy.context.object
    item.location, item.scale = place, size
    item.data.materials.append(dress)
    if kind != "cube":
        bpy.ops.object.shade_smooth()
    else:
        bevel = item.modifiers.new("Bevel", "BEVEL")
        bevel.width, bevel.segments = 0.004, 3
    return item


def build_things() -> None:
    wood = material("wood", (0.16, 0.065, 0.03), roughness=0.35)
    plaster = material("plaster", (0.30, 0.27, 0.23), roughness=0.9)
    teal = material("teal", (0.02, 0.085, 0.10), roughness=0.8)
    brass = material("brass", (0.75, 0.48, 0.16), roughness=0.22, metallic=1.0)
    orange = material("orange", (0.72, 0.20, 0.02), roughness=0.4)
    z = HEAD_M[2]
    solid("cube", (0, -0.23, z - 0.205), (1.6, 0.34, 0.22), wood)  # the counter
    solid("cube", (0, 0.75, z), (3.2, 0.05, 2.4), teal)  # the wall
    solid("cube", (0, 0.715, z - 0.32), (3.2, 0.03, 0.9), plaster)  # its lower half
    for x in (-0.34, 0.42):
        solid("cylinder", (x, 0.42, z), (0.14, 0.14, 2.4), plaster)
    solid("cylinder", (0.048, -0.16, z + 0.2), (0.016, 0.016, 1.0), brass)
    solid("sphere", (-0.078, -0.20, z - 0.095 + 0.034), (0.068, 0.068, 0.068), orange)
    solid("sphere", (-0.148, -0.165, z - 0.095 + 0.032), (0.064, 0.064, 0.064), orange)


def add_lamp(
    name: str,
    place: tuple[float, float, float],
    watts: float,
    size: float,
    colour: tuple[float, float, float],
) -> None:
    """A square lamp that looks at the head."""
    lamp = bpy.data.lights.new(name, "AREA")
    lamp.energy, lamp.size, lamp.color = watts, size, colour
    item = bpy.data.objects.new(name, lamp)
    bpy.context.scene.collection.objects.link(item)
    item.location = place
    aim = [HEAD_M[axis] - place[axis] for axis in range(3)]
    flat = math.hypot(aim[0], aim[1])
    item.rotation_euler = (math.atan2(flat, -aim[2]), 0, math.atan2(aim[1], aim[0]) - math.pi / 2)


def build_lights() -> None:
    x, y, z = HEAD_M
    # The same side as the light that is baked into the open head's own Gaussians.
    add_lamp("key", (x + 0.55, y - 1.25, z + 0.95), 34, 0.5, (1.0, 0.94, 0.86))
    add_lamp("wall", (x - 0.75, y + 0.3, z + 0.75), 7, 0.12, (1.0, 0.62, 0.32))
    world = bpy.context.scene.world or bpy.data.worlds.new("World")
    bpy.context.scene.world = world
    if bpy.app.version < (5, 0, 0):
        world.use_nodes = True
    sky = next(n for n in world.node_tree.nodes if n.bl_idname == "ShaderNodeBackground")
    sky.inputs["Color"].default_value = (0.5, 0.6, 0.75, 1)
    sky.inputs["Strength"].default_value = 0.12


def build_camera() -> None:
    """Travels to the right and closer, with shift and a wide sensor: nothing is at its default."""
    scene = bpy.context.scene
    data = bpy.data.cameras.new("Shot")
    data.lens, data.sensor_width, data.shift_x, data.shift_y = 58, 32, 0.03, -0.04
    camera = bpy.data.objects.new("Shot", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    x, y, z = HEAD_M
    for frame, (side, away, up) in ((1, (-0.22, -0.95, 0.06)), (FRAMES, (0.20, -0.80, 0.03))):
        camera.location = (x + side, y + away, z + up)
        aim = (-side, -away, -up - 0.01)
        camera.rotation_euler = (
            math.pi / 2 + math.atan2(aim[2], math.hypot(aim[0], aim[1])),
            0,
            math.atan2(aim[1], aim[0]) - math.pi / 2,
        )
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)


def set_up_cycles(samples: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 5
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.view_settings.view_transform = "Standard"


def build_studio(samples: int) -> None:
    """Everything, into the scene in use, which is emptied first."""
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    build_things()
    build_lights()
    build_camera()
    set_up_cycles(samples)
    bpy.context.scene.cursor.location = HEAD_M
