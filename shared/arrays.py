# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of numpy arrays, named by their element type. Shapes stand in docstrings and comments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
"""Of either precision."""
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
UInt8Array = NDArray[np.uint8]
UInt16Array = NDArray[np.uint16]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
IndexArray = NDArray[np.intp]
"""Indices, as numpy's own functions return them."""
