# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits a head's takes to a scene whose rate was changed after they were placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError
from .. import compat
from ..emotion.properties import channel_path
from .keys import move_keys
from .parts import actions_of
from .placement import Placement, curve_fps, describe_speed, frame_times, last_frame, place_of
from .properties import AFFEKT_PG_take
from .takes import active_take, fingerprint_of, note_keys

_EMOTIONS = channel_path("")
_Move = Callable[[Float64Array], Float64Array]


def fit_takes(head: bpy.types.Object, scene: bpy.types.Scene, *, with_emotions: bool) -> str:
    """Moves the keys of every take and bake that the scene plays too fast or too slowly, each
    about its first frame, so that it plays as it was performed; returns the sentence to report.
    with_emotions: the keys of the head's emotions move with those of the take in use. A scene that
    ended with that take ends with it again.

    Raises InputError `motion.no_take`, `motion.linked`; then nothing was moved.
    """
    used = active_take(head)
    others = [take for take in head.affekt_takes.items if describe_speed(take, scene)]
    for action in (action for take in others for action in _actions(take)):
        _need_own(action)
    emotions: list[bpy.types.FCurve] = []
    if with_emotions and describe_speed(used, scene):
        emotions = [c for c in compat.active_curves(head) if c.data_path.startswith(_EMOTIONS)]
    if emotions:
        _need_own(head.animation_data.action)
        _move(emotions, _mover(used, place_of(used, scene), curve_fps(scene)))
    ended = scene.frame_end == last_frame(used, scene)
    for take in others:
        _fit(take, scene)
    if ended:
        scene.frame_end = last_frame(used, scene)
    if not others:
        return "Every take plays at the scene's rate already."
    names = [*(take.name for take in others), *(["the emotions"] if emotions else [])]
    return f"Fitted to {curve_fps(scene):.5g} fps: {', '.join(names)}."


def _fit(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> None:
    place = place_of(take, scene)
    move = _mover(take, place, curve_fps(scene))
    was_as_baked = take.baked_keys == fingerprint_of(take)
    for part, action in actions_of(take).items():
        if action is not None:
            _move(compat.curves_of(action, part), move)
    take.first_frame, take.placed_fps = place.first, curve_fps(scene)
    if was_as_baked:
        note_keys(take)


def _mover(take: AFFEKT_PG_take, old: Placement, fps: float) -> _Move:
    """From frames (K,) of a take's curves to those at the rate `fps`. A key that lies on a frame
    of the take will lie on it exactly."""
    new = Placement(first=old.first, fps=float(np.float32(fps)))

    def move(frames: Float64Array) -> Float64Array:
        rows = (frames - old.first) * (take.fps / old.fps)
        whole = np.round(rows)
        placed = frame_times(whole, take.fps, old).astype(np.float32)
        rows = np.where(placed == frames, whole, rows)
        return frame_times(rows, take.fps, new)

    return move


def _move(curves: Iterable[bpy.types.FCurve], move: _Move) -> None:
    for curve in curves:
        move_keys(curve, move)


def _actions(take: AFFEKT_PG_take) -> set[bpy.types.Action]:
    return {action for action in actions_of(take).values() if action is not None}


def _need_own(action: bpy.types.Action | None) -> None:
    """Raises InputError `motion.linked` unless the Action can be changed here."""
    if action is not None and action.library is not None:
        raise InputError(
            "motion.linked",
            f"The Action '{action.name}' comes from another file and cannot be changed here.",
            "Fit the take in that file, or make the Action local (Object > Relations > Make "
            "Local).",
        )
