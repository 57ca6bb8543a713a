# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's findings as a table, and as JSON for reports of faults."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

from ...shared.limits import PROTOCOL_VERSION
from ...shared.version import AFFEKT_VERSION
from .finding import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "missing": "bold red"}


def show(findings: Sequence[Finding]) -> None:
    """Prints the table, and below it the lines that mend what is not well."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError:
        print("\n".join(as_lines(findings)))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.name), Text(finding.state, _COLOURS[finding.state]), Text(finding.detail)
        )
    console = Console()
    console.print(table)
    # Not wrapped: a line is to be copied whole.
    for line in remedies(findings):
        console.print(Text(line), soft_wrap=True)


def as_lines(findings: Sequence[Finding]) -> list[str]:
    """The same in plain text."""
    wide = max(len(finding.name) for finding in findings)
    indent = "\n" + " " * (wide + 10)
    lines = [
        f"{finding.name:<{wide}} {finding.state:<8} {finding.detail.replace(chr(10), indent)}"
        for finding in findings
    ]
    return lines + remedies(findings)


def remedies(findings: Sequence[Finding]) -> list[str]:
    """What mends all that is not well; first what is needed."""
    lines: list[str] = []
    for state, title in (("missing", "To mend, needed:"), ("warn", "To mend, if you want it:")):
        found = [finding for finding in findings if finding.state == state]
        if found:
            lines += ["", title]
        for finding in found:
            lines.append(f"  {finding.name}")
            lines += [f"    {line}" for line in finding.remedy.splitlines()]
    return lines


def as_json(findings: Sequence[Finding], home: Path) -> str:
    """For a report of a fault: no keys, and the user's home folder is `~`."""
    report = {
        "affekt": AFFEKT_VERSION,
        "protocol": list(PROTOCOL_VERSION),
        "system": platform.platform(),
        "processor": platform.machine(),
        "findings": [
            {
                "name": finding.name,
                "state": finding.state,
                "detail": _without_home(finding.detail, home),
                "remedy": _without_home(finding.remedy, home),
            }
            for finding in findings
        ],
    }
    return json.dumps(report, indent=1, ensure_ascii=False)


def _without_home(text: str, home: Path) -> str:
    return text.replace(str(home), "~") if len(home.parts) > 1 else text
