# SPDX-License-Identifier: GPL-3.0-or-later
"""VHAP's parameters and GaussianAvatars' `flame_param.npz`: FLAME 2023, one layout.

VHAP writes `tracked_flame_params_EPOCH.npz` (all frames) and, exported, `flame_param/00000.npz`
(one frame each, translation moved so that its mean is zero). GaussianAvatars writes all frames
again, and reads only float32. Vertex offsets in these files belong to the avatar; a note says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.motion import Motion
from . import npz, records
from .raw_take import RawTake
from .records import Record, RecordFormat

KEYS = {
    "jaw": "jaw_pose",
    "neck": "neck_pose",
    "eyes": "eyes_pose",
    "rotation": "rotation",
    "translation": "translation",
    "expression": "expr",
    "shape": "shape",
}
"""Field of `Motion` -> name in the file, in the order in which it is written."""

_OFFSETS = "static_offset"
_NONE = np.zeros(0, np.float32)
_FLAME_VERTICES, _TEETH = 5023, 120
"""Vertices of FLAME, and those that VHAP adds behind them."""


def decode_vhap(record: Record, name: str) -> RawTake:
    """Decodes a record of `KEYS`. Raises InputError `motion.*` for arrays that are no take."""
    take = records.decode_flame(record, name, "flame2023", KEYS)
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


def encode_vhap(motion: Motion) -> bytes:
    """`flame_param.npz` of a take in `flame2023`; the rate and the eyelids have no place in it.

    `dynamic_offset`, which GaussianAvatars requires, is one zero offset for all vertices.
    """
    arrays = {key: getattr(motion, field) for field, key in KEYS.items()}
    arrays["dynamic_offset"] = np.zeros((len(motion), 1, 3))
    return npz.encode_npz({key: np.asarray(v, np.float32) for key, v in arrays.items()})


VHAP = RecordFormat(
    keys=(*KEYS.values(), "fps", _OFFSETS),
    matches=lambda keys: {"expr", "jaw_pose"} <= keys,
    decode=decode_vhap,
)
