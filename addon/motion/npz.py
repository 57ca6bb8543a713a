# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as the bytes of Affekt's own motion file, to upload what the curves say."""

from __future__ import annotations

import io
from dataclasses import fields

import numpy as np

from ...shared.motion import Motion


def encode_motion(motion: Motion) -> bytes:
    """The fields of the motion as an npz without pickles; equal motions give equal bytes."""
    present = {f.name: getattr(motion, f.name) for f in fields(motion)}
    arrays = {name: np.asarray(values) for name, values in present.items() if values is not None}
    file = io.BytesIO()
    # numpy 2 has a keyword allow_pickle here, which numpy 1.26 (Blender 4.2) would store.
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    return file.getvalue()
