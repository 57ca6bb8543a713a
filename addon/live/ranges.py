# SPDX-License-Identifier: GPL-3.0-or-later
"""The ranges of shape keys' sliders, made wider for a moment where a preview goes beyond them."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import Float32Array

_RANGES = "affekt_ranges"
"""Property of shape keys: the ranges of sliders that were widened, and how wide they were made."""


def widen_ranges(keys: bpy.types.Key, values: Float32Array) -> None:
    """Makes room for the values (K,) of all keys. Blender holds values inside a slider's range,
    an Action's too, so a range that stayed wider could change what the take shows. What it was is
    noted beside it, where an undo and a copy find it."""
    restore_ranges(keys)
    blocks, known = keys.key_blocks, {}
    lows, highs = values_of(blocks, "slider_min"), values_of(blocks, "slider_max")
    for row in np.flatnonzero((values < lows) | (values > highs)):
        block, value = blocks[int(row)], float(values[row])
        was = block.slider_min, block.slider_max
        block.slider_min, block.slider_max = min(was[0], value), max(was[1], value)
        known[block.name] = (*was, block.slider_min, block.slider_max)
    if known:
        keys[_RANGES] = known


def restore_ranges(keys: bpy.types.Key) -> None:
    """Puts ranges back, of keys that are still there; an end that others have set since then
    stays."""
    if _RANGES not in keys:
        return
    for name, (low, high, our_low, our_high) in keys[_RANGES].items():
        block = keys.key_blocks.get(name)
        if block is None:
            continue
        if block.slider_min == our_low:
            block.slider_min = low
        if block.slider_max == our_high:
            block.slider_max = high
    del keys[_RANGES]


def values_of(blocks: bpy.types.bpy_prop_collection, name: str) -> Float32Array:
    """(K,) of each key block."""
    values = np.empty(len(blocks), np.float32)
    blocks.foreach_get(name, values)
    return values
