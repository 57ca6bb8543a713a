# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up skins on the face's chart: tones from light to dark, red zones, beards, freckles, pores,
brows, lips, fringes, light from anywhere; then blurred and coded as photos are."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from ....shared.arrays import Float32Array
from ....shared.head import HeadModel
from ...avatar.face_chart import (
    EDGE,
    TEXEL_MM,
    OpenChart,
    bare_skin,
    blurred,
    open_chart,
    texel_places_mm,
)
from ...avatar.skin_maps import LUMINANCE, SkinLook

_Rng = np.random.Generator
_MELANIN = np.array([-0.36, -0.58, -0.8], np.float32)
_BLOOD = np.array([0.0, -0.45, -0.36], np.float32)
"""Change of log colour (sRGB) by one unit of each pigment."""
_FIELDS, _BANDS_MM = 48, (0.5, 1.4, 4.0, 14.0)
_ZONES_MM = (
    ((38, -14), (15, 12)),
    ((0, -3), (9, 12)),
    ((0, 66), (40, 12)),
    ((0, -70), (16, 9)),
    ((30, 8), (16, 5)),
)
"""Middle on the left and size of the zones in which blood shows: cheeks, nose, forehead, chin, and
below the eyes."""
_FLUSH = {
    "angry": (1.0, 0.6, 0.7, 0.5, 0.5),
    "happy": (0.75, 0.25, 0.0, 0.1, 0.15),
    "sad": (0.2, 0.8, 0.0, 0.15, 0.8),
    "surprise": (0.25, 0.1, 0.0, 0.0, 0.0),
    "fear": (-0.35, -0.25, -0.3, -0.3, -0.3),
    "disgust": (-0.2, -0.1, -0.15, -0.15, -0.15),
}
"""How much more blood an emotion brings into each zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """A made-up skin before its wrinkles. logs: (E, E, 3) log albedo; shade: (E, E) log light;
    hair: (E, E) 0..1 and its colour (E, E, 3) log; blood: (zones, E, E) the zones as strong as they
    are on this person; depth_mm: (E, E)."""

    logs: Float32Array
    shade: Float32Array
    hair: Float32Array
    hair_logs: Float32Array
    blood: Float32Array
    depth_mm: Float32Array


class Skins:
    """Draws made-up skins for one head; the same for the same generator."""

    def __init__(self, head: HeadModel) -> None:
        self._chart: OpenChart = open_chart(head)
        rng = np.random.default_rng(20)
        self._noise = {band: _noise(rng, band) for band in _BANDS_MM}
        self.skin = bare_skin(self._chart)
        """(E, E) 0..1, where the chart shows skin."""

    def draw(self, rng: _Rng) -> Skin:
        """A random person's skin."""
        chart = self._chart
        melanin, redness = rng.uniform(-0.25, 1.9), rng.uniform(-0.2, 0.35)
        base = np.log(np.clip(chart.colour, 0.02, 1))
        base = self._features(base, rng)
        spots = 0.035 * rng.uniform(0.2, 1.6) * self._band(rng, 4.0)
        spots += 0.06 * rng.uniform(0.2, 1.3) * self._band(rng, 14.0)
        pores = rng.uniform(0.002, 0.014) * self._band(rng, 0.5)
        pores += rng.uniform(0.001, 0.01) * self._band(rng, 1.4)
        freckles = rng.uniform(0, 0.4) ** 2 * np.clip(self._band(rng, 1.4) - 1.2, 0, 2)
        blood = _blood_zones() * rng.uniform(0.2, 1.4, (len(_ZONES_MM), 1, 1)).astype(np.float32)
        red = redness + 0.25 * blood.sum(0) + 0.12 * self._band(rng, 14.0)
        logs = base + (melanin + 0.7 * freckles + spots)[..., None] * _MELANIN * 0.9
        logs = logs + red[..., None] * _BLOOD + pores[..., None]
        logs = logs + self._beard(rng)[..., None] * np.array([-0.5, -0.42, -0.36], np.float32)
        hair, hair_logs = self._fringe(rng)
        shade, bumps = self._shade(rng), rng.uniform(0, 2.5) * self.skin
        return Skin(
            logs=logs.astype(np.float32),
            shade=shade,
            hair=hair,
            hair_logs=hair_logs,
            blood=blood,
            depth_mm=(chart.depth_mm + bumps * self._band(rng, 14.0)).astype(np.float32),
        )

    def look(self, skin: Skin, trace: Float32Array, rng: _Rng) -> SkinLook:
        """What a picture shows of the skin at rest. trace: (E, E) change of log colour by what its
        wrinkles leave there at rest."""
        logs = skin.logs + skin.shade[..., None] + trace[..., None]
        logs = (1 - skin.hair[..., None]) * logs + skin.hair[..., None] * skin.hair_logs
        if rng.random() < 0.5:  # of hard prints and drawings
            middle = logs[self.skin > 0.5].mean(0)
            logs = middle + rng.uniform(0.8, 1.7) * (logs - middle)
        colour = np.exp(logs)
        bright = float((colour @ LUMINANCE)[self.skin > 0.5].mean())
        colour = np.clip(colour * rng.uniform(0.25, 0.62) / bright, 0, 1)
        colour = _pictured(blurred(colour, rng.uniform(0.2, 1.0) ** 2 * 1.3), rng)
        seen = self.skin * (1 - self._holes(rng))
        hair = np.clip(blurred(skin.hair, rng.uniform(0.5, 2)) * rng.uniform(0.6, 1.2), 0, 1)
        return SkinLook(colour=colour, seen=seen, hair=hair, depth_mm=skin.depth_mm)

    def _band(self, rng: _Rng, band: float) -> Float32Array:
        """(E, E) noise of deviation 1 around that size in millimetres."""
        field = self._noise[band][int(rng.integers(len(self._noise[band])))]
        turned = np.rot90(field, int(rng.integers(4)))
        turned = turned[:, ::-1] if rng.random() < 0.5 else turned
        return np.roll(turned, rng.integers(0, EDGE, 2), (0, 1))

    def _features(self, base: Float32Array, rng: _Rng) -> Float32Array:
        """The head's own colours, moved about by some millimetres, brows and lips as people's."""
        x, y = texel_places_mm()
        away = [rng.uniform(0, 1.6) * self._band(rng, 14.0) for _ in range(2)]
        rows, columns = np.mgrid[:EDGE, :EDGE].astype(np.float32)
        rows, columns = (a + b / TEXEL_MM for a, b in zip((rows, columns), away, strict=True))
        moved = cv2.remap(
            base.astype(np.float32), columns, rows, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        brow = _brow_zone(rng)
        hairs = np.clip(0.8 + 0.5 * self._band(rng, 0.5), 0, 1.6)
        dark = rng.uniform(0.1, 1.5) * brow * hairs
        lips = np.exp(-((np.hypot(x / 24, (y + 46) / 8)) ** 4)) * rng.uniform(-0.3, 0.5)
        socket = np.exp(-((np.hypot((np.abs(x) - 28) / 20, (y - 22) / 12)) ** 2))
        moved = moved - (dark + rng.uniform(0, 0.35) * socket)[..., None]
        return np.asarray(moved + lips[..., None] * _BLOOD, np.float32)

    def _beard(self, rng: _Rng) -> Float32Array:
        if rng.random() < 0.75:
            return np.zeros((EDGE, EDGE), np.float32)
        x, y = texel_places_mm()
        low = np.clip((-34 - y + 0.35 * (np.abs(x) - 20)) / 12, 0, 1)
        grain = np.clip(0.7 + 0.5 * self._band(rng, 0.5), 0, 2)
        return (rng.uniform(0.1, 1.0) * low * grain * self.skin).astype(np.float32)

    def _fringe(self, rng: _Rng) -> tuple[Float32Array, Float32Array]:
        """(E, E) where hair hangs before the face, and its log colour."""
        x, y = texel_places_mm()
        edge = rng.uniform(44, 100) + rng.uniform(0, 8) * self._band(rng, 4.0)[0]
        edge = edge + rng.uniform(-0.25, 0.25) * x[0] - rng.uniform(0, 0.012) * x[0] ** 2
        side = rng.uniform(58, 90) + rng.uniform(0, 4) * self._band(rng, 4.0)[:, :1]
        hair = np.clip(np.maximum((y - edge) / 4, (np.abs(x) - side) / 4), 0, 1)
        strands = cv2.GaussianBlur(self._band(rng, 0.5), (0, 0), 1.0, sigmaY=9.0)
        tone = rng.uniform(-3.2, -0.7) + 0.5 * strands
        colour = tone[..., None] + rng.uniform(0, 0.3) * np.array([1.0, 0.0, -1.0])
        return hair.astype(np.float32), colour.astype(np.float32)

    def _shade(self, rng: _Rng) -> Float32Array:
        """(E, E) log light of a sky and a lamp somewhere before the face."""
        lamp = np.array([rng.normal(0, 0.7), rng.normal(0.5, 0.5), 1.0])
        lamp /= np.linalg.norm(lamp)
        sky = rng.uniform(0.3, 0.9)
        normal = self._chart.normal
        light = sky * (0.7 + 0.3 * normal[..., 1]) + (1 - sky) * np.clip(normal @ lamp, 0, 1)
        hollow = np.clip(blurred(self._chart.depth_mm, 4.0) - self._chart.depth_mm, 0, 4)
        logs = np.log(np.clip(light, 0.08, 2)) - rng.uniform(0, 0.22) * hollow
        return (logs - self._shadow(rng)).astype(np.float32)

    def _shadow(self, rng: _Rng) -> Float32Array:
        """(E, E) log light that something between lamp and face takes, with an edge somewhere."""
        if rng.random() < 0.65:
            return np.zeros((EDGE, EDGE), np.float32)
        x, y = texel_places_mm()
        turn, far = rng.uniform(0, 6.3), rng.uniform(-30, 50)
        edge = np.cos(turn) * x + np.sin(turn) * y + rng.uniform(0, 6) * self._band(rng, 14.0)
        soft = rng.uniform(0.8, 8)
        return (rng.uniform(0.1, 0.8) * np.clip((edge - far) / soft, 0, 1)).astype(np.float32)

    def _holes(self, rng: _Rng) -> Float32Array:
        """(E, E) parts of the face that no picture shows."""
        if rng.random() < 0.7:
            return np.zeros((EDGE, EDGE), np.float32)
        x, y = texel_places_mm()
        turn, far = rng.uniform(0, 6.3), rng.uniform(40, 75)
        return np.clip((np.cos(turn) * x + np.sin(turn) * y - far) / 5, 0, 1).astype(np.float32)


def flush_of(skin: Skin, emotion: str | None) -> Float32Array:
    """(E, E) how much an emotion reddens this person's skin, below 0 where it pales."""
    if emotion is None:
        return np.zeros((EDGE, EDGE), np.float32)
    gains = np.array(_FLUSH[emotion], np.float32)
    return np.tensordot(gains, skin.blood, 1).astype(np.float32)


@functools.cache
def _blood_zones() -> Float32Array:
    x, y = texel_places_mm()
    zones = []
    for (across, up), (wide, high) in _ZONES_MM:
        away = np.hypot((np.abs(x) - across) / wide, (y - up) / high)
        zones.append(np.exp(-0.5 * away**2))
    return np.stack(zones).astype(np.float32)


def _brow_zone(rng: _Rng) -> Float32Array:
    """(E, E) 0..1, brows of some shape."""
    x, y = texel_places_mm()
    along = np.clip((np.abs(x) - rng.uniform(8, 14)) / 40, 0, 1)
    middle = rng.uniform(34, 40) + rng.uniform(0, 14) * along * (1.4 - 1.4 * along)
    thick = rng.uniform(1.5, 4.0) * (1.1 - 0.7 * along)
    ends = np.clip((np.abs(x) - 10) / 4, 0, 1) * np.clip((55 - np.abs(x)) / 8, 0, 1)
    return (np.exp(-0.5 * ((y - middle) / thick) ** 2) * ends).astype(np.float32)


def _noise(rng: _Rng, band_mm: float) -> Float32Array:
    """(n, E, E) band-limited noise of deviation 1, which tiles."""
    steps = np.fft.fftfreq(EDGE, TEXEL_MM)
    away = np.hypot(steps[:, None], steps[None]) * 2 * np.pi * band_mm
    keep = away * np.exp(-0.5 * away**2)
    white = rng.standard_normal((_FIELDS, EDGE, EDGE))
    fields = np.fft.ifft2(np.fft.fft2(white) * keep).real
    return (fields / fields.std((1, 2), keepdims=True)).astype(np.float32)


def _pictured(colour: Float32Array, rng: _Rng) -> Float32Array:
    """The colours as a coded picture with some noise has them."""
    grain = rng.normal(0, rng.uniform(0, 0.004), colour.shape[:2]).astype(np.float32)
    noisy = np.clip(colour + grain[..., None], 0, 1)
    if rng.random() < 0.7:
        return noisy.astype(np.float32)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 98))]
    coded = cv2.imencode(".jpg", (255 * noisy + 0.5).astype(np.uint8)[..., ::-1], quality)[1]
    read = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return (np.asarray(read)[..., ::-1] / 255).astype(np.float32)
