# SPDX-License-Identifier: GPL-3.0-or-later
"""A colour for each emotion, the same wherever the add-on draws one."""

from __future__ import annotations

from ...shared.emotion import EMOTIONS

COLOURS = dict(
    zip(
        EMOTIONS,
        (
            (0.96, 0.77, 0.22),
            (0.33, 0.55, 0.90),
            (0.88, 0.27, 0.24),
            (0.66, 0.45, 0.86),
            (0.45, 0.72, 0.33),
            (0.95, 0.55, 0.25),
        ),
        strict=True,
    )
)
"""sRGB, 0..1: readable on Blender's dark theme and on its light one."""
