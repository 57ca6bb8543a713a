# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a run's loss and held-out figures over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

PANELS = (
    (
        "held-out error of the parameters",
        ("parameter_error", "parameter_error_mean", "parameter_error_untouched"),
    ),
    (
        "held-out error of the surface, mm",
        ("vertex_error_mm", "vertex_error_mean_mm", "vertex_error_untouched_mm"),
    ),
    ("held-out: remaining emotion of the source", ("source_leak", "source_difference")),
    ("held-out: share of closures kept", ("closure_kept",)),
)
"""Title and figures of the panels after the loss's; the first figure is the model's, the others
are baselines."""


def draw_training(records: Sequence[Mapping]) -> bytes:
    """The picture of a journal's records as PNG, without figures that no record has."""
    measured = [r for r in records if "figures" in r]
    panels = [(title, _known(names, measured)) for title, names in PANELS]
    panels = [(title, names) for title, names in panels if names]
    figure = Figure(figsize=(10, 3 * (1 + (len(panels) + 1) // 2)), layout="constrained")
    grid = figure.add_gridspec(1 + (len(panels) + 1) // 2, 2)
    _draw_loss(figure.add_subplot(grid[0, :]), [r for r in records if "loss" in r])
    for place, (title, names) in enumerate(panels):
        axes = figure.add_subplot(grid[1 + place // 2, place % 2])
        _draw_figures(axes, title, names, measured)
    data = BytesIO()
    figure.savefig(data, format="png", dpi=100)
    return data.getvalue()


def _known(names: Sequence[str], measured: Sequence[Mapping]) -> list[str]:
    return [name for name in names if any(name in r["figures"] for r in measured)]


def _draw_loss(axes: Axes, records: Sequence[Mapping]) -> None:
    axes.plot([r["step"] for r in records], [r["loss"] for r in records], color="tab:blue")
    if records:
        axes.set_yscale("log")
    axes.set(title="loss in training", xlabel="step")
    axes.grid(visible=True, which="both", alpha=0.3)


def _draw_figures(
    axes: Axes, title: str, names: Sequence[str], measured: Sequence[Mapping]
) -> None:
    for name, colour in zip(names, ("tab:blue", "tab:orange", "tab:gray"), strict=False):
        known = [r for r in measured if name in r["figures"]]
        values = [r["figures"][name] for r in known]
        style = "-o" if name == names[0] else "--"
        axes.plot([r["step"] for r in known], values, style, markersize=3, color=colour, label=name)
    axes.set(title=title, xlabel="step")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
