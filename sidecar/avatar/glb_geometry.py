# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB's meshes as they stand: the places of their vertices in the scene, at rest, with what their
morph targets do to them there. Source: the glTF 2.0 specification, sections 3.5 and 3.7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float64Array, Int32Array
from ...shared.errors import InputError
from . import glb as gltf
from .lam import MAX_VERTICES

_TRIANGLES = 4
_MOST = 1e6
"""Metres; nobody's face is that far off."""
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """vertices (V, 3) in the scene; faces (F, 3); moved: (V, 3) by each target at weight 1."""

    vertices: Float64Array
    faces: Int32Array
    moved: Sequence[Float64Array]


def is_compressed(file: gltf.Glb) -> bool:
    """Whether its arrays are compressed by an extension that is not read here."""
    used = gltf.get_list(file, file.document, "extensionsUsed")
    return any(name in used for name in _COMPRESSED)


def read_parts(file: gltf.Glb, node: int, targets: Sequence[int]) -> list[Part]:
    """The triangles of a node's mesh, with what these of its targets do. Raises InputError
    `avatar.glb`, `avatar.too_big`."""
    entry = gltf.get_item(file, "nodes", node)
    mesh = gltf.get_item(file, "meshes", entry.get("mesh"))
    return [
        _read_part(file, entry, node, primitive, targets)
        for primitive in gltf.get_list(file, mesh, "primitives")
        if isinstance(primitive, dict) and primitive.get("mode", _TRIANGLES) == _TRIANGLES
    ]


def _read_part(
    file: gltf.Glb,
    entry: gltf.JsonDict,
    node: int,
    primitive: gltf.JsonDict,
    targets: Sequence[int],
) -> Part:
    attributes = gltf.get_dict(file, primitive, "attributes")
    places = _numbers(file, gltf.read_accessor(file, attributes.get("POSITION"), "VEC3"))
    if len(places) > MAX_VERTICES:
        raise InputError(
            "avatar.too_big",
            f"A mesh of '{file.name}' has {len(places)} vertices.",
            f"Choose a character with at most {MAX_VERTICES} in a mesh.",
        )
    scene_from_mesh = _matrices(file, entry, node, attributes, len(places))
    turn, place = scene_from_mesh[..., :3, :3], scene_from_mesh[..., :3, 3]
    moved = [_displacement(file, primitive, target, len(places)) for target in targets]
    return Part(
        vertices=_turned(turn, places) + place,
        faces=_faces(file, primitive, len(places)),
        moved=[_turned(turn, rows) for rows in moved],
    )


def _displacement(
    file: gltf.Glb, primitive: gltf.JsonDict, target: int, count: int
) -> Float64Array:
    entries = gltf.get_list(file, primitive, "targets")
    entry = entries[target] if target < len(entries) else None
    if not isinstance(entry, dict):
        raise gltf.broken(file.name, "its meshes' parts have not the same shapes")
    if "POSITION" not in entry:
        return np.zeros((count, 3))
    return _numbers(file, gltf.read_accessor(file, entry["POSITION"], "VEC3", count=count))


def _faces(file: gltf.Glb, primitive: gltf.JsonDict, count: int) -> Int32Array:
    if "indices" not in primitive:
        return np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    corners = gltf.read_accessor(file, primitive["indices"], "SCALAR")[:, 0]
    if corners.dtype.kind != "u" or len(corners) % 3 or corners.max() >= count:
        raise gltf.broken(file.name, "its triangles name vertices that are not there")
    return corners.astype(np.int32).reshape(-1, 3)


def _matrices(
    file: gltf.Glb, entry: gltf.JsonDict, node: int, attributes: gltf.JsonDict, count: int
) -> Float64Array:
    """(V, 4, 4), or (4, 4) where all are one: from the mesh's axes to the scene's. A skin's joints
    alone place its mesh, its node does not."""
    parents = gltf.parents_of(file)
    if "skin" not in entry or "JOINTS_0" not in attributes:
        return _scene_from_node(file, node, parents)
    skin = gltf.get_item(file, "skins", entry["skin"])
    joints = gltf.get_list(file, skin, "joints")
    scene_from_mesh = np.stack([_scene_from_node(file, joint, parents) for joint in joints])
    if "inverseBindMatrices" in skin:
        found = gltf.read_accessor(file, skin["inverseBindMatrices"], "MAT4", count=len(joints))
        scene_from_mesh = scene_from_mesh @ _numbers(file, found).reshape(-1, 4, 4).swapaxes(1, 2)
    total, sums = np.zeros((count, 4, 4)), np.zeros(count)
    for which in range(2):
        if f"JOINTS_{which}" in attributes:
            indices = gltf.read_accessor(
                file, attributes[f"JOINTS_{which}"], "VEC4", count=count
            ).astype(np.int64)
            weights = _numbers(
                file,
                gltf.read_accessor(file, attributes.get(f"WEIGHTS_{which}"), "VEC4", count=count),
            )
            if indices.min() < 0 or indices.max() >= len(joints):
                raise gltf.broken(file.name, "its skin names joints that are not there")
            for index, weight in zip(indices.T, weights.T, strict=True):
                total += weight[:, None, None] * scene_from_mesh[index]
            sums += weights.sum(1)
    return total / np.where(sums > 0, sums, 1)[:, None, None]


def _scene_from_node(file: gltf.Glb, node: object, parents: Mapping[object, int]) -> Float64Array:
    """(4, 4) of a node at rest."""
    matrix, seen = np.eye(4), set[object]()
    at: object = node
    while at is not None and at not in seen:
        seen.add(at)
        matrix = _local(file, gltf.get_item(file, "nodes", at)) @ matrix
        at = parents.get(at)
    return matrix


def _local(file: gltf.Glb, entry: gltf.JsonDict) -> Float64Array:
    if "matrix" in entry:
        return _field(file, entry, "matrix", (0.0,) * 16).reshape(4, 4).T
    x, y, z, w = _field(file, entry, "rotation", (0, 0, 0, 1))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * _field(file, entry, "scale", (1, 1, 1))
    matrix[:3, 3] = _field(file, entry, "translation", (0, 0, 0))
    return matrix


def _field(file: gltf.Glb, entry: gltf.JsonDict, key: str, absent: Sequence[float]) -> Float64Array:
    values = gltf.get_list(file, entry, key) if key in entry else list(absent)
    row = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if not len(row) == len(values) == len(absent):
        raise gltf.broken(file.name, f"the {key} of a node is none")
    return _numbers(file, np.array(row, np.float64))


def _numbers(file: gltf.Glb, values: NDArray) -> Float64Array:
    if not (np.abs(values) < _MOST).all():
        raise gltf.broken(file.name, "it has places that are not numbers, or far too large")
    return values.astype(np.float64)


def _turned(turn: Float64Array, rows: Float64Array) -> Float64Array:
    """Rows (V, 3) turned by (3, 3), or each by its own of (V, 3, 3)."""
    if turn.ndim == 2:
        return rows @ turn.T
    return np.einsum("vij,vj->vi", turn, rows)
