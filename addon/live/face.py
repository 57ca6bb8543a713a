# SPDX-License-Identifier: GPL-3.0-or-later
"""From numbers with emotion, 103 a frame, to what a head's rig shows, exactly as a bake keys it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import bpy
import numpy as np
from mathutils import Euler, Quaternion

from ...shared.arrays import Float32Array, Float64Array, IndexArray
from ...shared.calibration import SHAPES
from ...shared.character_mapping import WeightMapping, decode_mapping
from ...shared.errors import InputError
from ...shared.head import JOINTS
from ...shared.motion import WIDTHS, Motion, cut_motion, make_motion
from .. import axes, compat
from ..bake.reading import Performance
from ..character.curves import edited_turns, read_turn, turns_of
from ..character.find import DrivenKey, bones_of, is_character, mapping_of, need_driven_keys
from ..head.find import expression_names, need_shape_keys, rig_of
from ..motion.curves import EXPRESSIONS, expression_path, rotation_path
from ..motion.keys import sample
from ..motion.parts import need_actions_of
from ..motion.playback import playing_actions, playing_strips
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import owners_of
from .body import Body, BonePart, KeyPart, Turn, name_object

_JAW = JOINTS.index("jaw")


class Face(Protocol):
    """A head as Live moves it."""

    @property
    def body(self) -> Body:
        """All that it moves."""
        ...

    def state(self, head: bpy.types.Object, row: int, numbers: Float32Array) -> Float32Array:
        """The body's state (n,) that shows numbers (103,) at a frame of the take."""
        ...


def face_of(head: bpy.types.Object, take: AFFEKT_PG_take, read: Performance) -> Face:
    """The head's face for a take that was read. Raises InputError `live.no_action`, `motion.*`,
    `head.*`, `character.*`."""
    face = _character_face if is_character(head) else _own_face
    found = face(head, take, read)
    if not found.body.keys and not found.body.bones:
        raise InputError(
            "live.no_action",
            f"No Action moves '{head.name}' now.",
            "Choose the take in the panel's Take section.",
        )
    return found


# --- heads that Affekt built -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _OwnFace:
    """columns (n,): among the expressions. beside (T, 4): the jaw's quaternions in the take, whose
    sign a bake keeps; None where nothing animates the jaw."""

    body: Body
    columns: IndexArray
    beside: Float64Array | None

    def state(self, head: bpy.types.Object, row: int, numbers: Float32Array) -> Float32Array:
        """See `Face`."""
        weights = numbers[self.columns]
        if self.beside is None:
            return weights
        turn = axes.quaternions_from_rotations(numbers[None, EXPRESSIONS:])[0]
        if turn @ self.beside[row] < 0:
            turn = -turn
        return np.concatenate([weights, turn]).astype(np.float32)


def _own_face(head: bpy.types.Object, take: AFFEKT_PG_take, read: Performance) -> _OwnFace:
    actions = playing_actions(head, take)
    keys, rig = need_shape_keys(head), rig_of(head)
    names, curves = expression_names(head), _curves(actions, "KEY", keys)
    moved = [name for name in names if _is_animated(curves, expression_path(name))]
    part = KeyPart(
        mesh=name_object(head), columns=_whole([keys.key_blocks.find(name) for name in moved])
    )
    turns = _curves(actions, "OBJECT", rig)
    turned = read.quaternions if _is_animated(turns, rotation_path("jaw")) else None
    return _OwnFace(
        body=Body(
            keys=(part,) if moved else (),
            rig=name_object(rig),
            bones=(BonePart(name="jaw", turn="quaternion"),) if turned is not None else (),
        ),
        columns=_whole([names.index(name) for name in moved]),
        beside=None if turned is None else turned[:, _JAW],
    )


# --- characters ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bone:
    """A bone that a take turns. before (T, 3): how the take turns it. were (T, 4): what its curves
    say. order: of its Eulers, empty for quaternions."""

    role: str
    before: Float64Array
    were: Float64Array
    order: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CharacterFace:
    """shapes (n,): of each key. were (T, n): what the keys' curves say; given (T, 52): what the
    take's weights gave them when it was written. What an animator has changed, the difference of
    the two, stays."""

    body: Body
    take: Motion
    mapping: WeightMapping
    shapes: IndexArray
    were: Float32Array
    given: Float32Array
    bones: tuple[_Bone, ...]

    def state(self, head: bpy.types.Object, row: int, numbers: Float32Array) -> Float32Array:
        """See `Face`."""
        given = self.mapping.apply(numbers[None, :SHAPES])[0]
        weights = self.were[row] + (given - self.given[row])[self.shapes]
        if not self.bones:
            return weights.astype(np.float32)
        turns = turns_of(head, self._moment(row, numbers))
        states = [_turned(bone, turns[bone.role], row) for bone in self.bones]
        return np.concatenate([weights, *states]).astype(np.float32)

    def _moment(self, row: int, numbers: Float32Array) -> Motion:
        """The frame alone, with these numbers."""
        cut = cut_motion(self.take, row, row + 1)
        others = {name: getattr(cut, name) for name in WIDTHS if name not in ("expression", "jaw")}
        return make_motion(
            expression=numbers[None, :EXPRESSIONS],
            jaw=numbers[None, EXPRESSIONS:],
            fps=cut.fps,
            space=cut.space,
            **others,
        )


def _turned(bone: _Bone, turn: Float64Array, row: int) -> Float64Array:
    """The value of the bone's property at a frame that the take now turns by `turn` (1, 3)."""
    span = slice(row, row + 1)
    turned = edited_turns(turn, bone.before[span], bone.were[span])[0]
    if not bone.order:
        return turned
    was = Quaternion(bone.were[row]).to_euler(bone.order)
    return np.array(Quaternion(turned).to_euler(bone.order, Euler(was, bone.order))[:])


def _character_face(
    head: bpy.types.Object, take: AFFEKT_PG_take, read: Performance
) -> _CharacterFace:
    actions, times = need_actions_of(take), read.frames.read.times
    weights = read.motion.expression[:, :SHAPES]
    parts: list[KeyPart] = []
    shapes: list[int] = []
    were: list[Float32Array] = []
    for part, keys in _keys_by_part(head, take).items():
        curves = _curves(actions, part, keys[0].keys)
        keys = [one for one in keys if _is_animated(curves, one.path)]
        if not keys:
            continue
        columns = _whole([one.keys.key_blocks.find(one.key) for one in keys])
        parts.append(KeyPart(mesh=name_object(keys[0].mesh), columns=columns))
        shapes += [one.shape for one in keys]
        were += [sample(curves, one.path, 0, times, 0.0) for one in keys]
    bones = _bones(head, actions, read)
    rig = head.affekt_character.armature
    return _CharacterFace(
        body=Body(
            keys=tuple(parts),
            rig=None if rig is None else name_object(rig),
            bones=tuple(_part_of(head, bone) for bone in bones),
        ),
        take=read.motion,
        mapping=mapping_of(head),
        shapes=_whole(shapes),
        were=np.stack(were, 1) if were else np.zeros((len(times), 0), np.float32),
        given=decode_mapping(take.mapping).apply(weights),
        bones=bones,
    )


def _keys_by_part(
    head: bpy.types.Object, take: AFFEKT_PG_take
) -> dict[compat.Part, list[DrivenKey]]:
    """The character's keys by the part of the take that moves them."""
    owners = owners_of(head, take)
    found: dict[compat.Part, list[DrivenKey]] = {}
    for one in need_driven_keys(head):
        part = next((p for p, owner in owners.items() if owner == one.keys), None)
        if part is not None:
            found.setdefault(part, []).append(one)
    return found


def _bones(
    head: bpy.types.Object, actions: dict[compat.Part, bpy.types.Action], read: Performance
) -> tuple[_Bone, ...]:
    found: list[_Bone] = []
    rig = head.affekt_character.armature
    if rig is None:
        return ()
    curves, before = _curves(actions, "OBJECT", rig), turns_of(head, read.motion)
    for role, bone in bones_of(head).items():
        were = read_turn(curves, bone, read.frames.read.times)
        if were is not None:
            order = "" if bone.rotation_mode == "QUATERNION" else bone.rotation_mode
            found.append(_Bone(role=role, before=before[role], were=were, order=order))
    return tuple(found)


def _part_of(head: bpy.types.Object, bone: _Bone) -> BonePart:
    turn: Turn = "euler" if bone.order else "quaternion"
    return BonePart(name=bones_of(head)[bone.role].name, turn=turn)


# --- both ------------------------------------------------------------------------------------


def _curves(
    actions: Mapping[compat.Part, bpy.types.Action | None], part: compat.Part, owner: bpy.types.ID
) -> compat.CurveList | tuple[()]:
    """The curves of that part of the take; none while nothing plays it on its owner."""
    data, action = owner.animation_data, actions[part]
    is_played = data is not None and (data.action is not None or any(playing_strips(owner)))
    return compat.curves_of(action, part) if action is not None and is_played else ()


def _is_animated(curves: compat.CurveList | tuple[()], path: str) -> bool:
    """Whether Blender computes the property anew at every frame."""
    curve = compat.find_curve(curves, path)
    return curve is not None and not curve.mute and not (curve.is_empty and not curve.modifiers)


def _whole(numbers: Sequence[int]) -> IndexArray:
    return np.array(numbers, np.intp)
