# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the meshes and bones of an animator's character and writes down what is what."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from ...shared.character_axes import face_axes
from ...shared.character_bones import ROLES, match_bones
from ...shared.character_names import CharacterNames, describe_names, match_names
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from ...shared.wording import say_count
from ..head.find import armature_of
from ..head.upkeep import prepare_head
from .find import mesh_of, need_own_meshes, no_shapes, value_path
from .properties import AFFEKT_PG_character

_FEW = 10
"""Shapes with which a face hardly says anything."""
OWN_MODEL = "open"
"""The head whose space a character's takes are baked in."""
WORLD_AXES = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Left, up and front of a character that stands as Blender's own do, row by row."""


def use_character(active: bpy.types.Object, face: Float64Array | None = None) -> list[str]:
    """Makes the object's character a head, and returns what is to be said of it. Lines that were
    chosen by hand stay. face: (3, 3) its left, up and front in the mesh's axes, row by row, where
    they are known. Raises InputError `character.*`."""
    family = find_meshes(active)
    found = match_names({mesh.name: _key_names(mesh) for mesh in family})
    head = _main_mesh(active, family, found)
    chosen = [_copy_line(line) for line in head.affekt_character.lines if line.is_chosen]
    if not found.matches and not any(line["key"] for line in chosen):
        raise no_shapes(head)
    character: AFFEKT_PG_character = head.affekt_character
    _write_lines(head, found, chosen)
    try:
        need_own_meshes(head)
    except InputError:
        if not character.is_character:
            character.lines.clear()
        raise
    said = [*describe_names(found), *_warn(found, family)]
    said += _find_bones(head, {match.shape for match in found.matches})
    character.axes = (_axes(head) if face is None else face).ravel()
    character.notes = "\n".join(said)
    character.is_character = True
    head.affekt_head.is_head, head.affekt_head.model = True, OWN_MODEL
    prepare_head(head)
    return said


def find_meshes(active: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes with shape keys of the character that the object is a part of: those of its
    armature, or those that hang together with it.

    Raises InputError `character.own_head`, `character.linked`, `character.no_shapes`.
    """
    armature = active if active.type == "ARMATURE" else moving_armature(active)
    family = [active]
    if armature is not None:
        family += [item for item in bpy.data.objects if moving_armature(item) == armature]
    elif active.parent is not None:
        family += list(active.parent.children_recursive)
    family = [item for item in dict.fromkeys(family) if _has_keys(item)]
    if any(item.affekt_head.is_head and not item.affekt_character.is_character for item in family):
        raise InputError(
            "character.own_head",
            "This is a head of Affekt's own, and works as it is.",
            "Select a character of another make.",
        )
    if not family:
        raise no_shapes(active)
    for item in family:
        _need_usable(item)
    return family


def moving_armature(item: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that moves a mesh, by a modifier or as its parent."""
    if item.type != "MESH":
        return None
    parent = item.parent
    by_parent = parent if parent is not None and parent.type == "ARMATURE" else None
    return armature_of(item) or by_parent


def _has_keys(item: bpy.types.Object) -> bool:
    return item.type == "MESH" and item.data.shape_keys is not None


def _need_usable(mesh: bpy.types.Object) -> None:
    for block in (mesh, mesh.data):
        if block.library is not None:
            raise InputError(
                "character.linked",
                f"'{mesh.name}' comes from another file and cannot be changed here.",
                "Make it local (Object > Relations > Make Local), or use it in its own file.",
            )
    if not mesh.data.shape_keys.use_relative:
        raise InputError(
            "character.absolute",
            f"The shape keys of '{mesh.name}' are absolute: they are steps of one movement.",
            "Tick Relative in its Shape Keys panel.",
        )


def _key_names(mesh: bpy.types.Object) -> list[str]:
    """The mesh's keys without the one that the others start from."""
    keys = mesh.data.shape_keys
    return [block.name for block in keys.key_blocks if block != keys.reference_key]


def _main_mesh(
    active: bpy.types.Object, family: Sequence[bpy.types.Object], found: CharacterNames
) -> bpy.types.Object:
    """The mesh that is a head already, or has most of the shapes; of equals the active one."""
    shapes = {mesh: sum(match.mesh == mesh.name for match in found.matches) for mesh in family}
    return max(
        family, key=lambda m: (m.affekt_character.is_character, shapes[m], m == active, m.name)
    )


def _copy_line(line: bpy.types.PropertyGroup) -> dict[str, object]:
    return {name: getattr(line, name) for name in ("name", "mesh", "key", "strength")}


def _write_lines(
    head: bpy.types.Object, found: CharacterNames, chosen: Sequence[dict[str, object]]
) -> None:
    """A line for each match, and an empty one for each shape without; lines that were chosen by
    hand take the place of those of the same shape and mesh."""
    by_hand = {(line["name"], line["mesh"]) for line in chosen}
    rows: list[dict[str, object]] = [{**line, "is_chosen": True} for line in chosen]
    for match in found.matches:
        mesh = bpy.data.objects[match.mesh]
        mesh = None if mesh == head else mesh
        if (match.shape, mesh) not in by_hand:
            rows.append({"name": match.shape, "mesh": mesh, "key": match.key})
    known = {row["name"] for row in rows}
    for name in ARKIT_NAMES:
        if name not in known:
            rows.append({"name": name, "key": ""})
    lines = head.affekt_character.lines
    lines.clear()
    for row in sorted(rows, key=lambda row: ARKIT_NAMES.index(str(row["name"]))):
        line = lines.add()
        for name, value in row.items():
            setattr(line, name, value)
        line.is_chosen = bool(row.get("is_chosen"))


def _warn(found: CharacterNames, family: Sequence[bpy.types.Object]) -> list[str]:
    """Sentences on what will keep a face from moving."""
    said: list[str] = []
    shapes = {match.shape for match in found.matches}
    if 0 < len(shapes) < _FEW:
        said.append(
            "With so few shapes the face will hardly show an emotion: give it more of ARKit's, or "
            "choose keys for them in the list."
        )
    for mesh in family:
        drivers = mesh.data.shape_keys.animation_data
        paths = {curve.data_path for curve in drivers.drivers} if drivers else set[str]()
        keys = [match.key for match in found.matches if match.mesh == mesh.name]
        driven = [key for key in keys if value_path(key) in paths]
        if driven:
            said.append(
                f"Drivers overrule a take on {say_count(len(driven), 'key')} of {mesh.name}, such "
                f"as {driven[0]}: remove or mute them."
            )
    return said


def _find_bones(head: bpy.types.Object, shapes: set[str]) -> list[str]:
    """Fills the bones that are clear, and says what is not. A jaw or eyes that keys move already
    are left alone."""
    character: AFFEKT_PG_character = head.affekt_character
    armature = moving_armature(head)
    if character.armature is None:
        character.armature = armature
    if character.armature is None:
        return ["It has no armature: the head's turn stays in the take.", *_say_jaw(shapes, "")]
    bones = match_bones([bone.name for bone in character.armature.data.bones])
    said = [
        f"{len(names)} bones may be the {role.replace('_', ' ')}, {', '.join(names[:4])}: choose "
        "one in the panel's Character section."
        for role, names in bones.unclear.items()
    ]
    by_keys = {"jaw": "jawOpen" in shapes}
    by_keys |= dict.fromkeys(("eye_left", "eye_right"), "eyeLookInLeft" in shapes)
    for role in ROLES:
        name = bones.found.get(role, "")
        if not getattr(character, role) and name and not by_keys.get(role):
            setattr(character, role, name)
    if "head" not in bones.found and not character.head and "head" not in bones.unclear:
        said.append("No bone is told as the head: its turn stays in the take until you choose one.")
    return said + _say_jaw(shapes, character.jaw or bones.found.get("jaw", ""))


def _say_jaw(shapes: set[str], jaw: str) -> list[str]:
    """What opens the mouth, where that is not plain."""
    if "jawOpen" in shapes:
        if jaw:
            return [f"The key jawOpen opens the mouth; the bone {jaw} is left to you."]
        return []
    if jaw:
        return [f"The bone {jaw} opens the mouth, since there is no key jawOpen."]
    return [
        "There is neither a key jawOpen nor a bone for the jaw: the mouth will not open until you "
        "choose one."
    ]


def _axes(head: bpy.types.Object) -> Float64Array:
    """(3, 3) rows: the face's left, up and front in the mesh's own axes, from what its keys
    move, or else from how it stands in the scene."""
    keys = head.data.shape_keys
    rest = positions(keys.reference_key)
    middles: dict[str, Float64Array] = {}
    for line in head.affekt_character.lines:
        if mesh_of(line) == head and line.key in keys.key_blocks and line.name not in middles:
            moved = np.linalg.norm(positions(keys.key_blocks[line.key]) - rest, axis=1)
            if moved.max(initial=0) > 0:
                middles[line.name] = (moved[:, None] * rest).sum(0) / moved.sum()
    found = face_axes(middles)
    if found is not None:
        return found
    turn = np.array(head.matrix_world.to_3x3().normalized())
    return WORLD_AXES @ turn


def positions(block: bpy.types.ShapeKey) -> Float64Array:
    """(V, 3) of the key's vertices, in the mesh's own axes."""
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)
