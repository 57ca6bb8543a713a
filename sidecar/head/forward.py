# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes vertices from motion: FLAME's forward pass (Li et al. 2017, eq. 1 to 4).

    v = W(T(shape, expression, pose), joints, pose),
    T = template + S shape + E expression + P (R(pose) - I)

with linear blend skinning W over five joints.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue

import numpy as np
import torch
from torch import Tensor

from ...shared.arrays import Float32Array, Int32Array
from ...shared.errors import InputError
from ...shared.head import PARENTS, HeadModel
from ...shared.motion import Motion
from ..denormals import flushed_denormals
from ..memory import remembered
from ..threads import in_order
from .skinning import (
    CHUNK_FRAMES,
    multiply_sparse,
    multiply_sparse_at,
    pose_joints,
    skin,
    sparse_rows,
)

__all__ = ["CHUNK_FRAMES", "HeadLayer", "Mover", "joint_transforms", "layer_of"]

_SparseRows = tuple[Int32Array, Int32Array, Float32Array]
_SPARSE = 0.2
"""Bases with a smaller share of nonzero values (the open head: 0.07) are multiplied as sparse
matrices; a denser one (FLAME) is faster by BLAS."""
_Compute = Callable[[Motion, int, Float32Array], None]
"""Computes the frames from a given one on, all in its block, into an array (n, V, 3)."""


class HeadLayer(torch.nn.Module):
    """A head model on a device. Expression (B, E), poses in radians, vertices in metres."""

    template: Tensor  # (V, 3)
    shape_basis: Tensor  # (S, V * 3)
    bases: Tensor  # (3 * V, E + P) expression, then the pose correctives that are not all zero
    joint_regressor: Tensor  # (5, V)
    skin_weights: Tensor  # (5, V)
    pose_columns: Tensor  # (P,) their indices in the 36 elements of R - I

    def __init__(self, model: HeadModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.name, self.space = model.name, model.space
        self.components = len(model.expression_names)
        used = np.flatnonzero(np.abs(model.pose_basis).max((0, 1)) > 0)
        bases = np.concatenate([model.expression_basis, model.pose_basis[..., used]], 2)
        buffers = {
            "template": model.template,
            "shape_basis": model.shape_basis.reshape(-1, model.shape_basis.shape[2]).T,
            # All x, then y, then z: skinning then runs over long rows, 8 times as fast.
            "bases": bases.transpose(1, 0, 2).reshape(-1, bases.shape[2]),
            "joint_regressor": model.joint_regressor,
            "skin_weights": model.skin_weights.T,
        }
        for name, values in buffers.items():
            tensor = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("pose_columns", torch.from_numpy(used), persistent=False)

    def shaped(self, shape: Tensor) -> Tensor:
        """The template (V, 3) of an identity: coefficients (S,) in standard deviations."""
        return self.template + (shape @ self.shape_basis).reshape(-1, 3)

    def forward(
        self, shaped: Tensor, expression: Tensor, pose: Tensor, translation: Tensor
    ) -> Tensor:
        """Computes vertices (B, V, 3).

        shaped: (V, 3) from `shaped`. expression: (B, E). pose: (B, 5, 3) axis-angle of root,
        neck, jaw, left eye, right eye. translation: (B, 3), added after the root's rotation.
        """
        rotation = matrix_from_axis_angle(pose)  # (B, 5, 3, 3)
        feature = (rotation[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)).flatten(1)
        coefficients = torch.cat([expression, feature[:, self.pose_columns]], 1)
        posed = shaped.T.reshape(1, -1) + coefficients @ self.bases.T  # (B, 3 * V)
        posed = posed.reshape(len(pose), 3, -1)
        transform = joint_transforms(rotation, self.joint_regressor @ shaped)  # (B, 5, 3, 4)
        blended = transform.permute(0, 2, 3, 1).reshape(-1, 5) @ self.skin_weights
        blended = blended.reshape(len(pose), 3, 4, -1)  # one 3 x 4 map for each vertex
        moved = blended[:, :, 3] + translation[:, :, None]
        for axis in range(3):
            moved = torch.addcmul(moved, blended[:, :, axis], posed[:, None, axis])
        return moved.permute(0, 2, 1)

    def vertices(self, motion: Motion, start: int, stop: int) -> Float32Array:
        """Vertices of the frames start..stop-1, (n, V, 3) metres; every range gives the same bits.

        Raises InputError `space.no_adapter` if the motion is in another expression space.
        """
        out = np.empty((stop - start, len(self.template), 3), np.float32)
        mover = self.mover(motion)
        for _ in mover.fill(motion, start, stop, lambda low, high: out[low - start : high - start]):
            pass
        return out

    def mover(self, motion: Motion) -> Mover:
        """The head with this motion's identity, which any motion of that identity can move.

        Raises like `vertices`.
        """
        computers = [self._computer(motion) for _ in range(torch.get_num_threads())]
        return Mover(computers, len(self.template))

    def check_space(self, motion: Motion) -> None:
        """Checks that the motion has the head's expression space.

        Raises InputError `space.no_adapter` if not.
        """
        if motion.space != self.space:
            raise InputError(
                "space.no_adapter",
                f"The take is in the space '{motion.space}', the head '{self.name}' speaks "
                f"'{self.space}'.",
                "Convert the take with an adapter between the two.",
            )

    def _computer(self, motion: Motion) -> _Compute:
        self.check_space(motion)
        fused = (self.template.device.type, self.template.dtype) == ("cpu", torch.float32)
        with flushed_denormals(), torch.inference_mode():
            shape = torch.tensor(motion.shape[: len(self.shape_basis)]).to(self.template)
            shaped = self.shaped(shape)
            return self._fused(shaped) if fused else self._plain(shaped)

    def _plain(self, shaped: Tensor) -> _Compute:
        """Computes blocks by `forward`, on any device."""

        @flushed_denormals()
        @torch.inference_mode()
        def compute(motion: Motion, low: int, out: Float32Array) -> None:
            first = low - low % CHUNK_FRAMES
            inputs = self._inputs(motion, first, first + CHUNK_FRAMES)
            moved = self(shaped, *(_padded(values).to(shaped) for values in inputs))
            out[:] = moved[low - first : low - first + len(out)].cpu().numpy()

        return compute

    def _fused(self, shaped: Tensor) -> _Compute:
        """Computes blocks on the CPU by one product and `skinning`, in reused buffers."""
        rows, sparse = self._sparse_weights, self._sparse_bases
        rest = shaped.numpy()
        joints = (self.joint_regressor @ shaped).numpy().astype(np.float64)
        columns = self.pose_columns.numpy()
        coefficients = np.zeros((self.bases.shape[1], CHUNK_FRAMES), np.float32)
        offsets = torch.empty((len(self.bases), CHUNK_FRAMES))
        feature = np.zeros((36, CHUNK_FRAMES), np.float32)
        transform = np.zeros((5, 12, CHUNK_FRAMES), np.float32)
        moved = np.zeros((3, CHUNK_FRAMES), np.float32)

        @flushed_denormals()
        @torch.inference_mode()
        def compute(motion: Motion, low: int, out: Float32Array) -> None:
            first = low % CHUNK_FRAMES
            places = slice(first, first + len(out))
            expression, pose, translation = self._inputs(motion, low, low + len(out))
            pose_joints(pose, joints, first, feature, transform)
            coefficients[: self.components, places] = expression.T
            coefficients[self.components :] = feature[columns]
            moved[:, places] = translation.T
            if sparse is None:
                torch.mm(self.bases, torch.from_numpy(coefficients), out=offsets)
            elif len(out) == 1:
                multiply_sparse_at(sparse, coefficients, first, offsets.numpy())
            else:
                multiply_sparse(sparse, coefficients, offsets.numpy())
            skin(offsets.numpy(), rest, rows, transform, moved, first, out.reshape(len(out), -1))

        return compute

    @functools.cached_property
    def _sparse_weights(self) -> _SparseRows:
        return sparse_rows(self.skin_weights.T.numpy())

    @functools.cached_property
    def _sparse_bases(self) -> _SparseRows | None:
        share = torch.count_nonzero(self.bases).item() / max(self.bases.numel(), 1)
        return sparse_rows(self.bases.numpy()) if share < _SPARSE else None

    def _inputs(self, motion: Motion, start: int, stop: int) -> tuple[Float32Array, ...]:
        """Expression (n, E), pose (n, 5, 3) and translation (n, 3) of the frames in the range."""
        frames = slice(start, stop)
        eyes = motion.eyes[frames]
        turns = (motion.rotation, motion.neck, motion.jaw)
        pose = np.stack([*(a[frames] for a in turns), eyes[:, :3], eyes[:, 3:]], 1)
        return motion.expression[frames, : self.components], pose, motion.translation[frames]


class Mover:
    """A head of one identity, with reused buffers for each thread."""

    def __init__(self, computers: Iterable[_Compute], vertex_count: int) -> None:
        self._idle = SimpleQueue[_Compute]()
        for compute in computers:
            self._idle.put(compute)
        self.vertex_count = vertex_count

    def blocks(self, motion: Motion, start: int, stop: int) -> Iterator[Float32Array]:
        """Vertices of the frames start..stop-1 in order, in blocks (n, V, 3) metres; see `fill`."""
        shape = self.vertex_count, 3
        return self.fill(
            motion, start, stop, lambda low, high: np.empty((high - low, *shape), np.float32)
        )

    def fill(
        self, motion: Motion, start: int, stop: int, room: Callable[[int, int], Float32Array]
    ) -> Iterator[Float32Array]:
        """Computes the frames start..stop-1 in blocks of at most CHUNK_FRAMES, yielded in order.

        Frames low..high-1 are written to room(low, high), (n, V, 3); a few blocks are computed
        ahead. The motion must have the space and the identity of the mover.
        """

        def fill(block: tuple[int, int]) -> Float32Array:
            compute, filled = self._idle.get(), room(*block)
            try:
                compute(motion, block[0], filled)
            finally:
                self._idle.put(compute)
            return filled

        return in_order(fill, _blocks(start, stop))


@remembered
def layer_of(head: HeadModel) -> HeadLayer:
    """The head's forward pass on the CPU, cached."""
    return HeadLayer(head)


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Splits start..stop at the boundaries of the blocks."""
    while start < stop:
        end = min(start - start % CHUNK_FRAMES + CHUNK_FRAMES, stop)
        yield start, end
        start = end


def _padded(values: Float32Array) -> Tensor:
    """The values padded with zeros to CHUNK_FRAMES frames."""
    padded = torch.zeros((CHUNK_FRAMES, *values.shape[1:]))
    padded[: len(values)] = torch.tensor(values)
    return padded


def joint_transforms(rotation: Tensor, joints: Tensor) -> Tensor:
    """Rigid transforms (B, 5, 3, 4) of the joints from the rest pose to the posed one.

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


def matrix_from_axis_angle(vector: Tensor) -> Tensor:
    """Axis-angle in radians (…, 3) -> (…, 3, 3) by Rodrigues' formula, R = I + a K + b K², where
    a = sin t / t and b = (1 - cos t) / t² are Taylor series near zero, so that gradients exist."""
    square = (vector * vector).sum(-1)[..., None, None]
    small = square < 1e-6
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 1 - square / 6 + square * square / 120, angle.sin() / angle)
    b = torch.where(small, 0.5 - square / 24 + square * square / 720, (1 - angle.cos()) / safe)
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    cross = cross.reshape(*vector.shape[:-1], 3, 3)  # cross @ w = vector × w
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + a * cross + b * (cross @ cross)
