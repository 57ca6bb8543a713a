# SPDX-License-Identifier: GPL-3.0-or-later
"""GaussianAvatars' avatars (Qian et al. 2024): `point_cloud.ply`, each Gaussian in the frame of a
FLAME face (`binding_0`), and `flame_param.npz` beside it with the person.

The frame (section 3.2): origin in the mean of the face's corners; axes the first edge, the normal
and their cross product; size k the mean of that edge's length and of the height over it; a
Gaussian at x, turned r, of scale s stands at k R x + T, turned R r, of scale k s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...shared.arrays import Float32Array, Int64Array
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.wording import say_count
from ..motion.npz import FRAMES, decode_npz
from .avatar import Avatar
from .drive import face_frames
from .refusals import broken
from .splats import HEAD_LOG_SCALE, decode_splats

BINDING = "binding_0"
COMPANION = "flame_param.npz"
TEETH_FACES, TEETH_VERTICES = 168, 120
"""Numbers of what GaussianAvatars appends to FLAME's mesh; FLAME's file has no teeth."""
# In the face's own frame: a Gaussian of more than this many faces' size is damage.
_FACE_LOG_SCALE = 7.0


def decode_gaussian_avatar(
    columns: dict[str, NDArray], name: str, companion: bytes | None, head: HeadModel | None
) -> Avatar:
    """Makes the avatar of the PLY's columns, `flame_param.npz` and the user's FLAME.

    Leaves out Gaussians on the added teeth, and says so in `notes`. Raises InputError
    `avatar.needs_head`, `avatar.head`, `avatar.missing_file`, `avatar.mismatch`, `avatar.ply`,
    `file.damaged`, `motion.shape`.
    """
    flame = _check_head(name, head)
    shape, change, notes = _read_person(name, companion, flame)
    faces = _read_binding(columns, name, len(flame.faces))
    on_head = faces < len(flame.faces)
    if not on_head.any():
        raise broken(name, "no Gaussian lies on a face of FLAME's")
    if not on_head.all():
        left_out = int(np.count_nonzero(~on_head))
        notes = (
            f"{say_count(left_out, 'Gaussian')} on teeth that GaussianAvatars adds to FLAME's mesh "
            "and FLAME's file does not have: left out.",
            *notes,
        )
        columns = {key: values[on_head] for key, values in columns.items()}
    splats = decode_splats(columns, name, most_log_scale=_FACE_LOG_SCALE)
    anchors = faces[on_head].astype(np.int32)
    rest = flame.template if change is None else flame.template + change
    rest = rest + flame.shape_basis[..., : len(shape)] @ shape
    axes, sizes = face_frames(np.ascontiguousarray(rest, np.float32), flame.faces)
    frames, size = axes[anchors], sizes[anchors, 0]
    return Avatar(
        name=name,
        surface=flame,
        binding="face",
        anchors=anchors,
        offsets=size[:, None] * np.einsum("nij,nj->ni", frames, splats.means),
        quaternions=_turned(frames, size, splats.quaternions),
        scales=_in_metres(splats.scales, size, name),
        opacities=splats.opacities,
        colours=splats.colours,
        harmonics=splats.harmonics,
        shape=shape,
        template_change=change,
        follow="surface",  # they were trained in the faces' frames
        notes=notes,
    )


def _in_metres(scales: Float32Array, size: Float32Array, name: str) -> Float32Array:
    sized = scales * size[:, None]
    if sized.max() > np.exp(HEAD_LOG_SCALE):
        raise broken(name, "a Gaussian is larger than a room")
    return sized


def _turned(frames: Float32Array, size: Float32Array, quaternions: Float32Array) -> Float32Array:
    """Turns quaternions (N, 4) by their faces' axes; faces without area turn nothing."""
    axes = np.where(size[:, None, None] > 0, frames, np.eye(3, dtype=np.float32))
    turned = Rotation.from_matrix(axes) * Rotation.from_quat(np.roll(quaternions, -1, 1))
    return np.roll(turned.as_quat(), 1, 1).astype(np.float32)


def _check_head(name: str, head: HeadModel | None) -> HeadModel:
    if head is None:
        raise InputError(
            "avatar.needs_head",
            f"'{name}' is an avatar of GaussianAvatars, which sits on FLAME's mesh.",
            "Give your FLAME 2023 file too (`--head flame2023.pkl`).",
        )
    if head.space != "flame2023":
        raise InputError(
            "avatar.head",
            f"'{name}' sits on FLAME 2023, the head '{head.name}' speaks '{head.space}'.",
            "Give your FLAME 2023 file.",
        )
    return head


def _read_person(
    name: str, companion: bytes | None, head: HeadModel
) -> tuple[Float32Array, Float32Array | None, tuple[str, ...]]:
    """Reads the identity (S,), the person's change of the template (V, 3) or None, and notes."""
    if companion is None:
        raise InputError(
            "avatar.missing_file",
            f"There is no {COMPANION} beside '{name}'; it holds the person's shape.",
            f"Keep {COMPANION} in the same folder.",
        )
    label = f"{name}'s {COMPANION}"
    wanted = {"shape": (FRAMES,), "static_offset": (1, FRAMES, 3)}
    found = decode_npz(companion, label, wanted)
    if "shape" not in found:
        raise InputError(
            "avatar.missing_file", f"{label} has no shape.", "Take the file from the same training."
        )
    arrays = {key: values.astype(np.float32) for key, values in found.items()}
    for key, values in arrays.items():
        if not (np.abs(values) < 100).all():  # standard deviations, or metres
            raise InputError(
                "avatar.not_finite", f"{label} has no usable {key}.", "Export the avatar again."
            )
    shape = arrays["shape"][: min(300, head.shape_basis.shape[2])]
    offset, vertices = arrays.get("static_offset"), len(head.template)
    if offset is None or not offset.any():
        return shape, None, ()
    if offset.shape[1] not in (vertices, vertices + TEETH_VERTICES):
        note = f"The offsets of {offset.shape[1]} vertices in {COMPANION} do not fit the head's "
        return shape, None, (f"{note}{vertices}; they are left out.",)
    return shape, np.ascontiguousarray(offset[0, :vertices]), ()


def _read_binding(columns: dict[str, NDArray], name: str, faces: int) -> Int64Array:
    values = columns[BINDING].astype(np.float64)  # GaussianAvatars writes them as floats
    if not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        raise broken(name, "its Gaussians are bound to no whole face")
    if values.min() < 0 or values.max() >= faces + TEETH_FACES:
        raise InputError(
            "avatar.mismatch",
            f"'{name}' has Gaussians on face {values.max():.0f}; the head has "
            f"{say_count(faces, 'face')}.",
            "Give the FLAME file that the avatar was made with.",
        )
    return values.astype(np.int64)
