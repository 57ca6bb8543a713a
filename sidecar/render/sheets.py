# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets: pictures side by side with a label under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...shared.arrays import UInt8Array

PAPER = (245, 245, 246)
INK = (40, 42, 46)
GAP = 6


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


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow's own face: the same letters on every machine, no font files to look for.
    return ImageFont.load_default(size)
