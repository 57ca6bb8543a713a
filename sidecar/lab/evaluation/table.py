# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a page of Markdown tables."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ....shared.wording import say_count
from .data import STATES
from .geometry import MODEL, TRUTH, UNTOUCHED
from .metrics import CLOSED_MM, MUST_CLOSE
from .report import Report, Row
from .resample import Estimate

WORST_CHANNELS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a figure is printed: its label, its meaning, its factor and digits."""

    label: str
    says: str
    factor: float = 1.0
    digits: int = 3


def _read_lines() -> dict[str, Line]:
    table = tomllib.loads(Path(__file__).with_name("figures.toml").read_text("utf-8"))
    limits = {"must_close": MUST_CLOSE, "closed_mm": CLOSED_MM}
    return {n: Line(**line | {"says": line["says"].format(**limits)}) for n, line in table.items()}


LINES = _read_lines()
"""A line for each of `metrics.FIGURES`, in the table's order."""

_METHODS = """
* **truth**: the performance composed in the target emotion.
* **untouched**: the source as it is. The paper's ablation "without the geometry branch" is the \
same take, so this is its column too.
* **mean offset**: the source plus the target emotion's mean difference from neutral over the \
training performances, at weight 1. It does **not** take the source's emotion out.
* **offset, source known**: is told the source's emotion, which the model is not, and takes that \
one's mean offset out first.
* **retrieved pose**: all but speech, jaw and eyes replaced, frame by frame, by the training frame \
of the target emotion whose articulation is nearest, smoothed over time.
* **model**: the modulator at full influence.
* any other: a modulator given by `--against`.
"""


_READINGS = """\
* **source**: by a probe trained on untouched training takes, which must read untouched held-out \
ones; chance is 14.3 %. This is the promised figure, and an easy one: an output that looks like \
its target is read as its target, whatever faint trace it bears.
* **source, target barred**: the same probe's best answer other than the target, where the emotion \
changed; chance is 16.7 %.
* **target**: how often that probe takes the output for a take in the target emotion.
* **source, own probe**: the harder question. A probe trained on the method's own outputs for \
training performances, and told each one's target; chance is 14.3 %. The truth holds nothing of \
the source: its figure shows how far chance reaches.
* **stain**: how large what the source's emotion leaves in the output's mean is, in % of what it \
is in the untouched take (root mean square over numbers and source classes). A probe can read a \
stain too faint to see.
"""


def make_table(report: Report) -> str:
    """The report as Markdown."""
    parts = [
        "# Geometry modulation on held-out performances\n",
        f"{report.performances} performances of sentences by people that training never met, "
        f"seed {report.seed}. Each is held in 7 classes and turned from one into another: "
        f"{say_count(report.crossed, 'take')} whose emotion changes, every pair equally often "
        "where "
        f"performances come in sevens, and {report.clips - report.crossed} that are in their "
        "target's emotion already. Figures ± standard error over performances (bootstrap).\n",
        "## What was promised\n",
        _checks(report),
        "The last promise about the probe is an easy one; harder questions are asked below, under "
        "'The source's emotion in the output'.\n",
        "## Figures\n",
        _figures(report.methods),
        _explained(),
        "\nThe columns:\n" + _METHODS,
        "## By target emotion\n",
        _by_target(report, "aed"),
        _by_target(report, "lve_mm"),
        "## The source's emotion in the output\n",
        _readings(report),
        "## Same emotion in and out\n",
        "The source is already in the target's emotion, in a look that is a little off.\n",
        _figures(report.same, ("aed", "lve_mm", "closures_kept")),
        "## Emotions that move\n",
        "Risen, pulsed, blended and changing curves, from another such curve.\n",
        _figures(report.moving, ("aed", "apd", "lve_mm", "closures_kept", "jerk_ratio")),
        "## Where the model is weakest\n",
        _weakest(report),
    ]
    return "\n".join(parts)


def _checks(report: Report) -> str:
    rows = [
        [c.what, f"{c.value:.3f} ± {c.error:.3f}", c.limit, "pass" if c.passed else "**fail**"]
        for c in report.checks
    ]
    return _markdown(["figure", "measured", "promised", ""], rows)


def _figures(methods: dict[str, Row], figures: tuple[str, ...] = tuple(LINES)) -> str:
    rows = [
        [LINES[f].label, *(_cell(row[f], LINES[f]) for row in methods.values())] for f in figures
    ]
    return _markdown(["", *methods], rows)


def _explained() -> str:
    lines = [f"* **{line.label}**: {line.says}" for line in LINES.values()]
    return "\n".join(["\nThe rows:\n", *lines])


def _by_target(report: Report, figure: str) -> str:
    rows = [
        [name, *(_cell(row[label], LINES[figure]) for label in STATES)]
        for name, row in report.by_target[figure].items()
        if name != TRUTH
    ]
    return _markdown([LINES[figure].label, *STATES], rows)


def _readings(report: Report) -> str:
    rows = []
    for name, r in report.readings.items():
        own = None if r.own is None else r.own.right
        shares = (r.from_untouched, r.beside_target, r.as_target, own, r.stain)
        rows.append([name, *(_percent(share) for share in shares)])
    heads = ["% read", "source", "source, target barred", "target", "source, own probe", "stain"]
    return _markdown(heads, rows) + "\n" + _READINGS


def _weakest(report: Report) -> str:
    pairs = "\n".join(_matrix(report, figure) for figure in report.pairs)
    own = report.readings[MODEL].own
    rights = [] if own is None else [[_percent(share) for share in own.by_source]]
    sources = _markdown([f"from {name}" for name in STATES], rights)
    largest = ", ".join(
        f"{name} {mm:.1f}" for name, mm in report.largest_overshoot_mm.items() if name != TRUTH
    )
    rows = [
        [c.name, f"{1000 * c.model:.1f}", f"{1000 * c.untouched:.1f}"]
        for c in report.channels[:WORST_CHANNELS]
    ]
    table = _markdown(["mean error x 1000", MODEL, UNTOUCHED], rows)
    lips = f"Lips furthest too far apart in any frame, mm: {largest}.\n"
    read = f"Source read by the model's own probe, %, by source:\n\n{sources}"
    return "\n".join([pairs, read, lips, table])


def _matrix(report: Report, figure: str) -> str:
    line, values = LINES[figure], report.pairs[figure]
    rows = [
        [f"from {source}", *(_number(v * line.factor, line.digits) for v in row)]
        for source, row in zip(STATES, values, strict=True)
    ]
    return _markdown([f"{line.label}, model", *(f"to {name}" for name in STATES)], rows)


def _cell(estimate: Estimate, line: Line) -> str:
    value = _number(estimate.value * line.factor, line.digits)
    if not math.isfinite(estimate.error):
        return value
    return f"{value} ± {estimate.error * line.factor:.{line.digits}f}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else _number(100 * share, 1)


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table whose columns also line up in a terminal."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )
