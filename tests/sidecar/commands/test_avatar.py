# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar info`: of which avatar; whole commands are in tests/sidecar/avatar."""

from __future__ import annotations

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.commands import avatar


@pytest.mark.parametrize("given", [{}, {"file": "a.ply", "avatar": "b.ply"}])
def test_of_one_avatar_is_told(given: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        avatar.Info(**given).run()
    assert caught.value.code == "option.lacking"
