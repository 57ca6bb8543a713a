# SPDX-License-Identifier: GPL-3.0-or-later
"""One sidecar for all tests of this room: whatever they do to it, it serves the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.shared.artefact import Artefact

from .harness import Sidecar, running_sidecar


@pytest.fixture(scope="package")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("only Linux tells who a sidecar's worker is, and what a process holds")
    folder: Path = tmp_path_factory.mktemp("sidecar")
    with running_sidecar(folder) as sidecar:
        sidecar.wait_until_warm()
        yield sidecar


@pytest.fixture
def take(sidecar: Sidecar) -> Artefact:
    return sidecar.upload()
