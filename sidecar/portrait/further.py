# SPDX-License-Identifier: GPL-3.0-or-later
"""Further photos of the same person: what they show of the skin that the first does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.head import HeadModel
from .colours import Canvas, Evidence, gather
from .fit import Fit, posed_vertices
from .framing import Frame, frame_face
from .masks import hair_mask
from .seeing import SeenFace
from .surface import FACE_LOW_M, Sight, look_at_pieces

_BOTH = 0.3
"""A piece that two photos show so well says how their light differs."""
_FIRM = 0.03
"""How firmly it says so, against its neighbours: a photo's detail is no light."""
_DARKEST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Photograph:
    """A photo and the face in it. pixels: (H, W, 3) sRGB; focal_pixels: its focal length, if it is
    known."""

    name: str
    pixels: UInt8Array
    seen: SeenFace
    focal_pixels: float | None = None


def with_photo(
    canvas: Canvas,
    evidence: Evidence,
    head: HeadModel,
    change: Float32Array,
    photo: Photograph,
    fit: Fit,
) -> Evidence:
    """The evidence with what this photo shows of the skin, in the first one's light. change:
    (V, 3) of the person's template; fit: of this photo."""
    frame = frame_face(photo.pixels, photo.seen, fit.camera)
    sight = look_at_pieces(canvas.pieces, fit, frame)
    return _merged(canvas, evidence, _shown(canvas, sight, frame, head, fit, change))


def _shown(
    canvas: Canvas, sight: Sight, frame: Frame, head: HeadModel, fit: Fit, change: Float32Array
) -> Evidence:
    """What the photo shows of the face's skin; nothing of eyes and lips, which belong to its
    moment, nor of the neck, which no landmark holds."""
    nothing = np.zeros(frame.person.shape, bool)
    hair = hair_mask(frame, head, posed_vertices(head, fit, change), nothing)
    shown = gather(canvas, sight, frame, hair)
    skin = canvas.pieces.of("skin") & ~canvas.strip & (canvas.pieces.places[:, 1] > FACE_LOW_M)
    return replace(shown, trust=shown.trust * skin, plain=shown.plain * skin)


def _merged(canvas: Canvas, first: Evidence, other: Evidence) -> Evidence:
    """What the first photo shows, and beside it what the other does, its light evened out to meet
    the first's wherever both show the skin."""
    gain = 1 - first.trust
    trust, plain = gain * other.trust, gain * other.plain
    total = np.maximum(first.trust + trust, 1e-6)[:, None]
    share = trust[:, None] / total
    linear = (1 - share) * first.linear + share * _in_light_of(canvas, first, other)
    return replace(
        first,
        trust=(first.trust + trust).astype(np.float32),
        plain=(first.plain + plain).astype(np.float32),
        linear=linear.astype(np.float32),
    )


def _in_light_of(canvas: Canvas, first: Evidence, other: Evidence) -> Float32Array:
    """(N, 3) the other's colours, times a change of light that is smooth over the skin."""
    skin = canvas.skin
    both = np.minimum(first.trust, other.trust)[skin]
    both = np.where(both > _BOTH, both, 0).astype(np.float32)
    out = other.linear.copy()
    if not both.any():
        return out
    logs = [np.log(np.maximum(one.linear[skin], _DARKEST)) for one in (first, other)]
    apart = (logs[0] - logs[1]).astype(np.float32)
    whole = np.median(apart[both > 0], 0)
    start = np.tile(whole, (len(skin), 1)).astype(np.float32)
    out[skin] *= np.exp(canvas.graph.filled(apart, _FIRM * both, start))
    return np.clip(out, 0, 1)
