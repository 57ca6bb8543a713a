# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt bake`: where it keeps its chunks, and how it counts them; its options are in
test_options, whole bakes in tests/sidecar/test_cli.py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared.connection import CACHE_VARIABLE
from affekt.shared.errors import JobError
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.claim import Claim, is_claimed
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.commands.bake import _chunk_store, _Progress


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
