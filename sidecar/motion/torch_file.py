# SPDX-License-Identifier: GPL-3.0-or-later
"""torch.save's zip files, read by torch's restricted loader only.

metrical-tracker and GAGAvatar keep numpy arrays in theirs, which the loader builds through a few
names of numpy. Those names, and no others, are allowed, and two of them lead to functions of ours
that make nothing but small arrays of plain numbers.
"""

from __future__ import annotations

import io
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
        with torch.serialization.safe_globals(_allowed()):
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
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            tree[str(key)] = value
        elif isinstance(value, int | float):
            tree[str(key)] = np.array(value, np.float64)
    return tree


def _small(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor of few bytes may claim to be endless by repeating them: it is not believed."""
    if tensor.numel() * tensor.element_size() > limits.MAX_TORCH_BYTES:
        raise npz.damaged(name)
    return tensor.to(torch.float32) if tensor.dtype == torch.bfloat16 else tensor


def _empty_array(kind: type, shape: tuple[int, ...], code: object) -> NDArray[np.generic]:
    if kind is not np.ndarray or shape != (0,):
        raise ValueError
    return np.ndarray((0,), "i1")


def _number_type(text: str, *_: object) -> np.dtype:
    if text not in _NUMBERS:
        raise ValueError
    return np.dtype(text)


def _scalar(dtype: np.dtype, content: bytes | str) -> float:
    data = content.encode("latin1") if isinstance(content, str) else content
    return float(np.frombuffer(data, dtype, 1)[0])


def _allowed() -> list:
    """What the loader may call: numpy 1 and numpy 2 name the same things differently."""
    types = [type(np.dtype(text)) for text in _NUMBERS]
    named = [(_number_type, "numpy.dtype")]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        named += [(_empty_array, f"{module}._reconstruct"), (_scalar, f"{module}.scalar")]
    return [np.ndarray, *types, *named]
