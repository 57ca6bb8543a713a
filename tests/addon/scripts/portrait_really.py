# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sidecar makes an avatar of a real photo; a take moves it, emotions change it, and it is
drawn."""

import time
from pathlib import Path

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()
ops = bpy.ops.affekt


def stages() -> list[str]:
    """What the panel would say on the way, each once."""
    creating, tasks = harness.load("addon.portrait.creating"), harness.load("addon.link.tasks")
    options = creating.CreateOptions(photo=Path(asked["photo"]), face=1, out=None, proxy="HIDDEN")
    task = tasks.start_task(tasks.Task("Create", creating.create_steps(options, bpy.context)))
    seen: list[str] = []
    while not task.step():
        text = task.progress.text.partition(",")[0]
        if text not in seen:
            seen.append(text)
        time.sleep(0.02)
    tasks.end_task()
    return [*seen, task.result]


def places(item: bpy.types.Object, frame: int) -> np.ndarray:
    """Of the Gaussians, or of the mesh, as Blender draws them."""
    bpy.context.scene.frame_set(frame)
    data = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = data.points if item.type == "POINTCLOUD" else data.vertices
    flat = np.empty(len(points) * 3, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


with harness.enabled():
    start_sidecar(asked["python"])
    said = stages()
    head, shown = harness.load("addon.head.find").need_head(bpy.context), bpy.context.object
    ops.import_take(filepath=asked["take"], first_frame=1)
    head.affekt_emotion.happy = 1.0
    ops.key_emotions()
    before = places(shown, 40)
    ops.bake()
    after = places(shown, 40)
    chosen = head.affekt_avatar
    chosen.camera, chosen.size, chosen.frame_range = "PORTRAIT", 256, "CURRENT"
    chosen.format, chosen.folder = "PNG", asked["pictures"]
    ops.render_avatar()
    harness.answer(
        said=said,
        kind=shown.type,
        points=len(before),
        moves=float(np.abs(after - before).max()),
        avatar=[chosen.subject, chosen.file],
    )
