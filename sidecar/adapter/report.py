# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of how well a FLAME head reproduces each ARKit shape."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ...shared.motion import ARKIT_NAMES
from .registration import Registration
from .solve import LEAST_SHARE, Solution


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeResidual:
    """One ARKit shape at weight 1, over the points of the face.

    moves_mm: 95th percentile of the wanted displacement. median_mm, worst_mm: median and 95th
    percentile of the error. moving_mm: median error where the shape moves the face by at least a
    tenth of its most. share: part of the shape's energy that FLAME reproduces, at most 1; a shape
    below `LEAST_SHARE` is left out.
    """

    name: str
    moves_mm: float
    median_mm: float
    worst_mm: float
    moving_mm: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """surface_mm: median distance between the registered faces. median_mm, worst_mm: errors as in
    `ShapeResidual`, over all shapes."""

    space: str
    face_points: int
    surface_mm: float
    median_mm: float
    worst_mm: float
    shapes: tuple[ShapeResidual, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the shapes that FLAME does not reproduce."""
        return tuple(shape.name for shape in self.shapes if shape.share < LEAST_SHARE)

    def as_json(self) -> dict[str, object]:
        """The report as values for JSON, with `left_out`."""
        return {**asdict(self), "left_out": list(self.left_out)}


def make_report(solution: Solution, registration: Registration, space: str) -> Report:
    """Computes the figures of a solution."""
    face = solution.face
    missed = 1000 * np.linalg.norm(solution.fitted - solution.wanted, axis=2)[:, face]
    moves = 1000 * np.linalg.norm(solution.wanted, axis=2)[:, face]
    shapes = tuple(
        ShapeResidual(
            name=name,
            moves_mm=_round(np.percentile(moves[k], 95)),
            median_mm=_round(np.median(missed[k])),
            worst_mm=_round(np.percentile(missed[k], 95)),
            moving_mm=_round(np.median(missed[k][moves[k] >= 0.1 * moves[k].max()])),
            share=_round(solution.share[k]),
        )
        for k, name in enumerate(ARKIT_NAMES)
    )
    return Report(
        space=space,
        face_points=int(face.sum()),
        shapes=shapes,
        surface_mm=_round(1000 * np.median(registration.hits.distance[face])),
        median_mm=_round(np.median(missed)),
        worst_mm=_round(np.percentile(missed, 95)),
    )


def _round(value: np.floating) -> float:
    return round(float(value), 4)


def table(report: Report) -> str:
    """The report as lines of text, the worst shapes first."""
    lines = [f"{'':22}{'moves':>8}{'median':>8}{'95 %':>8}{'moving':>8}{'shown':>8}"]
    for shape in sorted(report.shapes, key=lambda one: -one.worst_mm):
        figures = f"{shape.moves_mm:8.2f}{shape.median_mm:8.2f}{shape.worst_mm:8.2f}"
        figures += f"{shape.moving_mm:8.2f}"
        left = "  left out" if shape.share < LEAST_SHARE else ""
        lines.append(f"{shape.name:22}{figures}{max(shape.share, 0):8.0%}{left}")
    whole = f"{'':8}{report.median_mm:8.2f}{report.worst_mm:8.2f}"
    lines.append(f"{'all, mm':22}{whole}")
    return "\n".join(lines)
