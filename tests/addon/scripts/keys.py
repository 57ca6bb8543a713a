# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves read all at a time, beside Blender's own `FCurve.evaluate`, frame by frame."""

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
    )
