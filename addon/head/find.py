# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding our heads among the scene's objects, by their properties and never by their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy

from ...shared.errors import InputError
from ...shared.motion import FLAME_SPACES, FlameSpace
from ..character.find import belongs_to
from ..splats.cloud import is_cloud_of


def is_head(item: bpy.types.Object | None) -> bool:
    return item is not None and item.type == "MESH" and item.affekt_head.is_head


def expression_space(head: bpy.types.Object) -> str:
    """The expression space of the head's shape keys."""
    return head.affekt_head.space or "open"  # empty on heads of older files


def flame_space(head: bpy.types.Object) -> FlameSpace | None:
    """The version of FLAME that the head was made of, None for any other head."""
    return next((space for space in FLAME_SPACES if space == expression_space(head)), None)


def is_flame(head: bpy.types.Object) -> bool:
    """Whether the head was made of a FLAME file."""
    return flame_space(head) is not None


def heads_among(items: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those of the objects that are heads."""
    return [item for item in items if is_head(item)]


def find_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The head that the animator means: the active object if it is a head or a part of one,
    else the scene's only head, else None."""
    active = getattr(context, "object", None)  # a timer's context has none
    if is_head(active):
        return active
    heads = heads_among(context.scene.objects)
    if active is not None:
        owned = [head for head in heads if _is_part(head, active)]
        if owned:
            return owned[0]
    return heads[0] if len(heads) == 1 else None


def is_of_head(head: bpy.types.Object, item: bpy.types.Object | None) -> bool:
    """Whether the object is the head, a part of it, or nothing that could be another one."""
    is_other = item is not None and item.type in ("MESH", "ARMATURE")
    return not is_other or item == head or _is_part(head, item)


def _is_part(head: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether the object is the head's armature, another mesh of a character, or its splats."""
    return belongs_to(head, item) or armature_of(head) == item or is_cloud_of(head, item)


def need_head(context: bpy.types.Context) -> bpy.types.Object:
    """`find_head`, or InputError `head.none_selected`."""
    head = find_head(context)
    if head is None:
        raise InputError(
            "head.none_selected",
            "No Affekt head is selected.",
            "Select a head, or add one in the panel's Head section.",
        )
    return head


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A head and a scene, kept while a task runs: Blender's objects are new ones after an undo, and
    names change under the animator's hands, but their session's numbers stay."""

    head: int
    head_name: str
    scene: int
    scene_name: str

    def get(self) -> tuple[bpy.types.Object, bpy.types.Scene]:
        """The head and the scene as they are now. Raises InputError `head.gone`, `scene.gone`."""
        return self._get_head(), self._get_scene()

    def _get_head(self) -> bpy.types.Object:
        head = next((one for one in bpy.data.objects if one.session_uid == self.head), None)
        if not is_head(head):
            raise InputError(
                "head.gone",
                f"The head '{self.head_name}' is no longer there.",
                "Undo its deletion, or start again on another head.",
            )
        return head

    def _get_scene(self) -> bpy.types.Scene:
        scene = next((one for one in bpy.data.scenes if one.session_uid == self.scene), None)
        if scene is None:
            raise InputError(
                "scene.gone",
                f"The scene '{self.scene_name}' is no longer there.",
                "Undo its deletion, or start again in another scene.",
            )
        return scene


def hold(head: bpy.types.Object, scene: bpy.types.Scene) -> Held:
    """Keeps the head and the scene for later steps of a task."""
    return Held(
        head=head.session_uid, head_name=head.name, scene=scene.session_uid, scene_name=scene.name
    )


def need_editable(head: bpy.types.Object) -> None:
    """Raises InputError `head.linked` unless the head can be changed here. Python could change a
    linked one, but the next load forgets it."""
    if head.library is not None:
        raise InputError(
            "head.linked",
            f"The head '{head.name}' is linked from {_file_of(head)} and cannot be changed here.",
            "Select it and choose Object > Library Override > Make, then try again.",
        )


def need_movable(head: bpy.types.Object) -> None:
    """Raises InputError `head.linked` unless the head, its mesh and its armature can be changed
    here."""
    need_editable(head)
    parts = (head.data, armature_of(head))
    linked = next((part for part in parts if part is not None and part.library is not None), None)
    if linked is not None:
        raise InputError(
            "head.linked",
            f"'{linked.name}', a part of the head '{head.name}', is linked from "
            f"{_file_of(linked)} and cannot be changed here.",
            "Make a library override of the whole collection that holds mesh and armature.",
        )


def _file_of(item: bpy.types.ID) -> str:
    return bpy.path.basename(item.library.filepath)


def need_object_mode(context: bpy.types.Context) -> None:
    """Raises InputError `head.mode` in Edit Mode and the like, which the animator may have entered
    since the task began."""
    if context.mode != "OBJECT":
        raise InputError(
            "head.mode",
            "A head can be added in Object Mode only.",
            "Press Tab to leave the mode that you are in, then Add Head again.",
        )


def rig_of(head: bpy.types.Object) -> bpy.types.Object:
    """The head's armature object. Raises InputError `head.no_rig`."""
    rig = armature_of(head)
    if rig is None:
        raise InputError(
            "head.no_rig",
            f"The head '{head.name}' has lost its armature.",
            "Undo that, or add a new head.",
        )
    return rig


def armature_of(head: bpy.types.Object) -> bpy.types.Object | None:
    """The head's armature object, None if it has lost it."""
    for modifier in head.modifiers:
        if modifier.type == "ARMATURE" and modifier.object is not None:
            return modifier.object
    return None


def expression_names(head: bpy.types.Object) -> tuple[str, ...]:
    """Names of the head's expression shape keys, in the model's order."""
    return tuple(head.affekt_head.expression_names.split("/"))


def need_shape_keys(head: bpy.types.Object) -> bpy.types.Key:
    """The head's shape keys. Raises InputError `head.no_shape_keys`."""
    keys = head.data.shape_keys
    blocks = () if keys is None else keys.key_blocks
    missing = [name for name in expression_names(head) if name not in blocks]
    if keys is None or missing:
        label = f"the shape key '{missing[0]}'" if missing else "its shape keys"
        raise InputError(
            "head.no_shape_keys",
            f"The head '{head.name}' has lost {label}.",
            "Undo that, or add a new head.",
        )
    return keys
