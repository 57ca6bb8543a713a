# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench gpu`: Gaussians on the CPU and on a CUDA card, side by side: how far their
pictures lie apart, and what each costs. Without a card the CPU's column, and why.

Every time is a wall time that ends when the pictures are numpy arrays and the card is idle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.raster.device import CpuRasteriser, Rasteriser, choose_rasteriser
from affekt.sidecar.raster.gaussians import GaussianImage, Gaussians
from affekt.sidecar.render.portrait import default_camera
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import Rotation

from ..fakes.plain_drive import arkit_motion

RUNS = 9
CPU_FRAMES, CARD_FRAMES = 4, 16
"""Frames of a run that are animated on the CPU and drawn on the CPU, or on the card."""
STEP = 1 / 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    name: str
    gaussians: Gaussians
    camera: Camera
    antialiased: bool = False


def run_gpu_bench() -> None:
    """Prints both tables."""
    console, cpu = Console(width=130), CpuRasteriser(reason="")
    try:
        card: Rasteriser | None = choose_rasteriser("cuda")
        console.print(card.reason)
        console.print(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    except InputError as error:
        card = None
        console.print(f"No CUDA: {error}")
    avatar = some_avatars()[-1]
    console.print(scene_table(scenes(avatar), cpu, card))
    console.print(throughput_table(avatar, cpu, card))
    console.print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; best of {RUNS}; "
        f"{avatar.name}, {len(avatar):,} Gaussians"
    )


def scene_table(all_scenes: list[Scene], cpu: Rasteriser, card: Rasteriser | None) -> Table:
    """Each picture on both: the time of one, into memory, and the largest differences."""
    table = Table(
        "one picture, into memory", "CPU", "CUDA", "colour", "alpha", "depth", "pixels > 1/255"
    )
    for scene in all_scenes:
        wanted, slow = draw(cpu, scene)
        row = [scene.name, f"{1e3 * slow:.1f} ms"]
        if card is not None:
            found, fast = draw(card, scene)
            row += [f"{1e3 * fast:.2f} ms", *apart(found, wanted)]
        table.add_row(*row)
    return table


def draw(rasteriser: Rasteriser, scene: Scene) -> tuple[GaussianImage, float]:
    """The picture and the best seconds."""

    def run() -> GaussianImage:
        return rasteriser(scene.gaussians, scene.camera, antialiased=scene.antialiased)

    return run(), best_seconds(run)


def apart(found: GaussianImage, wanted: GaussianImage) -> list[str]:
    """Largest difference of colour and of alpha, in 255ths; of depth in millimetres, where both
    see more than half; and the share of pixels where colour or alpha differ by more than one."""
    colour = np.abs(found.colour - wanted.colour).max(-1)
    alpha = np.abs(found.alpha - wanted.alpha)
    solid = (found.alpha > 0.5) & (wanted.alpha > 0.5)
    depth = np.abs(found.depth[solid] - wanted.depth[solid]).max(initial=0)
    return [
        f"{colour.max() / STEP:.3f}/255",
        f"{alpha.max() / STEP:.3f}/255",
        f"{1e3 * depth:.3f} mm",
        f"{(np.maximum(colour, alpha) > STEP).mean():.2e}",
    ]


def throughput_table(avatar: Avatar, cpu: Rasteriser, card: Rasteriser | None) -> Table:
    """Animate on the CPU and draw at 512 x 512, frames a second."""
    table = Table("animate + draw, RGBA and depth, 512 x 512", "CPU", "CUDA")
    camera = default_camera(avatar, 512, 512)
    actor = Actor(avatar, a_take(CARD_FRAMES))

    def play(rasteriser: Rasteriser, frames: int) -> Callable[[], object]:
        return lambda: [rasteriser(actor.pose(i).gaussians, camera) for i in range(frames)]

    rates = [rate(play(cpu, CPU_FRAMES), CPU_FRAMES)]
    if card is not None:
        rates.append(rate(play(card, CARD_FRAMES), CARD_FRAMES))
    table.add_row("animated on the CPU, into memory", *rates)
    return table


def rate(run: Callable[[], object], frames: int) -> str:
    return f"{frames / best_seconds(run):,.0f} frames/s"


def best_seconds(run: Callable[[], object]) -> float:
    """Of several runs after one that is not counted."""
    run()
    finish()
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        run()
        finish()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def finish() -> None:
    """Waits for the card."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def scenes(avatar: Avatar) -> list[Scene]:
    """The avatar in a pose, in all kinds of picture; and clouds of other sizes."""
    posed = Actor(avatar, a_take(2)).pose(1).gaussians
    camera = default_camera(avatar, 512, 512)
    distance = float(np.linalg.norm(np.linalg.inv(camera.camera_from_world)[:3, 3]))
    flat = replace(
        camera,
        orthographic=True,
        focal_x=camera.focal_x / distance,
        focal_y=camera.focal_y / distance,
    )
    many = posed.carrying(np.repeat(posed.colours, 7, 1)[:, :16])
    large = default_camera(avatar, 1024, 1024)
    return [
        Scene(name="avatar, 512", gaussians=posed, camera=camera),
        Scene(name="avatar, 512, antialiased", gaussians=posed, camera=camera, antialiased=True),
        Scene(name="avatar, 512, orthographic", gaussians=posed, camera=flat),
        Scene(name="avatar, 512, 16 channels", gaussians=many, camera=camera),
        Scene(name="avatar, 1024", gaussians=posed, camera=large),
        Scene(name="80,000 random, 1024", gaussians=cloud(80_000), camera=cloud_camera(1024)),
        Scene(name="500,000 random, 1024", gaussians=cloud(500_000), camera=cloud_camera(1024)),
    ]


def cloud(count: int) -> Gaussians:
    """A head-sized shell, its Gaussians smaller the more there are."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(count, 3))
    scale = 0.0018 * np.sqrt(20_000 / count)
    return Gaussians(
        means=(0.1 * direction / np.linalg.norm(direction, axis=1, keepdims=True)).astype("f4"),
        quaternions=rng.normal(size=(count, 4)).astype("f4"),
        scales=(scale * np.exp(rng.normal(0, 0.4, (count, 3)))).astype("f4"),
        opacities=rng.uniform(0.3, 1, count).astype("f4"),
        colours=rng.random((count, 3)).astype("f4"),
    )


def cloud_camera(size: int) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=0.85,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=size,
        height=size,
        fov_y_rad=0.335,
    )


def a_take(frames: int):
    """All shapes moving, the head turning."""
    rng = np.random.default_rng(1)
    phase = rng.uniform(0, 2 * np.pi, 52)
    weights = 0.2 + 0.2 * np.sin(np.arange(frames)[:, None] / 5 + phase)
    return arkit_motion(weights, (0.05, 0.3, 0.0))


def some_avatars() -> list[Avatar]:
    """The real LAM avatars (AFFEKT_TEST_DATA), or else one of their size."""
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", "")) / "lam_avatars"
    found = sorted(folder.glob("*.zip"))
    return [read_avatar(path) for path in found] or [made_avatar()]


def made_avatar(rows: int = 118, columns: int = 170) -> Avatar:
    """A ball of 20,060 vertices with a Gaussian on each, as large as those of LAM."""
    rng = np.random.default_rng(0)
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ball = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)
        ),
        -1,
    )
    vertices = (0.11 * ball.reshape(-1, 3) + [0, 1.65, 0]).astype(np.float32)
    count = len(vertices)
    row, column = np.mgrid[: rows - 1, :columns]
    corner, beside = row * columns + column, row * columns + (column + 1) % columns
    quads = np.stack([corner, beside, corner + columns, beside + columns], -1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]]).astype(np.int32)
    low = np.clip((1.65 - vertices[:, 1]) / 0.11, 0, 1)
    return Avatar(
        name="made",
        binding="vertex",
        follow="stretch",
        surface=ArkitRig(
            vertices=vertices,
            faces=faces,
            arkit_shapes=rng.normal(0, 1e-4, (52, count, 3)).astype(np.float32),
            joint_pivots=np.array([[0, 1.5, 0], [0, 1.55, 0], [0, 1.6, 0]], np.float32),
            joint_weights=np.stack([0.2 * low, 0.2 * low, 1 - 0.4 * low], 1).astype(np.float32),
            joint_shares=np.full(3, 1 / 3, np.float32),
        ),
        anchors=np.arange(count, dtype=np.int32),
        offsets=np.zeros((count, 3), np.float32),
        quaternions=np.roll(Rotation.random(count, random_state=0).as_quat(), 1, 1).astype("f4"),
        scales=np.exp(rng.normal(-6.3, 0.4, (count, 3))).astype(np.float32),
        opacities=rng.uniform(0.3, 1, count).astype(np.float32),
        colours=rng.random((count, 3)).astype(np.float32),
    )


if __name__ == "__main__":
    run_gpu_bench()
