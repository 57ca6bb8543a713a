# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms in which a frame of Gaussians leaves, and how its files end."""

from __future__ import annotations

from typing import Literal

SplatFormat = Literal["ply", "compressed", "spz"]
ENDINGS: dict[SplatFormat, str] = {"ply": "ply", "compressed": "compressed.ply", "spz": "spz"}
MANIFEST = "sequence.json"
"""The file of a folder of frames that says of which avatar, take and form they are."""
