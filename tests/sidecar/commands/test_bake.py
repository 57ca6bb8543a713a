# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt bake`: where it keeps its chunks, and how it counts them; its options are in
test_options, whole bakes in tests/sidecar/test_cli.py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import affekt
import numpy as np
import pytest
from affekt.shared.connection import CACHE_VARIABLE
from affekt.shared.errors import InputError, JobError
from affekt.shared.motion import cut_motion, make_motion
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.batch.facts import Facts
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.claim import Claim, is_claimed
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.commands.bake import Bake, _chunk_store, _Progress
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.read import read_motion
from affekt.sidecar.motion.write import write_motion
from fakes.flame import npz
from fakes.flame_twin import COARSE, remeshed_twin

TAKE = Path(affekt.__file__).parent / "sidecar" / "assets" / "demo" / "take.npz"


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float | None]]:
    """The room that was asked for."""
    asked: list[tuple[int, float | None]] = []

    def make_room(_: Cache, needed_bytes: int, in_use_since: float | None) -> None:
        asked.append((needed_bytes, in_use_since))

    monkeypatch.setattr(Cache, "make_room", make_room)
    return asked


def test_chunks_are_kept_with_the_users_which_is_claimed_meanwhile(
    tmp_path: Path, rooms: list[tuple[int, float | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that is named, or else in the user's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "own"))
    for cache_dir, folder in ((tmp_path / "named", "named"), (None, "own")):
        with _chunk_store(cache_dir, 12345) as store:
            assert isinstance(store, UserCache)
            assert store.folder == tmp_path / folder / "users" / "local"
            assert is_claimed(tmp_path / folder)
        assert not is_claimed(tmp_path / folder)
    assert rooms == [(12345, None)] * 2
    with pytest.raises(KeyError), _chunk_store(tmp_path / "named", 1):
        raise KeyError
    assert not is_claimed(tmp_path / "named")


def test_a_sidecar_that_works_there_makes_the_room(
    tmp_path: Path, rooms: list[tuple[int, float | None]]
) -> None:
    Cache(tmp_path / "cache")
    claim = Claim(tmp_path / "cache")
    with _chunk_store(tmp_path / "cache", 12345) as store:
        assert isinstance(store, UserCache)
    assert rooms == []
    assert is_claimed(tmp_path / "cache")
    claim.close()


@pytest.mark.parametrize("fault", ["no folder", "no room"])
def test_without_a_cache_the_bake_goes_on_in_memory(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so, where errors go."""
    folder = tmp_path / "cache"
    if fault == "no folder":
        folder.write_bytes(b"a file")
        said = f"The folder {folder} cannot be used"
    else:
        said = "There is no room."

        def refuse(*_: object, **__: object) -> None:
            raise JobError("job.cache_full", said, "Make some.")

        monkeypatch.setattr(Cache, "make_room", refuse)
    with _chunk_store(folder, 12345) as store:
        assert isinstance(store, MemoryStore)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"affekt: {said}")
    assert printed.err.endswith(" The bake goes on, but keeps no chunks.\n")
    assert not is_claimed(tmp_path)


def test_chunks_are_counted_and_shown_to_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [
        SimpleNamespace(is_new=new, total=192, done=done)
        for new, done in ((True, 64), (False, 128), (False, 192))
    ]
    for looks in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda looks=looks: looks, raising=False)
        with _Progress() as progress:
            assert (progress.chunks, progress.found) == (0, 0)
            assert (progress._bar is not None) == looks
            for chunk in chunks:
                progress.show(chunk)  # type: ignore[arg-type]
            assert (progress.chunks, progress.found) == (3, 2)
            if progress._bar is not None:
                (task,) = progress._bar.tasks
                assert (task.completed, task.total, task.started) == (192, 192, True)
        if looks:
            assert progress._bar is not None
            assert not progress._bar.live.is_started


def test_a_take_on_its_own_flame_head_needs_no_adapter(tmp_path: Path) -> None:
    """The one that is kept for the head is made, also where a batch looks at the row first."""
    head = read_head("open")
    twin, take = remeshed_twin(head, left=COARSE), cut_motion(read_motion(TAKE), 60, 70)
    expression, jaw = (v.astype(np.float32) for v in twin.numbers(take.expression, take.jaw))
    turns = {name: getattr(take, name) for name in ("neck", "eyes", "rotation", "translation")}
    given = make_motion(expression=expression, jaw=jaw, fps=30.0, space="flame2023", **turns)
    (tmp_path / "flame.npz").write_bytes(npz(twin.arrays))
    write_motion(given, tmp_path / "t.npz")
    (tmp_path / "e.json").write_text('{"keys": [{"frame": 0, "happy": 1, "influence": 0}]}')
    places = {"motion": tmp_path / "t.npz", "emotions": tmp_path / "e.json"}
    with pytest.raises(InputError, match="column head"):
        Facts(**places, bakes=True).run()
    own = str(tmp_path / "flame.npz")  # which does not say which FLAME it is
    assert Facts(**places, bakes=True, head=own).run()["space"] == "flame2023"
    Bake(**places, head=own, out=tmp_path / "out", cache_dir=tmp_path / "cache").run()
    same = read_motion(tmp_path / "out" / "take.npz")
    np.testing.assert_array_equal(same.expression, given.expression)
    opened = read_motion(tmp_path / "out" / "motion.npz")
    smile = head.expression_names.index("mouthSmileLeft")
    assert opened.space == "open"
    np.testing.assert_allclose(opened.expression[:, smile], take.expression[:, smile], atol=0.15)
