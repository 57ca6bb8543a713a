# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a real server with fake services; and a sidecar that says what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from fakes.link import TAKE, Link, running_server
from fakes.scripted import ScriptedSidecar, scripted


@pytest.fixture
def sidecar() -> Iterator[ScriptedSidecar]:
    with scripted() as sidecar:
        yield sidecar


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    with running_server(tmp_path) as link:
        yield link


@pytest.fixture
def client(link: Link) -> Iterator[Client]:
    with Client.connect(link.connection) as client:
        yield client


@pytest.fixture
def take(client: Client) -> Artefact:
    return client.upload(TAKE, "motion", "take.json")
