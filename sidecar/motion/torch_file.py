# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads zip files of torch.save, only by torch's restricted loader.

Those of metrical-tracker and GAGAvatar hold numpy arrays, which their pickle builds by calling a
few functions of numpy. Only these names are allowed, and each is replaced by a class or function of
this module, because numpy's own trust the state in the file.
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
from ..quarantine.process import Tree
from . import npz

_NUMBERS = ("b1", "u1", "i4", "i8", "f2", "f4", "f8")
_MAX_DEPTH = 3
_loading = threading.Lock()
"""torch's list of allowed names is shared by all threads."""


def is_torch(members: list[str]) -> bool:
    """Whether a zip archive with these members was written by torch.save."""
    return any(member.endswith("/data.pkl") for member in members)


def decode_torch(data: bytes, name: str) -> Tree | NDArray[np.generic]:
    """Decodes an array, or dictionaries of arrays; values that are no numbers are left out.

    Raises InputError `file.too_large`, `file.damaged`, or `file.pickled` if the restricted loader
    refuses the file.
    """
    _check_size(data, name)
    try:
        with _loading, torch.serialization.safe_globals(_allowed()):
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        found = _array(content, name)
        return _tree(content, name, _MAX_DEPTH) if found is None else found
    except InputError:
        raise
    except Exception as error:  # a malicious file may raise anything
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


def _array(value: object, name: str) -> NDArray[np.generic] | None:
    """The array that a value is, or None."""
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        return _small(value, name).numpy(force=True)
    if isinstance(value, _Array):
        return value.values
    return np.array(value, np.float64) if isinstance(value, int | float) else None


def _tree(content: object, name: str, depth: int) -> Tree:
    if isinstance(content, list) and any(isinstance(item, dict) for item in content):
        content = {str(i): item for i, item in enumerate(content)}
    if not isinstance(content, dict) or not depth:
        raise InputError(
            "file.wrong_kind", f"{name} holds no named arrays.", "Give a take that a tracker saved."
        )
    tree: Tree = {}
    for key, value in content.items():
        found = _array(value, name)
        if found is not None:
            tree[str(key)] = found
        elif value is None or value == {}:
            tree[str(key)] = np.zeros(0)
        elif isinstance(value, dict) and depth > 1:
            tree[str(key)] = _tree(value, name, depth - 1)
    return tree


def _small(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Refuses tensors that repeat a few bytes to a huge size; converts bfloat16 to float32."""
    if tensor.numel() * tensor.element_size() > limits.MAX_TORCH_BYTES:
        raise npz.damaged(name)
    return tensor.to(torch.float32) if tensor.dtype == torch.bfloat16 else tensor


class _Number:
    """Replaces numpy.dtype: a number type of either byte order."""

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
    """Replaces numpy.ndarray; checks that shape and bytes agree."""

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
    """Replacements for the names that the loader may call, as numpy 1 and numpy 2 spell them."""
    named: list = [(_Number, "numpy.dtype"), (_Array, "numpy.ndarray")]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        named += [(_make_array, f"{module}._reconstruct"), (_make_scalar, f"{module}.scalar")]
    return named
