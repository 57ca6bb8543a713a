# SPDX-License-Identifier: GPL-3.0-or-later
"""Enables and disables the add-on again and again, each time with a sidecar that lives."""

import os
import threading
import time

import bpy
import harness
from processes import children, holdings

from sidecar import start_sidecar

asked = harness.options()


def settled() -> dict[str, int]:
    """The holdings, once what the add-on has started is gone or a while has passed."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        names = [thread.name for thread in threading.enumerate()]
        if not children(os.getpid()) and not [n for n in names if n.startswith("affekt-")]:
            break
        time.sleep(0.02)
    return holdings()


def hooks() -> dict[str, object]:
    """What Blender would still call."""
    tick = harness.load("addon.link.operators")._tick
    handlers = {
        name: len(found)
        for name in dir(bpy.app.handlers)
        if isinstance(found := getattr(bpy.app.handlers, name), list)
    }
    return {"timer": bpy.app.timers.is_registered(tick), "handlers": handlers}


def once() -> float:
    """Enables, starts, disables; seconds that disabling took."""
    with harness.enabled():
        start_sidecar(asked["python"])
        assert harness.load("addon.link.session").session.need_line().client.ping() < 10
        sidecars = children(os.getpid())
        seen.update(sidecars, *map(children, sidecars))
        began = time.perf_counter()
    return time.perf_counter() - began


seen: set[int] = set()
once()  # what is loaded once and stays
first = settled()
before, took = hooks(), []
for _ in range(asked["times"]):
    took.append(once())
last, alive = settled(), harness.load("shared.alive").is_process_alive
harness.answer(
    first=first,
    last=last,
    before=before,
    after=hooks(),
    slowest_s=max(took),
    seen=len(seen),
    outlived=[pid for pid in seen if alive(pid)],
    left=[path.name for path in harness.folder().glob("runtime/*/sidecar.json")],
)
