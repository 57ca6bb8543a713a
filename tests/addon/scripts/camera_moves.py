# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a camera that moves, zooms and is exchanged, and scenes that have none to read."""

import bpy
import harness
import numpy as np

FRAMES = (1, 5, 11, 12, 20)


def add_camera(name: str, scene: bpy.types.Scene) -> bpy.types.Object:
    eye = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    scene.collection.objects.link(eye)
    return eye


def animate(scene: bpy.types.Scene, head: bpy.types.Object) -> bpy.types.Object:
    """A dolly zoom on frames 1 to 11, below a parent that rises; another camera from 12 on."""
    eye, second = add_camera("First", scene), add_camera("Second", scene)
    lift = bpy.data.objects.new("Lift", None)
    scene.collection.objects.link(lift)
    eye.parent = lift
    for frame, place, lens in ((1, 2.0, 30.0), (11, 4.0, 60.0)):
        eye.location, eye.data.lens, lift.location = (0, 0, place), lens, (0, frame, 0)
        eye.keyframe_insert("location", frame=frame)
        eye.data.keyframe_insert("lens", frame=frame)
        lift.keyframe_insert("location", frame=frame)
    second.location, second.data.type = (9, 9, 9), "ORTHO"
    for frame, camera in ((1, eye), (12, second)):
        scene.timeline_markers.new(camera.name, frame=frame).camera = camera
    head.parent.location = (0, 0, 0)
    head.parent.keyframe_insert("location", frame=12)
    head.parent.location = (0, 0, 8)
    head.parent.keyframe_insert("location", frame=20)
    return eye


asked = harness.options()
with harness.enabled():
    reading, scene = harness.load("addon.camera"), bpy.context.scene
    head = harness.add_head(asked["head"])
    eye = animate(scene, head)
    scene.frame_set(7, subframe=0.25)
    views = list(reading.read_cameras(bpy.context, head, FRAMES))
    centre = harness.load("shared.camera").camera_centre
    where = [v.world_from_head @ np.append(centre(v.camera), 1) for v in views]
    after = (scene.frame_current, scene.frame_subframe)
    closed = reading.read_cameras(bpy.context, head, FRAMES)
    next(closed)
    closed.close()
    scene.timeline_markers.clear()
    scene.camera = eye
    codes = {}
    eye.data.type = "PANO"
    codes["panorama"] = harness.failure(lambda: reading.read_camera(bpy.context, head))
    scene.camera = head
    codes["mesh"] = harness.failure(lambda: reading.read_camera(bpy.context, head))
    scene.camera = None
    codes["none"] = harness.failure(lambda: reading.read_camera(bpy.context, head))
    harness.answer(
        centres=[place[:3] for place in where],
        heads=[view.world_from_head[:3, 3] for view in views],
        focals=[view.camera.focal_x for view in views],
        width=views[0].camera.width,
        orthographic=[view.camera.orthographic for view in views],
        after=after,
        after_close=(scene.frame_current, scene.frame_subframe),
        codes=codes,
    )
