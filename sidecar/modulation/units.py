# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units on top of a modulated take: what each moves on the open head, alone, on one side,
and beside others.

`action_units.toml` defines them by shapes of the open head; here they become changes of the 103
numbers of a frame. Units do not add up: where others act as well, a unit's weights go over into
those of its `beside`, softly, so that keys from 0 on make no jump. What moves alike on both sides
is the unit as FACS has it; what one side has beyond the other is the one-sided unit.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.emotion import EmotionTrack
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from ...shared.units import UNIT_OF
from ..head.read import OPEN, read_head
from .network import NUMBERS
from .weights import Modulator

SIDES = ("Left", "Right")
_WHOLLY_BESIDE = 0.35
"""From this weight on (FACS's B) a unit counts wholly beside others; below, softly less."""
_RIVALS = {18: "mouthPucker", 22: "mouthFunnel"}
"""Units that speech does too, and the shape by which it does: a smile yields to a spoken u."""
OPENERS = (10, 12, 16, 19, 20, 22, 25, 26, 27, 29)
"""Units that may part lips which the take holds closed through a silence."""
_WHOLLY_OPENER = 0.1
_HARDLY_MM = 0.5
_LIDS = {"Right": ((37, 41), (38, 40)), "Left": ((43, 47), (44, 46))}
"""Upper and lower lid among the 68 landmarks, at two places of each eye."""
_WIDE = ("eyeWide{}", "eye{}OpenedUp")
_MM = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An action unit on the open head. weights: by shape, at intensity 1. beside: (other units,
    weights in place of these). side: weights in place of these where one side acts alone. lids: by
    which share it closes the lids. arkit: what shows it where there are ARKit's shapes alone; None
    for those that are nearest on the surface."""

    weights: Mapping[str, float]
    beside: tuple[tuple[frozenset[int], Mapping[str, float]], ...]
    side: Mapping[str, float]
    lids: float
    arkit: Mapping[str, float] | None

    def weights_beside(self, units: frozenset[int]) -> Mapping[str, float]:
        """Weights at intensity 1 where `units` act as well."""
        changed = next((w for others, w in self.beside if others <= units), {})
        return {**self.weights, **changed}


def _read() -> tuple[dict[str, float], dict[int, Definition]]:
    table = tomllib.loads(Path(__file__).with_name("action_units.toml").read_text("utf-8"))
    units = {
        int(number): Definition(
            weights=unit["weights"],
            beside=tuple(
                (frozenset(case["units"]), case["weights"]) for case in unit.get("beside", ())
            ),
            side=unit.get("side", {}),
            lids=unit.get("lids", 0.0),
            arkit=unit.get("arkit"),
        )
        for number, unit in table["units"].items()
    }
    return table["intensities"], units


INTENSITIES, DEFINITIONS = _read()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Change:
    """What a unit adds at weight 1: (3, 103) both sides alike, the left alone, the right alone.
    beside: (other units, (3, 103) what they add to that), the first that holds first."""

    rows: Float64Array
    beside: tuple[tuple[tuple[int, ...], Float64Array], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lids:
    """An eye's lids at two places: mm between them at rest (2,), where they are shut 0, and what a
    number (103, 2) and a component of the identity (300, 2) open them by. column: the number that
    shuts them at 1. openers: the numbers that widen this eye."""

    rest: Float64Array
    opening: Float64Array
    identity: Float64Array
    column: int
    openers: list[int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitTable:
    """The units on the open head. changes: by number; in_arkit: of those that ARKit's shapes show
    otherwise. lowest, highest: (103,) how far a unit alone
    takes a number, both with 0. rivals: unit -> (column, value) of the number by which speech does
    the same, and how much of it is the unit at weight 1. lids: of the left and the right eye."""

    changes: Mapping[int, _Change]
    in_arkit: Mapping[int, _Change]
    lowest: Float32Array  # (103,)
    highest: Float32Array  # (103,)
    rivals: Mapping[int, tuple[int, float]]
    lids: tuple[_Lids, _Lids]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownUnits:
    """The units of n frames: by number, weights (n, 2) of the left and the right side."""

    sides: Mapping[int, Float64Array]

    def level(self, number: int) -> Float64Array:
        """(n, 2) or 0 where there is none."""
        return self.sides.get(number, np.zeros((1, 2)))


@cache
def unit_table() -> UnitTable:
    """The units on the head that ships, by which space "open" is defined."""
    return table_of(read_head(OPEN))


def table_of(head: HeadModel) -> UnitTable:
    """The units on an open head."""
    changes = {number: _change(unit, head) for number, unit in DEFINITIONS.items()}
    most = limits.MAX_UNIT_WEIGHT * np.concatenate([c.rows for c in changes.values()])
    names = head.expression_names
    return UnitTable(
        changes=changes,
        in_arkit={
            number: _Change(rows=_rows(unit.arkit, {}, head), beside=())
            for number, unit in DEFINITIONS.items()
            if unit.arkit is not None
        },
        lowest=np.minimum(most.min(0), 0).astype(np.float32),
        highest=np.maximum(most.max(0), 0).astype(np.float32),
        rivals={
            number: (names.index(shape), DEFINITIONS[number].weights[shape])
            for number, shape in _RIVALS.items()
        },
        lids=(_lids(head, "Left"), _lids(head, "Right")),
    )


def shown_units(track: EmotionTrack, frames: range) -> ShownUnits | None:
    """The units that act in the frames of the track; None where none does."""
    if track.units is None or not track.units[frames.start : frames.stop].any():
        return None
    sides: dict[int, Float64Array] = {}
    for name, weights in zip(
        track.unit_names, track.units[frames.start : frames.stop].T, strict=True
    ):
        if weights.any():
            level = sides.setdefault(UNIT_OF[name].number, np.zeros((len(frames), 2)))
            level += weights[:, None] * [not name.endswith("_R"), not name.endswith("_L")]
    return ShownUnits(
        sides={n: np.minimum(level, limits.MAX_UNIT_WEIGHT) for n, level in sides.items()}
    )


def add_units(
    out: Float32Array,
    shown: ShownUnits,
    strength: FloatArray,
    identity: Float32Array,
    modulator: Modulator,
) -> Float32Array:
    """out (n, 103) with the units on top, each number by its strength (n, 103). identity: (300,)
    of the take's head. No number leaves the range of the modulator's training, or what one unit
    alone makes of it, further than it did."""
    table = unit_table()
    new = out + (_changes(shown, out, table, table.changes) * strength).astype(np.float32)
    low = np.minimum(np.minimum(modulator.lowest, table.lowest), out)
    high = np.maximum(np.maximum(modulator.highest, table.highest), out)
    new = np.clip(new, low, high)
    for side, lids in enumerate(table.lids):
        shares = [
            unit.lids * shown.sides[number][:, side]
            for number, unit in DEFINITIONS.items()
            if unit.lids and number in shown.sides
        ]
        if shares:
            closed = np.clip(np.max(shares, 0) * strength[:, lids.column], 0, 1)
            new = _close(new, closed, identity, lids)
    return new


def in_arkit(after: Float32Array, shown: ShownUnits, strength: FloatArray) -> Float32Array:
    """after (n, 103), with units by the strength (n, 103), where nothing but ARKit's shapes shows
    them."""
    table = unit_table()
    acting = [number for number in shown.sides if number in table.in_arkit]
    if not acting:
        return after
    own, theirs = (
        _changes(shown, after, table, {number: changes[number] for number in acting})
        for changes in (table.changes, table.in_arkit)
    )
    return after + ((theirs - own) * strength).astype(np.float32)


def parting(shown: ShownUnits) -> Float64Array:
    """(n,) 0..1, how far the units are such as part lips that rest."""
    levels = [level.max(1) for n, level in shown.sides.items() if n in OPENERS]
    return np.minimum(sum(levels, np.zeros(1)) / _WHOLLY_OPENER, 1)


def hardly_opening(change: Float32Array, modulator: Modulator) -> Float32Array:
    """Of what units add (n, 103), what hardly parts the lips: they close over it, and a dimple or a
    wrinkled nose does not flicker with each m."""
    opens = modulator.lip_opening.mean(1)
    return np.where((opens > 0) & (opens < _HARDLY_MM), change, 0)


def _changes(
    shown: ShownUnits, out: Float32Array, table: UnitTable, changes: Mapping[int, _Change]
) -> Float64Array:
    """(n, 103) what the units of `changes` that are shown add to out (n, 103) at full strength."""
    total = np.zeros(out.shape)
    for number, level in shown.sides.items():
        change = changes.get(number)
        if (
            change is None or DEFINITIONS[number].lids
        ):  # they look at the lids as they are in the end
            continue
        rows = np.broadcast_to(change.rows, (len(out), *change.rows.shape)).copy()
        left = np.ones(len(out))
        for others, difference in change.beside:
            share = left * np.min([_presence(n, shown, out, table) for n in others], 0)
            rows += share[:, None, None] * difference
            left = left - share
        both = level.min(1)
        parts = np.stack([both, level[:, 0] - both, level[:, 1] - both], 1)
        total += np.einsum("tp,tpc->tc", parts, rows)
    return total


def _presence(number: int, shown: ShownUnits, out: Float32Array, table: UnitTable) -> Float64Array:
    """(n,) 0..1 how far the unit acts, by its channels or in speech."""
    level = np.broadcast_to(shown.level(number).max(1), len(out))
    if number in table.rivals:
        column, value = table.rivals[number]
        level = np.maximum(level, out[:, column] / value)
    return np.clip(level / _WHOLLY_BESIDE, 0, 1)


def _change(unit: Definition, head: HeadModel) -> _Change:
    rows = _rows(unit.weights, unit.side, head)
    beside = tuple(
        (tuple(sorted(others)), _rows({**unit.weights, **changed}, unit.side, head) - rows)
        for others, changed in unit.beside
    )
    return _Change(rows=rows, beside=beside)


def _rows(weights: Mapping[str, float], side: Mapping[str, float], head: HeadModel) -> Float64Array:
    """(3, 103) numbers of both sides alike, the left alone, the right alone."""
    alone = {n: w for n, w in weights.items() if n not in head.expression_names} | dict(side)
    rows = [weights, *(_of_side(alone, name, head) for name in SIDES)]
    return np.stack([_numbers(row, head) for row in rows])


def _of_side(weights: Mapping[str, float], side: str, head: HeadModel) -> dict[str, float]:
    """Weights by whole names, without the other side's."""
    return {
        name: weight
        for stem, weight in weights.items()
        for name in shapes_of(stem, head)
        if name == stem or side in name
    }


def shapes_of(stem: str, head: HeadModel) -> list[str]:
    """The shape of this name, or those of both sides. Raises KeyError if the head has neither."""
    if stem in head.expression_names:
        return [stem]
    found = [n for n in head.expression_names if stem in (n.replace(s, "") for s in SIDES)]
    if len(found) != len(SIDES):
        raise KeyError(stem)
    return found


def _numbers(weights: Mapping[str, float], head: HeadModel) -> Float64Array:
    """(103,) expression and jaw of weights by shape."""
    numbers = np.zeros(NUMBERS)
    for stem, weight in weights.items():
        for name in shapes_of(stem, head):
            numbers[head.expression_names.index(name)] += weight
            if name in ARKIT_NAMES:
                numbers[100:] += weight * head.arkit_jaw[:, ARKIT_NAMES.index(name)]
    return numbers


def _lids(head: HeadModel, side: str) -> _Lids:
    def gaps(points: FloatArray) -> Float64Array:
        """(…, 2) from vertices (V, …)."""
        corners = points[head.faces[head.landmark_faces]]
        heights = np.einsum("nk,nk...->n...", head.landmark_weights, corners)
        return np.stack([heights[up] - heights[down] for up, down in _LIDS[side]], -1) * _MM

    opening, identity = np.zeros((NUMBERS, 2)), np.zeros((300, 2))
    opening[: head.expression_basis.shape[2]] = gaps(head.expression_basis[:, 1])
    identity[: head.shape_basis.shape[2]] = gaps(head.shape_basis[:, 1])
    column = head.expression_names.index(f"eyeBlink{side}")
    return _Lids(
        rest=-opening[column],
        opening=opening,
        identity=identity,
        column=column,
        openers=[head.expression_names.index(name.format(side)) for name in _WIDE],
    )


def _close(
    numbers: Float32Array, closed: Float64Array, identity: Float32Array, lids: _Lids
) -> Float32Array:
    """numbers (n, 103) with the eye closed by the share closed (n,) of its opening: first what
    widens it is taken back, since lids that both open and shut do not meet at their ends."""
    out = numbers.copy()
    wide = np.maximum(out[:, lids.openers], 0)
    out[:, lids.openers] -= (closed[:, None] * wide).astype(np.float32)
    before, after = (
        # einsum sums in one fixed order, so that every range of a bake has the same bits.
        lids.rest + identity @ lids.identity + np.einsum("tc,cp->tp", rows, lids.opening)
        for rows in (numbers, out)
    )
    wanted = (1 - closed[:, None]) * np.maximum(before, 0)
    steps = np.maximum(after - wanted, 0) / -lids.opening[lids.column]
    out[:, lids.column] += steps.max(1).astype(np.float32)
    return out
