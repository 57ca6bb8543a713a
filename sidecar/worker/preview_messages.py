# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a preview, and the clients' shared memory that its pixels go into."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from ...shared import messages
from ...shared.arrays import UInt8Array
from ...shared.errors import AffektError
from .services import PreviewOutput

if TYPE_CHECKING:
    from ...shared.pixels import PixelRing

_log = logging.getLogger("affekt.worker")
_RINGS = 16
"""Rings that stay open, one for each client."""


class PixelFields(TypedDict, total=False):
    """The fields of `Previewed` that say where the picture is."""

    width: int
    height: int
    pixels: UInt8Array
    slot: int
    sequence: int
    checksum: str


class PixelRings:
    """The clients' shared memory for previews. Each client's is opened once."""

    def __init__(self) -> None:
        self._rings: dict[str, PixelRing] = {}

    def write(self, pixels: UInt8Array, name: str | None) -> PixelFields:
        """Writes the picture (H, W, 4) into the shared memory `name`, and returns where it is
        there. Returns the picture itself if `name` is None, too small, or cannot be opened."""
        height, width = pixels.shape[:2]
        whole = PixelFields(width=width, height=height, pixels=pixels)
        if name is None:
            return whole
        try:
            slot = self._ring(name).write(pixels)
        except AffektError as error:
            _log.warning("a picture goes by the socket: %s", error.message)
            self._forget(name)
            return whole
        return PixelFields(
            width=width,
            height=height,
            slot=slot.slot,
            sequence=slot.sequence,
            checksum=slot.checksum,
        )

    def close(self) -> None:
        """Closes all rings."""
        for name in tuple(self._rings):
            self._forget(name)

    def _ring(self, name: str) -> PixelRing:
        from ...shared.pixels import PixelRing

        if name not in self._rings:
            # While we have it open, the memory of a client that left is not freed.
            for gone in [other for other, ring in self._rings.items() if ring.is_removed]:
                self._forget(gone)
            while len(self._rings) >= _RINGS:
                self._forget(next(iter(self._rings)))
            self._rings[name] = PixelRing.open(name)
        return self._rings[name]

    def _forget(self, name: str) -> None:
        ring = self._rings.pop(name, None)
        if ring is not None:
            ring.close()


def answer_of(
    request: messages.Preview, shown: PreviewOutput, picture: PixelFields
) -> messages.Previewed:
    """The answer to a preview."""
    return messages.Previewed(
        view=request.view,
        frame=request.frame,
        expression=shown.expression,
        jaw=shown.jaw,
        vertices=shown.vertices,
        numbers=shown.numbers,
        **picture,
    )
