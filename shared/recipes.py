# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a picture is still good: its recipe, a fingerprint of all that the picture shows.

A file that bears the recipe of a wanted picture need not be rendered again. The command line, the
sidecar's cache and the add-on all ask here.
"""

from __future__ import annotations

from dataclasses import replace

from .arrays import Float32Array
from .fingerprint import fingerprint
from .motion import WIDTHS, Motion
from .pictures import PictureRequest

_FILES = ("size", "passes", "format", "half", "codec")
_LOOK = (*_FILES, "antialiased", "follow", "axes", "object_index")
"""What a request says of all its pictures alike."""


class PictureRecipes:
    """The recipes of a take's pictures: 40 hexadecimal digits each.

    subject: a fingerprint of the avatar or head, and of whatever else the caller knows the
    pictures to depend on. The motion and the request are those of the whole take; which frames
    are requested, and where they are drawn, changes no recipe.
    """

    def __init__(self, subject: str, motion: Motion, request: PictureRequest) -> None:
        self._subject, self._motion = subject, motion
        self._request = replace(request, frames=None)
        look = [getattr(request, name) for name in _LOOK]
        self._common = fingerprint(subject, motion.space, motion.fps, motion.shape, look)

    def of_take(self) -> str:
        """The recipe of the take's pictures together: equal only if every picture's is."""
        return fingerprint(self._subject, self._motion, self._request)

    def of_frame(self, index: int) -> str:
        """The recipe of the picture of the take's frame `index`. Motion vectors also show the
        frames before and after."""
        request = self._request
        reach = 1 if "vector" in request.passes else 0
        # What no emotion moves keeps the recipe of before 3.8.
        skin = self._skin(index)
        around = range(max(index - reach, 0), min(index + reach + 1, len(self._motion)))
        # An avatar whose emotions move its Gaussians has them in its motion vectors too.
        beside = [] if skin is None else [self._felt(i) for i in around if i != index]
        return fingerprint(
            self._common,
            index,
            [self._shown(i) for i in around],
            request.world_at(index),
            request.emotions_at(index),
            request.appearance_at(index),
            *([] if skin is None else [skin, *beside]),
        )

    def _skin(self, index: int) -> Float32Array | None:
        return self._request.skin_emotions_until(index, len(self._motion), self._motion.fps)

    def _felt(self, index: int) -> list[object]:
        return [self._skin(index), self._request.appearance_at(index)]

    def _shown(self, index: int) -> list[object]:
        motion, request = self._motion, self._request
        rows = [getattr(motion, name)[index] for name in WIDTHS]
        eyelids = None if motion.eyelids is None else motion.eyelids[index]
        return [*rows, eyelids, request.camera_at(index) if request.cameras else None]
