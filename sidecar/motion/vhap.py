# SPDX-License-Identifier: GPL-3.0-or-later
"""VHAP's parameters and GaussianAvatars' `flame_param.npz`: FLAME 2023, one layout.

VHAP writes `tracked_flame_params_EPOCH.npz` (all frames) and, exported, `flame_param/00000.npz`
(one frame each, translation moved so that its mean is zero). GaussianAvatars writes all frames
again, and reads only float32. Vertex offsets in these files belong to the avatar; a note says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.take_files import FLAME_KEYS
from . import records
from .raw_take import RawTake
from .records import Record, RecordFormat

_OFFSETS = "static_offset"
_NONE = np.zeros(0, np.float32)
_FLAME_VERTICES, _TEETH = 5023, 120
"""Vertices of FLAME, and those that VHAP adds behind them."""


def decode_vhap(record: Record, name: str) -> RawTake:
    """Decodes a record of `FLAME_KEYS`. Raises InputError `motion.*` for what is no take."""
    take = records.decode_flame(record, name, "flame2023", FLAME_KEYS)
    offsets = record.get(_OFFSETS, _NONE)
    if offsets.dtype.kind not in "fiu" or not offsets.any():
        return take
    return replace(take, notes=(*take.notes, _say_offsets(offsets.size // 3)))


def _say_offsets(vertices: int) -> str:
    teeth = vertices - _FLAME_VERTICES
    with_teeth = f": FLAME's {_FLAME_VERTICES:,} and {teeth} of teeth" if teeth == _TEETH else ""
    return (
        f"The tracker's offsets of {vertices:,} vertices{with_teeth} were left out: they belong to "
        "its avatar. A FLAME head takes the performer's shape from the identity alone."
    )


VHAP = RecordFormat(
    keys=(*FLAME_KEYS.values(), "fps", _OFFSETS),
    matches=lambda keys: {"expr", "jaw_pose"} <= keys,
    decode=decode_vhap,
)
