# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as the bytes of Affekt's own motion file: to upload what the curves say, and to read
what the sidecar made of it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields

import numpy as np

from ...shared.errors import LinkError
from ...shared.motion import Motion


def encode_motion(motion: Motion) -> bytes:
    """The fields of the motion as an npz without pickles; equal motions give equal bytes."""
    present = {f.name: getattr(motion, f.name) for f in fields(motion)}
    arrays = {name: np.asarray(values) for name, values in present.items() if values is not None}
    file = io.BytesIO()
    # numpy 2 has a keyword allow_pickle here, which numpy 1.26 (Blender 4.2) would store.
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


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
