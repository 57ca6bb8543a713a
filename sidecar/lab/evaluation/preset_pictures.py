# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of presets: a silent open head that shows each of them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from ....shared.arrays import UInt8Array
from ....shared.head import HeadModel
from ....shared.preset_portraits import HELD, hold_preset, portrait_camera, still_take
from ....shared.presets import Preset
from ...head.forward import layer_of
from ...modulation.modulator import Modulator, modulate
from ...render.shade import DrawOptions, draw_head

_OPTIONS = DrawOptions(background=None, samples=5)


def draw_presets(
    presets: tuple[Preset, ...], head: HeadModel, modulator: Modulator
) -> Iterator[UInt8Array]:
    """(EDGE, EDGE, 4) sRGB of each preset, without a background. head: the open one."""
    still, camera = still_take(), portrait_camera()
    for preset in presets:
        shown = modulate(still, hold_preset(preset), modulator)
        vertices = layer_of(head).vertices(shown, HELD, HELD + 1)[0]
        yield draw_head(vertices, head, camera, _OPTIONS)


def encode_picture(picture: UInt8Array) -> bytes:
    """A PNG of all its colours: fewer stand in the skin as facets."""
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(out, "PNG", optimize=True)
    return out.getvalue()
