# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot with two avatars in a Blender that has no Affekt, as a farm opens it: its animation."""

import bpy
import harness
import numpy as np
from rendering import animation

asked = harness.options()
assert not hasattr(bpy.types.Object, "affekt_head"), "the extension is there"
bpy.ops.wm.open_mainfile(filepath=asked["blend"])
shown = animation(bpy.context.scene, asked["frames"], harness.folder())
np.save(asked["out"], shown)
harness.answer()
