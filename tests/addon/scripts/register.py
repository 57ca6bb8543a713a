# SPDX-License-Identifier: GPL-3.0-or-later
"""Enables and disables the add-on again and again, each time with a sidecar that lives."""

import time

import bpy
import harness
from processes import holdings

from sidecar import start_sidecar

asked = harness.options()


def settled(expected: dict[str, int]) -> dict[str, int]:
    """The holdings, once they are as expected or a while has passed."""
    deadline = time.monotonic() + 10
    while (found := holdings()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def hooks() -> dict[str, object]:
    """What Blender would still call."""
    tick = harness.load("addon.link.operators")._tick
    handlers = {
        name: len(found) for name in dir(bpy.app.handlers)
        if isinstance(found := getattr(bpy.app.handlers, name), list)
    }  # fmt: skip
    return {"timer": bpy.app.timers.is_registered(tick), "handlers": handlers}


def once() -> float:
    """Enables, starts, disables; seconds that disabling took."""
    with harness.enabled():
        start_sidecar(asked["python"])
        assert harness.load("addon.link.session").session.need_line().client.ping() < 10
        began = time.perf_counter()
    return time.perf_counter() - began


once()  # what is loaded once and stays
first = settled({**holdings(), "children": 0})
before, took = hooks(), []
for _ in range(asked["times"]):
    took.append(once())
harness.answer(
    first=first, last=settled(first), before=before, after=hooks(), slowest_s=max(took),
    left=[path.name for path in harness.folder().glob("runtime/*/sidecar.json")],
)  # fmt: skip
