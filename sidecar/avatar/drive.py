# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses an avatar's Gaussians in each frame of a take."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ...shared.arrays import Float32Array, FloatArray, Int32Array
from ...shared.motion import Motion, frames_outside, numbers_of
from ...shared.pictures import Follow
from ..raster.parallel import even_pieces, run_ranges
from . import kernels
from .animated_mesh import PosedMesh, animate_mesh
from .avatar import Avatar, corner_shares
from .emotion_looks import shown_strengths
from .feeling import felt
from .looks import look_shares, with_looks
from .rest_pose import rest_gaussians, splats_at
from .side_look import turned_with
from .splats import Splats
from .supports import supports_of
from .wrinkles import wrinkled_skin

STRETCH_RANGE = (1.0, 1.35)
"""How far a Gaussian may shrink or grow with the surface under it. Seen on LAM's avatars: below
1.3 the eye shines through a closed lid, above 1.5 the dark of an open mouth runs over the lips."""
GROWTH_RANGE = (0.1, 10.0)
"""The same for Gaussians that scale with their face's frame; only damaged files exceed it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PosedAvatar:
    """An avatar in one frame. normals: (N, 3) unit, world, of the surface where each Gaussian
    sits, smooth over faces; without a surface its thinnest axis, outward from the middle.
    vertices: (V, 3) metres."""

    gaussians: Splats
    normals: Float32Array
    vertices: Float32Array


class Actor:
    """An avatar that plays a take in its surface's space (`render.shot.motion_for` converts
    takes). Several threads may use it.

    follow: `avatar.follow` if None. appearance: 0 to 2, how much the skin wrinkles, one for all
    frames or (T,). emotions: (T, 6), or (6,) for all, or (more, 6) where those of frames before
    are known too, weights of the emotions that made the motion, in which a person's skin folds in
    different ways, and flushes. Raises InputError `space.no_adapter` for another space.
    """

    def __init__(
        self,
        avatar: Avatar,
        motion: Motion,
        follow: Follow | None = None,
        appearance: FloatArray | float = 0.0,
        emotions: FloatArray | None = None,
    ) -> None:
        self.avatar, self.motion = avatar, motion
        self.follow: Follow = avatar.follow if follow is None else follow
        self._mesh = animate_mesh(avatar, motion, with_turns=self.follow == "stretch")
        self._still = None if self._mesh is not None else _rest_of(avatar)
        self.appearance, self.emotions = appearance, emotions
        self._looks = _looks_of(avatar, motion)
        self._side_means = None if avatar.side_look is None else avatar.means
        self._skin, self._shown = None, _shown_looks(avatar, motion, appearance, emotions)
        if self._mesh is not None and np.any(appearance) and avatar.emotion_looks is None:
            self._skin = wrinkled_skin(avatar, motion, appearance, emotions)
        self._faces = np.ascontiguousarray(avatar.faces)
        self._origin = np.zeros(3, np.float32) if self._mesh is None else self._mesh.origin
        self._rest = np.ascontiguousarray(avatar.vertices - self._origin, np.float32)
        if avatar.binding == "face":
            self._rest_sizes = face_frames(self._rest, self._faces)[1]
            self._corner_shares = corner_shares(avatar, self._rest)
        elif avatar.binding == "vertex":
            self._rest_rings = _rings(self._rest, self._faces)
        if self.follow == "surface" or (self.follow, avatar.binding) == ("deform", "vertex"):
            self._supports = supports_of(avatar)
            self._rest_axes, self._support_sizes = face_frames(self._rest, self._supports)

    def playing(
        self,
        motion: Motion,
        appearance: FloatArray | float | None = None,
        emotions: FloatArray | None = None,
    ) -> Actor:
        """The avatar in another take, which shares what is known of it at rest. appearance: this
        actor's own, one for all frames, if None; an actor without any skin that wrinkles has none
        there either. Raises InputError `space.no_adapter` for a take in another space."""
        other = copy.copy(self)
        other.motion = motion
        other._looks = _looks_of(self.avatar, motion)
        other._mesh = None if self._mesh is None else self._mesh.playing(motion)
        other.appearance = self.appearance if appearance is None else appearance
        other.emotions = emotions
        if self._skin is not None:
            other._skin = self._skin.playing(motion, other.appearance, emotions)
        other._shown = _shown_looks(self.avatar, motion, other.appearance, emotions)
        return other

    def pose(self, index: int, *, with_smooth_normals: bool = True) -> PosedAvatar:
        """Poses the frame `index`. with_smooth_normals: False saves time where no data pass reads
        the normals. Raises InputError `frames.out_of_range` outside the take."""
        if not 0 <= index < len(self.motion):
            raise frames_outside(range(index, index + 1), len(self.motion))
        if self._mesh is None:
            assert self._still is not None
            return self._still
        posed = self._mesh.pose(index)
        on_vertices = self.avatar.binding == "vertex"
        shown = self._feeling(index)
        found = shown._on_vertices(posed) if on_vertices else shown._on_faces(posed)
        if self._looks is not None:
            assert self.avatar.looks is not None
            seen = with_looks(found.gaussians, self.avatar.looks, self._looks[index])
            found = replace(found, gaussians=seen)
        if self._side_means is not None:
            assert self.avatar.side_look is not None
            look = turned_with(self.avatar.side_look, self._side_means, found.gaussians.means)
            found = replace(found, gaussians=replace(found.gaussians, side_look=look))
        if self._skin is not None:
            found = replace(found, gaussians=self._skin.coloured(found.gaussians, index))
        if on_vertices or not with_smooth_normals:
            return found
        rings = _rings(posed.vertices, self._faces)
        kernels.smooth_normals(
            self.avatar.anchors, self._corner_shares, self._faces, rings, found.normals
        )
        return found

    def _feeling(self, index: int) -> Actor:
        """The actor with the Gaussians of the frame's emotion."""
        if self._shown is None or not self._shown[index].any():
            return self
        other = copy.copy(self)
        other.avatar = felt(self.avatar, self._shown[index])
        return other

    def _on_vertices(self, posed: PosedMesh) -> PosedAvatar:
        rings = _rings(posed.vertices, self._faces)
        count = len(rings)
        turns, stretch = posed.turns, np.ones(count, np.float32)
        if self.follow == "still":
            turns = _no_turns(count)
        else:
            stretch = _growth(rings[:, 3], self._rest_rings[:, 3])
        if self.follow in ("surface", "deform"):
            turns = self._support_turns(posed.vertices)
        reach = np.ones(count, np.float32)
        return self._place(posed.vertices, posed.vertices, rings, turns, stretch, reach)

    def _on_faces(self, posed: PosedMesh) -> PosedAvatar:
        vertices, faces = posed.vertices, self._faces
        middles = np.empty((len(faces), 3), np.float32)
        kernels.face_middles(vertices, faces, middles)
        axes, sizes = face_frames(vertices, faces)
        normals = np.ascontiguousarray(axes[:, :, 1])
        if self.follow == "deform":
            return self._deformed(vertices, middles, normals)
        count = len(faces)
        stretch, reach = np.ones(count, np.float32), np.ones(count, np.float32)
        if self.follow == "still":
            turns = _no_turns(count)
        elif self.follow == "stretch":
            turns = posed.turns[faces].mean(1)
            turns /= np.maximum(np.linalg.norm(turns, axis=1, keepdims=True), 1e-12)
            stretch = _growth(sizes[:, 1], self._rest_sizes[:, 1])
        else:
            turns = self._support_turns(vertices)
            before = self._rest_sizes[:, 0]
            ratio = np.divide(sizes[:, 0], before, out=np.ones_like(before), where=before > 0)
            stretch = reach = np.clip(ratio, *GROWTH_RANGE)
        return self._place(vertices, middles, normals, turns, stretch, reach)

    def _support_turns(self, vertices: Float32Array) -> Float32Array:
        """(A, 4) the turns of the faces, or the vertices, since rest."""
        axes, sizes = face_frames(vertices, self._supports)
        turns = np.empty((len(sizes), 4), np.float32)
        smaller = np.minimum(self._support_sizes, sizes)
        kernels.turns_between(self._rest_axes, axes, smaller, turns)
        return turns

    def _deformed(
        self, vertices: Float32Array, middles: Float32Array, normals: Float32Array
    ) -> PosedAvatar:
        avatar = self.avatar
        maps = np.empty((len(self._faces), 3, 3), np.float32)
        kernels.face_maps(self._rest, vertices, self._faces, maps)
        out, limit = _Room(len(avatar)), np.float32(GROWTH_RANGE[1])
        given = (avatar.anchors, middles, normals, maps, limit)
        rest = (avatar.offsets, avatar.quaternions, avatar.scales)

        def place(first: int, last: int) -> None:
            kernels.place_deformed(first, last, *given, rest, out.arrays)

        run_ranges(place, even_pieces(len(avatar), 1))
        return out.posed(avatar, vertices, self._origin)

    def _place(
        self,
        vertices: Float32Array,
        points: Float32Array,
        normals: Float32Array,
        turns: Float32Array,
        stretch: Float32Array,
        reach: Float32Array,
    ) -> PosedAvatar:
        avatar, out = self.avatar, _Room(len(self.avatar))
        rest = (avatar.offsets, avatar.quaternions, avatar.scales)
        kernels.place(avatar.anchors, points, normals, turns, stretch, reach, rest, out.arrays)
        return out.posed(avatar, vertices, self._origin)


class _Room:
    """Arrays to fill for N Gaussians: means, quaternions, scales and normals."""

    def __init__(self, count: int) -> None:
        means, scales, normals = (np.empty((count, 3), np.float32) for _ in range(3))
        self.arrays = means, np.empty((count, 4), np.float32), scales, normals

    def posed(self, avatar: Avatar, vertices: Float32Array, origin: Float32Array) -> PosedAvatar:
        """What was filled in. origin: from where means and vertices are measured, the avatar's."""
        means, quaternions, scales, normals = self.arrays
        if origin.any():
            means += origin
            vertices = vertices + origin
        gaussians = splats_at(avatar, means, quaternions, scales)
        return PosedAvatar(gaussians=gaussians, normals=normals, vertices=vertices)


def _shown_looks(
    avatar: Avatar, motion: Motion, appearance: FloatArray | float, emotions: FloatArray | None
) -> FloatArray | None:
    """(T, 6) how far the looks of the avatar's network are shown; None of one without."""
    if avatar.emotion_looks is None or emotions is None:
        return None
    rows = np.asarray(emotions)
    return shown_strengths(rows[-len(motion) :] if rows.ndim > 1 else rows, appearance, len(motion))


def _looks_of(avatar: Avatar, motion: Motion) -> Float32Array | None:
    """(T, D) see `look_shares`; None of an avatar without looks."""
    return None if avatar.looks is None else look_shares(avatar.looks, numbers_of(motion))


def _rest_of(avatar: Avatar) -> PosedAvatar:
    gaussians = rest_gaussians(avatar)
    matrices = Rotation.from_quat(np.roll(avatar.quaternions, -1, 1)).as_matrix()
    thinnest = np.argmin(avatar.scales, 1)
    normals = np.take_along_axis(matrices, thinnest[:, None, None], 2)[..., 0]
    outward = np.sum(normals * (gaussians.means - gaussians.means.mean(0)), 1) >= 0
    normals = np.where(outward[:, None], normals, -normals).astype(np.float32)
    return PosedAvatar(gaussians=gaussians, normals=normals, vertices=avatar.vertices)


def _no_turns(count: int) -> Float32Array:
    turns = np.zeros((count, 4), np.float32)
    turns[:, 0] = 1
    return turns


def _rings(points: Float32Array, faces: Int32Array) -> Float32Array:
    rings = np.empty((len(points), 4), np.float32)
    kernels.vertex_rings(points, faces, rings)
    return rings


def face_frames(points: Float32Array, faces: Int32Array) -> tuple[Float32Array, Float32Array]:
    """Axes (F, 3, 3) and sizes (F, 2) of the faces' frames, see `kernels.face_frames`."""
    axes, sizes = np.empty((len(faces), 3, 3), np.float32), np.empty((len(faces), 2), np.float32)
    kernels.face_frames(points, faces, axes, sizes)
    return axes, sizes


def _growth(after: Float32Array, before: Float32Array) -> Float32Array:
    """Factors of length from areas (n,) after and before, within `STRETCH_RANGE`."""
    ratio = np.divide(after, before, out=np.ones_like(before), where=before > 0)
    return np.clip(np.sqrt(ratio), *STRETCH_RANGE)
