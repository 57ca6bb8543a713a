# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the attributes that bind Gaussians, written by `binding` and read by the node group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...shared.avatar_messages import Binding


class Attribute:
    """Of the point cloud; CORNERS are of the driving mesh's faces, and SUPPORTS too where the
    Gaussians are bound to these."""

    VERTEX: Final = "affekt_vertex"
    """Index of the vertex that a Gaussian is bound to."""
    FACE: Final = "affekt_face"
    """Index of the face that it is bound to."""
    CORNERS: Final = ("affekt_corner_1", "affekt_corner_2", "affekt_corner_3")
    """Indices of a face's vertices."""
    SUPPORTS: Final = ("affekt_support_1", "affekt_support_2", "affekt_support_3")
    """Indices of the vertices that tell how the face, or the Gaussian's vertex, turns."""
    SHARE: Final = "affekt_share_{}"
    """How far the vertex goes along with a bone."""
    OFFSET: Final = "affekt_offset"
    """From the vertex, or the middle of the face's corners, at rest."""
    AREA: Final = "affekt_area"
    """At rest: twice the face's area, or the mean area of the faces around the vertex."""
    SIZE: Final = "affekt_size"
    """The mean of the first edge's length and of the height over it, at rest."""
    IN_FRAME: Final = "affekt_in_frame"
    TURN_IN_FRAME: Final = "affekt_turn_in_frame"
    """Offset and rotation in the supports' frame: first edge, normal, their cross product."""
    PLACE: Final = "affekt_place"
    """Offset as shares of the face's two edges from its first corner, and of its unit normal."""
    AXES: Final = ("affekt_axis_1", "affekt_axis_2", "affekt_axis_3")
    """The same of each axis, as long as the Gaussian is wide along it."""
    OPACITY: Final = "affekt_opacity"
    FOLDS: Final = tuple(f"affekt_fold_{number}" for number in range(1, 10))
    """Three wrinkles' change of log colour each."""
    REST: Final = "affekt_rest"
    """Where the driving mesh's points are at rest."""
    MOTIONS: Final = tuple(f"affekt_motion_{number}" for number in range(1, 6))
    """Of the driving mesh's points: their shares of three places' motion each, in mm for metres."""


_BOTH = {Attribute.OFFSET, Attribute.AREA, Attribute.IN_FRAME, Attribute.TURN_IN_FRAME}
BINDING: Final[Mapping[Binding, frozenset[str]]] = {
    "vertex": frozenset({*_BOTH, Attribute.VERTEX, *Attribute.SUPPORTS}),
    "face": frozenset({*_BOTH, Attribute.FACE, Attribute.SIZE, Attribute.PLACE, *Attribute.AXES}),
}
"""What a point cloud must have for its node group to move it, but for shares of bones."""
MESH_FACES: Final[Mapping[Binding, frozenset[str]]] = {
    "vertex": frozenset(),
    "face": frozenset({*Attribute.CORNERS, *Attribute.SUPPORTS}),
}
"""What the driving mesh must have beside that."""
