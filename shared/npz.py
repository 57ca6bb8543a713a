# SPDX-License-Identifier: GPL-3.0-or-later
"""Named arrays as an npz file, without pickles."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_EPOCH = (1980, 1, 1, 0, 0, 0)


def encode_npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The arrays as an uncompressed npz; the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            member = io.BytesIO()
            rows = np.asarray(values, order="C")  # however they lie in memory
            np.lib.format.write_array(member, rows, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue())
    return out.getvalue()
