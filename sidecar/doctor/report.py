# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of the doctor's checks, as a table of text or as JSON for a bug report."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ...shared.limits import PROTOCOL_VERSION
from ...shared.version import AFFEKT_VERSION

State = Literal["ok", "warn", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check.

    name: of the check, filled in by `examine`. state: `missing` if Affekt does not work without
    it, `warn` if a part of Affekt does not. remedy: how to repair it, a terminal command where
    possible; empty if the state is `ok`.
    """

    name: str = ""
    state: State
    detail: str
    remedy: str = ""


def ok(detail: str) -> Finding:
    return Finding(state="ok", detail=detail)


def warn(detail: str, remedy: str) -> Finding:
    return Finding(state="warn", detail=detail, remedy=remedy)


def missing(detail: str, remedy: str) -> Finding:
    return Finding(state="missing", detail=detail, remedy=remedy)


def as_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings as a table, and below it the remedies."""
    wide = max(len(finding.name) for finding in findings)
    indent = "\n" + " " * (wide + 10)
    lines = [
        f"{finding.name:<{wide}} {finding.state:<8} {finding.detail.replace(chr(10), indent)}"
        for finding in findings
    ]
    return lines + remedies(findings)


def remedies(findings: Sequence[Finding]) -> list[str]:
    """The remedies as lines of text, those of missing things first."""
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
    """The report as JSON text. It holds no keys, and the user's home folder is written as `~`."""

    def without_home(text: str) -> str:
        return text.replace(str(home), "~") if len(home.parts) > 1 else text

    report = {
        "affekt": AFFEKT_VERSION,
        "protocol": list(PROTOCOL_VERSION),
        "system": platform.platform(),
        "processor": platform.machine(),
        "findings": [
            {key: without_home(text) for key, text in asdict(finding).items()}
            for finding in findings
        ],
    }
    return json.dumps(report, indent=1, ensure_ascii=False)
