# SPDX-License-Identifier: GPL-3.0-or-later
"""Which emotion a reader of action units sees in a rendered face.

The reader is MediaPipe's face landmarker in a process of another Python (`reading.py`). What it
says is compared with prototypes from the literature, never with our own outputs:
Ekman, Friesen and Hager (2002), "FACS Investigator's Guide", table 10-2 (EMFACS).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array, UInt8Array
from ....shared.errors import InputError, JobError
from ....shared.head import HeadModel
from ....shared.motion import ARKIT_NAMES, Motion, make_motion
from ...modulation.modulator import Modulator, modulate
from ...render.images import write_png
from ...render.portrait import draw_frame
from ..anchors.synchronised import Synchronised
from .performances import STATES, held_track, without_turns

ACTION_UNITS: dict[int, tuple[str, ...]] = {
    1: ("browInnerUp",),
    2: ("browOuterUpLeft", "browOuterUpRight"),
    4: ("browDownLeft", "browDownRight"),
    5: ("eyeWideLeft", "eyeWideRight"),
    6: ("cheekSquintLeft", "cheekSquintRight"),
    7: ("eyeSquintLeft", "eyeSquintRight"),
    9: ("noseSneerLeft", "noseSneerRight"),
    10: ("mouthUpperUpLeft", "mouthUpperUpRight"),
    12: ("mouthSmileLeft", "mouthSmileRight"),
    15: ("mouthFrownLeft", "mouthFrownRight"),
    17: ("mouthShrugLower",),
    20: ("mouthStretchLeft", "mouthStretchRight"),
    23: ("mouthPressLeft", "mouthPressRight"),
    26: ("jawOpen",),
}
"""FACS action units as ARKit's shapes say them."""

PROTOTYPES: dict[str, tuple[int, ...]] = {
    "happy": (6, 12),
    "sad": (1, 4, 15),
    "angry": (4, 5, 7, 23),
    "fear": (1, 2, 4, 5, 20, 26),
    "disgust": (9, 10, 15, 17),
    "surprise": (1, 2, 5, 26),
}
"""Action units of each emotion's prototype."""

LEAST_RANGE = 0.04
"""Scores that no action unit or prototype moves by more than this are ignored."""
JAW_DROP = 0.45
"""Weight of jawOpen for AU 26; weight 1 would be AU 27."""
NEUTRAL_BELOW = 1.0
"""A face counts as neutral if the norm of its scores, relative to the same frame in neutral and
to the scores' ranges, is below this."""
PICTURE_SIZE = 512
READER_SECONDS = 300

Reader = Callable[[Sequence[UInt8Array]], Float64Array]


@dataclass(frozen=True, kw_only=True)
class ChildReader:
    """Reads pictures in a process of `python`, which has mediapipe, with the landmark model
    `model` (face_landmarker.task).

    Called with pictures it returns (N, 52) scores in `ARKIT_NAMES` order, NaN where no face is
    found. Raises InputError `option.reader`.
    """

    python: Path
    model: Path

    def __call__(self, pictures: Sequence[UInt8Array]) -> Float64Array:
        with tempfile.TemporaryDirectory(prefix="affekt-reading-") as folder:
            for index, picture in enumerate(pictures):
                write_png(Path(folder) / f"{index:05d}.png", picture[..., :3])
            scores = self._run(folder)
        return np.stack([_row(scores.get(f"{index:05d}.png")) for index in range(len(pictures))])

    def _run(self, folder: str) -> dict[str, dict[str, float] | None]:
        script = Path(__file__).with_name("reading.py")
        command = [str(self.python), "-I", str(script), str(self.model), folder]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", timeout=READER_SECONDS, check=False
            )
            answer = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            raise _bad_reader(str(error)) from error
        if not isinstance(answer, dict):
            raise _bad_reader(done.stderr.strip().rpartition("\n")[2])
        return answer


def _row(scores: dict[str, float] | None) -> Float64Array:
    # MediaPipe has "_neutral" for ARKit's tongueOut.
    return np.array([np.nan if scores is None else scores.get(n, 0.0) for n in ARKIT_NAMES])


def _bad_reader(why: str) -> InputError:
    return InputError(
        "option.reader",
        f"The reader of action units does not work: {why:.200}.",
        "Give a Python that has mediapipe with --reader-python, and its landmark model with "
        "--reader-model.",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """The reader's answers to known faces of a head.

    ranges: (52,) the most that each score moves, 0 where it does not. prototypes: (6, 52) the
    answer to each emotion's prototype in shares of the ranges. unseen: action units that the
    reader's own score of them does not answer.
    """

    ranges: Float64Array
    prototypes: Float64Array
    unseen: tuple[int, ...]


Draw = Callable[[Motion], Sequence[UInt8Array]]
"""Draws every frame of a motion in space "open"."""


def calibrate(head: HeadModel, reader: Reader, draw: Draw | None = None) -> Calibration:
    """Shows the reader each action unit alone and each prototype, whole, on `head`, or on the
    subject that `draw` draws.

    This measures the reader and not the model, so that a reader that answers one action unit with
    the score of another (MediaPipe has no score for cheeks and nose) is judged fairly. Raises
    JobError `job.no_face` if the reader finds no face on this head.
    """
    units = [(unit,) for unit in ACTION_UNITS]
    motion = _motion_of_units([(), *units, *PROTOTYPES.values()], head)
    shown = draw_frames(motion, range(len(motion)), head) if draw is None else draw(motion)
    scores = reader(shown)
    if not np.isfinite(scores).all():
        raise JobError("job.no_face", "The reader sees no face on this head.", "Use another head.")
    answers = scores[1:] - scores[0]
    ranges = np.abs(answers).max(0)
    ranges = np.where(ranges >= LEAST_RANGE, ranges, 0.0)
    own = {
        unit: answers[row, [ARKIT_NAMES.index(n) for n in names]].mean()
        for row, (unit, names) in enumerate(ACTION_UNITS.items())
    }
    return Calibration(
        ranges=ranges,
        prototypes=_shares(answers[len(units) :], ranges),
        unseen=tuple(unit for unit, answer in own.items() if answer < LEAST_RANGE),
    )


def _motion_of_units(rows: Sequence[tuple[int, ...]], head: HeadModel) -> Motion:
    arkit = np.zeros((len(rows), len(ARKIT_NAMES)), np.float32)
    for row, units in zip(arkit, rows, strict=True):
        for unit in units:
            weight = JAW_DROP if unit == 26 else 1.0
            row[[ARKIT_NAMES.index(name) for name in ACTION_UNITS[unit]]] = weight
    expression = np.zeros((len(rows), 100), np.float32)
    expression[:, : len(head.arkit_expression)] = arkit @ head.arkit_expression.T
    return make_motion(expression=expression, jaw=arkit @ head.arkit_jaw.T, fps=30.0, space="open")


def read_emotions(
    scores: Float64Array, reference: Float64Array, calibration: Calibration
) -> list[str]:
    """The name in `STATES` that each face shows, or "no face": the prototype with the largest
    cosine. scores, reference: (N, 52) of the faces and of the same frames in neutral."""
    shares = _shares(scores - reference, calibration.ranges)
    norms = np.linalg.norm(shares, axis=1)
    lengths = np.linalg.norm(calibration.prototypes, axis=1)
    likeness = shares @ calibration.prototypes.T / np.maximum(lengths, 1e-9)
    return [
        "no face"
        if not np.isfinite(norm)
        else "neutral"
        if norm < NEUTRAL_BELOW
        else STATES[1 + int(row.argmax())]
        for row, norm in zip(likeness, norms, strict=True)
    ]


def _shares(answers: Float64Array, ranges: Float64Array) -> Float64Array:
    return np.where(ranges > 0, answers / np.where(ranges > 0, ranges, 1), 0)


def draw_frames(motion: Motion, frames: Sequence[int], head: HeadModel) -> list[UInt8Array]:
    """Frames of the motion from the front, the face large, the head held still."""
    still = without_turns(motion)
    return [draw_frame(still, frame, head, (PICTURE_SIZE, PICTURE_SIZE)) for frame in frames]


VERSIONS = ("model", "truth", "untouched")


Confusion = dict[str, dict[str, int]]
"""[state shown][state read] -> count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """confusions: by version, "model", "truth" and "untouched"; an untouched take shows its own
    emotion, which the model had to take out. agreement:
    share of the model's faces that are read as the truth in the same frame is. unseen: action
    units that the reader does not see."""

    confusions: dict[str, Confusion]
    agreement: float
    unseen: tuple[int, ...]


def measure_recognition(
    performances: Sequence[Synchronised],
    modulator: Modulator,
    head: HeadModel,
    reader: Reader,
    frames_each: int = 2,
) -> Recognition:
    """Lets the reader name the faces of each performance's truth, model output and untouched take.

    Draws 21 pictures for each frame, and 21 once to calibrate the reader. Raises
    InputError `option.reader`; JobError `job.no_face`.
    """
    calibration = calibrate(head, reader)
    confusions = {version: empty_confusion() for version in VERSIONS}
    same = []
    for performance in performances:
        frames = reading_frames(performance, frames_each)
        shown, pictures = _show(performance, frames, modulator, head)
        scores = reader(pictures).reshape(len(shown), len(frames), -1)
        names = [read_emotions(row, scores[0], calibration) for row in scores]
        for (version, state), row in zip(shown, names, strict=True):
            for name in row:
                confusions[version][state][name] += 1
        read = dict(zip(shown, names, strict=True))
        same += [
            a == b for s in STATES for a, b in zip(read["model", s], read["truth", s], strict=True)
        ]
    return Recognition(
        confusions=confusions, agreement=float(np.mean(same)), unseen=calibration.unseen
    )


def empty_confusion(otherwise: str = "no face") -> Confusion:
    """No face read yet. otherwise: the name of what is none of `STATES`."""
    names: tuple[str, ...] = (*STATES, otherwise)
    return {state: dict.fromkeys(names, 0) for state in STATES}


def _show(
    performance: Synchronised, frames: Sequence[int], modulator: Modulator, head: HeadModel
) -> tuple[list[tuple[str, str]], list[UInt8Array]]:
    """(version, state) and the pictures of its frames, the neutral truth first."""
    shown, pictures = [], []
    for version, motions in (
        ("truth", performance.targets),
        ("model", _outputs(performance, modulator)),
        ("untouched", performance.sources),
    ):
        for state, motion in zip(STATES, motions, strict=True):
            shown.append((version, state))
            pictures += draw_frames(motion, frames, head)
    return shown, pictures


def _outputs(performance: Synchronised, modulator: Modulator) -> list[Motion]:
    """The model's states, each made from a take in the next one."""
    outs = []
    for index, state in enumerate(STATES):
        source = performance.sources[(index + 1) % len(STATES)]
        track = held_track(state, len(source), source.fps)
        outs.append(modulate(source, track, modulator))
    return outs


def reading_frames(performance: Synchronised, count: int) -> list[int]:
    """Frames while the lips are free and the jaw is at its usual width, spread over the take."""
    jaw = performance.targets[0].jaw[:, 0]
    free = np.flatnonzero(performance.closure < 0.05)
    frames = []
    for part in np.array_split(free, count):
        frames.append(int(part[np.abs(jaw[part] - np.median(jaw)).argmin()]))
    return frames


def recognised(confusion: Confusion) -> dict[str, float]:
    """Share of faces read as what they show, by state and as "mean" over the six emotions."""
    shares = {state: row[state] / max(sum(row.values()), 1) for state, row in confusion.items()}
    return shares | {"mean": float(np.mean([shares[name] for name in STATES[1:]]))}


def figures_of(recognition: Recognition) -> dict[str, object]:
    """Shares and confusions as JSON and tables have them."""
    return {
        "agreement_with_truth": recognition.agreement,
        "action_units_unseen": list(recognition.unseen),
        "recognised": {v: recognised(table) for v, table in recognition.confusions.items()},
        "confusions": recognition.confusions,
    }
