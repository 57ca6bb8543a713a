# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and axes of a take's numbers: told by a person, else recognised where the numbers leave
only one meaning, and refused where they can have none.

Weights. ARKit's are 0 to 1; smoothing, multipliers and emotions (a bake of fear lifts the inner
brows to 3) push them further. Some above 2 and none above 6 are such a take where most weights are
up to 1, since percent of a take that moves go higher; one that no neighbour in time comes near is a
fault. Else, where a tenth or more is above 1, they are percent.

Angles. A head turns by 110 degrees at most. Yaw, pitch and roll beyond that are degrees, unless
one of them stays beyond it all the time, as in a take whose camera looks along +z. What stays
within 1.9 is taken for radians.

Poses. Jaw, neck and eyes beyond half a circle are degrees, and the head's rotation with them.

Axes. A head that faces away from the camera in all of a take, and faces it once y and z are turned
round, is in the axes of OpenCV's cameras.

Place. A head further than 100 from its camera is in millimetres, further than 15 in centimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, FloatArray
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, HeadAxes, ReadOptions
from . import rotations
from .raw_take import RawTake

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WEIGHT = 2.0
MOST_PUSHED_WEIGHT = 6.0
"""Emotion at its largest strength adds up to 3 to the weights."""
_SPIKE = 1.5
"""What a weight above 2 may stand out of both its neighbours in time. A key of an emotion at its
largest strength changes a weight by 1.4 from one frame to the next."""
_PUSHED_SHARE = 0.5
"""Of the weights that are not 0, as many as may be above 1: of bakes up to 0.27 are (fear, 1.5)."""
_PERCENT_SHARE = 0.1
_MOST_PERCENT = 120.0
_LEAST_WEIGHT = -1.5
FURTHEST_RAD = 1.9
"""About 110 degrees, further than a head turns."""
_MOST_DEGREES = 400.0  # with turns that are counted on past the half circle
_MOST_POSE_DEGREES = 180.0
_LARGEST = 1e30  # float32 ends at 3e38
_LARGEST_TURN_RAD = 4 * np.pi
_THROUGHOUT = 0.95  # of the rows; trackers lose a few
_FURTHEST_M, _FURTHEST_CM = 15.0, 100.0

OURS_FROM: Mapping[HeadAxes, Float64Array] = {
    "opengl": np.eye(3),
    "opencv": np.diag([1.0, -1.0, -1.0]),
    "blender": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""Matrices that take places in a camera's axes to ours: x right, y up, z towards the viewer."""


def convert(take: RawTake, name: str, options: ReadOptions) -> RawTake:
    """The take in our units and axes, with `rotation` in place of `head_angles`, and notes on what
    was recognised. Raises InputError `motion.range`, `motion.rotation`, `motion.not_finite`."""
    if not len(take):
        return with_rotation(take)
    take = _usable(take, name)
    judged = _with_weights(take, name) if take.space == "arkit" else take
    if take.ours and options.angles is None and options.axes is None:
        return judged
    judged = _with_radians(judged, name, options)
    judged = _with_axes(with_rotation(judged), name, options.axes)
    return _with_metres(judged)


def _usable(take: RawTake, name: str) -> RawTake:
    """The take with NaN in rows without a face, whose numbers mean nothing.

    Raises InputError `motion.not_finite` for infinite values and those too large to count with.
    """
    if take.seen is not None and not take.seen.all():
        seen = take.seen[:, None]
        take = replace(take, rows={k: np.where(seen, v, np.nan) for k, v in take.rows.items()})
    for key, values in take.rows.items():
        endless = np.abs(values) > _LARGEST
        if endless.any():
            raise InputError(
                "motion.not_finite",
                f"In {name}, {key} is not a number in row {int(np.argwhere(endless)[0][0])}.",
                "Repair or cut that row and export again.",
            )
    return take


def with_rotation(take: RawTake) -> RawTake:
    """The take with `rotation` in place of `head_angles`."""
    if "head_angles" not in take.rows:
        return take
    rows = dict(take.rows)
    angles = rows.pop("head_angles").astype(np.float64)
    rows["rotation"] = _by_rows(angles, rotations.axis_angle_from_yaw_pitch_roll)
    return replace(take, rows=rows)


def _by_rows(
    values: Float64Array, function: Callable[[Float64Array], Float64Array]
) -> Float64Array:
    """The function of those rows that are numbers; NaN for the others."""
    out = np.full((len(values), 3), np.nan)
    there = np.isfinite(values).all(1)
    if there.any():
        out[there] = function(values[there])
    return out


def _noted(take: RawTake, note: str, **rows: FloatArray) -> RawTake:
    return replace(take, rows={**take.rows, **rows}, notes=(*take.notes, note))


def _faces(take: RawTake) -> BoolArray:
    return np.ones(len(take), bool) if take.seen is None else take.seen


def _with_weights(take: RawTake, name: str) -> RawTake:
    weights = take.rows["expression"]
    known = weights[_faces(take)]
    filled = np.where(np.isfinite(known), known, 0)
    high, low = float(filled.max(initial=0)), float(filled.min(initial=0))
    most = MOST_PUSHED_WEIGHT if take.ours else MOST_WEIGHT
    if high <= most and low >= _LEAST_WEIGHT:
        return take
    spikes = _spikes(known)
    if take.ours:
        raise _impossible(take, spikes, name)
    is_percent = _share_above_1(filled) >= _PERCENT_SHARE
    if _is_fraction(filled[~spikes]):
        if not spikes.any() and low >= _LEAST_WEIGHT:
            note = f"The weights go up to {high:.1f}, beyond ARKit's 1, and were kept."
            return _noted(take, note)
    elif is_percent and high <= _MOST_PERCENT and low >= 100 * _LEAST_WEIGHT:
        note = f"The weights are percent (up to {high:.0f}) and were divided by 100."
        return _noted(take, note, expression=weights / 100)
    raise _impossible(take, spikes, name)


def _share_above_1(weights: FloatArray) -> float:
    """Of those that are not 0."""
    moving = weights[weights != 0]
    return float((moving > 1).mean()) if moving.size else 0.0


def _is_fraction(weights: FloatArray) -> bool:
    """Whether these are parts of 1, some of them pushed further."""
    highest = weights.max(initial=0)
    return highest <= MOST_PUSHED_WEIGHT and _share_above_1(weights) < _PUSHED_SHARE


def _spikes(known: FloatArray) -> BoolArray:
    """Which of the weights (F, n) are above 2 in a single frame, far above both neighbours. What
    has a missing neighbour is none."""
    if len(known) < 2:
        return np.zeros(known.shape, bool)
    outside = np.full((1, known.shape[1]), -np.inf)
    around = np.concatenate([outside, np.where(np.isnan(known), np.inf, known), outside])
    stands_out = known - np.maximum(around[:-2], around[2:]) > _SPIKE
    return np.asarray((known > MOST_WEIGHT) & stands_out)


def _impossible(take: RawTake, spikes: BoolArray, name: str) -> InputError:
    """The error that names the first weight that cannot be. spikes: of the rows with a face."""
    rows, known = np.flatnonzero(_faces(take)), take.rows["expression"][_faces(take)]
    beyond = (known > MOST_PUSHED_WEIGHT) | (known < _LEAST_WEIGHT)
    wrong = next(found for found in (beyond, spikes, known > MOST_WEIGHT) if found.any())
    place, column = np.argwhere(wrong)[0]
    what = ARKIT_NAMES[column] if column < len(ARKIT_NAMES) else "a weight"
    return InputError(
        "motion.range",
        f"In {name}, {what} is {known[place, column]:g} in row {rows[place]}; ARKit's weights go "
        "from 0 to 1.",
        "Repair that value, or export the take again with weights from 0 to 1.",
    )


def _with_radians(take: RawTake, name: str, options: ReadOptions) -> RawTake:
    if take.space != "arkit":
        return _pose_radians(take, name, options)
    for key in ("head_angles", "rotation"):
        if key in take.rows:
            take = _angles(take, key, name, options)
    return take


def _pose_radians(take: RawTake, name: str, options: ReadOptions) -> RawTake:
    """A tracker's poses in radians. Jaw, neck and eyes never turn by more than half a circle."""
    there = {key: take.rows[key] for key in ("jaw", "neck", "eyes") if key in take.rows}
    known = [np.abs(values[_faces(take)]) for values in there.values()]
    largest = max((float(v[np.isfinite(v)].max(initial=0)) for v in known), default=0.0)
    degrees = options.angles == "degrees"
    if not degrees and (largest <= np.pi + 0.01 or options.angles == "radians"):
        return take
    if not degrees and largest > _MOST_POSE_DEGREES:
        raise InputError(
            "motion.rotation",
            f"In {name}, jaw, neck or eyes turn by {largest:.0f}, neither radians nor degrees.",
            "Export the take again, with poses as axis-angle vectors in radians.",
        )
    turns = {k: np.radians(take.rows[k]) for k in (*there, "rotation") if k in take.rows}
    if degrees:
        return replace(take, rows={**take.rows, **turns})
    note = f"Jaw, neck and eyes are degrees (up to {largest:.0f}); all turns were converted."
    return _noted(take, note, **turns)


def _angles(take: RawTake, key: str, name: str, options: ReadOptions) -> RawTake:
    angles = take.rows[key]
    if options.angles == "degrees":
        return replace(take, rows={**take.rows, key: np.radians(angles)})
    known = angles[_faces(take)]
    known = np.abs(known[np.isfinite(known).all(1)])
    if not len(known) or known.max() <= FURTHEST_RAD or options.angles == "radians":
        return take
    largest, turned = float(known.max()), (known.max(1) > FURTHEST_RAD).mean() >= _THROUGHOUT
    if largest <= np.pi + 0.01 and turned:
        return take
    if key == "rotation" and largest <= 2 * np.pi:
        return take
    if largest <= _MOST_DEGREES:
        note = f"The head's angles are degrees (up to {largest:.0f}) and were converted."
        return _noted(take, note, **{key: np.radians(angles)})
    raise InputError(
        "motion.rotation",
        f"In {name}, the head turns by {largest:.0f}, which is neither radians nor degrees.",
        "Repair the head's angles, or remove their columns.",
    )


def _with_axes(take: RawTake, name: str, axes: HeadAxes | None) -> RawTake:
    if "rotation" not in take.rows:
        return take
    turns = take.rows["rotation"].astype(np.float64)
    size = np.linalg.norm(turns[_faces(take)], axis=1)
    if (size[np.isfinite(size)] > _LARGEST_TURN_RAD).any():
        raise InputError(
            "motion.rotation",
            f"In {name}, the head turns by {np.nanmax(size):.0f} radians, round and round.",
            "Export rotations as axis-angle vectors in radians, or say that they are degrees "
            "(--degrees, or Angles in Blender).",
        )
    if axes is None:
        if not _faces_away(turns[_faces(take)]):
            return take
        note = "The head was in OpenCV's axes (y down, z forward) and was turned to ours."
        return _noted(take, note, **_turned(take, turns, OURS_FROM["opencv"]))
    return replace(take, rows={**take.rows, **_turned(take, turns, OURS_FROM[axes])})


def _turned(take: RawTake, turns: Float64Array, ours: Float64Array) -> dict[str, FloatArray]:
    """Rotation and translation of the head in our axes. Whether the head itself is in the source's
    axes too, or in ours as FLAME's is, is told by which of the two leaves it facing the viewer."""
    if (ours == np.eye(3)).all():
        return {}
    with_head = turns @ ours.T
    camera_only = _by_rows(turns, lambda t: rotations.turn_by(ours, t))
    faces = _faces(take)
    sizes = [float(np.nanmedian(_size(v[faces]))) for v in (with_head, camera_only)]
    rows: dict[str, FloatArray] = {"rotation": with_head if sizes[0] <= sizes[1] else camera_only}
    if "translation" in take.rows:
        rows["translation"] = take.rows["translation"].astype(np.float64) @ ours.T
    return rows


def _size(turns: Float64Array) -> Float64Array:
    """The angle (R,) of axis-angle vectors, 0 to pi."""
    angle = np.linalg.norm(turns, axis=1) % (2 * np.pi)
    return np.minimum(angle, 2 * np.pi - angle)


def _faces_away(turns: Float64Array) -> bool:
    """Whether the head faces away throughout, and towards the viewer once y and z are negated."""
    turns = turns[np.isfinite(turns).all(1)]
    if not len(turns) or (_size(turns) > FURTHEST_RAD).mean() < _THROUGHOUT:
        return False
    left = _size(rotations.turn_by(OURS_FROM["opencv"], turns))
    return bool((left < FURTHEST_RAD).mean() >= _THROUGHOUT and np.median(left) < np.pi / 3)


def _with_metres(take: RawTake) -> RawTake:
    if "translation" not in take.rows:
        return take
    places = take.rows["translation"]
    away = np.linalg.norm(places[_faces(take)].astype(np.float64), axis=1)
    away = away[np.isfinite(away)]
    middle = float(np.median(away)) if len(away) else 0.0
    if not middle > _FURTHEST_M:
        return take
    scale, unit = (1e-3, "millimetres") if middle > _FURTHEST_CM else (1e-2, "centimetres")
    note = f"The head's place is in {unit} ({middle:.0f} from the camera) and was converted."
    return _noted(take, note, translation=places * scale)
