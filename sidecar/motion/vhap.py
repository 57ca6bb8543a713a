# SPDX-License-Identifier: GPL-3.0-or-later
"""VHAP's parameters and GaussianAvatars' `flame_param.npz`: FLAME 2023, one layout.

VHAP writes `tracked_flame_params_EPOCH.npz` (all frames) and, exported, `flame_param/00000.npz`
(one frame each, translation moved so that its mean is zero). GaussianAvatars writes all frames
again. Vertex offsets beside them are the avatar's affair and are passed over. GaussianAvatars
takes only float32.
"""

from __future__ import annotations

import numpy as np

from ...shared.motion import Motion
from . import npz, records
from .records import Record, RecordFormat

_POSES = {
    "jaw": ("jaw_pose", 3),
    "neck": ("neck_pose", 3),
    "eyes": ("eyes_pose", 6),
    "rotation": ("rotation", 3),
    "translation": ("translation", 3),
}


def decode_vhap(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    expression = records.expression(record, "expr", name)
    poses = {
        field: records.pose(record, key, width, name, len(expression))
        for field, (key, width) in _POSES.items()
    }
    return Motion(
        expression=expression,
        **poses,
        shape=records.shape(record, "shape", name),
        fps=records.rate(record, "fps"),
        space="flame2023",
    )


def encode_vhap(motion: Motion) -> bytes:
    """`flame_param.npz` of a take in `flame2023`; the rate and the eyelids have no place in it.

    `dynamic_offset`, which GaussianAvatars asks for, is zero for all vertices at once.
    """
    arrays = {key: getattr(motion, field) for field, (key, _) in _POSES.items()}
    arrays |= {"expr": motion.expression, "shape": motion.shape}
    arrays["dynamic_offset"] = np.zeros((len(motion), 1, 3))
    return npz.encode_npz({key: np.asarray(v, np.float32) for key, v in arrays.items()})


VHAP = RecordFormat(
    title="VHAP and GaussianAvatars",
    keys=("expr", "shape", "fps", *(key for key, _ in _POSES.values())),
    matches=lambda keys: {"expr", "jaw_pose"} <= keys,
    decode=decode_vhap,
)
