# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAM web bundle in the true layout, small and made of nothing real: an egg with a face's
shapes, a body's skeleton, one coloured Gaussian a vertex, and the litter of users' zips."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import dataclass, field

import numpy as np
from affekt.shared.arrays import Float32Array
from affekt.shared.motion import ARKIT_NAMES
from numpy.typing import NDArray

PROPERTIES = (
    "x",
    "y",
    "z",
    "nx",
    "ny",
    "nz",
    "f_dc_0",
    "f_dc_1",
    "f_dc_2",
    "opacity",
    "scale_0",
    "scale_1",
    "scale_2",
    "rot_0",
    "rot_1",
    "rot_2",
    "rot_3",
)
TARGETS = tuple(reversed(ARKIT_NAMES[:51]))
"""Shapes as real bundles name them: not in order, and without `tongueOut`."""
# name, parent, place in metres
SKELETON = (
    ("hip", None, (0.0, 1.0, 0.0)),
    ("chestUpper", 0, (0.0, 1.36, -0.02)),
    ("neckLower", 1, (0.0, 1.54, -0.04)),
    ("neckUpper", 2, (0.0, 1.58, -0.02)),
    ("head", 3, (0.0, 1.62, -0.02)),
    ("lEye", 4, (0.03, 1.66, 0.06)),
)


@dataclass
class GlbBuilder:
    """Collects arrays into one GLB."""

    accessors: list[dict] = field(default_factory=list)
    views: list[dict] = field(default_factory=list)
    binary: bytearray = field(default_factory=bytearray)

    def add_view(self, values: NDArray) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.views.append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        )
        self.binary += values.tobytes()
        return len(self.views) - 1

    def add(self, values: NDArray, kind: str, component: int) -> int:
        entry = {"componentType": component, "count": len(values), "type": kind}
        self.accessors.append({**entry, "bufferView": self.add_view(values)})
        return len(self.accessors) - 1

    def add_sparse(self, values: NDArray, *, with_base: bool) -> int:
        rows = np.flatnonzero(np.abs(values).max(1) > 0).astype("<u2")
        entry: dict = {"componentType": 5126, "count": len(values), "type": "VEC3"}
        if with_base:
            entry["bufferView"] = self.add_view(np.zeros_like(values))
        entry["sparse"] = {
            "count": len(rows),
            "indices": {"bufferView": self.add_view(rows), "componentType": 5123},
            "values": {"bufferView": self.add_view(values[rows])},
        }
        self.accessors.append(entry)
        return len(self.accessors) - 1


def egg(rows: int = 24, columns: int = 32) -> tuple[Float32Array, NDArray[np.uint16]]:
    """Vertices (V, 3) and faces (F, 3) of a closed head-sized egg standing where LAM's do."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    points = np.stack(
        [
            0.09 * np.sin(polar) * np.sin(around),
            0.14 * np.cos(polar) + 0 * around + 1.64,
            0.10 * np.sin(polar) * np.cos(around),
        ],
        -1,
    )
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, 1)
    first = np.stack([index[:-1], index[1:], right[1:]], -1).reshape(-1, 3)
    second = np.stack([index[:-1], right[1:], right[:-1]], -1).reshape(-1, 3)
    return points.reshape(-1, 3).astype("<f4"), np.concatenate([first, second]).astype("<u2")


def make_shapes(vertices: Float32Array) -> Float32Array:
    """(51, V, 3): each target moves its own patch of the front by a few millimetres."""
    rng = np.random.default_rng(7)
    shapes = np.zeros((len(TARGETS), len(vertices), 3), "<f4")
    front = np.flatnonzero(vertices[:, 2] > 0.02)
    for shape in shapes:
        patch = rng.choice(front, 20, replace=False)
        shape[patch] = rng.normal(0, 0.003, 3)
    return shapes


def skin_glb(vertices: NDArray, faces: NDArray, shapes: NDArray) -> bytes:
    """The mesh file: sparse targets (every second one with zeros beneath), whole-body skeleton."""
    builder = GlbBuilder()
    height = np.clip((vertices[:, 1] - 1.50) / 0.10, 0, 1)
    head = np.round(height * 3).astype(int)  # 0 chest, 1 neckLower, 2 neckUpper, 3 head
    joints = np.zeros((len(vertices), 4), "u1")
    joints[:, 0] = head + 1
    weights = np.zeros((len(vertices), 4), "<f4")
    weights[:, 0] = 1
    attributes = {
        "POSITION": builder.add(vertices, "VEC3", 5126),
        "JOINTS_0": builder.add(joints, "VEC4", 5121),
        "WEIGHTS_0": builder.add(weights, "VEC4", 5126),
    }
    indices = builder.add(faces.reshape(-1, 1), "SCALAR", 5123)
    targets = [
        {"POSITION": builder.add_sparse(shape, with_base=i % 2 == 0)}
        for i, shape in enumerate(shapes)
    ]
    bind = np.tile(np.eye(4, dtype="<f4"), (len(SKELETON), 1, 1))
    bind[:, 3, :3] = -np.array([place for _, _, place in SKELETON])  # column-major
    primitive = {"attributes": attributes, "indices": indices, "targets": targets}
    document = {
        "asset": {"version": "2.0"},
        "nodes": [*_nodes(), {"name": "head_final", "mesh": 0, "skin": 0}],
        "meshes": [{"primitives": [primitive], "extras": {"targetNames": list(TARGETS)}}],
        "skins": [
            {
                "joints": list(range(len(SKELETON))),
                "inverseBindMatrices": builder.add(bind.reshape(-1, 16), "MAT4", 5126),
            }
        ],
        "accessors": builder.accessors,
        "bufferViews": builder.views,
        "buffers": [{"byteLength": len(builder.binary)}],
    }
    return pack_glb(document, bytes(builder.binary))


def _nodes() -> list[dict]:
    nodes: list[dict] = [{"name": name} for name, _, _ in SKELETON]
    for index, (_, parent, _) in enumerate(SKELETON):
        if parent is not None:
            nodes[parent].setdefault("children", []).append(index)
    return nodes


def pack_glb(document: object, binary: bytes) -> bytes:
    """A GLB from its JSON and its binary chunk."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    body += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def unpack_glb(data: bytes) -> tuple[dict, bytes]:
    """The reverse of `pack_glb`."""
    (size,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def offset_ply(vertices: NDArray, *, dtype: str = "<f4") -> bytes:
    """One Gaussian a vertex: skin-coloured, with a dark band for hair and a red mouth."""
    rng = np.random.default_rng(11)
    count = len(vertices)
    table = np.zeros((count, len(PROPERTIES)), dtype)
    table[:, 0:3] = rng.normal(0, 0.001, (count, 3))
    table[:, 6:9] = (0.80, 0.62, 0.54)
    table[vertices[:, 1] > 1.72, 6:9] = (0.15, 0.10, 0.08)
    mouth = (np.abs(vertices[:, 1] - 1.58) < 0.012) & (vertices[:, 2] > 0.06)
    table[mouth, 6:9] = (0.70, 0.20, 0.22)
    table[:, 9] = 4.0  # a logit: 0.98
    table[:, 10:13] = np.log((0.008, 0.008, 0.003))
    table[:, 13] = 1
    return pack_ply(table, count)


def pack_ply(table: NDArray, count: int, *, properties: tuple[str, ...] = PROPERTIES) -> bytes:
    """A PLY that announces `count` vertices with float properties."""
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {name}" for name in properties]
    return ("\n".join([*lines, "end_header"]) + "\n").encode() + table.astype("<f4").tobytes()


def pack_zip(files: dict[str, bytes]) -> bytes:
    """A zip of these files, in order."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return stream.getvalue()


def lam_parts() -> tuple[bytes, bytes]:
    """`skin.glb` and `offset.ply` of the small avatar."""
    vertices, faces = egg()
    return skin_glb(vertices, faces, make_shapes(vertices)), offset_ply(vertices)


def lam_bundle(skin: bytes | None = None, offset: bytes | None = None) -> bytes:
    """The whole zip; parts may be replaced by damaged ones."""
    good_skin, good_offset = lam_parts()
    return pack_zip(
        {
            "p2-1/": b"",
            "__MACOSX/._p2-1": b"\0\5\x16\7 litter",
            "p2-1/.DS_Store": b"\0\0\0\1Bud1",
            "__MACOSX/p2-1/skin.glb": b"litter with the right name",
            "p2-1/skin.glb": good_skin if skin is None else skin,
            "__MACOSX/p2-1/._skin.glb": b"\0\5\x16\7",
            "p2-1/offset.ply": good_offset if offset is None else offset,
            "p2-1/animation.glb": b"glTF",
            "p2-1/vertex_order.json": b"[]",
        }
    )
