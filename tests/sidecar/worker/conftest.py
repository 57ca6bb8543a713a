# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's real rooms, whose caches are shared by all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.sidecar.worker.main import real_services
from affekt.sidecar.worker.services import Services
from fakes.orders import WorkClient


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    rooms = real_services()
    yield rooms
    rooms.forget()


@pytest.fixture
def real(services: Services, tmp_path: Path) -> Iterator[WorkClient]:
    client = WorkClient(services, tmp_path)
    yield client
    client.work.close()
