# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's takes: writing one into new Actions, reading it, letting it move the character."""

from __future__ import annotations

import bpy

from ...shared.arrays import Float64Array, FloatArray
from ...shared.calibration import SHAPES
from ...shared.character_mapping import decode_mapping, encode_mapping
from ...shared.motion import Motion
from .. import compat
from ..motion.keys import add_to_keys, widen_slider
from ..motion.parts import need_actions_of
from ..motion.properties import AFFEKT_PG_take
from .curves import (
    read_edited,
    read_record,
    turns_of,
    write_bones,
    write_edited_bones,
    write_edited_keys,
    write_keys_of,
    write_record,
)
from .find import DrivenKey, mapping_of, need_driven_keys

Parts = dict[compat.Part, bpy.types.Object]
"""A take's parts that move shape keys, and the mesh that each moves."""


def write_performance(
    head: bpy.types.Object,
    motion: Motion,
    times: Float64Array,
    actions: dict[compat.Part, bpy.types.Action],
    source: AFFEKT_PG_take | None,
) -> Parts:
    """Fills a take's new Actions with a motion in space "arkit", one key at each of `times` (T,),
    adds what further meshes need to `actions`, and returns these parts. source: the take that it
    was baked from, whose edits stay.

    Raises InputError `character.*`, `motion.no_action`.
    """
    parts = _new_parts(head, actions)
    _fill(head, motion, times, actions, _by_part(head, {"KEY": head, **parts}), source)
    return parts


def _fill(
    head: bpy.types.Object,
    motion: Motion,
    times: Float64Array,
    actions: dict[compat.Part, bpy.types.Action],
    driven: dict[compat.Part, list[DrivenKey]],
    source: AFFEKT_PG_take | None,
) -> None:
    given = mapping_of(head).apply(motion.expression[:, :SHAPES])
    turns = turns_of(head, motion)
    write_record(head, motion, times, actions)
    if source is None:
        for part, keys in driven.items():
            write_keys_of(given, keys, times, actions, part)
        write_bones(head, turns, times, actions)
        return
    before = read_performance(head, source, times, motion.fps)
    old = decode_mapping(source.mapping).apply(before.expression[:, :SHAPES])
    own_actions, own_parts = need_actions_of(source), _meshes(head, source)
    for part, keys in driven.items():
        theirs = next((p for p, mesh in own_parts.items() if mesh == keys[0].mesh), None)
        curves = () if theirs is None else compat.curves_of(own_actions[theirs], theirs)
        write_edited_keys(given, old, keys, curves, times, actions, part)
    curves = compat.curves_of(own_actions["OBJECT"], "OBJECT")
    write_edited_bones(head, turns, turns_of(head, before), curves, times, actions)


def can_rebake(head: bpy.types.Object, bake: AFFEKT_PG_take) -> bool:
    """Whether the bake moves every mesh that the character has now."""
    blocks = {mesh.data.shape_keys for mesh in _meshes(head, bake).values()}
    return all(one.keys in blocks for one in need_driven_keys(head))


def rebake_performance(
    head: bpy.types.Object,
    bake: AFFEKT_PG_take,
    motion: Motion,
    times: Float64Array,
    source: AFFEKT_PG_take,
) -> None:
    """Writes another motion into a bake's Actions, see `write_performance`. What the same curves
    said before is forgotten; others stay. Raises InputError as that does."""
    driven = _by_part(head, _meshes(head, bake))
    _fill(head, motion, times, need_actions_of(bake), driven, source)
    bake.mapping = encode_mapping(mapping_of(head))


def read_performance(
    head: bpy.types.Object, take: AFFEKT_PG_take, times: Float64Array, fps: float
) -> Motion:
    """The take at curve frames `times` (T,), in space "arkit", with an animator's edits of the keys
    in its weights. Raises InputError `motion.no_action`, `character.*`."""
    actions = need_actions_of(take)
    record = read_record(times, fps, actions)
    driven = _by_part(head, _meshes(head, take))
    return read_edited(record, times, driven, decode_mapping(take.mapping), actions)


def keep_performance(
    head: bpy.types.Object,
    take: AFFEKT_PG_take,
    parts: Parts,
    actions: dict[compat.Part, bpy.types.Action],
) -> None:
    """Notes in a new take's entry what it was written by."""
    take.mapping = encode_mapping(mapping_of(head))
    for part, mesh in parts.items():
        entry = take.parts.add()
        entry.name, entry.mesh, entry.action = part, mesh, actions[part]


def parts_of(head: bpy.types.Object, take: AFFEKT_PG_take) -> dict[compat.Part, bpy.types.ID]:
    """The data-blocks that the take moves: the armature, if it turns any bone, and shape keys.
    Raises InputError `motion.no_action`."""
    owners: dict[compat.Part, bpy.types.ID] = {}
    armature, actions = head.affekt_character.armature, need_actions_of(take)
    if armature is not None and len(compat.curves_of(actions["OBJECT"], "OBJECT")):
        owners["OBJECT"] = armature
    for part, mesh in _meshes(head, take).items():
        if mesh.data.shape_keys is not None:
            owners[part] = mesh.data.shape_keys
    return owners


def rewrite_performance(head: bpy.types.Object, take: AFFEKT_PG_take, times: Float64Array) -> None:
    """Writes the take's keys anew by the character's present mapping, at `times` (T,); an
    animator's edits stay."""
    actions = need_actions_of(take)
    motion = read_performance(head, take, times, take.fps)
    weights = motion.expression[:, :SHAPES]
    old, mapping = decode_mapping(take.mapping), mapping_of(head)
    before, given = old.apply(weights), mapping.apply(weights)
    for part, keys in _by_part(head, _meshes(head, take)).items():
        curves = compat.curves_of(actions[part], part)
        for one in keys:
            _rewrite(one, curves, given[:, one.shape] - before[:, one.shape], times)
    take.mapping = encode_mapping(mapping)


def _rewrite(
    one: DrivenKey, curves: compat.CurveList | tuple[()], change: FloatArray, times: Float64Array
) -> None:
    curve = compat.find_curve(curves, one.path)
    if curve is not None and change.any():
        widen_slider(one.keys.key_blocks[one.key], add_to_keys(curve, times, change))


def _new_parts(head: bpy.types.Object, actions: dict[compat.Part, bpy.types.Action]) -> Parts:
    """Adds to the Actions what the character's further meshes need."""
    meshes: dict[str, bpy.types.Object] = {}
    for one in need_driven_keys(head):
        meshes.setdefault(one.keys.name_full, one.mesh)
    meshes.pop(head.data.shape_keys.name_full, None)
    return {compat.add_keys_part(actions, f"{mesh.name} shapes"): mesh for mesh in meshes.values()}


def _by_part(head: bpy.types.Object, parts: Parts) -> dict[compat.Part, list[DrivenKey]]:
    """The character's keys by the part of the take that moves them, without parts that move
    none."""
    by_keys: dict[str, list[DrivenKey]] = {}
    for one in need_driven_keys(head):
        by_keys.setdefault(one.keys.name_full, []).append(one)
    blocks = {p: mesh.data.shape_keys for p, mesh in parts.items() if mesh.data.shape_keys}
    return {p: by_keys[b.name_full] for p, b in blocks.items() if b.name_full in by_keys}


def _meshes(head: bpy.types.Object, take: AFFEKT_PG_take) -> Parts:
    """The parts of a take, with those meshes that are still there."""
    return {"KEY": head} | {e.name: e.mesh for e in take.parts if e.mesh is not None}
