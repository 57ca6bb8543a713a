# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a rendering: pictures that are there stay there until all new ones are.

New pictures wait in a hidden folder inside, so that a crash, a full disk or Esc costs nothing:
the next rendering takes over every picture whose key, a hash of all that it depends on, is still
wanted. No file here is ever half written: pictures arrive whole and are only renamed.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...shared.arrays import Float32Array
from ...shared.errors import not_writable
from ...shared.fingerprint import fingerprint
from ...shared.motion import WIDTHS, Motion
from ...shared.pictures import frame_name
from ...shared.replacement import replace_file
from ..camera import FrameCamera

_PICTURE = re.compile(r"avatar_\d{6}\.(png|exr)")
_LEDGER = ".affekt_frames.json"
_PLAN = "plan.json"
_UNFINISHED = ".affekt_unfinished_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rendering of one picture a frame. folder: where they go; suffix: such as `.exr`; first:
    the scene's frame of the first; keys: one a frame, equal for equal pictures."""

    folder: Path
    suffix: str
    first: int
    keys: tuple[str, ...]

    @property
    def work(self) -> Path:
        """The folder for pictures on their way, the same for the same plan."""
        return self.folder / f"{_UNFINISHED}{fingerprint(self.keys)[:12]}"

    def working(self, index: int) -> Path:
        """Where the sidecar's client puts the picture of the motion's frame `index`."""
        return self.work / frame_name(index, suffix=self.suffix[1:])

    def final(self, index: int) -> Path:
        """Where it ends."""
        return self.folder / f"avatar_{self.first + index:06d}{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performance:
    """What changes from frame to frame: T frames of motion, of the emotions that were baked into
    it (T, 6) or None, and of the scene's views, or None for a camera that stands still."""

    motion: Motion
    weights: Float32Array | None
    views: list[FrameCamera] | None


def frame_keys(settings: str, shown: Performance) -> tuple[str, ...]:
    """A key for each frame: of the settings, the frame's number in the motion, and what is shown
    there and one frame before and after (the vector pass)."""
    motion = shown.motion
    common = (settings, motion.space, motion.fps, motion.shape)
    rows = [_row(shown, index) for index in range(len(motion))]
    keys = []
    for index in range(len(rows)):
        around = rows[max(index - 1, 0) : index + 2]
        keys.append(fingerprint(common, index, around))
    return tuple(keys)


def _row(shown: Performance, index: int) -> str:
    motion, eyelids = shown.motion, shown.motion.eyelids
    return fingerprint(
        [getattr(motion, name)[index] for name in WIDTHS],
        None if eyelids is None else eyelids[index],
        None if shown.weights is None else shown.weights[index],
        None if shown.views is None else shown.views[index],
    )


def begin_frames(plan: Plan, *, reuse: bool) -> list[range]:
    """Readies the folder; returns the runs of frames that are still to be rendered. Of earlier
    renderings that were not finished, only what this one can use is kept.

    Raises InputError `file.not_writable`.
    """
    try:
        plan.work.mkdir(parents=True, exist_ok=True)
        _write_whole(plan.work / _PLAN, {plan.working(i).name: k for i, k in enumerate(plan.keys)})
        if not reuse:
            for path in plan.work.glob(f"frame_*{plan.suffix}"):
                path.unlink()
        for other in plan.folder.glob(f"{_UNFINISHED}*"):
            if other != plan.work:
                if reuse:
                    _take_over(other, plan)
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        raise not_writable(plan.folder, error) from error
    finished = _finished(plan) if reuse else {}
    return list(
        _runs(
            [
                index
                for index, key in enumerate(plan.keys)
                if not plan.working(index).exists() and key not in finished
            ]
        )
    )


def finish_frames(plan: Plan) -> tuple[Path, ...]:
    """Puts all pictures in the place of an earlier rendering's; other files in the folder stay.
    Raises InputError `file.not_writable`; what was done by then is not lost."""
    finished = _finished(plan)
    count = range(len(plan.keys))
    try:
        for index in count:
            if not plan.working(index).exists():
                replace_file(finished[plan.keys[index]], plan.working(index))
        (plan.folder / _LEDGER).unlink(missing_ok=True)
        for old in plan.folder.iterdir():
            if _PICTURE.fullmatch(old.name):
                old.unlink()
        for index in count:
            replace_file(plan.working(index), plan.final(index))
        _write_whole(plan.folder / _LEDGER, {plan.final(i).name: plan.keys[i] for i in count})
    except OSError as error:
        raise not_writable(plan.folder, error) from error
    shutil.rmtree(plan.work, ignore_errors=True)
    return tuple(plan.final(index) for index in count)


def leave_frames(plan: Plan) -> None:
    """Clears up after a rendering that did not finish: pictures stay for the next one, but
    nothing stays where there are none."""
    if any(plan.work.glob(f"frame_*{plan.suffix}")):
        return
    shutil.rmtree(plan.work, ignore_errors=True)
    with contextlib.suppress(OSError):
        plan.folder.rmdir()  # only if it is empty


def _take_over(other: Path, plan: Plan) -> None:
    """Moves pictures of an unfinished rendering that this one wants into its place."""
    places = {key: plan.working(index) for index, key in enumerate(plan.keys)}
    for name, key in _read_names(other / _PLAN).items():
        path = other / name
        if key in places and path.suffix == plan.suffix and path.is_file():
            replace_file(path, places[key])


def _finished(plan: Plan) -> dict[str, Path]:
    """Pictures in the folder by their keys, where the ledger still speaks the truth."""
    ledger = _read_names(plan.folder / _LEDGER)
    return {
        key: plan.folder / name
        for name, key in ledger.items()
        if name.endswith(plan.suffix) and (plan.folder / name).is_file()
    }


def _read_names(path: Path) -> dict[str, str]:
    """File names and keys, or nothing if the file is not there or not ours."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: key
        for name, key in found.items()
        if isinstance(key, str) and re.fullmatch(r"(avatar|frame)_\d{4,6}\.(png|exr)", name)
    }


def _runs(indices: list[int]) -> Iterator[range]:
    start = None
    for number, index in enumerate(indices):
        start = index if start is None else start
        if number + 1 == len(indices) or indices[number + 1] != index + 1:
            yield range(start, index + 1)
            start = None


def _write_whole(path: Path, values: dict[str, str]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(values), "utf-8")
        replace_file(partial, path)
    finally:
        partial.unlink(missing_ok=True)
