# SPDX-License-Identifier: GPL-3.0-or-later
"""A person in GaussianAvatars' two files, on a FLAME whose mesh is made of the open head's: painted
and lit as the open head's own Gaussians are, so that its pictures can be looked at."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import face_frames
from affekt.sidecar.avatar.gaussian_avatars import BINDING
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from scipy.spatial.transform import Rotation

from .flame import npz
from .flame_twin import Twin, remeshed_twin
from .lam import PROPERTIES, pack_ply
from .splats import flame_param

SPACE = "flame2023"
_DC = 0.28209479177387814


def write_person(folder: Path) -> tuple[Path, Path]:
    """The person's `point_cloud.ply`, with `flame_param.npz` beside it, and the FLAME file."""
    head = read_head("open")
    twin = remeshed_twin(head)
    flame_file = folder / "flame2023.npz"
    flame_file.write_bytes(npz(twin.arrays))
    flame = read_flame(flame_file, space=SPACE)
    points = folder / "point_cloud.ply"
    points.write_bytes(bound_ply(open_avatar(painted(flame, twin, head)), flame))
    (folder / "flame_param.npz").write_bytes(flame_param(spread=0))
    return points, flame_file


def painted(flame: HeadModel, twin: Twin, head: HeadModel) -> HeadModel:
    """The FLAME head with the colours and regions of the open head where it lies on that."""
    nearest = twin.corners[np.arange(len(twin.corners)), twin.weights.argmax(1)]
    return replace(
        flame,
        colour=twin.sample(head.colour).astype(head.colour.dtype),
        region=head.region[nearest],
    )


def bound_ply(avatar: Avatar, flame: HeadModel) -> bytes:
    """Gaussians on faces in the frames of these, as Qian et al. 2024 keep them (section 3.2)."""
    axes, sizes = face_frames(np.ascontiguousarray(flame.template, np.float32), flame.faces)
    frames, size = axes[avatar.anchors], sizes[avatar.anchors, :1]
    turns = Rotation.from_quat(np.roll(avatar.quaternions, -1, 1))
    inside = Rotation.from_matrix(frames).inv() * turns
    columns = [
        np.einsum("nji,nj->ni", frames, avatar.offsets) / size,
        np.zeros((len(avatar), 3)),
        (avatar.colours - 0.5) / _DC,
        np.log(avatar.opacities / (1 - avatar.opacities))[:, None],
        np.log(avatar.scales / size),
        np.roll(inside.as_quat(), 1, 1),
        avatar.anchors[:, None],
    ]
    table = np.concatenate(columns, 1).astype("<f4")
    return pack_ply(table, len(avatar), properties=(*PROPERTIES, BINDING))
