# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks at once, each bounded in time: a dead network folder stops none of the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from ...shared.errors import AffektError
from . import assets, blender, device, packages, places, running
from .finding import Check, Finding, warn
from .machine import FACTS_S, Machine

LISTING_S = 5.0
"""For the names in one folder."""


def all_checks(machine: Machine) -> list[Check]:
    """What `affekt doctor` looks at, in the order in which it is told."""

    def check(name: str, look: Callable[[Machine], Finding], limit_s: float = 15.0) -> Check:
        return Check(name=name, look=partial(look, machine), limit_s=limit_s)

    slow = FACTS_S + 15.0
    return [
        check("Python", packages.check_python),
        check("Affekt", packages.check_affekt),
        check("numpy, ZeroMQ, msgpack", packages.check_base),
        check("torch", device.check_torch, slow),
        check(device.CARD, device.check_card, 2 * slow),
        check("gsplat", device.check_gsplat, 2 * slow),
        check("nvcc", device.check_nvcc, 2 * slow),
        check("numba", packages.check_numba, slow),
        check("OpenEXR", packages.check_openexr, slow),
        check("ffmpeg", packages.check_ffmpeg, slow),
        check("other packages", packages.check_small),
        check("espeak-ng", packages.check_espeak, slow),
        Check(name="open head", look=assets.check_head),
        Check(name="modulator", look=assets.check_modulator),
        check("Blender", blender.check_blender, 45.0),
        check("loopback", places.check_loopback),
        check("runtime folder", places.check_runtime_folder),
        check("keys", places.check_keys),
        check("cache", places.check_cache, 30.0),
        check("shared memory", places.check_shared_memory),
        *_sidecar_checks(machine),
        check("leftovers", running.check_leftovers),
        check("environment", places.check_environment),
    ]


def _sidecar_checks(machine: Machine) -> list[Check]:
    """One a runtime folder. Finding these folders may hang as well as anything else."""
    listed: list[Check] = []

    def list_them() -> Finding:
        for folder in running.runtime_folders(machine):
            look = partial(running.check_sidecar, machine, folder)
            listed.append(Check(name="sidecar", look=look, limit_s=30.0))
        return Finding(name="sidecar", state="ok", detail="")

    (finding,) = examine([Check(name="sidecar", look=list_them, limit_s=LISTING_S)])
    if finding.state == "ok":
        return listed
    return [Check(name="sidecar", look=lambda: finding)]


def examine(checks: Sequence[Check]) -> list[Finding]:
    """What they find, in their order. Never raises, and ends with the longest limit."""
    started = time.monotonic()
    running_checks = [_Running(check) for check in checks]
    return [check.finding(started + check.limit_s - time.monotonic()) for check in running_checks]


class _Running:
    """A check in a thread of its own, which nobody waits for when the time is over."""

    def __init__(self, check: Check) -> None:
        self.limit_s = check.limit_s
        self._check = check
        self._found: list[Finding] = []
        self._thread = threading.Thread(
            target=self._look, name=f"affekt-doctor-{check.name}", daemon=True
        )
        self._thread.start()

    def finding(self, left_s: float) -> Finding:
        self._thread.join(max(left_s, 0.0))
        if self._found:
            return self._found[0]
        return warn(
            self._check.name,
            f"no answer in {self.limit_s:g} s: a program, a disk or a network folder hangs",
            "Run `affekt doctor` again; look for folders that are not reachable",
        )

    def _look(self) -> None:
        try:
            self._found.append(self._check.look())
        except AffektError as error:
            self._found.append(warn(self._check.name, error.message, error.remedy))
        except Exception as error:
            # A machine that nobody thought of shall still get the rest of the report.
            self._found.append(
                warn(
                    self._check.name,
                    f"the check itself failed: {type(error).__name__}: {error}",
                    "Report it, please, with the output of `affekt doctor --json`",
                )
            )
