# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a user's LAM checkpoint: all of its parameters and the FLAME 2023 that lies in it.

LAM's own loader takes what fits and prints the rest; a wrong file then gives a monster. Here every
parameter must be there in its shape, and the surface must be the one that LAM-20K speaks. Tensors
go from the file straight to the precision that is computed in, so that the file is never in memory
whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ...shared.arrays import Int32Array
from ...shared.errors import InputError, JobError
from ...shared.head import HeadModel
from ..cache.disk import hash_file
from ..files import refuse_lfs_pointer
from ..head.flame.model import head_from_flame
from .network import LamNetwork
from .settings import EXPRESSION, IDENTITY, LAM_20K, LamConfig
from .surface import LamSurface, divide

Precision = Literal["float32", "bfloat16"]
RELEASED_SHA256 = "f527e6e78fd9743aad95cb15b221b864d8b6d356c1d174c0ffad5d74b9a95925"
"""Of the released `model.safetensors`, as others tell it; nobody here has had the file."""
TERMS = (
    "LAM's weights may not be used commercially (CC BY-NC 4.0), and FLAME, which lies in them, has "
    "terms of its own (flame.is.tue.mpg.de): both hold for what is made with them."
)
PEAK_BYTES: Mapping[Precision, int] = {"float32": 3_500_000_000, "bfloat16": 2_500_000_000}
"""What making an avatar takes at most; 3.2 and 2.1 GB were measured."""
_FLAME = "renderer.flame_model."
_WRAPPED = ("module.", "_orig_mod.")
"""What other savers put before every name."""
_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
_FIRST = 3
"""So many names are told of those that are wrong."""
_GET = "Get LAM's model.safetensors again (LAM-20K, 2.36 GB)."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flame:
    """The FLAME 2023 of a checkpoint. head: 5,023 vertices; surface: as LAM moves it; faces
    (F, 3): of the surface's points."""

    head: HeadModel
    surface: LamSurface
    faces: Int32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A user's file, looked through but not read. sha256: of its bytes; config: its
    network's sizes."""

    path: Path
    sha256: str
    config: LamConfig

    @property
    def is_released(self) -> bool:
        """Whether it is the file that LAM's authors have published."""
        return self.sha256 == RELEASED_SHA256


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A tensor in the file. place: of its first byte."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    place: int


def find_precision(device: str = "cpu") -> Precision:
    """The precision in which this machine is fastest without loss that is seen: bfloat16 where the
    processor or the card multiplies it."""
    if device != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    known = (
        getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16")
    )
    return "bfloat16" if any(ask is not None and ask() for ask in known) else "float32"


def check_memory(free_bytes: int, precision: Precision) -> None:
    """Raises JobError `job.memory` where too little memory is free for the network."""
    needed = PEAK_BYTES[precision]
    if free_bytes < needed:
        raise JobError(
            "job.memory",
            f"LAM's network needs {needed / 1e9:.1f} GB of memory, and {free_bytes / 1e9:.1f} GB "
            "are free.",
            "Close other programs, or make the avatar on a machine with more memory.",
        )


def open_checkpoint(path: Path, config: LamConfig = LAM_20K) -> Checkpoint:
    """Looks whether the file is a checkpoint of a network of these sizes. Raises InputError
    `file.missing`, `file.folder`, `file.pickled`, `file.lfs_pointer`, `file.damaged`,
    `file.wrong_kind`."""
    entries, _ = read_header(path)
    _check_parameters(entries, config, path)
    _check_flame(entries, path)
    return Checkpoint(path=path, sha256=file_sha256(path), config=config)


def check_known(checkpoint: Checkpoint, *, unknown_allowed: bool) -> None:
    """Raises InputError `file.unknown_weights` for another file than the released one, unless the
    user allows that."""
    if not checkpoint.is_released and not unknown_allowed:
        raise InputError(
            "file.unknown_weights",
            f"{checkpoint.path.name} has all that LAM's network needs, but it is not the file that "
            f"LAM's authors published (its SHA-256 begins with {checkpoint.sha256[:12]}).",
            "Get the published file, or allow an unknown one (--unknown-weights) if you trained it "
            "yourself.",
        )


def load_network(
    checkpoint: Checkpoint, precision: Precision = "float32", device: str = "cpu"
) -> LamNetwork:
    """The checkpoint's network, whose weights no longer change. Matrices of encoder and decoder
    are in the precision asked for, the rest in single. Raises InputError `file.damaged` for a file
    that is changed meanwhile or holds values that are not numbers."""
    with torch.device("meta"):
        network = LamNetwork(checkpoint.config)
    low = torch.bfloat16 if precision == "bfloat16" else torch.float32
    names = set(dict(network.named_parameters()))
    for name, tensor in read_tensors(checkpoint.path, names):
        dtype = low if name.startswith(("encoder.", "transformer.")) else torch.float32
        put_parameter(network, name, tensor.to(device=device, dtype=dtype))
    return network.eval()


def lower_precision(network: LamNetwork) -> LamNetwork:
    """The same network, its matrices in bfloat16 from now on, as `load_network` has them."""
    for part in (network.encoder, network.transformer):
        part.to(torch.bfloat16)
    return network


def load_flame(checkpoint: Checkpoint) -> Flame:
    """The checkpoint's FLAME. Raises InputError `file.damaged`, `file.wrong_kind`, `head.*`."""
    wanted = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "faces_up")
    found = dict(read_tensors(checkpoint.path, {_FLAME + name for name in wanted}))
    numbers = (found[_FLAME + name] for name in wanted)
    plain = (values.float() if values.is_floating_point() else values for values in numbers)
    arrays = {name: values.numpy() for name, values in zip(wanted, plain, strict=True)}
    template, divided = arrays["v_template"], arrays["faces_up"]
    faces = _whole_faces(divided)
    division = divide(faces, len(template))
    if not np.array_equal(division.faces, divided):
        raise _other_network(checkpoint.path, "its surface is not FLAME's, divided once")
    named = {"v_template": template, "f": faces, "weights": arrays["lbs_weights"]}
    named |= {name: arrays[name] for name in ("shapedirs", "posedirs", "J_regressor")}
    head = head_from_flame(named, checkpoint.path.name, "flame2023")

    def on_points(name: str) -> Tensor:
        return torch.from_numpy(division.carry(arrays[name]).astype(np.float32))

    surface = LamSurface(
        template=torch.from_numpy(template),
        directions=torch.from_numpy(arrays["shapedirs"]),
        regressor=torch.from_numpy(arrays["J_regressor"]),
        points=on_points("v_template"),
        point_directions=on_points("shapedirs"),
        skin_weights=on_points("lbs_weights"),
    )
    return Flame(head=head, surface=surface, faces=division.faces)


def _whole_faces(divided: np.ndarray) -> Int32Array:
    """(F, 3) the faces whose corners' triangles stand first in a divided mesh."""
    count = len(divided) // 4
    corners = [divided[k * count : (k + 1) * count, 0] for k in range(3)]
    return np.ascontiguousarray(np.stack(corners, 1), np.int32)


def put_parameter(network: nn.Module, name: str, values: Tensor) -> None:
    """Replaces a parameter, which then no longer changes."""
    parent, _, own = name.rpartition(".")
    parameter = nn.Parameter(values, requires_grad=False)
    setattr(network.get_submodule(parent), own, parameter)


def read_header(path: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """What a safetensors file holds, by the network's names, and what it says of itself. Raises
    InputError `file.missing`, `file.folder`, `file.pickled`, `file.lfs_pointer`, `file.damaged`,
    `file.wrong_kind`."""
    _refuse_others(path)
    try:
        with safe_open(path, "np"):  # checks that the header is true and the file whole
            pass
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header: dict[str, dict[str, object]] = json.loads(file.read(size))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise _damaged(path, "it is cut off, or was changed") from error
    about = {key: str(value) for key, value in header.pop("__metadata__", {}).items()}
    entries = {_plain_name(name): _entry(entry, 8 + size) for name, entry in header.items()}
    return entries, about


def _entry(about: Mapping[str, object], start: int) -> Entry:
    shape, offsets = about["shape"], about["data_offsets"]
    assert isinstance(shape, list)  # the library has checked the header
    assert isinstance(offsets, list)
    dtype = _TYPES.get(str(about["dtype"]), torch.bool)
    return Entry(dtype=dtype, shape=tuple(shape), place=start + offsets[0])


def _plain_name(name: str) -> str:
    for prefix in _WRAPPED:
        name = name.removeprefix(prefix)
    return name


def _refuse_others(path: Path) -> None:
    """Raises InputError for what is no safetensors file."""
    if path.is_dir():
        raise InputError("file.folder", f"{path} is a folder.", "Give the safetensors file in it.")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError) as error:
        raise InputError(
            "file.missing", f"There is no file of weights at {path}.", "Check the path."
        ) from error
    if start[8:9] == b"{":  # after the header's length, which may begin as anything does
        return
    refuse_lfs_pointer(start, path.name)
    if start.startswith((b"PK", b"\x80")):
        raise InputError(
            "file.pickled",
            f"{path.name} is a pickle, which could run code; it was not opened.",
            "Get LAM's model.safetensors instead.",
        )
    raise InputError("file.wrong_kind", f"{path.name} is no safetensors file.", _GET)


def _check_parameters(entries: Mapping[str, Entry], config: LamConfig, path: Path) -> None:
    """Raises InputError `file.wrong_kind` unless every parameter is there in its shape."""
    with torch.device("meta"):
        network = LamNetwork(config)
    shapes = {name: tuple(values.shape) for name, values in network.named_parameters()}
    missing = [name for name in shapes if name not in entries]
    if missing:
        raise _other_network(
            path, f"{len(missing)} of {len(shapes)} parameters are missing", missing
        )
    wrong = [name for name, shape in shapes.items() if entries[name].shape != shape]
    if wrong:
        first = entries[wrong[0]].shape
        what = f"{len(wrong)} of {len(shapes)} parameters have another shape, such as {first}"
        raise _other_network(path, what, wrong)
    typed = [name for name in shapes if not entries[name].dtype.is_floating_point]
    if typed:
        raise _other_network(path, f"{len(typed)} parameters are no numbers", typed)


def _check_flame(entries: Mapping[str, Entry], path: Path) -> None:
    """Raises InputError `file.wrong_kind` unless FLAME lies in the file, divided once."""
    base, divided = (entries.get(_FLAME + name) for name in ("v_template", "faces_up"))
    if base is None or divided is None:
        raise _other_network(path, "FLAME's mesh is not in it")
    vertices, points = base.shape[0], entries.get(_FLAME + "v_template_up", base).shape[0]
    if points > 6 * vertices:  # a division makes about four of one
        raise _other_network(path, f"it is a LAM of {points:,} points, not of 20,018 (LAM-20K)")
    wanted = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, IDENTITY + EXPRESSION),
        "posedirs": (36, 3 * vertices),
        "J_regressor": (5, vertices),
        "lbs_weights": (vertices, 5),
        "faces_up": (divided.shape[0], 3),
    }
    for name, shape in wanted.items():
        found = entries.get(_FLAME + name)
        if found is None or found.shape != shape or divided.shape[0] % 4:
            raise _other_network(path, "FLAME's mesh in it is not that of FLAME 2023")
        is_index = name == "faces_up"
        if is_index != (found.dtype == torch.int64) or is_index == found.dtype.is_floating_point:
            raise _other_network(path, f"FLAME's {name} in it is of another type")


def read_tensors(path: Path, names: set[str]) -> Iterator[tuple[str, Tensor]]:
    """The file's tensors of these names, in the order in which they lie there."""
    entries, _ = read_header(path)
    with path.open("rb", buffering=0) as file:
        for name in sorted(names, key=lambda name: entries[name].place):
            tensor = _read(file, entries[name], path)
            if tensor.dtype.is_floating_point and not bool(torch.isfinite(tensor).all()):
                raise _damaged(path, f"{name} holds values that are not numbers")
            yield name, tensor


def _read(file: BinaryIO, entry: Entry, path: Path) -> Tensor:
    data = bytearray(math.prod(entry.shape) * entry.dtype.itemsize)
    view = memoryview(data)
    file.seek(entry.place)
    while view:
        count = file.readinto(view)  # pyright: ignore[reportAttributeAccessIssue]
        if not count:
            raise _damaged(path, "it is cut off")
        view = view[count:]
    return torch.frombuffer(data, dtype=entry.dtype).view(entry.shape)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hash_file(file)


def _other_network(path: Path, what: str, names: list[str] | None = None) -> InputError:
    told = "" if not names else ": " + ", ".join(names[:_FIRST])
    return InputError(
        "file.wrong_kind", f"{path.name} is not LAM-20K's checkpoint: {what}{told}.", _GET
    )


def _damaged(path: Path, what: str) -> InputError:
    return InputError("file.damaged", f"{path.name} is damaged: {what}.", _GET)
