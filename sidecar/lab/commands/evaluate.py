# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate geometry`: how good a modulator is, in figures."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ....shared.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,+-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Measure a geometry modulator on held-out performances, beside plain baselines: writes
    figures.json and table.md."""

    out: Path
    """Folder for the results."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""
    against: tuple[str, ...] = ()
    """Modulators to hold it against, each as NAME=FILE: ablations, say, trained as long as it."""
    performances: int = 42
    """Held-out performances; best in sevens, since then every pair of emotions counts alike."""
    seed: int = 0
    """The same seed gives the same figures."""

    def run(self) -> None:
        from ...bake.output import modulator_sha256
        from ...files import write_whole
        from ...head.read import OPEN, read_head
        from ...modulation.modulator import load_modulator
        from ..evaluation.geometry import BUILT_IN, MODEL, Options, evaluate_geometry
        from ..evaluation.report import make_report, plain
        from ..evaluation.table import make_table

        options = Options(performances=self.performances, seed=self.seed)
        paths = parse_against(self.against, BUILT_IN)
        modulator = load_modulator(self.modulator)
        others = {name: load_modulator(path) for name, path in paths.items()}
        _make_folder(self.out)
        report = make_report(evaluate_geometry(options, read_head(OPEN), modulator, others, _say))
        used = {MODEL: modulator, **others}
        weights = {name: modulator_sha256(m) for name, m in used.items()}
        figures = {"weights_sha256": weights, "report": plain(report)}
        text = json.dumps(figures, indent=1, allow_nan=False) + "\n"
        table = make_table(report)
        write_whole(self.out / "figures.json", text.encode())
        write_whole(self.out / "table.md", table.encode())
        print(table)


def parse_against(entries: tuple[str, ...], taken: tuple[str, ...]) -> dict[str, Path]:
    """Names and files of NAME=FILE entries; no name twice nor one of `taken`.

    Raises InputError `option.against`.
    """
    found: dict[str, Path] = {}
    for entry in entries:
        name, _, file = entry.partition("=")
        if not _NAME.fullmatch(name) or not file:
            raise InputError(
                "option.against",
                f"'{entry}' does not say which modulator to compare with.",
                "Give NAME=FILE, such as --against concatenated=runs/concatenated.safetensors.",
            )
        if name in found or name in taken:
            raise InputError(
                "option.against",
                f"The name '{name}' is already in the table.",
                "Give every modulator a name of its own.",
            )
        found[name] = Path(file)
    return found


def _make_folder(folder: Path) -> None:
    """Before the minutes of measuring, not after. Raises InputError `file.not_writable`."""
    from ...files import not_writable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
