# SPDX-License-Identifier: GPL-3.0-or-later
"""One head that is live: its take is read once, its emotions are looked at all the time, and what
the sidecar says of them is shown.

    _prepare ──> read the take ──> send it ──> look ──> ask ──> take ──> show
        ^                                      └────────<───────────────┘
        └── the take, its Actions or the scene's rate have changed

What is shown is written over what animation has put into the shape keys and bones, and into
nothing else. Drivers, an NLA layer or an Action of its own would be data of the file: they would be
in an autosave, in every undo step, in a copy of the head and on a farm without the extension, and
would show there for ever what was live for a moment. Values that an Action animates are computed
anew wherever a frame is evaluated: in a render, in most exporters, in a file that is opened. What
animation had put there is kept, and put back wherever somebody could look without evaluating:
before a save, before a render, at the end.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from enum import Enum

import bpy
import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array
from ...shared.client import Client
from ...shared.errors import AffektError, InputError, LinkError
from ...shared.events import PreviewFailed, PreviewReady
from ...shared.motion import numbers_of
from ...shared.supervisor import Supervisor
from ..bake.options import BakeOptions
from ..bake.reading import read_steps
from ..emotion.sample import needs_playback, read_track
from ..flame.source import ready_head
from ..head.find import Held, armature_of, hold
from ..link import requests
from ..link.requests import Waiting
from ..link.tasks import running_task
from ..motion.placement import curve_frame, stretch
from ..motion.playback import layer_of
from ..motion.takes import hold_take, source_take
from ..words.sentences import fill, say_error, translate
from .body import name_object
from .emotions import Emotions, Shifts
from .face import face_of
from .leftovers import mark_previewed
from .numbers import Numbers, Place, place_at
from .records import Asked, Known, Look, Moment, Sent, Shown
from .signature import Signature, signature_of, stamp_of

REST_S = 0.1
"""How long nothing may have changed before the frames ahead are asked for."""
_AGAIN_S = 1.0
"""How long after a failure the sidecar is asked again."""

Told = dict[int, PreviewReady | PreviewFailed]
"""What the sidecar has said, by view."""


class State(Enum):
    """What the panel says."""

    READING = "Reading the take"
    CATCHING_UP = "Catching up"
    LIVE = "Live"
    WAITING = "Waiting"


class LiveHead:
    """See above. Only the main thread calls it; nothing here waits.

    view: the number of the first of the two views that it asks in.
    """

    def __init__(self, head: bpy.types.Object, scene: bpy.types.Scene, view: int) -> None:
        self.held: Held = hold(head, scene)
        self.view = view
        self.state = State.READING
        self.share = 0.0
        """How much of the frames ahead is known."""
        self.why = ""
        """What it waits for, in a sentence."""
        self._failure = ""
        self._name = name_object(head)
        self._signature: Signature | None = None
        self._outdated_take = self._outdated_emotions = False
        self._is_shaken = False
        self._doubted_at = float("inf")
        """When the Actions may have been edited."""
        self._stamps = (b"", b"")
        """Of the take's Actions and the emotions'."""
        self._reading: Waiting[Known] | None = None
        self._sending: Waiting[Sent] | None = None
        self._known: Known | None = None
        self._sent: Sent | None = None
        self._moments: dict[int, Asked] = {}
        self._piece: Asked | None = None
        self._shown: Shown | None = None
        self._changed_at = self._failed_at = float("-inf")
        self._change: tuple[tuple[object, ...], Float32Array] | None = None
        self._is_right = False
        self._wanted = self._state = np.zeros(0, np.float32)
        self._key: tuple[object, ...] = ()
        self._animated: Float32Array | None = None
        self._written: Float32Array | None = None

    # --- what the world tells -----------------------------------------------------------------

    def note_actions(self, actions: set[int], *, is_jump: bool) -> None:
        """Actions of those session numbers were edited; or the animator went to another frame,
        which a window's Blender tells in the same words: then it is looked into later."""
        if self._signature is None:
            return
        read = self._signature.read
        if is_jump:
            if not actions.isdisjoint(read.take_actions | read.emotion_actions):
                self._doubted_at = time.monotonic()
            return
        self._outdated_take |= not actions.isdisjoint(read.take_actions)
        self._outdated_emotions |= not actions.isdisjoint(read.emotion_actions)

    def note_frame(self, scene: bpy.types.Scene) -> None:
        """Blender has gone to a frame of a scene, and where the head is in it animation has written
        over what was shown. Raises InputError `head.gone`, `scene.gone`."""
        head, _ = self._get()
        if scene.objects.get(head.name) == head:
            self._written = None

    def note_upheaval(self) -> None:
        """An undo or a redo: what is written may be of another moment."""
        self._outdated_take = self._outdated_emotions = self._is_shaken = True

    @property
    def places(self) -> tuple[bpy.types.Object, bpy.types.Scene] | None:
        """The head and its scene; None if one of them is gone."""
        try:
            return self._get()
        except InputError:
            return None

    @property
    def is_asked(self) -> bool:
        """Whether the moment that is shown is on its way."""
        return bool(self._moments)

    @property
    def is_catching_up(self) -> bool:
        """Whether it does something else that ends soon."""
        return self.state in (State.READING, State.CATCHING_UP)

    @property
    def has_failed(self) -> bool:
        """Whether what it waits for is that an error is mended, and nothing that ends by itself."""
        return self.state is State.WAITING and self.why == self._failure

    def describe(self) -> tuple[State, int, str]:
        """What the panel shows: the state, per cent of the frames ahead, a sentence."""
        return self.state, int(100 * self.share), self.why

    # --- one step ------------------------------------------------------------------------------

    def step(self, line: Supervisor | None, told: Told, *, pause: str = "") -> None:
        """Does what can be done now. pause: why Live shows nothing at present. Raises InputError
        `head.gone`, `scene.gone` if there is nothing left to be live."""
        head, scene = self._get()
        why = pause or _why_paused(head)
        if why:
            if self._is_shaken and self._known is not None:  # an undo brought a preview back
                with contextlib.suppress(InputError):
                    self._settle(self._known, scene)
            self.take_away()
            self.state, self.why = State.WAITING, why
            return
        try:
            self._advance(head, scene, line, told)
        except AffektError as error:
            if error.code in ("head.gone", "scene.gone"):
                self._get()  # unless it is a part of the head that is gone
            self._fail(error)

    def look(self, line: Supervisor | None) -> None:
        """Asks for what the sliders say now, and shows nothing yet. Costs next to nothing if they
        say the same as before."""
        known = self._known
        if known is None or self.state is State.WAITING:
            return
        head, scene = self._get()
        self._look(known, head, scene)
        self._ask_moment(known, scene, line)

    def show_frame(self, line: Supervisor | None) -> None:
        """Shows the frame that Blender has just gone to, as well as it is known."""
        known = self._known
        if known is None or self.state is State.WAITING:
            return
        head, scene = self._get()
        self._look(known, head, scene)
        self._ask_moment(known, scene, line)
        self._show(known, head, scene, is_asked=is_served(line))

    def _get(self) -> tuple[bpy.types.Object, bpy.types.Scene]:
        scene = bpy.data.scenes.get(self.held.scene_name)
        if scene is None or scene.session_uid != self.held.scene:
            return self.held.get()
        head = bpy.data.objects.get(self._name.name)
        return (head, scene) if head and head.session_uid == self._name.uid else self.held.get()

    def _advance(
        self, head: bpy.types.Object, scene: bpy.types.Scene, line: Supervisor | None, told: Told
    ) -> None:
        self._follow(head, signature_of(head, scene))
        if self._reading is not None and not self._read():
            return
        if time.monotonic() >= self._doubted_at + REST_S:
            self._resolve_doubt()
        known = self._known
        if known is None or time.monotonic() < self._failed_at + _AGAIN_S:
            return
        if self._is_shaken:
            self._settle(known, scene)
        if self._outdated_emotions:
            self._read_emotions(known, head, scene)
        self._look(known, head, scene)
        self._send(line, head)
        self._take(known, told)
        self._ask_moment(known, scene, line)
        self._ask_ahead(known, scene, line)
        is_asked = is_served(line)
        self._show(known, head, scene, is_asked=is_asked)
        self._say(known, scene, is_asked=is_asked)

    def _follow(self, head: bpy.types.Object, signature: Signature) -> None:
        """Reads anew what reads otherwise than before."""
        before, known = self._signature, self._known
        if before is None or self._outdated_take or signature.read != before.read:
            self._begin(head, signature)
        elif signature.face != before.face:
            if known is None:
                self._begin(head, signature)
                return
            self.take_away()
            self._signature, self._known, self._key = signature, None, ()
            face = face_of(head, source_take(head), known.read)
            self._known = replace(known, face=face)

    def _resolve_doubt(self) -> None:
        """Looks whether the Actions say something else than when they were read."""
        self._doubted_at, before = float("inf"), self._stamps
        self._stamps = self._read_stamps()
        self._outdated_take |= before[0] != self._stamps[0]
        self._outdated_emotions |= before[1] != self._stamps[1]

    def _read_stamps(self) -> tuple[bytes, bytes]:
        assert self._signature is not None
        read = self._signature.read
        return stamp_of(read.take_actions), stamp_of(read.emotion_actions)

    def _fail(self, error: AffektError) -> None:
        """Shows the take as it is, and why."""
        self.take_away()
        self._reading = self._sending = None
        self._forget_asked()
        self._failed_at = time.monotonic()
        self.state, self.why = State.WAITING, say_error(error)
        self._failure = self.why

    def moment(self) -> Moment | None:
        """What is shown now, for who draws it; None while Live shows nothing."""
        known, sent = self._known, self._sent
        if known is None or sent is None or self.state is State.WAITING:
            return None
        _, scene = self._get()
        emotions, place = known.emotions, _place(known, scene)
        return Moment(
            client=sent.client,
            take=sent.take,
            head=sent.head,
            track=emotions.shown,
            frame=place.low + round(place.part),
            key=(sent, place, known.numbers.revision, emotions.shifts),
        )

    # --- reading and sending -------------------------------------------------------------------

    def _begin(self, head: bpy.types.Object, signature: Signature) -> None:
        """Reads the take anew. Its frames wear the change that was shown last until their own
        numbers are there."""
        is_same = self._signature is not None and self._signature.read.keys == signature.read.keys
        if self._known is not None:
            if is_same and not self._outdated_take and self._written is not None:
                self.take_away()  # what no Action moves any more
            # What was kept may be of another take, or of keys that stand elsewhere now.
            with contextlib.suppress(InputError):
                self._known.face.body.restore_ranges()
                self._known.face.body.animate()
            self._written, self._is_shaken = None, True
        self._signature, self._known, self._failed_at = signature, None, float("-inf")
        self._outdated_take = self._outdated_emotions = False
        self._sent = self._sending = self._shown = None
        self._key = ()
        self._forget_asked()
        self._reading = self._prepare()
        self.state, self.share, self.why = State.READING, 0.0, ""

    def _prepare(self) -> Waiting[Known]:
        # Before anything is read: what is edited meanwhile is another thing than was read.
        self._stamps = self._read_stamps()
        head, _ = self.held.get()
        source = hold_take(source_take(head))
        read = yield from read_steps(self.held, source, BakeOptions())
        head, _ = self.held.get()
        return Known(
            read=read,
            face=face_of(head, source.find(head), read),
            numbers=Numbers(numbers_of(read.motion), read.track),
            emotions=Emotions(read.track),
        )

    def _read(self) -> bool:
        """A step of reading; whether it is done."""
        assert self._reading is not None
        try:
            next(self._reading)
        except StopIteration as end:
            self._known, self._reading = end.value, None
            return True
        return False

    def _read_emotions(self, known: Known, head: bpy.types.Object, scene: bpy.types.Scene) -> None:
        """The curves of the emotions were edited."""
        self._outdated_emotions = False
        if needs_playback(head):
            self._outdated_take = True
            return
        grid = known.read.frames.read
        known.emotions.follow(read_track(head, grid.times, grid.fps, scene))
        assert self._signature is not None
        # The take's stays as it is, and with it a doubt: it may have been edited too.
        stamp = stamp_of(self._signature.read.emotion_actions)
        self._stamps = self._stamps[0], stamp

    def _send(self, line: Supervisor | None, head: bpy.types.Object) -> None:
        """Sees to it that the sidecar that is there has the take."""
        client = None if line is None else line.client
        if self._sent is not None and self._sent.client is not client:
            self._sent = None
            self._forget_asked()
        if line is None or client is None or not client.is_open:
            self._sending = None
            return
        if self._sent is not None:
            return
        if self._sending is None:
            self._sending = self._send_steps(line, client, head)
        try:
            next(self._sending)
        except StopIteration as end:
            self._sent, self._sending = end.value, None
        except LinkError:
            self._sending = None
            if client.is_open:
                raise

    def _send_steps(
        self, line: Supervisor, client: Client, head: bpy.types.Object
    ) -> Waiting[Sent]:
        assert self._known is not None
        named = yield from ready_head(line, head)
        take = yield from requests.send_take(line, self._known.read.motion)
        return Sent(client=client, take=take, head=named)

    # --- asking and taking ---------------------------------------------------------------------

    def _look(self, known: Known, head: bpy.types.Object, scene: bpy.types.Scene) -> None:
        emotions = known.emotions
        if not emotions.look(head, curve_frame(scene)):
            return
        self._outdated_take |= emotions.is_outdated
        if known.numbers.follow(emotions.track) or emotions.shifts:
            self._changed_at = time.monotonic()

    def _ask_moment(self, known: Known, scene: bpy.types.Scene, line: Supervisor | None) -> None:
        """Asks for the moment that is shown, unless it is known or asked for."""
        place, shifts = _place(known, scene), known.emotions.shifts
        revision = known.numbers.revision
        if not shifts and known.numbers.is_known(place):
            return
        newest = [*self._moments.values()][-1:] or ([self._shown.asked] if self._shown else [])
        for one in newest:
            if (one.place, one.revision, one.shifts) == (place, revision, shifts):
                return
        asked = self._ask(self.view, known, place, shifts, line)
        if asked is not None:
            self._moments[asked.number] = asked

    def _ask_ahead(self, known: Known, scene: bpy.types.Scene, line: Supervisor | None) -> None:
        """Asks for the next unknown frames of the scene's range, once nothing has changed for a
        while."""
        is_resting = time.monotonic() >= self._changed_at + REST_S
        if self._piece is not None or self._moments or not is_resting:
            return
        wanted, row = _wanted(known, scene), _place(known, scene).low
        piece = known.numbers.next_piece(row, wanted, limits.MAX_PREVIEW_FRAMES)
        if piece is not None:
            place = Place(low=piece.start, high=piece.stop - 1, part=0.0)
            self._piece = self._ask(self.view + 1, known, place, (), line)

    def _ask(
        self, view: int, known: Known, place: Place, shifts: Shifts, line: Supervisor | None
    ) -> Asked | None:
        """Asks for frames, if somebody is there to be asked."""
        sent, emotions = self._sent, known.emotions
        if sent is None or line is None or line.client is not sent.client:
            return None
        number = sent.client.start_preview(
            sent.take,
            emotions.shown if shifts else emotions.track,
            place.low,
            view=view,
            subject=sent.head.name,
            head_space=sent.head.space,
            frames=place.frames,
        )
        return Asked(number=number, place=place, revision=known.numbers.revision, shifts=shifts)

    def _take(self, known: Known, told: Told) -> None:
        """Takes in what the sidecar has said. Raises its error."""
        moment, piece = told.get(self.view), told.get(self.view + 1)
        for answer in (moment, piece):
            if isinstance(answer, PreviewFailed):
                self._forget_asked()
                if self._sent is not None and self._sent.client.is_open:
                    self._sent = None  # its cache may have lost the take
                    raise answer.error
        if isinstance(moment, PreviewReady) and moment.request in self._moments:
            asked = self._moments[moment.request]
            self._moments = {n: one for n, one in self._moments.items() if n > moment.request}
            self._keep(known, asked, moment)
        if isinstance(piece, PreviewReady) and self._piece and piece.request == self._piece.number:
            asked, self._piece = self._piece, None
            self._keep(known, asked, piece)

    def _keep(self, known: Known, asked: Asked, answer: PreviewReady) -> None:
        numbers = answer.numbers
        assert numbers is not None  # they were asked for
        if answer.view == self.view:
            self._shown = Shown(asked=asked, numbers=numbers)
        if not asked.shifts:
            known.numbers.put(asked.place.low, numbers, asked.revision)

    def _forget_asked(self) -> None:
        self._moments, self._piece = {}, None

    # --- showing -------------------------------------------------------------------------------

    def take_away(self) -> None:
        """Puts back what animation has put there. A part of the head that has gone has taken its
        preview along."""
        with contextlib.suppress(InputError):
            if self._known is not None:
                if self._written is not None and self._animated is not None:
                    self._known.face.body.write(self._animated)
                self._known.face.body.restore_ranges()
        with contextlib.suppress(InputError):
            mark_previewed(self._get()[0], is_previewed=False)
        self._written = None

    def _show(
        self, known: Known, head: bpy.types.Object, scene: bpy.types.Scene, *, is_asked: bool
    ) -> None:
        """Shows the present moment: its own numbers, or until they are there the last ones of the
        same frames, or the change of the frames before. is_asked: whether they are on their way;
        else the take is shown as it is."""
        place = _place(known, scene)
        look = self._numbers_at(known, place)
        self._is_right = look is not None and look.is_right
        if look is None or not (look.is_right or is_asked):
            self.take_away()
            return
        if look.key != self._key:  # else it is the same as at the tick before
            face, rows = known.face, look.rows
            state = face.state(head, place.low, rows[0])
            if place.part:
                state = state + place.part * (face.state(head, place.high, rows[-1]) - state)
            self._state, self._key = state.astype(np.float32), look.key
        self._write(known, head, self._state)

    def _numbers_at(self, known: Known, place: Place) -> Look | None:
        """What can be shown of the moment; None if nothing is known yet."""
        numbers, shown = known.numbers, self._shown
        shifts = known.emotions.shifts
        span = range(place.low, place.high + 1)
        if not shifts and numbers.is_known(place):
            rows = [numbers.at(row) for row in span]
            look = Look(rows=rows, is_right=True, key=(place, numbers.revision))
        elif shown is not None and shown.asked.place == place:
            asked = shown.asked
            is_right = (asked.revision, asked.shifts) == (numbers.revision, shifts)
            look = Look(rows=list(shown.numbers), is_right=is_right, key=(place, asked))
        elif self._change is not None:
            change = self._change
            rows = [numbers.take[row] + change[1] for row in span]
            return Look(rows=rows, is_right=False, key=(place, change[0], "change"))
        else:
            return None
        self._change = look.key, look.rows[0] - numbers.take[place.low]
        return look

    def _write(self, known: Known, head: bpy.types.Object, state: Float32Array) -> None:
        """Shows a state; what others have written since then is what animation says."""
        body, now = known.face.body, known.face.body.read()
        if self._written is None or self._animated is None:
            self._animated = now
        else:
            theirs = now != self._written
            self._animated = np.where(theirs, now, self._animated)
            if not theirs.any() and np.array_equal(state, self._wanted):
                return
        body.write(state)
        mark_previewed(head, is_previewed=True)
        self._wanted, self._written = state, body.read()

    def _settle(self, known: Known, scene: bpy.types.Scene) -> None:
        """After an undo, or an edit of the take, what was kept is of another moment."""
        self._is_shaken = False
        body = known.face.body
        self._animated = body.animated(curve_frame(scene))
        if self._animated is None:  # only Blender knows
            body.animate()
            layer_of(scene).update()
            self._animated = body.read()
        self._written, self._wanted = body.read(), np.zeros(0, np.float32)

    def _say(self, known: Known, scene: bpy.types.Scene, *, is_asked: bool) -> None:
        """What the panel says."""
        self.share, self.why = known.numbers.share(_wanted(known, scene)), ""
        if self._is_right and self.share == 1:
            self.state = State.LIVE
        elif is_asked:
            self.state = State.CATCHING_UP
        else:
            self.state, self.why = State.WAITING, translate("The sidecar is not connected.")


def is_served(line: Supervisor | None) -> bool:
    """Whether somebody answers."""
    client = None if line is None else line.client
    return client is not None and client.is_open


def _place(known: Known, scene: bpy.types.Scene) -> Place:
    return place_at(curve_frame(scene), known.read.frames.read)


def _wanted(known: Known, scene: bpy.types.Scene) -> range:
    """The take's frames that the scene plays."""
    first, last = scene.frame_start, scene.frame_end
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    grid = known.read.frames.read
    low, high = (place_at(frame * stretch(scene), grid) for frame in (first, last))
    return range(low.low, high.high + 1)


def _why_paused(head: bpy.types.Object) -> str:
    """Why the take is shown as it is; empty if Live may show."""
    task = running_task()
    if task is not None:
        return fill("{label} is under way", label=translate(task.label))
    rig = armature_of(head)
    if any(item is not None and item.mode != "OBJECT" for item in (head, rig)):
        return translate("Outside Object Mode you edit the take itself")
    return ""
