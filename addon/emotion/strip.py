# SPDX-License-Identifier: GPL-3.0-or-later
"""A strip of colours in the timeline and the dope sheet: which emotion rules where. Drawn anew
only when a curve changes; else Blender lays the same triangles under the view."""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS
from ..guard import guard_call
from ..head.find import find_head
from ..preferences import preferences
from .colours import COLOURS
from .ruling import NEUTRAL, UNTOUCHED, Reign, read_reign, stamp_of

_LOW, _HIGH = 20.0, 34.0
"""Pixels above the lower edge, at a scale of 1: above the scroll bar."""
_FLAT, _THIN = 70.0, 8.0
"""A region of less height has room for a thinner strip only, without names, at the very edge."""
_TEXT_SIZE = 10.0
_FAINTEST = 0.3
_SHADES = np.array(
    [*(COLOURS[name] for name in EMOTIONS), (0.6, 0.6, 0.6), (0.0, 0.0, 0.0)], np.float32
)


class _Drawn:
    """What is on the screen: of which stamp, as triangles, with its names."""

    def __init__(self) -> None:
        self.stamp = b""
        self.shader: gpu.types.GPUShader | None = None
        self.batch: gpu.types.GPUBatch | None = None
        self.names: list[tuple[str, float, float]] = []

    def update(self, head: bpy.types.Object, scene: bpy.types.Scene) -> None:
        stamp = stamp_of(head, scene)
        if stamp == self.stamp:
            return
        self.stamp, self.batch, self.names = stamp, None, []
        reign = read_reign(head, scene)
        if reign is None:
            return
        places, colours = triangles_of(reign)
        self.shader = gpu.shader.from_builtin("SMOOTH_COLOR")
        self.batch = batch_for_shader(self.shader, "TRIS", {"pos": places, "color": colours})
        self.names = [span for span in reign.spans() if span[0] != UNTOUCHED]


_drawn = _Drawn()
_handle: object | None = None


def triangles_of(reign: Reign) -> tuple[Float32Array, Float32Array]:
    """Corners (n, 2) of two triangles a frame, a frame wide and from 0 to 1 high, and their colours
    (n, 4): the ruler's, the fainter the weaker it is, none where the take is untouched."""
    left = (reign.frames - 0.5 * reign.step).astype(np.float32)
    right = left + np.float32(reign.step)
    zero, one = np.zeros_like(left), np.ones_like(left)
    xs = np.stack([left, right, right, left, right, left], 1)
    ys = np.stack([zero, zero, one, zero, one, one], 1)
    alpha = _FAINTEST + (1 - _FAINTEST) * reign.strengths
    alpha[reign.rulers == len(_SHADES) - 1] = 0
    colours = np.concatenate([_SHADES[reign.rulers], alpha[:, None]], 1).astype(np.float32)
    return np.stack([xs.ravel(), ys.ravel()], 1), np.repeat(colours, 6, 0)


def _draw() -> None:
    guard_call(lambda: draw_strip(bpy.context), "Drawing the emotions' strip")


def draw_strip(context: bpy.types.Context) -> None:
    """Draws the strip of the head that the animator means into the present region."""
    settings = preferences(context)
    head = find_head(context)
    if head is None or settings is None or not settings.shows_strip:
        return
    _drawn.update(head, context.scene)
    if _drawn.batch is None:
        return
    scale = context.preferences.system.ui_scale
    is_flat = context.region.height < _FLAT * scale
    low, high = (0.0, _THIN * scale) if is_flat else (_LOW * scale, _HIGH * scale)
    view = context.region.view2d
    start = view.view_to_region(0, 0, clip=False)[0]
    width = (view.view_to_region(1000, 0, clip=False)[0] - start) / 1000
    gpu.state.blend_set("ALPHA")
    with gpu.matrix.push_pop():
        gpu.matrix.translate((start, low))
        gpu.matrix.scale((width, high - low))
        _drawn.batch.draw(_drawn.shader)
    gpu.state.blend_set("NONE")
    if not is_flat:
        _draw_names(start, width, scale)


def _draw_names(start: float, width: float, scale: float) -> None:
    """The names of those whose reign is long enough on the screen."""
    blf.size(0, _TEXT_SIZE * scale)
    blf.color(0, 0.05, 0.05, 0.05, 1)
    for name, first, last in _drawn.names:
        word = name.title() if name != NEUTRAL else "Neutral"
        room = (last - first + 1) * width - 6 * scale
        if blf.dimensions(0, word)[0] <= room:
            blf.position(0, start + (first - 0.5) * width + 3 * scale, (_LOW + 3.5) * scale, 0)
            blf.draw(0, word)


def show_strip() -> None:
    """Lets Blender draw it; one without a window has nowhere to."""
    global _handle
    if not bpy.app.background:
        _handle = bpy.types.SpaceDopeSheetEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def hide_strip() -> None:
    """Takes that away again."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = None
