# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes room in the cache, and what does not: downloads, jobs, uploads in pieces."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.errors import JobError
from affekt.shared.messages import ArtefactChunk, ArtefactState, Download, Failure, Upload
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.server.transfers import Transfers, failure

PIECE = 8192
START = 1e9


class Store:
    """The files of one user, with room for `most` bytes. Whatever is kept was used at `START`,
    which is long ago."""

    def __init__(self, folder: Path, most: int) -> None:
        self.now = START
        self.cache = Cache(folder, most)
        self.files = Transfers(self.cache, lambda: self.now)

    def keep(self, data: bytes) -> str:
        sha256, _ = self.cache.user("anna").add(lambda file: file.write(data))
        os.utime(self.cache.user("anna").path(sha256, "it"), (START, START))
        return sha256

    def download(self, sha256: str, offset: int = 0) -> ArtefactChunk:
        chunk = self.files.answer("anna", Download(sha256=sha256, offset=offset), None)
        assert isinstance(chunk, ArtefactChunk), chunk
        self.now += 0.1
        os.utime(self.cache.user("anna").path(sha256, "it"), (self.now, self.now))
        return chunk

    def upload(self, data: bytes, offset: int, end: int) -> ArtefactState | Failure:
        piece = Upload(
            kind="motion",
            name="take.npz",
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            offset=offset,
            data=data[offset:end],
        )
        answer = self.files.answer("anna", piece, None)
        assert isinstance(answer, ArtefactState | Failure)
        return answer

    def has(self, sha256: str) -> bool:
        return (self.cache.root / "users" / "anna" / "artefacts" / sha256).exists()


@pytest.fixture
def make_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Store]:
    monkeypatch.setattr(limits, "CHUNK_BYTES", PIECE)
    return lambda most: Store(tmp_path / "cache", most)


@pytest.mark.parametrize("how", ["under way", "slow", "over", "given up"])
def test_a_download_under_way_stays(how: str, make_store: Callable[[int], Store]) -> None:
    store = make_store(10 * PIECE)
    sha256 = store.keep(bytes(3 * PIECE + 5))
    for offset in range(0, 4 * PIECE if how == "over" else 2 * PIECE, PIECE):
        store.download(sha256, offset)
    store.now += {"slow": 29, "given up": 31}.get(how, 0)  # seconds since its last piece
    data = os.urandom(9 * PIECE)
    answer = store.upload(data, 0, PIECE)
    assert store.has(sha256) == (how in ("under way", "slow"))
    assert isinstance(answer, Failure) == (how in ("under way", "slow"))


def test_all_parts_of_a_long_download_stay(make_store: Callable[[int], Store]) -> None:
    """Its first piece marks all of them; the last one is read only 20 seconds later."""
    store = make_store(10 * PIECE)
    user = store.cache.user("anna")
    parts = [user.add_chunk(letter * 40, [os.urandom(2 * PIECE)]) for letter in "ab"]
    sha256, _ = user.add_parts(b"head", parts)
    for offset in (0, PIECE):
        answer = store.files.answer("anna", Download(sha256=sha256, offset=offset), None)
        assert isinstance(answer, ArtefactChunk)
        for part in parts if offset == 0 else ():
            os.utime(user.chunk_path(part.key), (START, START))
        store.now += 10
    answer = store.upload(os.urandom(9 * PIECE), 0, PIECE)
    assert isinstance(answer, Failure)
    assert answer.code == "job.cache_full"
    assert [user.chunk_path(part.key).exists() for part in parts] == [True, True]


def test_many_uploads_at_once_keep_to_the_limit(make_store: Callable[[int], Store]) -> None:
    """Each of them alone has room."""
    store = make_store(12 * PIECE)
    takes = [os.urandom(8 * PIECE) for _ in range(3)]
    answers = [
        store.upload(take, offset, offset + PIECE)
        for offset in range(0, 8 * PIECE, PIECE)
        for take in takes
    ]
    refused = {answer.code for answer in answers if isinstance(answer, Failure)}
    assert refused == {"job.cache_full"}
    kept = sum(path.stat().st_size for path in store.cache.root.rglob("*") if path.is_file())
    assert kept <= 12 * PIECE


def test_what_a_job_needs_counts_as_used(make_store: Callable[[int], Store]) -> None:
    store = make_store(10 * PIECE)
    sha256 = store.keep(b"a take")
    path = store.cache.user("anna").path(sha256, "it")
    os.utime(path, (START, START))
    store.files.touch("anna", ["0" * 64, sha256])  # the first is not there
    assert path.stat().st_mtime > START


def test_what_cannot_be_marked_is_logged_and_the_rest_is_marked(
    make_store: Callable[[int], Store],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = make_store(10 * PIECE)
    sha256 = store.keep(b"a take")
    state = UserCache.state

    def fail(user: UserCache, asked: str) -> ArtefactState:
        if asked == "0" * 64:
            raise JobError("job.disk", "The disk is gone.", "Look for it.")
        return state(user, asked)

    monkeypatch.setattr(UserCache, "state", fail)
    store.files.touch("anna", ["0" * 64, sha256])
    file = store.cache.root / "users" / "anna" / "artefacts" / sha256
    assert file.stat().st_mtime > START
    assert "The disk is gone." in caplog.text


def test_room_is_made_and_its_size_told(make_store: Callable[[int], Store]) -> None:
    store = make_store(4 * PIECE)
    names = [store.keep(bytes([letter]) * 2 * PIECE) for letter in b"abc"]
    for place, name in enumerate(names):
        os.utime(store.cache.user("anna").path(name, "it"), (START + place, START + place))
    assert store.files.size_bytes == 0
    assert store.files.make_room(None) is None
    assert [store.has(name) for name in names] == [False, False, True]  # down to 95 %
    assert store.files.size_bytes == 2 * PIECE
    assert store.files.make_room(START - 10) is None
    store.keep(b"d" * 3 * PIECE)
    error = store.files.make_room(START - 10)  # all of it is in use
    assert error is not None
    assert error.code == "job.cache_full"
    assert store.has(names[2])


def test_a_piece_of_a_picture(make_store: Callable[[int], Store]) -> None:
    store = make_store(100 * PIECE)
    path = store.cache.user("anna").pictures("ab" * 20) / "frame_0001.png"
    data = os.urandom(PIECE + 100)
    path.write_bytes(data)
    place = store.cache.user("anna").relative(path)
    assert store.files.read_piece("anna", place, 0) == (PIECE + 100, data[:PIECE])
    assert store.files.read_piece("anna", place, PIECE) == (PIECE + 100, data[PIECE:])
    for user, file, reason in (
        ("ben", place, "No such file or directory"),
        ("anna", place.replace("1.png", "2.png"), "No such file or directory"),
        ("anna", "../x", "ValueError"),
    ):
        with pytest.raises(JobError) as caught:
            store.files.read_piece(user, file, 0)
        assert caught.value.code == "job.disk"
        said = f"A picture cannot be read from the sidecar's cache ({reason})."
        assert caught.value.message == said  # and no path


def test_each_users_files_are_marked_alone(make_store: Callable[[int], Store]) -> None:
    store = make_store(100 * PIECE)
    store.keep(b"a take")
    theirs, _ = store.cache.user("ben").add(lambda file: file.write(b"a take"))
    path = store.cache.user("ben").path(theirs, "it")
    os.utime(path, (START, START))
    store.files.touch("anna", [theirs])
    assert path.stat().st_mtime == START


def test_an_uploads_first_piece_makes_room_for_the_whole(
    make_store: Callable[[int], Store],
) -> None:
    store = make_store(10 * PIECE)
    old = store.keep(bytes(3 * PIECE))
    take = os.urandom(8 * PIECE)
    assert isinstance(store.upload(take, 0, 10), ArtefactState)
    assert not store.has(old)
    newer = store.keep(bytes(5))
    assert isinstance(store.upload(take, 10, 20), ArtefactState)
    assert store.has(newer)


def test_an_error_is_an_answer(make_store: Callable[[int], Store]) -> None:
    store = make_store(10 * PIECE)
    answer = store.files.answer("anna", Download(sha256="0" * 64, offset=0), None)
    assert isinstance(answer, Failure)
    assert answer.code == "link.no_artefact"


def test_what_an_open_job_uses_stays_while_others_upload(
    make_store: Callable[[int], Store],
) -> None:
    """The oldest of all that is under way counts, whether a job or a download began it."""
    store = make_store(10 * PIECE)
    names = [store.keep(bytes([letter]) * 3 * PIECE) for letter in b"abc"]
    for age, name in zip((300, 200, 100), names, strict=True):
        used_at = START - age
        os.utime(store.cache.user("anna").path(name, "it"), (used_at, used_at))
    assert store.files.make_room(None) is None
    take = os.urandom(7 * PIECE)
    piece = Upload(
        kind="motion",
        name="take.npz",
        sha256=hashlib.sha256(take).hexdigest(),
        size=len(take),
        offset=0,
        data=take[:10],
    )
    answer = store.files.answer("anna", piece, START - 150)
    assert isinstance(answer, ArtefactState)
    assert [store.has(name) for name in names] == [False, False, True]
    store.keep(b"d" * 2 * PIECE)
    answer = store.files.answer("anna", piece, START - 150)
    assert isinstance(answer, Failure)
    assert answer.code == "job.cache_full"
    assert store.has(names[2])


def test_each_user_downloads_alone(make_store: Callable[[int], Store]) -> None:
    """That one has read a file to its end does not end another one's download of the same file."""
    store = make_store(10 * PIECE)
    data = bytes(2 * PIECE + 5)
    sha256 = store.keep(data)
    store.cache.user("ben").add(lambda file: file.write(data))
    store.download(sha256)
    for offset in (0, PIECE, 2 * PIECE):
        store.files.answer("ben", Download(sha256=sha256, offset=offset), None)
    os.utime(store.cache.user("ben").path(sha256, "it"), (START - 9, START - 9))
    answer = store.upload(os.urandom(8 * PIECE), 0, PIECE)
    assert isinstance(answer, Failure)
    assert store.has(sha256)


def test_a_download_that_began_before_the_oldest_job_counts(
    make_store: Callable[[int], Store],
) -> None:
    store = make_store(10 * PIECE)
    sha256 = store.keep(bytes(3 * PIECE + 5))
    store.download(sha256)
    os.utime(store.cache.user("anna").path(sha256, "it"), (START, START))
    other = store.keep(bytes(4 * PIECE))
    used_at = START - 90
    os.utime(store.cache.user("anna").path(other, "it"), (used_at, used_at))
    store.now += 20  # s after the last piece
    piece = Upload(
        kind="motion", name="take", sha256="a" * 64, size=7 * PIECE, offset=0, data=b"begin"
    )
    answer = store.files.answer("anna", piece, START + 15)
    assert isinstance(answer, Failure)  # there would be room without the download
    assert (store.has(sha256), store.has(other)) == (True, False)


def test_a_long_error_is_cut() -> None:
    answer = failure(JobError("job.disk", "m" * 4001, "r" * 4001))
    assert answer == Failure(code="job.disk", message="m" * 4000, remedy="r" * 4000)
