# SPDX-License-Identifier: GPL-3.0-or-later
"""Animates the mesh that an avatar's Gaussians sit on by a take."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.calibration import SHAPES, calibrated
from ...shared.errors import InputError
from ...shared.head import PARENTS, HeadModel
from ...shared.motion import Motion
from ...shared.personal_head import personal_head as shared_personal_head
from ..memory import remembered
from . import kernels
from .avatar import ArkitRig, Avatar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PosedMesh:
    """The mesh in one frame. vertices: (V, 3) metres. turns: (V, 4) w, x, y, z, each vertex's
    rotation by the bones, or (0, 4) if it was not asked for; the caller may write into them."""

    vertices: Float32Array
    turns: Float32Array


class AnimatedMesh(Protocol):
    """A mesh with a take; `pose` may be called from several threads."""

    def pose(self, index: int) -> PosedMesh: ...

    def playing(self, motion: Motion) -> AnimatedMesh:
        """The same mesh with another take. Raises InputError `space.no_adapter` if the take is
        not in the mesh's space."""
        ...


def animate_mesh(avatar: Avatar, motion: Motion, *, with_turns: bool) -> AnimatedMesh | None:
    """Animates the avatar's surface by the take; None if it has no surface. with_turns: the poses
    need the bones' rotations. Raises InputError `space.no_adapter` if the take is in another
    space than the surface."""
    if isinstance(avatar.surface, ArkitRig):
        return _AnimatedRig(avatar.surface, motion)
    return None if avatar.surface is None else _AnimatedHead(avatar, motion, with_turns=with_turns)


class _AnimatedRig:
    def __init__(self, rig: ArkitRig, motion: Motion) -> None:
        self._rig = rig
        self._play(motion)
        self._rest = np.ascontiguousarray(rig.vertices, np.float32).reshape(-1)
        self._shapes = np.ascontiguousarray(rig.arkit_shapes, np.float32).reshape(52, -1)
        padded = -self._shapes.shape[1] % kernels.BLOCK
        blocks = np.pad(self._shapes != 0, ((0, 0), (0, padded))).reshape(52, -1, kernels.BLOCK)
        self._used = blocks.any(2)
        self._joint_weights = np.ascontiguousarray(rig.joint_weights, np.float32)

    def playing(self, motion: Motion) -> _AnimatedRig:
        other = copy.copy(self)
        other._play(motion)
        return other

    def _play(self, motion: Motion) -> None:
        if motion.space != "arkit":
            raise InputError(
                "space.no_adapter",
                f"The avatar speaks ARKit's shapes, the take is in the space '{motion.space}'.",
                "Give an adapter between the two.",
            )
        self._weights = shown_weights(self._rig, motion)
        self._turns = head_turns(motion)

    def pose(self, index: int) -> PosedMesh:
        weights = self._weights[index]
        active = np.flatnonzero(weights)
        out = np.empty_like(self._rest)
        kernels.express(
            self._rest,
            self._shapes,
            self._used,
            active,
            np.ascontiguousarray(weights[active], np.float32),
            out,
        )
        vertices = out.reshape(-1, 3)
        turns = np.empty((len(vertices), 4), np.float32)
        quaternions, transforms = chain_transforms(self._rig, self._turns[index])
        kernels.skin_chain(vertices, self._joint_weights, transforms, quaternions, turns)
        return PosedMesh(vertices=vertices, turns=turns)


class _AnimatedHead:
    def __init__(self, avatar: Avatar, motion: Motion, *, with_turns: bool) -> None:
        from ..head.forward import CHUNK_FRAMES, layer_of  # torch, which other avatars do without

        head = personal_head(avatar)
        self._shape = avatar.shape
        self._layer, self._chunk = layer_of(head), CHUNK_FRAMES
        self._mover = self._layer.mover(self._with_shape(motion))
        self._weights = np.ascontiguousarray(head.skin_weights, np.float32)
        self._with_turns = with_turns
        self._play(motion)

    def playing(self, motion: Motion) -> _AnimatedHead:
        other = copy.copy(self)
        other._play(motion)
        return other

    def _play(self, motion: Motion) -> None:
        self._layer.check_space(motion)
        self._motion = motion
        self._joints = joint_quaternions(motion) if self._with_turns else None
        self._block: tuple[int, Float32Array] | None = None
        self._lock = threading.Lock()

    def _with_shape(self, motion: Motion) -> Motion:
        """The take with the avatar's identity in place of its own."""
        identity = np.zeros_like(motion.shape)
        if self._shape is not None:
            identity[: len(self._shape)] = self._shape
        return replace(motion, shape=identity)

    def pose(self, index: int) -> PosedMesh:
        vertices = self._vertices(index)
        if self._joints is None:
            return PosedMesh(vertices=vertices, turns=np.empty((0, 4), np.float32))
        turns = self._weights @ self._joints[index]
        turns /= np.maximum(np.linalg.norm(turns, axis=1, keepdims=True), np.float32(1e-12))
        return PosedMesh(vertices=vertices, turns=turns)

    def _vertices(self, index: int) -> Float32Array:
        first = index - index % self._chunk
        with self._lock:
            if self._block is None or self._block[0] != first:
                stop = min(first + self._chunk, len(self._motion))
                (block,) = self._mover.blocks(self._motion, first, stop)
                self._block = first, block
            return self._block[1][index - first]


def shown_weights(rig: ArkitRig, motion: Motion) -> Float32Array:
    """(T, 52) what moves the rig's shapes in a take in `arkit`: its weights, calibrated if the rig
    is."""
    weights = motion.expression[:, :SHAPES]
    return weights if rig.calibration is None else calibrated(weights, rig.calibration)


@remembered
def personal_head(avatar: Avatar) -> HeadModel:
    """The head that the avatar sits on, with its person's own template and movements."""
    assert isinstance(avatar.surface, HeadModel)
    return shared_personal_head(avatar.surface, avatar.template_change, avatar.shape)


def head_turns(motion: Motion) -> Float64Array:
    """(T, 3) axis-angle of the head against the shoulders: the take's whole-head rotation with
    its neck's on top. Translation is left out: an avatar's shoulders stay in the picture."""
    whole = Rotation.from_rotvec(motion.rotation.astype(np.float64))
    return (whole * Rotation.from_rotvec(motion.neck.astype(np.float64))).as_rotvec()


def chain_transforms(rig: ArkitRig, head_rotation: FloatArray) -> tuple[Float32Array, Float32Array]:
    """(J, 4) quaternions and (J, 3, 4) transforms of the chain's joints from rest, in the body's
    axes. head_rotation: axis-angle (3,), of which each joint adds its share to those below it, so
    that the last one turns by the whole."""
    shares = np.cumsum(rig.joint_shares, dtype=np.float64)
    turns = Rotation.from_rotvec(shares[:, None] * np.asarray(head_rotation, np.float64))
    matrices, pivots = turns.as_matrix(), rig.joint_pivots.astype(np.float64)
    transforms = np.empty((len(pivots), 3, 4))
    place = pivots[0]
    for joint, matrix in enumerate(matrices):
        if joint:
            place = place + matrices[joint - 1] @ (pivots[joint] - pivots[joint - 1])
        transforms[joint, :, :3] = matrix
        transforms[joint, :, 3] = place - matrix @ pivots[joint]
    quaternions = np.roll(turns.as_quat(canonical=True), 1, 1)
    return quaternions.astype(np.float32), transforms.astype(np.float32)


def joint_quaternions(motion: Motion) -> Float32Array:
    """(T, 5, 4) world rotations of FLAME's joints, a frame's all in one hemisphere for blending."""
    local = [motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:]]
    turned: list[Rotation] = []
    for parent, vectors in zip(PARENTS, local, strict=True):
        turn = Rotation.from_rotvec(vectors.astype(np.float64))
        turned.append(turn if parent < 0 else turned[parent] * turn)
    quaternions = np.stack([np.roll(turn.as_quat(), 1, 1) for turn in turned], 1)
    toward = np.einsum("tjk,tk->tj", quaternions, quaternions[:, 0])
    quaternions *= np.where(toward < 0, -1, 1)[..., None]
    return quaternions.astype(np.float32)
