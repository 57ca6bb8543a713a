# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard around everything of ours that Blender calls: no exception reaches the animator raw.

An `AffektError` is reported as its sentence. Any other exception is a fault of ours: the animator
reads one sentence, and the traceback goes into a text block that can be sent with a report.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable

import bpy

from ..shared.errors import AffektError
from .words.sentences import fill, say_error
from .wrapping import wrap

TEXT = "Affekt errors.log"
_MOST_NOTED = 20
_REPORT_LETTERS = 100
"""Of a line in the box at the cursor, which Blender cuts off at its window's edge."""
_noted: list[str] = []
_PACKAGE = __name__.rpartition(".")[0]


def guard_class(item: type) -> None:
    """Puts the guard around the methods of an operator or panel that Blender calls. Classes that
    are registered again have it already."""
    wrappers = _OPERATOR if issubclass(item, bpy.types.Operator) else {}
    wrappers = _PANEL if issubclass(item, bpy.types.Panel | bpy.types.Menu) else wrappers
    for name, wrapper in wrappers.items():
        method = _own_method(item, name)
        if method is not None and not hasattr(method, "affekt_guards"):
            guarded = wrapper(method)
            guarded.affekt_guards = method
            setattr(item, name, classmethod(guarded) if name == "poll" else guarded)


def report_error(report: Callable[[set[str], str], None], sentence: str) -> None:
    """Reports the sentence by an operator's `report`, in as many lines as the box at the cursor
    needs; to a script, which gets it as an exception, in one."""
    if not bpy.app.background:
        # The status bar leaves the line breaks out: without the blanks two words would be one.
        sentence = " \n".join(wrap(sentence, _REPORT_LETTERS, len))
    report({"ERROR"}, sentence)


def guard_call(call: Callable[[], object], what: str) -> None:
    """Calls what a handler or a timer does; a fault is noted, and Blender goes on."""
    try:
        call()
    except Exception:
        note_fault(what)


def note_fault(what: str) -> None:
    """Keeps the present exception's traceback for the text block `TEXT`, each different one once.
    what: what was being done."""
    entry = f"{what}, Blender {bpy.app.version_string}\n{traceback.format_exc()}"
    if entry in _noted or len(_noted) >= _MOST_NOTED:
        return
    _noted.append(entry)
    if not bpy.app.timers.is_registered(write_faults):
        bpy.app.timers.register(write_faults)  # a panel that draws must not write


def write_faults() -> None:
    """Writes what was noted into the text block `TEXT`."""
    text = bpy.data.texts.get(TEXT) or bpy.data.texts.new(TEXT)
    text.clear()
    text.write("\n".join(_noted))


def fault_of(what: str) -> AffektError:
    """Notes the present exception, and the error that the animator reads for it."""
    note_fault(what)
    return AffektError(
        "addon.fault",
        f"{what} stopped at a fault in Affekt itself.",
        f"Undo (Ctrl+Z) if something looks changed, then try again; the text '{TEXT}' in the "
        "Text Editor says what to send us.",
    )


def _own_method(item: type, name: str) -> Callable[..., object] | None:
    """The method as our own classes define it; Blender's own are left alone."""
    for base in item.__mro__:
        if name in vars(base) and base.__module__.startswith(_PACKAGE):
            method = vars(base)[name]
            return method.__func__ if isinstance(method, classmethod) else method
    return None


def _run(operator: bpy.types.Operator, call: Callable[[], set[str]]) -> set[str]:
    """What the call answers; an exception is reported, and ends the operator."""
    try:
        return call()
    except AffektError as known:
        error = known
    except Exception:
        error = fault_of(operator.bl_label)
        write_faults()
    report_error(operator.report, say_error(error))
    return {"CANCELLED"}


# Blender counts the arguments of each method, so that each has a wrapper of its own.


def _guard_execute(method: Callable[..., set[str]]) -> Callable[..., set[str]]:
    @functools.wraps(method)
    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
        return _run(self, lambda: method(self, context))

    return execute


def _guard_event(method: Callable[..., set[str]]) -> Callable[..., set[str]]:
    @functools.wraps(method)
    def invoke(
        self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event
    ) -> set[str]:
        return _run(self, lambda: method(self, context, event))

    return invoke


def _guard_poll(method: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(method)
    def poll(cls: type, context: bpy.types.Context) -> bool:
        try:
            return method(cls, context)
        except Exception:
            note_fault(f"Asking whether {cls.bl_label} can be used")
            return False

    return poll


def _guard_draw(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def draw(self: bpy.types.Panel | bpy.types.Operator, context: bpy.types.Context) -> None:
        try:
            method(self, context)
        except Exception:
            note_fault(f"Drawing {self.bl_label}")
            self.layout.label(
                text=fill("Cannot be drawn: see the text '{text}'", text=TEXT), icon="ERROR"
            )

    return draw


def _guard_cancel(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def cancel(self: bpy.types.Operator, context: bpy.types.Context) -> None:
        guard_call(lambda: method(self, context), f"Cancelling {self.bl_label}")

    return cancel


_OPERATOR = {
    "poll": _guard_poll,
    "execute": _guard_execute,
    "invoke": _guard_event,
    "modal": _guard_event,
    "cancel": _guard_cancel,
    "draw": _guard_draw,
}
_PANEL = {"poll": _guard_poll, "draw": _guard_draw}
