# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects by a connection file that the user has named."""

import time

import bpy
import harness

asked = harness.options()

with harness.enabled():
    session = harness.load("addon.link.session").session
    settings = bpy.context.preferences.addons[harness.MODULE].preferences
    said = {}
    settings.connection_file = asked["file"] + ".missing"
    said["missing"] = harness.failure(bpy.ops.affekt.connect_sidecar)
    settings.connection_file = asked["file"]
    bpy.ops.affekt.connect_sidecar()
    deadline = time.monotonic() + 60
    while session.step().name == "STARTING" and time.monotonic() < deadline:
        time.sleep(0.01)
    harness.answer(said=said, state=session.state.name, version=session.version)
