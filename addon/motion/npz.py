# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion that the sidecar made, from the bytes of Affekt's own motion file."""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields

import numpy as np

from ...shared.errors import LinkError
from ...shared.motion import Motion


def decode_motion(data: bytes) -> Motion:
    """The motion of such a file, from the sidecar. Raises LinkError `link.protocol` for bytes that
    are none, InputError `motion.*` for a motion that cannot be."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {f.name: file[f.name] for f in fields(Motion) if f.name in file}
        texts = {"fps": float(arrays.pop("fps")), "space": str(arrays.pop("space"))}
        values = {name: np.ascontiguousarray(rows, np.float32) for name, rows in arrays.items()}
        return Motion(**values, **texts)  # pyright: ignore[reportArgumentType]
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise LinkError(
            "link.protocol",
            "The sidecar's take cannot be read.",
            "Install the same version of Affekt on both sides and bake again.",
        ) from error
