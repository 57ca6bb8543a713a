# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that flushes or turns pale: how much blood each emotion brings into which part of the face.

    log colour of Gaussian n in frame t  +=  strength_t * FLUSHED * b    where b > 0
                                         +=  strength_t * PALE * -b      where b < 0
    b = sum over the zones of blood_tz * share_nz,  blood_t = the last 3 s of weights . BLOOD

Wrinkles move with the face; blood is slow. Without an emotion there is none, to the last bit, and
3 s after one neither. Limits of taste: twice this is a clown.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.emotion import EMOTIONS, SKIN_MEMORY_S
from ..smooth import smoothstep

ZONES = ("cheeks", "nose", "lids", "forehead", "face")
BLOOD: dict[str, dict[str, float]] = {
    "happy": {"cheeks": 0.5, "nose": 0.2, "face": 0.1},
    "sad": {"cheeks": 0.2, "nose": 0.5, "lids": 0.7},
    "angry": {"cheeks": 0.4, "nose": 0.3, "forehead": 0.3, "face": 0.4},
    "fear": {"face": -1.0, "cheeks": -0.3},
    "disgust": {"face": -0.4},
    "surprise": {"cheeks": 0.2},
}
"""Blood that each emotion brings at weight 1; negative where it draws it away."""
FLUSHED = np.array([0.01, -0.11, -0.08])
PALE = np.array([-0.045, -0.012, 0.0])
"""Change of log red, green and blue by one unit."""
_SLOW_S = 0.6
"""Blood follows an emotion with this time constant twice over, and has forgotten it after
`SKIN_MEMORY_S`."""
_MOST = 1.5
"""Units of blood that skin takes, with strength."""
_SPOTS_MM: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "cheeks": ((40.0, -10.0), (15.0, 13.0)),
    "nose": ((0.0, -8.0), (10.0, 11.0)),
    "lids": ((32.0, 6.0), (13.0, 5.0)),
    "forehead": ((0.0, 60.0), (34.0, 15.0)),
}
"""Middle and standard deviations, x to either side and y up, on the open head."""
_FACE_MM = (78.0, 105.0)
"""Half the width and height of the ellipse within which a face flushes as a whole."""
_FRONT_MM = (5.0, 30.0)
_COLOURED, _LIGHT = 0.25, (0.2, 0.5)
_LEAST_GAIN = 0.4
"""Of the darkest skin: melanin hides blood."""
_OWN = (0.7, 1.25)


def blood_zones(places: FloatArray) -> Float32Array:
    """(zones, N) 0..1, how far places (N, 3) on the open head, metres, lie in each zone."""
    x, y, z = np.abs(1e3 * places[:, 0]), 1e3 * places[:, 1], 1e3 * places[:, 2]
    front = smoothstep(z, *_FRONT_MM)
    out = np.empty((len(ZONES), len(places)), np.float32)
    for index, name in enumerate(ZONES[:-1]):
        (middle_x, middle_y), (wide, high) = _SPOTS_MM[name]
        out[index] = np.exp(-0.5 * (((x - middle_x) / wide) ** 2 + ((y - middle_y) / high) ** 2))
    away = np.hypot(x / _FACE_MM[0], y / _FACE_MM[1])
    out[-1] = 1 - smoothstep(away, 0.5, 1.0)
    out *= front
    return np.where(out < 1e-3, 0, out).astype(np.float32)


def blood_gain(colours: FloatArray) -> Float32Array:
    """(N,) how much of it shows on skin of these colours (N, 3), sRGB: nothing on what is grey,
    less on dark skin, more where this person's skin is redder than it is elsewhere."""
    if not len(colours):
        return np.zeros(0, np.float32)
    seen = np.clip(colours, 0.02, 1).astype(np.float64)
    mean = np.median(seen, 0)
    coloured = np.clip((mean[0] - mean[2]) / mean.mean() / _COLOURED, 0, 1)
    light = _LEAST_GAIN + (1 - _LEAST_GAIN) * smoothstep(mean.mean(), *_LIGHT)
    redness = np.log(seen[:, 0] / seen[:, 1])
    own = np.clip(1 + 2 * (redness - np.median(redness)), *_OWN)
    return (coloured * light * own).astype(np.float32)


def blood_of(emotions: FloatArray, fps: float) -> Float64Array:
    """(T, zones) blood in each zone, from the emotions' weights (T, 6) of a take; before it they
    were as in its first frame."""
    table = np.array([[BLOOD[name].get(zone, 0.0) for zone in ZONES] for name in EMOTIONS])
    wanted = np.asarray(emotions, np.float64) @ table
    if len(wanted) < 2 or not wanted.any():
        return wanted
    kernel = _response(fps)
    before = np.repeat(wanted[:1], len(kernel) - 1, 0)
    padded = np.concatenate([before, wanted])
    columns = [np.convolve(padded[:, zone], kernel, "valid") for zone in range(len(ZONES))]
    return np.stack(columns, 1)


def _response(fps: float) -> Float64Array:
    """(n,) sum 1, how much of an emotion so many frames ago is in the skin now."""
    ago = (np.arange(max(round(SKIN_MEMORY_S * fps), 1)) + 0.5) / fps
    shares = ago * np.exp(-ago / _SLOW_S) * np.maximum(1 - ago / SKIN_MEMORY_S, 0) ** 2
    total = shares.sum()
    return shares / total if total else np.ones(1)


def flush_change(blood: FloatArray, zones: Float32Array, strength: float) -> Float32Array:
    """(N, 3) change of log colour in one frame. blood: (zones,); zones: (zones, N) with the skin's
    own gain."""
    share = np.clip(strength * np.asarray(blood, np.float32), -_MOST, _MOST) @ zones
    flushed, pale = np.maximum(share, 0)[:, None], np.maximum(-share, 0)[:, None]
    return (flushed * FLUSHED + pale * PALE).astype(np.float32)
