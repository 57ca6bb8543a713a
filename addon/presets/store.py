# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's own presets: one JSON file in Blender's configuration folder, which outlives the
extension. The file is read again when another Blender has written it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...shared.errors import InputError, not_writable
from ...shared.presets import BUILT_IN, Preset, decode_presets, encode_presets
from ...shared.replacement import replace_file, replacing

_NAME = "affekt_presets.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The animator's own presets, in the order in which they were saved. problem: why the file
    cannot be used; there are none then."""

    presets: tuple[Preset, ...] = ()
    problem: InputError | None = None


_NOTHING = Kept()
_stamp: tuple[int, int] | None = None
_kept = _NOTHING


def file_of_presets() -> Path:
    """Where they lie, whether or not there are any."""
    return Path(bpy.utils.user_resource("CONFIG")) / _NAME


def own_presets() -> Kept:
    """What the file holds. Costs little where it has not changed; never raises."""
    global _stamp, _kept
    try:
        about = file_of_presets().stat()
    except OSError:
        _stamp, _kept = None, _NOTHING
        return _kept
    stamp = (about.st_mtime_ns, about.st_size)
    if stamp != _stamp:
        _stamp, _kept = stamp, _read(file_of_presets())
    return _kept


def _read(path: Path) -> Kept:
    try:
        return Kept(presets=decode_presets(path.read_bytes()))
    except InputError as error:
        return Kept(problem=error)
    except OSError as error:
        reason = f"The file of your presets cannot be read: {error.strerror}."
        return Kept(problem=InputError("preset.file", reason, "Check who may read it."))


def all_presets() -> tuple[Preset, ...]:
    """Those that ship, then the animator's own."""
    return BUILT_IN + own_presets().presets


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises InputError `preset.unknown`."""
    found = next((preset for preset in all_presets() if preset.name == name), None)
    if found is None:
        raise InputError(
            "preset.unknown",
            f"There is no preset called '{name:.40}'.",
            "Choose one in the panel's Presets section, or save it first.",
        )
    return found


def is_own(name: str) -> bool:
    """Whether the preset is the animator's own."""
    return any(preset.name == name for preset in own_presets().presets)


def keep_preset(preset: Preset, *, overwrite: bool) -> str:
    """Adds the preset to the file, or puts it in the place of the one of its name; the sentence
    to report. A file that cannot be used is kept beside the new one.

    Raises InputError `preset.built_in`, `preset.exists`, `file.not_writable`.
    """
    _need_own_name(preset.name)
    kept = own_presets()
    listed = {_same(one.name): one for one in kept.presets}
    if _same(preset.name) in listed and not overwrite:
        raise InputError(
            "preset.exists",
            f"You have a preset called '{listed[_same(preset.name)].name}' already.",
            "Choose another name, or switch Overwrite on.",
        )
    listed[_same(preset.name)] = preset
    aside = "" if kept.problem is None else _keep_aside(file_of_presets())
    _write(tuple(listed.values()))
    return f"Saved the preset {preset.name}.{aside}"


def remove_preset(name: str) -> None:
    """Takes one of the animator's own out of the file. Raises InputError `preset.built_in`,
    `preset.unknown`, `file.not_writable`."""
    _need_own_name(find_preset(name).name)
    _write(tuple(one for one in own_presets().presets if one.name != name))


def _need_own_name(name: str) -> None:
    if any(_same(one.name) == _same(name) for one in BUILT_IN):
        raise InputError(
            "preset.built_in",
            f"The preset '{name}' comes with Affekt and stays as it is.",
            "Save one of your own under another name.",
        )


def _same(name: str) -> str:
    """What two names have in common that an eye would take for one."""
    return name.casefold()


def _keep_aside(path: Path) -> str:
    number, aside = 1, path.with_suffix(".damaged.json")
    while aside.exists():
        number += 1
        aside = path.with_suffix(f".damaged-{number}.json")
    try:
        replace_file(path, aside)
    except OSError as error:
        raise not_writable(aside, error) from error
    return f" The file that could not be read is now {aside.name}, beside the new one."


def _write(presets: tuple[Preset, ...]) -> None:
    path = file_of_presets()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(encode_presets(presets))
    except OSError as error:
        raise not_writable(path, error) from error
