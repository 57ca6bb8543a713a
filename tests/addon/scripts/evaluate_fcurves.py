# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in bpy: `evaluate_fcurves.py CURVES.json OUT.json`, where CURVES.json holds a list of
{"interpolation", "keys": [[frame, value], ...], "at": [...]}; writes a list of lists of values."""

import json
import sys
from pathlib import Path

import bpy


def new_curves():
    """Something with `new(data_path)`: the Action's curves before and after Blender 4.4."""
    action = bpy.data.actions.new("affekt")
    if hasattr(action, "layers") and not hasattr(action, "fcurves"):
        slot = action.slots.new("OBJECT", "affekt")
        strip = action.layers.new("affekt").strips.new(type="KEYFRAME")
        return strip.channelbag(slot, ensure=True).fcurves
    return action.fcurves


def evaluate(curves, index, spec):
    curve = curves.new(f"curve{index}")
    curve.keyframe_points.add(len(spec["keys"]))
    for point, (frame, value) in zip(curve.keyframe_points, spec["keys"], strict=True):
        point.co = (frame, value)
        point.interpolation = spec["interpolation"].upper()
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    curve.update()
    return [curve.evaluate(frame) for frame in spec["at"]]


def main():
    specs = json.loads(Path(sys.argv[1]).read_text())
    curves = new_curves()
    values = [evaluate(curves, index, spec) for index, spec in enumerate(specs)]
    Path(sys.argv[2]).write_text(json.dumps(values))


main()
