# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects x takes x states: the faces that are judged, what a reader reads in them, how strongly
they move, and what they keep of the take's speech."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array, UInt8Array
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ....shared.motion import Motion, cut_motion, make_motion
from ...avatar.avatar import ArkitRig, Avatar
from ...modulation.modulator import Modulator
from ...motion.adapter import LinearAdapter
from ...render.images import make_folder, write_png
from ...render.shot import Subject, motion_for
from .emotion_states import (
    ITSELF,
    MODEL,
    OFFSET,
    RECIPE,
    UNTOUCHED,
    Take,
    frames_of,
    hold,
    join,
    recipe_states,
)
from .emotion_strength import Perform
from .faces import draw_faces, on_paper
from .lips_kept import correlation, gap_jitter, held_closures, kept, speech_closures
from .measured_face import MeasuredFace
from .performances import STATES
from .recognition import Calibration, Confusion, Reader, empty_confusion, read_emotions
from .takes import lip_gap

MEASURED_S = 3.0
"""Strength is measured on this much from the middle of each take, and on a still face."""
STILL_FRAMES = 30

Version = Callable[[Motion], Mapping[str, Motion]]
"""A take in space "open" -> the take by state."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One frame that every subject is to show. version: such as `MODEL`; state: of `STATES`, or
    `ITSELF`; motion: the one frame, in space "open"."""

    version: str
    state: str
    take: str
    frame: int
    form: str
    motion: Motion

    @property
    def file(self) -> str:
        return f"{_plain(self.take)}_{self.frame:04d}_{_plain(self.form)}.png"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A shown frame on a subject. picture: (H, W, 4) sRGB, straight alpha."""

    subject: str
    shown: Shown
    picture: UInt8Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """The subjects by name, the open head, and the adapter for subjects on FLAME."""

    subjects: Mapping[str, Subject]
    head: HeadModel
    adapter: LinearAdapter | None = None


def plan_faces(
    takes: Sequence[Take], versions: Mapping[str, Version], head: HeadModel, frames_each: int
) -> list[Shown]:
    """The frames to show of each take in each version and state. With one frame a take, lips are
    held shut in every second take and parted in the others."""
    shown = []
    for index, take in enumerate(takes):
        picks = frames_of(take.motion, head, frames_each, first=index)
        for version, make in versions.items():
            shown += [
                _shown(version, state, take.name, motion, *pick)
                for state, motion in make(take.motion).items()
                for pick in picks
            ]
    return shown


def plan_recipes(head: HeadModel) -> list[Shown]:
    """Each emotion's recipes on a still face, one variant a frame."""
    return [
        _shown(RECIPE, state, "still", motion, frame, f"variant_{frame + 1}")
        for state, motion in recipe_states(head).items()
        for frame in range(len(motion))
    ]


def _shown(version: str, state: str, take: str, motion: Motion, frame: int, form: str) -> Shown:
    one = cut_motion(motion, frame, frame + 1)
    return Shown(version=version, state=state, take=take, frame=frame, form=form, motion=one)


def show(name: str, cast: Cast, plan: Sequence[Shown], size: int) -> list[Seen]:
    """Draws the planned frames on one subject."""
    motion = join([shown.motion for shown in plan])
    pictures = draw_faces(cast.subjects[name], motion, cast.head, size, cast.adapter)
    pairs = zip(plan, pictures, strict=True)
    return [Seen(subject=name, shown=shown, picture=picture) for shown, picture in pairs]


def write_faces(out: Path, seen: Sequence[Seen]) -> None:
    """Writes the pictures as OUT/VERSION/SUBJECT/STATE/TAKE_FRAME_FORM.png. Raises InputError
    `file.not_writable`."""
    for face in seen:
        shown = face.shown
        folder = out / _plain(shown.version) / _plain(face.subject) / _plain(shown.state)
        make_folder(folder)
        write_png(folder / shown.file, face.picture)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".") or "_"


def read_faces(
    seen: Sequence[Seen], reader: Reader, calibration: Calibration
) -> dict[str, Confusion]:
    """What the reader reads in one subject's faces, by version. Each face is held against the
    same frame of its version's neutral state, of the model's for the take itself and for the
    offset. The take itself counts in every state's row: it is what one sees if nothing is done.
    """
    scores = reader([on_paper(face.picture) for face in seen])
    row_of = {
        _place(face.shown, face.shown.version, face.shown.state): i for i, face in enumerate(seen)
    }
    references = [row_of[_place(f.shown, _reference(f.shown.version), "neutral")] for f in seen]
    names = read_emotions(scores, scores[references], calibration)
    versions = dict.fromkeys(face.shown.version for face in seen)
    out = {version: empty_confusion() for version in versions}
    for face, name in zip(seen, names, strict=True):
        rows = STATES if face.shown.state == ITSELF else (face.shown.state,)
        for state in rows:
            out[face.shown.version][state][name] += 1
    return out


def _place(shown: Shown, version: str, state: str) -> tuple[str, str, str, int]:
    # A recipe has its own still face, whose only frame is the first.
    return (
        version,
        state,
        shown.take,
        0 if state == "neutral" and version == RECIPE else shown.frame,
    )


def _reference(version: str) -> str:
    return MODEL if version in (UNTOUCHED, OFFSET) else version


def distinct_meshes(subjects: Mapping[str, Subject]) -> dict[str, list[str]]:
    """The subjects' names by the first of those that have the very same mesh and shapes; Gaussians
    without a face are left out."""
    firsts: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name, subject in subjects.items():
        key = _mesh_key(subject)
        if key is not None:
            groups.setdefault(firsts.setdefault(key, name), []).append(name)
    return groups


def _mesh_key(subject: Subject) -> str | None:
    surface = subject.surface if isinstance(subject, Avatar) else subject
    if surface is None:
        return None
    rest = subject.vertices if isinstance(subject, Avatar) else subject.template
    shapes = surface.arkit_shapes if isinstance(surface, ArkitRig) else surface.expression_basis
    digest = hashlib.sha256(np.ascontiguousarray(rest).tobytes())
    digest.update(np.ascontiguousarray(shapes).tobytes())
    return digest.hexdigest()


def performer(modulator: Modulator, face: MeasuredFace, cast: Cast) -> Perform:
    """Performs takes for one face."""

    @cache
    def perform(take: Motion, state: str, weight: float) -> Motion:
        return motion_for(face.subject, hold(take, state, weight, modulator), cast.adapter)

    return perform


def measured_parts(takes: Sequence[Take]) -> list[Motion]:
    """A still face, and `MEASURED_S` from the middle of each take."""
    still = make_motion(
        expression=np.zeros((STILL_FRAMES, 100), np.float32), fps=30.0, space="open"
    )
    return [still, *(_middle(take.motion) for take in takes)]


def _middle(take: Motion) -> Motion:
    count = min(max(round(MEASURED_S * take.fps), 1), len(take))
    start = (len(take) - count) // 2
    return cut_motion(take, start, start + count)


def measure_speech(
    face: MeasuredFace,
    takes: Sequence[Take],
    states: Callable[[Motion], Mapping[str, Motion]],
    cast: Cast,
) -> dict[str, dict[str, object]]:
    """What each state keeps of the takes' lips and jaw on one face, over all takes: `held kept`
    and `speech kept`, the shares of the takes' held closures and of their m, b and p in which
    this face's lips meet; the worst take's `jaw correlation`; `gap jitter` on the average and of
    the worst take. Closures are those of the take on the open head."""
    rows: dict[str, list[dict[str, float | None]]] = {state: [] for state in STATES}
    counts: list[tuple[int, int]] = []
    for take in takes:
        own = lip_gap(take.motion, cast.head)
        held, spoken = held_closures(own, take.motion.fps), speech_closures(own, take.motion.fps)
        counts.append((len(held), len(spoken)))
        before = _gap_on(face, take.motion, cast)
        for state, motion in states(take.motion).items():
            gap = _gap_on(face, motion, cast)
            rows[state].append(
                {
                    "held kept": kept(gap, held),
                    "speech kept": kept(gap, spoken),
                    "jaw correlation": correlation(motion.jaw[:, 0], take.motion.jaw[:, 0]),
                    "gap jitter": gap_jitter(gap, before),
                }
            )
    weights = np.array(counts, float)
    return {state: _summed(row, weights) for state, row in rows.items()}


def _gap_on(face: MeasuredFace, motion: Motion, cast: Cast) -> Float64Array:
    return face.gap_mm(face.positions(motion_for(face.subject, motion, cast.adapter)))


def _summed(rows: list[dict[str, float | None]], counts: Float64Array) -> dict[str, object]:
    def values(name: str) -> list[float]:
        return [value for row in rows if (value := row[name]) is not None]

    jaws, jitters = values("jaw correlation"), values("gap jitter")
    return {
        "held kept": _mean_share([row["held kept"] for row in rows], counts[:, 0]),
        "speech kept": _mean_share([row["speech kept"] for row in rows], counts[:, 1]),
        "jaw correlation, worst": min(jaws) if jaws else "",
        "gap jitter": float(np.mean(jitters)) if jitters else "",
        "gap jitter, worst": max(jitters) if jitters else "",
    }


def _mean_share(shares: Sequence[float | None], counts: Float64Array) -> float | str:
    known = np.array([share if share is not None else 0.0 for share in shares])
    return float(known @ counts / counts.sum()) if counts.sum() else ""


def check_cast(cast: Cast) -> None:
    """Raises InputError `option.subjects` if no subject has a face that could be judged."""
    if not distinct_meshes(cast.subjects):
        raise InputError(
            "option.subjects",
            "None of the subjects has a face that a take could move.",
            "Give a head or an avatar with a face with --subjects, such as `open`.",
        )
