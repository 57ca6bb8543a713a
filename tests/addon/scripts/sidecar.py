# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sidecar, started with the panel's button."""

import time

import bpy
import harness

DEADLINE_S = 120


def start_sidecar(python: str) -> float:
    """Presses Start, steps the session as the timer would; seconds until it is connected."""
    bpy.context.preferences.addons[harness.MODULE].preferences.python = python
    began = time.monotonic()
    bpy.ops.affekt.start_sidecar()
    session = harness.load("addon.link.session").session
    while session.step().name == "STARTING":
        assert time.monotonic() < began + DEADLINE_S, "the sidecar does not start"
        time.sleep(0.05)
    assert session.state.name == "CONNECTED", session.error
    return time.monotonic() - began
