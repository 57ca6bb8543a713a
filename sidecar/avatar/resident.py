# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar whose numbers stay on one torch device and are animated there, frames in batches: the
same as `drive` in plain torch and single precision, for throughput on a card.

A frame costs 55 numbers on the way in, and nothing on the way out until a picture is asked for.
Not here: Gaussians that turn with the surface (`drive` has them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..raster.cuda import GaussianBatch
from .avatar import Avatar
from .drive import STRETCH_RANGE

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResidentAvatar:
    """N Gaussians on V vertices, as `Avatar` names them, on one device; see `place_on`.

    shapes (52, V * 3); edges (2, F, 3) the rest pose's two edges from each face's first corner;
    around (V, K) the faces at each vertex, filled up with F; areas (V,) twice the area around
    each vertex at rest, 0 where there is none.
    """

    vertices: Tensor
    faces: Tensor
    shapes: Tensor
    edges: Tensor
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
    def pose(self, arkit: Tensor, head_rotation: Tensor, *, stretch: bool = True) -> GaussianBatch:
        """The Gaussians of B frames. arkit (B, 52) in `ARKIT_NAMES` order; head_rotation (B, 3)
        axis-angle in radians of the head against the shoulders. stretch: they widen with the
        surface under them. Opacities and colours are shared by all frames, not copied."""
        change = (arkit @ self.shapes).view(len(arkit), -1, 3)
        turns = chain_turns(head_rotation, self.shares)
        vertices = self._skin(self.vertices + change, turns)
        heads = self._blend_turns(turns)
        scales = self.scales.expand(len(arkit), -1, -1)
        if stretch:
            scales = scales * self._stretch(change)[:, self.anchors, None]
        return GaussianBatch(
            means=vertices[:, self.anchors] + turn(heads, self.offsets),
            quaternions=multiply(heads, self.quaternions),
            scales=scales,
            opacities=self.opacities.expand(len(arkit), -1),
            colours=self.colours.expand(len(arkit), -1, -1),
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

    def _stretch(self, change: Tensor) -> Tensor:
        """(B, V) factor of length of the surface around each vertex.

        From differences of `change` and not of places: these are a metre from the origin, their
        edges a millimetre long, and single precision would leave four digits.
        """
        first = change[:, self.faces[:, 0]]
        along = self.edges[0] + change[:, self.faces[:, 1]] - first
        across = self.edges[1] + change[:, self.faces[:, 2]] - first
        areas = torch.linalg.vector_norm(torch.linalg.cross(along, across), dim=-1)
        # One more face, of no area, for vertices that have fewer than K around them.
        areas = torch.nn.functional.pad(areas, (0, 1))
        after = areas[:, self.around].sum(-1)
        known = self.areas > 0
        ratio = torch.where(known, after / torch.where(known, self.areas, 1.0), 1.0)
        return ratio.sqrt().clamp(*STRETCH_RANGE)


def place_on(avatar: Avatar, device: torch.device) -> ResidentAvatar:
    """The avatar's numbers, sent to `device` once."""

    def send(values: FloatArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)

    def send_index(values: NDArray[np.integer]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(device)

    corners = avatar.vertices.astype(np.float64)[avatar.faces]
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]])
    around = faces_around(avatar.faces, len(avatar.vertices))
    areas = np.append(np.linalg.norm(np.cross(*edges), axis=1), 0.0)
    return ResidentAvatar(
        vertices=send(avatar.vertices), faces=send_index(avatar.faces),
        shapes=send(avatar.arkit_shapes.reshape(len(avatar.arkit_shapes), -1)),
        edges=send(edges), around=send_index(around), areas=send(areas[around].sum(1)),
        pivots=send(avatar.joint_pivots), weights=send(avatar.joint_weights),
        shares=send(avatar.joint_shares), anchors=send_index(avatar.anchors),
        offsets=send(avatar.offsets), quaternions=send(avatar.quaternions),
        scales=send(avatar.scales), opacities=send(avatar.opacities), colours=send(avatar.colours),
    )  # fmt: skip


def faces_around(faces: NDArray[np.integer], vertices: int) -> NDArray[np.int64]:
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
    """(B, J, 4) quaternion of each joint of the chain against its rest; see
    `drive.chain_rotations`."""
    angle = torch.linalg.vector_norm(head_rotation, dim=-1, keepdim=True)
    axis = head_rotation / angle.clamp(min=1e-12)
    half = 0.5 * angle * torch.cumsum(shares, 0)
    return torch.cat([half.cos()[..., None], half.sin()[..., None] * axis[:, None]], -1)


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
