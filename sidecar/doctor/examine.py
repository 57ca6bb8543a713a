# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all checks at once, each with a time limit, so that a dead network folder stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ...shared.errors import AffektError
from . import blender, device, packages, places, running
from .machine import FACTS_S, Machine
from .report import Finding, ok, warn

LISTING_S = 5.0
"""Time limit for listing the names in one folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A named check; `look` runs it, in at most `limit_s` seconds."""

    name: str
    look: Callable[[], Finding]
    limit_s: float = 15.0


def all_checks(machine: Machine) -> list[Check]:
    """All checks of `affekt doctor`, in the order of its report."""

    def check(name: str, look: Callable[[Machine], Finding], limit_s: float = 15.0) -> Check:
        return Check(name=name, look=partial(look, machine), limit_s=limit_s)

    def package(name: str, module: str) -> Check:
        return check(name, partial(packages.check_package, module=module), slow)

    slow = FACTS_S + 15.0
    return [
        check("Python", packages.check_python),
        check("Affekt", packages.check_affekt),
        check("numpy, ZeroMQ, msgpack", packages.check_base),
        check("torch", device.check_torch, slow),
        check("NVIDIA card", device.check_card, 2 * slow),
        check("gsplat", device.check_gsplat, 2 * slow),
        check("nvcc", device.check_nvcc, 2 * slow),
        package("numba", "numba"),
        package("OpenEXR", "OpenEXR"),
        check("ffmpeg", packages.check_ffmpeg, slow),
        check("other packages", packages.check_others),
        check("espeak-ng", packages.check_espeak, slow),
        check("faces in photos", packages.check_faces),
        Check(name="open head", look=partial(packages.check_asset, packages.HEAD)),
        Check(name="modulator", look=partial(packages.check_asset, packages.MODULATOR)),
        Check(name="skin network", look=partial(packages.check_asset, packages.SKIN)),
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
    """A check for each runtime folder; finding these folders has a time limit of its own."""
    listed: list[Check] = []

    def list_them() -> Finding:
        for folder in running.runtime_folders(machine):
            look = partial(running.check_sidecar, machine, folder)
            listed.append(Check(name=running.sidecar_name(folder), look=look, limit_s=30.0))
        return ok("")

    (finding,) = examine([Check(name="sidecar", look=list_them, limit_s=LISTING_S)])
    return listed if finding.state == "ok" else [Check(name="sidecar", look=lambda: finding)]


def examine(checks: Sequence[Check]) -> list[Finding]:
    """Runs the checks in parallel and returns their findings in order.

    Never raises: a check that fails or exceeds its time limit becomes a warning.
    """
    found: dict[int, Finding] = {}

    def run(index: int, check: Check) -> None:
        try:
            found[index] = check.look()
        except AffektError as error:
            found[index] = warn(error.message, error.remedy)
        except Exception as error:  # the rest of the report must still be made
            found[index] = warn(
                f"the check itself failed: {type(error).__name__}: {error}",
                "Report it, please, with the output of `affekt doctor --json`",
            )

    started = time.monotonic()
    threads = [
        threading.Thread(target=run, args=numbered, daemon=True) for numbered in enumerate(checks)
    ]
    for thread in threads:
        thread.start()
    findings: list[Finding] = []
    for index, (check, thread) in enumerate(zip(checks, threads, strict=True)):
        thread.join(max(started + check.limit_s - time.monotonic(), 0.0))
        late = warn(
            f"no answer in {check.limit_s:g} s: a program, a disk or a network folder hangs",
            "Run `affekt doctor` again; look for folders that are not reachable",
        )
        findings.append(replace(found.get(index, late), name=check.name))
    return findings
