# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering's folder: nothing lost, nothing half done, nothing rendered twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.addon.avatar.frames import (
    Performance,
    Plan,
    begin_frames,
    finish_frames,
    frame_keys,
    leave_frames,
)
from affekt.addon.camera import FrameCamera
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion

from .nouns import random_motion


def performance(
    motion: Motion, views: list[FrameCamera] | None = None, happy: float = 0
) -> Performance:
    weights = np.full((len(motion), 6), happy, np.float32)
    return Performance(motion=motion, weights=weights, views=views)


def plan_of(folder: Path, motion: Motion, *, first: int = 1, settings: str = "") -> Plan:
    keys = frame_keys(settings, performance(motion))
    return Plan(folder=folder, suffix=".exr", first=first, keys=keys)


def draw(plan: Plan, runs: list[range]) -> None:
    """What the sidecar does; a picture says its key."""
    for run in runs:
        for index in run:
            plan.working(index).write_text(plan.keys[index])


def pictures(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("avatar_*"))}


def expected(plan: Plan) -> dict[str, str]:
    return {plan.final(index).name: key for index, key in enumerate(plan.keys)}


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
    assert sorted(p.name for p in plan.folder.glob(".*")) == [".affekt_frames.json"]


def test_what_was_there_stays_until_all_is_new(tmp_path: Path) -> None:
    motion = random_motion(3)
    old, new = plan_of(tmp_path, motion), plan_of(tmp_path, motion, settings="other")
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


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"avatar_000001.exr": 3}', '{"../avatar_000001.exr": "KEY"}', "\xff"]
)
def test_a_damaged_ledger_is_no_ledger(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path / "out", random_motion(2))
    (tmp_path / "avatar_000001.exr").write_text("not ours")
    plan.folder.mkdir()
    ledger = plan.folder / ".affekt_frames.json"
    ledger.write_text(text.replace("KEY", plan.keys[0]), "latin-1")
    assert begin_frames(plan, reuse=True) == [range(2)]


def test_an_honest_ledger_is_believed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, random_motion(2))
    plan.final(0).write_text(plan.keys[0])
    (tmp_path / ".affekt_frames.json").write_text(json.dumps({"avatar_000001.exr": plan.keys[0]}))
    assert begin_frames(plan, reuse=True) == [range(1, 2)]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError) as caught:
        begin_frames(plan_of(tmp_path / "out", random_motion(2)), reuse=True)
    assert caught.value.code == "file.not_writable"


def test_keys_tell_cameras_apart_and_frames_and_settings() -> None:
    motion = random_motion(3)
    cameras = [
        look_at(
            target=np.zeros(3),
            distance=1 + index / 10,
            yaw_rad=0,
            pitch_rad=0,
            width=64,
            height=64,
            fov_y_rad=0.5,
        )
        for index in range(3)
    ]
    views = [FrameCamera(camera=camera, world_from_head=np.eye(4)) for camera in cameras]
    keys = frame_keys("a", performance(motion, views))
    assert len(set(keys)) == 3
    assert keys == frame_keys("a", performance(motion, views))
    wide = replace(cameras[2], focal_x=cameras[2].focal_x + 1)
    for other in (
        FrameCamera(camera=wide, world_from_head=np.eye(4)),
        FrameCamera(camera=cameras[2], world_from_head=2 * np.eye(4)),
    ):
        changed = frame_keys("a", performance(motion, [*views[:2], other]))
        assert [a == b for a, b in zip(keys, changed, strict=True)] == [True, False, False]
    assert not set(keys) & set(frame_keys("b", performance(motion, views)))
    assert not set(keys) & set(frame_keys("a", performance(motion)))
    assert not set(keys) & set(frame_keys("a", performance(motion, views, happy=1)))
