# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what ARKit's shapes do to a face: rows of motion of its places, on any mesh onto which
the open head can be laid.

A place is a soft spot on the open head's skin; another mesh's vertices belong to it by the points
of the open head that they lie on. Rows are means over a place, over the face's height, so heads of
all sizes and meshes of all densities compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float64Array, FloatArray, IndexArray
from ...shared.calibration import SHAPES, Effects, shape_indices
from ...shared.head import JOINTS, REGIONS, HeadModel, landmark_values
from ..adapter.skin import point_areas
from ..adapter.solve import Forward, arkit_numbers
from ..memory import remembered
from .alignment import Alignment, align, open_alignment
from .avatar import ArkitRig
from .folds import largest_weights

_MM = 1e-3
_FAR_M = 0.004
"""A vertex that lies further off the laid-on open head than this shows none of its places."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """landmarks: iBUG numbers on the left side, of which the spot's middle is the mean; shift:
    from there, mm, x to the outside; size: standard deviation, mm; lip: which one it is on."""

    landmarks: tuple[int, ...]
    size_mm: float
    weight: float = 1.0
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lip: str = ""


# iBUG's numbers on the head's left; the right side's spots are their mirror images.
_PAIRS = {
    "brow.inner": _Spot((22,), 4, 3),
    "brow.middle": _Spot((24,), 5, 2),
    "brow.outer": _Spot((26,), 5, 2),
    "lid.upper.inner": _Spot((43,), 1.8, 2),
    "lid.upper.middle": _Spot((43, 44), 1.8, 2),
    "lid.upper.outer": _Spot((44,), 1.8, 2),
    "lid.lower.inner": _Spot((47,), 1.8, 2),
    "lid.lower.middle": _Spot((46, 47), 1.8, 2),
    "lid.lower.outer": _Spot((46,), 1.8, 2),
    "eye.outer": _Spot((45,), 4, 1, (6, 0, -3)),
    "cheek": _Spot((46,), 7, 1.5, (1, -22, 4)),
    "nose.wing": _Spot((35,), 3.5, 3),
    "nose.side": _Spot((35,), 4, 1, (-3, 14, -2)),
    "furrow": _Spot((35, 54), 4, 1, (8, 0, 0)),
    "corner": _Spot((54,), 3.5, 4),
    "lip.upper": _Spot((53,), 3, 1, lip="upper"),
    "lip.lower": _Spot((55,), 3, 1, lip="lower"),
    "rim.upper": _Spot((63,), 2.5, 0.5, lip="upper"),
    "rim.lower": _Spot((65,), 2.5, 0.5, lip="lower"),
    "jaw": _Spot((11,), 8, 0.5),
}
_MIDDLES = {
    "glabella": _Spot((21, 22), 4, 1.5, (0, -4, 1)),
    "lip.upper.middle": _Spot((51,), 3, 1, lip="upper"),
    "lip.lower.middle": _Spot((57,), 3, 1, lip="lower"),
    "rim.upper.middle": _Spot((62,), 2.5, 0.5, lip="upper"),
    "rim.lower.middle": _Spot((66,), 2.5, 0.5, lip="lower"),
    "chin": _Spot((8,), 7, 1),
}
SIDES = ("left", "right")
PLACES = (*(f"{name}.{side}" for name in _PAIRS for side in SIDES), *_MIDDLES)
"""Names of the places, in the order of `FacePlaces.shares`."""

_LID_GAPS = ("inner", "middle", "outer")
_LIP_GAPS = ("rim.{}.left", "rim.{}.middle", "rim.{}.right")
_GAP_WEIGHT, _LIP_GAP_WEIGHT, _SHAPE_WEIGHT, _LID_SHARE = 4.0, 0.5, 8.0, 0.08
"""The resting gap of a lid, 8 mm of a face's 100, makes a share of it a share of the face."""

_Pose = dict[str, float]
CLOSED: dict[str, _Pose] = {
    "jaw open, lips shut": {"jawOpen": 0.5, "mouthClose": 0.5},
    "m": {"jawOpen": 0.12, "mouthClose": 0.12, "mouthPress": 0.34, "mouthRollLower": 0.26},
    "b": {"jawOpen": 0.25, "mouthClose": 0.25, "mouthPress": 0.2},
}
SPEECH: dict[str, _Pose] = {
    "f": {"jawOpen": 0.12, "mouthRollLower": 0.6, "mouthUpperUp": 0.2, "mouthShrugLower": 0.12},
    "w": {"jawOpen": 0.09, "mouthPucker": 0.82, "mouthFunnel": 0.28},
    "a": {"jawOpen": 0.35, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
}
EXPRESSIONS: dict[str, _Pose] = {
    "smile": {"cheekSquint": 1.1, "mouthSmile": 0.8, "eyeSquint": 0.2, "mouthUpperUp": 0.1},
    "happy": {"cheekSquint": 1, "mouthSmile": 0.8, "mouthLowerDown": 0.2, "jawOpen": 0.1},
    "sad": {"browInnerUp": 1.4, "browDown": 0.8, "mouthFrown": 1.1, "mouthShrugLower": 0.6},
    "angry": {"browDown": 1.4, "eyeWide": 0.8, "eyeSquint": 0.5, "mouthPress": 0.2},
    "snarl": {"browDown": 1.4, "eyeWide": 0.8, "eyeSquint": 0.5, "mouthUpperUp": 0.8},
    "fear": {
        "browInnerUp": 1.4, "browOuterUp": 1.1, "browDown": 0.8, "eyeWide": 1, "mouthStretch": 1.3,
    },
    "disgust": {"noseSneer": 1, "mouthUpperUp": 0.8, "eyeSquint": 0.5, "cheekSquint": 0.7},
    "surprise": {"browInnerUp": 1.3, "browOuterUp": 1.4, "eyeWide": 0.8, "jawOpen": 0.4},
}  # fmt: skip
"""Poses beside the single shapes, a name without a side standing for both: closed lips, vowels and
consonants, so that speech stays speech, and faces as emotions make them."""
_COUNTS = (*[8.0, 4.0, 4.0], *[1.0] * len(SPEECH), *[1.0] * len(EXPRESSIONS))
"""What each of them counts, a single shape counting 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FacePlaces:
    """The places of a face on a mesh of V vertices. shares (places, V): of each place's motion,
    sum 1 in a row, or 0 where the mesh shows no such place. rest (places, 3): where they are,
    metres. height_m: from the middle of the lids to the chin."""

    shares: Float64Array
    rest: Float64Array
    height_m: float

    @property
    def is_seen(self) -> FloatArray:
        """(places,) 1 where the mesh shows the place."""
        return np.asarray(self.shares.any(1), np.float64)


def open_places(open_head: HeadModel) -> FacePlaces:
    """The places on the open head itself."""
    return laid_places(open_head, open_alignment(open_head), open_head)


def rig_places(rig: ArkitRig, open_head: HeadModel, *, brows_lower_mm: float = 0.0) -> FacePlaces:
    """The places on a rig, onto which the open head is laid; takes seconds. brows_lower_mm: as in
    `laid_places`. Raises InputError `avatar.regions` if its face is not found."""
    return laid_places(rig, align(rig, open_head), open_head, brows_lower_mm=brows_lower_mm)


def face_places(moved: FloatArray, places: FacePlaces) -> Float64Array:
    """Motion (..., places, 3) in metres of the places, for displacements (..., V, 3)."""
    shown = places.shares.any(0)  # a fifth of a head's vertices
    return np.asarray(places.shares[:, shown] @ moved[..., shown, :], np.float64)


def face_rows(moved: FloatArray, places: FacePlaces) -> Float64Array:
    """Rows (K, R) of motion for displacements (K, V, 3) in metres, as `row_names` lists them:
    lengths over the face's height, but gaps of lids over the resting gap (times what that is of a
    face). K may be 0."""
    spots = face_places(moved, places) / places.height_m
    columns = [spots.reshape(len(spots), 3 * len(PLACES))]
    at = {name: spots[:, index] for index, name in enumerate(PLACES)}
    rest = {name: places.rest[index] for index, name in enumerate(PLACES)}
    for side in SIDES:
        for where in _LID_GAPS:
            upper, lower = (f"lid.{one}.{where}.{side}" for one in ("upper", "lower"))
            gap = max((rest[upper] - rest[lower])[1], _MM) / places.height_m
            columns.append(_LID_SHARE * (at[upper] - at[lower])[:, 1:2] / gap)
    for where in _LIP_GAPS:
        upper, lower = (where.format(one) for one in ("upper", "lower"))
        columns.append((at[upper] - at[lower])[:, 1:2])
    columns.append((at["corner.left"] - at["corner.right"])[:, :1])
    columns += [(at[f"brow.inner.{s}"] - at[f"brow.outer.{s}"])[:, 1:2] for s in SIDES]
    columns.append((at["brow.inner.left"] - at["brow.inner.right"])[:, :1])
    return np.concatenate(columns, 1)


def row_names() -> tuple[str, ...]:
    """Names of the rows of `face_rows`: each place's x, y and z, then gaps, width and slopes."""
    names = [f"{place}:{axis}" for place in PLACES for axis in "xyz"]
    names += [f"lid gap.{where}.{side}" for side in SIDES for where in _LID_GAPS]
    names += [where.format("gap") for where in _LIP_GAPS]
    return (*names, "mouth width", *(f"brow slope.{side}" for side in SIDES), "brow width")


def effects_of(rig: ArkitRig, open_head: HeadModel, *, brows_lower_mm: float = 0.0) -> Effects:
    """What the rig's shapes do, and what the open head does with the same weights. brows_lower_mm:
    see `rig_places`. Raises InputError `avatar.regions` if the rig's face is not found."""
    places = rig_places(rig, open_head, brows_lower_mm=brows_lower_mm)
    poses, pose_weights = _poses()
    own = face_rows(rig.arkit_shapes, places).T
    there, wanted = _wanted(open_head)
    size = np.linalg.norm(wanted, axis=0)
    # Small motions count as much as large ones, but not what is none.
    relative = pose_weights / np.maximum(size, 0.1 * np.median(size)) ** 2
    mirror, signs = _mirror()
    return Effects(
        own=own,
        poses=poses,
        wanted=wanted,
        closing_rows=np.array([name.startswith("rim.gap") for name in row_names()]),
        row_weights=_row_weights(places.is_seen * there.is_seen),
        pose_weights=relative,
        mirror=mirror,
        mirror_signs=signs,
        most=largest_weights(rig, places.shares.sum(0) > 0),
    )


@remembered
def _wanted(open_head: HeadModel) -> tuple[FacePlaces, Float64Array]:
    """The open head's places, and its rows (R, P) in every pose."""
    there, (poses, _) = open_places(open_head), _poses()
    return there, _with_lips_met(face_rows(open_motion(poses.T, open_head), there).T)


def _with_lips_met(wanted: Float64Array) -> Float64Array:
    """The rows (R, P) with lips that touch in the closing poses, as every rig's artist shut them.
    Those of the open head itself stay a little apart, or sink into one another."""
    out = wanted.copy()
    gaps = [row for row, name in enumerate(row_names()) if name.startswith("rim.gap")]
    out[np.ix_(gaps, range(SHAPES, SHAPES + len(CLOSED)))] = 0
    return out


def open_motion(weights: FloatArray, open_head: HeadModel) -> Float64Array:
    """Displacements (K, V, 3) in metres of the open head by ARKit weights (K, 52)."""
    forward = Forward(open_head, np.arange(len(open_head.template)))
    return forward(np.asarray(weights, np.float64) @ arkit_numbers(open_head))


def weights_of(pose: _Pose) -> Float64Array:
    """ARKit's weights (52,) of a pose, a name without a side standing for both."""
    weights = np.zeros(SHAPES)
    for name, value in pose.items():
        weights[list(shape_indices(name))] = value
    return weights


def _poses() -> tuple[Float64Array, Float64Array]:
    """Weights (52, P) of the poses, the single shapes first, and what each pose counts (P,)."""
    mixed = [weights_of(pose) for pose in (CLOSED | SPEECH | EXPRESSIONS).values()]
    counts = np.array([*[1.0] * SHAPES, *_COUNTS])
    counts[list(shape_indices("mouthClose"))] = 0  # never alone: it undoes a jaw's opening
    return np.concatenate([np.eye(SHAPES), np.transpose(mixed)], 1), counts


def _spots() -> list[tuple[_Spot, int]]:
    """Each place's spot, and the sign of its x: 1 on the left, -1 on the right, 0 between."""
    pairs = [(spot, sign) for spot in _PAIRS.values() for sign in (1, -1)]
    return [*pairs, *((spot, 0) for spot in _MIDDLES.values())]


def laid_places(
    surface: ArkitRig | HeadModel,
    found: Alignment,
    open_head: HeadModel,
    *,
    brows_lower_mm: float = 0.0,
) -> FacePlaces:
    """The places on a surface onto which the open head was laid. brows_lower_mm: how much nearer to
    the lids the surface's brows are than the open head's."""
    vertices = surface.vertices if isinstance(surface, ArkitRig) else surface.template
    area = point_areas(np.asarray(vertices, np.float64), surface.faces.astype(np.int64))
    skin = np.isin(found.label, [REGIONS.index(name) for name in ("skin", "lip")])
    area = np.where(skin & (found.distance < _FAR_M), area, 0)
    landmarks = landmark_places(open_head)
    jaw = open_head.skin_weights[found.vertex, JOINTS.index("jaw")]
    lip = {"": 1.0, "upper": jaw < _lip_border(open_head), "lower": jaw >= _lip_border(open_head)}
    shares = np.zeros((len(PLACES), len(vertices)))
    for row, (spot, sign) in enumerate(_spots()):
        middle = landmarks[list(spot.landmarks)].mean(0) + _MM * np.array(spot.shift_mm)
        middle[0] *= sign
        if PLACES[row].startswith("brow"):
            middle[1] -= _MM * brows_lower_mm
        away = np.linalg.norm(found.place - middle, axis=1) / (_MM * spot.size_mm)
        share = np.exp(-0.5 * away**2) * (away < 2.5) * area * lip[spot.lip]
        if np.count_nonzero(share) >= 3:
            shares[row] = share / share.sum()
    rest = shares @ vertices
    lids = np.array([name.startswith("lid") for name in PLACES]) & shares.any(1)
    height = float(rest[lids, 1].mean() - rest[PLACES.index("chin"), 1]) if lids.any() else 0.1
    return FacePlaces(shares=shares, rest=rest, height_m=max(height, 10 * _MM))


def landmark_places(head: HeadModel) -> Float64Array:
    """(68, 3) iBUG's landmarks on the head at rest, metres."""
    return landmark_values(head, head.template.astype(np.float64))


def _lip_border(open_head: HeadModel) -> float:
    """The jaw's share of a vertex between the upper lip's and the lower one's."""
    shares = landmark_values(open_head, open_head.skin_weights[:, JOINTS.index("jaw")])
    return float(0.5 * (shares[51] + shares[57]))


def _row_weights(seen: Float64Array) -> Float64Array:
    spots = np.array([spot.weight for spot, _ in _spots()]) * seen
    lids = np.full(len(SIDES) * len(_LID_GAPS), _GAP_WEIGHT)
    lips = np.full(len(_LIP_GAPS), _LIP_GAP_WEIGHT)
    shapes = np.array([1.0, _SHAPE_WEIGHT, _SHAPE_WEIGHT, _SHAPE_WEIGHT])
    return np.concatenate([np.repeat(spots, 3), lids, lips, shapes])


def _mirror() -> tuple[IndexArray, Float64Array]:
    """Each row's index on the other side, and -1 for the rows that then have the other sign."""
    names = row_names()
    swap = str.maketrans({"<": "right", ">": "left"})
    other = [n.replace("left", "<").replace("right", ">").translate(swap) for n in names]
    signs = [-1.0 if name.endswith(":x") else 1.0 for name in names]
    return np.array([names.index(name) for name in other], np.intp), np.array(signs)
