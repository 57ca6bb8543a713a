# SPDX-License-Identifier: GPL-3.0-or-later
"""What pictures cost, and how that grows.

`python -m tests.bench pictures` times them alone; `--plot PATH` draws cost against the number of
Gaussians and of pixels instead, in processor time, which a busy machine disturbs least.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.shared.pictures import Codec, PictureRequest
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.regions import kept_labels
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.differentiable import rasterise_tensors
from affekt.sidecar.raster.gaussians import Gaussians, GaussianTensors, rasterise_gaussians
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.render.exr import About, write_exr
from affekt.sidecar.render.passes import available_passes, render_frames
from affekt.sidecar.render.portrait import default_camera
from affekt.sidecar.render.sequence import WRITERS
from affekt.sidecar.render.shade import draw_head
from affekt.sidecar.render.shot import Shot, make_shot

from ..fakes.splatting import splat
from .gpu import a_take, some_avatars
from .job import FRAMES, Job, long_take

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNTS = (5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
EDGES = (256, 384, 512, 724, 1024, 1448, 2048)
PLOT_RUNS = 5


def picture_jobs() -> list[Job]:
    """One picture each."""
    of_avatars = [
        job for avatar in some_avatars() for job in (*avatar_jobs(avatar), *pass_jobs(avatar))
    ]
    return [*mesh_jobs(), *of_avatars, *cloud_jobs()]


def mesh_jobs() -> list[Job]:
    head, camera = read_head("open"), head_camera(512)
    vertices = HeadLayer(head).vertices(long_take(), 0, 1)[0]
    return [
        Job(
            name="mesh z-buffer, 512 x 512",
            aim="4 ms",
            run=lambda: rasterise_mesh(vertices, head.faces, camera),
            units=1,
            unit="frames",
        ),
        Job(
            name="draw the head, 512 x 512, 9 samples",
            run=lambda: draw_head(vertices, head, camera),
            units=1,
            unit="frames",
        ),
    ]


def avatar_jobs(avatar: Avatar) -> list[Job]:
    """Its Gaussians, posed and drawn."""
    frames = 30
    actor, view = Actor(avatar, a_take(frames)), default_camera(avatar, 512, 512)
    wrinkled = Actor(avatar, a_take(frames), appearance=1.0)
    posed = actor.pose(0).gaussians
    wide = posed.carrying(np.random.default_rng(0).random((len(posed), 22), np.float32))
    fitted = GaussianTensors(
        **{
            entry.name: torch.from_numpy(getattr(posed, entry.name)).requires_grad_()
            for entry in fields(GaussianTensors)
        }
    )
    turn = itertools.cycle(range(frames))

    def forward_and_backward() -> None:
        colour, alpha, _ = rasterise_tensors(fitted, view)
        torch.autograd.backward((colour, alpha), (torch.ones_like(colour), torch.ones_like(alpha)))

    def animate_and_render() -> object:
        return rasterise_gaussians(actor.pose(next(turn)).gaussians, view)

    name = f"{avatar.name}, {len(posed.means):,} Gaussians, 512 x 512"
    return [
        Job(
            name="animate it",
            units=1,
            unit="frames",
            aim="2.5 ms",
            run=lambda: actor.pose(next(turn)),
        ),
        Job(
            name="animate it, with skin that wrinkles",
            units=1,
            unit="frames",
            run=lambda: wrinkled.pose(next(turn)),
        ),
        Job(
            name=name,
            run=lambda: rasterise_gaussians(posed, view),
            units=1,
            unit="frames",
            aim="5 to 8 ms",
        ),
        Job(
            name="22 channels",
            units=1,
            unit="frames",
            aim="20 ms",
            run=lambda: rasterise_gaussians(wide, view),
        ),
        Job(
            name="animate and render it",
            run=animate_and_render,
            units=1,
            unit="frames",
            aim="90 frames/s",
        ),
        Job(
            name="forward and backward",
            run=forward_and_backward,
            units=1,
            unit="frames",
            aim="30 ms",
        ),
    ]


def pass_jobs(avatar: Avatar) -> list[Job]:
    """A take on it as `affekt render` draws it, without its files, and one file."""
    take = a_take(FRAMES)
    plain = make_shot(avatar, take, PictureRequest(format="exr"))
    every = replace(plain, request=replace(plain.request, passes=passes_of(avatar)))

    def next_frame(shot: Shot) -> Callable[[], object]:
        again = (render_frames(shot, labels=kept_labels) for _ in itertools.count())
        return itertools.chain.from_iterable(again).__next__

    return [
        Job(
            name="a take's frame, RGBA + depth",
            run=next_frame(plain),
            units=1,
            unit="frames",
            aim="90 frames/s",
        ),
        Job(
            name=f"a take's frame, {len(every.request.passes)} passes",
            run=next_frame(every),
            units=1,
            unit="frames",
            aim="25 ms",
        ),
        file_job(plain, "zip", "its EXR, RGBA + depth", aim="15 ms"),
        file_job(plain, "rle", "the same by RLE"),
        file_job(every, "zip", f"its EXR, {len(every.request.passes)} passes"),
    ]


def file_job(shot: Shot, codec: Codec, name: str, aim: str = "") -> Job:
    """A frame as files of 16 bits, as many at once as a rendering writes; the plain way is one
    after the other."""
    frame = next(render_frames(shot, labels=kept_labels))
    about = About(fps=shot.motion.fps, camera=shot.request.camera_at(0))
    count = 4 * WRITERS

    def write(workers: int) -> None:
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
            paths = [Path(folder) / f"{index}.exr" for index in range(count)]
            list(pool.map(lambda path: write_exr(path, frame, about, codec=codec), paths))

    return Job(
        name=name,
        run=lambda: write(WRITERS),
        plain=lambda: write(1),
        units=count,
        unit="frames",
        aim=aim,
    )


def passes_of(avatar: Avatar) -> tuple[str, ...]:
    """All that it can have; a made-up avatar has no face to find regions on."""
    passes = available_passes(avatar)
    try:
        kept_labels(avatar)
    except InputError:
        return tuple(name for name in passes if name != "mask")
    return passes


def cloud_jobs() -> list[Job]:
    """A head-sized shell of Gaussians; the plain way is too slow for more than a few."""
    many, few = random_gaussians(80_000, finer=True), random_gaussians(300)
    large, small = head_camera(1024), head_camera(64)
    return [
        Job(
            name="80,000 Gaussians, 1024 x 1024",
            run=lambda: rasterise_gaussians(many, large),
            units=1,
            unit="frames",
            aim="35 ms",
        ),
        Job(
            name="300 Gaussians, 64 x 64",
            run=lambda: rasterise_gaussians(few, small),
            units=1,
            unit="frames",
            plain=lambda: splat(few, small),
        ),
    ]


def head_camera(edge: int) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=0.85,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=edge,
        height=edge,
        fov_y_rad=0.335,
    )


def random_gaussians(count: int, *, finer: bool = False) -> Gaussians:
    """A head-sized shell of Gaussians; 20,000 are sized like a LAM avatar's. finer: more are
    smaller, so that together they cover as much."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(count, 3))
    means = 0.1 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    quaternions = rng.normal(size=(count, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    scales = np.exp(rng.normal(-6.3, 0.4, (count, 3)))
    scales *= np.sqrt(20_000 / count) if finer else 1.0
    return Gaussians(
        means=means.astype(np.float32),
        quaternions=quaternions.astype(np.float32),
        scales=scales.astype(np.float32),
        opacities=rng.uniform(0.3, 1, count).astype(np.float32),
        colours=rng.random((count, 3)).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Milliseconds of the processor at each size."""

    name: str
    sizes: Sequence[int]
    milliseconds: Sequence[float]

    @property
    def power(self) -> float:
        """The slope over the upper half, in logarithms: 1 is linear growth, less is better."""
        half = len(self.sizes) // 2
        return float(np.polyfit(np.log(self.sizes[half:]), np.log(self.milliseconds[half:]), 1)[0])


def measure_growth() -> tuple[list[Growth], Growth]:
    """Against the number of Gaussians, of the same size and of the same area together; and
    against the number of pixels."""
    by_count = [
        Growth(
            name=name,
            sizes=COUNTS,
            milliseconds=[cost(random_gaussians(n, finer=finer), head_camera(512)) for n in COUNTS],
        )
        for name, finer in (("all of one size", False), ("the more, the finer", True))
    ]
    cloud = random_gaussians(20_000)
    by_pixels = Growth(
        name="20,000 Gaussians",
        sizes=[edge * edge for edge in EDGES],
        milliseconds=[cost(cloud, head_camera(edge)) for edge in EDGES],
    )
    return by_count, by_pixels


def cost(cloud: Gaussians, camera: Camera) -> float:
    """The best of a few runs, in milliseconds of the processor, over all threads."""
    rasterise_gaussians(cloud, camera)
    found = []
    for _ in range(PLOT_RUNS):
        begin = time.process_time()
        rasterise_gaussians(cloud, camera)
        found.append(time.process_time() - begin)
    return 1e3 * min(found)


def plot_growth(path: Path) -> None:
    """Writes the two plots side by side, and prints the figures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_count, by_pixels = measure_growth()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    draw_growth(left, by_count, "Gaussians, at 512 x 512")
    draw_growth(right, [by_pixels], "pixels")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def draw_growth(axes: Axes, lines: list[Growth], label: str) -> None:
    for line in lines:
        axes.loglog(line.sizes, line.milliseconds, "o-", label=f"{line.name}: {line.power:.2f}")
        figures = zip(line.sizes, line.milliseconds, strict=True)
        print(f"{label}, {line.name}, power {line.power:.2f}:")
        print("  " + ", ".join(f"{size:,}: {ms:.1f} ms" for size, ms in figures))
    first = lines[0]
    linear = np.array(first.sizes) * first.milliseconds[-1] / first.sizes[-1]
    axes.loglog(first.sizes, linear, ":", color="grey", label="linear: 1")
    axes.set(xlabel=label, ylabel="processor time, ms")
    axes.legend(frameon=False)
