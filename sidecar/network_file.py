# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained network on disk: `NAME.safetensors` (half precision) and, beside it, `NAME.json` that
describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ..shared.errors import InputError
from .files import read_bytes, write_whole

_HASH = "weights_sha256"
MAX_WEIGHT_BYTES = 64 * 1024 * 1024
"""Those that ship are 3 and 6 MB; a network ten times as large is no file of ours."""


def shipped_network(name: str) -> Path:
    """The path of a network in the package."""
    return Path(str(resources.files("affekt.sidecar.assets") / f"{name}.safetensors"))


def read_tensors(path: Path, kind: str) -> dict[str, torch.Tensor]:
    """The file's finite tensors in single precision. kind: what the network is called. Raises
    InputError `file.missing`, `file.folder`, `file.empty`, `file.too_large` (see `read_bytes`) and
    `file.damaged`."""
    try:
        tensors = load(read_bytes(path, MAX_WEIGHT_BYTES, kind))
    except SafetensorError as error:
        raise damaged(path, kind, "it is not a whole safetensors file") from error
    tensors = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise damaged(path, kind, "it holds values that are not numbers")
    return tensors


def read_description(path: Path, kind: str, what: str) -> object:
    """What the JSON says. what: as in `read_bytes`. Raises InputError as `read_tensors` does."""
    try:
        return json.loads(read_bytes(path, MAX_WEIGHT_BYTES, what).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, kind, "it is not JSON") from error


def check_weights(path: Path, kind: str, about: Mapping[str, object]) -> None:
    """Raises InputError `file.damaged` where the description names other weights than these, which
    may load and be nonsense. One of before there were names fits all."""
    wanted = about.get(_HASH)
    found = hashlib.sha256(read_bytes(path, MAX_WEIGHT_BYTES, kind)).hexdigest()
    if wanted is not None and wanted != found:
        raise damaged(path, kind, "its weights are not those that were saved with its description")


def fill_network(
    network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path, kind: str
) -> None:
    """Gives the network its weights, which then no longer change. Raises InputError
    `file.damaged`."""
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise damaged(path, kind, "its tensors do not fit its description") from error
    network.requires_grad_(False).eval()


def save_network(
    path: Path,
    network: torch.nn.Module,
    about: Mapping[str, object],
    others: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Writes both files; a crash leaves the old ones whole. others: tensors that are kept as they
    are. Raises InputError `file.not_writable`."""
    state = network.state_dict()
    tensors = {name: t.detach().to(torch.float16).contiguous() for name, t in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(tensors | dict(others or {}))
    write_whole(path, data)
    about = {**about, _HASH: hashlib.sha256(data).hexdigest()}
    text = json.dumps(about, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_whole(path.with_suffix(".json"), text.encode())


def damaged(path: Path, kind: str, what: str) -> InputError:
    """The error of a network's file that cannot be used."""
    return InputError(
        "file.damaged",
        f"The {kind}'s file {path.name} cannot be used: {what}.",
        "Get the file again, or train it again.",
    )
