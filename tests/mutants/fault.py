# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault to plant, and how it is planted into a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of one line or a few. what: what the code then does wrong. file: path in the tree.
    old: text that stands there exactly once; new: what takes its place. tests: files, or
    tests in them, that are there to notice."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """The fault in a line."""
        return f"{self.file}: {self.what}"


class StaleFaultError(Exception):
    """A fault no longer fits the code."""


def planted(fault: Fault, root: Path) -> str:
    """The file's text with the fault. Raises StaleFaultError if the old text does not stand there
    exactly once, or a test is not there."""
    text = (root / fault.file).read_text("utf-8")
    if (count := text.count(fault.old)) != 1:
        raise StaleFaultError(f"{fault.name}: the old text stands there {count} times, not once")
    files = [test.partition("::")[0] for test in fault.tests]
    missing = [file for file in files if not (root / file).exists()]
    if missing:
        raise StaleFaultError(f"{fault.name}: there is no {missing[0]}")
    return text.replace(fault.old, fault.new)
