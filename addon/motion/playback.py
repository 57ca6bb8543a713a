# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves a head: its take's curves alone, or more, which only Blender can play."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ...shared.arrays import Float32Array, Float64Array
from ...shared.emotion import EVERY_CHANNEL
from ...shared.errors import InputError
from ...shared.head import JOINTS
from .. import compat
from ..character.find import is_character
from ..emotion.sample import frame_restored
from ..head.controls import DRIVEN_PATHS, is_idle, is_own
from ..head.find import Held, expression_names, need_shape_keys, rig_of
from ..head.lids import lid_blocks
from ..link.requests import Waiting
from ..link.tasks import Progress
from .curves import EXPRESSIONS, ROOT_PATH, Posed, expression_path, need_quaternions, rotation_path
from .placement import Actions, stretch
from .properties import AFFEKT_PG_take
from .takes import HeldTake, owners_of

_SLICE_S = 0.1
"""How long Blender may stand still at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What Blender showed at T frames: the pose, and (T,) of each channel of emotion."""

    posed: Posed
    emotion: dict[str, Float32Array]


def playing_actions(head: bpy.types.Object, take: AFFEKT_PG_take) -> Actions:
    """The Actions that move the head where the take is in use: its own, or those that an animator
    assigned in their place; on a character always its own."""
    actions: Actions = {"OBJECT": take.rig_action, "KEY": take.keys_action}
    if is_character(head):
        return actions
    top = top_actions(head)
    for part, owner in owners_of(head, take).items():
        in_strip = any(strip.action == actions[part] for strip in playing_strips(owner))
        if top[part] is not None and not in_strip:
            actions[part] = top[part]
    return actions


def top_actions(head: bpy.types.Object) -> Actions:
    """The Actions of no take that an animator assigned, such as a copy, or a layer over strips;
    under a bake those that it was made from. A character has none."""
    takes = head.affekt_takes
    found: Actions = {"OBJECT": None, "KEY": None}
    if is_character(head):
        return found
    listed = {item.rig_action for item in takes.items}
    listed |= {item.keys_action for item in takes.items}
    for part, owner in {"OBJECT": rig_of(head), "KEY": need_shape_keys(head)}.items():
        assigned = owner.animation_data and owner.animation_data.action
        if assigned is not None and assigned not in listed:
            found[part] = assigned
            continue
        used = takes.items.get(takes.active)
        shown = [b for b in takes.items if assigned in (b.rig_action, b.keys_action)]
        bake = shown[0] if assigned is not None else used
        if bake is not None and bake.kind == "BAKE":
            found[part] = bake.over_rig if part == "OBJECT" else bake.over_keys
    return found


def why_played(head: bpy.types.Object, take: AFFEKT_PG_take) -> str:
    """What moves the head besides a take's curves, in a few words; empty if nothing does."""
    owners, bakes = owners_of(head, take), bake_actions(head)
    for owner in owners.values():
        if any(strip.action not in bakes for strip in playing_strips(owner)):
            return "NLA strips"
    driven = {"KEY": [expression_path(name) for name in expression_names(head)]}
    driven["OBJECT"] = [ROOT_PATH, *map(rotation_path, JOINTS), *_bone_parts("constraints")]
    for part, owner in owners.items():
        curves = () if owner.animation_data is None else owner.animation_data.drivers
        ours = DRIVEN_PATHS if part == "OBJECT" else ()
        curves = [c for c in curves if not c.mute and c.data_path not in ours]
        if any(c.data_path.startswith(tuple(driven[part])) for c in curves):
            return "drivers"
    rig, action = owners["OBJECT"], playing_actions(head, take)["OBJECT"]
    bones = () if action is None else compat.curves_of(action, "OBJECT")
    for name in JOINTS:
        if _is_constrained(rig, rig.pose.bones[name], bones):
            return f"a constraint on the bone {name}"
    return ""


def need_free_actions(head: bpy.types.Object, take: AFFEKT_PG_take) -> None:
    """Raises InputError `bake.tweak_mode` while Blender does not let an Action be put to use."""
    for owner in owners_of(head, take).values():
        if owner.animation_data is not None and owner.animation_data.use_tweak_mode:
            raise InputError(
                "bake.tweak_mode",
                "An NLA strip of the head is being edited.",
                "Leave the strip in the NLA editor (Tab) and bake again.",
            )


def _bone_parts(name: str) -> list[str]:
    return [f'pose.bones["{joint}"].{name}' for joint in JOINTS]


def _is_constrained(
    rig: bpy.types.Object, bone: bpy.types.PoseBone, curves: compat.CurveList | tuple[()]
) -> bool:
    """Whether a constraint is on at some frame; one whose influence is animated may be at 0 now.
    curves: what moves the armature."""
    on = [constraint for constraint in bone.constraints if not constraint.mute]
    if any(not is_own(bone, constraint) for constraint in on):
        return True
    return bool(on) and not is_idle(rig, bone, curves)


def bake_actions(head: bpy.types.Object) -> set[bpy.types.Action]:
    """The Actions of the head's bakes."""
    bakes = [item for item in head.affekt_takes.items if item.kind == "BAKE"]
    found = {item.rig_action for item in bakes} | {item.keys_action for item in bakes}
    return found - {None}


def playing_strips(owner: bpy.types.ID) -> Iterator[bpy.types.NlaStrip]:
    """The NLA strips that move the data-block."""
    data = owner.animation_data
    if data is None or not data.use_nla:
        return
    alone = any(track.is_solo for track in data.nla_tracks)
    for track in data.nla_tracks:
        if track.is_solo if alone else not track.mute:
            yield from (strip for strip in track.strips if not strip.mute)


def play_steps(held: Held, source: HeldTake, times: Float64Array, why: str) -> Waiting[Played]:
    """Plays the take in Blender at curve frames `times` (T,), a slice at a time; between the slices
    the scene is as it was. why: what makes that necessary, for the progress.

    Raises InputError `bake.hidden`, `bake.tweak_mode`, `motion.rotation_mode`, `motion.no_action`,
    `head.*`.
    """
    posed = Posed(
        expression=np.zeros((len(times), EXPRESSIONS), np.float32),
        quaternions=np.empty((len(times), len(JOINTS), 4)),
        places=np.empty((len(times), 3)),
    )
    played = Played(
        posed=posed, emotion={name: np.empty(len(times), np.float32) for name in EVERY_CHANNEL}
    )
    row = 0
    while row < len(times):
        head, scene = held.get()
        need_free_actions(head, source.find(head))
        stage = _Stage(head, scene)
        ends = time.perf_counter() + _SLICE_S
        take = source.find(head)
        with frame_restored(scene), _light_mesh(head), _only_take(head, take):
            for time_of_row in times[row:]:
                stage.show(time_of_row)
                stage.read(played, row)
                row += 1
                if time.perf_counter() >= ends:
                    break
        yield Progress(fraction=row / len(times), text=f"Playing {why} {row}/{len(times)}")
    return played


def layer_of(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The layer of the scene that a window shows, or its first."""
    context = bpy.context
    if context.scene == scene:
        return context.view_layer
    windows = context.window_manager.windows
    shown = [window.view_layer for window in windows if window.scene == scene]
    return shown[0] if shown else scene.view_layers[0]


class _Stage:
    """A head in its scene, as Blender evaluates it."""

    def __init__(self, head: bpy.types.Object, scene: bpy.types.Scene) -> None:
        self._head, self._scene = head, scene
        self._keys, self._rig = need_shape_keys(head), rig_of(head)
        need_quaternions(head)
        blocks = self._keys.key_blocks
        names = expression_names(head)
        self._columns = [blocks.find(name) for name in names]
        added = lid_blocks(self._keys)
        self._aimed = [names.index(name) for name in added]
        self._added = list(added.values())
        self._values = np.empty(len(blocks), np.float32)
        self._layer = layer_of(scene)
        if not head.visible_get(view_layer=self._layer):
            raise InputError(
                "bake.hidden",
                f"The head '{head.name}' is hidden, and what Blender hides it does not play.",
                "Show the head, and its collection, until it is baked.",
            )

    def show(self, time: float) -> None:
        """Goes to a curve frame."""
        frame = time / stretch(self._scene)
        whole = int(np.floor(frame))
        self._scene.frame_set(whole, subframe=float(frame) - whole)

    def read(self, played: Played, row: int) -> None:
        """Notes what is shown."""
        depsgraph, posed = self._layer.depsgraph, played.posed
        blocks = self._keys.evaluated_get(depsgraph).key_blocks
        blocks.foreach_get("value", self._values)
        posed.expression[row, : len(self._columns)] = self._values[self._columns]
        posed.expression[row, self._aimed] += self._values[self._added]
        rig = self._rig.evaluated_get(depsgraph)
        for joint, name in enumerate(JOINTS):
            bone = rig.pose.bones[name]
            posed.quaternions[row, joint], place = _local(rig, bone)
            if name == "root":
                posed.places[row] = place
        for name, values in played.emotion.items():
            values[row] = getattr(self._head.affekt_emotion, name)


def _local(rig: bpy.types.Object, bone: bpy.types.PoseBone) -> tuple[Quaternion, Vector]:
    """The bone's quaternion and place in its own space: those that it was given, where no
    constraint changes them, to the last bit."""
    if all(constraint.mute or constraint.influence == 0 for constraint in bone.constraints):
        return bone.rotation_quaternion, bone.location
    matrix = rig.convert_space(
        pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL"
    )
    return matrix.to_quaternion(), matrix.translation


@contextmanager
def _light_mesh(head: bpy.types.Object) -> Iterator[None]:
    """Blender does not mix the head's shape keys, nine tenths of its work of a frame, unless a
    constraint could look at the mesh; their values are the same."""
    rig, before = rig_of(head), head.show_only_shape_key
    own = [(b, c) for b in rig.pose.bones for c in b.constraints]
    may_look = any(not is_own(*one) for one in own) or len(rig.constraints)
    head.show_only_shape_key = before or not may_look
    try:
        yield
    finally:
        head.show_only_shape_key = before


@contextmanager
def _only_take(head: bpy.types.Object, take: AFFEKT_PG_take) -> Iterator[None]:
    """The head moves by the take and whatever else there is, without the bakes."""
    bakes, own, top = bake_actions(head), playing_actions(head, take), top_actions(head)
    with ExitStack() as undo:
        for part, owner in owners_of(head, take).items():
            strips = list(playing_strips(owner))
            for strip in strips:
                if strip.action in bakes:
                    strip.mute = True
                    undo.callback(setattr, strip, "mute", False)
            assigned = owner.animation_data and owner.animation_data.action
            in_strip = any(strip.action == own[part] for strip in strips)
            wanted = top[part] if in_strip else own[part]
            if assigned != wanted and (assigned is None or assigned in bakes):
                undo.callback(compat.assign_action, owner, assigned, part)
                compat.assign_action(owner, wanted, part)
        yield
