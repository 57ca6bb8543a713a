# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices and small sums in modules that only Blender can load, with what they look at made up."""

from types import SimpleNamespace as Made
from unittest import mock

import harness
import numpy as np


def patched(module: object, **stand_ins: object) -> object:
    """A context in which the module has other functions."""
    return mock.patch.multiple(module, **stand_ins)


def face() -> dict[str, object]:
    """Of six vertices 2 and 4 move, 1 m apart; another moves by a 25th as much."""
    calibrating = harness.load("addon.character.calibrating")
    vertices = np.array(
        [[9.0, 0, 0], [1.4, 0, 0], [0, 0, 0], [1.6, 0, 0], [1, 0, 0], [0.5, 0.9, 0]]
    )
    faces = np.array([[0, 1, 2], [1, 2, 4], [2, 4, 5], [3, 4, 5]], np.int32)
    shapes = np.zeros((52, 6, 3), np.float32)
    shapes[3, 2, 0], shapes[7, 4, 1], shapes[8, 0, 2] = 1.0, -1.0, 0.04
    near = calibrating.near_face(vertices, faces, shapes)
    still = calibrating.near_face(vertices, faces, np.zeros((52, 6, 3), np.float32))
    reach = np.zeros((52, 2), np.float32)
    reach[[3, 7, 9]] = [[0.5, 0.9], [0.7, 1.1], [9, 9]]
    return {
        "vertices": near.vertices,
        "faces": near.faces,
        "moving": np.argwhere(near.shapes.any(2)),
        "all": [len(still.vertices), len(still.faces)],
        "said": calibrating.describe(Made(reach=reach), near),
        "nothing": calibrating.describe(Made(reach=0 * reach), near),
    }


def ranges() -> dict[str, object]:
    """Ten frames of a take from curve frame 10 on, in a scene of its rate; which are read, and
    which of those are baked."""
    frames = harness.load("addon.bake.frames")
    placement = harness.load("addon.motion.placement")
    options = harness.load("addon.bake.options").BakeOptions
    scene = Made(
        frame_start=11, frame_end=12, use_preview_range=True,
        frame_preview_start=13, frame_preview_end=14,
    )  # fmt: skip
    take, told = Made(name="walk"), {}

    def choose(low: int, high: int, kind: str = "OWN", **how: object) -> list[list[int]]:
        place = placement.Placement(first=10.0, fps=how.get("fps", 24.0))
        own = placement.Grid(place=place, fps=24.0, rows=range(10))
        with patched(
            frames,
            _in_strips=lambda *_: how.get("strips"),
            grid_of=lambda *_: own,
            playing_actions=lambda *_: {},
            stretch=lambda _: how.get("stretch", 1.0),
        ):
            found = frames.choose_frames(
                None, take, scene, options(frame_range=kind, first=low, last=high),
                is_played=how.get("is_played", False),
            )  # fmt: skip
        read = found.read.rows
        return [[read.start, read.stop], [found.baked.start, found.baked.stop]]

    told["take"] = choose(0, 0, "TAKE")
    told["scene"], told["preview"] = choose(0, 0, "SCENE"), choose(0, 0, "PREVIEW")
    told["inside"] = choose(12, 15)
    told["played"] = choose(12, 15, is_played=True)
    told["before"], told["just before"] = choose(6, 11), choose(6, 9)
    told["after"], told["just after"] = choose(18, 22), choose(20, 22)
    told["far"] = choose(40, 45)
    told["between"] = choose(12, 14, fps=60.0)  # its frames lie at 10, 12.5, 15
    told["stretched"] = choose(6, 7, stretch=2.0)
    other = placement.Grid(place=placement.Placement(first=3.0, fps=24.0), fps=24.0, rows=range(4))
    told["strips"] = choose(0, 0, "TAKE", strips=other)
    told["none"] = harness.failure(lambda: choose(15, 14))
    told["too many"] = harness.failure(lambda: choose(1, 10_000_000))
    scene.use_preview_range = False
    told["no preview"] = harness.failure(lambda: choose(0, 0, "PREVIEW"))
    return told


def keys() -> dict[str, object]:
    simplify = harness.load("addon.bake.simplify")
    every = [simplify.every(step, 10, ["a", "b"]) for step in (1, 3, 4, 20)]
    turn = np.array([[np.cos(0.2), 0, np.sin(0.2), 0]])
    still = np.array([[1.0, 0, 0, 0]])
    return {
        "every": [list(rows["b"]) for rows in every],
        "angles": [
            simplify._angles(turn, still)[0],
            simplify._angles(3 * turn, 0.5 * still)[0],
            simplify._angles(turn, turn)[0],
        ],
    }


def rates() -> dict[str, object]:
    """A take of 24 frames a second, in a scene of that rate, for one of 30."""
    retiming = harness.load("addon.motion.retiming")
    placement = harness.load("addon.motion.placement")
    old, new = (placement.Placement(first=1.0, fps=fps) for fps in (24.0, 30.0))
    move = retiming._mover(Made(fps=24.0), old, new, 24.0)
    other = retiming._mover(Made(fps=24.0), old, old, 48.0)
    places = np.array([1.0, 13.0, 13.5, 0.0])
    return {
        "moved": move(places),
        "other": other(places),
        "blender": [retiming.blender_rate(fps) for fps in (24, 23.976, 59.94, 12.5, 29.97003)],
    }


def targets() -> dict[str, object]:
    """Which bake of a take is baked again, and when a new one is made."""
    module = harness.load("addon.bake.targets")
    options = harness.load("addon.bake.options").BakeOptions

    def item(name: str, source: str, kind: str = "BAKE", keys: str = "k") -> Made:
        return Made(name=name, source=source, kind=kind, baked_keys=keys)

    items = [
        item("walk", "", "TAKE"), item("walk 2", "walk"), item("run 2", "run"),
        item("walk 3", "walk", keys="other"), item("walk 4", "walk"),
    ]  # fmt: skip
    told: dict[str, object] = {}

    def found(active: str, *, broken: str = "", **chosen: object) -> list[str]:
        head = Made(affekt_takes=Made(items=items, active=active))
        with patched(
            module, _can_change=lambda _, bake: bake.name != broken, fingerprint_of=lambda _: "k"
        ):
            bake, said = module.target_of(head, "walk", options(**chosen))
        return [bake and bake.name, said]

    told["last"] = found("walk")
    told["used"] = found("walk 2")
    told["another take's"] = found("run 2")
    told["broken"] = found("walk 2", broken="walk 2")
    told["edited"] = found("walk 3")
    told["edited on"] = found("walk 3", overwrite=True)
    told["new"] = found("walk 2", target="NEW")
    items[:] = items[:1]
    told["none"] = found("walk")
    return told


def sounds() -> dict[str, object]:
    importing = harness.load("addon.motion.importing")
    folder = harness.folder() / "sounds"
    (folder / "walk").mkdir(parents=True)
    take, told = folder / "walk.npz", {}
    told["none"] = importing.find_sound(take)

    def name() -> str | None:
        found = importing.find_sound(take)
        return found and found.name

    (folder / "a.wav").touch()
    told["only one"] = name()
    (folder / "b.wav").touch()
    told["two"] = name()
    (folder / "walk.wav").touch()
    told["same name"] = name()
    take = folder / "walk"
    told["beside a folder"] = name()
    (folder / "walk.wav").unlink()
    told["empty folder"] = name()
    (take / "c.wav").touch()
    told["in the folder"] = name()
    return told


def reading() -> dict[str, object]:
    """A take's file is read by what it needs; one frame of many brings the others."""
    importing = harness.load("addon.motion.importing")
    folder = harness.folder() / "reading" / "walk"
    folder.mkdir(parents=True)
    for number in (1, 2, 10):
        (folder / f"f{number}.npz").write_bytes(b"%d" % number)
    (folder / "alone.npz").write_bytes(b"")
    kept, own = folder.parent / "kept.npz", folder.parent / "own.npz"
    for path in (kept, own):
        path.write_text(path.stem)
    asked, remembered = [], []

    def read_take(line: str, source: Made, adapter: Made, *more: object) -> object:
        asked.append([source.name, adapter and adapter.name, *map(str, more)])
        yield None
        if needs and adapter is None:
            raise errors.InputError(needs, "No.", "Yes.")
        frames = 3 if source.data[:2] == b"PK" else 1
        return motion.TakeRead(motion=[0] * frames, notes=("as read",))

    def read(name: str, adapter: object = None, last: object = None) -> list[object]:
        asked.clear()
        options = importing.ImportOptions(
            take=folder / name, adapter=adapter, first_frame=1, sets_range=False,
            with_sound=False, with_identity=False, reading="said",
        )  # fmt: skip
        with patched(
            importing,
            requests=Made(read_take=read_take),
            session=Made(need_line=lambda: "line"),
            remember_adapter=remembered.append,
            remembered_adapter=lambda: last,
        ):
            steps = importing._read_by_any_adapter(options, "head", "arkit")
            options, found = harness.last_of(steps)
        return [options.take.name, list(found.notes), [list(one) for one in asked]]

    needs, told = "", {}
    told["alone"], told["one of many"] = read("alone.npz"), read("f2.npz")
    told["folder"] = read("")
    told["own"] = read("alone.npz", own)
    told["remembered"] = [path.name for path in remembered]
    needs = "space.no_adapter"
    told["kept"] = read("alone.npz", None, kept)
    told["nothing kept"] = harness.failure(lambda: read("alone.npz"))
    needs = "motion.shape"
    told["other error"] = harness.failure(lambda: read("alone.npz", None, kept))
    return told


def left_out() -> list[list[str]]:
    """Of a head with two expressions, of one on FLAME, of a character."""
    importing = harness.load("addon.motion.importing")
    expression = np.zeros((2, 100), np.float32)
    expression[1, 2] = 0.5
    given = Made(expression=expression, eyelids=np.ones((2, 2)))
    without = Made(expression=0 * expression, eyelids=None)
    told = []
    for is_flame, is_character in ((False, False), (True, False), (False, True)):
        with patched(
            importing,
            is_character=lambda _, value=is_character: value,
            is_flame=lambda _, value=is_flame: value,
            expression_names=lambda _: ["one", "two"],
        ):
            told += [importing._left_out(None, given), importing._left_out(None, without)]
    return told


def takes() -> dict[str, object]:
    """Free names, and what a bake starts from."""
    module = harness.load("addon.motion.takes")
    items = [
        Made(name="walk", kind="TAKE", source="", keys_action="A"),
        Made(name="walk 2", kind="BAKE", source="walk", keys_action="B"),
        Made(name="run", kind="TAKE", source="", keys_action="C"),
    ]

    def source(active: str, shown: str | None) -> str:
        animation = None if shown == "" else Made(action=shown)
        head = Made(
            name="head",
            affekt_takes=Made(items=items, active=active),
            data=Made(shape_keys=Made(animation_data=animation)),
        )
        return module.source_take(head).name

    head = Made(affekt_takes=Made(items=items))
    return {
        "names": [module.free_name(head, name) for name in ("walk", "run", "sit", "walk 2")],
        "used": [source("walk", "A"), source("walk 2", "B"), source("run", "C")],
        "put to use by hand": [source("walk", "C"), source("run", "B"), source("run", "other")],
        "nothing plays": [source("run", ""), source("walk 2", None)],
        "none": harness.failure(lambda: source("", None)),
    }


def characters() -> dict[str, object]:
    """What is said of a jaw and of bones; strengths; which takes are written anew."""
    look, find = (harness.load(f"addon.character.{name}") for name in ("look", "find"))
    told: dict[str, object] = {
        "jaw": [
            look._say_jaw(shapes, jaw) for shapes in ({"jawOpen"}, set()) for jaw in ("Jaw", "")
        ]
    }

    def bones(names: str, shapes: set[str], **chosen: str) -> list[object]:
        roles = dict.fromkeys(("jaw", "eye_left", "eye_right", "neck", "head"), "") | chosen
        armature = Made(data=Made(bones=[Made(name=name) for name in names.split()]))
        character = Made(armature=None, **roles)
        with patched(look, moving_armature=lambda _: armature if names else None):
            said = look._find_bones(Made(affekt_character=character), shapes)
        return [[getattr(character, role) for role in roles], len(said)]

    told["bones"] = [
        bones("jaw eye.L eye.R neck head", set()),
        bones("jaw eye.L eye.R neck head", {"jawOpen", "eyeLookInLeft"}, neck="other"),
        bones("jaw neck", {"jawOpen"}),
        bones("", {"jawOpen"}),
    ]
    lines = [
        Made(name="jawOpen", key="a", strength=0.5),
        Made(name="jawOpen", key="b", strength=0.75),
        Made(name="jawLeft", key="", strength=0.25),
        Made(name="jawRight", key="c", strength=1.5),
    ]
    head = Made(affekt_character=Made(lines=lines, uses_calibration=True, calibration=""))
    mapping = find.mapping_of(head)
    names = ("jawOpen", "jawLeft", "jawRight", "mouthClose")
    told["strengths"] = [mapping.strengths[motion.ARKIT_NAMES.index(name)] for name in names]
    told["uncalibrated"] = mapping.calibration is None
    told["path"] = find.value_path('a "b"')
    told["written"] = written()
    return told


def written() -> list[object]:
    """Of four takes two were written by other settings; one of them is as it was baked."""
    applying = harness.load("addon.character.applying")
    rewritten, noted = [], []
    items = [
        Made(name=name, mapping=mapping, baked_keys=keys)
        for name, mapping, keys in (
            ("a", "now", "k"), ("b", "old", "k"), ("c", "old", "other"), ("d", "now", "other")
        )
    ]  # fmt: skip
    with patched(
        applying,
        mapping_of=lambda _: "mapping",
        encode_mapping=lambda _: "now",
        fingerprint_of=lambda _: "k",
        take_times=lambda take, _: f"times of {take.name}",
        rewrite_performance=lambda _, take, times: rewritten.append([take.name, times]),
        note_keys=lambda take: noted.append(take.name),
    ):
        count = applying.apply_mapping(Made(affekt_takes=Made(items=items)), None)
    return [count, rewritten, noted]


with harness.enabled():
    errors, motion = harness.load("shared.errors"), harness.load("shared.motion")
    harness.answer(
        face=face(),
        ranges=ranges(),
        keys=keys(),
        rates=rates(),
        targets=targets(),
        sounds=sounds(),
        reading=reading(),
        left_out=left_out(),
        takes=takes(),
        characters=characters(),
    )
