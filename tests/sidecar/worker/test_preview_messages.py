# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's hold on shared memory ends with that of the client it was made for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.pixels import PixelRing
from affekt.sidecar.worker.preview_messages import PixelRings

PIXELS = np.zeros((2, 2, 4), np.uint8)


def mapped() -> int:
    """Rings that this process has mapped, or had when they were removed."""
    return Path("/proc/self/maps").read_text().count("/affekt-")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped")
def test_memory_that_was_removed_is_let_go() -> None:
    rings, before = PixelRings(), mapped()
    for _ in range(5):
        ring = PixelRing.create(1, PIXELS.nbytes)
        assert "slot" in rings.write(PIXELS, ring.name)
        ring.remove()
        assert mapped() - before == 1
    rings.close()
    assert mapped() == before


def test_clients_side_by_side_keep_theirs() -> None:
    """The control: what is still there stays open."""
    opened, rings = PixelRings(), [PixelRing.create(1, PIXELS.nbytes) for _ in range(3)]
    for _ in range(2):
        for ring in rings:
            assert "slot" in opened.write(PIXELS, ring.name)
    assert len(opened._rings) == 3
    opened.close()
    for ring in rings:
        ring.remove()


def test_of_too_many_the_first_is_let_go() -> None:
    opened, rings = PixelRings(), [PixelRing.create(1, PIXELS.nbytes) for _ in range(17)]
    for ring in rings:
        assert "slot" in opened.write(PIXELS, ring.name)
    assert list(opened._rings) == [ring.name for ring in rings[1:]]
    opened.close()
    assert not opened._rings
    for ring in rings:
        ring.remove()


def test_where_a_picture_is_and_how_large_it_is() -> None:
    opened, ring = PixelRings(), PixelRing.create(2, 24)
    wide = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for turn in range(3):
        placed = opened.write(wide, ring.name)
        assert (placed.get("width"), placed.get("height")) == (3, 2)
        assert (placed.get("slot"), "pixels" in placed) == (turn % 2, False)
    whole = opened.write(wide, None)
    assert whole == {"width": 3, "height": 2, "pixels": wide}
    opened.close()
    ring.remove()
