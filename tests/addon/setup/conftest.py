# SPDX-License-Identifier: GPL-3.0-or-later

from collections.abc import Iterator

import pytest
from fakes.index import Index


@pytest.fixture
def index() -> Iterator[Index]:
    made = Index()
    yield made
    made.close()
