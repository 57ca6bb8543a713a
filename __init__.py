# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt: keyframed emotion for 3D heads.

One folder is at once the Python package `affekt` and the Blender extension `affekt`, so
nothing may be imported here: Blender's Python has no torch, a terminal's Python no bpy.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at exit."""
    from . import addon

    addon.unregister()
