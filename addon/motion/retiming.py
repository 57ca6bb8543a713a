# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits a head's takes to a scene whose rate was changed after they were placed, a scene to a take,
and a take to the rate that its file did not tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError
from .. import compat
from ..emotion.properties import channel_path
from .keys import move_keys
from .parts import actions_of
from .placement import (
    Placement,
    curve_fps,
    describe_speed,
    frame_times,
    last_frame,
    place_of,
    scene_fps,
)
from .properties import AFFEKT_PG_take
from .takes import active_take, find_take, fingerprint_of, note_keys, source_take

_EMOTIONS = channel_path("")
_SAME_RATE = 1e-5
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
    for take in others:
        need_own_actions(actions_of(take).values())
    emotions: list[bpy.types.FCurve] = []
    if with_emotions and describe_speed(used, scene):
        emotions = _emotion_curves(head)
    if emotions:
        place = place_of(used, scene)
        _move(emotions, _mover(used, place, _at_rate(place, curve_fps(scene)), used.fps))
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
    _respace(take, place, _mover(take, place, _at_rate(place, curve_fps(scene)), take.fps))
    take.first_frame, take.placed_fps = place.first, curve_fps(scene)


def _respace(take: AFFEKT_PG_take, place: Placement, move: _Move) -> None:
    """Moves all keys of the take, which counts as edited afterwards only if it did before."""
    was_as_baked = take.baked_keys == fingerprint_of(take)
    for part, action in actions_of(take).items():
        if action is not None:
            _move(compat.curves_of(action, part), move)
    take.first_frame, take.placed_fps = place.first, place.fps
    if was_as_baked:
        note_keys(take)


def _at_rate(place: Placement, fps: float) -> Placement:
    """The same beginning, with so many frames of curves in a second, as a take's list holds it."""
    return Placement(first=place.first, fps=float(np.float32(fps)))


def _mover(take: AFFEKT_PG_take, old: Placement, new: Placement, fps: float) -> _Move:
    """From frames (K,) of a take's curves as it lies in `old` to those of the same take at `fps`
    frames a second in `new`. A key that lies on a frame of the take will lie on it exactly."""

    def move(frames: Float64Array) -> Float64Array:
        rows = (frames - old.first) * (take.fps / old.fps)
        whole = np.round(rows)
        placed = frame_times(whole, take.fps, old).astype(np.float32)
        rows = np.where(placed == frames, whole, rows)
        return frame_times(rows, fps, new)

    return move


def _move(curves: Iterable[bpy.types.FCurve], move: _Move) -> None:
    for curve in curves:
        move_keys(curve, move)


def _emotion_curves(head: bpy.types.Object) -> list[bpy.types.FCurve]:
    """The curves of the head's emotions. Raises InputError `motion.linked` if they may not be
    moved here."""
    curves = [c for c in compat.active_curves(head) if c.data_path.startswith(_EMOTIONS)]
    if curves:
        need_own_actions([head.animation_data.action])
    return curves


def use_rate_of_take(head: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """Lets the scene run at the rate of the take in use, and fits the head's takes and emotions to
    that; the sentence to report. Raises InputError as `fit_takes`; then nothing has changed."""
    before = (scene.render.fps, scene.render.fps_base)
    scene.render.fps, scene.render.fps_base = blender_rate(active_take(head).fps)
    try:
        said = fit_takes(head, scene, with_emotions=True)
    except InputError:
        scene.render.fps, scene.render.fps_base = before
        raise
    return f"The scene runs at {scene_fps(scene):.5g} fps. {said}"


def blender_rate(fps: float) -> tuple[int, float]:
    """The rate as Blender has it: a whole number, divided by a base such as 1.001."""
    for base in (1.0, 1.001):
        whole = round(fps * base)
        if math.isclose(whole / base, fps, rel_tol=_SAME_RATE):
            return whole, base
    whole = math.ceil(fps)
    return whole, whole / fps


def set_rate_of_take(
    head: bpy.types.Object, name: str, fps: float, scene: bpy.types.Scene, *, with_emotions: bool
) -> str:
    """Says by hand how many frames of the take were recorded in a second, for a file that did not:
    its keys and its bakes' are spaced anew about their first frame. with_emotions: the keys of the
    head's emotions too, if the take is in use. A scene that ended with it ends with it again. The
    sentence to report.

    Raises InputError `motion.no_take`, `motion.linked`; then nothing was moved.
    """
    take, fps = find_take(head, name), float(np.float32(fps))
    bakes = [item for item in head.affekt_takes.items if item.source == name]
    for one in (take, *bakes):
        need_own_actions(actions_of(one).values())
    place, ended = place_of(take, scene), scene.frame_end == last_frame(take, scene)
    if with_emotions and source_take(head) == take:
        _move(_emotion_curves(head), _mover(take, place, place, fps))
    for one in (take, *bakes):
        place = place_of(one, scene)
        _respace(one, place, _mover(one, place, place, fps))
        one.fps = fps
    if ended:
        scene.frame_end = last_frame(take, scene)
    return f"{name} plays at {fps:.5g} frames a second."


def need_own_actions(actions: Iterable[bpy.types.Action | None]) -> None:
    """Raises InputError `motion.linked` unless each of the Actions can be changed here."""
    for action in actions:
        if action is not None and action.library is not None:
            raise InputError(
                "motion.linked",
                f"The Action '{action.name}' comes from another file and cannot be changed here.",
                "Change the take in that file, or make the Action local (Object > Relations > "
                "Make Local).",
            )
