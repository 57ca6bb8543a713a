# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves read all at a time, beside Blender's own `FCurve.evaluate`, frame by frame; and what is
plain arithmetic in modules that only Blender can load."""

import math
from types import SimpleNamespace

import bpy
import harness
import numpy as np

KINDS = ("CONSTANT", "LINEAR", "BEZIER", "BOUNCE")


def random_curve(curves: object, number: int, rng: np.random.Generator) -> object:
    """A curve with keys at uneven frames, each with an interpolation of its own; every fifth has
    two keys in one place."""
    count = int(rng.integers(2, 40))
    places = np.sort(rng.choice(4000, count, replace=False)) * rng.choice([0.8, 1, 29.97 / 24])
    if number % 5 == 0:
        places[1] = places[0] + 5e-5
    curve = curves.new(f"curve{number}")
    curve.keyframe_points.add(count)
    kinds = KINDS[:2] if number % 2 else KINDS
    for point, place in zip(curve.keyframe_points, places, strict=True):
        point.co = (place, rng.normal())
        point.interpolation = str(rng.choice(kinds))
    curve.extrapolation = "LINEAR" if number % 3 == 0 else "CONSTANT"
    curve.update()
    return curve


def frames_around(curve: object, rng: np.random.Generator) -> np.ndarray:
    """Frames on the keys, a hair beside them, between them and outside."""
    places = np.array([point.co[0] for point in curve.keyframe_points])
    beside = places + rng.uniform(-2e-4, 2e-4, len(places))
    anywhere = rng.uniform(places[0] - 50, places[-1] + 50, 400)
    return rng.permutation(np.concatenate([places, beside, anywhere]))


def grids() -> dict[str, object]:
    """Rows on curve frames: widened, moved, put at another rate, a key on each so many-th."""
    placement, retiming = (
        harness.load("addon.motion.placement"),
        harness.load("addon.motion.retiming"),
    )
    place = placement.Placement(first=5.0, fps=60.0)
    grid = placement.Grid(place=place, fps=30.0, rows=range(3))
    take = SimpleNamespace(fps=24.0)
    move = retiming._mover(
        take,
        placement.Placement(first=10.0, fps=30.0),
        placement.Placement(first=7.0, fps=48.0),
        24.0,
    )
    every = harness.load("addon.bake.simplify").every
    return {
        "later": placement.Grid(place=place, fps=30.0, rows=range(2, 5)).times,
        "step": grid.step,
        "widened": placement._widened(grid, 0.9, 13.1).times,
        "as_it_was": placement._widened(grid, 3.1, 10.9).times,
        "moved": placement._moved(grid, 8.0, 14.0).times,
        "not_moved": placement._moved(grid, math.nan, math.nan).times,
        "rates": [placement._known_rate(rate) for rate in (23.9760005, 29.9999, 25.5)],
        "refitted": move(np.array([10, 11.25, 20, 15.625])),
        "every": [every(step, 10, ["a"])["a"] for step in (4, 3)],
    }


def reign() -> dict[str, object]:
    """Who rules in five frames, two apart."""
    ruling, emotion = harness.load("addon.emotion.ruling"), harness.load("shared.emotion")
    weights = np.zeros((5, 6), np.float32)
    weights[[0, 1], 0], weights[2, 0] = (0.5, 0.25), 0.02
    weights[3, [1, 2]], weights[4, 3] = (0.4, 0.6), 1.5
    ones = np.ones(5, np.float32)
    track = emotion.EmotionTrack(
        weights=weights,
        influence=np.float32([1, 1, 1, 0.5, 0.02]),
        geometry=np.float32([1, 2, 1, 1.5, 1]),
        **dict.fromkeys(("upper", "lower", "appearance", "keep_closed"), ones),
        fps=24.0,
    )
    found = ruling.judge(track, np.arange(10.0, 20, 2), 2)
    return {"spans": found.spans(), "strengths": found.strengths}


def turns() -> dict[str, object]:
    """Of frames 1 and 2 a jaw that was turned in the first alone, and angles between turns."""
    motion = harness.load("shared.motion")

    def take(jaws: list[float]) -> object:
        jaw = np.zeros((len(jaws), 3))
        jaw[:, 0] = jaws
        still = np.zeros((len(jaws), 100))
        neck = np.tile([0, 0.2, 0], (len(jaws), 1))
        return motion.make_motion(expression=still, jaw=jaw, neck=neck, fps=24.0, space="open")

    read = np.tile([-1.0, 0, 0, 0], (4, 5, 1))
    kept = harness.load("addon.bake.unchanged").turns_to_keep(
        take([0.3, 0.1]), take([0, 0.2, 0.1, 0]), read, range(1, 3)
    )
    angles = harness.load("addon.bake.simplify")._angles(
        np.array([[1.0, 0, 0, 0], [2, 0, 0, 0]]),
        np.array([[math.cos(0.1), math.sin(0.1), 0, 0], [0, 1, 0, 0]]),
    )
    return {"neck": kept["neck"], "jaw": kept["jaw"], "angles": angles}


def sliders(keys: object) -> list[list[float]]:
    """The ranges of a slider from 0 to 1 after values, one after another, that it has to hold."""
    mesh = bpy.data.meshes.new("slider")
    mesh.vertices.add(1)
    face = bpy.data.objects.new("slider", mesh)
    face.shape_key_add(name="Basis")
    key, told = face.shape_key_add(name="jawOpen"), []
    for values in ([0.25, 0.5], [-0.5, 2.5], [0, 1], [-40, 30]):
        keys.widen_slider(key, np.float32(values))
        told.append([key.slider_min, key.slider_max])
    return told


def cleared(curves: object, keys: object) -> dict[str, object]:
    """What is left of a curve that an animator had muted and given two modifiers."""
    curve = curves.new("cleared")
    curve.keyframe_points.insert(1, 2)
    curve.modifiers.new("NOISE")
    curve.modifiers.new("STEPPED")
    curve.mute, curve.extrapolation = True, "LINEAR"
    keys.clear_curve(curve)
    return {
        "keys": len(curve.keyframe_points),
        "modifiers": len(curve.modifiers),
        "mute": curve.mute,
        "extrapolation": curve.extrapolation,
    }


with harness.enabled():
    compat, keys = harness.load("addon.compat"), harness.load("addon.motion.keys")
    action = compat.new_take_actions("curves")["OBJECT"]
    rng, different, frames_read = np.random.default_rng(4), [], 0
    compat.new_curve(action, "OBJECT", "empty", 0, "group")
    curves = compat.curves_of(action, "OBJECT")
    for number in range(60):
        curve = random_curve(curves, number, rng)
        times = frames_around(curve, rng)
        ours = keys.sample(curves, curve.data_path, 0, times, 7.0)
        blenders = np.array([curve.evaluate(time) for time in times], np.float32)
        frames_read += len(times)
        if (ours != blenders).any():
            different.append([number, float(np.abs(ours - blenders).max())])
    noisy = compat.find_curve(curves, "curve1")
    noisy.modifiers.new("NOISE")
    muted = compat.find_curve(curves, "curve2")
    muted.mute = True
    times = np.arange(5.0)
    harness.answer(
        different=different,
        frames_read=frames_read,
        noisy=keys.sample(curves, "curve1", 0, times, 7.0),
        noisy_in_blender=[noisy.evaluate(time) for time in times],
        muted=keys.sample(curves, "curve2", 0, times, 7.0),
        empty=keys.sample(curves, "empty", 0, times, 7.0),
        absent=keys.sample(curves, "nowhere", 0, times, 7.0),
        grids=grids(),
        reign=reign(),
        turns=turns(),
        sliders=sliders(keys),
        cleared=cleared(curves, keys),
    )
