# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary glTF 2.0 as chunks and values: accessors, plain and sparse. Source: the glTF 2.0
specification, sections 3.6 and 4.4.

Every size is checked against the bytes that are there before memory is taken for it. Not here:
scenes, materials, files beside the GLB, and any extension.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared import limits
from ...shared.errors import InputError

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
# Six indices a vertex is twice what a closed triangle mesh has.
_MAX_COUNT = 6 * limits.MAX_GAUSSIANS
# A hundred times the JSON of a LAM bundle.
_MAX_JSON_BYTES = 16 * 1024 * 1024

JSON, BINARY = b"JSON", b"BIN\x00"
"""Kinds of chunks."""

JsonDict = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glb:
    """The JSON and the binary chunk of a GLB. name: what errors call the file."""

    name: str
    document: JsonDict
    binary: memoryview


def broken(name: str, what: str) -> InputError:
    """The error for a GLB that breaks its format."""
    return InputError(
        "avatar.glb",
        f"The mesh file '{name}' is damaged: {what}.",
        "Export or download the avatar again.",
    )


def decode_glb(data: bytes, name: str) -> Glb:
    """The JSON and the binary chunk of a GLB. Raises InputError `avatar.glb`."""
    chunks: dict[bytes, memoryview] = {}
    for kind, content in split_glb(data, name):
        chunks.setdefault(kind, content)
    if JSON not in chunks or len(chunks[JSON]) > _MAX_JSON_BYTES:
        raise broken(name, "its description is missing or too long")
    try:
        document = json.loads(bytes(chunks[JSON]))
    except (ValueError, RecursionError) as error:
        raise broken(name, "its description cannot be read") from error
    if not isinstance(document, dict):
        raise broken(name, "its description is not an object")
    return Glb(name=name, document=document, binary=chunks.get(BINARY, memoryview(b"")))


def split_glb(data: bytes, name: str) -> list[tuple[bytes, memoryview]]:
    """All chunks of a GLB in their order, each with its kind. Raises InputError `avatar.glb`."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise broken(name, "it does not begin as a binary glTF file does")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise broken(name, f"it is glTF version {version}, not 2")
    if length > len(data):
        raise broken(name, f"it should have {length} bytes but ends after {len(data)}")
    chunks: list[tuple[bytes, memoryview]] = []
    start = 12
    while start + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, start)
        if start + 8 + size > length:
            raise broken(name, "one of its parts is longer than the file")
        chunks.append((kind, memoryview(data)[start + 8 : start + 8 + size]))
        start += 8 + size
    return chunks


def join_glb(chunks: Iterable[tuple[bytes, bytes | memoryview]]) -> bytes:
    """A GLB of these chunks, whose lengths are multiples of four."""
    parts: list[bytes | memoryview] = []
    for kind, content in chunks:
        parts += [struct.pack("<I4s", len(content), kind), content]
    return b"".join([b"glTF", struct.pack("<II", 2, 12 + sum(map(len, parts))), *parts])


def get_item(glb: Glb, collection: str, index: object) -> JsonDict:
    """The object at `index` of a top-level list, such as `accessors`."""
    items = glb.document.get(collection)
    if (
        not isinstance(items, list)
        or not isinstance(index, int)
        or isinstance(index, bool)
        or not 0 <= index < len(items)
    ):
        raise broken(glb.name, f"it names an entry of {collection} that is not there")
    item = items[index]
    if not isinstance(item, dict):
        raise broken(glb.name, f"an entry of {collection} is not an object")
    return item


def get_list(glb: Glb, owner: JsonDict, key: str) -> list[object]:
    """The list under `key`, empty where there is none."""
    values = owner.get(key, [])
    if not isinstance(values, list):
        raise broken(glb.name, f"{key} is not a list")
    return values


def get_dict(glb: Glb, owner: JsonDict, key: str) -> JsonDict:
    """The object under `key`, empty where there is none."""
    values = owner.get(key, {})
    if not isinstance(values, dict):
        raise broken(glb.name, f"{key} is not an object")
    return values


def parents_of(glb: Glb) -> dict[object, int]:
    """The node above each node that has one."""
    parents: dict[object, int] = {}
    for index in range(len(get_list(glb, glb.document, "nodes"))):
        node = get_item(glb, "nodes", index)
        for child in get_list(glb, node, "children"):
            if isinstance(child, int):
                parents[child] = index
    return parents


def read_accessor(glb: Glb, index: object, kind: str, *, count: int | None = None) -> NDArray:
    """Reads an accessor's values (count, width) in their stored type, or float32 if they are
    normalised. Raises InputError `avatar.glb` if it is damaged or has not `count` values."""
    entry = get_item(glb, "accessors", index)
    if entry.get("type") != kind:
        raise broken(glb.name, f"values are {entry.get('type')} where {kind} is needed")
    found = _whole(glb, entry, "count", 1, _MAX_COUNT)
    if count is not None and found != count:
        raise broken(glb.name, f"{found} values belong to {count} vertices")
    width = _WIDTHS[kind]
    dtype = _component(glb, entry)
    if "bufferView" in entry:
        values = _read_view(glb, entry, found, width, dtype)
    elif count is None:
        # Without data of its own an accessor costs nothing in the file: only where another
        # array, which does, has as many values.
        raise broken(glb.name, "values are missing")
    else:
        values = np.zeros((found, width), dtype)
    if "sparse" in entry:
        values = _overlay(glb, get_dict(glb, entry, "sparse"), values)
    if entry.get("normalized") is True and dtype.kind != "f":
        values = np.maximum(values / np.float32(np.iinfo(dtype).max), -1).astype(np.float32)
    return values


def _overlay(glb: Glb, sparse: JsonDict, values: NDArray) -> NDArray:
    """Replaces the rows of values (n, width) that an accessor's sparse form lists."""
    count = _whole(glb, sparse, "count", 1, len(values))
    where, what = get_dict(glb, sparse, "indices"), get_dict(glb, sparse, "values")
    rows = _read_view(glb, where, count, 1, _component(glb, where))[:, 0]
    if rows.dtype.kind != "u" or rows.max() >= len(values):
        raise broken(glb.name, "a shape names vertices that are not there")
    values = values.copy()
    values[rows] = _read_view(glb, what, count, values.shape[1], values.dtype)
    return values


def _read_view(glb: Glb, owner: JsonDict, count: int, width: int, dtype: np.dtype) -> NDArray:
    """Reads values (count, width) from the buffer view that `owner` names, at its offset."""
    offset = _whole(glb, owner, "byteOffset", 0)
    view = get_item(glb, "bufferViews", owner.get("bufferView"))
    if view.get("buffer", 0) != 0:
        raise broken(glb.name, "it keeps values in another file")
    start = _whole(glb, view, "byteOffset", 0)
    length = _whole(glb, view, "byteLength", 1)
    packed = width * dtype.itemsize
    stride = _whole(glb, view, "byteStride", 0) or packed
    if stride < packed or start + length > len(glb.binary):
        raise broken(glb.name, "it is cut off")
    if offset + (count - 1) * stride + packed > length:
        raise broken(glb.name, "it announces more values than it has")
    rows = np.ndarray((count, width), dtype, glb.binary, start + offset, (stride, dtype.itemsize))
    return np.ascontiguousarray(rows)


def _component(glb: Glb, entry: JsonDict) -> np.dtype:
    code = entry.get("componentType")
    if not isinstance(code, int) or code not in _COMPONENTS:
        raise broken(glb.name, f"values have the unknown type {code}")
    return np.dtype(_COMPONENTS[code])


def _whole(glb: Glb, owner: JsonDict, key: str, least: int, most: int = 2**40) -> int:
    """A whole number under `key`; `least` where it is absent and `least` is 0."""
    value = owner.get(key, 0 if least == 0 else None)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise broken(glb.name, f"{key} is {str(value)[:40]}")
    return value
