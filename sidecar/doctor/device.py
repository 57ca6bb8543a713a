# SPDX-License-Identifier: GPL-3.0-or-later
"""torch, and the way to an NVIDIA card: driver, gsplat, its kernels, nvcc."""

from __future__ import annotations

import re
from pathlib import Path

from .finding import Finding, ok, warn
from .machine import PROGRAM_S, Machine
from .packages import REQUIREMENTS, Requirement, check_package

CARD = "NVIDIA card"
_QUERY = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")


def check_torch(machine: Machine) -> Finding:
    finding = check_package(machine, "torch", "torch", "torch")
    if finding.state != "ok":
        return finding
    facts = machine.facts("torch")
    build = f"CUDA {facts['cuda']}" if facts.get("cuda") else "the CPU alone"
    return ok(
        "torch", f"{facts['version']}, built for {build}, {facts.get('threads', '?')} CPU threads"
    )


def check_card(machine: Machine) -> Finding:
    """Whether torch can use a card that is there."""
    seen = _seen_by_driver(machine)
    torch = machine.facts("torch")
    if not torch.get("cuda"):
        if not seen:
            return ok(CARD, "none; everything runs on the CPU")
        return warn(
            CARD,
            f"{seen}, but this PyTorch is not built for CUDA",
            "Take the pip line for your system and CUDA from https://pytorch.org/get-started/locally/",
        )
    facts = machine.facts("cuda")
    if facts.get("card"):
        several = f", the first of {facts['cards']}" if facts.get("cards", "1") != "1" else ""
        about = f"{facts['card']}, {facts['memory']}, compute capability {facts['capability']}"
        return ok(CARD, f"{about}{several}; driver: {seen or 'nvidia-smi is not on PATH'}")
    reason = facts.get("error") or facts.get("reason", "")
    if not seen:
        return ok(CARD, f"none; everything runs on the CPU ({reason})")
    return warn(
        CARD, f"{seen}, but PyTorch cannot use it: {reason}", facts.get("remedy", "nvidia-smi")
    )


def check_gsplat(machine: Machine) -> Finding:
    """Never imports gsplat: where there is nvcc and no card that would start a build."""
    version = machine.version_of("gsplat")
    if not has_card(machine):
        return ok("gsplat", f"{version or 'not installed'}, not used: it needs an NVIDIA card")
    lacking = [
        REQUIREMENTS[module]
        for module in ("gsplat", "packaging")
        if not _is_installed(machine, module)
    ]
    if lacking:
        return warn(
            "gsplat",
            f"{version or 'not installed'}; avatars are drawn on the CPU without it",
            machine.pip("install", *lacking),
        )
    if machine.facts("cuda").get("kernels"):
        return ok("gsplat", f"{version}, its kernels are built")
    return warn(
        "gsplat",
        f"{version}, its kernels are not built: avatars are drawn on the CPU until they are",
        "affekt render --device cuda (once, with any avatar: it builds them, which takes minutes)",
    )


def check_nvcc(machine: Machine) -> Finding:
    """CUDA's compiler: gsplat builds its kernels with it, once."""
    if not has_card(machine):
        return ok("nvcc", "not needed without an NVIDIA card")
    release = _nvcc_release(machine)
    if machine.facts("cuda").get("kernels"):
        return ok("nvcc", f"{release or 'not found'}; gsplat's kernels are built already")
    wanted = machine.facts("torch").get("cuda", "")
    remedy = f"Install the CUDA toolkit {wanted} and set CUDA_HOME to its folder"
    if not release:
        return warn("nvcc", "not found; gsplat needs it once, to build its kernels", remedy)
    if release.split(".")[0] != wanted.split(".")[0]:
        return warn("nvcc", f"{release}, but PyTorch was built with CUDA {wanted}", remedy)
    return ok("nvcc", release)


def has_card(machine: Machine) -> bool:
    """Whether torch can compute on a card."""
    return bool(machine.facts("torch").get("cuda")) and bool(machine.facts("cuda").get("card"))


def _is_installed(machine: Machine, module: str) -> bool:
    wanted = Requirement.of(module)
    version = machine.version_of(wanted.distribution)
    return version is not None and wanted.fits(version)


def _seen_by_driver(machine: Machine) -> str:
    """The first card, as the driver's own tool names it: "name, driver version, memory"."""
    program = machine.which("nvidia-smi")
    if program is None:
        return ""
    ran = machine.run([program, *_QUERY], PROGRAM_S)
    lines = ran.text.strip().splitlines()
    return lines[0] if ran.code == 0 and lines else ""


def _nvcc_release(machine: Machine) -> str:
    home = machine.environment.get("CUDA_HOME") or machine.environment.get("CUDA_PATH")
    name = "nvcc.exe" if machine.system == "win32" else "nvcc"
    program = str(Path(home, "bin", name)) if home else machine.which("nvcc")
    if program is None:
        return ""
    ran = machine.run([program, "--version"], PROGRAM_S)
    found = re.search(r"release (\d+\.\d+)", ran.text)
    return found[1] if ran.code == 0 and found else ""
