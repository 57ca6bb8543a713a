# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes LAM's web bundle: a zip with `skin.glb`, `offset.ply`, `vertex_order.json` and
`animation.glb`, as LAM's own viewers read it, with the person's shape in the mesh.

LAM's own export is meant to put the shape there as well; in the two bundles that it has published
the meshes are the same, the template's. A user's own bundle may lend its skeleton, its shapes and
its clips of motion, which are LAM's and cannot ship with us; without one the mesh gets a skeleton
of three bones, the avatar's own shapes, and a clip in which it stands still.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from ...shared.avatar_files import LAM_PARTS
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from . import glb as gltf
from .archive import read_entry
from .avatar import ArkitRig, Avatar
from .ply import Columns, encode_ply

ANIMATION, ORDER = "animation.glb", "vertex_order.json"
FLAME_TO_BUNDLE_M = np.array([-0.0003, 1.6701, 0.0412], np.float32)
"""From FLAME's origin to the bundle's, which stands on the ground between the feet."""
_TARGETS = ARKIT_NAMES[:51]
"""LAM's bundles have no `tongueOut`."""
_LEAST_OPACITY, _LEAST_SCALE_M = 1e-3, 1e-12
_MATERIAL = {
    "doubleSided": True,
    "name": "lambert2",
    "pbrMetallicRoughness": {"baseColorFactor": [0.5, 0.5, 0.5, 1], "metallicFactor": 0},
}
_GENERATOR = "Affekt"
_STAMP = (1980, 1, 1, 0, 0, 0)
_WHOLE = "Choose a LAM web bundle: a zip with skin.glb, offset.ply and animation.glb."


def encode_lam_bundle(avatar: Avatar, template: bytes | None = None) -> bytes:
    """A bundle of an avatar that LAM's network made: one Gaussian on each vertex of an ARKit rig in
    FLAME's place. template: a user's own bundle. Raises InputError `avatar.no_bundle` for another
    avatar, and for a template of another mesh; `avatar.*` for a damaged one."""
    rig = avatar.surface
    own = np.arange(len(avatar))
    if not isinstance(rig, ArkitRig) or not np.array_equal(avatar.anchors, own):
        raise _no_bundle(f"'{avatar.name}' has not one Gaussian on each vertex of a mesh", "LAM's")
    vertices = rig.vertices + FLAME_TO_BUNDLE_M
    if template is None:
        skin, animation = _own_skin(rig, vertices), _still_clip()
    else:
        skin = _shaped(read_entry(template, LAM_PARTS[0], "template", _WHOLE), rig, vertices)
        animation = read_entry(template, ANIMATION, "template", _WHOLE)
    order = json.dumps(np.argsort(vertices[:, 1], kind="stable").tolist(), indent=4)
    parts = {
        LAM_PARTS[0]: skin,
        LAM_PARTS[1]: encode_ply(offset_columns(avatar)),
        ANIMATION: animation,
        ORDER: order.encode(),
    }
    return _zip(avatar.name, parts)


def offset_columns(avatar: Avatar) -> Columns:
    """The columns of `offset.ply`, in LAM's order: offsets, no normals, colours as they are, the
    opacity's logit, logarithms of sizes, turns."""
    opacities = np.clip(avatar.opacities, _LEAST_OPACITY, 1 - _LEAST_OPACITY)
    none = np.zeros(len(avatar), np.float32)
    columns = {key: avatar.offsets[:, k] for k, key in enumerate("xyz")}
    columns |= dict.fromkeys(("nx", "ny", "nz"), none)
    columns |= {f"f_dc_{k}": avatar.colours[:, k] for k in range(3)}
    columns["opacity"] = np.log(opacities / (1 - opacities))
    logarithms = np.log(np.maximum(avatar.scales, _LEAST_SCALE_M))
    columns |= {f"scale_{k}": logarithms[:, k] for k in range(3)}
    columns |= {f"rot_{k}": avatar.quaternions[:, k] for k in range(4)}
    return columns


def _shaped(skin: bytes, rig: ArkitRig, vertices: Float32Array) -> bytes:
    """The template's `skin.glb` with these vertices (V, 3), else byte for byte."""
    file = gltf.decode_glb(skin, "skin.glb")
    primitive = gltf.get_item(file, "meshes", 0).get("primitives")
    assert isinstance(primitive, list)
    first: gltf.JsonDict = primitive[0]
    index = gltf.get_dict(file, first, "attributes").get("POSITION")
    before = gltf.read_accessor(file, index, "VEC3")
    corners = gltf.read_accessor(file, first.get("indices"), "SCALAR")[:, 0]
    if len(before) != len(vertices) or not np.array_equal(corners, rig.faces.ravel()):
        raise _no_bundle("the template has another mesh than LAM-20K's", "another")
    accessor = gltf.get_item(file, "accessors", index)
    view = gltf.get_item(file, "bufferViews", accessor.get("bufferView"))
    start = int(str(view.get("byteOffset", 0))) + int(str(accessor.get("byteOffset", 0)))
    binary = bytearray(file.binary)
    values = np.ascontiguousarray(vertices, "<f4")
    binary[start : start + values.nbytes] = values.tobytes()
    accessor["min"], accessor["max"] = values.min(0).tolist(), values.max(0).tolist()
    return pack_glb(file.document, bytes(binary))


class _Builder:
    """Collects arrays into the accessors of a GLB."""

    def __init__(self) -> None:
        self.accessors: list[gltf.JsonDict] = []
        self.views: list[gltf.JsonDict] = []
        self.binary = bytearray()

    def view(self, values: NDArray) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data
        return len(self.views) - 1

    def add(self, values: NDArray, kind: str, component: int, *, bounds: bool = False) -> int:
        entry: gltf.JsonDict = {"componentType": component, "count": len(values), "type": kind}
        if bounds:
            entry |= _bounds(values)
        self.accessors.append({"bufferView": self.view(values), **entry})
        return len(self.accessors) - 1

    def add_sparse(self, values: Float32Array) -> int:
        """(V, 3) values of which most rows are zero; a file wants one row at least."""
        rows = np.flatnonzero(values.any(1)) if values.any() else np.zeros(1, np.int64)
        self.accessors.append(
            {
                "componentType": 5126,
                "count": len(values),
                "type": "VEC3",
                **_bounds(values),
                "sparse": {
                    "count": len(rows),
                    "indices": {"bufferView": self.view(rows.astype("<u2")), "componentType": 5123},
                    "values": {"bufferView": self.view(values[rows])},
                },
            }
        )
        return len(self.accessors) - 1

    def pack(self, document: Mapping[str, object]) -> bytes:
        buffers = [{"byteLength": len(self.binary)}]
        asset = {"generator": _GENERATOR, "version": "2.0"}
        arrays = {"accessors": self.accessors, "bufferViews": self.views, "buffers": buffers}
        return pack_glb({"asset": asset, "scene": 0, **document, **arrays}, bytes(self.binary))


def _bounds(values: NDArray) -> gltf.JsonDict:
    rows = values.reshape(len(values), -1)
    return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}


def _skeleton(pivot: Float32Array) -> tuple[list[gltf.JsonDict], list[Float32Array]]:
    """Nodes of the bones hip, chestUpper and head, and their places in the world. pivot: (3,) about
    which the head turns."""
    places = [np.array([0, 1.0, 0], np.float32), np.array([0, 1.36, -0.02], np.float32), pivot]
    before = [np.zeros(3, np.float32), *places]
    nodes: list[gltf.JsonDict] = [
        {"name": name, "translation": (place - back).tolist()}
        for name, place, back in zip(("hip", "chestUpper", "head"), places, before, strict=False)
    ]
    nodes[0]["children"], nodes[1]["children"] = [1], [2]
    return nodes, places


def _own_skin(rig: ArkitRig, vertices: Float32Array) -> bytes:
    """`skin.glb` of the rig alone."""
    nodes, places = _skeleton(rig.joint_pivots[0] + FLAME_TO_BUNDLE_M)
    builder = _Builder()
    of_head = rig.joint_weights.sum(1)
    joints = np.tile(np.array([2, 1, 0, 0], np.uint8), (len(vertices), 1))
    weights = np.zeros((len(vertices), 4), np.float32)
    weights[:, 0], weights[:, 1] = of_head, 1 - of_head
    primitive: gltf.JsonDict = {
        "attributes": {
            "POSITION": builder.add(vertices, "VEC3", 5126, bounds=True),
            "JOINTS_0": builder.add(joints, "VEC4", 5121),
            "WEIGHTS_0": builder.add(weights, "VEC4", 5126),
        },
        "indices": builder.add(rig.faces.reshape(-1, 1).astype(np.uint16), "SCALAR", 5123),
        "material": 0,
        "targets": [{"POSITION": builder.add_sparse(rig.arkit_shapes[k])} for k in range(51)],
    }
    binds = np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    binds[:, 3, :3] = -np.stack(places)  # column by column
    count = len(nodes)
    nodes.append({"mesh": 0, "name": "head_final", "skin": 0})
    nodes.append({"children": [count, 0], "name": "Affekt"})
    return builder.pack(
        {
            "scenes": [{"name": "Scene", "nodes": [count + 1]}],
            "nodes": nodes,
            "materials": [_MATERIAL],
            "meshes": [
                {
                    "extras": {"targetNames": list(_TARGETS)},
                    "name": "head",
                    "primitives": [primitive],
                    "weights": [0] * len(_TARGETS),
                }
            ],
            "skins": [
                {
                    "inverseBindMatrices": builder.add(binds.reshape(3, 16), "MAT4", 5126),
                    "joints": [0, 1, 2],
                    "name": "Affekt",
                }
            ],
        }
    )


def _still_clip() -> bytes:
    """`animation.glb` with one clip in which the head keeps its turn."""
    builder = _Builder()
    times = builder.add(np.array([[0.0], [1.0]], np.float32), "SCALAR", 5126, bounds=True)
    turns = builder.add(np.tile(np.array([0, 0, 0, 1], np.float32), (2, 1)), "VEC4", 5126)
    nodes, _ = _skeleton(FLAME_TO_BUNDLE_M)
    channel = {"sampler": 0, "target": {"node": 2, "path": "rotation"}}
    clip = {
        "name": "idle",
        "channels": [channel],
        "samplers": [{"input": times, "interpolation": "LINEAR", "output": turns}],
    }
    return builder.pack({"scenes": [{"nodes": [0]}], "nodes": nodes, "animations": [clip]})


def pack_glb(document: Mapping[str, object], binary: bytes) -> bytes:
    """A GLB of its JSON and its bytes."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    head = struct.pack("<4sIII4s", b"glTF", 2, length, len(text), b"JSON")
    return head + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary


def _zip(name: str, parts: Mapping[str, bytes]) -> bytes:
    """The parts in one folder. The same parts give the same bytes."""
    packed = io.BytesIO()
    folder = "".join(c if c.isalnum() or c in "-_." else "_" for c in name) or "avatar"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for part, data in parts.items():
            info = zipfile.ZipInfo(f"{folder}/{part}", _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, data)
    return packed.getvalue()


def _no_bundle(what: str, which: str) -> InputError:
    return InputError(
        "avatar.no_bundle", f"No LAM bundle can be made: {what}.", f"Choose {which} avatar."
    )
