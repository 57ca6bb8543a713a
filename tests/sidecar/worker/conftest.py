# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's real rooms, whose caches are shared by all tests of a module, and made-up ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.sidecar.worker.main import real_services
from affekt.sidecar.worker.services import Services
from fakes.orders import FAKE_TAKE, FakeServices, WorkClient
from fakes.threads import one_thread

__all__ = ["one_thread"]


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


@pytest.fixture
def rooms() -> FakeServices:
    return FakeServices()


@pytest.fixture
def client(rooms: FakeServices, tmp_path: Path) -> WorkClient:
    return WorkClient(rooms.services(), tmp_path)


@pytest.fixture
def take(client: WorkClient) -> str:
    return client.keep(FAKE_TAKE)
