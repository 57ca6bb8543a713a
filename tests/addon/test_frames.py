# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering's folder: nothing lost, nothing half done, nothing rendered twice."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.addon.avatar.frames import Plan, begin_frames, finish_frames, leave_frames
from affekt.shared.errors import InputError
from affekt.shared.ledger import NAME, Entry, Ledger, hash_of, write_ledger
from affekt.shared.motion import Motion
from affekt.shared.pictures import PictureRequest
from affekt.shared.recipes import PictureRecipes

from .nouns import random_motion


def plan_of(folder: Path, motion: Motion, *, first: int = 1, subject: str = "") -> Plan:
    pictures = PictureRequest(format="exr", passes=("combined", "depth", "vector"))
    recipes = PictureRecipes(subject, motion, pictures)
    return Plan(
        folder=folder,
        suffix=pictures.suffix,
        first=first,
        recipes={index: recipes.of_frame(index) for index in range(len(motion))},
    )


def draw(plan: Plan, runs: list[range]) -> None:
    """What the client does (`shared/picture_files.py`); a picture says its recipe."""
    ledger = Ledger(plan.work)
    for run in runs:
        for index in run:
            plan.working(index).write_text(plan.recipes[index])
            ledger.note(plan.working(index))


def pictures(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("avatar_*"))}


def expected(plan: Plan) -> dict[str, str]:
    return {plan.final(index).name: recipe for index, recipe in plan.recipes.items()}


def test_a_cancelled_rendering_goes_on_where_it_stopped(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "out", random_motion(6))
    assert begin_frames(plan, reuse=True) == [range(6)]
    draw(plan, [range(2), range(4, 5)])
    leave_frames(plan)
    assert pictures(plan.folder) == {}
    missing = begin_frames(plan, reuse=True)
    assert missing == [range(2, 4), range(5, 6)]
    draw(plan, missing)
    finish_frames(plan)
    assert pictures(plan.folder) == expected(plan)
    assert sorted(p.name for p in plan.folder.glob(".*")) == [".affekt_frames"]


def test_what_was_there_stays_until_all_is_new(tmp_path: Path) -> None:
    motion = random_motion(3)
    old, new = plan_of(tmp_path, motion), plan_of(tmp_path, motion, subject="other")
    draw(old, begin_frames(old, reuse=True))
    finish_frames(old)
    assert begin_frames(new, reuse=True) == [range(3)]
    draw(new, [range(2)])
    leave_frames(new)
    assert pictures(tmp_path) == expected(old)
    draw(new, begin_frames(new, reuse=True))
    finish_frames(new)
    assert pictures(tmp_path) == expected(new)


@pytest.mark.parametrize("first", [1, 3])
def test_a_longer_take_renders_only_its_end(tmp_path: Path, first: int) -> None:
    motion = random_motion(8)
    rows = {
        name: getattr(motion, name)[:5]
        for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation")
    }
    short, long = plan_of(tmp_path, replace(motion, **rows)), plan_of(tmp_path, motion, first=first)
    draw(short, begin_frames(short, reuse=True))
    finish_frames(short)
    # The vector pass of frame 4 looks at frame 5.
    missing = begin_frames(long, reuse=True)
    assert missing == [range(4, 8)]
    draw(long, missing)
    finish_frames(long)
    assert pictures(tmp_path) == expected(long)


def test_an_unfinished_rendering_gives_its_frames_to_the_next(tmp_path: Path) -> None:
    motion = random_motion(6)
    other = replace(motion, jaw=np.concatenate([motion.jaw[:5], motion.jaw[5:] + 1]))
    first, second = plan_of(tmp_path, motion), plan_of(tmp_path, other)
    begin_frames(first, reuse=True)
    draw(first, [range(6)])
    assert begin_frames(second, reuse=True) == [range(4, 6)]
    assert not first.work.exists()


def test_one_frame_again_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(5), first=7)
    draw(plan, begin_frames(plan, reuse=True))
    before = finish_frames(plan)
    other = plan_of(tmp_path, random_motion(5), first=7, subject="other")
    one = replace(other, recipes={3: other.recipes[3]}, keeps_others=True)
    assert begin_frames(one, reuse=True) == [range(3, 4)]
    draw(one, [range(3, 4)])
    assert finish_frames(one) == before
    assert pictures(tmp_path) == expected(plan) | {"avatar_000010.exr": other.recipes[3]}
    assert begin_frames(plan, reuse=True) == [range(3, 4)]  # the others are still known


def test_one_frame_takes_no_other_frames_picture_and_keeps_what_was_retouched(
    tmp_path: Path,
) -> None:
    """A hold: two frames of the scene with the same recipe."""
    plan = plan_of(tmp_path, random_motion(4))
    draw(plan, begin_frames(plan, reuse=True))
    finish_frames(plan)
    plan.final(3).write_text("retouched")
    one = replace(plan, first=2, recipes={0: plan.recipes[0]}, keeps_others=True)
    assert begin_frames(one, reuse=True) == [range(1)]
    draw(one, [range(1)])
    finish_frames(one)
    there = pictures(tmp_path)
    assert there["avatar_000001.exr"] == there["avatar_000002.exr"] == plan.recipes[0]
    assert there["avatar_000004.exr"] == "retouched"


def test_one_frame_leaves_a_cancelled_rendering_waiting(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(6))
    begin_frames(plan, reuse=True)
    draw(plan, [range(4)])
    leave_frames(plan)
    one = replace(plan, recipes={5: plan.recipes[5]}, keeps_others=True)
    draw(one, begin_frames(one, reuse=True))
    finish_frames(one)
    assert begin_frames(plan, reuse=True) == [range(4, 5)]


def test_one_frame_of_another_kind_replaces_that_frame_alone(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(3))
    draw(plan, begin_frames(plan, reuse=True))
    finish_frames(plan)
    one = replace(plan, suffix=".png", recipes={1: plan.recipes[1]}, keeps_others=True)
    draw(one, begin_frames(one, reuse=True))
    assert [path.name for path in finish_frames(one)] == ["avatar_000002.png"]
    there = sorted(path.name for path in tmp_path.glob("avatar_*"))
    assert there == ["avatar_000001.exr", "avatar_000002.png", "avatar_000003.exr"]


def test_each_so_many_th_frame(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(6), first=11)
    plan = replace(plan, recipes={index: plan.recipes[index] for index in (1, 4)})
    assert begin_frames(plan, reuse=True) == [range(1, 2), range(4, 5)]
    draw(plan, [range(1, 2), range(4, 5)])
    names = [path.name for path in finish_frames(plan)]
    assert names == ["avatar_000012.exr", "avatar_000015.exr"]


def test_nothing_is_kept_when_told_so(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(3))
    draw(plan, begin_frames(plan, reuse=True))
    assert begin_frames(plan, reuse=False) == [range(3)]
    draw(plan, [range(3)])
    finish_frames(plan)
    assert begin_frames(plan, reuse=True) == []
    assert begin_frames(plan, reuse=False) == [range(3)]


def test_a_rendering_that_drew_nothing_leaves_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "out", random_motion(3))
    begin_frames(plan, reuse=True)
    leave_frames(plan)
    assert list(tmp_path.iterdir()) == []


def test_deleted_pictures_are_rendered_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(4))
    draw(plan, begin_frames(plan, reuse=True))
    finish_frames(plan)
    plan.final(2).unlink()
    assert begin_frames(plan, reuse=True) == [range(2, 3)]


@pytest.mark.parametrize("is_finished", [True, False])
def test_damaged_pictures_are_rendered_again(tmp_path: Path, is_finished: bool) -> None:
    plan = plan_of(tmp_path, random_motion(5))
    draw(plan, begin_frames(plan, reuse=True))
    path_of = plan.working
    if is_finished:
        finish_frames(plan)
        path_of = plan.final
    one, other = path_of(1).read_text(), path_of(3).read_text()
    path_of(1).write_text(one[:-1] + ("a" if one[-1] != "a" else "b"))
    path_of(3).write_text(path_of(2).read_text())
    missing = begin_frames(plan, reuse=True)
    assert missing == [range(1, 2), range(3, 4)]
    draw(plan, missing)
    finish_frames(plan)
    assert pictures(tmp_path) == expected(plan)
    assert (plan.final(1).read_text(), plan.final(3).read_text()) == (one, other)


def test_damaged_pictures_of_an_unfinished_rendering_are_not_taken_over(tmp_path: Path) -> None:
    motion = random_motion(6)
    other = replace(motion, jaw=np.concatenate([motion.jaw[:5], motion.jaw[5:] + 1]))
    first, second = plan_of(tmp_path, motion), plan_of(tmp_path, other)
    begin_frames(first, reuse=True)
    draw(first, [range(6)])
    first.working(2).write_text("damaged")
    missing = begin_frames(second, reuse=True)
    assert missing == [range(2, 3), range(4, 6)]
    draw(second, missing)
    finish_frames(second)
    assert pictures(tmp_path) == expected(second)
    assert begin_frames(second, reuse=True) == []


@pytest.mark.parametrize("text", ["", "[]", "{", "\nHASH RECIPE ../avatar_000001.exr", "\xff"])
def test_a_damaged_ledger_is_no_ledger(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path / "out", random_motion(2))
    (tmp_path / "avatar_000001.exr").write_text("not ours")
    plan.folder.mkdir()
    text = text.replace("HASH", hash_of(tmp_path / "avatar_000001.exr"))
    text = text.replace("RECIPE", plan.recipes[0])
    (plan.folder / NAME).write_text(text, "latin-1")
    assert begin_frames(plan, reuse=True) == [range(2)]


def test_an_honest_ledger_is_believed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(2))
    plan.final(0).write_text("a picture")
    Ledger(tmp_path).note(plan.final(0), plan.recipes[0])
    assert begin_frames(plan, reuse=True) == [range(1, 2)]


def test_a_picture_that_goes_meanwhile_is_said(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(3))
    draw(plan, begin_frames(plan, reuse=True))
    finish_frames(plan)
    assert begin_frames(plan, reuse=True) == []
    plan.final(1).unlink()
    with pytest.raises(InputError) as caught:
        finish_frames(plan)
    assert caught.value.code == "file.not_writable"
    assert "has gone meanwhile" in caught.value.message


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError) as caught:
        begin_frames(plan_of(tmp_path / "out", random_motion(2)), reuse=True)
    assert caught.value.code == "file.not_writable"


def test_a_full_disk_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match="the disk is full") as caught:
        begin_frames(plan_of(tmp_path / "out", random_motion(2)), reuse=True)
    assert caught.value.code == "file.not_writable"
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_was_not_noted_is_shown_and_rendered_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(3))
    draw(plan, begin_frames(plan, reuse=True))
    ledger = plan.work / NAME
    name = plan.working(1).name
    ledger.write_bytes(
        b"\n".join(line for line in ledger.read_bytes().split(b"\n") if name.encode() not in line)
    )
    finish_frames(plan)
    assert pictures(tmp_path) == expected(plan)
    assert begin_frames(plan, reuse=True) == [range(1, 2)]


@pytest.mark.parametrize("name", ["../victim.exr", "/victim.exr", "frame_1.exr", "notes.exr"])
def test_a_plan_takes_no_file_from_elsewhere(tmp_path: Path, name: str) -> None:
    """Whatever another's unfinished rendering says that it holds."""
    plan = plan_of(tmp_path / "out", random_motion(2))
    other = plan.folder / ".affekt_unfinished_0123456789ab"
    other.mkdir(parents=True)
    victim = (other / name).resolve() if name != "/victim.exr" else tmp_path / "victim.exr"
    victim.write_text("mine")
    said = str(victim) if name == "/victim.exr" else name
    (other / "plan.json").write_text(json.dumps({said: plan.recipes[0]}))
    entry = Entry(digest=hash_of(victim), recipe="")
    write_ledger(other, {victim.name: entry})
    assert begin_frames(plan, reuse=True) == [range(2)]
    if victim.parent != other:
        assert victim.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[1]", "3", '{"frame_0000.exr": 3}'])
def test_a_damaged_plan_is_no_plan(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, random_motion(2))
    other = tmp_path / ".affekt_unfinished_0123456789ab"
    other.mkdir()
    (other / "plan.json").write_text(text)
    assert begin_frames(plan, reuse=True) == [range(2)]
    assert not other.exists()
