# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes for ever: the test kills this Blender while it does."""

import os
import time

import bpy
import harness
from processes import children

from sidecar import start_sidecar

asked = harness.options()

with harness.enabled():
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    scene, tasks = bpy.context.scene, harness.load("addon.link.tasks")
    baking, is_told = harness.load("addon.bake.baking"), False
    while True:
        bpy.context.object.affekt_emotion.happy = (time.monotonic() % 100) / 100
        task = tasks.start_task(tasks.Task("Bake", baking.bake_steps(bpy.context.object, scene)))
        while not task.step():
            if task.progress.fraction > 0 and not is_told:
                is_told = True
                sidecars = children(os.getpid())
                workers = [child for sidecar in sidecars for child in children(sidecar)]
                harness.answer(sidecars=sidecars, workers=workers)
            time.sleep(0.005)
        tasks.end_task()
