# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt data anchors` and `appearance`: training data as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from ....shared.arrays import UInt8Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ...batch.cluster import Cluster
from ...batch.farm import keep_input
from ...batch.lock import FolderLock
from ...batch.pool import Pool, default_workers
from ...batch.run import Engine, run_tasks
from ...batch.sheet import EMBEDDED
from ...batch.task import OUT, OWN
from ...batch.task import Task as BatchTask
from ...files import write_whole
from ...head.read import OPEN, read_head
from ...memory import remembered
from ...render.images import write_png
from ...render.portrait import draw_frame
from ...render.sheets import contact_sheet
from ..anchors.dataset import (
    anchor_files,
    check_count,
    check_empty,
    write_anchor,
    write_anchors,
    write_manifest,
)
from ..anchors.synchronised import closure_frame, make_synchronised, vowel_frame
from ..skin.faces import FaceSettings, face_file, write_face
from ..skin.faces import write_manifest as write_manifest_of_faces
from ..skin.samples import Samples
from ..training.appearance_config import AppearanceConfig
from ..training.config import read_settings


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """Write spoken sentences, each in several emotions frame by frame alike, with a manifest, and a
    sheet of four people to look at."""

    out: Path
    """New folder for the takes."""
    count: int = 20
    """How many performances: a sentence by a person, in ten emotion programs."""
    seed: int = 0
    """The same seed gives the same files."""
    head: str = "open"
    """Head that the lips are fitted to."""
    dask: str | None = None
    """Address of a dask cluster's scheduler, whose workers see --out (docs/farm.md); what is there
    from before is kept."""

    def run(self) -> None:
        if self.dask is not None:
            self._share_out(self.dask)
            return
        head = read_head(self.head)
        with Progress(transient=True) as progress:
            task = progress.add_task("anchors", total=self.count)
            path = write_anchors(
                self.out,
                count=self.count,
                seed=self.seed,
                head=head,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        write_png(self.out / "sheet.png", anchor_sheet(head, self.seed))
        print(f"wrote {path} and sheet.png")

    def _share_out(self, address: str) -> None:
        """Makes the same files on a cluster, some performances a task."""
        folder = self.out.absolute()
        check_count(self.count)
        _check_begun(folder)
        head_file = self.head if self.head in EMBEDDED else keep_input(Path(self.head), folder)
        tasks = [
            BatchTask(
                row=first,
                kind="anchors",
                options={
                    "out": OUT,
                    "first": first,
                    "last": min(first + SHARE, self.count) - 1,
                    "seed": self.seed,
                    "head": head_file,
                },
                files=(f"{OWN}/anchors/{self.seed}_{first}.json", *_files(first, self.count)),
                frames=min(SHARE, self.count - first),
            )
            for first in range(0, self.count, SHARE)
        ]
        _do_on_cluster(tasks, folder, address)
        entries = [
            entry for task in tasks for entry in json.loads((folder / task.files[0]).read_bytes())
        ]
        head = read_head(self.head)
        path = write_manifest(folder, entries, seed=self.seed, head=head.name)
        write_png(self.out / "sheet.png", anchor_sheet(head, self.seed))
        print(f"wrote {path} and sheet.png")


@dataclass(frozen=True, kw_only=True)
class Share:
    """Some performances of a data set, and their manifest entries, which a worker makes."""

    out: Path
    first: int
    last: int
    seed: int
    head: str

    def run(self) -> None:
        head = read_head(self.head)
        numbers = range(self.first, self.last + 1)
        entries = [write_anchor(self.out, index, self.seed, head) for index in numbers]
        place = self.out / OWN / "anchors" / f"{self.seed}_{self.first}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps(entries).encode())


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Make the faces from which the appearance network learns beforehand, for `affekt train
    appearance --faces`: 6 MB each. What is there from before is kept."""

    out: Path
    """Folder for the faces."""
    config: Path | None = None
    """The training's TOML file of settings; without it, those of the shipped default."""
    count: int | None = None
    """How many; as many as the training's steps see if absent."""
    dask: str | None = None
    """Address of a dask cluster's scheduler, whose workers see --out (docs/farm.md)."""

    def run(self) -> None:
        folder = self.out.absolute()
        config = read_settings(self.config, AppearanceConfig())
        count = config.steps * config.fresh if self.count is None else self.count
        check_count(count)
        _check_begun(folder)
        shared = {"out": OUT, "seed": config.seed, "plain": config.plain_faces}
        tasks = [
            BatchTask(
                row=first,
                kind="faces",
                options={**shared, "first": first, "last": min(first + FACES, count) - 1},
                files=tuple(face_file(n) for n in range(first, min(first + FACES, count))),
                frames=min(FACES, count - first),
            )
            for first in range(0, count, FACES)
        ]
        if self.dask is not None:
            _do_on_cluster(tasks, folder, self.dask)
        else:
            _do_here(tasks, folder)
        settings = FaceSettings(seed=config.seed, plain=config.plain_faces)
        print(f"wrote {write_manifest_of_faces(folder, settings, read_head(OPEN), count)}")


@dataclass(frozen=True, kw_only=True)
class FaceShare:
    """Some faces, which a worker makes."""

    out: Path
    first: int
    last: int
    seed: int
    plain: int

    def run(self) -> None:
        samples = samples_of(read_head(OPEN))
        settings = FaceSettings(seed=self.seed, plain=self.plain)
        for number in range(self.first, self.last + 1):
            write_face(self.out, samples, settings, number)


@remembered
def samples_of(head: HeadModel) -> Samples:
    """What makes faces on a head; it takes seconds to prepare."""
    return Samples(head)


def _check_begun(folder: Path) -> None:
    """Raises InputError `file.not_empty` for a folder with something in it that no such run has
    begun."""
    if not (folder / OWN).is_dir():
        check_empty(folder)


def _do_on_cluster(tasks: Sequence[BatchTask], folder: Path, address: str) -> None:
    """Does the tasks on a cluster. Raises as `Cluster`, InputError `batch.running`."""
    with FolderLock(folder), Cluster(address, folder) as cluster:
        _do(tasks, folder, cluster)


def _do_here(tasks: Sequence[BatchTask], folder: Path) -> None:
    """Does the tasks on this machine."""
    with FolderLock(folder), Pool(default_workers(), folder / OWN / "logs") as pool:
        _do(tasks, folder, pool)


def _do(tasks: Sequence[BatchTask], folder: Path, engine: Engine) -> None:
    with Progress(transient=True) as progress:
        bar = progress.add_task(tasks[0].kind, total=sum(task.frames for task in tasks))
        for task, _ in run_tasks(tasks, folder, engine):
            progress.advance(bar, task.frames)


def _files(first: int, count: int) -> list[str]:
    numbers = range(first, min(first + SHARE, count))
    return [name for number in numbers for name in anchor_files(number)]


SHARE, FACES = 4, 8
"""Performances of a task; faces of one."""
KINDS = ("neutral", *EMOTIONS)
PEOPLE = (("train", 0), ("train", 1), ("train", 2), ("held-out", 0))
_SIZE = (200, 236)


def anchor_sheet(head: HeadModel, seed: int) -> UInt8Array:
    """(H, W, 3) picture of four people in neutral and the six emotions at weight 1, once with the
    mouth at its widest and once with closed lips. Raises InputError `option.espeak`."""
    pictures, labels = [], []
    for split, index in PEOPLE:
        made = make_synchronised(split, index, KINDS, seed, head)
        for row, frame in enumerate((vowel_frame(made), closure_frame(made))):
            pictures += [draw_frame(take, frame, head, _SIZE) for take in made.targets]
            labels += [f"{made.manner}, {kind}" if row == 0 else "" for kind in made.kinds]
    return contact_sheet(pictures, labels, len(KINDS))
