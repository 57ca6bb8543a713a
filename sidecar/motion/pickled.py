# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes in pickles, old files of torch, object arrays of numpy, and MATLAB files: read as data in a
process of its own (`sidecar/quarantine/`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ..files import refuse_lfs_pointer, too_large
from ..quarantine.process import Purpose, Tree, read_tree, read_trees
from . import npz
from .formats import NAMES

TAKE = Purpose(
    what="take",
    origin="track the video again, or get the take from where it was made",
    instead="Give a take that a tracker saved; docs/formats.md says what it holds.",
)
_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which torch's files begin that are no zip."""
_OLD = (b"(dp", b"(lp", b"}q", b"]q", b"cnumpy", b"ccollections")
"""Starts of pickles of the protocols 0 and 1: a dictionary, a list, an array."""
_STARTS = {
    "torch": (_TORCH,),
    "npy": (npz.NPY_MAGIC,),
    "mat": (b"MATLAB 5.0", b"MATLAB 7.0", b"MATLAB 7.3"),
    "pickle": (*(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), *_OLD),
}
_HDF5 = b"MATLAB 7.3"


def kind_of(data: bytes) -> str | None:
    """The kind of file that only the quarantine reads, or None."""
    return next((kind for kind, starts in _STARTS.items() if data.startswith(starts)), None)


def read(kind: str, data: bytes, name: str) -> Tree | np.ndarray:
    """The arrays of such a file. Raises InputError `file.*`."""
    _check(data, name)
    return read_tree(kind, data, name, TAKE, NAMES)


def read_all(files: Sequence[tuple[str, bytes]], name: str) -> list[Tree | np.ndarray]:
    """The arrays of each of these files of one kind. Raises InputError `file.*`, `motion.mixed`."""
    kinds = {kind_of(data) for _, data in files}
    for part, data in files:
        refuse_lfs_pointer(data, part)
        _check(data, part)
    (kind,) = kinds if len(kinds) == 1 else (None,)
    if kind is None:
        raise InputError(
            "motion.mixed",
            "The folder's files are of different kinds, so they are not one take.",
            "Give a folder that holds the frames of one take from one tracker.",
        )
    size = sum(len(data) for _, data in files)
    if size > limits.MAX_PICKLED_TAKE_BYTES:
        raise too_large(name, size, limits.MAX_PICKLED_TAKE_BYTES, "pickled take")
    return read_trees(kind, [data for _, data in files], name, TAKE, NAMES)


def _check(data: bytes, name: str) -> None:
    if data.startswith(_HDF5):
        raise InputError(
            "file.wrong_kind",
            f"{name} is a MATLAB file of version 7.3, which is not read.",
            "Save it in MATLAB with '-v7', or its arrays with numpy.savez.",
        )
    if len(data) > limits.MAX_PICKLED_TAKE_BYTES:
        raise too_large(name, len(data), limits.MAX_PICKLED_TAKE_BYTES, "pickled take")
