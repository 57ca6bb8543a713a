# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar as an object in a Blender that draws no Gaussians."""

import bpy
import harness

with harness.enabled():
    said = harness.failure(lambda: bpy.ops.affekt.import_avatar(filepath="open-gaussians"))
    harness.answer(said=said, objects=[item.type for item in bpy.data.objects])
