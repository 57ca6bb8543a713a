# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports real takes through a real sidecar, and what is said of those that cannot be."""

import bpy
import harness

from sidecar import start_sidecar

asked = harness.options()
with harness.enabled():
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    first = asked["refused_first"]
    no_adapter = harness.failure(lambda: bpy.ops.affekt.import_take(filepath=first))
    for path, adapter in asked["takes"]:
        bpy.ops.affekt.import_take(filepath=path, adapter=adapter, with_sound=False)
    refused = {
        path: harness.failure(lambda path=path: bpy.ops.affekt.import_take(filepath=path))
        for path in asked["refused"]
    }
    moved = []
    for take in head.affekt_takes.items:
        bpy.ops.affekt.use_take(name=take.name)
        start = harness.evaluated_vertices(head, 1)
        later = harness.evaluated_vertices(head, 1 + int(take.frames * 0.8 / 2))
        moved.append(float(abs(later - start).max()))
    harness.answer(
        frames=[take.frames for take in head.affekt_takes.items],
        moved=moved,
        refused=refused,
        no_adapter=no_adapter,
        actions=len(bpy.data.actions),
    )
