# SPDX-License-Identifier: GPL-3.0-or-later
"""torch and cards: every state; and that nothing of gsplat's is touched without a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.sidecar.doctor import device
from affekt.sidecar.doctor.machine import Machine, Ran
from fakes.machine import CARD, CPU_TORCH, CUDA_TORCH, NVCC, SMI, make_machine

PIP = "/env/bin/python -m pip install"
NO_CARD = {"reason": "No NVIDIA card that PyTorch can use was found.", "remedy": "nvidia-smi"}
TORCHES = {
    "absent": ({"error": "ModuleNotFoundError"}, {}),
    "cpu": (CPU_TORCH, {}),
    "cuda, no card": (CUDA_TORCH, NO_CARD),
    "card": (CUDA_TORCH, CARD),
    "card, not built": (CUDA_TORCH, {**CARD, "kernels": ""}),
}


def machine(folder: Path, torch: str, **more: object) -> Machine:
    about, cuda = TORCHES[torch]
    return make_machine(folder, facts={"torch": about, "cuda": cuda}, **more)


def test_torch(tmp_path: Path) -> None:
    assert device.check_torch(machine(tmp_path, "cpu")).detail == (
        "2.13.0+cpu, built for the CPU alone, 8 CPU threads"
    )
    assert device.check_torch(machine(tmp_path, "card")).detail == (
        "2.11.0+cu130, built for CUDA 13.0, 16 CPU threads"
    )
    absent = device.check_torch(machine(tmp_path, "absent", versions={"torch": None}))
    assert (absent.state, absent.detail) == ("missing", "not installed")
    assert absent.remedy == f"{PIP} 'torch>=2.11,<2.14'"
    crashed = make_machine(
        tmp_path, facts={"torch": {"error": "its import ended Python with code -4"}}
    )
    assert device.check_torch(crashed).detail == (
        "2.11 is installed and cannot be used: its import ended Python with code -4"
    )


CARDS = [
    ("absent", False, "ok", "none; everything runs on the CPU"),
    ("cpu", False, "ok", "none; everything runs on the CPU"),
    (
        "cpu",
        True,
        "warn",
        "NVIDIA H200, 580.65.06, 143771 MiB, but this PyTorch is not built for CUDA",
    ),
    (
        "cuda, no card",
        False,
        "ok",
        "none; everything runs on the CPU (No NVIDIA card that PyTorch can use was found.)",
    ),
    (
        "cuda, no card",
        True,
        "warn",
        "NVIDIA H200, 580.65.06, 143771 MiB, but PyTorch cannot use "
        "it: No NVIDIA card that PyTorch can use was found.",
    ),
    (
        "card",
        True,
        "ok",
        "NVIDIA H200, 139 GiB, compute capability 9.0; driver: NVIDIA H200, 580.65.06, 143771 MiB",
    ),
    (
        "card",
        False,
        "ok",
        "NVIDIA H200, 139 GiB, compute capability 9.0; driver: nvidia-smi is not on PATH",
    ),
]


@pytest.mark.parametrize(("torch", "is_seen", "state", "detail"), CARDS)
def test_card(tmp_path: Path, torch: str, is_seen: bool, state: str, detail: str) -> None:
    programs = {"nvidia-smi": SMI} if is_seen else {}
    finding = device.check_card(machine(tmp_path, torch, programs=programs))
    assert (finding.state, finding.detail) == (state, detail)
    assert bool(finding.remedy) == (state == "warn")


def test_a_driver_that_fails_or_hangs_shows_no_card(tmp_path: Path) -> None:
    for ran in (Ran(code=9, text="couldn't communicate"), Ran(code=None, text="10 s")):
        finding = device.check_card(machine(tmp_path, "cpu", programs={"nvidia-smi": ran}))
        assert finding.state == "ok"


@pytest.mark.parametrize("torch", ["absent", "cpu", "cuda, no card"])
def test_without_a_card_gsplat_is_not_asked_for(tmp_path: Path, torch: str) -> None:
    where = machine(tmp_path, torch, programs={"nvcc": NVCC})
    assert device.check_gsplat(where).detail == "1.5.3, not used: it needs an NVIDIA card"
    absent = machine(tmp_path, torch, versions={"gsplat": None})
    assert device.check_gsplat(absent).state == "ok"
    assert device.check_nvcc(where).detail == "not needed without an NVIDIA card"


def test_the_card_is_not_asked_for_where_torch_has_no_cuda(tmp_path: Path) -> None:
    """With nvcc and no card gsplat's import starts a build; its topic must not even be asked."""
    asked = []

    def facts(topic: str) -> dict[str, str]:
        asked.append(topic)
        return CPU_TORCH

    where = replace(make_machine(tmp_path), facts=facts)
    for check in (device.check_card, device.check_gsplat, device.check_nvcc):
        check(where)
    assert set(asked) == {"torch"}


def test_gsplat(tmp_path: Path) -> None:
    assert device.check_gsplat(machine(tmp_path, "card")).detail == "1.5.3, its kernels are built"
    unbuilt = device.check_gsplat(machine(tmp_path, "card, not built"))
    assert (unbuilt.state, unbuilt.detail) == (
        "warn",
        "1.5.3, its kernels are not built: avatars are drawn on the CPU until they are",
    )
    assert unbuilt.remedy.startswith("affekt render --device cuda")
    absent = machine(tmp_path, "card", versions={"gsplat": None, "packaging": None})
    finding = device.check_gsplat(absent)
    assert (finding.state, finding.remedy) == ("warn", f"{PIP} 'gsplat>=1.5.3' 'packaging>=24'")


TOOLKIT = "Install the CUDA toolkit 13.0 and set CUDA_HOME to its folder"
NVCCS = [
    ("card", None, "ok", "not found; gsplat's kernels are built already", ""),
    ("card", NVCC, "ok", "13.0; gsplat's kernels are built already", ""),
    ("card, not built", NVCC, "ok", "13.0", ""),
    (
        "card, not built",
        None,
        "warn",
        "not found; gsplat needs it once, to build its kernels",
        TOOLKIT,
    ),
    (
        "card, not built",
        Ran(code=0, text="release 12.4,"),
        "warn",
        "12.4, but PyTorch was built with CUDA 13.0",
        TOOLKIT,
    ),
]


@pytest.mark.parametrize(("torch", "nvcc", "state", "detail", "remedy"), NVCCS)
def test_nvcc(
    tmp_path: Path, torch: str, nvcc: Ran | None, state: str, detail: str, remedy: str
) -> None:
    programs = {} if nvcc is None else {"nvcc": nvcc}
    finding = device.check_nvcc(machine(tmp_path, torch, programs=programs))
    assert (finding.state, finding.detail, finding.remedy) == (state, detail, remedy)


@pytest.mark.parametrize(
    ("cuda", "why", "remedy"),
    [
        (
            {"reason": "The driver is old.", "remedy": "Update it."},
            "The driver is old.",
            "Update it.",
        ),
        ({"error": "its import crashed"}, "its import crashed", "nvidia-smi"),
    ],
)
def test_a_card_that_cannot_be_used_has_its_own_remedy(
    tmp_path: Path, cuda: dict[str, str], why: str, remedy: str
) -> None:
    where = make_machine(
        tmp_path, facts={"torch": CUDA_TORCH, "cuda": cuda}, programs={"nvidia-smi": SMI}
    )
    finding = device.check_card(where)
    assert (finding.state, finding.remedy) == ("warn", remedy)
    assert finding.detail.endswith(f"but PyTorch cannot use it: {why}")


def test_of_several_cards_the_first_is_named(tmp_path: Path) -> None:
    where = make_machine(tmp_path, facts={"torch": CUDA_TORCH, "cuda": {**CARD, "cards": "3"}})
    assert "compute capability 9.0, the first of 3; driver:" in device.check_card(where).detail


@pytest.mark.parametrize(
    ("system", "variables", "program"),
    [
        ("linux", {"CUDA_HOME": "/usr/cuda", "CUDA_PATH": "/other"}, "/usr/cuda/bin/nvcc"),
        ("linux", {"CUDA_PATH": "/other"}, "/other/bin/nvcc"),
        ("win32", {"CUDA_PATH": "/other"}, "/other/bin/nvcc.exe"),
        ("linux", {}, "/bin/nvcc"),
    ],
)
def test_nvcc_is_looked_for_where_the_toolkit_is(
    system: str, variables: dict[str, str], program: str, tmp_path: Path
) -> None:
    asked: list[str] = []

    def run(command: Sequence[str], limit_s: float) -> Ran:
        asked.append(Path(command[0]).as_posix())
        return NVCC

    where = machine(
        tmp_path, "card, not built", programs={"nvcc": NVCC}, system=system, environment=variables
    )
    assert device.check_nvcc(replace(where, run=run)).detail == "13.0"
    assert asked == [program]
