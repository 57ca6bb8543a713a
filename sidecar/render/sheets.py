# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets: pictures, or the passes of a frame, side by side with a label under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...shared.arrays import Float32Array, UInt8Array
from ..raster.colour import over
from .frame import Frame

PAPER = (245, 245, 246)
INK = (40, 42, 46)
GAP = 6
MASK_COLOURS = np.array(
    [
        [0.86, 0.68, 0.56],
        [0.85, 0.12, 0.30],
        [0.15, 0.45, 0.95],
        [1.0, 1.0, 1.0],
        [0.45, 0.05, 0.35],
        [0.20, 0.55, 0.25],
    ],
    np.float32,
)
"""Colours of skin, lips, eyes, teeth, mouth and hair."""


def contact_sheet(
    images: Sequence[UInt8Array], labels: Sequence[str], columns: int, *, title: str = ""
) -> UInt8Array:
    """(H, W, 3) uint8: the pictures in rows of `columns`, each with its label below.

    images: equally large (h, w, 3) or (h, w, 4) sRGB, straight alpha, laid on light paper.
    labels: one for each picture; an empty one leaves its line blank.
    """
    if not images or len(labels) != len(images):
        raise ValueError("a contact sheet needs pictures and one label for each")
    height, width = images[0].shape[:2]
    text_size = max(12, width // 20)
    line = (text_size * 7) // 4 if any(labels) else 0
    header = text_size * 3 if title else 0
    rows = -(-len(images) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + GAP) + GAP, header + rows * (height + line + GAP) + GAP), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((2 * GAP, header // 2), title, INK, _font(text_size * 3 // 2), anchor="lm")
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        left = GAP + (index % columns) * (width + GAP)
        top = header + GAP + (index // columns) * (height + line + GAP)
        picture = Image.fromarray(np.ascontiguousarray(image))
        sheet.paste(picture, (left, top), picture if image.shape[2] == 4 else None)
        if label:
            middle = (left + width // 2, top + height + line // 2)
            draw.text(middle, label, INK, _font(text_size), anchor="mm")
    return np.asarray(sheet).copy()


def pass_sheet(frame: Frame, *, title: str = "") -> UInt8Array:
    """(H, W, 3) contact sheet of the frame's passes."""
    shown = pass_pictures(frame)
    return contact_sheet(list(shown.values()), list(shown), 4, title=title)


def pass_pictures(frame: Frame) -> dict[str, UInt8Array]:
    """(H, W, 3) sRGB of each pass by its name: depth and position from near to far within the
    subject, normals and UVs as colours, each mask in its colour, vectors by direction (hue) and
    length."""
    alpha = frame.combined[..., 3:]
    makers: dict[str, tuple[Float32Array | None, Callable[[Float32Array], Float32Array]]] = {
        "depth": (frame.depth[..., None], _depth),
        "normal": (frame.normal, lambda v: 0.5 + 0.5 * v),
        "position": (frame.position, lambda v: _spread(v, alpha)),
        "masks": (frame.masks, lambda v: v @ MASK_COLOURS),
        "index": (frame.object_index, lambda v: np.repeat(np.sign(v)[..., None], 3, 2)),
        "uv": (frame.uv, lambda v: np.dstack([v, np.zeros_like(v[..., 0])])),
        "vector from": (frame.vector, lambda v: _arrows(v[..., :2])),
        "vector to": (frame.vector, lambda v: _arrows(v[..., 2:])),
    }
    out = {"combined": over(frame.combined), "alpha": _bytes(np.repeat(alpha, 3, 2))}
    for name, (values, make) in makers.items():
        if values is not None:
            colour = np.where(alpha > 0, make(values), 0.1)
            out[name] = _bytes(colour)
    return out


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow's own face: the same letters on every machine, no font files to look for.
    return ImageFont.load_default(size)


def _bytes(values: Float32Array) -> UInt8Array:
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _depth(depth: Float32Array) -> Float32Array:
    near = np.isfinite(depth)
    if not near.any():
        return np.zeros((*depth.shape[:2], 3), np.float32)
    low, high = np.quantile(depth[near], (0.0, 0.98))
    shown = 1 - 0.85 * (np.where(near, depth, high) - low) / max(high - low, 1e-6)
    return np.repeat(shown, 3, 2)


def _spread(values: Float32Array, alpha: Float32Array) -> Float32Array:
    inside = values[alpha[..., 0] > 0.5]
    if not len(inside):
        return np.zeros_like(values)
    low, high = inside.min(0), inside.max(0)
    return (values - low) / np.maximum(high - low, 1e-6)


def _arrows(vector: Float32Array) -> Float32Array:
    """Hue by direction, brightness by length against the longest of the picture."""
    length = np.linalg.norm(vector, axis=2, keepdims=True)
    angle = np.arctan2(vector[..., 1:], vector[..., :1])
    hue = 0.5 + 0.5 * np.cos(angle - np.array([0.0, 2.0944, 4.1888], np.float32))
    return hue * length / max(float(length.max()), 1e-6)
