# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms of the sidecar's tests share."""

from pathlib import Path

import pytest

from ..conftest import MakeOnce


@pytest.fixture(scope="session")
def small_lam(make_once: MakeOnce) -> Path:
    """A checkpoint of the small LAM network, on a FLAME of 60 vertices."""
    from fakes.flame import flame_arrays  # here, for most rooms' tests need no torch
    from fakes.lam_checkpoint import write_checkpoint
    from fakes.lam_twin import SMALL

    name = "model.safetensors"

    def make(folder: Path) -> None:
        write_checkpoint(folder / name, flame_arrays(60), SMALL)

    return make_once("small_lam", make) / name
