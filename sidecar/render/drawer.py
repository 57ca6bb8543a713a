# SPDX-License-Identifier: GPL-3.0-or-later
"""A subject before a portrait's camera: pictures of single frames of any motions."""

from __future__ import annotations

import functools

from ...shared.arrays import UInt8Array
from ...shared.camera import Camera
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor
from ..avatar.splats import Splats
from ..raster.colour import linear_light, over
from ..raster.gaussians import rasterise_gaussians
from .portrait import FRONT, ViewAngles, default_camera, draw_frame
from .shot import Subject, motion_for


class Drawer:
    """Draws frames of motions on the open head's space. A head is drawn as a lit mesh, an avatar as
    its Gaussians. Keeps what is known of the motion that it drew last."""

    def __init__(
        self,
        subject: Subject,
        size: tuple[int, int],
        view: ViewAngles = FRONT,
        appearance: float = 0.0,
    ) -> None:
        """size: width and height in pixels. view: where an avatar is seen from; a head is seen from
        the front. appearance: 0 to 2, how much an avatar's skin wrinkles."""
        self._subject, self._appearance = subject, appearance
        self._size, self._view = size, view
        self._actor: tuple[Motion, Actor] | None = None

    def draw(self, motion: Motion, frame: int) -> UInt8Array:
        """(height, width, 3 or 4) sRGB, of four channels with straight alpha."""
        subject = self._subject
        if isinstance(subject, HeadModel):
            return draw_frame(motion, frame, subject, self._size)
        return draw_splats(self._play(subject, motion).pose(frame).gaussians, self._camera)

    @functools.cached_property
    def _camera(self) -> Camera:
        """The avatar's."""
        return default_camera(self._subject, *self._size, self._view)

    def _play(self, avatar: Avatar, motion: Motion) -> Actor:
        if self._actor is None or self._actor[0] is not motion:
            played = motion_for(avatar, motion, None)
            if self._actor is None:
                actor = Actor(avatar, played, appearance=self._appearance)
            else:
                actor = self._actor[1].playing(played)
            self._actor = motion, actor
        return self._actor[1]


def draw_splats(splats: Splats, camera: Camera) -> UInt8Array:
    """(H, W, 3) sRGB: Gaussians before paper."""
    image = rasterise_gaussians(splats.seen_by(camera), camera)
    return over(linear_light(image.colour, image.alpha).run())
