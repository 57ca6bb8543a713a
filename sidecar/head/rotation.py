# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as axis-angle vectors (radians) and matrices, smooth through zero."""

from __future__ import annotations

import torch
from torch import Tensor


def matrix_from_axis_angle(vector: Tensor) -> Tensor:
    """(…, 3) -> (…, 3, 3) by Rodrigues' formula, R = I + a K + b K²; with a = sin t / t and
    b = (1 - cos t) / t² from their Taylor series near zero, so that gradients exist there."""
    square = (vector * vector).sum(-1)[..., None, None]
    small = square < 1e-6
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 1 - square / 6 + square * square / 120, angle.sin() / angle)
    b = torch.where(small, 0.5 - square / 24 + square * square / 720, (1 - angle.cos()) / safe)
    cross = cross_matrix(vector)
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + a * cross + b * (cross @ cross)


def cross_matrix(vector: Tensor) -> Tensor:
    """(…, 3) -> (…, 3, 3) with cross_matrix(v) @ w = v × w."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, -1).reshape(*vector.shape[:-1], 3, 3)


def axis_angle_from_matrix(matrix: Tensor) -> Tensor:
    """(…, 3, 3) -> (…, 3), the angle in 0..pi; stable at 0 and at pi by way of quaternions
    (Shepperd 1978: the largest of the four candidates is divided by)."""
    m = matrix
    trace = m.diagonal(dim1=-2, dim2=-1).sum(-1)
    diagonal = m.diagonal(dim1=-2, dim2=-1)
    # Four times the outer product of the quaternion (w, x, y, z) with itself.
    outer = m.new_zeros((*m.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1 + trace
    off = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    for k in range(3):
        outer[..., 0, k + 1] = outer[..., k + 1, 0] = off[k]
        outer[..., k + 1, k + 1] = 1 - trace + 2 * diagonal[..., k]
        for n in range(k + 1, 3):
            value = m[..., k, n] + m[..., n, k]
            outer[..., k + 1, n + 1] = outer[..., n + 1, k + 1] = value
    best = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = torch.take_along_dim(outer, best[..., None, None], -2)[..., 0, :]
    quaternion = row / row.norm(dim=-1, keepdim=True)
    quaternion = quaternion * torch.where(quaternion[..., :1] < 0, -1.0, 1.0)
    vector = quaternion[..., 1:]
    sine = vector.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    factor = torch.where(sine < 1e-6, torch.full_like(sine, 2.0), angle / sine.clamp_min(1e-12))
    return vector * factor
