# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's address, before anybody is asked there; whole clusters are in test_really."""

from pathlib import Path

import pytest
from affekt.shared.errors import LinkError
from affekt.sidecar.batch.cluster import Cluster


@pytest.mark.parametrize(
    "address", ["", "nonsense", "tcp://host", "tcp://h:0", "tcp://h:99999", "http://h:80", "h:8786"]
)
def test_what_is_no_address_is_said_at_once(address: str, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(LinkError, match="is no address such as tcp://HOST:8786") as caught:
        Cluster(address, tmp_path)
    assert caught.value.code == "batch.scheduler"
    assert not list(tmp_path.iterdir())
