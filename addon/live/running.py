# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads that are live, and when Blender calls them. While there are none, it calls nothing.

* a timer steps them: `step`, which scripts and tests call too;
* a slider that is moved, or a change in the file, asks at once for what the sliders say now, and
  shows nothing yet;
* a frame that the animator plays or scrubs to is shown at once. Frames that a script, an exporter
  or a simulation's bake goes to are the take's or the bake's: they are gone to by Python or on
  another thread, or are evaluated elsewhere than in the window;
* a save and a render find what animation has put there; afterwards the preview comes back;
* an undo is followed; another file ends it all (`registry.py`).

Live is a state of this Blender and not of the file: it is neither saved, nor undone, nor copied.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from functools import partial

import bpy

from ...shared.errors import InputError, LinkError
from ...shared.limits import MAX_VIEWS
from ...shared.supervisor import Supervisor
from ..emotion.properties import moved
from ..guard import guard_call
from ..handlers import Pair, add_handlers, remove_handlers
from ..head.find import heads_among, need_movable
from ..link.session import session
from ..link.task_operator import redraw_sidebars
from ..motion.takes import source_take
from ..words.sentences import say_error, translate
from . import overlay
from .avatar_view import AvatarView, chosen_of
from .claims import Claimed, check_free, claims_of
from .leftovers import take_off
from .live_head import LiveHead, Told
from .overlay import words_of

_IDLE_S, _AHEAD_S, _BUSY_S = 1 / 60, 1 / 120, 1 / 250
"""How often the timer looks: while nothing is asked; while frames ahead or pictures are waited for;
while the moment is that is shown."""

_live: dict[int, LiveHead] = {}
_avatars: dict[int, AvatarView] = {}
_told = ""
_objects = 0
_frames: dict[int, tuple[int, float]] = {}
"""Which frame each scene was on last, by its session number."""
_is_rendering = False


def live_of(head: bpy.types.Object) -> LiveHead | None:
    """The head as Live has it; None if it is not live."""
    return _live.get(head.session_uid)


def start(head: bpy.types.Object, scene: bpy.types.Scene) -> LiveHead:
    """Makes the head live. Raises InputError `head.linked`, `motion.no_take`, `live.heads`,
    `live.shared`."""
    need_movable(head)
    source_take(head)
    if (found := live_of(head)) is not None:
        return found
    heads = [places[0] for one in _live.values() if (places := one.places) is not None]
    check_free(head, [(other, claims_of(other)) for other in heads])
    free = [view for view in range(0, MAX_VIEWS, 2) if _views().isdisjoint((view, view + 1))]
    if not free:
        raise InputError(
            "live.heads",
            f"{len(_live)} heads are live already.",
            "Switch Live off for one of them.",
        )
    if not _live:
        _watch()
    _live[head.session_uid] = LiveHead(head, scene, free[0])
    return _live[head.session_uid]


def avatar_of(head: bpy.types.Object) -> AvatarView | None:
    """The view of the head's avatar; None if camera views do not show it."""
    return _avatars.get(head.session_uid)


def show_avatar(head: bpy.types.Object, scene: bpy.types.Scene) -> AvatarView:
    """Lets camera views show the head's avatar, and makes the head live for that. Raises InputError
    as `start`, and `option.avatar`."""
    chosen_of(head)
    start(head, scene)
    if (found := avatar_of(head)) is not None:
        return found
    free = [view for view in reversed(range(MAX_VIEWS)) if view not in _views()]
    if not free:
        raise InputError(
            "live.heads",
            f"{len(_live)} heads are live already, which leaves no room for a picture.",
            "Switch Live off for one of them.",
        )
    _avatars[head.session_uid] = AvatarView(free[0])
    overlay.show(_shown_avatars)
    return _avatars[head.session_uid]


def hide_avatar(head: bpy.types.Object) -> None:
    """Camera views no longer show it; the head stays live."""
    _end_avatar(head.session_uid)


def _end_avatar(uid: int) -> None:
    if _avatars.pop(uid, None) is None:
        return
    if _avatars:
        overlay.forget(uid)
    else:
        overlay.hide()


def _shown_avatars() -> overlay.Shown:
    """What camera views draw. A rendering of the viewport has none of it."""
    if _is_in_render():
        return []
    return [
        (head, scene, view)
        for uid, view in _avatars.items()
        if (places := _live[uid].places) is not None
        for head, scene in [places]
    ]


def _step_avatars(line: Supervisor | None, told: Told) -> None:
    for uid, view in tuple(_avatars.items()):
        try:
            _step_avatar(_live[uid], view, line, told)
        except Exception:
            _end_avatar(uid)  # a fault of ours would come again at every tick
            raise


def _step_avatar(one: LiveHead, view: AvatarView, line: Supervisor | None, told: Told) -> None:
    places = one.places
    if places is None:
        return
    said = words_of(view)
    news = view.step(one, line, told, edge_px=overlay.edge_of(places[1]))
    if news is not None or words_of(view) != said:
        overlay.redraw()


def stop(head: bpy.types.Object) -> None:
    """Ends it, and shows what animation says."""
    _end(head.session_uid)


def stop_all() -> None:
    """Ends it for every head."""
    for uid in tuple(_live):
        guard_call(partial(_end, uid), "Ending Live")


def step() -> None:
    """Does for every live head what can be done now. Never waits: under 1 ms, unless a take is
    read."""
    line = _line()
    client = None if line is None else line.client
    told = {} if client is None else {one.view: one for one in client.take_previews()}
    pause = translate("A rendering is under way") if _is_in_render() else ""
    before: Claimed = []
    for uid, one in tuple(_live.items()):
        try:
            one.step(line, told, pause=pause or _why_shared(one, before))
        except InputError:  # the head or its scene is gone
            _end(uid)
        except Exception:
            _end(uid)  # a fault of ours would come again at every tick
            raise
    _step_avatars(line, told)


def _why_shared(one: LiveHead, before: Claimed) -> str:
    """Why the head waits for one of those that were live before it; adds it to them."""
    places = one.places if len(_live) > 1 else None
    if places is None:
        return ""
    try:
        before.append((places[0], check_free(places[0], before)))
    except InputError as error:
        return say_error(error)
    return ""


def _views() -> set[int]:
    """The numbers of the views that are in use."""
    heads = {view for one in _live.values() for view in (one.view, one.view + 1)}
    return heads | {one.view for one in _avatars.values()}


def _end(uid: int) -> None:
    _end_avatar(uid)
    one = _live.pop(uid, None)
    try:
        if one is not None:
            one.take_away()
    finally:
        if not _live:
            _unwatch()


def _line() -> Supervisor | None:
    try:
        return session.need_line()
    except LinkError:
        return None


def _is_in_render() -> bool:
    """Whether anything renders, the viewport's animation included."""
    if _is_rendering or bpy.app.is_job_running("RENDER"):
        return True
    running = (o.bl_idname for w in bpy.context.window_manager.windows for o in w.modal_operators)
    return any(name == "RENDER_OT_opengl" for name in running)


# --- when Blender calls ----------------------------------------------------------------------


def _tick() -> float | None:
    global _is_rendering
    _is_rendering = bpy.app.is_job_running("RENDER")
    guard_call(step, "Showing emotions live")
    if not _live:
        return None
    guard_call(_redraw, "Saying what is live")
    if any(one.is_asked for one in _live.values()):
        return _BUSY_S
    heads = any(one.is_catching_up for one in _live.values())
    return _AHEAD_S if heads or any(one.is_waiting for one in _avatars.values()) else _IDLE_S


def _redraw() -> None:
    """Draws the panels again where they say something else."""
    global _told
    told = repr([(uid, one.describe()) for uid, one in _live.items()])
    told += repr([(uid, one.why) for uid, one in _avatars.items()])
    if told != _told:
        _told = told
        redraw_sidebars(bpy.context)


def _for_each(call: Callable[[LiveHead], None], what: str) -> None:
    """Calls each live head; one that is gone is noticed by the next step."""

    def run() -> None:
        for one in tuple(_live.values()):
            try:
                call(one)
            except InputError:
                continue

    guard_call(run, what)


def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    global _objects
    if _is_in_render():
        return
    if _objects != len(bpy.data.objects):  # a copy wears the preview too
        _objects = len(bpy.data.objects)
        guard_call(_take_off_leftovers, "Taking a preview off a copy")
    kind = bpy.types.Action
    edited = {
        update.id.original.session_uid
        for update in depsgraph.updates
        if isinstance(update.id, kind)
    }
    line = _line()
    is_jump = _frame_of(scene) != _frames.get(scene.session_uid)
    _frames[scene.session_uid] = _frame_of(scene)

    def look(one: LiveHead) -> None:
        if edited:
            one.note_actions(edited, is_jump=is_jump)
        one.look(line)

    _for_each(look, "Looking at the emotions")


def _frame_of(scene: bpy.types.Scene) -> tuple[int, float]:
    return scene.frame_current, scene.frame_subframe


def _after_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    if not _is_on_main_thread() or not _is_shown(scene, depsgraph):  # an exporter, a simulation
        return
    _frames[scene.session_uid] = _frame_of(scene)
    _for_each(lambda one: one.note_frame(scene), "Going to a frame")
    if sys._getframe().f_back is not None or _is_in_render():  # a script's Python lies below ours
        return
    line = _line()
    _for_each(lambda one: one.show_frame(line), "Showing a frame live")


def _after_move(head: bpy.types.Object) -> None:
    """A slider was moved: asked at once, the sidecar computes while Blender evaluates."""
    one = live_of(head)
    if one is None or not _is_on_main_thread() or _is_in_render():
        return

    def look() -> None:
        with contextlib.suppress(InputError):  # the next step notices what is gone
            one.look(_line())

    guard_call(look, "Following a slider")


def _is_shown(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None) -> bool:
    """Whether this is what a window shows, and not what an exporter evaluates for itself."""
    if depsgraph is None:
        return False
    shown = [
        window.view_layer.depsgraph.as_pointer()
        for window in bpy.context.window_manager.windows
        if window.scene == scene
    ]
    return depsgraph.as_pointer() in shown


def _is_on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _take_away(*_: object) -> None:
    _for_each(LiveHead.take_away, "Taking the preview away")


def _before_render(*_: object) -> None:
    global _is_rendering
    _is_rendering = True
    # A render in a window runs beside the main thread, whose next tick takes the preview away; what
    # is rendered is evaluated from the Actions in either case.
    if _is_on_main_thread():
        _take_away()


def _after_render(*_: object) -> None:
    global _is_rendering
    _is_rendering = False


@bpy.app.handlers.persistent
def _after_undo(*_: object) -> None:
    _for_each(LiveHead.note_upheaval, "Following an undo")
    guard_call(_take_off_leftovers, "Taking a preview off after an undo")


def _take_off_leftovers() -> None:
    for head in heads_among(bpy.data.objects):
        if head.library is None and live_of(head) is None:
            take_off(head)


def _handlers() -> list[Pair]:
    known = bpy.app.handlers
    return [
        (known.depsgraph_update_post, _after_update),
        (known.frame_change_post, _after_frame),
        (known.save_pre, _take_away),
        (known.render_init, _before_render),
        (known.render_complete, _after_render),
        (known.render_cancel, _after_render),
        (moved, _after_move),
    ]


@bpy.app.handlers.persistent
def _after_load(*_: object) -> None:
    guard_call(_take_off_leftovers, "Taking off what an autosave kept of a preview")


def _lasting() -> list[Pair]:
    known = bpy.app.handlers
    return [
        (known.undo_post, _after_undo),
        (known.redo_post, _after_undo),
        (known.load_post, _after_load),
    ]


def watch() -> None:
    """Lets Blender call us after an undo and a load, which may bring back what was live once."""
    add_handlers(_lasting())


def unwatch() -> None:
    """Takes that away."""
    remove_handlers(_lasting())


def _watch() -> None:
    add_handlers(_handlers())
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=_BUSY_S)


def _unwatch() -> None:
    global _is_rendering
    _is_rendering = False
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    remove_handlers(_handlers())
