# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one F-curve, all at a time: a loop over them in Python is a hundred times slower."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import bpy
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IndexArray
from .. import compat

_CONSTANT, _LINEAR, _BEZIER = 0, 1, 2
"""Numbers of interpolations in `Keyframe.interpolation`."""
KINDS = {"constant": _CONSTANT, "linear": _LINEAR, "bezier": _BEZIER}
"""The interpolations that curves of `shared/curves.py` have, by their names there."""
_AUTO_CLAMPED = 4
"""Number of the handles that Blender lays by itself, in `Keyframe.handle_left_type`."""
_OF_A_KEY = {
    **dict.fromkeys(("co", "handle_left", "handle_right"), (2, np.float32)),
    **dict.fromkeys(("back", "amplitude", "period"), (1, np.float32)),
    **dict.fromkeys(
        ("interpolation", "easing", "type", "handle_left_type", "handle_right_type"), (1, np.int32)
    ),
}
"""All that a key holds, with its width and kind in bulk."""
_WIDEST_SLIDER = 10.0
_ON_KEY = 1e-4
"""How far from a key a frame may lie for Blender to take the key's value."""


def write_keys(curve: bpy.types.FCurve, times: Float64Array, values: FloatArray) -> None:
    """Gives an empty curve a key at each of `times` (T,), or a single one where the values never
    change. Keys are linear: one on every frame needs no easing, and a straight line cannot
    overshoot."""
    values = np.asarray(values, np.float32)  # as Blender keeps them: the last bits of 1 are no turn
    if (values == values[0]).all():
        times, values = times[:1], values[:1]
    points = curve.keyframe_points
    points.add(len(times))
    points.foreach_set("co", np.stack([times, values], 1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(times), _LINEAR, np.int32))
    curve.update()


def set_keys(
    curve: bpy.types.FCurve, times: Float64Array, values: FloatArray, interpolation: str
) -> None:
    """Gives the curve these keys (T,) in the place of its own, with an interpolation of
    `KINDS`."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(times))
    points.foreach_set("co", np.stack([times, values], 1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(times), KINDS[interpolation], np.int32))
    for side in ("handle_left_type", "handle_right_type"):
        points.foreach_set(side, np.full(len(times), _AUTO_CLAMPED, np.int32))
    curve.update()


def key_places(curve: bpy.types.FCurve) -> tuple[Float64Array, Float64Array]:
    """Curve frames (K,) and values (K,) of the keys."""
    places, levels = _places_and_levels(curve)
    return places.astype(np.float64), levels.astype(np.float64)


def fresh_curve(
    action: bpy.types.Action, part: compat.Part, path: str, index: int, group: str
) -> bpy.types.FCurve:
    """The Action's curve for the property, without keys: a new one, or the one that it has, which
    forgets what it said."""
    curve = compat.find_curve(compat.curves_of(action, part), path, index)
    if curve is None:
        return compat.new_curve(action, part, path, index, group)
    clear_curve(curve)
    return curve


def encode_keys(curve: bpy.types.FCurve) -> bytes:
    """What the curve's keys say, as bytes: curves that move alike have the same."""
    points = curve.keyframe_points
    places, kinds = np.empty(2 * len(points), np.float32), np.empty(len(points), np.int32)
    points.foreach_get("co", places)
    points.foreach_get("interpolation", kinds)
    said = (curve.mute, curve.extrapolation, [modifier.type for modifier in curve.modifiers])
    return places.tobytes() + kinds.tobytes() + repr(said).encode()


def digest_curves(curves: Iterable[bpy.types.FCurve]) -> bytes:
    """A fingerprint of what the curves move and what their keys say."""
    digest = hashlib.blake2b(digest_size=20)
    for curve in curves:
        digest.update(f"{curve.data_path}[{curve.array_index}]".encode())
        digest.update(encode_keys(curve))
    return digest.digest()


def clear_curve(curve: bpy.types.FCurve) -> None:
    """Takes away the curve's keys, and what an animator made it do besides them."""
    curve.keyframe_points.clear()
    for modifier in reversed(curve.modifiers):
        curve.modifiers.remove(modifier)
    curve.mute, curve.extrapolation = False, "CONSTANT"


def widen_slider(key: bpy.types.ShapeKey, values: Float32Array) -> None:
    """Blender clips what an Action writes to the slider's range; a take may go further."""
    key.slider_min = max(min(key.slider_min, float(values.min())), -_WIDEST_SLIDER)
    key.slider_max = min(max(key.slider_max, float(values.max())), _WIDEST_SLIDER)


def add_to_keys(curve: bpy.types.FCurve, times: Float64Array, change: FloatArray) -> Float32Array:
    """Adds `change` (T,) at curve frames `times` (T,) to the curve; what it then says there, where
    it has its keys from now on."""
    values = sample_curve(curve, times) + change
    curve.keyframe_points.clear()
    write_keys(curve, times, values.astype(np.float32))
    return values.astype(np.float32)


def sample(
    curves: compat.CurveList | tuple[()],
    path: str,
    index: int,
    times: Float64Array,
    otherwise: float,
) -> Float32Array:
    """Values (T,) of the property at curve frames `times` (T,), `otherwise` where no curve moves
    it. The bits are those of Blender's `FCurve.evaluate`."""
    curve = compat.find_curve(curves, path, index)
    if curve is None or curve.mute or (curve.is_empty and not curve.modifiers):
        return np.full(len(times), otherwise, np.float32)
    return sample_curve(curve, times)


def sample_curve(curve: bpy.types.FCurve, times: Float64Array) -> Float32Array:
    """Values (T,) of a curve at curve frames `times` (T,), with the bits of Blender's
    `FCurve.evaluate`."""
    frames = times.astype(np.float32)
    places, levels = _places_and_levels(curve)
    if curve.modifiers or not len(places):
        return _evaluate(curve, frames)
    if len(places) == 1:
        return np.full(len(frames), levels[0], np.float32)
    if np.array_equal(places, frames):
        return levels
    if (np.diff(places) <= 2 * _ON_KEY).any():  # which of two keys counts, Blender knows
        return _evaluate(curve, frames)
    return _between_keys(curve, places, levels, frames)


def _between_keys(
    curve: bpy.types.FCurve, places: Float32Array, levels: Float32Array, frames: Float32Array
) -> Float32Array:
    """Values (T,) at `frames` (T,) of a curve with keys at `places` (K,), ascending."""
    last = len(places) - 1
    key = np.clip(np.searchsorted(places, frames, "right") - 1, 0, last)
    following = np.minimum(key + 1, last)
    key = np.where(places[following] - frames <= _ON_KEY, following, key)
    values = levels[key]  # right before the first key, behind the last and on each
    inside = (frames > places[0]) & (frames < places[last])
    others = np.zeros(len(frames), bool) if curve.extrapolation == "CONSTANT" else ~inside
    between = inside & (np.abs(places[key] - frames) > _ON_KEY)
    if between.any():
        kinds = np.empty(len(places), np.int32)
        curve.keyframe_points.foreach_get("interpolation", kinds)
        straight = np.flatnonzero(between & (kinds[key] == _LINEAR))
        values[straight] = _on_lines(places, levels, key[straight], frames[straight])
        others |= between & (kinds[key] != _LINEAR) & (kinds[key] != _CONSTANT)
    rows = np.flatnonzero(others)
    values[rows] = _evaluate(curve, frames[rows])
    return values


def _on_lines(
    places: Float32Array, levels: Float32Array, key: IndexArray, frames: Float32Array
) -> Float32Array:
    """Values (n,) at `frames` (n,) on the straight lines that begin at the keys `key` (n,), in
    the order of Blender's own operations."""
    rise, width = levels[key + 1] - levels[key], places[key + 1] - places[key]
    return np.asarray(rise * (frames - places[key]) / width + levels[key], np.float32)


def _places_and_levels(curve: bpy.types.FCurve) -> tuple[Float32Array, Float32Array]:
    """Curve frames (K,) and values (K,) of the keys."""
    flat = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", flat)
    return np.ascontiguousarray(flat[::2]), np.ascontiguousarray(flat[1::2])


def _evaluate(curve: bpy.types.FCurve, frames: Float32Array) -> Float32Array:
    """What Blender says at each of `frames` (n,)."""
    return np.fromiter(map(curve.evaluate, frames.tolist()), np.float32, len(frames))


def cut_keys(curve: bpy.types.FCurve, first: float, last: float) -> None:
    """Takes away the keys before the curve frame `first` and behind `last`. A curve that had any
    there has one on either frame instead, with its value; a single key moves to `first`."""
    places, _ = key_places(curve)
    if len(places) == 1:
        move_keys(curve, lambda frames: frames - frames[0] + first)
    inside = (places > first - _ON_KEY) & (places < last + _ON_KEY)
    if len(places) < 2 or inside.all():
        return
    ends = np.array([first, last])
    values = sample_curve(curve, ends)
    _keep_keys(curve, inside)
    kept = places[inside]
    for frame, value in zip(ends.tolist(), values.tolist(), strict=True):
        if not (np.abs(kept - frame) <= _ON_KEY).any():
            curve.keyframe_points.insert(frame, value)
    curve.update()


def _keep_keys(curve: bpy.types.FCurve, kept: BoolArray) -> None:
    """Keeps those of the keys (K,), as they are."""
    points, held = curve.keyframe_points, {}
    for name, (width, kind) in _OF_A_KEY.items():
        values = np.empty(width * len(points), kind)
        points.foreach_get(name, values)
        held[name] = values.reshape(len(points), width)[kept].ravel()
    points.clear()
    points.add(int(kept.sum()))
    for name, values in held.items():
        points.foreach_set(name, values)


def move_keys(curve: bpy.types.FCurve, move: Callable[[Float64Array], Float64Array]) -> None:
    """Puts every key and its handles at other frames; the values stay. move: from frames (K,) to
    new ones, in the same order."""
    points = curve.keyframe_points
    flat = np.empty(2 * len(points), np.float32)
    for name in ("co", "handle_left", "handle_right"):
        points.foreach_get(name, flat)
        flat[::2] = move(flat[::2].astype(np.float64))
        points.foreach_set(name, flat)
    curve.update()
