# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `--appearance`."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.sidecar.commands.appearance import appearance_rows


def test_it_counts_in_all_frames() -> None:
    assert appearance_rows(0.4, 3).tolist() == pytest.approx([0.4, 0.4, 0.4])
    assert appearance_rows(0.4, 3).dtype == np.float32


def test_it_multiplies_the_curve_of_a_takes_frames() -> None:
    """The take is the last three frames of a performance of five; 1.6 times 1.5 is held at 2."""
    curve = np.array([0.1, 0.2, 0.5, 1.5, 0], np.float32)
    track = replace(constant_track(5, 30.0), appearance=curve)
    assert appearance_rows(1.6, 3, track).tolist() == pytest.approx([0.8, 2, 0])


@pytest.mark.parametrize("given", [-0.1, 2.01, float("nan"), float("inf")])
def test_other_values_are_refused(given: float) -> None:
    with pytest.raises(InputError) as raised:
        appearance_rows(given, 3)
    assert raised.value.code == "option.appearance"
