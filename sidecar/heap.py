# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives memory that Python and torch have freed back to the system. glibc keeps freed blocks below
32 MB for itself, which of a large network's parameters are all of them."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Does so where the C library can be told; others (musl, macOS, Windows) have their own way."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
