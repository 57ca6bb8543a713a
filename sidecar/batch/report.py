# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a batch: one HTML file without scripts, with the rows' pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...shared.errors import not_writable
from ...shared.replacement import replacing
from ...shared.wording import say_count
from .journal import Totals, read_journal
from .run import Outcome

NAME = "report.html"
MOST_LOOKS = 1000
"""So many rows have a picture, the first that ended; each takes some 15 kB of the page."""
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.45 system-ui, sans-serif; margin: 2rem; color: #222; background: #fafafa }}
h1 {{ font-size: 1.3rem; margin: 0 0 .3rem }} p {{ margin: .2rem 0 }}
table {{ border-collapse: collapse; margin-top: 1rem; background: #fff }}
th, td {{ text-align: left; vertical-align: top; padding: .45rem .7rem; border: 1px solid #ddd }}
th {{ background: #eee; position: sticky; top: 0; white-space: nowrap }}
tr {{ scroll-margin-top: 2.5rem }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
img {{ display: block; height: 96px }}
.done, .kept {{ color: #1a6b2f }} .failed {{ color: #a3161b; font-weight: 600 }}
.note {{ color: #7a5200; max-width: 34rem }} .error {{ color: #a3161b; max-width: 34rem }}
small, .said {{ color: #666 }}
</style></head><body>
"""
_COLUMNS = ("row", "state", "picture", "take", "emotions", "avatar", "outputs", "folder",
            "frames", "seconds", "drawn by", "warnings and errors", "hash")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the report says above its table. seconds: by the clock. engine: where it ran."""

    sheet: str
    seconds: float
    engine: str
    began: str
    version: str
    is_exact: bool = False


def write_report(folder: Path, journal: Path, totals: Totals, about: About) -> Path:
    """Writes the page row by row, and returns its path. Raises InputError `file.not_writable`."""
    path = folder / NAME
    try:
        with (
            replacing(path) as partial,  # names on a disk need not be UTF-8
            partial.open("w", encoding="utf-8", errors="replace") as file,
        ):
            file.write(_HEAD.format(title=html.escape(f"Affekt batch {about.sheet}")))
            file.writelines(_summary(totals, about))
            cells = "".join(f"<th>{name}</th>" for name in _COLUMNS)
            file.write(f"<table><thead><tr>{cells}</tr></thead><tbody>\n")
            for number, outcome in enumerate(read_journal(journal)):
                file.write(_row(outcome, folder, with_look=number < MOST_LOOKS))
            file.write("</tbody></table></body></html>\n")
    except OSError as error:
        raise not_writable(path, error) from error
    return path


def _summary(totals: Totals, about: About) -> Iterator[str]:
    said = [f"{totals.done} done", f"{totals.kept} there from before", f"{totals.failed} failed"]
    rate = totals.frames / about.seconds if about.seconds else 0.0
    exact = "; drawn on processors alone, for the same bits everywhere" if about.is_exact else ""
    yield f"<h1>{html.escape(about.sheet)}</h1>\n"
    yield f"<p>{say_count(totals.rows, 'row')}: {', '.join(said)}.</p>\n"
    if totals.lost:
        lost = [f'<a class="failed" href="#row{n}">row {n}</a>' for n in totals.lost]
        more = ", ..." if totals.failed > len(lost) else ""
        yield f"<p>Failed: {', '.join(lost)}{more}</p>\n"
    yield (
        f"<p>{say_count(totals.frames, 'frame')} in {say_clock(about.seconds)} by the clock, "
        f"{say_clock(totals.seconds)} of work ({rate:.3g} frames/s) on {html.escape(about.engine)}"
        f"{exact}.</p>\n"
    )
    yield f"<p><small>Begun {about.began}; Affekt {html.escape(about.version)}.</small></p>\n"


def _row(outcome: Outcome, folder: Path, *, with_look: bool) -> str:
    cells = outcome.cells
    notes = [f'<div class="{_kind(note)}">{html.escape(note)}</div>' for note in outcome.notes]
    if outcome.error is not None:
        code, message, remedy = outcome.error
        said = html.escape(f"{message} {remedy}")
        notes.insert(0, f'<div class="error">{said} <small>{html.escape(code)}</small></div>')
    seconds = f"{outcome.seconds:.1f}"
    if outcome.kept:
        seconds += f"<br><small>{outcome.kept} of {outcome.tasks} parts kept</small>"
    columns = (
        f'<td class="n">{outcome.number}</td>',
        f'<td class="{outcome.state}">{outcome.state}</td>',
        f"<td>{_look(folder / outcome.look) if outcome.look and with_look else ''}</td>",
        f"<td>{html.escape(_name(cells['take']))}</td>",
        f"<td>{html.escape(_name(cells['emotions']))}</td>",
        f"<td>{html.escape(_name(cells['avatar']))}</td>",
        f"<td>{html.escape(cells['outputs'])}</td>",
        f'<td><a href="{html.escape(outcome.out)}/">{html.escape(outcome.out)}</a></td>',
        f'<td class="n">{outcome.frames or ""}</td>',
        f'<td class="n">{seconds}</td>',
        f"<td>{', '.join(outcome.devices)}</td>",
        f"<td>{''.join(notes)}</td>",
        f"<td><small><code>{outcome.sha256[:12]}</code></small></td>",
    )
    return f'<tr id="row{outcome.number}">{"".join(columns)}</tr>\n'


def _kind(note: str) -> str:
    """What is only said of the emotions, or of a first start, is no warning."""
    return "said" if note.startswith(("emotions: ", "Compiling ")) else "note"


def _look(path: Path) -> str:
    try:
        data = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
    return f'<img alt="three moments of it" src="data:image/jpeg;base64,{data}">'


def _name(text: str) -> str:
    """A file without its folder; words as they are."""
    return text.replace("\\", "/").rsplit("/", 1)[-1]


def say_clock(seconds: float) -> str:
    """A length of time, such as "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
    return f"{minutes // 60} h {minutes % 60} min"
