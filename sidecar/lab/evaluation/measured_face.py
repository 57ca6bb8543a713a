# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of any subject as figures see it: the same places on a head and on an avatar's rig.

The places are iBUG's landmarks, the edges of the lips, and a sample of the skin. They are chosen
on the open head, and found on a rig by laying the open head onto it (`avatar.alignment`). They
are not the regions that an avatar's calibration is solved for, so that they can judge it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ....shared.arrays import BoolArray, Float32Array, Float64Array, IndexArray, UInt8Array
from ....shared.errors import InputError
from ....shared.head import JOINTS, REGIONS, HeadModel
from ....shared.motion import Motion
from ...avatar.alignment import align
from ...avatar.animated_mesh import animate_mesh
from ...avatar.avatar import ArkitRig, Avatar
from ...avatar.effects import landmark_places
from ...head.forward import HeadLayer
from ...render.shot import Subject
from ..anchors.lips import lip_edges
from .measured_head import FACE_MOVES_M, FACE_STRIDE, cut_head
from .performances import without_turns

LANDMARKS = {"brows": range(17, 27), "nose": range(27, 36), "eyes": range(36, 48)} | {
    "mouth": range(48, 68)
}
"""iBUG's inner landmarks, by part of the face: the rows of `MeasuredFace.landmarks`, in order."""
CHIN, EYES = 8, range(36, 48)
"""Landmarks between which the height of a face is measured."""
LANDMARK_REACH_M = 0.004
"""A landmark moves as the skin this near to it does on the average, so that the density of the
mesh and the last millimetre of the alignment do not matter."""
LEAST_FACE = 50
"""A face has at least so many vertices in its sample."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """V vertices of a mesh named by where they lie on the open head. place: (V, 3) metres on the
    open head at rest. skin: (V,) vertices of skin or lip. lower: (V,) those below the mouth's
    line, which follow the jaw."""

    place: Float64Array
    skin: BoolArray
    lower: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredFace:
    """A subject's face reduced to K vertices.

    kept: (K,) their indices on the subject's mesh. height_m: from the middle of the eyes to the
    chin. landmarks: (51, K) matrix whose rows are the means about each landmark. surface: (S,)
    indices of the sample of the skin among the kept. upper, lower: (5, 3) the same of the lips'
    edges. meeting_mm: (5,) measured between the lips at rest; it is taken off every gap.
    """

    subject: Subject
    kept: IndexArray
    height_m: float
    landmarks: csr_array
    surface: IndexArray
    upper: IndexArray
    lower: IndexArray
    meeting_mm: Float64Array

    def positions(self, motion: Motion) -> Float32Array:
        """(T, K, 3) metres of a motion in the subject's space, with the head held still."""
        still = without_turns(motion)
        if isinstance(self.subject, HeadModel):
            layer = HeadLayer(cut_head(self.subject, self.kept))
            return layer.vertices(still, 0, len(still))[:, : len(self.kept)]
        mesh = animate_mesh(self.subject, still, with_turns=False)
        assert mesh is not None
        frames = range(len(still))
        return np.stack([mesh.origin + mesh.pose(frame).vertices[self.kept] for frame in frames])

    def gap_mm(self, positions: Float32Array) -> Float64Array:
        """(T,) mean distance between the lips, 0 where they lie as at rest."""
        return (_opening_mm(positions, self.upper, self.lower) - self.meeting_mm).mean(1)


def measure_face(subject: Subject, open_head: HeadModel) -> MeasuredFace:
    """Finds the places on a subject. Takes seconds for a rig, whose face is searched.

    Raises InputError `avatar.regions` for Gaussians without a surface and where no face is found,
    `head.no_lips` for another head than the open one.
    """
    if isinstance(subject, Avatar) and subject.surface is None:
        raise InputError(
            "avatar.regions",
            f"'{subject.name}' has no face that could be measured.",
            "Choose a head, or an avatar with a face.",
        )
    here = _places(subject, open_head)
    rest, moves = _rest_and_motion(subject)
    return _face_of(subject, open_head, here, rest, moves)


def _places(subject: Subject, open_head: HeadModel) -> Places:
    surface = subject.surface if isinstance(subject, Avatar) else subject
    assert surface is not None
    skin_of_open = _is_skin(open_head.region)
    lower = open_head.skin_weights[:, JOINTS.index("jaw")] > 0.5
    if isinstance(surface, HeadModel) and len(surface.template) == len(open_head.template):
        place = open_head.template.astype(np.float64)
        return Places(place=place, skin=skin_of_open, lower=lower)
    found = align(surface, open_head)
    face = np.flatnonzero(skin_of_open)
    nearest = face[cKDTree(open_head.template[face]).query(found.place)[1]]
    place = found.place.astype(np.float64)
    return Places(place=place, skin=_is_skin(found.label), lower=lower[nearest])


def _is_skin(labels: UInt8Array) -> BoolArray:
    return np.isin(labels, [REGIONS.index("skin"), REGIONS.index("lip")])


def _rest_and_motion(subject: Subject) -> tuple[Float64Array, Float64Array]:
    """(V, 3) vertices at rest and (V,) the most that one shape moves each, metres."""
    surface = subject.surface if isinstance(subject, Avatar) else subject
    rest = subject.vertices if isinstance(subject, Avatar) else subject.template
    if isinstance(surface, ArkitRig):
        return rest.astype(np.float64), np.linalg.norm(surface.arkit_shapes, axis=2).max(0)
    assert surface is not None
    return rest.astype(np.float64), np.linalg.norm(surface.expression_basis, axis=1).max(1)


def _face_of(
    subject: Subject, open_head: HeadModel, here: Places, rest: Float64Array, moves: Float64Array
) -> MeasuredFace:
    marks = landmark_places(open_head)
    near = [_about(point, here) for point in marks]
    surface = np.flatnonzero(here.skin & (moves > FACE_MOVES_M))[::FACE_STRIDE]
    if len(surface) < LEAST_FACE:
        raise InputError(
            "avatar.regions",
            "The face of this subject hardly moves, so its emotions cannot be measured.",
            "Choose a head or an avatar with ARKit's shapes.",
        )
    lips = [_lip(open_head, here, side) for side in (0, 1)]
    inner = [near[index] for part in LANDMARKS.values() for index in part]
    kept = np.unique(np.concatenate([surface, *inner, *(lip.ravel() for lip in lips)]))
    upper, lower = (np.searchsorted(kept, lip) for lip in lips)
    heights = [float(rest[near[index], 1].mean()) for index in (*EYES, CHIN)]
    return MeasuredFace(
        subject=subject,
        kept=kept,
        height_m=float(np.mean(heights[:-1])) - heights[-1],
        landmarks=_means([np.searchsorted(kept, group) for group in inner], len(kept)),
        surface=np.searchsorted(kept, surface),
        upper=upper,
        lower=lower,
        meeting_mm=_opening_mm(rest[None, kept], upper, lower)[0],
    )


def _about(point: Float64Array, here: Places) -> IndexArray:
    """Skin within reach of a point on the open head, all on the nearest vertex's side of the
    mouth's line."""
    skin = np.flatnonzero(here.skin)
    distance = np.linalg.norm(here.place[skin] - point, axis=1)
    nearest = skin[distance.argmin()]
    near = (distance < LANDMARK_REACH_M) & (here.lower[skin] == here.lower[nearest])
    return np.union1d(skin[near], [nearest])


def _lip(open_head: HeadModel, here: Places, side: int) -> IndexArray:
    """(5, 3) vertices nearest to the upper (side 0) or lower lip's edge of the open head."""
    edges = np.stack([edge[side] for edge in lip_edges(open_head)])
    mine = np.flatnonzero(here.skin & (here.lower == bool(side)))
    found = cKDTree(here.place[mine]).query(open_head.template[edges.ravel()])[1]
    return mine[found].reshape(edges.shape)


def _means(groups: list[IndexArray], count: int) -> csr_array:
    rows = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    shares = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    return csr_array((shares, (rows, np.concatenate(groups))), (len(groups), count))


def _opening_mm(
    positions: Float32Array | Float64Array, upper: IndexArray, lower: IndexArray
) -> Float64Array:
    heights = 1000 * positions[..., 1].astype(np.float64)
    return heights[:, upper].mean(2) - heights[:, lower].mean(2)
