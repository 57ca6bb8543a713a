# SPDX-License-Identifier: GPL-3.0-or-later
"""torch.save's zip files, read by torch's restricted loader only.

metrical-tracker and GAGAvatar keep numpy arrays in theirs, which a pickle builds through a few
names of numpy's. Those names, and no others, are allowed, and each leads to a class or function of
ours: numpy's own would believe a state that a stranger wrote (of a data type, say, that all arrays
share).
"""

from __future__ import annotations

import io
import math
import threading
import zipfile

import numpy as np
import torch
from numpy.typing import NDArray

from ...shared import limits
from ...shared.errors import InputError
from . import npz

Tree = dict[str, "Tree | NDArray[np.generic]"]

_NUMBERS = ("?", "u1", "i4", "i8", "f2", "f4", "f8")
_MAX_DEPTH = 3
_loading = threading.Lock()
"""torch keeps one list of what is allowed for all threads."""


def is_torch(members: list[str]) -> bool:
    """Whether these are the members of a torch.save zip."""
    return any(member.endswith("/data.pkl") for member in members)


def decode_torch(data: bytes, name: str) -> Tree:
    """Arrays by name, in dictionaries in dictionaries; whatever is no number is passed over.

    Raises InputError `file.too_large`, `file.damaged`, and `file.pickled` for anything that the
    restricted loader refuses.
    """
    _check_size(data, name)
    try:
        with _loading, torch.serialization.safe_globals(_allowed()):
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return _tree(content, name, _MAX_DEPTH)
    except InputError:
        raise
    except Exception as error:  # the content is a stranger's: whatever it breaks, it is refused
        raise InputError(
            "file.pickled",
            f"{name} is damaged or holds more than plain arrays, which could run code here.",
            "Save the arrays as npz instead, or export the file again.",
        ) from error


def _check_size(data: bytes, name: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except Exception as error:
        raise npz.damaged(name) from error
    if max(unpacked, len(data)) > limits.MAX_TORCH_BYTES:
        raise InputError(
            "file.too_large",
            f"{name} unpacks to {unpacked / 2**20:,.0f} MiB; takes saved by torch have at most "
            f"{limits.MAX_TORCH_BYTES / 2**20:,.0f} MiB.",
            "Choose another file, or save the arrays as npz.",
        )


def _tree(content: object, name: str, depth: int) -> Tree:
    if not isinstance(content, dict) or not depth:
        raise InputError(
            "file.wrong_kind", f"{name} holds no named arrays.", "Give a take that a tracker saved."
        )
    tree: Tree = {}
    for key, value in content.items():
        if isinstance(value, dict) and depth > 1:
            tree[str(key)] = _tree(value, name, depth - 1)
        elif isinstance(value, torch.Tensor) and value.layout == torch.strided:
            tree[str(key)] = _small(value, name).numpy(force=True)
        elif isinstance(value, _Array):
            tree[str(key)] = value.values
        elif isinstance(value, int | float):
            tree[str(key)] = np.array(value, np.float64)
    return tree


def _small(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor of few bytes may claim to be endless by repeating them: it is not believed."""
    if tensor.numel() * tensor.element_size() > limits.MAX_TORCH_BYTES:
        raise npz.damaged(name)
    return tensor.to(torch.float32) if tensor.dtype == torch.bfloat16 else tensor


class _Number:
    """Stands in for numpy.dtype: a plain number of either byte order."""

    def __init__(self, text: str, *_: object) -> None:
        if text not in _NUMBERS:
            raise ValueError(text)
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise ValueError
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands in for numpy.ndarray: the bytes are read, never believed."""

    values: NDArray[np.generic]

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Number, bool, bytes]) -> None:
        _, shape, number, fortran, content = state
        flat = np.frombuffer(content, number.dtype)
        if flat.size != math.prod(shape) or min(shape, default=0) < 0 or len(shape) > 4:
            raise ValueError
        self.values = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _make_array(kind: type, *_: object) -> _Array:
    if kind is not _Array:
        raise ValueError
    return _Array()


def _make_scalar(number: _Number, content: bytes) -> float:
    return float(np.frombuffer(content, number.dtype, 1)[0])


def _allowed() -> list:
    """What the loader may call: numpy 1 and numpy 2 name the same things differently."""
    named: list = [(_Number, "numpy.dtype"), (_Array, "numpy.ndarray")]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        named += [(_make_array, f"{module}._reconstruct"), (_make_scalar, f"{module}.scalar")]
    return named
