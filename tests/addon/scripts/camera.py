# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a head with Cycles through many random cameras, and tells how the add-on reads each."""

import bpy
import harness
import numpy as np
from mathutils import Euler, Matrix, Vector
from rendering import set_up_cycles

EDGE = 320
"""Longest edge of a picture, about."""


def place_head(head: bpy.types.Object, rng: np.random.Generator) -> None:
    """A head anywhere, turned, scaled unevenly, below a parent that is turned and scaled too."""
    rig = head.parent
    parent = rig.parent or bpy.data.objects.new("Parent", None)
    if rig.parent is None:
        bpy.context.collection.objects.link(parent)
        rig.parent = parent
    for item, spread in ((parent, 3.0), (rig, 0.5), (head, 0.2)):
        item.location = rng.uniform(-spread, spread, 3)
        item.rotation_euler = Euler(rng.uniform(-np.pi, np.pi, 3))
        item.scale = rng.uniform(0.6, 1.5, 3)


def place_camera(
    scene: bpy.types.Scene, middle: Vector, kind: str, rng: np.random.Generator
) -> None:
    """A camera that sees a head of about a third of a metre around `middle`, somewhere in it."""
    eye, data, render = scene.camera, scene.camera.data, scene.render
    data.type = kind
    data.sensor_fit = str(rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"]))
    data.sensor_width, data.sensor_height = rng.uniform(10, 60, 2)
    data.shift_x, data.shift_y = rng.uniform(-0.3, 0.3, 2)
    data.lens_unit = str(rng.choice(["MILLIMETERS", "FOV"]))
    data.lens = rng.uniform(12, 135)
    if rng.random() < 0.2:
        data.angle = rng.uniform(0.2, 1.2)
    percentage = int(rng.integers(30, 130))
    size = rng.uniform(0.5, 1.0, 2) * EDGE * 100 / percentage
    render.resolution_x, render.resolution_y = (int(edge) for edge in size)
    render.resolution_percentage = percentage
    render.pixel_aspect_x, render.pixel_aspect_y = 1.0, 1.0
    if rng.random() < 0.5:
        render.pixel_aspect_x, render.pixel_aspect_y = rng.uniform(1, 2, 2)
    render.use_border = bool(rng.random() < 0.4)
    render.use_crop_to_border = render.use_border
    render.border_min_x, render.border_min_y = rng.uniform(0, 0.3, 2)
    render.border_max_x, render.border_max_y = rng.uniform(0.7, 1, 2)
    aim(eye, data, middle, kind, rng)


def aim(eye, data, middle: Vector, kind: str, rng: np.random.Generator) -> None:
    """From a distance at which the head fills a good part of the view, with the middle of the
    view (which a shift moves) near the head's."""
    scene = bpy.context.scene
    toward = Vector(rng.normal(size=3)).normalized()
    wide = 1.0
    data.ortho_scale = rng.uniform(0.4, 0.9)
    if kind == "PERSP":
        frame = data.view_frame(scene=scene)  # corners at the sensor's distance
        wide = min((frame[0] - frame[1]).length, (frame[1] - frame[2]).length) / abs(frame[0].z)
    distance = rng.uniform(0.45, 0.7) / wide if kind == "PERSP" else rng.uniform(0.8, 5)
    turn = (
        toward.to_track_quat("Z", "Y") @ Euler((0, 0, rng.uniform(-np.pi, np.pi))).to_quaternion()
    )
    corners = data.view_frame(scene=scene)
    centre = sum(corners, Vector()) / 4
    offset = Vector((centre.x, centre.y, 0))
    if kind == "PERSP":
        offset *= distance / abs(centre.z)
    where = Matrix.Translation(middle) @ turn.to_matrix().to_4x4()
    where = where @ Matrix.Translation(Vector((0, 0, distance)) - offset)
    eye.rotation_mode = "QUATERNION"
    eye.location, eye.rotation_quaternion = where.translation, where.to_quaternion()
    eye.scale = rng.uniform(0.2, 3, 3) * (*rng.choice([1, 1, 1, -1], 2), 1)  # -z would look away
    data.clip_start, data.clip_end = 0.1 * distance, distance + 10
    if rng.random() < 0.3:  # through the head
        data.clip_start = distance - rng.uniform(-0.02, 0.05)
    if rng.random() < 0.2:
        data.clip_end = distance + rng.uniform(0.02, 0.1)


def as_fields(view: object) -> dict:
    camera = view.camera
    names = camera.__dataclass_fields__
    return {name: getattr(camera, name) for name in names}


asked = harness.options()
with harness.enabled():
    reading, axes = harness.load("addon.camera"), harness.load("addon.axes")
    takes, scene = harness.load("addon.motion.takes"), bpy.context.scene
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    set_up_cycles(scene)
    head = harness.add_head(asked["head"])
    place = harness.load("addon.motion.placement").Placement(first=1, fps=30)
    takes.add_take(head, harness.read_motion(asked["motion"]), name="x", place=place)
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    rng, told = np.random.default_rng(asked["seed"]), []
    for index in range(asked["count"]):
        kind = "ORTHO" if index % 3 == 2 else "PERSP"
        place_head(head, rng)
        vertices = harness.evaluated_vertices(head, 1)
        np.save(harness.folder() / f"vertices_{index:02d}.npy", axes.to_flame(vertices))
        middle = head.matrix_world @ Vector(vertices.mean(0))
        place_camera(scene, middle, kind, rng)
        scene.render.filepath = str(harness.folder() / f"camera_{index:02d}.exr")
        bpy.ops.render.render(write_still=True)
        view = reading.read_camera(bpy.context, head)
        told.append({**as_fields(view), "world_from_head": view.world_from_head})
    harness.answer(cameras=told)
