# SPDX-License-Identifier: GPL-3.0-or-later
"""The real rooms behind the link, in a worker of their own: the bits of calling them directly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.shared.events import BakeFinished, JobFailed, RenderFinished
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion, make_motion
from affekt.shared.pictures import PASSES, PictureRequest
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.adapter import LinearAdapter, write_adapter
from affekt.sidecar.motion.read import encode_motion, read_motion
from affekt.sidecar.server.server import Server, ServerOptions
from affekt.sidecar.server.worker_process import WorkerProcess
from fakes.bakes import bake
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle
from fakes.link import drain
from fakes.pc2 import read_pc2
from fakes.splats import flame_param, splat_ply

FRAMES = range(2, 8)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("link")
    options = ServerOptions(runtime_folder=folder / "run", cache_folder=folder / "cache")
    cache = (options.cache_folder, options.cache_bytes)
    server = Server(lambda sockets: WorkerProcess(sockets, *cache), options)
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
    np.testing.assert_array_equal(client.read_take(artefact).motion.expression, take.expression)
    track = constant_track(len(take), 30, happy=1)
    finished = drain(client, client.start_bake(artefact, track, frames=FRAMES), 120)[-1]
    assert isinstance(finished, BakeFinished), finished

    direct = bake(take, track, read_head("open"), None, load_modulator(), FRAMES)
    np.testing.assert_array_equal(finished.motion.expression, direct.motion.expression)
    np.testing.assert_array_equal(finished.motion.jaw, direct.motion.jaw)
    client.download(finished.vertices, tmp_path / "take.pc2")
    np.testing.assert_array_equal(read_pc2(tmp_path / "take.pc2"), direct.vertices)
    client.download(finished.take, tmp_path / "take.npz")
    taken = read_motion(tmp_path / "take.npz")
    np.testing.assert_array_equal(taken.expression, direct.take_motion.expression)

    small = PictureRequest(width=48, height=32, frames=range(2))
    job = client.start_render("open", finished.baked, tmp_path / "p", small)
    rendered = drain(client, job, 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    picture = cv2.imread(str(rendered.paths[1]), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (32, 48, 4)
    assert picture[..., 3].max() == 255


def test_avatar(client: Client, take: Motion, tmp_path: Path) -> None:
    avatar = client.upload(lam_bundle(), "avatar", "egg.zip")
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    options = PictureRequest(width=32, height=40, frames=range(1), passes=("combined", "depth"))
    job = client.start_render(avatar, artefact, tmp_path, options)
    rendered = drain(client, job, 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    assert cv2.imread(str(rendered.paths[0]), cv2.IMREAD_UNCHANGED).shape == (40, 32, 4)
    assert cv2.imread(str(tmp_path / "depth_0001.png"), -1).dtype == np.uint16


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    path = tmp_path_factory.mktemp("flame") / "flame.npz"
    path.write_bytes(npz(flame_arrays(60)))
    return read_flame(path, space="flame2023")


def flame_adapter(space: str = "flame2023") -> LinearAdapter:
    """Opens FLAME's jaw with ARKit's first weights, and nothing else."""
    back = np.zeros((103, 52), np.float32)
    back[100, :20] = 0.2
    return LinearAdapter(
        space=space,
        arkit_from_space=np.zeros((52, 103), np.float32),
        arkit_bias=np.zeros(52, np.float32),
        space_from_arkit=back,
    )


@pytest.mark.parametrize("space", ["open", "arkit", "flame2023"])
def test_an_avatar_on_the_users_flame(
    space: str, client: Client, take: Motion, flame: HeadModel, tmp_path: Path
) -> None:
    """One file with its head in it renders; takes of other spaces come by an adapter."""
    data = splat_ply(400, faces=len(flame.faces))
    avatar = decode_avatar(data, "point_cloud.ply", flame, flame_param(len(flame.template)))
    sent = client.upload(encode_avatar(avatar, embed_head=True), "avatar", "mine.safetensors")
    motion = client.upload(encode_motion(replace(take, space=space)), "motion", "take.npz")
    write_adapter(flame_adapter(), tmp_path / "flame.npz")
    adapter = client.upload((tmp_path / "flame.npz").read_bytes(), "adapter", "flame.npz")
    options = PictureRequest(width=40, height=40, frames=range(3, 5))
    if space != "flame2023":
        failed = drain(client, client.start_render(sent, motion, tmp_path, options), 120)[-1]
        assert isinstance(failed, JobFailed)
        assert failed.error.code == "space.no_adapter"
        assert "`affekt adapter build`" in failed.error.remedy
    job = client.start_render(sent, motion, tmp_path, options, adapter=adapter)
    rendered = drain(client, job, 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    first, second = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in rendered.paths)
    assert first[..., 3].max() > 20
    assert (first != second).any()  # it moves


def test_an_avatar_whose_head_is_not_with_it(
    client: Client, take: Motion, flame: HeadModel, tmp_path: Path
) -> None:
    """A client has one file an avatar: what it must become is said, with the command."""
    points = splat_ply(40, faces=len(flame.faces))
    named = encode_avatar(decode_avatar(points, "p", flame, flame_param()))
    motion = client.upload(encode_motion(take), "motion", "take.npz")
    for data, name in ((points, "point_cloud.ply"), (named, "mine.safetensors")):
        sent = client.upload(data, "avatar", name)
        failed = drain(client, client.start_render(sent, motion, tmp_path), 60)[-1]
        assert isinstance(failed, JobFailed)
        assert failed.error.code == "avatar.needs_head"
        assert name in failed.error.message
        assert "affekt avatar convert" in failed.error.remedy
        assert "--embed-head" in failed.error.remedy


def test_every_pass_by_a_camera_a_frame(client: Client, take: Motion, tmp_path: Path) -> None:
    """The part of a take that is asked for is the same part of the whole take."""
    openexr = pytest.importorskip("OpenEXR")
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    views = [
        look_at(
            target=np.array([0, 0.02, 0]),
            distance=1.0 + 0.05 * k,
            yaw_rad=0.1 * k,
            pitch_rad=0,
            width=40,
            height=48,
            fov_y_rad=0.4,
        )
        for k in range(len(take))
    ]
    places = np.stack([np.eye(4)] * len(take))
    places[:, 0, 3] = 100 * np.arange(len(take))
    options = PictureRequest(
        cameras=tuple(views),
        frames=range(4, 6),
        passes=PASSES,
        format="exr",
        half=False,
        world_from_head=places,
        weights=np.full((len(take), 6), 0.25, np.float32),
    )
    rendered = drain(client, client.start_render("open", artefact, tmp_path, options), 120)[-1]
    assert isinstance(rendered, RenderFinished), rendered
    assert [path.name for path in rendered.paths] == ["frame_0005.exr", "frame_0006.exr"]
    for index, path in zip(options.frames, rendered.paths, strict=True):
        with openexr.File(str(path), separate_channels=True) as file:
            header, channels = dict(file.header()), file.channels()
            alpha = channels["ViewLayer.Combined.A"].pixels
            place = channels["ViewLayer.Position.X"].pixels
            moved = channels["ViewLayer.Vector.X"].pixels
        assert alpha.shape == (48, 40)
        assert header["affekt:happy"] == pytest.approx(0.25)
        # The camera and the head's place are the frame's own, the vectors see frames around it.
        focal = header["affekt:focal_px"]
        assert focal[0] == pytest.approx(views[index].focal_x)
        assert abs(np.median(place[alpha == 1]) - 100 * index) < 1
        assert np.abs(moved[alpha == 1]).max() > 0.01


def test_the_open_heads_gaussians(client: Client, take: Motion, tmp_path: Path) -> None:
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    view = look_at(
        target=np.array([0, 0.02, 0]),
        distance=1,
        yaw_rad=0.3,
        pitch_rad=0,
        width=48,
        height=48,
        fov_y_rad=0.4,
    )
    options = PictureRequest(cameras=(view,), frames=range(1))
    alphas = []
    for subject in ("open", "open-gaussians"):
        job = client.start_render(subject, artefact, tmp_path / subject, options)
        rendered = drain(client, job, 120)[-1]
        assert isinstance(rendered, RenderFinished), rendered
        alphas.append(cv2.imread(str(rendered.paths[0]), cv2.IMREAD_UNCHANGED)[..., 3] > 127)
    mesh, gaussians = alphas
    assert mesh.mean() > 0.1
    assert (mesh & gaussians).sum() > 0.85 * (mesh | gaussians).sum()


def test_cameras_for_another_take(client: Client, take: Motion, tmp_path: Path) -> None:
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    still = look_at(
        target=np.zeros(3), distance=1, yaw_rad=0, pitch_rad=0, width=8, height=8, fov_y_rad=1
    )
    moving = replace(still, focal_x=9.0)
    options = PictureRequest(cameras=(still, moving))
    failed = drain(client, client.start_render("open", artefact, tmp_path, options), 60)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "option.camera"
    assert "2 cameras for a take of 12 frames" in failed.error.message


def test_an_avatar_is_no_motion(client: Client) -> None:
    artefact = client.upload(lam_bundle(), "motion", "egg.zip")
    with pytest.raises(InputError) as caught:
        client.read_take(artefact)
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
        client.read_take(artefact, adapter)
    assert caught.value.code.startswith("file.")
    assert adapter.sha256 not in str(caught.value)


def test_track_of_another_length(client: Client, take: Motion) -> None:
    artefact = client.upload(encode_motion(take), "motion", "take.npz")
    failed = drain(client, client.start_bake(artefact, constant_track(5, 30)), 60)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "emotion.shape"
