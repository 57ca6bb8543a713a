# SPDX-License-Identifier: GPL-3.0-or-later
"""A character as a GLB with morph targets: which of them are ARKit's shapes, how far they move its
face, and what weights a performance gives them. Only weights are told: no bone is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array, Float64Array
from ...shared.calibration import SHAPES, Calibration
from ...shared.character_axes import face_axes
from ...shared.character_face import FACE_SHAPES, FaceArrays, near_face
from ...shared.character_mapping import WeightMapping
from ...shared.character_names import CharacterNames, describe_names, match_names
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES, Motion
from ..files import read_bytes
from . import glb as gltf
from .calibration import kept_calibration
from .character import character_rig
from .glb_geometry import Part, is_compressed, read_parts
from .glb_weights import WeightTrack, add_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphMesh:
    """A mesh whose targets ARKit's shapes move. nodes: that show it. rest: each target's weight
    where nothing moves it. shapes: (target, shape) in `ARKIT_NAMES`' order of shapes."""

    name: str
    index: int
    nodes: tuple[int, ...]
    rest: tuple[float, ...]
    shapes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlbCharacter:
    """data: the file. names: what its targets' names say."""

    data: bytes
    file: gltf.Glb
    meshes: tuple[MorphMesh, ...]
    names: CharacterNames


def read_character(path: Path) -> GlbCharacter:
    """As `decode_character`. Raises InputError `file.*` too."""
    return decode_character(
        read_bytes(path, limits.MAX_AVATAR_BYTES, "character's file"), path.name
    )


def decode_character(data: bytes, name: str) -> GlbCharacter:
    """Reads which targets of a GLB are ARKit's shapes. Raises InputError `avatar.glb` for what is
    no GLB in one file, `character.no_shapes` for one without such targets."""
    if data[:64].lstrip().startswith(b"{"):
        raise InputError(
            "avatar.glb",
            f"'{name}' is glTF as text, whose meshes lie in files beside it.",
            "Export the character as glTF Binary (.glb), which is one file.",
        )
    file = gltf.decode_glb(data, name)
    buffers = gltf.get_list(file, file.document, "buffers")
    if buffers and "uri" in gltf.get_item(file, "buffers", 0):
        raise InputError(
            "avatar.glb",
            f"The meshes of '{name}' lie in files beside it.",
            "Export the character as glTF Binary (.glb), which is one file.",
        )
    found = list(_targets_by_mesh(file))
    names = match_names({label: keys for label, _, keys in found})
    by_mesh = {label: _shapes_of(label, keys, names) for label, _, keys in found}
    meshes = tuple(
        _morph_mesh(file, label, index, len(keys), by_mesh[label])
        for label, index, keys in found
        if by_mesh[label]
    )
    meshes = tuple(mesh for mesh in meshes if mesh.nodes)
    if not meshes:
        raise InputError(
            "character.no_shapes",
            f"'{name}' has no morph target that is told as one of ARKit's {SHAPES} shapes.",
            "Export it with its shape keys and their names, which are ARKit's (jawOpen, "
            "mouthSmileLeft) or of a tool that docs/characters.md lists.",
        )
    return GlbCharacter(data=data, file=file, meshes=meshes, names=names)


def describe_character(character: GlbCharacter) -> list[str]:
    """Sentences on what was found, and what is left alone."""
    return [
        *describe_names(character.names),
        "Its bones are left as they are: the take's turn of head and neck is not written.",
    ]


def calibration_of(character: GlbCharacter, open_head: HeadModel) -> Calibration:
    """Measures the character's face. Raises InputError `avatar.calibration` where it cannot be
    measured, `avatar.glb` for a damaged file."""
    if is_compressed(character.file):
        raise InputError(
            "avatar.calibration",
            "Its meshes are compressed, so its shapes cannot be measured.",
            "Export it without compression.",
        )
    face = _read_face(character)
    rig = character_rig(face.vertices, face.faces, face.shapes, open_head)
    return kept_calibration(rig, open_head)


def animate(
    character: GlbCharacter, motion: Motion, calibration: Calibration | None, *, title: str
) -> bytes:
    """The character's file with an ARKit take as an animation of that name. Targets that are no
    shape of ARKit's rest. Raises InputError `avatar.glb`, `avatar.too_big`."""
    rows = WeightMapping(calibration=calibration).apply(motion.expression[:, :SHAPES])
    tracks = [
        WeightTrack(nodes=mesh.nodes, weights=_weights(mesh, rows)) for mesh in character.meshes
    ]
    return add_weights(character.data, character.file.name, tracks, fps=motion.fps, title=title)


def _weights(mesh: MorphMesh, rows: Float32Array) -> Float32Array:
    """(T, targets) for a take's (T, 52). A target of two shapes follows the stronger."""
    out = np.tile(np.array(mesh.rest, np.float32), (len(rows), 1))
    driven = {target for target, _ in mesh.shapes}
    for target in driven:
        out[:, target] = rows[:, [s for t, s in mesh.shapes if t == target]].max(1)
    return out


def _targets_by_mesh(file: gltf.Glb) -> Iterable[tuple[str, int, list[str]]]:
    """A label of its own, the index and the targets' names of each mesh that has named ones."""
    used = set[str]()
    for index in range(len(gltf.get_list(file, file.document, "meshes"))):
        mesh = gltf.get_item(file, "meshes", index)
        keys = _target_names(file, mesh)
        label = str(mesh.get("name") or f"mesh {index}")
        label = label if label not in used else f"{label} ({index})"
        used.add(label)
        if keys:
            yield label, index, keys


def _target_names(file: gltf.Glb, mesh: gltf.JsonDict) -> list[str]:
    """The names of a mesh's targets, which some tools write at its first primitive; none where they
    are not told."""
    primitives = gltf.get_list(file, mesh, "primitives")
    first = primitives[0] if primitives and isinstance(primitives[0], dict) else {}
    count = len(gltf.get_list(file, first, "targets"))
    for owner in (mesh, first):
        names = gltf.get_list(file, gltf.get_dict(file, owner, "extras"), "targetNames")
        if count and len(names) == count:
            return [str(name) for name in names]
    return []


def _shapes_of(
    label: str, keys: Sequence[str], names: CharacterNames
) -> tuple[tuple[int, int], ...]:
    return tuple(
        (target, ARKIT_NAMES.index(match.shape))
        for match in names.matches
        if match.mesh == label
        for target, key in enumerate(keys)
        if key == match.key
    )


def _morph_mesh(
    file: gltf.Glb, label: str, index: int, count: int, shapes: tuple[tuple[int, int], ...]
) -> MorphMesh:
    mesh = gltf.get_item(file, "meshes", index)
    entries = [
        (node, gltf.get_item(file, "nodes", node))
        for node in range(len(gltf.get_list(file, file.document, "nodes")))
    ]
    shown = [(node, entry) for node, entry in entries if entry.get("mesh") == index]
    owner = next((entry for _, entry in shown if "weights" in entry), mesh)
    given = gltf.get_list(file, owner, "weights")
    rest = [float(value) for value in given if isinstance(value, int | float)]
    return MorphMesh(
        name=label,
        index=index,
        nodes=tuple(node for node, _ in shown),
        rest=tuple(rest) if len(rest) == count else (0.0,) * count,
        shapes=shapes,
    )


# --- the face -------------------------------------------------------------------------------------


def _read_face(character: GlbCharacter) -> FaceArrays:
    """The face at rest with its shapes, turned to the left, up and front."""
    sizes = [len({shape for _, shape in mesh.shapes}) for mesh in character.meshes]
    least = min(FACE_SHAPES, max(sizes))
    parts: list[tuple[Part, MorphMesh]] = []
    for mesh, size in zip(character.meshes, sizes, strict=True):
        if size >= least:
            targets = [target for target, _ in mesh.shapes]
            parts += [(p, mesh) for p in read_parts(character.file, mesh.nodes[0], targets)]
    if not parts:
        raise gltf.broken(character.file.name, "its face is not made of triangles")
    vertices = np.concatenate([part.vertices for part, _ in parts])
    starts = np.cumsum([0, *(len(part.vertices) for part, _ in parts)])
    faces = np.concatenate(
        [part.faces + start for (part, _), start in zip(parts, starts[:-1], strict=True)]
    )
    shapes = np.zeros((SHAPES, len(vertices), 3), np.float32)
    for (part, mesh), start in zip(parts, starts[:-1], strict=True):
        for (_, shape), moved in zip(mesh.shapes, part.moved, strict=True):
            shapes[shape, start : start + len(moved)] += moved.astype(np.float32)
    face_from_scene = _face_axes(vertices, shapes)
    turned = shapes @ face_from_scene.T.astype(np.float32)
    return near_face(vertices @ face_from_scene.T, faces.astype(np.int32), turned)


def _face_axes(vertices: Float64Array, shapes: Float32Array) -> Float64Array:
    """(3, 3) from the scene's axes to the face's. A glTF model looks along z."""
    middles: dict[str, Float64Array] = {}
    for name, moved in zip(ARKIT_NAMES, shapes, strict=True):
        size = np.linalg.norm(moved, axis=1)
        if size.max(initial=0) > 0:
            middles[name] = (size[:, None] * vertices).sum(0) / size.sum()
    found = face_axes(middles)
    return np.eye(3) if found is None else found
