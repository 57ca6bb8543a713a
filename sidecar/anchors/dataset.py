# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors as files: synchronised takes with a manifest, for looking and for training elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..motion.own import encode_motion
from .programs import KINDS, make_program
from .sentences import read_sentences
from .style import make_style
from .takes import FPS, make_performance, perform, vary_look

MANIFEST = "manifest.json"
MAX_COUNT = 100_000
"""A hundred thousand pairs are 30 GB: more is a slip of the hand."""


def write_anchors(
    folder: Path,
    *,
    count: int,
    seed: int,
    head: HeadModel,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `count` pairs of takes and `manifest.json`; the same seed gives the same bytes.

    NNNNN_source.npz and NNNNN_target.npz are one sentence by one person, frame by frame alike,
    in two emotion programs; NNNNN_emotions.npy (2, T, 6) holds the programs, source first. Every
    tenth pair is of a held-out sentence and person. Returns the manifest's path.
    Raises InputError `option.count`, `file.not_empty`, `option.espeak`.
    """
    if not 0 < count <= MAX_COUNT:
        raise InputError(
            "option.count", f"The count is {count}.", f"Give a count of 1 to {MAX_COUNT}."
        )
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            "file.not_empty", f"The folder {folder} is not empty.", "Choose a new folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(count):
        entries.append(_write_pair(folder, index, seed, head))
        if on_progress is not None:
            on_progress(index + 1, count)
    text = json.dumps({"seed": seed, "fps": FPS, "takes": entries}, indent=1, sort_keys=True)
    _write(folder / MANIFEST, text.encode())
    return folder / MANIFEST


def _write_pair(folder: Path, index: int, seed: int, head: HeadModel) -> dict[str, object]:
    rng = np.random.default_rng([seed, 2, index])
    split = "held-out" if index % 10 == 9 else "train"
    text = str(rng.choice(read_sentences()[split]))
    style = make_style(rng)
    performance = make_performance(text, style, rng)
    frames = len(performance.articulation.channels)
    kinds = [str(kind) for kind in rng.choice(KINDS, 2)]
    curves = [make_program(kind, frames, FPS, rng) for kind in kinds]
    stem = f"{index:05d}"
    source = perform(performance, curves[0], head, vary_look(style, rng))
    _write_take(source, folder / f"{stem}_source.npz")
    _write_take(perform(performance, curves[1], head), folder / f"{stem}_target.npz")
    emotions = np.stack(curves).astype(np.float32)
    with (folder / f"{stem}_emotions.npy").open("wb") as file:
        np.save(file, emotions, allow_pickle=False)
    return {
        "stem": stem,
        "split": split,
        "sentence": text,
        "frames": frames,
        "source": kinds[0],
        "target": kinds[1],
        "style": {"rate": style.rate, "speech_gain": style.speech_gain, "side": style.side},
    }


def _write_take(motion: Motion, path: Path) -> None:
    _write(path, encode_motion(motion))


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(data)
    temporary.replace(path)
