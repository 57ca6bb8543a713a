# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a long take and bakes it, against a real sidecar: seconds, and peaks of memory."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import harness
from processes import children

from sidecar import start_sidecar

asked = harness.options()


def peak_bytes(pid: str | int) -> int:
    """The most memory that the process has had, on Linux."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def timed(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


with harness.enabled():
    bpy.context.scene.render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    seconds = {"import": timed(lambda: bpy.ops.affekt.import_take(filepath=asked["take"]))}
    take = head.affekt_takes.items[0]
    for frame, happy in ((1, 0.0), (take.frames, 1.0)):
        head.affekt_emotion.happy = happy
        head.keyframe_insert("affekt_emotion.happy", frame=frame)
    seconds["bake"] = timed(bpy.ops.affekt.bake)
    (server,) = children(os.getpid())
    (worker,) = children(server)
    harness.answer(
        blender=bpy.app.version_string,
        seconds=seconds,
        frames=head.affekt_takes.items[1].frames,
        peaks={
            "Blender": peak_bytes("self"),
            "server": peak_bytes(server),
            "worker": peak_bytes(worker),
        },
    )
    bpy.ops.affekt.stop_sidecar()
