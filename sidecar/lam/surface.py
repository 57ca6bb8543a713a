# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's surface: FLAME, each of its triangles cut in four, and how LAM moves the points on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...shared.arrays import Int32Array
from ...shared.head import PARENTS

_TINY = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """A mesh whose triangles are cut in four. edges (E, 2): the ends, lower index first, of each
    edge, in order; their middles come after the V vertices that were there. faces (4 F, 3): the
    triangles at the first corners, then those at the second, at the third, and the middle ones."""

    edges: Int32Array
    faces: Int32Array

    def carry(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """(V, ...) values of the vertices -> (V + E, ...), middles with the mean of their ends."""
        middles = (values[self.edges[:, 0]] + values[self.edges[:, 1]]) / 2
        return np.concatenate([values, middles]).astype(values.dtype)


def divide(faces: Int32Array, vertices: int) -> Division:
    """Cuts the triangles (F, 3) of a mesh of so many vertices in four."""
    pairs = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1)
    edges, places = np.unique(pairs, axis=0, return_inverse=True)
    first, second, third = (vertices + places.reshape(-1, 3)).T
    a, b, c = faces.T
    parts = [(a, first, third), (b, second, first), (c, third, second), (second, third, first)]
    corners = np.concatenate([np.stack(part, 1) for part in parts])
    return Division(edges=edges.astype(np.int32), faces=corners.astype(np.int32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LamSurface:
    """FLAME as LAM uses it: the head of V vertices for the joints, its N points for the Gaussians.
    As float32 tensors: template (V, 3), directions (V, 3, 400), of identity and then of expression,
    regressor (5, V), points (N, 3), point_directions (N, 3, 400), skin_weights (N, 5)."""

    template: Tensor
    directions: Tensor
    regressor: Tensor
    points: Tensor
    point_directions: Tensor
    skin_weights: Tensor

    def rest_points(self, shape: Tensor) -> Tensor:
        """(B, 300) identities -> (B, N, 3) the points of the heads at rest, metres."""
        directions = self.point_directions[..., : shape.shape[1]]
        return self.points + torch.einsum("vkc,bc->bvk", directions, shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LamPose:
    """B frames on one person's head: shape (B, 300), expression (B, 100), and as axis-angles
    rotation, neck, jaw (B, 3), eyes (B, 6); translation (B, 3) metres."""

    shape: Tensor
    expression: Tensor
    rotation: Tensor
    neck: Tensor
    jaw: Tensor
    eyes: Tensor
    translation: Tensor


def move_points(surface: LamSurface, centres: Tensor, pose: LamPose) -> Tensor:
    """Where LAM's own way puts Gaussians whose centres at rest are (N, 3) or (B, N, 3): (B, N, 3).

    Joints follow the expression, correctives of the pose are left out, and Gaussians keep their own
    turn; our renderer's way is `avatar.drive`. This one has gradients."""
    identity = pose.shape.shape[1]
    both = torch.cat([pose.shape, pose.expression], 1)
    heads = surface.template + torch.einsum("vkc,bc->bvk", surface.directions, both)
    transforms = joint_transforms(surface.regressor @ heads, pose)
    expressions = surface.point_directions[..., identity:]
    moved = centres + torch.einsum("vkc,bc->bvk", expressions, pose.expression)
    blended = torch.einsum("nj,bjkl->bnkl", surface.skin_weights, transforms)
    turned = torch.einsum("bnkl,bnl->bnk", blended[..., :3], moved)
    return turned + blended[..., 3] + pose.translation[:, None]


def joint_transforms(joints: Tensor, pose: LamPose) -> Tensor:
    """(B, 5, 3) joints at rest -> (B, 5, 3, 4) their movement from rest."""
    angles = [pose.rotation, pose.neck, pose.jaw, pose.eyes[:, :3], pose.eyes[:, 3:]]
    turns: list[Tensor] = []
    places: list[Tensor] = []
    for joint, (parent, angle) in enumerate(zip(PARENTS, angles, strict=True)):
        turn = rotation_matrices(angle)
        if parent < 0:
            turns.append(turn)
            places.append(joints[:, joint])
            continue
        arm = joints[:, joint] - joints[:, parent]
        turns.append(turns[parent] @ turn)
        places.append(places[parent] + (turns[parent] @ arm.unsqueeze(-1)).squeeze(-1))
    matrices, ends = torch.stack(turns, 1), torch.stack(places, 1)
    shifts = ends - (matrices @ joints.unsqueeze(-1)).squeeze(-1)
    return torch.cat([matrices, shifts.unsqueeze(-1)], -1)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(B, 3) axis-angles -> (B, 3, 3), by Rodrigues; smooth at 0 too."""
    angle = torch.linalg.vector_norm(vectors + _TINY, dim=-1)[:, None, None]
    x, y, z = (vectors / angle[:, 0]).unbind(-1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], -1).view(-1, 3, 3)
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return eye + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
