# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds an animation of morph targets' weights to a GLB. Source: the glTF 2.0 specification,
sections 3.11 and 4.4.

What was there stays: the values of the JSON, the bytes of the binary chunk, which only grows at its
end, and chunks of other kinds. New are views, accessors and one animation, at the ends of their
lists, so that every index holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from . import glb as gltf

_FLOAT = 5126
_MOST_BYTES = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightTrack:
    """weights (T, targets) of the mesh that these nodes show, a row a frame."""

    nodes: tuple[int, ...]
    weights: Float32Array


def add_weights(
    data: bytes, name: str, tracks: Sequence[WeightTrack], *, fps: float, title: str
) -> bytes:
    """The GLB with one animation more, in which frame i is at i / fps seconds. title: the
    animation's name, with a number where the file has one of that name. name: what errors call the
    file. Raises InputError `avatar.glb`, `avatar.too_big`."""
    file = gltf.decode_glb(data, name)
    start = _padded(len(file.binary))
    writer = _Writer(file=file, start=start)
    times = np.arange(len(tracks[0].weights), dtype=np.float64) / fps
    clock = writer.add(times.astype("<f4"), bounds=True)
    samplers: list[object] = []
    channels: list[object] = []
    for track in tracks:
        output = writer.add(track.weights.astype("<f4"))
        for node in track.nodes:
            channels.append({"sampler": len(samplers), "target": {"node": node, "path": "weights"}})
        samplers.append({"input": clock, "interpolation": "LINEAR", "output": output})
    entry = {"name": _unique(file, title), "samplers": samplers, "channels": channels}
    _grown(file, "animations").append(entry)
    return _encode(file, data, writer.joined())


class _Writer:
    """Puts arrays behind the binary chunk. start: where they begin."""

    def __init__(self, *, file: gltf.Glb, start: int) -> None:
        self._file, self._start = file, start
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, values: np.ndarray, *, bounds: bool = False) -> int:
        """The new accessor's index."""
        part = values.tobytes()
        views, accessors = (_grown(self._file, key) for key in ("bufferViews", "accessors"))
        views.append(
            {"buffer": 0, "byteOffset": self._start + self._length, "byteLength": len(part)}
        )
        entry: dict[str, object] = {
            "bufferView": len(views) - 1,
            "componentType": _FLOAT,
            "count": values.size,
            "type": "SCALAR",
        }
        if bounds:
            entry |= {"min": [float(values.min())], "max": [float(values.max())]}
        accessors.append(entry)
        self._parts.append(part)
        self._length += len(part)
        return len(accessors) - 1

    def joined(self) -> bytes:
        """All arrays."""
        return b"".join(self._parts)


def _encode(file: gltf.Glb, data: bytes, content: bytes) -> bytes:
    """The file with its document as it is now, and `content` behind its binary chunk."""
    start = _padded(len(file.binary))
    buffers = _grown(file, "buffers")
    if not buffers:
        buffers.append({})
    gltf.get_item(file, "buffers", 0)["byteLength"] = start + len(content)
    try:
        text = json.dumps(file.document, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise gltf.broken(file.name, "it has numbers that are none") from error
    text += b" " * (_padded(len(text)) - len(text))
    binary = bytes(file.binary) + bytes(start - len(file.binary)) + content
    chunks: list[tuple[bytes, bytes | memoryview]] = [(gltf.JSON, text), (gltf.BINARY, binary)]
    seen = set[bytes]()
    for kind, other in gltf.split_glb(data, file.name):
        if kind in seen or kind not in (gltf.JSON, gltf.BINARY):
            chunks.append((kind, other))
        seen.add(kind)
    if 12 + sum(8 + len(part) for _, part in chunks) > _MOST_BYTES:
        raise InputError(
            "avatar.too_big",
            f"'{file.name}' with this animation would have more than 4 GB, which no GLB can.",
            "Bake fewer frames.",
        )
    return gltf.join_glb(chunks)


def _grown(file: gltf.Glb, key: str) -> list[object]:
    """A list of the document, made where there is none."""
    values = gltf.get_list(file, file.document, key)
    file.document[key] = values
    return values


def _unique(file: gltf.Glb, title: str) -> str:
    used = {
        entry.get("name")
        for entry in gltf.get_list(file, file.document, "animations")
        if isinstance(entry, dict)
    }
    names = [title, *(f"{title} {number}" for number in range(2, len(used) + 3))]
    return next(name for name in names if name not in used)


def _padded(length: int) -> int:
    return length + -length % 4
