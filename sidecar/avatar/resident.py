# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar whose numbers stay on one torch device and are animated there, frames in batches: the
same as `drive` in plain torch and single precision, for throughput on a card.

A frame costs 55 numbers on the way in, and nothing on the way out until a picture is asked for.
Not here: Gaussians that turn with the surface, heads other than ARKit's, harmonics (`drive` has
them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...shared.arrays import FloatArray, Int64Array
from ...shared.errors import InputError
from ...shared.motion import Motion
from ...shared.pictures import Follow
from ..raster.cuda import GaussianBatch
from .avatar import ArkitRig, Avatar
from .drive import STRETCH_RANGE
from .surface import head_turns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResidentAvatar:
    """N Gaussians on V vertices, as `Avatar` names them, on one device; see `place_on`.

    centre (3,), from which vertices and pivots are measured: a head may be metres from the origin
    and its edges a millimetre long; shapes (52, V * 3); around (V, K) the faces at each vertex,
    filled up with F; areas (V,) twice the area around each vertex at rest, 0 where there is none.
    """

    centre: Tensor
    vertices: Tensor
    faces: Tensor
    shapes: Tensor
    around: Tensor
    areas: Tensor
    pivots: Tensor
    weights: Tensor
    shares: Tensor
    anchors: Tensor
    offsets: Tensor
    quaternions: Tensor
    scales: Tensor
    opacities: Tensor
    colours: Tensor

    @torch.no_grad()
    def pose(
        self, arkit: Tensor, head_rotation: Tensor, follow: Follow = "stretch"
    ) -> GaussianBatch:
        """The Gaussians of B frames. arkit (B, 52) in `ARKIT_NAMES` order; head_rotation (B, 3)
        axis-angle in radians of the head against the shoulders; both as `take_on` gives them.
        Opacities and colours are shared by all frames, not copied. Raises InputError
        `avatar.not_resident` for the follows "surface" and "deform"."""
        if follow in ("surface", "deform"):
            raise _not_resident("turns its Gaussians with the surface")
        frames = len(arkit)
        turns = chain_turns(head_rotation, self.shares)
        expressed = self.vertices + (arkit @ self.shapes).view(frames, -1, 3)
        vertices = self._skin(expressed, turns)
        means = vertices[:, self.anchors] + self.centre
        opacities, colours = self.opacities.expand(frames, -1), self.colours.expand(frames, -1, -1)
        if follow == "still":
            return GaussianBatch(
                means=means + self.offsets,
                quaternions=self.quaternions.expand(frames, -1, -1),
                scales=self.scales.expand(frames, -1, -1),
                opacities=opacities,
                colours=colours,
            )
        heads = self._blend_turns(turns)
        return GaussianBatch(
            means=means + turn(heads, self.offsets),
            quaternions=multiply(heads, self.quaternions),
            scales=self.scales * self._stretch(vertices)[:, self.anchors, None],
            opacities=opacities,
            colours=colours,
        )

    def _skin(self, points: Tensor, turns: Tensor) -> Tensor:
        """(B, V, 3) carried along by the chain, whose joints turn (B, J, 4) and do not stretch."""
        places = [self.pivots[0].expand(len(turns), 3)]
        for joint in range(1, len(self.pivots)):
            arm = self.pivots[joint] - self.pivots[joint - 1]
            places.append(places[-1] + turn(turns[:, joint - 1], arm))
        out = points * (1 - self.weights.sum(1))[:, None]
        for joint, place in enumerate(places):
            turned = turn(turns[:, joint, None], points - self.pivots[joint]) + place[:, None]
            out = out + self.weights[:, joint, None] * turned
        return out

    def _blend_turns(self, turns: Tensor) -> Tensor:
        """(B, N, 4) unit quaternion of the head at each Gaussian's vertex."""
        weights = self.weights[self.anchors]
        blended = weights @ turns
        blended[..., 0] += 1 - weights.sum(1)
        return torch.nn.functional.normalize(blended, dim=-1)

    def _stretch(self, vertices: Tensor) -> Tensor:
        """(B, V) factor of length of the surface around each vertex."""
        first, second, third = (vertices[:, self.faces[:, corner]] for corner in range(3))
        cross = torch.linalg.cross(second - first, third - first)
        # One more face, of no area, for vertices that have fewer than K around them.
        areas = torch.nn.functional.pad(torch.linalg.vector_norm(cross, dim=-1), (0, 1))
        after = areas[:, self.around].sum(-1)
        known = self.areas > 0
        ratio = torch.where(known, after / torch.where(known, self.areas, 1.0), 1.0)
        return ratio.sqrt().clamp(*STRETCH_RANGE)


def place_on(avatar: Avatar, device: torch.device) -> ResidentAvatar:
    """The avatar's numbers, sent to `device` once. Raises InputError `avatar.not_resident` for
    one that is not bound to the vertices of an `ArkitRig`, or has harmonics."""
    rig = avatar.surface
    if not isinstance(rig, ArkitRig) or avatar.binding != "vertex":
        raise _not_resident("is not bound to the vertices of a mesh with ARKit's shapes")
    if avatar.harmonics is not None:
        raise _not_resident("has colours that change with the view")

    def send(values: FloatArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)

    def send_index(values: NDArray[np.integer]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(device)

    # In float32's numbers, so that nothing is lost where it is added again.
    centre = rig.vertices.mean(0).astype(np.float32).astype(np.float64)
    corners = rig.vertices.astype(np.float64)[rig.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    around = faces_around(rig.faces, len(rig.vertices))
    areas = np.append(np.linalg.norm(cross, axis=1), 0.0)
    return ResidentAvatar(
        centre=send(centre),
        vertices=send(rig.vertices - centre),
        faces=send_index(rig.faces),
        shapes=send(rig.arkit_shapes.reshape(len(rig.arkit_shapes), -1)),
        around=send_index(around),
        areas=send(areas[around].sum(1)),
        pivots=send(rig.joint_pivots - centre),
        weights=send(rig.joint_weights),
        shares=send(rig.joint_shares),
        anchors=send_index(avatar.anchors),
        offsets=send(avatar.offsets),
        quaternions=send(avatar.quaternions),
        scales=send(avatar.scales),
        opacities=send(avatar.opacities),
        colours=send(avatar.colours),
    )


def take_on(motion: Motion, device: torch.device) -> tuple[Tensor, Tensor]:
    """The take's (T, 52) weights and (T, 3) turns of the head, sent to `device` once. Raises
    InputError `space.no_adapter` for a take that does not speak ARKit's shapes."""
    if motion.space != "arkit":
        raise InputError(
            "space.no_adapter",
            f"The avatar speaks ARKit's shapes, the take is in the space '{motion.space}'.",
            "Give an adapter between the two.",
        )
    weights = np.ascontiguousarray(motion.expression[:, :52], np.float32)
    turns = head_turns(motion).astype(np.float32)
    return torch.from_numpy(weights).to(device), torch.from_numpy(turns).to(device)


def _not_resident(what: str) -> InputError:
    return InputError(
        "avatar.not_resident",
        f"The avatar {what}: it cannot be animated on the card.",
        "Animate it on the CPU, and let the card draw it.",
    )


def faces_around(faces: NDArray[np.integer], vertices: int) -> Int64Array:
    """(V, K) indices of the faces that use each vertex, a face once for each of its corners there,
    in order; filled up with F. Sums over it are in one order, so that they have the same bits
    every time, which adding from many threads has not."""
    corners = faces.astype(np.int64).ravel()
    order = np.argsort(corners, kind="stable")
    counts = np.bincount(corners, minlength=vertices)
    slot = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    around = np.full((vertices, int(counts.max(initial=0))), len(faces))
    around[corners[order], slot] = order // 3
    return around


def chain_turns(head_rotation: Tensor, shares: Tensor) -> Tensor:
    """(B, J, 4) quaternion of each joint of the chain against its rest, all in one hemisphere, so
    that they may be blended; see `surface.chain_transforms`."""
    angle = torch.linalg.vector_norm(head_rotation, dim=-1, keepdim=True)
    axis = head_rotation / angle.clamp(min=1e-12)
    half = 0.5 * angle * torch.cumsum(shares, 0)
    turns = torch.cat([half.cos()[..., None], half.sin()[..., None] * axis[:, None]], -1)
    return torch.where(turns[..., :1] < 0, -turns, turns)


def multiply(p: Tensor, q: Tensor) -> Tensor:
    """(..., 4) the quaternion that turns by q and then by p; both w, x, y, z."""
    pw, qw = p[..., :1], q[..., :1]
    px, qx = torch.broadcast_tensors(p[..., 1:], q[..., 1:])
    scalar = pw * qw - (px * qx).sum(-1, keepdim=True)
    return torch.cat([scalar, pw * qx + qw * px + torch.linalg.cross(px, qx)], -1)


def turn(q: Tensor, points: Tensor) -> Tensor:
    """(..., 3) points turned by unit quaternions (..., 4)."""
    axis, points = torch.broadcast_tensors(q[..., 1:], points)
    across = 2 * torch.linalg.cross(axis, points)
    return points + q[..., :1] * across + torch.linalg.cross(axis, across)
