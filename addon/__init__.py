# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender side: everything that imports `bpy`."""

from __future__ import annotations


def register() -> None:
    from . import registry

    registry.register()


def unregister() -> None:
    from . import registry

    registry.unregister()
