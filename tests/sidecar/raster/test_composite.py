# SPDX-License-Identifier: GPL-3.0-or-later
"""A Gaussian's alpha by itself; whole pictures are in test_gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.sidecar.raster.composite import LIMIT, MAX_ALPHA, MIN_ALPHA, exponential


def test_the_exponential_is_as_near_as_it_says() -> None:
    """Of t up to the least alpha that is drawn, in single precision."""
    assert np.exp(-LIMIT) * 255 == pytest.approx(1)
    assert (MIN_ALPHA, MAX_ALPHA) == (1 / 255, 0.999)
    t = np.linspace(0, LIMIT, 400).astype(np.float32)
    found = np.array([exponential(value) for value in t], np.float64)
    np.testing.assert_allclose(found, np.exp(-t.astype(np.float64)), rtol=3e-6)
