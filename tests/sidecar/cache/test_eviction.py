# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes first, and that the budget holds."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.errors import JobError
from affekt.shared.replacement import partial_name
from affekt.sidecar.cache.cache import Cache, Entry, choose
from affekt.sidecar.cache.disk import disk_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = 8192
"""Bytes of disk of each file here."""


def add(cache: Cache, index: int, used_at: float, user: str = "local") -> str:
    """An artefact of its own, last used then."""
    part = cache.user(user)
    sha256, _ = part.add(lambda file: file.write(bytes([index]) * FILE))
    os.utime(part.path(sha256, "x"), (used_at, used_at))
    return sha256


def left(cache: Cache, names: list[str], user: str = "local") -> list[int]:
    folder = cache.user(user).folder / "artefacts"
    return [index for index, name in enumerate(names) if (folder / name).exists()]


ENTRIES = st.lists(
    st.builds(
        Entry,
        path=st.integers(0, 99).map(lambda n: Path(str(n))),
        size=st.integers(1, 50),
        used_at=st.integers(0, 9).map(float),
    ),
    unique_by=lambda entry: entry.path,
)


@given(entries=ENTRIES, excess=st.integers(-5, 400), since=st.none() | st.floats(0, 9))
def test_the_oldest_go_and_no_more_than_needed(
    entries: list[Entry], excess: int, since: float | None
) -> None:
    gone = list(choose(entries, excess, since))
    kept = [entry for entry in entries if entry not in gone]
    free = [entry for entry in entries if since is None or entry.used_at < since]
    assert all(entry in free for entry in gone)
    assert all(old.used_at <= new.used_at for old in gone for new in kept)
    freed = sum(entry.size for entry in gone)
    assert freed >= min(excess, sum(entry.size for entry in free))
    assert not gone or freed - gone[-1].size < excess


@given(length=st.integers(0, 10**10))
def test_every_file_takes_room(length: int) -> None:
    assert disk_bytes(length) >= max(length, 1)
    assert disk_bytes(length) - length <= 4096


def test_a_file_that_was_used_at_the_very_moment_is_in_use() -> None:
    """And of files of one time the first by name goes."""
    old, edge, new = (
        Entry(path=Path(name), size=10, used_at=used)
        for name, used in (("c", 4.0), ("b", 5.0), ("a", 6.0))
    )
    assert list(choose([new, edge, old], 100, 5.0)) == [old]
    assert list(choose([new, edge, old], 100, 5.5)) == [old, edge]
    assert list(choose([new, edge, old], 11, None)) == [old, edge]
    assert list(choose([new, edge, old], 10, None)) == [old]
    assert list(choose([new, edge, old], 0, None)) == []
    same = [Entry(path=Path(name), size=10, used_at=4.0) for name in "cab"]
    assert [entry.path.name for entry in choose(same, 15, None)] == ["a", "b"]


def test_least_recently_used_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10 * FILE)
    names = [add(cache, index, 1000.0 + index, "ab"[index % 2]) for index in range(10)]
    cache.make_room(0, None)
    assert left(cache, names, "a") + left(cache, names, "b") == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    cache.user("a").read(names[0], 0)  # whoever is used goes last
    cache.make_room(3 * FILE, None)
    assert left(cache, names, "a") + left(cache, names, "b") == [0, 4, 6, 8, 5, 7, 9]
    assert cache.size_bytes() == 7 * FILE


def test_what_an_open_job_uses_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 4 * FILE)
    names = [add(cache, index, 1000.0 + index) for index in range(4)]
    began = time.time()
    cache.user("local").path(names[0], "x")
    mine = cache.user("local").add_chunk("ab" * 20, [bytes(FILE - 32)])
    cache.make_room(0, began)
    assert 0 in left(cache, names)
    cache.make_room(2 * FILE, began)
    assert left(cache, names) == [0]
    assert cache.user("local").find_chunk(mine.key) == mine
    with pytest.raises(JobError) as caught:
        cache.make_room(3 * FILE, began)
    assert caught.value.code == "job.cache_full"
    assert left(cache, names) == [0]
    cache.make_room(3 * FILE, time.time() + 10)  # the job has ended
    assert cache.size_bytes() <= FILE


def test_more_goes_than_must_so_that_not_every_new_file_needs_it(tmp_path: Path) -> None:
    """One file above 40: down to 95 of a hundred, 38 files of 40."""
    cache = Cache(tmp_path, 40 * FILE)
    names = [add(cache, index, 1000.0 + index) for index in range(41)]
    cache.make_room(0, None)
    assert left(cache, names) == list(range(3, 41))
    cache.make_room(5 * FILE, None)
    assert left(cache, names) == list(range(6, 41))
    assert cache.size_bytes() == 35 * FILE


def test_a_files_time_may_be_a_second_behind_the_jobs(tmp_path: Path) -> None:
    cache = Cache(tmp_path, FILE)
    names = [add(cache, 1, 998.9), add(cache, 2, 999.1)]
    with pytest.raises(JobError):
        cache.make_room(FILE, 1000.0)
    assert left(cache, names) == [1]


def test_a_full_cache_says_how_much_it_may_hold(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        Cache(tmp_path, 2_500_000_000).make_room(2_500_000_001, None)
    assert "may hold 2.5 GB" in caught.value.message
    Cache(tmp_path, 2_500_000_000).make_room(2_500_000_000, None)


def test_more_than_the_limit_never_fits(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 4 * FILE)
    add(cache, 1, 1000.0)
    with pytest.raises(JobError) as caught:
        cache.make_room(4 * FILE + 1, None)
    assert caught.value.code == "job.cache_full"


@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=20))
@settings(max_examples=30)
def test_the_budget_holds(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    root = tmp_path_factory.mktemp("cache")
    cache = Cache(root, 100_000)
    for index, size in enumerate(sizes):
        cache.make_room(disk_bytes(size), None)
        cache.user("local").add(lambda file, i=index, n=size: file.write(bytes([i]) * n))
        real = sum(disk_bytes(p.stat().st_size) for p in root.rglob("*") if p.is_file())
        assert real <= 100_000
        assert cache.size_bytes() == real


def test_other_processes_files_are_counted(tmp_path: Path) -> None:
    now = [0.0]
    one, two = (Cache(tmp_path, 10 * FILE, lambda: now[0]) for _ in range(2))
    add(one, 1, 1000.0)
    assert two.size_bytes() == FILE
    add(one, 2, 1000.0)
    now[0] += 0.99
    assert two.size_bytes() == FILE
    now[0] += 0.01
    assert two.size_bytes() == one.size_bytes() == 2 * FILE


def test_a_folder_that_is_slow_to_measure_is_measured_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 50 times as long as that takes: 3 s make 150 s from its end on."""
    now = [0.0]
    cache, other = Cache(tmp_path, 10 * FILE, lambda: now[0]), Cache(tmp_path)
    real = os.scandir

    def slow(folder: object):
        if str(folder).endswith("artefacts"):
            now[0] += 3.0
        return real(folder)

    add(other, 1, 1000.0)
    monkeypatch.setattr(os, "scandir", slow)
    assert cache.size_bytes() == FILE
    assert now == [3.0]
    add(other, 2, 1000.0)
    now[0] = 152.9
    assert cache.size_bytes() == FILE
    now[0] = 153.0
    assert cache.size_bytes() == 2 * FILE


def test_the_size_is_counted_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path, 10 * FILE, lambda: 0.0)
    assert cache.size_bytes() == 0
    monkeypatch.setattr(os, "scandir", None)
    add(cache, 1, 1000.0)
    cache.make_room(FILE, None)
    assert cache.size_bytes() == FILE


def test_leftovers_go(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    cache = Cache(tmp_path, 10 * FILE)
    add(cache, 1, 1000.0)
    folder = cache.user("local").folder / "artefacts"
    mine = partial_name()
    now = time.time()
    of_dead = mine.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    elsewhere = f".affekt-{'0' * 8}-{dead.pid}-00000000.partial"  # it may live there
    for name, used_at in {
        of_dead: now,
        mine: now - 120,
        elsewhere: now - 120,
        partial_name(): now - 700,
        elsewhere.replace("-00000000.", "-00000001."): now - 700,
        "strange.partial": now - 700,
    }.items():
        (folder / name).write_bytes(bytes(FILE))
        os.utime(folder / name, (used_at, used_at))
    assert Cache(tmp_path).size_bytes() == 3 * FILE
    left = {path.name for path in folder.glob("*.partial")}
    assert left == {mine, elsewhere}
    with pytest.raises(JobError):  # they are nobody's to evict
        Cache(tmp_path, FILE).make_room(0, None)
    assert {path.name for path in folder.iterdir()} == left


@pytest.mark.parametrize(
    ("place", "stays"),
    [
        ("users/somebody-else/artefacts/theirs.bin", False),  # a user as any other
        ("users/somebody-else/pictures/in/theirs.png", False),
        ("users/Somebody Else/artefacts/theirs.bin", True),
        ("users/somebody.else/pictures/in/theirs.png", True),
        (f"users/{'a' * 65}/chunks/theirs", True),
        ("users/Somebody Else/artefacts/theirs.partial", True),
        ("users/local/notes/theirs.txt", True),
        ("users/local/theirs.txt", True),
        ("users/theirs.txt", True),
        ("artefacts/theirs.bin", True),
        ("theirs.partial", True),
    ],
)
def test_what_lies_beside_the_caches_files_is_neither_counted_nor_evicted(
    tmp_path: Path, place: str, stays: bool
) -> None:
    cache, theirs = Cache(tmp_path, 3 * FILE), tmp_path / place
    names = [add(cache, index, 2000.0 + index) for index in range(2)]
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_bytes(bytes(FILE))
    os.utime(theirs, (1000, 1000))  # the first to go, and long left behind
    assert Cache(tmp_path).size_bytes() == (2 if stays else 3) * FILE
    cache = Cache(tmp_path, 3 * FILE)
    cache.make_room(2 * FILE, None)
    assert theirs.exists() is stays
    assert left(cache, names) == [1]
    assert cache.size_bytes() == FILE


def test_pictures_in_use_stay(tmp_path: Path) -> None:
    cache, recipes = Cache(tmp_path, 3 * FILE), ["a" * 40, "b" * 40]
    for recipe in recipes:
        path = cache.user("local").pictures(recipe) / "frame_0001.png"
        path.write_bytes(bytes(FILE))
        os.utime(path, (1000, 1000))
    began = time.time()
    cache.user("local").pictures(recipes[1])
    cache.make_room(2 * FILE, began)
    assert not list(cache.user("local").pictures(recipes[0]).iterdir())
    assert list(cache.user("local").pictures(recipes[1]).iterdir())


def test_half_evicted_artefacts_of_parts_are_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100 * FILE)
    user = cache.user("local")
    parts = [user.add_chunk(letter * 40, [letter.encode() * FILE]) for letter in "ab"]
    sha256, size = user.add_parts(b"head", parts)
    assert (sha256, size) == (
        hashlib.sha256(b"head" + b"a" * FILE + b"b" * FILE).hexdigest(),
        4 + 2 * FILE,
    )
    assert user.state(sha256).is_complete
    os.utime(user.chunk_path("a" * 40), (1000, 1000))
    Cache(tmp_path, 3 * FILE).make_room(0, time.time() - 100)
    assert not user.chunk_path("a" * 40).exists()
    assert not user.state(sha256).is_complete


def test_the_limit_leaves_room_for_the_largest_files() -> None:
    assert 10 * max(limits.ARTEFACT_BYTES.values()) < limits.CACHE_BYTES
