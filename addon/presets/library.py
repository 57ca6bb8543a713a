# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets as assets: a .blend file of Actions with the presets' pictures, which Blender's
preferences list as an asset library. Blender applies pose assets to bones alone, so a click on one
of ours calls `affekt.apply_preset_asset` (`shelf.py`), which goes by the asset's mark; the Actions
hold the same values as curves, for whoever assigns one by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ...shared.errors import not_writable
from ...shared.presets import BUILT_IN, Preset
from ...shared.replacement import replacing
from ...shared.wording import say_count
from .. import compat
from ..emotion.properties import channel_path
from .pictures import draw_bars, picture_of
from .properties import describe
from .store import all_presets

NAME = "Affekt"
"""What the preferences call the library."""
MARK = "affekt_preset"
"""The asset's property that names its preset."""
_FOLDER, _FILE = "affekt_assets", "presets.blend"


def library_file() -> Path:
    """Where the library lies, whether or not there is one."""
    return Path(bpy.utils.user_resource("CONFIG")) / _FOLDER / _FILE


def publish() -> str:
    """Writes the library of all presets and lists it in the preferences; the sentence to report.
    Raises InputError `file.not_writable`."""
    path, presets = library_file(), all_presets()
    with _actions(presets) as actions:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                bpy.data.libraries.write(str(partial), actions, fake_user=True, compress=True)
        except (OSError, RuntimeError) as error:
            reason = error if isinstance(error, OSError) else OSError(str(error))
            raise not_writable(path, reason) from error
    _list_library(path.parent)
    count = say_count(len(presets), "preset")
    return f"{count} are in the Asset Browser, in the library {NAME}."


def publish_again() -> None:
    """Writes the library anew if there is one, since presets have changed. Raises InputError
    `file.not_writable`."""
    if library_file().is_file():
        publish()


def _list_library(folder: Path) -> None:
    preferences = bpy.context.preferences
    libraries = preferences.filepaths.asset_libraries
    if all(Path(library.path) != folder for library in libraries):
        libraries.new(name=NAME, directory=str(folder))
        preferences.is_dirty = True  # so that Blender saves them at its end


@contextmanager
def _actions(presets: tuple[Preset, ...]) -> Iterator[set[bpy.types.Action]]:
    """Assets in this file, for as long as it takes to write them into another."""
    holder = bpy.data.objects.new("Affekt presets", None)
    actions: set[bpy.types.Action] = set()
    try:
        for preset in presets:
            actions.add(_action(preset, holder))
        yield actions
    finally:
        bpy.data.objects.remove(holder)
        bpy.data.batch_remove(actions)


def _action(preset: Preset, holder: bpy.types.Object) -> bpy.types.Action:
    """An Action with a key of each channel, marked as an asset, with the preset's picture."""
    action = compat.new_own_action(holder, preset.name)
    for channel, value in preset.pose.items():
        setattr(holder.affekt_emotion, channel, value)
        holder.keyframe_insert(channel_path(channel), frame=1, group="Emotion")
    action.asset_mark()
    about = action.asset_data
    about[MARK] = preset.name
    about.description = describe(preset)
    about.tags.new("emotion")
    about.tags.new("built-in" if preset in BUILT_IN else "own")
    _show(action, preset)
    return action


def _show(action: bpy.types.Action, preset: Preset) -> None:
    """Gives the asset its picture: a face, or a bar for each emotion."""
    path = picture_of(preset)
    if path is not None:
        with bpy.context.temp_override(id=action):
            bpy.ops.ed.lib_id_load_custom_preview(filepath=str(path))
        return
    bars = draw_bars(preset.pose)
    preview = action.preview_ensure()
    preview.image_size = bars.shape[:2]
    preview.image_pixels_float = bars.ravel()
