# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the sidebar shares."""

from __future__ import annotations


class SidebarPanel:
    """Mix-in: the tab 'Affekt' in the 3D view's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Affekt"
