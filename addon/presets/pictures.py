# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets' pictures as Blender's icons: faces for those that ship, and for an animator's own
until the sidecar has drawn theirs, a bar for each emotion."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy
import bpy.utils.previews
import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS
from ...shared.limits import MAX_EMOTION_WEIGHT
from ...shared.presets import BUILT_IN, Preset, picture_name
from ..emotion.colours import COLOURS
from .store import file_of_presets

_SHIPPED = Path(__file__).parent / "pictures"
_EDGE = 64
_GAP = 4
_collection: bpy.utils.previews.ImagePreviewCollection | None = None


def own_picture(preset: Preset) -> Path:
    """Where the picture of an animator's own preset lies once it is drawn: it is called by what it
    shows, so that it never shows anything else."""
    shown = repr(sorted(preset.values.items())).encode()
    name = hashlib.blake2b(shown, digest_size=12).hexdigest()
    return file_of_presets().with_suffix("") / f"{name}.png"


def picture_of(preset: Preset) -> Path | None:
    """The file of the preset's face; None until it is drawn."""
    path = _SHIPPED / picture_name(preset.name) if preset in BUILT_IN else own_picture(preset)
    return path if path.is_file() else None


def icon_of(preset: Preset) -> int:
    """The number of the preset's icon."""
    icons, path = _icons(), picture_of(preset)
    key = repr(preset) if path is None else str(path)
    if key not in icons:
        if path is not None:
            icons.load(key, str(path), "IMAGE")
        else:
            preview = icons.new(key)
            preview.image_size = (_EDGE, _EDGE)
            preview.image_pixels_float = draw_bars(preset.pose).ravel()
    return icons[key].icon_id


def _icons() -> bpy.utils.previews.ImagePreviewCollection:
    global _collection
    if _collection is None:
        _collection = bpy.utils.previews.new()
    return _collection


def forget_pictures() -> None:
    """Frees the icons, when the extension is switched off."""
    global _collection
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
        _collection = None


def draw_bars(pose: dict[str, float]) -> Float32Array:
    """(64, 64, 4) RGBA, the lowest row first: a bar for each emotion in its colour, as high as the
    emotion is strong."""
    picture = np.zeros((_EDGE, _EDGE, 4), np.float32)
    width = _EDGE // len(EMOTIONS)
    left = (_EDGE - width * len(EMOTIONS)) // 2
    for place, name in enumerate(EMOTIONS):
        columns = slice(left + place * width, left + (place + 1) * width - _GAP // 2)
        top = _GAP + round((_EDGE - 2 * _GAP) * pose[name] / MAX_EMOTION_WEIGHT)
        picture[_GAP : max(top, _GAP + 1), columns] = (*COLOURS[name], 1.0)
    return picture
