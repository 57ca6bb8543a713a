# SPDX-License-Identifier: GPL-3.0-or-later
"""Where keys say that a take lies, who rules at which frame, and which Actions play; with curves,
heads and takes that are made up."""

import hashlib
from types import SimpleNamespace as Made
from unittest import mock

import harness
import numpy as np


class Items(list):
    """A list of takes, as Blender has them: found by name."""

    def get(self, name: str) -> Made | None:
        return next((item for item in self if item.name == name), None)

    def __contains__(self, name: object) -> bool:
        return self.get(str(name)) is not None


def grids() -> dict[str, list[float]]:
    """Of a take of five frames, once from frame 1 on at 24 a second: its first frame, rate and
    number of frames by what its curves' keys say."""
    placement = harness.load("addon.motion.placement")
    render = Made(fps=60, fps_base=2.0, frame_map_old=100, frame_map_new=100)
    scene = Made(render=render)

    def grid(*curves: tuple[float, ...], placed_fps: float = 24.0, frames: int = 5) -> list[float]:
        take = Made(
            first_frame=1.0, placed_fps=placed_fps, fps=24.0, frames=frames,
            keys_action=None, rig_action=None,
        )  # fmt: skip
        made = [Made(keyframe_points=[Made(co=(time, 0.0)) for time in one]) for one in curves]
        with mock.patch.object(placement, "compat", Made(curves_of=lambda action, _: action)):
            found = placement.grid_of(take, scene, {"KEY": made, "OBJECT": None})
        assert found.fps == 24.0
        return [found.place.first, found.place.fps, len(found.rows)]

    whole = (1.0, 2.0, 3.0, 4.0, 5.0)
    later = tuple(time + 10 for time in whole)
    return {
        "as it was": grid(whole, whole, ()),
        "moved": grid(later),
        "slower": grid((1.0, 3.0, 5.0, 7.0, 9.0)),
        "trimmed": grid((2.0, 3.0, 4.0)),
        "most": grid(whole, later, later),
        "few keys": grid((1.0, 5.0)),
        "few keys, moved": grid((3.0, 9.0)),
        "uneven": grid((1.0, 2.0, 4.5, 5.0)),
        "uneven, longer": grid((1.0, 2.0, 4.5, 8.0)),
        "one key": grid((4.0,)),
        "where most begin": grid((4.0,), (4.0, 6.0), (2.0, 3.0, 9.0)),
        "no keys": grid((), placed_fps=0.0),
        "one frame": grid((7.0,), frames=1),
        "usual": [placement._known_rate(rate) for rate in (23.97602, 24.00002, 17.3)],
    }


def reigns() -> dict[str, object]:
    """Every other frame; an emotion, next to none, a strong one by half, and a take left alone."""
    ruling = harness.load("addon.emotion.ruling")
    strip = harness.load("addon.emotion.strip")
    weights = np.zeros((5, 6), np.float32)
    weights[0, :2], weights[1, 0] = (0.5, 0.2), 0.02
    weights[2:4, 2], weights[4, 1] = 1.4, 0.6
    track = Made(
        weights=weights,
        influence=np.array([1, 1, 0.5, 0.5, 0.02], np.float32),
        geometry=np.array([1, 1, 1.5, 2.5, 1], np.float32),
    )
    reign = ruling.judge(track, np.array([1.0, 3, 5, 7, 9]), 2)
    places, colours = strip.triangles_of(reign)
    return {
        "rulers": reign.rulers,
        "strengths": reign.strengths,
        "spans": reign.spans(),
        "places": places[6:12],
        "alpha": colours[::6, 3],
        "shades": [list(colours[6 * row][:3]) == list(strip._SHADES[ruler]) for row, ruler in
                   enumerate(reign.rulers)],
        "alike": len({tuple(row) for row in colours[12:18].tolist()}),
    }  # fmt: skip


def layers() -> dict[str, object]:
    """Which Actions play: an animator's in place of a take's, and those under a bake."""
    playback = harness.load("addon.motion.playback")
    walk = Made(name="walk", kind="TAKE", rig_action="w", keys_action="v")
    bake = Made(
        name="bake", kind="BAKE", rig_action="b", keys_action="c", over_rig="o", over_keys="p"
    )
    takes = Made(items=Items([walk, bake]), active="walk")
    head, told = Made(affekt_takes=takes), {}

    def patched(**more: object) -> object:
        return mock.patch.multiple(
            playback, is_character=lambda _: False, owners_of=lambda *_: owners, **more
        )

    def top(rig: str | None, keys: str | None, active: str = "walk") -> list[object]:
        takes.active = active
        data = [None if action == "" else Made(action=action) for action in (rig, keys)]
        with patched(
            rig_of=lambda _: Made(animation_data=data[0]),
            need_shape_keys=lambda _: Made(animation_data=data[1]),
        ):
            return list(playback.top_actions(head).values())

    owners = {"OBJECT": "the rig", "KEY": "the keys"}
    told["own"], told["another"] = top("w", "v"), top("x", "v")
    told["under a bake"] = top("b", "c")
    told["a bake in strips"] = [top(None, None, "bake"), top("", "", "bake")]
    told["a take in strips"] = top(None, "", "walk")
    told["gone"] = top(None, None, "")
    for name, strips in (("laid over", {}), ("in strips", {"the keys": "v", "the rig": "other"})):
        with patched(
            top_actions=lambda _: {"OBJECT": "x", "KEY": "y"},
            playing_strips=lambda owner, strips=strips: [Made(action=strips.get(owner))],
        ):
            told[name] = list(playback.playing_actions(head, walk).values())
    with mock.patch.multiple(playback, is_character=lambda _: True):
        told["character"] = [
            list(playback.playing_actions(head, walk).values()),
            list(playback.top_actions(head).values()),
        ]
    told["bakes"] = sorted(playback.bake_actions(head))
    return told


def names() -> dict[str, object]:
    """A take that is called otherwise, its Actions and its bakes."""
    editing = harness.load("addon.motion.editing")

    def rename(new: str) -> list[object]:
        actions = [
            Made(name=name, library=library)
            for name, library in (("walk", None), ("walk shapes", None), ("walk", "file"),
                                  ("my walk", None))
        ]  # fmt: skip
        items = Items(
            [
                Made(name="walk", kind="TAKE", source=""),
                Made(name="b", kind="BAKE", source="walk"),
                Made(name="c", kind="BAKE", source="run"),
                Made(name="run", kind="TAKE", source="walk"),
            ]
        )
        head = Made(affekt_takes=Made(items=items, active="walk"))
        with mock.patch.multiple(
            editing,
            find_take=lambda head, name: head.affekt_takes.items.get(name),
            actions_of=lambda _: dict(enumerate([*map(Action, actions), None])),
        ):
            code = harness.failure(lambda: editing.rename_take(head, "walk", new))
        return [
            code,
            [item.name for item in items],
            [item.source for item in items],
            [action.name for action in actions],
            head.affekt_takes.active,
        ]

    class Action:
        """Stands for an Action, which can be in a set."""

        def __init__(self, made: Made) -> None:
            self.__dict__ = made.__dict__

    return {"free": rename(" sit "), "taken": rename("run")[:2], "none": rename("  ")[:2],
            "same": rename("walk")[:2]}  # fmt: skip


def swaps() -> dict[str, object]:
    """Emotions of their own for takes a and b; c is a bake of a."""
    emotions = harness.load("addon.motion.emotions")

    def swap(before: str, after: str, *, own: bool = True, has: str | None = None) -> list[object]:
        done: list[object] = []
        a = Made(name="a", kind="TAKE", source="", emotions=None, emotion_values=[])
        b = Made(name="b", kind="TAKE", source="", emotions=has, emotion_values=list(range(12)))
        b.emotion_units = "AU4=0.5"
        c = Made(name="c", kind="BAKE", source="a", emotions=None, emotion_values=[])
        data = Made(action="now", use_tweak_mode=False)
        head = Made(
            name="head",
            animation_data=data,
            affekt_takes=Made(own_emotions=own, items=Items([a, b, c])),
        )
        with mock.patch.multiple(
            emotions,
            read_pose=lambda _, names: (
                {"x": 0.5, "y": 0.25} if "happy" in names else {"AU12_L": 0.25, "AU1": 0.0}
            ),
            set_pose=lambda _, pose: done.append(["posed", len(pose), pose["AU4"], pose["AU1"]]),
            compat=Made(
                assign_action=lambda _, action, part: done.append(["assigned", action, part]),
                copy_for=lambda _, name: Made(name=name, use_fake_user=False),
            ),
        ):
            emotions.swap_emotions(head, before, after)
        new = (
            b.emotions if b.emotions in (None, has) else [b.emotions.name, b.emotions.use_fake_user]
        )
        kept = getattr(a, "emotion_units", None)
        return [done, a.emotions, a.emotion_values, new, c.emotions, kept]

    count = len(harness.load("shared.emotion").EVERY_CHANNEL)
    return {
        "channels": count,
        "kept": swap("a", "b", has="b's"),
        "first": swap("a", "b"),
        "from a bake": swap("c", "b", has="b's"),
        "of a bake": swap("c", "a"),
        "shared": swap("a", "b", own=False, has="b's"),
        "new": swap("", "b", has="b's"),
    }


def fingerprints() -> list[bool]:
    """Whether a take counts as another after each of these changes of its curves; the first is
    none."""
    module = harness.load("addon.motion.takes")

    def curve(path: str, index: int, keys: bytes) -> Made:
        return Made(data_path=path, array_index=index, keys=keys)

    def fingerprint(rig: list[Made] | None, keys: list[Made] | None) -> str:
        keys_module = harness.load("addon.motion.keys")
        with (
            mock.patch.multiple(
                module,
                actions_of=lambda _: {"OBJECT": rig, "KEY": keys},
                compat=Made(curves_of=lambda action, _: action),
            ),
            mock.patch.object(keys_module, "encode_keys", lambda curve: curve.keys),
        ):
            return module.fingerprint_of(None)

    x, y = curve("place", 0, b"1"), curve("place", 1, b"2")
    smile = curve("smile", 0, b"3")
    before = fingerprint([x, y], [smile])
    said = b"place[0]1place[1]2smile[0]3"  # files keep it: it must stay the same for ever
    assert before == hashlib.blake2b(said, digest_size=20).hexdigest()
    return [
        fingerprint(*changed) != before
        for changed in (
            ([x, y], [smile]),
            ([curve("place", 1, b"1"), curve("place", 0, b"2")], [smile]),
            ([x, curve("place", 2, b"2")], [smile]),
            ([x, curve("turn", 1, b"2")], [smile]),
            ([x, curve("place", 1, b"9")], [smile]),
            ([x, y], [curve("smile", 0, b"4")]),
            ([x, y], []),
            (None, [smile]),
        )
    ]


with harness.enabled():
    harness.answer(
        grids=grids(),
        reigns=reigns(),
        layers=layers(),
        names=names(),
        swaps=swaps(),
        fingerprints=fingerprints(),
    )
