# SPDX-License-Identifier: GPL-3.0-or-later
"""What bound splats add to a frame, in each manner: frames of a take with and without the modifier,
in turns."""

import time

import bpy
import harness
import numpy as np
from splats import choose, given

from sidecar import start_sidecar

asked = harness.options()


def run(modifier: bpy.types.Modifier, *, is_on: bool) -> list[tuple[float, float]]:
    """Milliseconds of each frame, and of the processor over all threads."""
    scene = bpy.context.scene
    modifier.show_viewport = is_on
    scene.frame_set(1)
    told = []
    for frame in range(2, asked["frames"] + 2):
        began, busy = time.perf_counter(), time.process_time()
        scene.frame_set(frame)
        took = (time.perf_counter() - began, time.process_time() - busy)
        told.append((1000 * took[0], 1000 * took[1]))
    return told


def measure(avatar: str) -> list[list[object]]:
    began = time.perf_counter()
    bpy.ops.affekt.import_avatar(filepath=avatar)
    import_s = time.perf_counter() - began
    cloud = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    for item in bpy.context.scene.objects:
        item.hide_viewport = item not in (cloud, cloud.parent, cloud.parent.parent)
    made_for, rows = given(cloud, "Follow").value, []
    for follow in ("Still", "Stretch", "Surface", "Deform"):
        choose(cloud, follow)
        pairs = [
            [run(cloud.modifiers[0], is_on=is_on) for is_on in (False, True)]
            for _ in range(asked["times"])
        ]
        off, on = np.moveaxis(np.array(pairs), 1, 0)
        # The least of each frame, which a busy machine disturbs least.
        added = (on.min(0) - off.min(0)).mean(0).tolist()
        rows.append([avatar, len(cloud.data.points), follow, follow == made_for, added, import_s])
    return rows


with harness.enabled():
    bpy.context.scene.render.fps = 30
    start_sidecar(asked["python"])
    rows = [row for avatar in asked["avatars"] for row in measure(avatar)]
    bpy.ops.affekt.stop_sidecar()
    harness.answer(rows=rows, blender=bpy.app.version_string)
