# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each of a file's names stands among ARKit's."""

from __future__ import annotations

import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.arkit import weight_columns


def test_each_name_has_its_place_and_the_neutral_face_has_none() -> None:
    names = ["_neutral", "JawOpen", "mouth_smile_right", "browDownLeft"]
    places = [ARKIT_NAMES.index(name) for name in ("jawOpen", "mouthSmileRight", "browDownLeft")]
    assert weight_columns(names, "a.npz") == [None, *places]
    assert weight_columns([*names[1:], names[0]], "a.npz") == [*places, None]


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        ("jawOpen", "motion.shape", "a list of ARKit's weight names"),
        (["jawOpen", 3], "motion.shape", "a list of ARKit's weight names"),
        (["jawOpen", "browDownLeft", "JawOpen"], "motion.shape", "each name stands once"),
        (["jawOpne", "browDownLeft", "_neutral"], "motion.unknown_weight", "'jawOpne'"),
        (["_neutral", "browDownLeft", "jawOpne"], "motion.unknown_weight", "'jawOpne'"),
    ],
)
def test_names_that_are_refused(names: object, code: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        weight_columns(names, "a.npz")
    assert caught.value.code == code
    if code == "motion.unknown_weight":
        assert caught.value.remedy == "Did you mean 'jawOpen'?"
