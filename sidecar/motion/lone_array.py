# SPDX-License-Identifier: GPL-3.0-or-later
"""Single arrays without names: the number of columns says what they are.

What the tools behind them write is in docs/formats.md. 52 weights come in one of three orders,
which only their values can tell: in the right one the left and right half of a face move much
alike. They are alphabetical (EmoTalk) unless another order is clearly the better one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import FloatArray
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from ...shared.take_files import APP_ORDER
from . import records
from .raw_take import RawTake

_CLEARLY = 0.6
"""Another order of weights is taken if sides differ by less than this part of what they do in the
alphabetical one. In noise any two orders are alike within some percent."""

_MEDIAPIPE = ("_neutral", *(name for name in ARKIT_NAMES if name != "tongueOut"))
_ORDERS = {
    "in alphabetical order": ARKIT_NAMES,
    "in the order of Live Link's CSV": APP_ORDER,
    "in the order of MediaPipe": _MEDIAPIPE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What an array of some width is. parts: field of `Motion` -> its columns. fps: the rate of
    the tool that writes it, if it has one."""

    said: str
    parts: dict[str, slice]
    fps: float | None = None


_FLAME = {
    103: _Layout(
        said="100 FLAME expressions and the jaw",
        parts={"expression": slice(0, 100), "jaw": slice(100, 103)},
    ),
    106: _Layout(
        said="ARTalk's motion at 25 frames a second: 100 FLAME expressions, the head's turn and "
        "the jaw",
        parts={"expression": slice(0, 100), "rotation": slice(100, 103), "jaw": slice(103, 106)},
        fps=25.0,
    ),
    112: _Layout(
        said="motion codes: 100 FLAME expressions, the head's turn, the jaw and both eyes",
        parts={
            "expression": slice(0, 100),
            "rotation": slice(100, 103),
            "jaw": slice(103, 106),
            "eyes": slice(106, 112),
        },
    ),
}

_LIVE_LINK = 61  # the weights and nine angles
_WIDTHS = frozenset((len(ARKIT_NAMES), _LIVE_LINK, *_FLAME))


def fits(values: NDArray[np.generic]) -> bool:
    """Whether an array has the shape of a take, or of several."""
    known = bool({*values.shape[-2:]} & _WIDTHS) if values.ndim == 2 else False
    return known or (values.ndim in (1, 3) and values.shape[-1] in _WIDTHS)


def decode_array(values: NDArray[np.generic], name: str) -> RawTake:
    """Decodes an array (T, 52, 61, 103, 106 or 112), also (n, T), (1, T, n), (T, 1, n) or (n,).

    Raises InputError `motion.shape`, `motion.several`, `motion.not_a_number`.
    """
    if not fits(values) or not values.size:
        raise InputError(
            "motion.shape",
            f"{name} is one array of the shape {values.shape}; a take has 52, 61, 103, 106 or 112 "
            "columns, and a row for each frame.",
            "Save the arrays with their names, as npz; docs/formats.md has the names.",
        )
    rows = records.rows({"the array": _table(values)}, "the array", name)
    width = rows.shape[1]
    if width in _FLAME:
        return _flame(rows, _FLAME[width])
    return _weights(rows) if width == len(ARKIT_NAMES) else _live_link(rows)


def _table(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """The array with a row for each frame, if it is of one face."""
    if values.ndim == 2 and values.shape[1] not in _WIDTHS:
        return values.T
    return values


def _flame(values: FloatArray, layout: _Layout) -> RawTake:
    return RawTake(
        rows={field: values[:, part] for field, part in layout.parts.items()},
        space="flame2020",
        fps=layout.fps,
        notes=(f"One array of {values.shape[1]} columns, read as {layout.said}.",),
    )


def _live_link(values: FloatArray) -> RawTake:
    return RawTake(
        rows={"expression": _in_order(values[:, :52], APP_ORDER), "head_angles": values[:, 52:55]},
        space="arkit",
        notes=(
            "One array of 61 columns, read as Live Link's 52 weights and the head's yaw, pitch and "
            "roll; the eyes' angles repeat the weights.",
        ),
    )


def _weights(values: FloatArray) -> RawTake:
    uneven = {said: _unevenness(values, order) for said, order in _ORDERS.items()}
    said, least = min(uneven.items(), key=lambda item: item[1])
    if not least < _CLEARLY * uneven["in alphabetical order"]:
        said = "in alphabetical order"
    return RawTake(
        rows={"expression": _in_order(values, _ORDERS[said])},
        space="arkit",
        notes=(f"One array of 52 columns, read as ARKit's weights {said}.",),
    )


def _unevenness(values: FloatArray, order: tuple[str, ...]) -> float:
    """How far the two sides of the face differ if the columns have this order, as a part of how
    much they move."""
    left = [i for i, key in enumerate(order) if key.endswith("Left") and _mirror(key) in order]
    right = [order.index(_mirror(order[i])) for i in left]
    with np.errstate(invalid="ignore"):
        apart = np.abs(values[:, left] - values[:, right]).sum()
        moved = np.abs(values[:, left]).sum() + np.abs(values[:, right]).sum()
    return float(apart / moved) if moved > 0 else 0.0


def _mirror(key: str) -> str:
    """The name on the other side. jawLeft and mouthLeft have none: they exclude each other."""
    return "" if key in ("jawLeft", "mouthLeft") else key.removesuffix("Left") + "Right"


def _in_order(values: FloatArray, order: tuple[str, ...]) -> FloatArray:
    expression = np.zeros((len(values), 100), np.float32)
    for source, key in enumerate(order):
        if key in ARKIT_NAMES:
            expression[:, ARKIT_NAMES.index(key)] = values[:, source]
    return expression
