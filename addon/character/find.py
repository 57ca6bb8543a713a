# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character consists of: its meshes with their keys, its armature, its settings."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.calibration import SHAPES
from ...shared.character_bones import ROLES
from ...shared.character_mapping import WeightMapping, decode_calibration
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from .properties import AFFEKT_PG_character, AFFEKT_PG_character_line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrivenKey:
    """A shape key, and the index of the ARKit shape that moves it."""

    shape: int
    mesh: bpy.types.Object
    key: str

    @property
    def keys(self) -> bpy.types.Key:
        """The data-block that the key is in."""
        return self.mesh.data.shape_keys

    @property
    def path(self) -> str:
        """Data path of the key's value."""
        return value_path(self.key)


def value_path(key: str) -> str:
    """Data path of the value of the key of that name."""
    return f'key_blocks["{bpy.utils.escape_identifier(key)}"].value'


def is_character(head: bpy.types.Object) -> bool:
    """Whether the head is a character of the animator's own, not one that Affekt built."""
    return head.affekt_character.is_character


def belongs_to(head: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether the object is one of the character's meshes, or its armature."""
    character: AFFEKT_PG_character = head.affekt_character
    if not character.is_character:
        return False
    return item == character.armature or any(line.mesh == item for line in character.lines)


def mesh_of(line: AFFEKT_PG_character_line) -> bpy.types.Object:
    """The mesh that the line's key is in: the head itself where none is named, so that a
    duplicate of the head moves its own keys."""
    return line.id_data if line.mesh is None else line.mesh


def meshes_of(head: bpy.types.Object) -> list[bpy.types.Object]:
    """The head and, of a character, its other meshes: teeth, brows and the like."""
    return list(dict.fromkeys((head, *map(mesh_of, head.affekt_character.lines))))


def need_own_meshes(head: bpy.types.Object) -> None:
    """Raises InputError `character.shared` if a mesh of the character moves with another one."""
    meshes = {line.mesh for line in head.affekt_character.lines if line.mesh and line.key}
    for other in bpy.data.objects:
        if other == head or other.type != "MESH" or not is_character(other):
            continue
        shared = next((m for m in (*meshes, head) if m == other or belongs_to(other, m)), None)
        if shared is not None:
            raise InputError(
                "character.shared",
                f"'{shared.name}' is a part of two characters, '{head.name}' and '{other.name}'.",
                "Duplicate that mesh too and choose the copy in the panel's list, or release one "
                "of the two characters.",
            )


def has_key(line: AFFEKT_PG_character_line) -> bool:
    """Whether the line's key is there."""
    keys = mesh_of(line).data.shape_keys
    return keys is not None and line.key in keys.key_blocks


def need_driven_keys(head: bpy.types.Object) -> list[DrivenKey]:
    """The keys that ARKit's shapes move. Keys that two objects share stand once.

    Raises InputError `character.no_shapes`, `character.key_gone`, `character.key_twice`,
    `character.shared`.
    """
    need_own_meshes(head)
    driven: dict[tuple[str, str], DrivenKey] = {}
    for line in head.affekt_character.lines:
        if not line.key:
            continue
        mesh = mesh_of(line)
        if not has_key(line):
            raise InputError(
                "character.key_gone",
                f"The shape key '{line.key}' of '{mesh.name}', which is {line.name}, is not "
                "there any more.",
                "Undo that, or choose another key for it in the panel's list.",
            )
        one = DrivenKey(shape=ARKIT_NAMES.index(line.name), mesh=mesh, key=line.key)
        before = driven.setdefault((one.keys.name_full, line.key), one)
        if before.shape != one.shape:
            raise InputError(
                "character.key_twice",
                f"The shape key '{line.key}' of '{mesh.name}' stands for two shapes, "
                f"{ARKIT_NAMES[before.shape]} and {line.name}.",
                "Clear one of the two in the panel's list.",
            )
    if not driven or head.data.shape_keys is None:
        raise no_shapes(head)
    return list(driven.values())


def no_shapes(head: bpy.types.Object) -> InputError:
    """The error for a face without keys that ARKit's shapes could move."""
    return InputError(
        "character.no_shapes",
        f"'{head.name}' has no shape key that is told as one of ARKit's 52 shapes.",
        "Name its keys as ARKit does (jawOpen, mouthSmileLeft), or choose a key for each shape in "
        "the panel's list.",
    )


def mapping_of(head: bpy.types.Object) -> WeightMapping:
    """What the character makes of a take's weights now. Raises InputError
    `avatar.calibration_values`."""
    character: AFFEKT_PG_character = head.affekt_character
    strengths = np.ones(SHAPES, np.float32)
    for line in reversed(character.lines):
        if line.key:
            strengths[ARKIT_NAMES.index(line.name)] = line.strength
    uses = character.uses_calibration and character.calibration
    calibration = decode_calibration(character.calibration) if uses else None
    return WeightMapping(calibration=calibration, strengths=strengths)


def bones_of(head: bpy.types.Object) -> dict[str, bpy.types.PoseBone]:
    """The pose bones that a take turns, by role. Raises InputError `character.bone_gone`."""
    character: AFFEKT_PG_character = head.affekt_character
    named = {role: getattr(character, role) for role in ROLES if getattr(character, role)}
    if not named:
        return {}
    bones = {} if character.armature is None else character.armature.pose.bones
    for role, name in named.items():
        if name not in bones:
            raise InputError(
                "character.bone_gone",
                f"There is no bone '{name}', which is the {role.replace('_', ' ')} of "
                f"'{head.name}'.",
                "Choose another bone, or clear the field, in the panel's Character section.",
            )
    return {role: bones[name] for role, name in named.items()}
