# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt doctor`."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ...shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Say what is there, what is missing, and the line that mends it."""

    json: bool = False
    """As JSON, for a report of a fault; it holds no keys."""

    def run(self) -> None:
        """Prints the report. Raises InputError `doctor.missing` if Affekt lacks something that it
        needs, `option.not_installed` if the doctor itself cannot be imported."""
        try:
            from ..doctor.examine import all_checks, examine
            from ..doctor.machine import Machine
            from ..doctor.report import as_json, as_lines
        except ImportError as error:
            raise InputError(
                "option.not_installed",
                f"Not even the doctor works without the package {error.name} ({error}).",
                f"Run: {sys.executable} -m pip install --force-reinstall numpy pyzmq msgpack",
            ) from error
        machine = Machine()
        findings = examine(all_checks(machine))
        print(as_json(findings, machine.home) if self.json else "\n".join(as_lines(findings)))
        lacking = [finding.name for finding in findings if finding.state == "missing"]
        if lacking:
            raise InputError(
                "doctor.missing",
                f"Affekt lacks what it needs: {', '.join(lacking)}.",
                "The lines that mend it are in the report above.",
            )
