# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of presets: a silent open head that shows each of them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from ....shared.arrays import UInt8Array
from ....shared.camera import look_at
from ....shared.emotion import EMOTIONS, EmotionTrack
from ....shared.head import HeadModel
from ....shared.motion import Motion, make_motion
from ....shared.presets import Preset
from ...head.forward import layer_of
from ...modulation.modulator import Modulator, modulate
from ...render.shade import DrawOptions, draw_head

EDGE = 128
"""Pixels; as large as Blender draws them at twice the usual size of its interface."""
_SAMPLES = 5
_COLOURS = 160
_FRAMES, _FPS = 31, 30.0
_HELD = _FRAMES // 2
"""The middle of a second: the network has seen that nothing is said before and after it."""


def draw_presets(
    presets: tuple[Preset, ...], head: HeadModel, modulator: Modulator
) -> Iterator[UInt8Array]:
    """(EDGE, EDGE, 4) sRGB of each preset, from the front, without a background."""
    still = make_motion(expression=np.zeros((_FRAMES, 100), np.float32), fps=_FPS, space="open")
    camera = look_at(
        target=np.array([0.0, -0.018, 0.0]), distance=0.85, width=EDGE, height=EDGE, fov_y_rad=0.235
    )
    options = DrawOptions(background=None, samples=_SAMPLES)
    for preset in presets:
        shown = show(preset, still, modulator)
        vertices = layer_of(head).vertices(shown, _HELD, _HELD + 1)[0]
        yield draw_head(vertices, head, camera, options)


def show(preset: Preset, take: Motion, modulator: Modulator) -> Motion:
    """The take with the preset throughout, its lips free to open."""
    return modulate(take, hold_preset(preset, len(take), take.fps), modulator)


def hold_preset(preset: Preset, frames: int, fps: float) -> EmotionTrack:
    """The track of a preset that is held."""
    pose, ones = preset.pose, np.ones(frames, np.float32)
    weights = np.array([pose[name] for name in EMOTIONS], np.float32)
    return EmotionTrack(
        weights=np.tile(weights, (frames, 1)),
        influence=ones,
        upper=ones * np.float32(pose["upper"]),
        lower=ones * np.float32(pose["lower"]),
        geometry=ones,
        appearance=ones,
        keep_closed=0 * ones,
        fps=fps,
    )


def encode_small(picture: UInt8Array) -> bytes:
    """A PNG of few colours: a few KB."""
    few = Image.fromarray(picture).quantize(_COLOURS, Image.Quantize.FASTOCTREE)
    out = BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
