# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTML page of the figures and pictures that an evaluation wrote into a folder."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....shared.errors import InputError
from ...files import write_whole

NAME = "page.html"
MAX_FIGURES_BYTES = 4 * 1024 * 1024
"""Figures are a few kilobytes; what is larger is no file of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """NAME.json becomes a table, NAME.png and NAME_*.png the pictures under `title`."""

    name: str
    title: str
    says: str


PARTS = (
    Part(
        name="figures",
        title="Against the synchronised truth",
        says="Held-out people and sentences; baselines beside the model.",
    ),
    Part(
        name="interpolation",
        title="From one emotion to another",
        says="Shares run against the direction (0 is monotone), strength in the middle against "
        "the linear blend's (1 is no collapse), and what speech keeps on the way.",
    ),
    Part(
        name="regions",
        title="Upper and lower",
        says="Mean motion in mm of each half of the face; leak is the share that comes with the "
        "other half's control alone.",
    ),
    Part(
        name="sides",
        title="Left and right",
        says="What comes out against what should: kept 0 is mirrored, 1 as lopsided.",
    ),
    Part(
        name="recognition",
        title="Recognised by a reader of action units",
        says="Counts of what each state was read as; prototypes from the literature.",
    ),
    Part(
        name="emotion",
        title="Emotions on subjects",
        says="How strong each emotion is by its weight, how far landmarks move on each face, what "
        "lips and jaw keep of the take, and what a reader of action units reads.",
    ),
    Part(
        name="avatar",
        title="Avatars of photos",
        says="Landmarks found again in the avatar's own view, percent of the distance between the "
        "eyes; PSNR and SSIM of the face without the mouth's inside; MediaPipe's smile; identity: "
        "dlib's distance to the photo. Truth: a drawn person from other sides.",
    ),
    Part(
        name="named",
        title="Named by strangers",
        says="Counts of what each state was called on sheets without a neutral face of the same "
        "person.",
    ),
    Part(
        name="take",
        title="Real takes",
        says="The take on top, below it in neutral and in each emotion at weight 1. Jitter: third "
        "difference against the take's own, 1 is as smooth.",
    ),
)
"""In the page's order; a part of which the folder holds nothing is left out."""

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #28292e; background: #f5f5f6;
       max-width: 1500px; margin: 2rem auto; padding: 0 1rem }
img { width: 100%; margin: .6rem 0 } td, th { padding: .15rem .8rem; text-align: right }
th { font-weight: 600 } td:first-child, th:first-child { text-align: left }
table { border-collapse: collapse; margin: .6rem 0 } tr + tr { border-top: 1px solid #ddd }
"""


def write_page(folder: Path, title: str = "Affekt: geometry modulation") -> Path:
    """Writes `page.html` into the folder from the figures and pictures that lie there; pictures
    stay beside it. Raises InputError `file.damaged`, `file.not_writable`."""
    sections = [section for part in PARTS if (section := _section(part, folder))]
    text = (
        f"<!doctype html><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>\n" + "\n".join(sections) + "\n"
    )
    write_whole(folder / NAME, text.encode())
    return folder / NAME


def _section(part: Part, folder: Path) -> str:
    pictures = sorted({*folder.glob(f"{part.name}.png"), *folder.glob(f"{part.name}_*.png")})
    figures = folder / f"{part.name}.json"
    if not pictures and not figures.exists():
        return ""
    lines = [f"<h2>{html.escape(part.title)}</h2>", f"<p>{html.escape(part.says)}</p>"]
    if figures.exists():
        lines += [
            _table(heading, rows) for heading, rows in tables_of(read_figures(figures)).items()
        ]
    for picture in pictures:
        name = html.escape(picture.name, quote=True)
        lines.append(f"<img src='{name}' alt='{html.escape(picture.stem, quote=True)}'>")
    return "\n".join(lines)


def tables_of(figures: Mapping[str, object], heading: str = "") -> dict[str, list[list[str]]]:
    """Tables by heading, each a list of rows with the names of the columns first. Figures in two
    levels (rows, columns) are one table; deeper levels are one table each, single values another.
    """
    tables: dict[str, list[list[str]]] = {}
    alone = {k: v for k, v in figures.items() if not isinstance(v, Mapping)}
    rows = {k: v for k, v in figures.items() if isinstance(v, Mapping)}
    flat = {k: v for k, v in rows.items() if not any(isinstance(x, Mapping) for x in v.values())}
    if alone:
        tables[heading] = [["", "value"], *([name, _said(v)] for name, v in alone.items())]
    if flat:
        columns = list(dict.fromkeys(name for row in flat.values() for name in row))
        body = [[name, *(_said(row.get(c, "")) for c in columns)] for name, row in flat.items()]
        tables[f"{heading} " if heading in tables else heading] = [["", *columns], *body]
    for name in (name for name in rows if name not in flat):
        tables |= tables_of(rows[name], f"{heading} {name}".strip())
    return tables


def markdown_of(figures: Mapping[str, object]) -> str:
    """The figures' tables as Markdown."""
    parts = []
    for heading, rows in tables_of(figures).items():
        lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
        lines.insert(1, "|" + "---|" * len(rows[0]))
        parts.append("\n".join([*([f"### {heading}", ""] if heading.strip() else []), *lines, ""]))
    return "\n".join(parts)


def _table(heading: str, rows: list[list[str]]) -> str:
    def cells(row: list[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

    lines = [f"<tr>{cells(rows[0], 'th')}</tr>"]
    lines += [f"<tr>{cells(row, 'td')}</tr>" for row in rows[1:]]
    title = f"<h3>{html.escape(heading)}</h3>" if heading.strip() else ""
    return f"{title}<table>{''.join(lines)}</table>"


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def write_figures(path: Path, figures: Mapping[str, object]) -> None:
    """Writes figures as JSON. Raises InputError `file.not_writable`."""
    text = json.dumps(figures, indent=2, allow_nan=False) + "\n"
    write_whole(path, text.encode())


def read_figures(path: Path) -> dict[str, object]:
    """Reads a JSON object. Raises InputError `file.missing`, `file.damaged`."""
    if not path.exists():
        raise InputError("file.missing", f"There is no file {path}.", "Check the path.")
    try:
        if path.stat().st_size > MAX_FIGURES_BYTES:
            raise ValueError("too large")
        figures = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(figures, dict):
        raise _damaged(path)
    return figures


def _damaged(path: Path) -> InputError:
    return InputError(
        "file.damaged",
        f"The figures in {path.name} cannot be read.",
        "Delete the file, or run the evaluation again.",
    )
