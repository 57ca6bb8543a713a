# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar whose kernels are not compiled yet: head, take and bake at once."""

import os
import time

import bpy
import harness

asked, seconds = harness.options(), {}
os.environ["NUMBA_CACHE_DIR"] = str(harness.folder() / "kernels")
with harness.enabled():
    ops, session = bpy.ops.affekt, harness.load("addon.link.session").session
    bpy.context.preferences.addons[harness.MODULE].preferences.python = asked["python"]

    def timed(name: str, call: object) -> None:
        began = time.monotonic()
        call()
        seconds[name] = round(time.monotonic() - began, 2)

    timed("start", lambda: ops.start_sidecar(wait=True))
    timed("head", ops.add_head)
    deadline, warming = time.monotonic() + 60, None
    while (warming is None or warming.text == "Loading") and time.monotonic() < deadline:
        session.step()
        warming = session.warming
        time.sleep(0.02)
    timed("import", lambda: ops.import_take(filepath=asked["take"]))
    bpy.context.object.affekt_emotion.happy = 1.0
    ops.key_emotions()
    timed("bake", ops.bake)
    status = session.need_line().client.status()
    ops.stop_sidecar()
harness.answer(
    text="" if warming is None else warming.text,
    compiled=status.compiled,
    pieces=status.pieces,
    seconds=seconds,
)
