# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which sidecar to start or to connect to."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import bpy

from ..shared.errors import LinkError
from .glance import glance
from .setup.drawing import draw_set_up, draw_settings
from .setup.environment import find_python
from .setup.properties import SetUpProperties, read_choices
from .words.sentences import fill, translate

ADDON = __name__.removesuffix(".addon.preferences")
"""The extension's module name, under which Blender files its preferences."""

DEFAULT_COMMAND = "affekt"


# A function by its name: a lambda in an annotation sees none of this module.
def _redraw_timelines(_: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    """Asks every timeline and dope sheet to draw itself again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "DOPESHEET_EDITOR":
                area.tag_redraw()


class AFFEKT_AP_preferences(SetUpProperties, bpy.types.AddonPreferences):
    bl_idname = ADDON

    python: bpy.props.StringProperty(
        name="Python",
        description="Python of an environment in which you have installed the sidecar yourself; "
        "leave it empty for the one that Set Up Sidecar has made",
        subtype="FILE_PATH",
    )
    command: bpy.props.StringProperty(
        name="Command",
        description="Command line that runs Affekt; used when no Python is given and Set Up "
        "Sidecar has made none, or when it is another than 'affekt'",
        default=DEFAULT_COMMAND,
    )
    connection_file: bpy.props.StringProperty(
        name="Connection File",
        description="Connect to the sidecar of this file, such as a remote one's as 'affekt keys "
        "connect' makes it; leave it empty for one on this machine",
        subtype="FILE_PATH",
    )

    adapter: bpy.props.StringProperty(
        name="Adapter",
        description="Adapter file (npz) for takes in a FLAME space, unless an import names "
        "another; the last one that was used is kept here",
        subtype="FILE_PATH",
    )
    lam_weights: bpy.props.StringProperty(
        name="LAM's Weights",
        description="LAM's checkpoint, your own download (model.safetensors of LAM-20K, 2.36 GB): "
        "avatars from photos can then be made by LAM's network. It counts from the sidecar's next "
        "start, and stays on this machine",
        subtype="FILE_PATH",
    )
    lam_emotion_weights: bpy.props.StringProperty(
        name="LAM's Emotions",
        description="What 'affekt train lam' wrote for these weights: LAM's avatars then have a "
        "look for each emotion; leave it empty for LAM as it is",
        subtype="FILE_PATH",
    )
    lam_unknown_weights: bpy.props.BoolProperty(
        name="Other Weights Than the Published Ones",
        description="Allow weights that are not the file that LAM's authors published, such as "
        "those that you trained",
        default=False,
    )
    shows_strip: bpy.props.BoolProperty(
        name="Emotions in the Timeline",
        description="A strip of colours in the timeline and the dope sheet tells which emotion "
        "rules the head where",
        default=False,  # a millisecond for each of their pictures, where no card draws
        update=_redraw_timelines,
    )

    def draw(self, context: bpy.types.Context) -> None:
        set_up = self.layout.box()
        draw_set_up(set_up, self, lambda text: set_up.label(text=text))
        draw_settings(set_up, self)
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "python")
        row = column.row()
        row.active = not self.python
        row.prop(self, "command")
        command = known_command(self)
        if isinstance(command, LinkError):
            column.label(text=command.message, icon="ERROR")
            column.label(text=translate(command.remedy))
        else:
            text = fill("Starts: {command}", command=" ".join(command))
            column.label(text=text, icon="CHECKMARK")
        column.separator()
        column.prop(self, "connection_file")
        column.separator()
        column.prop(self, "adapter")
        column.prop(self, "shows_strip")
        self._draw_lam(column)
        column.operator("affekt.open_manual", icon="HELP")

    def _draw_lam(self, column: bpy.types.UILayout) -> None:
        column.separator()
        column.prop(self, "lam_weights")
        more = column.column()
        more.active = bool(self.lam_weights)
        more.prop(self, "lam_emotion_weights")
        more.prop(self, "lam_unknown_weights")
        column.separator()


def preferences(context: bpy.types.Context) -> AFFEKT_AP_preferences | None:
    """Our preferences, or None when Blender runs us without having enabled the extension."""
    entry = context.preferences.addons.get(ADDON)
    return None if entry is None else entry.preferences


def sidecar_command(settings: AFFEKT_AP_preferences | None) -> list[str]:
    """The command line up to the word `serve`: of the Python or the command that was given, else of
    the environment that was set up, else `affekt`. Raises LinkError `link.no_command`."""
    python = bpy.path.abspath(settings.python) if settings else ""
    if python:
        if not os.path.isfile(python):
            raise LinkError(
                "link.no_command",
                fill("There is no Python at {path}.", path=python),
                "Correct it in the add-on's preferences.",
            )
        return [python, "-m", "affekt.sidecar"]
    command = settings.command if settings else DEFAULT_COMMAND
    made = find_python(read_choices(settings).data_folder)
    if made is not None and command == DEFAULT_COMMAND:
        return [str(made), "-m", "affekt.sidecar"]
    words = shlex.split(command)
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise LinkError(
            "link.no_command",
            fill("The sidecar's command '{name}' was not found.", name=words[0] if words else ""),
            "Press Set Up Sidecar, which installs it.",
        )
    return [program, *words[1:]]


def sidecar_options(settings: AFFEKT_AP_preferences | None) -> list[str]:
    """The options of a sidecar that is started here: where LAM's files are on this machine."""
    if settings is None or not settings.lam_weights:
        return []
    options = ["--lam-weights", bpy.path.abspath(settings.lam_weights)]
    if settings.lam_emotion_weights:
        options += ["--lam-emotion-weights", bpy.path.abspath(settings.lam_emotion_weights)]
    return [*options, "--lam-unknown-weights"] if settings.lam_unknown_weights else options


def known_command(settings: AFFEKT_AP_preferences | None) -> list[str] | LinkError:
    """As `sidecar_command`, or why there is none; for what is drawn, and a second old at most."""
    folder = read_choices(settings).data_folder
    given = ("", "") if settings is None else (settings.python, settings.command)
    return glance(("command", folder, *given), lambda: _command_or_error(settings))


def _command_or_error(settings: AFFEKT_AP_preferences | None) -> list[str] | LinkError:
    try:
        return sidecar_command(settings)
    except LinkError as error:
        return error


def uses_set_up(settings: AFFEKT_AP_preferences | None) -> bool:
    """Whether the sidecar that is started is the one that Set Up Sidecar has made, and not another
    environment, or another machine's."""
    command, folder = known_command(settings), read_choices(settings).data_folder
    made = glance(("made", folder), lambda: find_python(folder))
    is_it = not isinstance(command, LinkError) and made is not None and command[0] == str(made)
    return is_it and remote_file(settings) is None


def remote_file(settings: AFFEKT_AP_preferences | None) -> Path | None:
    """The connection file that the user has named, or None."""
    named = settings.connection_file if settings else ""
    return Path(bpy.path.abspath(named)) if named else None


def remembered_adapter() -> Path | None:
    """The adapter of the last take that needed one, if its file is still there."""
    settings = preferences(bpy.context)
    path = Path(bpy.path.abspath(settings.adapter)) if settings and settings.adapter else None
    return path if path is not None and path.is_file() else None


def remember_adapter(path: Path) -> None:
    """Keeps the adapter for later takes and later days."""
    settings = preferences(bpy.context)
    if settings is not None and settings.adapter != str(path):
        settings.adapter = str(path)
        bpy.context.preferences.is_dirty = True  # so that Blender saves them at its end
