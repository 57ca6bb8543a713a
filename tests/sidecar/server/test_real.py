# SPDX-License-Identifier: GPL-3.0-or-later
"""The real rooms behind the link: the same bits as by calling them directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.shared.events import BakeFinished, JobFailed, RenderFinished
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.bake.bake import bake, collect_vertices
from affekt.sidecar.bake.pc2 import read_pc2
from affekt.sidecar.head.files import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.read import encode_motion, read_motion
from affekt.sidecar.server.server import Server, ServerOptions
from affekt.sidecar.server.services import real_services
from fakes.lam import lam_bundle
from fakes.link import drain

FRAMES = range(2, 8)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("link")
    options = ServerOptions(runtime_folder=folder / "run", cache_folder=folder / "cache")
    server = Server(real_services(), options)
    with Client.connect(server.start()) as client:
        yield client
    assert server.stop(timeout_s=20)


@pytest.fixture(scope="module")
def take() -> Motion:
    expression = np.random.default_rng(2).uniform(0, 0.4, (12, 100)).astype(np.float32)
    expression[:, 52:] = 0
    return make_motion(expression=expression, fps=30, space="open")


def test_bake_and_render(client: Client, take: Motion, tmp_path: Path) -> None:
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    np.testing.assert_array_equal(client.read_motion(artefact).expression, take.expression)
    track = constant_track(len(take), 30, happy=1)
    finished = drain(client, client.start_bake(artefact, track, frames=FRAMES), 120)[-1]
    assert isinstance(finished, BakeFinished), finished

    direct = bake(take, track, read_head("open"), None, load_modulator(), FRAMES)
    np.testing.assert_array_equal(finished.motion.expression, direct.motion.expression)
    np.testing.assert_array_equal(finished.motion.jaw, direct.motion.jaw)
    client.download(finished.vertices, tmp_path / "take.pc2")
    np.testing.assert_array_equal(read_pc2(tmp_path / "take.pc2"), collect_vertices(direct))
    client.download(finished.take, tmp_path / "take.npz")
    taken = read_motion(tmp_path / "take.npz")
    np.testing.assert_array_equal(taken.expression, direct.take_motion.expression)

    job = client.start_render(
        "open", finished.baked, tmp_path / "p", width=48, height=32, frames=range(2)
    )
    rendered = drain(client, job, 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    picture = cv2.imread(str(rendered.paths[1]), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (32, 48, 4)
    assert picture[..., 3].max() == 255


def test_avatar(client: Client, take: Motion, tmp_path: Path) -> None:
    avatar = client.upload(lam_bundle(), "avatar", "egg.zip")
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    job = client.start_render(
        avatar, artefact, tmp_path, width=32, height=40, frames=range(1), with_depth=True
    )
    rendered = drain(client, job, 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    assert cv2.imread(str(rendered.paths[0]), cv2.IMREAD_UNCHANGED).shape == (40, 32, 4)
    assert cv2.imread(str(tmp_path / "depth_0001.png"), -1).dtype == np.uint16


def test_an_avatar_is_no_motion(client: Client) -> None:
    artefact = client.upload(lam_bundle(), "motion", "egg.zip")
    with pytest.raises(InputError) as caught:
        client.read_motion(artefact)
    assert caught.value.code == "file.wrong_kind"


def test_take_without_an_adapter(client: Client, take: Motion) -> None:
    flame = make_motion(expression=take.expression, fps=30, space="flame2023")
    artefact = client.upload(encode_motion(flame), "motion", "flame.npz")
    failed = drain(client, client.start_bake(artefact, constant_track(12, 30)), 60)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "space.no_adapter"


def test_adapter_that_is_none(client: Client, take: Motion) -> None:
    flame = make_motion(expression=take.expression, fps=30, space="flame2023")
    artefact = client.upload(encode_motion(flame), "motion", "flame.npz")
    adapter = client.upload(b"nonsense", "adapter", "adapter.npz")
    with pytest.raises(InputError) as caught:
        client.read_motion(artefact, adapter)
    assert caught.value.code.startswith("file.")
    assert adapter.sha256 not in str(caught.value)


def test_track_of_another_length(client: Client, take: Motion) -> None:
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    failed = drain(client, client.start_bake(artefact, constant_track(5, 30)), 60)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "emotion.shape"
