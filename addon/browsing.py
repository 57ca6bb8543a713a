# SPDX-License-Identifier: GPL-3.0-or-later
"""The file browser of operators that read a file: it opens where the last one was chosen, be that
another take of the same day or the same file after an error. Blender's own would open at the blend
file and offer that file's name.

Blender frees an operator that it has executed from the browser or a dialog: what goes on under a
timer is another's, which `hand_on` calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

_chosen: dict[str, str] = {}
"""Name of an operator -> the file that it was given last, in this session."""


def browse_files(operator: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
    """Asks for the operator's `filepath`; what an `invoke` returns."""
    if not operator.filepath:
        operator.filepath = _chosen.get(operator.bl_idname, "")
    context.window_manager.fileselect_add(operator)
    return {"RUNNING_MODAL"}


def remember_file(operator: bpy.types.Operator) -> None:
    """Notes the operator's `filepath`, which was chosen; called before it is read."""
    _chosen[operator.bl_idname] = operator.filepath


def chosen_path(text: str) -> Path:
    """The whole path of what an operator was given: `//` begins at the blend file. What a script
    names without a folder lies in the process's own, which the next process may have elsewhere, so
    that a path that is kept is never so."""
    return Path(bpy.path.abspath(text)).absolute()


def hand_on(operator: bpy.types.Operator, call: Callable[[], object]) -> set[str]:
    """Calls another operator; what that reports as an error is this one's."""
    try:
        call()
    except RuntimeError as error:  # how Blender hands on what the other has reported
        operator.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"CANCELLED"}
    return {"FINISHED"}
