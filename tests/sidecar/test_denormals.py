# SPDX-License-Identifier: GPL-3.0-or-later
"""Denormals are flushed inside and the process is left as it was."""

import pytest
import torch
from affekt.sidecar.denormals import flushed_denormals


def flushes() -> bool:
    return bool(torch.full((), 1e-39).mul(1) == 0)


@pytest.mark.parametrize("before", [False, True])
def test_state_is_put_back(before: bool) -> None:
    torch.set_flush_denormal(before)
    try:
        with flushed_denormals():
            assert flushes()
            with flushed_denormals():
                assert flushes()
            assert flushes()
        assert flushes() is before
    finally:
        torch.set_flush_denormal(False)
