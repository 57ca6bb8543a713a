# SPDX-License-Identifier: GPL-3.0-or-later
"""From motion to vertices: FLAME's forward pass (Li et al. 2017, eq. 1 to 4).

    v = W(T(shape, expression, pose), joints, pose),
    T = template + S shape + E expression + P (R(pose) - I)

with linear blend skinning W over five joints.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...shared.errors import InputError
from ...shared.head import PARENTS, HeadModel
from ...shared.motion import Motion
from .rotation import matrix_from_axis_angle

CHUNK_FRAMES = 32
"""Frames are computed in blocks on one grid over the take, padded to full blocks: the same
frame then has the same bits whichever part of the take is asked for."""


class HeadLayer(torch.nn.Module):
    """A head model on a device. Expression (B, E), poses in radians, vertices in metres."""

    template: Tensor  # (V, 3)
    shape_basis: Tensor  # (S, V * 3)
    bases: Tensor  # (E + P, 3 * V) expression, then the pose correctives that are not all zero
    joint_regressor: Tensor  # (5, V)
    skin_weights: Tensor  # (5, V)
    pose_columns: Tensor  # (P,) which of the 36 elements of R - I those are

    def __init__(self, model: HeadModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.name, self.space = model.name, model.space
        self.components = len(model.expression_names)
        used = np.flatnonzero(np.abs(model.pose_basis).max((0, 1)) > 0)
        bases = np.concatenate([model.expression_basis, model.pose_basis[..., used]], 2)
        buffers = {
            "template": model.template,
            "shape_basis": model.shape_basis.reshape(-1, model.shape_basis.shape[2]).T,
            # Coordinate by coordinate: skinning then runs over long rows, 8 times as fast.
            "bases": bases.transpose(2, 1, 0).reshape(bases.shape[2], -1),
            "joint_regressor": model.joint_regressor,
            "skin_weights": model.skin_weights.T,
        }
        for name, values in buffers.items():
            tensor = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("pose_columns", torch.from_numpy(used), persistent=False)

    def shaped(self, shape: Tensor) -> Tensor:
        """Template (V, 3) of the identity `shape` (S,), coefficients in standard deviations."""
        return self.template + (shape @ self.shape_basis).reshape(-1, 3)

    def forward(
        self, shaped: Tensor, expression: Tensor, pose: Tensor, translation: Tensor
    ) -> Tensor:
        """Vertices (B, V, 3).

        shaped: (V, 3) from `shaped`. expression: (B, E). pose: (B, 5, 3) axis-angle of root,
        neck, jaw, left eye, right eye. translation: (B, 3), added after the root's rotation.
        """
        rotation = matrix_from_axis_angle(pose)  # (B, 5, 3, 3)
        feature = (rotation[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)).flatten(1)
        coefficients = torch.cat([expression, feature[:, self.pose_columns]], 1)
        posed = shaped.T.reshape(1, -1) + coefficients @ self.bases  # (B, 3 * V)
        posed = posed.reshape(len(pose), 3, -1)
        transform = joint_transforms(rotation, self.joint_regressor @ shaped)  # (B, 5, 3, 4)
        blended = transform.permute(0, 2, 3, 1).reshape(-1, 5) @ self.skin_weights
        blended = blended.reshape(len(pose), 3, 4, -1)  # one 3 x 4 map for each vertex
        moved = blended[:, :, 3] + translation[:, :, None]
        for axis in range(3):
            moved = torch.addcmul(moved, blended[:, :, axis], posed[:, None, axis])
        return moved.permute(0, 2, 1)

    @torch.inference_mode()
    def vertices(self, motion: Motion, start: int, stop: int) -> NDArray[np.float32]:
        """Frames start..stop-1 as (n, V, 3) metres, the same bits for every range.

        Raises InputError `space.no_adapter` if the motion is in another expression space.
        """
        if motion.space != self.space:
            raise InputError(
                "space.no_adapter",
                f"The take is in the space '{motion.space}', the head '{self.name}' speaks "
                f"'{self.space}'.",
                "Convert the take with an adapter between the two.",
            )
        dtype = self.template.dtype
        shape = torch.tensor(motion.shape[: len(self.shape_basis)], dtype=dtype)
        shaped = self.shaped(shape)
        out = np.empty((stop - start, len(self.template), 3), np.float32)
        first = start - start % CHUNK_FRAMES
        for block in range(first, stop, CHUNK_FRAMES):
            arrays = [_block(a, block).to(dtype) for a in self._inputs(motion)]
            moved = self(shaped, *arrays).to(torch.float32).numpy()
            low, high = max(start, block), min(stop, block + CHUNK_FRAMES)
            out[low - start : high - start] = moved[low - block : high - block]
        return out

    def _inputs(self, motion: Motion) -> tuple[NDArray[np.float32], ...]:
        pose = np.stack(
            [motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:]], 1
        )
        return motion.expression[:, : self.components], pose, motion.translation


def _block(values: NDArray[np.float32], start: int) -> Tensor:
    """Frames start..start+CHUNK_FRAMES-1, the missing ones zero."""
    part = torch.tensor(values[start : start + CHUNK_FRAMES])
    padded = torch.zeros((CHUNK_FRAMES, *part.shape[1:]), dtype=part.dtype)
    padded[: len(part)] = part
    return padded


def joint_transforms(rotation: Tensor, joints: Tensor) -> Tensor:
    """Rigid maps (B, 5, 3, 4) from the rest pose to the posed one, along FLAME's chain.

    rotation: (B, 5, 3, 3) of each joint relative to its parent; joints: (5, 3) at rest.
    """
    turned, places = [], []
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned.append(rotation[:, joint])
            places.append(joints[joint].expand(len(rotation), 3))
            continue
        turned.append(turned[parent] @ rotation[:, joint])
        arm = (joints[joint] - joints[parent])[None, :, None]
        places.append(places[parent] + (turned[parent] @ arm)[..., 0])
    global_rotation = torch.stack(turned, 1)
    shift = torch.stack(places, 1) - torch.einsum("bjrc,jc->bjr", global_rotation, joints)
    return torch.cat([global_rotation, shift[..., None]], -1)
