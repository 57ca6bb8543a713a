# SPDX-License-Identifier: GPL-3.0-or-later
"""A Gaussian avatar at rest: its Gaussians and the surface that they sit on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Int32Array
from ...shared.calibration import Calibration
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.pictures import Follow
from ...shared.wording import say_count
from .emotion_looks import EmotionLooks
from .looks import NUMBERS, Looks
from .side_look import SideLook

Binding = Literal["vertex", "face", "none"]

MAX_SCALE_M = 1e4
"""A scene's sky is smaller; past it the picture's arithmetic breaks."""
MAX_OFFSET_M = 1e6
MAX_COLOUR, MAX_IDENTITY = 1e4, 1e3
"""No light is so bright, no person so far from all others; past them sums are no numbers."""

HARMONICS = (3, 8, 15)
"""Coefficients beyond the zeroth of spherical harmonics of degree 1, 2 and 3."""


def harmonics_degree(harmonics: Float32Array | None) -> int:
    """The degree of spherical harmonics (N, K, 3) beyond the zeroth; 0 of none."""
    return 0 if harmonics is None else 1 + HARMONICS.index(harmonics.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArkitRig:
    """A mesh of V vertices that speaks ARKit's 52 shapes and turns its head.

    vertices (V, 3) neutral, metres, x to the head's left, y up, z out of the face; faces (F, 3);
    arkit_shapes (52, V, 3) differences at weight 1, in `ARKIT_NAMES` order, zero for shapes that
    the mesh lacks; joint_pivots (J, 3), joint_weights (V, J): the chain that turns the head,
    lowest first, the rest of each vertex's weight staying with the body; joint_shares (J,), sum
    1: how much of the head's turn each joint takes; calibration: what a take's weights become
    before they move the shapes, or None for shapes that take them as they are.
    Raises InputError `avatar.shape`, `avatar.not_finite`, `avatar.values` if an array breaks this.
    """

    vertices: Float32Array
    faces: Int32Array
    arkit_shapes: Float32Array
    joint_pivots: Float32Array
    joint_weights: Float32Array
    joint_shares: Float32Array
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        vertices, joints = len(self.vertices), len(self.joint_pivots)
        shapes = {
            "vertices": (vertices, 3),
            "faces": (len(self.faces), 3),
            "arkit_shapes": (52, vertices, 3),
            "joint_pivots": (joints, 3),
            "joint_weights": (vertices, joints),
            "joint_shares": (joints,),
        }
        for name, shape in shapes.items():
            _check(name, getattr(self, name), shape)
            if name != "faces":
                _check_range(name, getattr(self, name), MAX_OFFSET_M)
        _check_indices("faces", self.faces, vertices)
        if joints == 0:
            raise _broken("avatar.shape", "no joint that turns its head")


Surface = ArkitRig | HeadModel | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Avatar:
    """N Gaussians on a surface at rest, or on none.

    surface: an `ArkitRig`, a `HeadModel`, or None for Gaussians that never move. A head's rest is
    its template with the identity `shape` (S,) and the person's own `template_change` (V, 3),
    metres, where these are not None. binding: whether anchors (N,) index the surface's vertices
    or its faces; "none" without a surface, when anchors are zero.
    In the world of the rest pose: offsets (N, 3) metres, from the vertex or from the middle of
    the face's corners, or from the origin; quaternions (N, 4) unit, w, x, y, z; scales (N, 3)
    standard deviations, metres. opacities (N,) 0..1; colours (N, 3) and harmonics as in
    `Splats`. looks: how an expression, and rest as one of them, changes the colours, or None.
    side_look: what is added to them, at rest, from one side alone, or None.
    emotion_looks: how they differ in each emotion, of a network that has emotions in it; shown as
    far as an appearance strength says, in place of wrinkles of our own. follow: how the Gaussians
    were made to follow. opaque_core: the head hides all that is behind it, even where its Gaussians
    let light through. notes: sentences for the user.
    Raises InputError `avatar.shape`, `avatar.not_finite`, `avatar.values` if an array breaks this.
    """

    name: str
    surface: Surface
    binding: Binding
    anchors: Int32Array
    offsets: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    harmonics: Float32Array | None = None
    looks: Looks | None = None
    side_look: SideLook | None = None
    shape: Float32Array | None = None
    template_change: Float32Array | None = None
    follow: Follow
    opaque_core: bool = False
    notes: tuple[str, ...] = ()
    emotion_looks: EmotionLooks | None = None

    def __post_init__(self) -> None:
        count = len(self.anchors)
        shapes = {
            "anchors": (count,),
            "offsets": (count, 3),
            "quaternions": (count, 4),
            "scales": (count, 3),
            "opacities": (count,),
            "colours": (count, 3),
        }
        for name, shape in shapes.items():
            _check(name, getattr(self, name), shape)
        if self.harmonics is not None:
            known = self.harmonics.shape[1] if self.harmonics.ndim > 1 else 0
            if known not in HARMONICS:
                raise _broken("avatar.shape", f"{known} harmonics, not 3, 8 or 15")
            _check("harmonics", self.harmonics, (count, known, 3))
        if self.emotion_looks is not None and len(self.emotion_looks) != count:
            raise _broken(
                "avatar.shape",
                f"looks of {say_count(len(self.emotion_looks), 'Gaussian')}, not {count}",
            )
        self._check_values()
        self._check_surface()
        if self.looks is not None:
            self._check_looks(self.looks)
        if self.side_look is not None:
            self._check_side_look(self.side_look)

    def _check_values(self) -> None:
        lengths = np.linalg.norm(self.quaternions.astype(np.float64), axis=1)
        if (np.abs(lengths - 1) > 1e-3).any():
            raise _broken("avatar.values", "rotations that are none")
        if (self.scales < 0).any() or (self.scales > MAX_SCALE_M).any():
            raise _broken("avatar.values", f"Gaussians not of 0 to {MAX_SCALE_M:g} m")
        if (self.opacities < 0).any() or (self.opacities > 1).any():
            raise _broken("avatar.values", "opacities outside 0 to 1")
        if (np.abs(self.offsets) > MAX_OFFSET_M).any():
            raise _broken("avatar.values", f"Gaussians further off than {MAX_OFFSET_M:g} m")
        _check_range("colours", self.colours, MAX_COLOUR)
        if self.harmonics is not None:
            _check_range("harmonics", self.harmonics, MAX_COLOUR)

    def _check_looks(self, looks: Looks) -> None:
        if not isinstance(self.surface, HeadModel) or self.harmonics is not None:
            raise _broken("avatar.shape", "looks, but no head that has any, or harmonics beside")
        count = len(looks.gaussian)
        _check("looks.drivers", looks.drivers, (len(looks.drivers), NUMBERS + 1))
        _check("looks.gaussian", looks.gaussian, (count,))
        _check("looks.driver", looks.driver, (count,))
        _check("looks.colours", looks.colours, (count, 3))
        _check_indices("looks.gaussian", looks.gaussian, len(self))
        _check_indices("looks.driver", looks.driver, len(looks.drivers))
        if len(np.unique(looks.gaussian)) < count:
            raise _broken("avatar.values", "two looks for one Gaussian")
        if (np.abs(looks.colours) > 1).any():
            raise _broken("avatar.values", "colours that change by more than 1")

    def _check_side_look(self, look: SideLook) -> None:
        count = len(look.gaussian)
        _check("side_look.gaussian", look.gaussian, (count,))
        _check("side_look.colours", look.colours, (count, 3))
        _check("side_look.toward", look.toward, (3,))
        _check_indices("side_look.gaussian", look.gaussian, len(self))
        if count == 0 or len(np.unique(look.gaussian)) < count:
            raise _broken("avatar.values", "a side's looks of no Gaussian, or two of one")
        if (np.abs(look.colours) > 1).any() or abs(float(look.toward @ look.toward) - 1) > 1e-3:
            raise _broken("avatar.values", "a side's looks that change by more than 1, or no side")

    def _check_surface(self) -> None:
        if (self.surface is None) != (self.binding == "none"):
            raise _broken("avatar.shape", "a binding without a surface, or a surface without one")
        self._check_identity()
        places = {"vertex": len(self.vertices), "face": len(self.faces), "none": 1}
        _check_indices("anchors", self.anchors, places[self.binding])

    def _check_identity(self) -> None:
        if self.shape is None and self.template_change is None:
            return
        if not isinstance(self.surface, HeadModel):
            raise _broken("avatar.shape", "an identity, but no head that has any")
        if self.shape is not None:
            most = min(self.surface.shape_basis.shape[2], 300)  # what a Motion can say
            if self.shape.ndim != 1 or len(self.shape) > most:
                raise _broken("avatar.shape", f"an identity of {self.shape.shape}, not {most}")
            _check("shape", self.shape, self.shape.shape)
            _check_range("an identity's numbers", self.shape, MAX_IDENTITY)
        if self.template_change is not None:
            _check("template_change", self.template_change, self.surface.template.shape)
            _check_range("template_change", self.template_change, MAX_OFFSET_M)

    @property
    def vertices(self) -> Float32Array:
        """(V, 3) the surface's vertices at rest; V is 0 without a surface."""
        if isinstance(self.surface, ArkitRig):
            return self.surface.vertices
        if self.surface is None:
            return np.zeros((0, 3), np.float32)
        template = self.surface.template
        if self.template_change is not None:
            template = template + self.template_change
        if self.shape is None or not self.shape.any():
            return template
        identity = self.surface.shape_basis[..., : len(self.shape)] @ self.shape
        return np.asarray(template + identity, np.float32)

    @property
    def faces(self) -> Int32Array:
        """(F, 3) the surface's faces."""
        return np.zeros((0, 3), np.int32) if self.surface is None else self.surface.faces

    @property
    def means(self) -> Float32Array:
        """(N, 3) the Gaussians' middles at rest, metres."""
        return self.offsets + anchor_points(self.vertices, self.faces, self.anchors, self.binding)

    def __len__(self) -> int:
        return len(self.anchors)


def performance_notes(avatar: Avatar) -> tuple[str, ...]:
    """Sentences for a user who plays a take on the avatar: its notes, and that it stands still if
    it does."""
    if avatar.surface is not None:
        return avatar.notes
    still = (
        f"'{avatar.name}' has no face that a take could move: it stands still, every frame shows "
        "the same."
    )
    return (*avatar.notes, still)


def describe(avatar: Avatar) -> list[str]:
    """Lines for a user: the avatar's name, counts, surface, way to follow, size and notes."""
    degree = harmonics_degree(avatar.harmonics)
    means = avatar.means
    opaque = means[avatar.opacities > 0.3] if (avatar.opacities > 0.3).any() else means
    size = np.quantile(opaque, 0.99, axis=0) - np.quantile(opaque, 0.01, axis=0)
    lines = [
        f"name: {avatar.name}",
        f"Gaussians: {len(avatar):,}, spherical harmonics of degree {degree}",
        f"surface: {_describe_surface(avatar)}",
        f"follow: {avatar.follow}",
        *_describe_looks(avatar),
        "size: " + " x ".join(f"{edge:.2f}" for edge in size) + " m (width, height, depth)",
    ]
    return [*lines, *(f"note: {note}" for note in avatar.notes)]


def _describe_looks(avatar: Avatar) -> list[str]:
    return (
        []
        if avatar.emotion_looks is None
        else ["emotions: a look for each, by the network's tokens"]
    )


def _describe_surface(avatar: Avatar) -> str:
    surface = avatar.surface
    if surface is None:
        return "none, the Gaussians stand still"
    mesh = f"{len(avatar.vertices):,} vertices, {say_count(len(avatar.faces), 'face')}"
    bound = f"Gaussians on its {'vertices' if avatar.binding == 'vertex' else 'faces'}"
    if isinstance(surface, ArkitRig):
        shapes = int(surface.arkit_shapes.any((1, 2)).sum())
        joints = len(surface.joint_pivots)
        how = "as they are" if surface.calibration is None else "calibrated by effect"
        moving = f"{shapes} ARKit shapes ({how}), {joints} joints that turn the head"
        return f"{mesh}, {moving}; {bound}"
    return f"the head '{surface.name}' of the space '{surface.space}', {mesh}; {bound}"


def anchor_points(
    vertices: Float32Array, faces: Int32Array, anchors: Int32Array, binding: Binding
) -> Float32Array:
    """(N, 3) where the anchors lie: vertices, middles of faces' corners, or the origin."""
    if binding == "vertex":
        return vertices[anchors]
    if binding == "face":
        return vertices[faces].mean(1)[anchors]
    return np.zeros((len(anchors), 3), np.float32)


def corner_shares(avatar: Avatar, vertices: Float32Array) -> Float32Array:
    """(N, 3) barycentric weights in its face of the place nearest to each Gaussian's middle, kept
    inside the face; thirds on a face without area."""
    a, b, c = (vertices[avatar.faces[avatar.anchors, k]].astype(np.float64) for k in range(3))
    u, v, p = b - a, c - a, (a + b + c) / 3 + avatar.offsets - a
    uu, uv, vv, pu, pv = (np.sum(x * y, 1) for x, y in ((u, u), (u, v), (v, v), (p, u), (p, v)))
    area = uu * vv - uv * uv
    safe = np.where(area > 0, area, 1)
    second, third = (vv * pu - uv * pv) / safe, (uu * pv - uv * pu) / safe
    shares = np.clip(np.stack([1 - second - third, second, third], 1), 0, 1)
    shares = np.where((area > 0)[:, None], shares, 1 / 3)
    return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def _check(name: str, values: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise _broken("avatar.shape", f"{name} of shape {values.shape}, not {shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise _broken("avatar.not_finite", f"values in {name} that are not numbers")


def _check_range(name: str, values: Float32Array, most: float) -> None:
    if (np.abs(values) > most).any():
        raise _broken("avatar.values", f"{name} outside -{most:g} to {most:g}")


def _check_indices(name: str, values: Int32Array, count: int) -> None:
    if values.size and not (values.min() >= 0 and values.max() < count):
        raise _broken("avatar.shape", f"{name} that point at what is not there")


def _broken(code: str, what: str) -> InputError:
    return InputError(code, f"The avatar has {what}.", "Export or download the avatar again.")
