# SPDX-License-Identifier: GPL-3.0-or-later
"""What an avatar is, in words."""

from __future__ import annotations

import numpy as np

from .avatar import HARMONICS, ArkitRig, Avatar


def describe(avatar: Avatar) -> list[str]:
    """Lines for a user: name, counts, surface, way to follow, size, notes."""
    degree = 0
    if avatar.harmonics is not None:
        degree = 1 + HARMONICS.index(avatar.harmonics.shape[1])
    means = avatar.means
    solid = means[avatar.opacities > 0.3] if (avatar.opacities > 0.3).any() else means
    size = np.quantile(solid, 0.99, axis=0) - np.quantile(solid, 0.01, axis=0)
    lines = [
        f"name: {avatar.name}",
        f"Gaussians: {len(avatar):,}, spherical harmonics of degree {degree}",
        f"surface: {_surface(avatar)}",
        f"follow: {avatar.follow}",
        "size: " + " x ".join(f"{edge:.2f}" for edge in size) + " m (width, height, depth)",
    ]
    return [*lines, *(f"note: {note}" for note in avatar.notes)]


def _surface(avatar: Avatar) -> str:
    surface = avatar.surface
    if surface is None:
        return "none, the Gaussians stand still"
    mesh = f"{len(avatar.vertices):,} vertices, {len(avatar.faces):,} faces"
    bound = f"Gaussians on its {'vertices' if avatar.binding == 'vertex' else 'faces'}"
    if isinstance(surface, ArkitRig):
        shapes = int(surface.arkit_shapes.any((1, 2)).sum())
        joints = len(surface.joint_pivots)
        return f"{mesh}, {shapes} ARKit shapes, {joints} joints that turn the head; {bound}"
    return f"the head '{surface.name}' of the space '{surface.space}', {mesh}; {bound}"
