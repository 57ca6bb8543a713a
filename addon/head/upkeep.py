# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head needs beside its mesh and rig, and what is put right when the file changes: files of
before are brought up to date, emotion keys that slipped into a take's Action are taken out again,
and takes whose Action was deleted leave the list."""

from __future__ import annotations

import bpy

from ..avatar.properties import hand_down_settings
from ..emotion.action import ensure_action, separate_emotions, take_actions
from ..guard import guard_call
from ..handlers import Pair, add_handlers, remove_handlers
from ..motion.takes import drop_dead_takes
from ..notice import say
from .find import heads_among
from .wrinkles import keep_appearance


def prepare_head(head: bpy.types.Object) -> None:
    """Gives a head its emotions' Action, and stores its groups of properties: of a group that was
    never stored in the library, an override's values are lost at the next load."""
    head.affekt_emotion.influence = head.affekt_emotion.influence
    head.affekt_takes.active = head.affekt_takes.active
    head.affekt_avatar.is_explained = head.affekt_avatar.is_explained
    ensure_action(head)


def bring_up_to_date() -> None:
    """Prepares every head of a file that was loaded or appended; says once what was moved."""
    moved, taken = [], take_actions()
    for head in heads_among(bpy.data.objects):
        if head.library is not None:
            continue
        if separate_emotions(head, taken):
            moved.append(head.name)
        drop_dead_takes(head)
        if head.override_library is None:
            prepare_head(head)
    for scene in bpy.data.scenes:
        if scene.library is None:
            own = [head for head in heads_among(scene.objects) if head.library is None]
            hand_down_settings(scene, own)
    if moved:
        say(
            f"The emotion keys of {', '.join(moved)} lay in the Action of a take; they have one of "
            "their own now. Save the file to keep it so."
        )


def keep_up(scene: bpy.types.Scene) -> None:
    """Puts right what the animator's last step did to the Actions of the scene's heads."""
    taken = take_actions()
    for head in heads_among(scene.objects):
        if head.library is None:
            separate_emotions(head, taken)
            drop_dead_takes(head)


_actions_known = 0


@bpy.app.handlers.persistent
def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    global _actions_known
    number, action = len(bpy.data.actions), bpy.types.Action
    if number == _actions_known and not any(
        isinstance(update.id, action) for update in depsgraph.updates
    ):
        return
    _actions_known = number
    guard_call(lambda: keep_up(scene), "Keeping emotions and takes apart")


@bpy.app.handlers.persistent
def _after_undo(scene: bpy.types.Scene, *_: object) -> None:
    guard_call(lambda: keep_up(scene), "Keeping emotions and takes apart")


@bpy.app.handlers.persistent
def _after_load(*_: object) -> None:
    guard_call(bring_up_to_date, "Bringing the file up to date")


@bpy.app.handlers.persistent
def _before_save(*_: object) -> None:
    heads = heads_among(bpy.data.objects)
    guard_call(lambda: [keep_appearance(head) for head in heads], "Keeping the appearance")


def _handlers() -> list[Pair]:
    known = bpy.app.handlers
    appended = getattr(known, "blend_import_post", None)  # from 4.3 on
    return [
        (known.load_post, _after_load),
        (known.save_pre, _before_save),
        *([(appended, _after_load)] if appended is not None else []),
        (known.depsgraph_update_post, _after_update),
        (known.undo_post, _after_undo),
        (known.redo_post, _after_undo),
    ]


def watch() -> None:
    """Lets Blender call us when a file is loaded, undone or changed, and once for the file that is
    open when the extension is switched on."""
    add_handlers(_handlers())
    bpy.app.timers.register(_after_load, first_interval=0.1)


def unwatch() -> None:
    """Takes those calls away."""
    if bpy.app.timers.is_registered(_after_load):
        bpy.app.timers.unregister(_after_load)
    remove_handlers(_handlers())
