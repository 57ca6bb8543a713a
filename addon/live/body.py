# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a rig Live moves: values of shape keys and turns of bones, read and written all at once.

Only what an Action animates is moved. Blender computes that anew from the Action at every frame,
in every render and at every load, so nothing that is written here can outlive Live.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import bpy
import numpy as np

from ...shared.arrays import Float32Array, IndexArray
from ...shared.errors import InputError
from .. import compat
from .ranges import restore_ranges, values_of, widen_ranges

Turn = Literal["quaternion", "euler"]
_SIZES: dict[Turn, int] = {"quaternion": 4, "euler": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object, kept by its session's number; by its name it is found fast."""

    uid: int
    name: str

    def get(self) -> bpy.types.Object:
        """The object as it is now. Raises InputError `head.gone`."""
        found = bpy.data.objects.get(self.name)
        if found is None or found.session_uid != self.uid:
            found = next((one for one in bpy.data.objects if one.session_uid == self.uid), None)
        if found is None:
            raise InputError(
                "head.gone",
                f"'{self.name}', a part of the head, is no longer there.",
                "Undo its deletion, or start again on another head.",
            )
        return found


def name_object(item: bpy.types.Object) -> Named:
    """Keeps the object."""
    return Named(uid=item.session_uid, name=item.name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyPart:
    """Shape keys of a mesh: `columns` (n,) among its key blocks."""

    mesh: Named
    columns: IndexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BonePart:
    """A bone and the property that turns it."""

    name: str
    turn: Turn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """All that Live moves of a head. A state of it is a vector (n,): the keys' values mesh by mesh,
    then the bones' turns."""

    keys: tuple[KeyPart, ...]
    rig: Named | None
    bones: tuple[BonePart, ...]

    def read(self) -> Float32Array:
        """The state. Raises InputError `head.gone`, `head.no_shape_keys`."""
        parts = [values_of(_keys(part).key_blocks, "value")[part.columns] for part in self.keys]
        parts += [np.array(getattr(bone, path), np.float32) for bone, path in self._bones()]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def write(self, state: Float32Array) -> None:
        """Shows a state. Raises as `read`."""
        start = 0
        for part in self.keys:
            keys, stop = _keys(part), start + len(part.columns)
            blocks = keys.key_blocks
            values = values_of(blocks, "value")
            values[part.columns] = state[start:stop]
            widen_ranges(keys, values)
            blocks.foreach_set("value", values)
            # Blender 4.2 notices a value that is written alone, and not those that come at once.
            some = int(part.columns[0])
            blocks[some].value = values[some]
            start = stop
        for (bone, path), size in zip(self._bones(), map(_size, self.bones), strict=True):
            setattr(bone, path, state[start : start + size].tolist())
            start += size

    def animate(self) -> None:
        """Lets Blender put back what animates it, at its next evaluation."""
        for part in self.keys:
            part.mesh.get().data.shape_keys.update_tag(refresh={"TIME"})
        if self.rig is not None and self.bones:
            self.rig.get().update_tag(refresh={"TIME"})

    def restore_ranges(self) -> None:
        """Gives sliders the ranges that they had before a value went beyond. Raises as `read`."""
        for part in self.keys:
            restore_ranges(_keys(part))

    def animated(self, time: float) -> Float32Array | None:
        """The state that the Actions in use say at a curve frame; None where more than they moves
        a part of it."""
        state: list[float] = []
        for part in self.keys:
            keys = _keys(part)
            blocks, curves = keys.key_blocks, _own_curves(keys)
            for column in part.columns.tolist():
                block = blocks[column]
                curve = compat.find_curve(curves, block.path_from_id("value"))
                if curve is None:
                    return None
                value = curve.evaluate(time)
                state.append(min(max(value, block.slider_min), block.slider_max))
        for bone, name in self._bones():
            curves, path = _own_curves(bone.id_data), bone.path_from_id(name)
            for index in range(len(getattr(bone, name))):
                curve = compat.find_curve(curves, path, index)
                if curve is None:
                    return None
                state.append(curve.evaluate(time))
        return np.array(state, np.float32)

    def _bones(self) -> Iterator[tuple[bpy.types.PoseBone, str]]:
        if self.rig is None:
            return
        pose = self.rig.get().pose.bones
        for part in self.bones:
            if part.name not in pose:
                raise InputError(
                    "head.gone",
                    f"The bone '{part.name}' is no longer there.",
                    "Undo its deletion, or start again on another head.",
                )
            yield pose[part.name], f"rotation_{part.turn}"


def _own_curves(owner: bpy.types.ID) -> compat.CurveList | tuple[()]:
    """The curves of the Action in use, where nothing but it animates the data-block."""
    data = owner.animation_data
    has_strips = data is not None and data.use_nla and len(data.nla_tracks)
    return () if has_strips else compat.active_curves(owner)


def _size(part: BonePart) -> int:
    return _SIZES[part.turn]


def _keys(part: KeyPart) -> bpy.types.Key:
    mesh = part.mesh.get()
    keys = mesh.data.shape_keys
    if keys is None or len(keys.key_blocks) <= part.columns.max(initial=0):
        raise InputError(
            "head.no_shape_keys",
            f"The head '{mesh.name}' has lost its shape keys.",
            "Undo that, or add a new head.",
        )
    return keys
