# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator does, button by button, against a real sidecar."""

import hashlib
import time

import bpy
import harness
import numpy as np
from rendering import composite, set_up_render

from sidecar import start_sidecar

asked = harness.options()


def fingerprint(take: object) -> str:
    """Every key of the take's Action."""
    compat = harness.load("addon.compat")
    digest = hashlib.sha256()
    for part, action in (("OBJECT", take.rig_action), ("KEY", take.keys_action)):
        for curve in compat.curves_of(action, part):
            flat = np.empty(len(curve.keyframe_points) * 2, np.float32)
            curve.keyframe_points.foreach_get("co", flat)
            digest.update(f"{curve.data_path}[{curve.array_index}]".encode())
            digest.update(flat.tobytes())
    return digest.hexdigest()


def key_emotions(head: bpy.types.Object, keys: list[dict]) -> None:
    """The keys of a track file, straight lines between them."""
    compat = harness.load("addon.compat")
    for key in keys:
        for name, value in key.items():
            if name != "frame":
                setattr(head.affekt_emotion, name, value)
                path = f"affekt_emotion.{name}"
                head.keyframe_insert(path, frame=asked["first_frame"] + key["frame"])
    for curve in compat.active_curves(head):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def play_cache(head: bpy.types.Object, path: str, frame: int) -> np.ndarray:
    """(V, 3) that a Mesh Cache modifier makes of the bake's file, as docs/baking.md says."""
    modifier = head.modifiers.new("Cache", "MESH_CACHE")
    modifier.cache_format, modifier.filepath = "PC2", path
    modifier.forward_axis, modifier.up_axis = "POS_Z", "NEG_Y"
    modifier.frame_start = asked["first_frame"]
    vertices = harness.evaluated_vertices(head, frame)
    head.modifiers.remove(modifier)
    return vertices


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = asked["fps"]
    seconds = {"start": start_sidecar(asked["python"])}
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    began = time.monotonic()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=asked["first_frame"])
    seconds["import"] = time.monotonic() - began
    takes = head.affekt_takes
    before = fingerprint(takes.items[0])
    key_emotions(head, asked["keys"])
    began = time.monotonic()
    bpy.ops.affekt.bake()
    seconds["bake"] = time.monotonic() - began
    cache = str(harness.folder() / "mesh.pc2")
    bpy.ops.affekt.bake(cache=cache)
    axes = harness.load("addon.axes")
    frames = range(asked["first_frame"], asked["first_frame"] + takes.items[1].frames)
    vertices = np.stack([harness.evaluated_vertices(head, frame) for frame in frames])
    np.save(asked["out"], axes.to_flame(vertices))
    played = [play_cache(head, cache, frames[row]) for row in asked["cached"]]
    cache_gap = float(np.abs(np.stack(played) - vertices[asked["cached"]]).max())
    used = takes.active
    after = fingerprint(takes.items[0])
    chosen = harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format = "FILE", "PORTRAIT", "PNG"
    chosen.file = asked["avatar"]
    harness.avatar_settings().size = asked["size"]
    harness.avatar_settings().folder = str(harness.folder() / "frames")
    scene.frame_end = scene.frame_start + asked["rendered"] - 1
    began = time.monotonic()
    bpy.ops.affekt.render_avatar()
    seconds["render"] = time.monotonic() - began
    set_up_render(scene, asked["size"])
    np.save(asked["composite"], composite(scene, scene.frame_start + 1, harness.folder()))
    bpy.ops.affekt.use_take(name=takes.items[0].name)
    harness.answer(
        seconds=seconds,
        takes=[(take.name, take.kind, take.source, take.frames) for take in takes.items],
        actions=[take.keys_action.name for take in takes.items],
        used=used,
        cache_gap=cache_gap,
        used_after=takes.active,
        untouched=before == after == fingerprint(takes.items[0]),
        range=[scene.frame_start, scene.frame_end],
    )
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "scene.blend"))
    bpy.ops.affekt.stop_sidecar()
