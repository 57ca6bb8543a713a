# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of chunks change with the code that makes them."""

import subprocess
import sys

from affekt.sidecar.bake import recipe

ELSEWHERE = {
    "affekt.shared.errors",
    "affekt.shared.limits",
    "affekt.shared.fingerprint",
    "affekt.shared.version",
    "affekt.sidecar.files",
    "affekt.sidecar.memory",
}
"""What a bake imports and no number passes through."""


def test_all_code_that_a_bake_runs_is_in_the_name() -> None:
    code = "import sys, affekt.sidecar.bake.recipe; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    modules = {name for name in done.stdout.split() if name.startswith("affekt.")}
    assert "affekt.sidecar.bake.bake" in modules
    named = {f"affekt.{place.removesuffix('.py').replace('/', '.')}" for place in recipe._CODE}
    rooms = {"affekt.shared", "affekt.sidecar"}
    assert not {
        module
        for module in modules - ELSEWHERE - rooms
        if not any(module == name or module.startswith(f"{name}.") for name in named)
    }
