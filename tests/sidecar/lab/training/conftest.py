# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the trainings share."""

from collections.abc import Iterator

import pytest
from affekt.sidecar.lab.training.journal import Journal


@pytest.fixture(scope="module", autouse=True)
def pictures() -> Iterator[None]:
    """Runs draw no pictures, each of which takes longer than a brief training does. Files whose
    tests look at them say so with a fixture of this name that does nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_draw", lambda journal: None)
        yield
