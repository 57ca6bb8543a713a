# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar's log as a text block, for machines without a program that opens files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import bpy

from ...shared.limits import LOG_PARTS, RAW_PARTS
from ...shared.process import RAW_NAME

NAME = "Affekt sidecar.log"
_MOST_BYTES = 64 * 1024  # of a part; Blender's text editor is slow beyond some thousand lines
_LINES_SHOWN = 30


def open_log(context: bpy.types.Context, log_path: Path) -> str:
    """Shows a log in the system's program for texts, or in a text block where there is none; the
    sentence to report."""
    newest, has_opener = newest_log(log_path), sys.platform in ("win32", "darwin")
    has_opener = has_opener or shutil.which("xdg-open") is not None
    if has_opener and newest is not None and not bpy.app.background:
        bpy.ops.wm.path_open(filepath=str(newest))
        return f"The log is {newest}; older ones lie beside it."
    return show_log(context, log_path)


def newest_log(log_path: Path) -> Path | None:
    """The log, or what the sidecar printed besides, such as a crash's last words, if that is
    newer; None where there is neither."""
    found = [path for path in (log_path, log_path.with_name(RAW_NAME)) if _has_text(path)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _has_text(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def show_log(context: bpy.types.Context, log_path: Path) -> str:
    """Fills the text block with the end of the log and shows it; the sentence to report."""
    text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    text.clear()
    for path in _parts(log_path):
        text.write(f"{path}\n\n{_read_end(path)}\n")
    area = None if bpy.app.background else _text_area(context)
    if area is not None:
        space = area.spaces.active
        space.text, space.show_word_wrap = text, True
        space.top = max(0, len(text.lines) - _LINES_SHOWN)
    return f"The log is in the text block '{NAME}'; its file is {log_path}."


def _parts(log_path: Path) -> list[Path]:
    """Paths of the logs that have text, of each kind the oldest first: why a sidecar was started
    again stands in the log before."""
    raw = log_path.with_name(RAW_NAME)
    numbered = [
        path.with_name(f"{path.name}.{number}")
        for path, parts in ((raw, RAW_PARTS), (log_path, LOG_PARTS))
        for number in range(parts, 0, -1)
    ]
    return [path for path in (*numbered, raw, log_path) if _has_text(path)]


def _read_end(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MOST_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"({error.strerror or error})\n"


def _text_area(context: bpy.types.Context) -> bpy.types.Area | None:
    """A text editor that is there, or one in a window of its own."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "TEXT_EDITOR":
                return area
    if context.window is None:
        return None
    bpy.ops.wm.window_new()
    area = context.window_manager.windows[-1].screen.areas[0]
    area.type = "TEXT_EDITOR"
    return area
