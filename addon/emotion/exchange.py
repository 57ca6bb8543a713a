# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion keys from files and into files: Affekt's own JSON, and Audio2Face's (ACE) emotions with
time codes. Frame 0 of a file is the first one of the take in use; of a head without a take, the
first of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import bpy
import numpy as np

from ...shared.ace_emotions import decode_ace, encode_ace, is_ace
from ...shared.arrays import Float64Array, FloatArray
from ...shared.emotion import CONTROLS, EMOTIONS, EVERY_CHANNEL, EmotionTrack, usual_value
from ...shared.emotion_keys import EmotionKeys, decode_keys, encode_keys
from ...shared.errors import InputError, not_writable
from ...shared.limits import MAX_FRAMES, MAX_TRACK_BYTES
from ...shared.replacement import replacing
from ...shared.wording import say_count
from .. import compat
from ..head.find import need_editable
from ..motion.files import read_file
from ..motion.keys import KINDS, key_places, set_keys
from ..motion.placement import Grid, Placement, curve_fps, frame_times, grid_of, stretch
from .pose import key_channels, set_pose
from .properties import channel_path
from .sample import needs_playback, read_track

FileKind = Literal["KEYS", "ACE"]
_APART = 1e-4
"""Keys that are nearer than this, in frames, are one to Blender."""
_STRAIGHT = 1e-6
_NEUTRAL = {name: usual_value(name) for name in EVERY_CHANNEL}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """Where a file's frames lie on curves, how many there are, and how many are one second."""

    place: Placement
    fps: float
    frames: int

    def times(self, rows: Float64Array, fps: float) -> Float64Array:
        """Curve frames of a file's frames, of which `fps` are one second."""
        return frame_times(rows, fps, self.place)

    def rows(self, times: Float64Array) -> Float64Array:
        """The file's frames of curve frames."""
        return np.round((times - self.place.first) * (self.fps / self.place.fps), 6)


def _clock(head: bpy.types.Object, scene: bpy.types.Scene) -> _Clock:
    used = head.affekt_takes.items.get(head.affekt_takes.active)
    if used is not None:
        return _clock_of(grid_of(used, scene))
    place = Placement(first=scene.frame_start * stretch(scene), fps=curve_fps(scene))
    frames = scene.frame_end - scene.frame_start + 1
    return _Clock(place=place, fps=curve_fps(scene) / stretch(scene), frames=frames)


def _clock_of(grid: Grid) -> _Clock:
    """Frame 0 is the grid's first row."""
    place = Placement(first=float(grid.times[0]), fps=grid.place.fps)
    return _Clock(place=place, fps=grid.fps, frames=len(grid.rows))


def import_emotions(head: bpy.types.Object, scene: bpy.types.Scene, path: Path) -> str:
    """Writes the file's keys into a new Action of the head's emotions and puts that to use; the
    sentence to report. The Action of before stays in the file, as it is.

    Raises InputError `file.*`, `emotion.*`, `head.linked`.
    """
    need_editable(head)
    data = head.animation_data
    if data is not None and data.use_tweak_mode:
        raise InputError(
            "emotion.tweak_mode",
            "An NLA strip of the head's emotions is being edited.",
            "Leave the strip in the NLA editor (Tab) and import again.",
        )
    clock = _clock(head, scene)
    keys, left_out = _decode(read_file(path, MAX_TRACK_BYTES).data, path.name, clock.fps)
    before = None if data is None else data.action
    action = compat.new_own_action(head, f"{path.stem} emotions")
    action.use_fake_user = True
    if before is not None and before.library is None:
        before.use_fake_user = True
    set_pose(head, _NEUTRAL)
    for name, (places, levels) in keys.channels.items():
        _write(head, name, clock.times(places, keys.fps), levels, keys.interpolation)
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
    return " ".join(filter(None, (_say_read(path, keys, action), _say_left_out(left_out))))


def _decode(data: bytes, name: str, fps: float) -> tuple[EmotionKeys, tuple[str, ...]]:
    try:
        return decode_ace(data, fps) if is_ace(data) else (decode_keys(data, fps), ())
    except InputError as error:
        remedy = error.remedy
        if error.code == "emotion.json":
            remedy += (
                " Tables (csv) become such a file in a terminal: affekt convert table.csv "
                "emotions.json --to keys."
            )
        raise InputError(error.code, f"{name}: {error.message}", remedy) from error


def _write(
    head: bpy.types.Object, name: str, times: Float64Array, levels: FloatArray, interpolation: str
) -> None:
    apart = np.append(np.diff(times) > _APART, True)
    key_channels(head, times[0], [name])  # so the curve, its group and its slot are Blender's
    curve = compat.find_curve(compat.active_curves(head), channel_path(name))
    assert curve is not None  # the key has made it
    set_keys(curve, times[apart], levels[apart], interpolation)


def _say_read(path: Path, keys: EmotionKeys, action: bpy.types.Action) -> str:
    count = say_count(sum(len(places) for places, _ in keys.channels.values()), "key")
    named = ", ".join(name for name in EVERY_CHANNEL if name in keys.channels) or "no channel"
    return f"Imported {count} of {path.name} for {named} into the new Action {action.name}."


def _say_left_out(names: tuple[str, ...]) -> str:
    return f"Affekt has no {', '.join(names)}: left out." if names else ""


def export_emotions(
    head: bpy.types.Object, scene: bpy.types.Scene, path: Path, kind: FileKind
) -> str:
    """Writes the head's emotions to a file; the sentence to report. Keys go out as they are where
    the file can say them, else one for each frame that a straight line does not tell.

    Raises InputError `file.not_writable`, `emotion.*`, `motion.too_long`.
    """
    clock = _clock(head, scene)
    if clock.frames > MAX_FRAMES:
        raise InputError(
            "motion.too_long",
            f"The scene has {say_count(clock.frames, 'frame')}, too many for emotion keys.",
            f"Set its end so that there are at most {MAX_FRAMES:,}.",
        )
    if kind == "ACE":
        data, left_out = encode_ace(read_track(head, _all_times(clock), clock.fps, scene))
        said = f" It has no place for {', '.join(left_out)}." if left_out else ""
    else:
        keys = _exact_keys(head, clock)
        said = "" if keys else " Its curves were sampled at each frame."
        if keys is None:
            keys = _sampled_keys(read_track(head, _all_times(clock), clock.fps, scene))
        data = encode_keys(keys)
    try:
        with replacing(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise not_writable(path, error) from error
    return f"Wrote the emotions of {head.name} to {path.name}.{said}"


def encode_emotions(head: bpy.types.Object, grid: Grid, track: EmotionTrack) -> bytes:
    """The head's emotions as Affekt's JSON, whose frame 0 is the grid's first row. track: the same
    at the grid's rows, for what the file cannot say by keys."""
    return encode_keys(_exact_keys(head, _clock_of(grid)) or _sampled_keys(track))


def _all_times(clock: _Clock) -> Float64Array:
    return clock.times(np.arange(clock.frames, dtype=np.float64), clock.fps)


def _exact_keys(head: bpy.types.Object, clock: _Clock) -> EmotionKeys | None:
    """The keys as they are; None where the file could not say what Blender plays between them."""
    if needs_playback(head):
        return None
    curves = compat.active_curves(head)
    channels, kinds = {}, set()
    for name in EVERY_CHANNEL:
        curve = compat.find_curve(curves, channel_path(name))
        value = getattr(head.affekt_emotion, name)
        if curve is None or curve.mute or not len(curve.keyframe_points):
            if value != _NEUTRAL[name]:
                channels[name] = (np.zeros(1), np.array([round(value, 6)]))
            continue
        kind = plain_interpolation(curve)
        if kind is None:
            return None
        if len(curve.keyframe_points) > 1:
            kinds.add(kind)
        places, levels = key_places(curve)
        channels[name] = (clock.rows(places), np.round(levels, 6))
    if len(kinds) > 1:
        return None
    return EmotionKeys(
        channels=channels, fps=clock.fps, interpolation=kinds.pop() if kinds else "linear"
    )


def plain_interpolation(curve: bpy.types.FCurve) -> str | None:
    """How all of the curve's keys go on to the next, in the file's words; None if they differ, or
    if an animator has bent the curve by hand."""
    points = curve.keyframe_points
    kinds = {point.interpolation for point in points}
    is_bent = any(
        {point.handle_left_type, point.handle_right_type} != {"AUTO_CLAMPED"} for point in points
    )
    kind = next((word for word in KINDS if kinds == {word.upper()}), None)
    if curve.modifiers or curve.extrapolation != "CONSTANT":
        return None
    if kind == "bezier" and (is_bent or curve.auto_smoothing != "CONT_ACCEL"):
        return None
    return kind


def _sampled_keys(track: EmotionTrack) -> EmotionKeys:
    """A key for each of the frames that the straight line between its neighbours does not tell."""
    values = {name: track.weights[:, place] for place, name in enumerate(EMOTIONS)}
    values |= {name: getattr(track, name) for name in CONTROLS} | track.unit_curves()
    channels = {
        name: _needed(levels.astype(np.float64))
        for name, levels in values.items()
        if (levels != _NEUTRAL[name]).any()
    }
    return EmotionKeys(channels=channels, fps=track.fps, interpolation="linear")


def _needed(levels: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Frames and values of those of the values (T,) that do not lie on the line from the one before
    to the one after."""
    bent = np.ones(len(levels), bool)
    bent[1:-1] = np.abs(levels[:-2] - 2 * levels[1:-1] + levels[2:]) > _STRAIGHT
    rows = np.flatnonzero(bent)
    return rows.astype(np.float64), np.round(levels[rows], 6)
