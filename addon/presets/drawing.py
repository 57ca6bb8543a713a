# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces for an animator's own presets, drawn by the sidecar as those that ship were."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...shared.errors import not_writable
from ...shared.pictures import PictureRequest
from ...shared.preset_portraits import EDGE, HELD, hold_preset, portrait_camera, still_take
from ...shared.presets import Preset
from ...shared.replacement import replacing
from ...shared.wording import say_count
from ..head.operators import OPEN_HEAD
from ..link import requests
from ..link.requests import HeadName, Waiting
from ..link.session import session
from ..link.tasks import Steps
from .library import publish_again
from .pictures import own_picture
from .properties import refresh_pictures
from .store import own_presets


def lacking() -> list[Preset]:
    """The animator's own presets that have no face yet."""
    return [preset for preset in own_presets().presets if not own_picture(preset).is_file()]


def draw_steps() -> Steps:
    """Draws each of them, and lets the panel show it. Raises InputError `file.not_writable`."""
    missing = lacking()
    for preset in missing:
        data = yield from _draw(preset)
        _keep(own_picture(preset), data)
        refresh_pictures()
    publish_again()
    return f"Drew {say_count(len(missing), 'preset')}."


def _draw(preset: Preset) -> Waiting[bytes]:
    line, head = session.need_line(), HeadName(name=OPEN_HEAD)
    shown = yield from requests.bake(
        line, still_take(), hold_preset(preset), head, frames=range(HELD, HELD + 1)
    )
    asked = PictureRequest(width=EDGE, height=EDGE, frames=range(1), cameras=(portrait_camera(),))
    with tempfile.TemporaryDirectory(prefix="affekt-") as folder:
        paths = yield from requests.render(line, OPEN_HEAD, None, shown, asked, Path(folder), head)
        return paths[0].read_bytes()


def _keep(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise not_writable(path, error) from error
