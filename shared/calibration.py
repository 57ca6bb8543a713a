# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration by effect: a map of ARKit's weights after which a rig moves as far, and the same
way, as the open head does with those weights.

Rigs agree on the names of the 52 shapes, not on what they do. What counts is a rig's effect: rows
of motion of places of the face (`Effects`). The map M of the weights minimises

    sum over poses p, rows r of  u_r v_p (own M q_p - wanted_p)_r^2
        + ridge * sum_jk s_jk (M_jk - m_k [j = k])^2,

where q_p are the weights of pose p, m_k is the ratio of the two sizes of shape k, and s_jk is the
curvature of the first sum, so that the ridge weighs shapes of all sizes alike. M_jk is free on the
diagonal and where shape j may help shape k (`PARTNERS`), never negative, and the same on both
sides of the face unless the rig's own shapes differ. It is a convex problem in a box; coordinate
descent solves it. Only numpy is used, and only plain arrays go in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from .arrays import BoolArray, Float32Array, Float64Array, IndexArray
from .errors import InputError
from .motion import ARKIT_NAMES

SHAPES = len(ARKIT_NAMES)

PARTNERS: Mapping[str, tuple[str, ...]] = {
    # A smile that moves the corner too little is helped by what lifts it and what bulges above it.
    "mouthSmile": ("mouthDimple", "mouthUpperUp", "cheekSquint", "mouthStretch"),
    "mouthFrown": ("mouthStretch", "mouthShrugLower", "mouthLowerDown"),
    "mouthPress": ("mouthRollUpper", "mouthRollLower"),
    "mouthDimple": ("mouthStretch", "cheekSquint"),
    "mouthPucker": ("mouthFunnel",),
    "mouthFunnel": ("mouthPucker",),
    "mouthUpperUp": ("noseSneer", "mouthShrugUpper"),
    "mouthShrugUpper": ("mouthUpperUp",),
    "noseSneer": ("mouthUpperUp", "eyeSquint", "browInnerUp"),
    # An inner brow that rises with the whole forehead slopes only if the frown holds the rest.
    "browInnerUp": ("browOuterUp", "browDown"),
    "browOuterUp": ("browInnerUp",),
    "browDown": ("noseSneer",),
    "eyeSquint": ("cheekSquint",),
    "cheekSquint": ("eyeSquint",),
    "jawForward": ("mouthShrugLower",),
    "mouthClose": ("mouthRollLower",),
}
"""Shapes of the rig that may help one of the open head's; a name without Left or Right stands for
the shape of either side, helped by those of its own side. The jaw has no helper: fitted freely it
takes .7 of both lip rolls, which bites the lips."""

KEPT = ("eyeLook", "eyeBlink", "tongueOut")
"""Beginnings of names that stay as they are: gaze turns eyeballs, of which the skin says nothing,
and a blink of 1 shuts the lids on every rig, however wide its eyes are."""
_SHOWN = 0.5
"""Rows that move at least by this share of the largest show what a shape does."""
SIZED = ("jawOpen",)
"""Shapes that get the ratio of the two sizes as their gain: a jaw opens as far."""
CLOSING = ("mouthClose",)
"""Shapes that are solved again when all others are, since they must undo these to the millimetre.
Least squares falls short of a motion by the cosine of the two directions; all but these kinds of
shapes get their size back."""
SPREAD = ("mouthShrugLower", "mouthFrown")
"""Shapes that keep the size that least squares gave them: a rig that lifts both lips with the chin,
where the open head lifts the lower one, makes a sad mouth half as large again with its size
restored."""
OPENING = ("mouthLowerDown", "mouthUpperUp", "mouthShrugUpper")
"""Shapes of the rig that give way where its lips part too far. The jaw does not: it is speech."""
_CLOSE = ARKIT_NAMES.index("mouthClose")
_MOST_TAKEN_BACK = 0.3
"""The part of what opens the lips that may be taken back; more, and a smile shows no teeth."""
_MOST_CLOSED = 0.5
"""The most of mouthClose that shutting parted lips takes; it moves as far as a wide open jaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """ridge: see the module. most_helped: the most that a helper takes of a shape's weight. gains:
    range of a shape's own gain; beyond the larger one a smile pinches the mouth's corners, where
    helpers reach as far without. restored: the largest factor that brings a shape's size back.
    one_sided: how far the effects of a pair may differ, as a share, and still count as alike."""

    ridge: float = 0.02
    most_helped: float = 0.6
    gains: tuple[float, float] = (0.3, 1.2)
    restored: float = 1.55
    one_sided: float = 0.5
    sweeps: int = 300
    tolerance: float = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """What weights do to a face, as R rows of motion, each a share of the face's height.

    own (R, 52): the rig's, by each shape at weight 1. poses (52, P): ARKit weights of poses, the
    first 52 being the shapes alone. wanted (R, P): the open head's, by each pose. row_weights (R,)
    and pose_weights (P,): how much each counts. closing_rows (R,): the rows that say whether the
    lips are shut. mirror (R,): each row's on the other side of the face, and mirror_signs (R,) -1
    where it then has the other sign. most (52,): the largest weight at which the rig's skin neither
    folds nor flies.
    """

    own: Float64Array
    poses: Float64Array
    wanted: Float64Array
    row_weights: Float64Array
    pose_weights: Float64Array
    closing_rows: BoolArray
    mirror: IndexArray
    mirror_signs: Float64Array
    most: Float64Array = field(default_factory=lambda: np.full(SHAPES, 3.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """A rig's weights are map @ the take's. map (52, 52), nowhere negative; most (52,) the largest
    weight that each of the rig's shapes gets; gaps (2, 52) how far each weight parts the lips, as a
    share of the face's height: the take's on the open head, and the rig's own on the rig; reach
    (52, 2) size of each shape's motion over the open head's, by name and by the map, 0 where the
    open head has no such motion. Raises InputError `avatar.calibration_values` if an array breaks
    this."""

    map: Float32Array
    most: Float32Array
    gaps: Float32Array
    reach: Float32Array

    def __post_init__(self) -> None:
        shapes = {"map": (SHAPES, SHAPES), "most": (SHAPES,), "gaps": (2, SHAPES)}
        for entry in fields(self):
            values: Float32Array = getattr(self, entry.name)
            least = -10 if entry.name == "gaps" else 0
            # Weights of a hundred times a shape are damage, and so are most below zero.
            is_possible = ((values >= least) & (values < 100)).all()
            if values.shape != shapes.get(entry.name, (SHAPES, 2)) or not is_possible:
                raise InputError(
                    "avatar.calibration_values",
                    f"The avatar's calibration has a {entry.name} that is none.",
                    "Make the avatar's file again with `affekt avatar convert`.",
                )


def calibrated(weights: Float32Array, calibration: Calibration) -> Float32Array:
    """The rig's weights (T, 52) for a take's (T, 52): mapped, eased below the largest, and the lips
    brought together where they part further than the open head's. A row's bits do not depend on
    the others."""
    mapped = np.einsum("ti,oi->to", weights, calibration.map, dtype=np.float64)
    mapped = soft_ceiling(mapped, calibration.most.astype(np.float64))
    wanted, parted = (
        np.einsum("ti,i->t", rows, gaps, dtype=np.float64)
        for rows, gaps in zip((weights, mapped), calibration.gaps, strict=True)
    )
    excess = np.maximum(parted - np.maximum(wanted, 0), 0)
    return _with_lips_closer(mapped, excess, calibration).astype(np.float32)


def _with_lips_closer(
    rows: Float64Array, excess: Float64Array, calibration: Calibration
) -> Float64Array:
    """Weights (T, 52) with the lips closer by `excess` (T,): what opens them is taken back first,
    as a lip that is pushed shut pulls the corners of the mouth along; mouthClose does the rest."""
    opened = np.where(_named(OPENING), np.maximum(calibration.gaps[1], 0), 0).astype(np.float64)
    by_openers = np.einsum("ti,i->t", np.maximum(rows, 0), opened)
    share = np.minimum(excess / np.maximum(by_openers, 1e-12), _MOST_TAKEN_BACK)
    out = rows * (1 - share[:, None] * (opened > 0))
    by_one = -float(calibration.gaps[1, _CLOSE])
    if by_one > 0:
        rest = excess - share * by_openers
        out[:, _CLOSE] += np.minimum(rest / by_one, _MOST_CLOSED)
    return out


def soft_ceiling(values: Float64Array, most: Float64Array) -> Float64Array:
    """Values that approach `most`: unchanged up to three quarters of it, and up to 1, so that what
    a rig's artist made is reached, lids that shut above all."""
    knee = np.maximum(0.75 * most, np.minimum(most, 1))
    room = np.maximum(most - knee, 1e-12)
    above = np.maximum(values - knee, 0)
    return np.minimum(values, knee) + room * np.tanh(above / room)


def solve_calibration(effects: Effects, options: Options | None = None) -> Calibration:
    """Finds the map of a rig whose effects are known. A shape that the rig or the open head lacks
    keeps its weight."""
    options = options or Options()
    weight = np.sqrt(effects.row_weights)[:, None]
    own, wanted = effects.own * weight, effects.wanted * weight
    alike = _alike(own, effects, options)
    entries = _entries(own, wanted, alike, options)
    found = _descend(_sums(own, wanted, effects), entries, entries.start, options)
    found = found * _restoring(found, own, wanted, alike, options)
    shut = effects.closing_rows
    closing = _sums(own[shut], wanted[shut], effects)
    found = _descend(closing, entries.only(CLOSING), found, options)
    gaps = np.stack([effects.wanted[shut, :SHAPES].sum(0), effects.own[shut].sum(0)])
    return Calibration(
        map=found.astype(np.float32),
        most=_both_sides(effects.most, alike).astype(np.float32),
        gaps=np.clip(gaps / max(np.count_nonzero(shut), 1), -1, 1).astype(np.float32),
        reach=_reach(own, own @ found, wanted),
    )


def _reach(own: Float64Array, mapped: Float64Array, wanted: Float64Array) -> Float32Array:
    sizes = _sizes(wanted[:, :SHAPES])[:, None]
    both = np.stack([_sizes(own), _sizes(mapped)], 1)
    reach = np.divide(both, sizes, out=np.zeros_like(both), where=sizes > 0)
    return np.minimum(reach, 99).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """The quadratic form: curvature of the rows (52, 52) and of the poses (52, 52), and the linear
    term (52, 52)."""

    rows: Float64Array
    poses: Float64Array
    linear: Float64Array


def _sums(own: Float64Array, wanted: Float64Array, effects: Effects) -> _Sums:
    weighted = effects.poses * effects.pose_weights
    return _Sums(
        rows=own.T @ own, poses=weighted @ effects.poses.T, linear=own.T @ wanted @ weighted.T
    )


_Group = tuple[tuple[int, int], ...]
"""Entries (helper, shape) of the map that have one value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Entries:
    """Where the descent begins (52, 52), and the groups that it moves with their bounds."""

    start: Float64Array
    groups: tuple[_Group, ...]
    bounds: tuple[tuple[float, float], ...]

    def only(self, names: tuple[str, ...]) -> _Entries:
        """The same with these shapes' columns alone."""
        columns = {ARKIT_NAMES.index(name) for name in names}
        pairs = zip(self.groups, self.bounds, strict=True)
        kept = [(group, bounds) for group, bounds in pairs if group[0][1] in columns]
        groups, bounds = (tuple(part) for part in zip(*kept, strict=True)) if kept else ((), ())
        return _Entries(start=self.start, groups=groups, bounds=bounds)


def _entries(
    own: Float64Array, wanted: Float64Array, alike: BoolArray, options: Options
) -> _Entries:
    known = (_sizes(own) > 0) & (_sizes(wanted[:, :SHAPES]) > 0)
    ratio = np.array([_size_ratio(wanted[:, k], own[:, k]) for k in range(SHAPES)])
    start = np.diag(np.where(known & ~_named(KEPT), np.clip(ratio, *options.gains), 1.0))
    groups = _groups(_free(known), alike)
    for group in groups:
        where = tuple(np.transpose(group))
        start[where] = start[where].mean()  # both sides begin alike
    helped = (0.0, options.most_helped)
    bounds = tuple(options.gains if one[0][0] == one[0][1] else helped for one in groups)
    return _Entries(start=start, groups=groups, bounds=bounds)


def _groups(free: BoolArray, alike: BoolArray) -> tuple[_Group, ...]:
    """The free entries; with its mirror image where the shapes of both sides are alike."""
    mirror, groups = mirrored_shapes(), set[_Group]()
    for helper, shape in np.argwhere(free).tolist():
        one, other = (helper, shape), (int(mirror[helper]), int(mirror[shape]))
        is_tied = other != one and alike[helper] and alike[shape] and free[other]
        groups.add(tuple(sorted((one, other))) if is_tied else (one,))
    return tuple(sorted(groups))


def _descend(sums: _Sums, entries: _Entries, start: Float64Array, options: Options) -> Float64Array:
    """The map (52, 52): each group of entries in turn goes to its best value, until all stay."""
    found = start.copy()
    product = found @ sums.poses  # kept up to date
    for _ in range(options.sweeps):
        largest = 0.0
        for group, bounds in zip(entries.groups, entries.bounds, strict=True):
            step = _step(sums, product, found - start, group, options.ridge)
            value = float(np.clip(found[group[0]] + step, *bounds))
            change = value - float(found[group[0]])
            for helper, shape in group:
                found[helper, shape] = value
                product[helper] += change * sums.poses[shape]
            largest = max(largest, abs(change))
        if largest < options.tolerance:
            break
    return found


def _step(
    sums: _Sums, product: Float64Array, away: Float64Array, group: _Group, ridge: float
) -> float:
    """How far the group is from its best value, the other entries staying. away (52, 52): how far
    the map is from where the ridge holds it."""
    down = curved = 0.0
    for helper, shape in group:
        own = sums.rows[helper, helper] * sums.poses[shape, shape]
        pull = sums.rows[helper] @ product[:, shape] - sums.linear[helper, shape]
        down += pull + ridge * own * away[helper, shape]
        curved += ridge * own
        for second, other in group:
            curved += sums.rows[helper, second] * sums.poses[shape, other]
    return -down / curved if curved > 0 else 0.0


def _restoring(
    found: Float64Array, own: Float64Array, wanted: Float64Array, alike: BoolArray, options: Options
) -> Float64Array:
    """Factors (52,) that bring the map's columns to the size that was wanted, measured where the
    shape itself moves the face."""
    factors = np.ones(SHAPES)
    for shape in np.flatnonzero(~_named(KEPT + SIZED + CLOSING + SPREAD)):
        ratio = _size_ratio(wanted[:, shape], own @ found[:, shape])
        factors[shape] = np.clip(ratio, 1, options.restored)
    return _both_sides(factors, alike)


def _both_sides(values: Float64Array, alike: BoolArray) -> Float64Array:
    """(52,) the mean of both sides where they are alike, so that no face becomes lopsided."""
    mirror = mirrored_shapes()
    return np.where(alike & alike[mirror], 0.5 * (values + values[mirror]), values)


def _size_ratio(goal: Float64Array, got: Float64Array) -> float:
    """The size of a wanted motion over that of another, in the rows that show it most, which are
    what an audience looks at: a rig that spreads a smile over the cheeks still lacks it at the
    corners. 1 for none."""
    here = np.abs(goal) >= _SHOWN * np.abs(goal).max(initial=0.0)
    size = float(np.linalg.norm(got[here]))
    return float(np.linalg.norm(goal[here])) / size if size > 0 else 1.0


def mirrored_shapes() -> IndexArray:
    """(52,) each shape's index on the other side of the face; its own for one in the middle."""
    names = [_swapped(name) for name in ARKIT_NAMES]
    return np.array([ARKIT_NAMES.index(name) for name in names], np.intp)


def _swapped(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def shape_indices(name: str) -> tuple[int, ...]:
    """Indices of the shapes that a name stands for: itself, or those of both sides."""
    names = (name,) if name in ARKIT_NAMES else (f"{name}Left", f"{name}Right")
    return tuple(ARKIT_NAMES.index(one) for one in names)


def _free(known: BoolArray) -> BoolArray:
    """(52, 52) the entries that the solution may move."""
    free = np.diag(known & ~_named(KEPT + SIZED))
    for name, helpers in PARTNERS.items():
        for shape in shape_indices(name):
            side = next((s for s in ("Left", "Right") if ARKIT_NAMES[shape].endswith(s)), None)
            for helper in (j for one in helpers for j in shape_indices(one)):
                own_side = side is None or not ARKIT_NAMES[helper].endswith(("Left", "Right"))
                if own_side or ARKIT_NAMES[helper].endswith(side or ""):
                    free[helper, shape] = known[helper] and known[shape]
    return free


def _named(beginnings: tuple[str, ...]) -> BoolArray:
    """(52,) whether the shape's name has one of these beginnings."""
    return np.array([name.startswith(beginnings) for name in ARKIT_NAMES])


def _alike(own: Float64Array, effects: Effects, options: Options) -> BoolArray:
    """(52,) whether the rig's shape does on its side what its twin does on the other."""
    mirror = mirrored_shapes()
    twin = own[effects.mirror][:, mirror] * effects.mirror_signs[:, None]
    away = np.linalg.norm(own - twin, axis=0)
    return away <= options.one_sided * np.maximum(_sizes(own), _sizes(own)[mirror])


def _sizes(columns: Float64Array) -> Float64Array:
    return np.linalg.norm(columns, axis=0)
