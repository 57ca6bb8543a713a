# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of torch and of what an NVIDIA card needs: driver, gsplat and its kernels, nvcc."""

from __future__ import annotations

import re
from pathlib import Path

from .machine import PROGRAM_S, Machine
from .packages import REQUIREMENTS, check_package, find_lacking
from .report import Finding, ok, warn

_QUERY = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")


def check_torch(machine: Machine) -> Finding:
    finding = check_package(machine, "torch")
    if finding.state != "ok":
        return finding
    facts = machine.facts("torch")
    build = f"CUDA {facts['cuda']}" if facts.get("cuda") else "the CPU alone"
    return ok(f"{facts['version']}, built for {build}, {facts.get('threads', '?')} CPU threads")


def check_card(machine: Machine) -> Finding:
    """Checks that torch can use the card, if there is one."""
    seen = _seen_by_driver(machine)
    if not machine.facts("torch").get("cuda"):
        if not seen:
            return ok("none; everything runs on the CPU")
        return warn(
            f"{seen}, but this PyTorch is not built for CUDA",
            "Take the pip line for your system and CUDA from https://pytorch.org/get-started/locally/",
        )
    facts = machine.facts("cuda")
    if facts.get("card"):
        several = f", the first of {facts['cards']}" if facts.get("cards", "1") != "1" else ""
        about = f"{facts['card']}, {facts['memory']}, compute capability {facts['capability']}"
        return ok(f"{about}{several}; driver: {seen or 'nvidia-smi is not on PATH'}")
    reason = facts.get("error") or facts.get("reason", "")
    if not seen:
        return ok(f"none; everything runs on the CPU ({reason})")
    remedy = facts.get("remedy", "nvidia-smi")
    return warn(f"{seen}, but PyTorch cannot use it: {reason}", remedy)


def check_gsplat(machine: Machine) -> Finding:
    """Checks gsplat and its kernels without importing it: that could start to build them."""
    version = machine.version_of("gsplat") or "not installed"
    if not _has_card(machine):
        return ok(f"{version}, not used: it needs an NVIDIA card")
    if lacking := find_lacking(machine, ("gsplat", "packaging")):
        line = machine.pip("install", *(REQUIREMENTS[module] for module in lacking))
        return warn(f"{version}; avatars are drawn on the CPU without it", line)
    if machine.facts("cuda").get("kernels"):
        return ok(f"{version}, its kernels are built")
    return warn(
        f"{version}, its kernels are not built: avatars are drawn on the CPU until they are",
        "affekt render --device cuda (once, with any avatar: it builds them, which takes minutes)",
    )


def check_nvcc(machine: Machine) -> Finding:
    """Checks CUDA's compiler, with which gsplat builds its kernels once."""
    if not _has_card(machine):
        return ok("not needed without an NVIDIA card")
    release = _nvcc_release(machine)
    if machine.facts("cuda").get("kernels"):
        return ok(f"{release or 'not found'}; gsplat's kernels are built already")
    wanted = machine.facts("torch").get("cuda", "")
    remedy = f"Install the CUDA toolkit {wanted} and set CUDA_HOME to its folder"
    if not release:
        return warn("not found; gsplat needs it once, to build its kernels", remedy)
    if release.split(".")[0] != wanted.split(".")[0]:
        return warn(f"{release}, but PyTorch was built with CUDA {wanted}", remedy)
    return ok(release)


def _has_card(machine: Machine) -> bool:
    """Whether torch can compute on a card."""
    return bool(machine.facts("torch").get("cuda")) and bool(machine.facts("cuda").get("card"))


def _seen_by_driver(machine: Machine) -> str:
    """The first card as nvidia-smi describes it, "name, driver version, memory", or ""."""
    program = machine.which("nvidia-smi")
    if program is None:
        return ""
    ran = machine.run([program, *_QUERY], PROGRAM_S)
    lines = ran.text.strip().splitlines()
    return lines[0] if ran.code == 0 and lines else ""


def _nvcc_release(machine: Machine) -> str:
    """The CUDA release of nvcc, such as "13.0", or "" if there is none."""
    home = machine.environment.get("CUDA_HOME") or machine.environment.get("CUDA_PATH")
    name = "nvcc.exe" if machine.system == "win32" else "nvcc"
    program = str(Path(home, "bin", name)) if home else machine.which("nvcc")
    if program is None:
        return ""
    ran = machine.run([program, "--version"], PROGRAM_S)
    found = re.search(r"release (\d+\.\d+)", ran.text)
    return found[1] if ran.code == 0 and found else ""
