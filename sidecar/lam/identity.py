# SPDX-License-Identifier: GPL-3.0-or-later
"""The person's identity in FLAME 2023's own components, from the landmarks of the photo.

LAM's queries are the points of the person's head, and see errors of a few millimetres (their
highest frequency has a period of 1.6 cm); so identity is held to FLAME's mean as strongly as by the
tracker that LAM was trained with (VHAP's landmark stage).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ...shared.head import HeadModel
from ..head.forward import layer_of
from ..portrait.choice import check_fit
from ..portrait.fit import Look, fit_heads
from ..portrait.kept import landmarks_of
from ..portrait.seeing import SeenFace
from ..portrait.stand_in import fit_on_flame, stand_in_of
from ..raster.project import to_pixels
from .settings import IDENTITY

_SHAPE_SPREAD = 0.11
"""VHAP weighs 10 mean |landmark in half pictures| against .3 mean component^2. At its usual error
of a hundredth that holds a component as 5e5 times a landmark's square does; our landmarks' squares,
478 of 0.012 eyes' distances, weigh 80 times as much against a spread of 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identity:
    """shape: (300,) FLAME 2023's; points: (V, 2) pixels in the photo of the head's vertices."""

    shape: Float32Array
    points: Float64Array


def find_identity(
    photo: UInt8Array, seen: SeenFace, flame: HeadModel, name: str, focal_pixels: float | None
) -> Identity:
    """Fits FLAME to the face. Raises InputError `photo.profile`, `photo.no_fit`, `adapter.*`,
    `head.no_face`."""
    stand_in = stand_in_of(flame)
    look = Look(seen=seen, size=(photo.shape[1], photo.shape[0]), focal_pixels=focal_pixels)
    (fit,) = fit_heads(stand_in.head, landmarks_of(stand_in.head), [look], _SHAPE_SPREAD)
    check_fit(fit, seen, name)
    fit = fit_on_flame(fit, stand_in)
    shape = np.zeros(IDENTITY, np.float32)
    shape[: len(fit.shape)] = fit.shape
    layer = layer_of(flame)
    motion = fit.motion
    with_shape = np.zeros_like(motion.shape)
    with_shape[: len(fit.shape)] = fit.shape
    vertices = layer.vertices(replace(motion, shape=with_shape), 0, 1)[0]
    points = to_pixels(vertices, fit.camera)[:, :2].astype(np.float64)
    return Identity(shape=shape, points=points)
