# SPDX-License-Identifier: GPL-3.0-or-later
"""sRGB and linear light (IEC 61966-2-1), of single values and of whole pictures."""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, FloatArray, UInt8Array
from .parallel import RowWork, run_rows

PAPER = (0.9, 0.9, 0.905)
"""The background of pictures for people: a light grey, sRGB."""
_DECODE_STEPS, _ENCODE_STEPS = 4096, 16384


def srgb_to_linear(values: FloatArray) -> FloatArray:
    """Linear light of sRGB values, which are not below 0."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: FloatArray) -> FloatArray:
    """sRGB values of linear light, which is not below 0."""
    safe = np.maximum(values, 0.0031308)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * safe ** (1 / 2.4) - 0.055)


def _decode_table() -> Float32Array:
    """Linear light at even steps of sRGB from 0 to 1, and one step past the end. Interpolating
    linearly between the steps is right to 3e-8."""
    linear = srgb_to_linear(np.linspace(0, 1, _DECODE_STEPS + 1))
    return np.append(linear, linear[-1]).astype(np.float32)


_LINEAR = _decode_table()
_ENCODED = np.round(255 * linear_to_srgb(np.linspace(0, 1, _ENCODE_STEPS))).astype(np.uint8)


def linear_light(colour: Float32Array, alpha: Float32Array) -> RowWork:
    """(H, W, 4) linear light premultiplied by alpha. colour: (H, W, C >= 3), its first three
    channels sRGB premultiplied by alpha (H, W). Light below 0 is black, above 1 stays."""
    out = np.empty((*alpha.shape, 4), np.float32)
    return RowWork(result=out, fill=lambda a, b: _linear_light(colour, alpha, _LINEAR, a, b, out))


def straight_srgb(combined: Float32Array) -> UInt8Array:
    """Linear light premultiplied by alpha (H, W, 4) -> sRGB of 8 bit with straight alpha."""
    out = np.empty(combined.shape, np.uint8)
    run_rows([lambda a, b: _develop(combined, _ENCODED, a, b, out)], len(out))
    return out


def over(combined: Float32Array, background: tuple[float, float, float] = PAPER) -> UInt8Array:
    """Linear light premultiplied by alpha (H, W, 4), laid over a plain sRGB colour: (H, W, 3)
    sRGB of 8 bit. Light is mixed, not its code, as a compositor does."""
    paper = srgb_to_linear(np.array(background, np.float32)).astype(np.float32)
    laid = combined[..., :3] + (1 - combined[..., 3:]) * paper
    return _ENCODED[(np.clip(laid, 0, 1) * (_ENCODE_STEPS - 1) + 0.5).astype(np.int32)]


@njit(cache=True, nogil=True)
def _linear_light(colour, alpha, table, first, stop, out):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(alpha.shape[1]):
            covered = alpha[row, column]
            out[row, column, 3] = covered
            scale = np.float32(1.0) / covered if covered > 0.0 else np.float32(0.0)
            for k in range(3):
                value = max(colour[row, column, k] * scale, np.float32(0.0))
                if value <= 1.0:
                    place = value * np.float32(_DECODE_STEPS)
                    step = int(place)
                    part = place - np.float32(step)
                    light = table[step] + part * (table[step + 1] - table[step])
                else:
                    light = ((value + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
                out[row, column, k] = light * covered


@njit(cache=True, nogil=True)
def _develop(combined, table, first, stop, out):  # pragma: no cover - compiled
    top = np.float32(table.shape[0] - 1)
    for row in range(first, stop):
        for column in range(out.shape[1]):
            alpha = min(max(combined[row, column, 3], np.float32(0.0)), np.float32(1.0))
            scale = np.float32(1.0) / alpha if alpha > 1e-6 else np.float32(0.0)
            for k in range(3):
                value = min(max(combined[row, column, k] * scale, np.float32(0.0)), np.float32(1.0))
                out[row, column, k] = table[int(value * top + np.float32(0.5))]
            out[row, column, 3] = np.uint8(alpha * np.float32(255.0) + np.float32(0.5))
