# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with fake services, and a client that says whatever a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.link import HELLO, TAKE, Link, RawClient, running_server


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    with running_server(tmp_path) as link:
        yield link


@pytest.fixture
def raw(link: Link) -> Iterator[RawClient]:
    """It has greeted, and uploaded the take."""
    with RawClient(link.connection) as raw:
        raw.ask(HELLO)
        raw.upload(TAKE)
        yield raw
