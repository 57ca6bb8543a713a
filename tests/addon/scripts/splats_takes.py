# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars as objects of the scene over several takes, as Blender evaluates them."""

import bpy
import harness
from splats import play

from sidecar import start_sidecar

asked = harness.options()

with harness.enabled():
    bpy.context.scene.render.fps = 30
    start_sidecar(asked["python"])
    told = {case["name"]: play(case) for case in asked["cases"]}
    bpy.ops.affekt.stop_sidecar()
    harness.answer(cases=told)
