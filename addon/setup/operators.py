# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
from pathlib import Path

import bpy

from ...shared.errors import AffektError, InputError
from ..glance import glance, look_again
from ..link.log_text import open_log
from ..link.operators import watch_session
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Progress, Steps
from ..preferences import preferences, sidecar_command, sidecar_options
from ..words.sentences import translate
from . import running
from .aside import wait_aside
from .drawing import LABEL
from .environment import LOG
from .installing import set_up_steps
from .plan import Choices, Plan, Wheel, describe, make_plan, read_card, shipped_wheel
from .properties import read_choices


class AFFEKT_OT_set_up_sidecar(TaskOperator, bpy.types.Operator):
    """Install the sidecar for yourself alone, without an administrator: a Python of its own with
    PyTorch, in your user folder. It asks the settings in the add-on's preferences"""

    bl_idname = "affekt.set_up_sidecar"
    bl_label = LABEL
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender's own form)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return _plan_and_set_up(_need_choices(context), shipped_wheel())

    def begin(self, context: bpy.types.Context) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        running.begin(self.make_steps(context))
        return {"FINISHED"}


def _need_choices(context: bpy.types.Context) -> Choices:
    """The settings. Raises InputError `setup.offline` where they need a network and Blender may not
    use any."""
    choices = read_choices(preferences(context))
    if choices.wheels is None and not bpy.app.online_access:
        raise InputError(
            "setup.offline",
            "Blender is set to stay offline, and the sidecar's packages must be downloaded.",
            "Switch on Allow Online Access in Blender's preferences (System), or name a folder "
            "with the packages in the add-on's.",
        )
    return choices


def _plan_and_set_up(choices: Choices, wheel: Wheel) -> Steps:
    look = functools.partial(make_plan, choices, wheel, read_card)
    plan = yield from wait_aside(
        look, Progress(fraction=0.0, text=translate("Looking for a Python"))
    )
    return (yield from _set_up(plan))


def _set_up(plan: Plan) -> Steps:
    session.stop()  # an environment in use cannot be replaced everywhere
    try:
        made = yield from set_up_steps(plan)
    finally:
        look_again()
    settings = preferences(bpy.context)
    if settings is not None:
        for name in ("python", "command"):  # they would count before what was just made
            settings.property_unset(name)
    running.remember(None)  # why an earlier one failed
    said = f"The sidecar is set up: Affekt {made.affekt}"
    if bpy.app.background:
        return f"{said}."
    session.start(sidecar_command(settings), sidecar_options(settings))
    watch_session()
    return f"{said}. It is starting."


class AFFEKT_OT_plan_set_up(bpy.types.Operator):
    """Show what Set Up Sidecar would install and where, and begin once you agree"""

    bl_idname = "affekt.plan_set_up"
    bl_label = LABEL
    _plan: Plan | None = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        running.remember(None)
        context.window.cursor_set("WAIT")
        try:
            self._plan = make_plan(_need_choices(context), shipped_wheel(), read_card)
        except AffektError as error:
            running.remember(error)
            raise
        finally:
            context.window.cursor_set("DEFAULT")
        return context.window_manager.invoke_props_dialog(
            self, width=520, title=LABEL, confirm_text="Set Up"
        )

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for line in describe(self._plan) if self._plan is not None else ():
            column.label(text=line)
        column.separator()
        column.label(text="Change any of this in the add-on's preferences.", icon="PREFERENCES")

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self._plan is None:  # nobody was shown one
            bpy.ops.affekt.set_up_sidecar("INVOKE_DEFAULT")
        else:
            running.begin(_set_up(self._plan))
        return {"FINISHED"}


class AFFEKT_OT_open_set_up_log(bpy.types.Operator):
    """Show what Set Up Sidecar has done, and what the programs that it ran have said"""

    bl_idname = "affekt.open_set_up_log"
    bl_label = "Open Set-Up Log"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(translate("Nothing has been set up yet"))
        log = set_up_log(context)
        return glance(("log", log), log.is_file)

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, open_log(context, set_up_log(context)))
        return {"FINISHED"}


def set_up_log(context: bpy.types.Context) -> Path:
    """Where the log of set-ups lies."""
    return read_choices(preferences(context)).data_folder / LOG
