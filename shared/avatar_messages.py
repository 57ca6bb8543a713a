# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages by which an avatar comes to a client as an object of its scene (3.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, get_args

from . import limits
from .arrays import Float32Array, Int32Array
from .message import FILE_NAME, NAME, NOTE, SHA256, Message
from .motion import FLAME_SPACES, FlameSpace
from .pictures import FOLLOWS, Follow
from .pressing import PLACES, WRINKLES
from .schema import Array, Choice, Flag, Several, Text

Surface = Literal["arkit", "head", "none"]
SURFACES: tuple[Surface, ...] = get_args(Surface)
Binding = Literal["vertex", "face", "none"]
BINDINGS: tuple[Binding, ...] = get_args(Binding)

_SOME_SHA256 = replace(SHA256, optional=True)
_SOME_FILE_NAME = replace(FILE_NAME, optional=True)
_SOME_SPACE = Choice(values=FLAME_SPACES, optional=True)
# An avatar's name is its file's, or what somebody wrote into it.
TITLE_LETTERS = 300
_TITLE = Text(longest=TITLE_LETTERS, pattern=r"[^\x00-\x1f\x7f]*")
_PLACES, _WRINKLES = len(PLACES), len(WRINKLES)
_VECTORS = Array(dtype="<f4", shape=(None, 3))
_SOME_VECTORS = replace(_VECTORS, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AvatarRead(Message):
    """N Gaussians at rest and the surface that they sit on, in metres and FLAME's axes.

    surface: `arkit`, a mesh of its own (vertices (V, 3) to joint_shares (J,), with the fields of a
    calibration where it has one); `head`, the head that was asked for (`open`, or the FLAME file)
    with the person's identity `shape` (S,) and change of the template (V, 3); `none`, nothing
    moves them. binding: whether anchors (N,) are the surface's vertices or its faces. offsets
    (N, 3): from there, metres; quaternions (N, 4) w, x, y, z; scales (N, 3) metres; opacities (N,)
    0..1; colours (N, 3) sRGB; harmonics (N, K, 3), K = 3, 8 or 15, in 3DGS's order. follow: how
    they were made to follow. is_solid: the head hides all that is behind it. head_space: the space
    of a `head`. supports (A, 3): by which three vertices the turn of each face is told, or of each
    vertex where they are bound to those; since 3.8. fold_places (P, V): the motion of
    `pressing.PLACES` in mm for metres of the vertices; fold_gaussians (M,): those that show skin
    that folds, fold_patterns (W, M): their change of log colour where each of `pressing.WRINKLES`
    is pressed fully, times fold_tint (3,) by channel; since 3.9, none without a face."""

    TYPE: ClassVar[str] = "avatar_read"
    name: Annotated[str, _TITLE]
    surface: Annotated[Surface, Choice(values=SURFACES)]
    binding: Annotated[Binding, Choice(values=BINDINGS)]
    follow: Annotated[Follow, Choice(values=FOLLOWS)]
    is_solid: Annotated[bool, Flag()]
    notes: Annotated[tuple[str, ...], Several(item=NOTE, most=limits.MAX_NOTES)] = ()
    head_space: Annotated[str | None, replace(NAME, optional=True)] = None
    anchors: Annotated[Int32Array, Array(dtype="<i4", shape=(None,))]
    offsets: Annotated[Float32Array, _VECTORS]
    quaternions: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 4))]
    scales: Annotated[Float32Array, _VECTORS]
    opacities: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    colours: Annotated[Float32Array, _VECTORS]
    harmonics: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(None, None, 3), optional=True)
    ] = None
    shape: Annotated[Float32Array | None, Array(dtype="<f4", shape=(None,), optional=True)] = None
    template_change: Annotated[Float32Array | None, _SOME_VECTORS] = None
    vertices: Annotated[Float32Array | None, _SOME_VECTORS] = None
    faces: Annotated[Int32Array | None, Array(dtype="<i4", shape=(None, 3), optional=True)] = None
    arkit_shapes: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(52, None, 3), optional=True)
    ] = None
    joint_pivots: Annotated[Float32Array | None, _SOME_VECTORS] = None
    joint_weights: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(None, None), optional=True)
    ] = None
    joint_shares: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(None,), optional=True)
    ] = None
    map: Annotated[Float32Array | None, Array(dtype="<f4", shape=(52, 52), optional=True)] = None
    most: Annotated[Float32Array | None, Array(dtype="<f4", shape=(52,), optional=True)] = None
    gaps: Annotated[Float32Array | None, Array(dtype="<f4", shape=(2, 52), optional=True)] = None
    reach: Annotated[Float32Array | None, Array(dtype="<f4", shape=(52, 2), optional=True)] = None

    supports: Annotated[Int32Array | None, Array(dtype="<i4", shape=(None, 3), optional=True)] = (
        None
    )
    fold_places: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(_PLACES, None), optional=True)
    ] = None
    fold_gaussians: Annotated[
        Int32Array | None, Array(dtype="<i4", shape=(None,), optional=True)
    ] = None
    fold_patterns: Annotated[
        Float32Array | None, Array(dtype="<f4", shape=(_WRINKLES, None), optional=True)
    ] = None
    fold_tint: Annotated[Float32Array | None, Array(dtype="<f4", shape=(3,), optional=True)] = None

    def __len__(self) -> int:
        return len(self.anchors)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAvatar(Message):
    """Asks for an avatar (an artefact, whose file is called `name`), or for the open head's own
    Gaussians without one. flame, flame_space: the FLAME file that an avatar sits on, an artefact,
    and its version where it does not tell."""

    TYPE: ClassVar[str] = "get_avatar"
    ANSWER: ClassVar[type[Message] | None] = AvatarRead
    avatar: Annotated[str | None, _SOME_SHA256] = None
    name: Annotated[str | None, _SOME_FILE_NAME] = None
    flame: Annotated[str | None, _SOME_SHA256] = None
    flame_space: Annotated[FlameSpace | None, _SOME_SPACE] = None
