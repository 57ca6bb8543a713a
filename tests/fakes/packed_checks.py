# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of packed Gaussians ask of an avatar that was read, and of a file that is refused."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.read import decode_avatar


def only(data: bytes, name: str = "one") -> Avatar:
    """The avatar of a file that holds one Gaussian."""
    avatar = decode_avatar(data, name)
    assert len(avatar) == 1
    return avatar


def turns(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) angles between rotations."""
    return 2 * np.arccos(np.clip(np.abs(np.sum(first * second, 1)), 0, 1))


def code_of(data: bytes, name: str = "x") -> str:
    """The code of the error, which fits on the screen, for a file that is refused."""
    with pytest.raises(InputError) as caught:
        decode_avatar(data, name)
    assert len(str(caught.value)) < 400
    return caught.value.code


def refusal(data: bytes, name: str = "mine.sog") -> InputError:
    """What the reader says of data that it refuses."""
    with pytest.raises(InputError) as caught:
        decode_avatar(data, name)
    return caught.value
