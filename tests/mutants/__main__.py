# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the tests notice? Plants one fault after another into a copy of the tree and runs the tests
that are there to notice: `python -m tests.mutants`, about two hours on two cores.

`named`, `seen`, `rooms`, `first` to `fourteenth` take a part of the faults, `--only PATTERN` those
whose line has this pattern, `--list` names them. The working tree stays as it is. First the same
tests run without a fault (the control); they must pass, or else a failure would say nothing. Ends
with 1 if a fault survived, with 2 if the control failed or a fault no longer fits the code.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .fault import Fault, StaleFaultError, planted
from .faults_eighth import EIGHTH
from .faults_eleventh import ELEVENTH
from .faults_fifth import FIFTH
from .faults_first import FIRST
from .faults_fourteenth import FOURTEENTH
from .faults_fourth import FOURTH
from .faults_named import NAMED
from .faults_ninth import NINTH
from .faults_rooms import ROOMS
from .faults_second import SECOND
from .faults_seen import SEEN
from .faults_seventh import SEVENTH
from .faults_sixth import SIXTH
from .faults_tenth import TENTH
from .faults_third import THIRD
from .faults_thirteenth import THIRTEENTH
from .faults_twelfth import TWELFTH

ROOT = Path(__file__).resolve().parents[2]
SETS = {
    "named": NAMED,
    "seen": SEEN,
    "first": FIRST,
    "second": SECOND,
    "third": THIRD,
    "fourth": FOURTH,
    "fifth": FIFTH,
    "sixth": SIXTH,
    "seventh": SEVENTH,
    "eighth": EIGHTH,
    "ninth": NINTH,
    "tenth": TENTH,
    "eleventh": ELEVENTH,
    "twelfth": TWELFTH,
    "thirteenth": THIRTEENTH,
    "fourteenth": FOURTEENTH,
    "rooms": ROOMS,
}
LIMIT_S = 900.0
"""A fault may make a test wait for ever: that test fails before, by pytest's own limit."""
CONTROL_LIMIT_S = 1800.0
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".pytest_cache", ".hypothesis", ".ruff_cache", "build", "dist"
)
_FAILED = 1
CAUGHT, SURVIVED, NOT_TRIED = "caught", "SURVIVED", "not tried, all skipped or out of time"


class BrokenRunError(Exception):
    """Tests that neither passed nor failed: none was there, or they could not be collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of tests. code: pytest's exit code, None if it was stopped at its time limit."""

    code: int | None
    output: str
    seconds: float

    @property
    def verdict(self) -> str:
        """`CAUGHT`, `SURVIVED` or `NOT_TRIED`."""
        if self.code == _FAILED:
            return CAUGHT
        return SURVIVED if self.code == 0 and " passed" in self.last_line else NOT_TRIED

    @property
    def failed_test(self) -> str:
        """The first test that failed; empty if none did."""
        found = re.search(r"^(?:FAILED|ERROR) (\S.*?)(?: - |$)", self.output, re.MULTILINE)
        return found[1] if found else ""

    @property
    def last_line(self) -> str:
        """What pytest counted."""
        return self.output.strip().rpartition("\n")[2].strip("= ")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("which", nargs="?", choices=SETS, help="all if absent")
    parser.add_argument("--only", default="", help="faults whose line has this pattern")
    parser.add_argument("--list", action="store_true", help="names the faults and ends")
    asked = parser.parse_args()
    chosen = SETS[asked.which] if asked.which else itertools.chain(*SETS.values())
    faults = [fault for fault in chosen if re.search(asked.only, fault.name)]
    if asked.list:
        print(*(fault.name for fault in faults), sep="\n")
        return 0
    try:
        for fault in faults:
            planted(fault, ROOT)
        with tempfile.TemporaryDirectory(prefix="affekt-mutants-") as folder:
            return plant_all(faults, Path(folder))
    except (StaleFaultError, BrokenRunError) as error:
        print(error)
        return 2


def plant_all(faults: Sequence[Fault], folder: Path) -> int:
    """Runs the control and then the tests of each fault; returns the exit status."""
    whole = shutil.copytree(ROOT, folder / "whole" / "affekt", ignore=_LEFT_OUT)
    tests = sorted({test for fault in faults for test in fault.tests})
    control = run_tests(tests, whole, CONTROL_LIMIT_S)
    print(f"control: {control.last_line}", flush=True)
    if control.code != 0:
        print(control.output[-6000:])
        return 2
    verdicts: list[str] = []
    for fault in faults:
        run = run_with(fault, whole, folder / "planted" / "affekt")
        verdicts.append(run.verdict)
        said = run.failed_test or run.last_line
        print(f"{fault.name}\n    {run.seconds:5.1f} s  {run.verdict}: {said}", flush=True)
    tried = len(faults) - verdicts.count(NOT_TRIED)
    print(f"{verdicts.count(CAUGHT)} of {tried} caught, {len(faults) - tried} not tried here")
    return 1 if SURVIVED in verdicts else 0


def run_with(fault: Fault, whole: Path, tree: Path) -> Run:
    """Runs the fault's tests in a copy `tree` that has it; the copy is gone afterwards."""
    shutil.copytree(whole, tree)
    try:
        text = planted(fault, tree)
        (tree / fault.file).write_text(text, "utf-8")
        if "njit" in text:  # numba does not notice that a function changed which it has inlined
            for compiled in [*tree.rglob("*.nbi"), *tree.rglob("*.nbc")]:
                compiled.unlink()
        return run_tests(fault.tests, tree, LIMIT_S)
    finally:
        shutil.rmtree(tree)


def run_tests(tests: Sequence[str], tree: Path, limit_s: float) -> Run:
    """Runs these tests of the tree until the first failure. A run in which no test was collected,
    or that broke off for another reason than a failure, is an error of this script."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=tree,
        env=_environment(tree),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, code = process.communicate(timeout=limit_s)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, code = process.communicate()[0], None
    if code not in (None, 0, _FAILED):
        raise BrokenRunError(f"pytest ended with {code}, which says nothing:\n{output[-6000:]}")
    return Run(code=code, output=output, seconds=time.monotonic() - begin)


def _environment(tree: Path) -> dict[str, str]:
    """The package is the copy; the newest Blender of the working tree is enough."""
    blenders = sorted(ROOT.glob(".venv-bpy*/bin/python"))
    data = ROOT.parent / "shared" / "data"
    defaults = {"AFFEKT_TEST_DATA": str(data)} if data.is_dir() else {}
    if blenders:
        defaults["AFFEKT_BPY_PYTHONS"] = str(blenders[-1])
    path = os.pathsep.join(filter(None, [str(tree.parent), os.environ.get("PYTHONPATH")]))
    return {**defaults, **os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}


if __name__ == "__main__":
    sys.exit(main())
