# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt train geometry` and `affekt train ablations`: the geometry modulator, whole and with
parts left out; `affekt train appearance`: the network that gives each avatar its own wrinkles;
`affekt train lam`: emotion tokens for a user's LAM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...head.read import OPEN, read_head
from ..training.appearance import train_appearance
from ..training.appearance_config import AppearanceConfig
from ..training.config import ablations, read_config, read_settings
from ..training.geometry import is_finished, train
from ..training.processes import joined


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Train the geometry modulator. A stopped run goes on where it was.

    On several GPUs, or in several processes: torchrun --nproc-per-node 2 -m affekt.sidecar train
    geometry --out DIR. They share each batch; the result differs from that of one process only by
    rounding.
    """

    out: Path
    """Folder for the weights, the checkpoint, training.log, training.jsonl and training.png."""
    config: Path | None = None
    """TOML file of settings; without it, those of the shipped default."""

    def run(self) -> None:
        config = read_config(self.config)
        with joined(config.device) as processes:
            path = train(config, read_head(config.head), self.out, _print_line, processes)
        if processes.is_first:
            print(f"wrote {path}")


@dataclass(frozen=True, kw_only=True)
class Ablations:
    """Train the full model and each ablation, one after another, on one short budget. Finished
    ones are skipped, a stopped one goes on."""

    out: Path
    """Folder; each run gets one inside, named as its settings are."""

    def run(self) -> None:
        for name, path in ablations().items():
            config, folder = read_config(path), self.out / name
            if is_finished(config, folder):
                print(f"{name}: finished before")
                continue
            print(f"{name}:")
            with joined(config.device) as processes:
                train(config, read_head(config.head), folder, _print_line, processes)


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Train the appearance network on skins that are made on the way. A stopped run goes on where
    it was. In several processes: as `affekt train geometry`."""

    out: Path
    """Folder for the weights, the checkpoint, training.log, training.jsonl and training.png."""
    config: Path | None = None
    """TOML file of settings; without it, those of the shipped default."""
    faces: Path | None = None
    """Folder of faces that `affekt data appearance` has made with the same settings; what is not
    in it is made on the way."""

    def run(self) -> None:
        config, head = read_settings(self.config, AppearanceConfig()), read_head(OPEN)
        with joined(config.device) as processes:
            path = train_appearance(config, head, self.out, _print_line, processes, self.faces)
        if processes.is_first:
            print(f"wrote {path}")


@dataclass(frozen=True, kw_only=True)
class Lam:
    """Fine-tune LAM with emotion tokens, from your own checkpoint, on clips of people in emotions
    (docs/lam.md). First the gates alone, then with `part = "decoder"` and `start` the rest. A
    stopped run goes on where it was. In several processes: as `affekt train geometry`."""

    weights: Path
    """LAM's checkpoint, `model.safetensors` of LAM-20K."""
    data: Path
    """Folder of clips in LAM's layout, each with an emotion.json."""
    out: Path
    """Folder for lam_emotion.safetensors, the checkpoint, training.log and training.jsonl."""
    config: Path | None = None
    """TOML file of settings; without it, LAM's own with closed gates."""
    unknown_weights: bool = False
    """Use another checkpoint than the published one."""

    def run(self) -> None:
        from ...lam.checkpoint import check_known, open_checkpoint
        from ..training.lam import train_lam
        from ..training.lam_config import LamTrainingConfig

        config = read_settings(self.config, LamTrainingConfig())
        checkpoint = open_checkpoint(self.weights)
        check_known(checkpoint, unknown_allowed=self.unknown_weights)
        with joined(config.device) as processes:
            path = train_lam(config, checkpoint, self.data, self.out, _print_line, processes)
        if processes.is_first:
            print(f"wrote {path}")


def _print_line(line: str) -> None:
    print(line, flush=True)
