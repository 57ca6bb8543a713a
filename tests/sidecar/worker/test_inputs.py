# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker reads for orders, and what its errors call it: never the cache's name of a file,
which is a hash. Whole orders are in test_work and test_flame_heads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.open_avatar import OPEN_GAUSSIANS
from affekt.sidecar.worker import inputs
from affekt.sidecar.worker.inputs import SubjectSource
from affekt.sidecar.worker.services import HeadSource, Take
from fakes.takes import arkit_content, as_bytes, random_motion

HASH = "ab" * 32


def fails(monkeypatch: pytest.MonkeyPatch, name: str, error: InputError) -> None:
    """The function of that name, which `inputs` calls, then raises the error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(inputs, name, fail)


def refused(call: object, *arguments: object) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


def test_only_the_open_head_has_a_name() -> None:
    """Not a path of the sidecar's machine, whatever lies there."""
    assert inputs.read_head("open").space == "open"
    assert inputs.head_of(HeadSource()) is inputs.read_head("open")
    assert inputs.adapter_of_head(inputs.read_head("open")) is None
    for name in ("/etc/passwd", "Open", "open-gaussians"):
        assert refused(inputs.read_head, name).code == "head.unknown"


def test_a_flame_file_goes_by_its_own_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / HASH
    error = InputError("head.damaged", f"{HASH} is cut off.", f"Download {HASH} again.")
    fails(monkeypatch, "read_flame", error)
    said = refused(inputs.head_of, HeadSource(name="generic_model.pkl", path=path))
    assert said.code == "head.damaged"
    assert said.message == "generic_model.pkl is cut off."
    assert said.remedy == "Download generic_model.pkl again."


def test_where_a_version_is_not_told_blender_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The terminal's remedy is an option, which Blender does not have."""
    fails(monkeypatch, "read_flame", InputError("head.version", "Which?", "Give --space."))
    said = refused(inputs.head_of, HeadSource(name="mine.pkl", path=tmp_path / HASH))
    assert "(Version)" in said.remedy
    assert "--space" not in said.remedy


def test_an_adapter_goes_by_no_name_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    take = tmp_path / "take"
    take.write_bytes(as_bytes(arkit_content(3)))
    fails(monkeypatch, "read_adapter", InputError("adapter.file", f"{HASH} is none.", "Make one."))
    asked = Take(path=take, name="take.json", adapter=tmp_path / HASH)
    said = refused(inputs.source_of, asked)
    assert (said.code, said.message) == ("adapter.file", "the adapter is none.")
    read, adapter = inputs.source_of(Take(path=take, name="take.json", adapter=None))
    assert (len(read.motion), adapter) == (3, None)


def test_a_file_that_needs_its_head_says_how_to_make_one_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A client can give one file only; other errors stay as they are."""
    file = tmp_path / "avatar"
    file.write_bytes(b"x")
    source = SubjectSource(avatar=file, name="mine.zip", head="open")
    fails(monkeypatch, "decode_avatar", InputError("avatar.needs_head", "No head.", "Give --head."))
    said = refused(inputs.subject, source)
    assert said.code == "avatar.needs_head"
    assert "--embed-head" in said.remedy
    fails(monkeypatch, "decode_avatar", InputError("avatar.ply", "No PLY.", "Another."))
    assert refused(inputs.subject, source).remedy == "Another."


def test_subjects_without_a_file() -> None:
    head = inputs.read_head("open")
    assert inputs.subject(SubjectSource(avatar=None, name="", head="open")) is head
    drawn = inputs.subject(SubjectSource(avatar=None, name="", head=OPEN_GAUSSIANS))
    assert drawn.name == OPEN_GAUSSIANS
    unknown = SubjectSource(avatar=None, name="", head="other")
    assert refused(inputs.subject, unknown).code == "head.unknown"


def test_a_take_of_the_heads_own_space_stays_as_it_is() -> None:
    motion = random_motion(3, space="flame2020")
    assert inputs._for_flame(motion, SimpleNamespace(space="flame2020")) is motion
    said = refused(inputs._for_flame, motion, SimpleNamespace(space="flame2023"))
    assert said.code == "space.other_flame"
    assert "'flame2020', and this head is of 'flame2023'" in said.message


def test_arkits_weights_stay_arkits_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by way of the open head, which has no negative ones."""
    file = tmp_path / "take"
    file.write_bytes(as_bytes(arkit_content(3)))
    take = Take(path=file, name="take.json", adapter=None)
    own = inputs.source_of(take)[0].motion
    ready = SimpleNamespace(before="as the open head has it", spoken="the open head")
    monkeypatch.setattr(inputs, "prepared", lambda asked: ready)
    read, space = inputs.read_take(take, "arkit")
    assert (read.motion is own, space) == (True, "arkit")
    read, space = inputs.read_take(take, "open")
    assert (read.motion, space) == (ready.before, "arkit")
