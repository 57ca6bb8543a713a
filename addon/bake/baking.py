# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: what Blender plays goes out with the emotion, the take's Action with emotion comes
back."""

from __future__ import annotations

import bpy

from ...shared.errors import InputError
from ...shared.motion import Motion
from ...shared.wording import say_count
from ..character.find import is_character
from ..flame.source import ready_head
from ..head.find import Held, hold, need_movable
from ..link import requests
from ..link.requests import Waiting
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.curves import Keying, channels_of
from ..motion.placement import Placement, describe_end, describe_speed
from ..motion.playback import need_free_actions, top_actions
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import HeldTake, add_take, bake_again, hold_take, source_take
from .cache import check_place
from .options import BakeOptions
from .reading import Performance, read_steps
from .simplify import every, simplify
from .strips import lay_strips
from .targets import target_of
from .unchanged import turns_to_keep

_DEFAULTS = BakeOptions()


def bake_steps(
    head: bpy.types.Object, scene: bpy.types.Scene, options: BakeOptions = _DEFAULTS
) -> Steps:
    """Bakes the head's take, as it plays now, with its emotion into an Action of its own and puts
    that to use; the take's Action stays as it is. What kind of head it is decides how its take is
    read and written, and nothing else.

    Raises InputError `bake.*`, `motion.*`, `head.*`, `character.*`, `file.*`.
    """
    return _bake(hold(head, scene), options)


def _bake(held: Held, options: BakeOptions) -> Steps:
    line = session.need_line()
    head, _ = held.get()
    need_movable(head)
    source = hold_take(source_take(head))
    _check_options(head, options)
    yield Progress(fraction=0.0, text="Reading the curves")
    read = yield from read_steps(held, source, options)
    named = yield from ready_head(line, held.get()[0])
    baked = yield from requests.bake(
        line,
        read.motion,
        read.track,
        named,
        frames=read.frames.baked if read.frames.is_part else None,
        cache=options.cache,
    )
    keying, said = yield from _choose_keys(held, read, baked, options)
    head, scene = held.get()
    place = Placement(
        first=float(read.frames.read.times[read.frames.baked.start]), fps=read.frames.read.place.fps
    )
    result, what = _write(head, source, baked, place, keying, options)
    if options.as_strip:
        lay_strips(head, result, scene)
    said = [*what, describe_end(result, scene), *said, read.how, describe_speed(result, scene)]
    if said[-1]:
        said.append("Fit to Scene Rate, in the panel's Take section, mends that.")
    return " ".join(filter(None, said))


def _check_options(head: bpy.types.Object, options: BakeOptions) -> None:
    """Raises InputError `bake.character`, `bake.cache`, `file.place`."""
    if options.cache is not None:
        check_place(options.cache)
    if not is_character(head):
        return
    refused = {
        "fewer keys": bool(options.simplify_mm) or options.step != 1,
        "a mesh cache": options.cache is not None,
    }
    for what, is_wanted in refused.items():
        if is_wanted:
            raise InputError(
                "bake.character",
                f"A character's bake cannot have {what}: '{head.name}' has a mesh of its own, and "
                "its keys hold the whole take.",
                "Set Step to 1, Simplify to 0 and leave Mesh Cache empty.",
            )


def _choose_keys(
    held: Held, read: Performance, baked: Motion, options: BakeOptions
) -> Waiting[tuple[Keying, list[str]]]:
    """How what was baked becomes keys, and what is to be said about that."""
    if read.quaternions is None:
        return Keying(), []
    turns = turns_to_keep(baked, read.motion, read.quaternions, read.frames.baked)
    head, _ = held.get()
    if options.simplify_mm:
        found = yield from simplify(head, baked, turns, options.simplify_mm)
        said = (
            f"Of {say_count(found.of, 'key')} {found.keys:,} were needed: the face is at most "
            f"{found.worst_mm:.3f} mm off."
        )
        return Keying(rows=found.rows, turns=turns), [said]
    if options.step == 1:
        return Keying(turns=turns), []
    rows = every(options.step, len(baked), [c.path for c in channels_of(head, baked)])
    return Keying(rows=rows, turns=turns), []


def _write(
    head: bpy.types.Object,
    source: HeldTake,
    baked: Motion,
    place: Placement,
    keying: Keying,
    options: BakeOptions,
) -> tuple[AFFEKT_PG_take, list[str]]:
    """Writes the bake into the Action that the options mean; the bake, and what was done."""
    name = source.find(head).name
    need_free_actions(head, source.find(head))
    target, kept = target_of(head, name, options)
    top = top_actions(head)
    if target is None:
        title = f"{name} baked"
        target = add_take(head, baked, name=title, place=place, source=name, keying=keying)
        where = "the new Action"
    else:
        bake_again(head, target, baked, place=place, keying=keying)
        where = "the Action"
    target.over_rig, target.over_keys = top["OBJECT"], top["KEY"]
    frames = say_count(target.frames, "frame")
    return target, [kept, f"Baked {frames} into {where} {target.keys_action.name}."]
