# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a rendering: earlier pictures stay there until all new ones are ready.

New pictures wait in a hidden folder inside, so that a crash, a full disk or Esc costs nothing:
the next rendering takes over every picture whose recipe (`shared/recipes.py`) is still wanted, if
it has the very bytes that arrived (`shared/ledger.py`). No file here is ever half written: pictures
arrive whole and are only renamed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from ...shared.errors import not_writable
from ...shared.fingerprint import fingerprint
from ...shared.ledger import Entry, Ledger, write_ledger
from ...shared.pictures import frame_name
from ...shared.replacement import replace_file, replacing

_PICTURE = re.compile(r"avatar_\d{6}\.(png|exr)")
_PLAN = "plan.json"
_UNFINISHED = ".affekt_unfinished_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rendering of some of a motion's frames, a picture each. folder: where the pictures go;
    suffix: such as `.exr`; first: the scene's frame at which the motion begins; recipes: of each
    picture, by the motion's frame. keeps_others: whether pictures of the scene's other frames stay
    in the folder."""

    folder: Path
    suffix: str
    first: int
    recipes: Mapping[int, str]
    keeps_others: bool = False

    @property
    def work(self) -> Path:
        """The folder for unfinished pictures; equal plans have the same one."""
        return self.folder / f"{_UNFINISHED}{fingerprint(tuple(self.recipes.values()))[:12]}"

    def working(self, index: int) -> Path:
        """The path at which the client writes the picture of the motion's frame `index`."""
        return self.work / frame_name(index, suffix=self.suffix[1:])

    def final(self, index: int) -> Path:
        """The path of that picture once the rendering is finished."""
        return self.folder / f"avatar_{self.first + index:06d}{self.suffix}"


def begin_frames(plan: Plan, *, reuse: bool) -> list[range]:
    """Readies the folder; returns the runs of frames that are still to be rendered. Of earlier
    renderings that were not finished, only what this one can use is kept; but one of some frames
    leaves the others' waiting.

    Raises InputError `file.not_writable`.
    """
    try:
        plan.work.mkdir(parents=True, exist_ok=True)
        _write_plan(plan)
        _remove_unusable(plan, reuse=reuse)
        for other in plan.folder.glob(f"{_UNFINISHED}*"):
            if other != plan.work and not plan.keeps_others:
                if reuse:
                    _take_over(other, plan)
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        leave_frames(plan)
        raise not_writable(plan.folder, error) from error
    finished = _finished(plan) if reuse else {}
    return list(
        _runs(
            [
                index
                for index, recipe in plan.recipes.items()
                if not plan.working(index).exists() and recipe not in finished
            ]
        )
    )


def finish_frames(plan: Plan) -> tuple[Path, ...]:
    """Replaces the earlier rendering's pictures by this one's, or only those of the same frames of
    the scene where the plan keeps others; other files in the folder stay. Returns the folder's
    pictures in the order of the scene's frames.
    Raises InputError `file.not_writable`; no picture is lost then."""
    finished = _finished(plan)
    try:
        kept, entries = _kept(plan), dict(Ledger(plan.work).entries)
        known = {n: entry for n, entry in Ledger(plan.folder).entries.items() if n in kept}
        for index in plan.recipes:
            if not plan.working(index).exists():
                path, entry = finished.get(plan.recipes[index]) or _gone(plan.working(index))
                replace_file(path, plan.working(index))
                entries[plan.working(index).name] = entry
        for old in plan.folder.iterdir():
            if _PICTURE.fullmatch(old.name) and old.name not in kept:
                old.unlink()
        for index in plan.recipes:
            replace_file(plan.working(index), plan.final(index))
        write_ledger(plan.folder, known | dict(_final_entries(plan, entries)))
    except OSError as error:
        raise not_writable(plan.folder, error) from error
    shutil.rmtree(plan.work, ignore_errors=True)
    names = {plan.final(index).name for index in plan.recipes}
    names |= {name for name in kept if name.endswith(plan.suffix)}
    return tuple(plan.folder / name for name in sorted(names))


def leave_frames(plan: Plan) -> None:
    """Clears up after a rendering that did not finish: its pictures stay for the next one, its
    folder only if it holds any."""
    if any(plan.work.glob(f"frame_*{plan.suffix}")):
        return
    shutil.rmtree(plan.work, ignore_errors=True)
    with contextlib.suppress(OSError):
        plan.folder.rmdir()  # only if it is empty


def _remove_unusable(plan: Plan, *, reuse: bool) -> None:
    """Removes waiting pictures that are damaged; all of them unless they may be used again."""
    ledger = Ledger(plan.work)
    for path in plan.work.glob(f"frame_*{plan.suffix}"):
        if not reuse or ledger.find_whole(path) is None:
            path.unlink()


def _take_over(other: Path, plan: Plan) -> None:
    """Moves pictures of an unfinished rendering that this one wants into its place."""
    places = {recipe: plan.working(index) for index, recipe in plan.recipes.items()}
    old, new = Ledger(other), Ledger(plan.work)
    for name, recipe in _read_plan(other / _PLAN).items():
        path = other / name
        if recipe in places and path.suffix == plan.suffix and old.find_whole(path) is not None:
            replace_file(path, places[recipe])
            new.note(places[recipe])


def _finished(plan: Plan) -> dict[str, tuple[Path, Entry]]:
    """Finished pictures that the plan wants and that are whole, by their recipes; of other frames
    of the scene only where these do not stay."""
    stems = _own_stems(plan)
    ledger, wanted = Ledger(plan.folder), set(plan.recipes.values())
    return {
        entry.recipe: (plan.folder / name, entry)
        for name, entry in ledger.entries.items()
        if entry.recipe in wanted
        and (not plan.keeps_others or Path(name).stem in stems)
        and _PICTURE.fullmatch(name)
        and name.endswith(plan.suffix)
        and ledger.find_whole(plan.folder / name) is not None
    }


def _kept(plan: Plan) -> set[str]:
    """Names of pictures of the scene's frames that the plan leaves as they are, whatever their
    bytes: a frame that was retouched stays too."""
    if not plan.keeps_others:
        return set()
    stems = _own_stems(plan)
    names = (path.name for path in plan.folder.iterdir())
    return {name for name in names if _PICTURE.fullmatch(name) and Path(name).stem not in stems}


def _own_stems(plan: Plan) -> set[str]:
    return {plan.final(index).stem for index in plan.recipes}


def _gone(path: Path) -> NoReturn:
    raise FileNotFoundError(errno.ENOENT, "a picture has gone meanwhile", str(path))


def _final_entries(plan: Plan, entries: dict[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """The finished pictures' names and entries, from those of the waiting ones."""
    for index, recipe in plan.recipes.items():
        entry = entries.get(plan.working(index).name)
        if entry is not None:
            yield plan.final(index).name, replace(entry, recipe=recipe)


def _write_plan(plan: Plan) -> None:
    names = {plan.working(index).name: recipe for index, recipe in plan.recipes.items()}
    with replacing(plan.work / _PLAN) as partial:
        partial.write_text(json.dumps(names), "utf-8")


def _read_plan(path: Path) -> dict[str, str]:
    """File names and recipes, or nothing if the file is not there or not ours."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: recipe
        for name, recipe in found.items()
        if isinstance(recipe, str) and re.fullmatch(r"frame_\d{4,6}\.(png|exr)", name)
    }


def _runs(indices: list[int]) -> Iterator[range]:
    start = None
    for number, index in enumerate(indices):
        start = index if start is None else start
        if number + 1 == len(indices) or indices[number + 1] != index + 1:
            yield range(start, index + 1)
            start = None
