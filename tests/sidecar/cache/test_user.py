# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's part of the cache: uploads, artefacts, chunks, and what it makes of damage."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from itertools import pairwise
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import AffektError, JobError, LinkError
from affekt.shared.messages import ArtefactState, Upload
from affekt.sidecar.cache import parts
from affekt.sidecar.cache import user as user_module
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.parts import Manifest, Part
from affekt.sidecar.cache.user import UserCache
from hypothesis import given
from hypothesis import strategies as st

WHOLE = bytes(range(256)) * 4
SHA256 = hashlib.sha256(WHOLE).hexdigest()
KEY = "ab" * 20
posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@pytest.fixture
def user(tmp_path: Path) -> UserCache:
    return Cache(tmp_path / "cache").user("local")


def again(user: UserCache) -> UserCache:
    """The same folder, for a process that has started anew."""
    return Cache(user.folder.parents[1]).user(user.folder.name)


def piece(start: int, stop: int, **changes: object) -> Upload:
    fields = {
        "kind": "motion",
        "name": "take.json",
        "sha256": SHA256,
        "size": len(WHOLE),
        "offset": start,
        "data": WHOLE[start:stop],
    }
    return Upload(**{**fields, **changes})  # type: ignore[arg-type]


def state(received: int, *, is_complete: bool = False) -> ArtefactState:
    return ArtefactState(sha256=SHA256, received=received, is_complete=is_complete)


def code_of(error: pytest.ExceptionInfo[AffektError]) -> str:
    return error.value.code


def files(user: UserCache) -> list[str]:
    return sorted(path.name for path in user.folder.rglob("*") if path.is_file())


# --- uploads --------------------------------------------------------------------------------


def test_pieces_make_an_artefact(user: UserCache) -> None:
    assert user.state(SHA256) == state(0)
    assert user.take(piece(0, 400)) == state(400)
    assert user.take(piece(100, 500)) == state(400)  # does not follow: it says where to go on
    assert user.take(piece(800, 1024)) == state(400)
    assert user.state(SHA256) == state(400)
    assert user.take(piece(400, 1024)) == state(1024, is_complete=True)
    assert user.take(piece(0, 400)) == state(1024, is_complete=True)
    assert user.path(SHA256, "take.json").read_bytes() == WHOLE
    assert user.read(SHA256, 1000).data == WHOLE[1000:]
    assert user.read(SHA256, 5000).data == b""
    assert files(user) == [SHA256]


def test_an_empty_artefact(user: UserCache) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert user.take(piece(0, 0, sha256=empty, size=0)).is_complete


def test_other_bytes_than_announced_are_dropped(user: UserCache) -> None:
    user.take(piece(0, 400))
    with pytest.raises(LinkError) as caught:
        user.take(piece(400, 1024, data=bytes(624)))
    assert code_of(caught) == "link.hash"
    assert user.state(SHA256) == state(0)
    assert files(user) == []
    assert user.take(piece(0, 1024)).is_complete


@pytest.mark.parametrize(
    "changes",
    [
        {"size": limits.ARTEFACT_BYTES["motion"] + 1},
        {"size": 100},
        {"kind": "vertices"},
        {"offset": 1},
    ],
)
def test_too_large_uploads_are_refused(user: UserCache, changes: dict[str, object]) -> None:
    with pytest.raises(LinkError) as caught:
        user.take(piece(0, 1024, **changes))
    assert code_of(caught) == "link.upload"
    assert files(user) == []


def test_an_upload_of_another_size_starts_again(user: UserCache) -> None:
    user.take(piece(0, 400, size=2000))
    assert user.take(piece(0, 1024)).is_complete
    assert files(user) == [SHA256]


def test_an_upload_that_is_given_up_frees_what_it_took(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", clock=lambda: 0.0)  # so it measures once, then counts
    user = cache.user("local")
    assert cache.size_bytes() == 0
    user.take(piece(0, 400, size=2000))
    assert cache.size_bytes() == 400
    user.take(piece(0, 300))  # of another size: the first is dropped
    assert cache.size_bytes() == 300


def test_unfinished_uploads_are_few(user: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ARRIVALS", 3)
    names = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]
    for name in names:
        user.take(piece(0, 400, sha256=name))
    assert [user.state(name).received for name in names] == [0, 0, 400, 400, 400]
    assert len(files(user)) == 3


def test_a_restarted_server_starts_an_upload_again(user: UserCache) -> None:
    user.take(piece(0, 400))
    assert again(user).state(SHA256) == state(0)
    assert again(user).take(piece(0, 1024)).is_complete


def test_two_servers_take_the_same_upload(user: UserCache) -> None:
    other = again(user)
    user.take(piece(0, 400))
    other.take(piece(0, 700))
    assert other.take(piece(700, 1024)).is_complete
    assert user.take(piece(400, 1024)).is_complete  # without its last piece, even


def test_a_removed_partial_starts_again(user: UserCache) -> None:
    user.take(piece(0, 400))
    rmtree(user.folder)
    assert user.take(piece(400, 1024)) == state(0)
    assert user.take(piece(0, 1024)).is_complete


# --- artefacts ------------------------------------------------------------------------------


def test_artefacts_outlive_a_run(user: UserCache) -> None:
    sha256, size = user.add(lambda file: file.write(WHOLE))
    assert (sha256, size) == (SHA256, 1024)
    assert again(user).state(SHA256) == state(1024, is_complete=True)
    assert again(user).path(SHA256, "x").read_bytes() == WHOLE


@pytest.mark.parametrize("name", ["0" * 64, "", "../x", "A" * 64, SHA256 + "/", "x" * 64])
def test_absent_artefacts(user: UserCache, name: str) -> None:
    user.add(lambda file: file.write(WHOLE))
    for ask in (lambda: user.read(name, 0), lambda: user.path(name, "take.json")):
        with pytest.raises(LinkError) as caught:
            ask()
        assert code_of(caught) == "link.no_artefact"
    assert not user.state(name).is_complete


@pytest.mark.parametrize("by_another", [True, False])
@pytest.mark.parametrize("damage", [WHOLE[:-1], b"", WHOLE + b"x", b"x" + WHOLE[1:]])
def test_damaged_artefacts_are_absent(
    user: UserCache, damage: bytes, by_another: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Also for the process that wrote them itself, since their time is not the one it gave them."""
    user.add(lambda file: file.write(WHOLE))
    (user.folder / "artefacts" / SHA256).write_bytes(damage)
    assert (again(user) if by_another else user).state(SHA256) == state(0)
    assert files(user) == []
    assert "damaged" in caplog.text
    assert user.state(SHA256) == state(0)
    assert user.take(piece(0, 1024)).is_complete


def test_a_damaged_chunk_is_noticed_by_who_wrote_it(user: UserCache) -> None:
    user.add_chunk(KEY, [bytes(range(100))])
    path = user.chunk_path(KEY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5] + b"\xaa" + whole[-4:])
    assert user.find_chunk(KEY) is None
    assert not path.exists()


def test_what_is_whole_is_checked_once(user: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is used, or its time is set anew by that."""
    sha256, _ = user.add_parts(b"head", [user.add_chunk(KEY, [b"b" * 100])])
    checked: list[str] = []
    check = user_module.check_chunk
    monkeypatch.setattr(user_module, "check_chunk", lambda file: checked.append("") or check(file))
    for _ in range(3):
        assert user.find_chunk(KEY)
        assert user.read(sha256, 0).data == b"head" + b"b" * 100
    assert not checked
    other = again(user)
    for _ in range(3):
        assert other.find_chunk(KEY)
    assert len(checked) == 1


def test_a_cut_artefact_is_noticed_by_who_wrote_it(user: UserCache) -> None:
    user.add(lambda file: file.write(WHOLE))
    os.truncate(user.folder / "artefacts" / SHA256, 100)
    assert user.state(SHA256) == state(0)


def test_a_file_put_in_the_place_of_a_checked_one_is_checked_itself(user: UserCache) -> None:
    """As long as the first, and with one other byte; the control is a whole one."""
    user.add_chunk(KEY, [b"a" * 5000])
    path = user.chunk_path(KEY)
    whole = path.read_bytes()
    for content, is_taken in ((whole, True), (whole[:-1] + b"b", False)):
        other = path.with_name("other")
        other.write_bytes(content)
        os.replace(other, path)
        assert (user.find_chunk(KEY) is not None) == is_taken
        assert path.exists() == is_taken


# --- artefacts of parts ---------------------------------------------------------------------


@given(
    header=st.binary(max_size=40),
    lengths=st.lists(st.integers(1, 50), max_size=6),
    offset=st.integers(0, 300),
    length=st.integers(0, 300),
    data=st.data(),
)
def test_cutting_a_manifest(
    header: bytes, lengths: list[int], offset: int, length: int, data: st.DataObject
) -> None:
    content = {  # no byte like its neighbours: a place that is off by one shows
        f"{n:040x}": bytes((17 * n + i) % 256 for i in range(size))
        for n, size in enumerate(lengths)
    }
    slices = []
    for key, whole in content.items():
        low = data.draw(st.integers(0, len(whole)))
        slices.append(Part(key=key, offset=low, length=len(whole) - low))
    manifest = Manifest(header=header, parts=tuple(slices))
    cut = b"".join(
        piece
        if isinstance(piece, bytes)
        else content[piece.key][piece.offset : piece.offset + piece.length]
        for piece in manifest.cut(offset, length)
    )
    whole = header + b"".join(content[p.key][p.offset :] for p in slices)
    assert manifest.size == len(whole)
    assert cut == whole[offset : offset + length]


def test_parts_are_read_through(user: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 100)
    chunks = [user.add_chunk(c * 40, [c.encode() * 70, c.encode() * 80]) for c in "abc"]
    wanted = [
        Part(key=chunks[0].key, offset=100, length=50),
        chunks[1],
        Part(key=chunks[2].key, offset=0, length=1),
    ]
    whole = b"head" + b"a" * 50 + b"b" * 150 + b"c"
    sha256, size = user.add_parts(b"head", wanted)
    assert (sha256, size) == (hashlib.sha256(whole).hexdigest(), len(whole))
    assert user.add_parts(b"head", wanted, sha256) == (sha256, size)
    reader, got = again(user), b""
    assert reader.state(sha256).received == size
    while data := reader.read(sha256, len(got)).data:
        assert len(data) <= 100
        got += data
    assert got == whole
    with pytest.raises(LinkError) as caught:
        user.path(sha256, "vertices.pc2")
    assert code_of(caught) == "link.no_artefact"


def test_a_damaged_manifest_is_absent(user: UserCache) -> None:
    sha256, _ = user.add_parts(b"head", [user.add_chunk(KEY, [b"123456"])])
    path = user.folder / "artefacts" / f"{sha256}.parts"
    good = path.read_bytes()
    for bad in (b"", good[:-1], good.replace(b"6]", b"5]"), b"x" + good, good[:9] + b"{}"):
        path.write_bytes(bad)
        assert not again(user).state(sha256).is_complete
        assert not path.exists()
    path.write_bytes(good)
    assert again(user).state(sha256).is_complete


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_chunk_is_not_handed_out(user: UserCache, damage: str) -> None:
    sha256, _ = user.add_parts(b"head", [user.add_chunk(KEY, [b"123456"])])
    path = user.chunk_path(KEY)
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else data[:-1] + b"7")
    for ask in (lambda u: u.read(sha256, 0), lambda u: u.read(sha256, 0)):
        with pytest.raises(LinkError) as caught:
            ask(again(user))
        assert code_of(caught) == "link.no_artefact"
    assert not again(user).state(sha256).is_complete
    with pytest.raises(LinkError):
        user.add_parts(b"head", [Part(key=KEY, offset=0, length=6)])


# --- chunks ---------------------------------------------------------------------------------


def test_chunks(user: UserCache) -> None:
    assert user.find_chunk(KEY) is None
    part = user.add_chunk(KEY, iter([b"123", memoryview(b"456")]))
    assert part == Part(key=KEY, offset=0, length=6)
    assert user.find_chunk(KEY, 6) == again(user).find_chunk(KEY, 6) == part
    assert b"".join(user.part_blocks(part)) == b"123456"
    assert user.find_chunk(KEY, 7) is None  # not what is asked for: it goes
    assert user.find_chunk(KEY) is None


LONG = np.random.default_rng(0).bytes(3 * 4096 + 777)


@given(
    at=st.integers(0, 31 + len(LONG)),
    bit=st.integers(0, 7),
    cuts=st.lists(st.integers(0, len(LONG)), max_size=4),
)
def test_every_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, cuts: list[int]
) -> None:
    user = Cache(tmp_path_factory.mktemp("cache")).user("local")
    edges = [0, *sorted(cuts), len(LONG)]
    user.add_chunk(KEY, [LONG[low:high] for low, high in pairwise(edges)])
    assert again(user).find_chunk(KEY, len(LONG)) is not None  # however it came
    data = bytearray(user.chunk_path(KEY).read_bytes())
    data[at] ^= 1 << bit
    user.chunk_path(KEY).write_bytes(data)
    is_padding = 12 <= at < 16 or 24 <= at < 32
    assert (again(user).find_chunk(KEY) is None) != is_padding


def test_moved_and_lost_pages_are_found(user: UserCache) -> None:
    pages = [LONG[start : start + 4096] for start in range(0, 3 * 4096, 4096)]
    for order in ((1, 0, 2), (0, 0, 2), (2, 1, 0)):
        user.add_chunk(KEY, pages)
        head = user.chunk_path(KEY).read_bytes()[:32]
        user.chunk_path(KEY).write_bytes(head + b"".join(pages[index] for index in order))
        assert again(user).find_chunk(KEY) is None
    user.add_chunk(KEY, pages)
    head = user.chunk_path(KEY).read_bytes()[:32]
    user.chunk_path(KEY).write_bytes(head + pages[0] + bytes(4096) + pages[2])
    assert again(user).find_chunk(KEY) is None


@pytest.mark.parametrize("key", ["", "../../x", "x" * 40, "ab/cd" * 8, "AB" * 20, KEY + "\n"])
def test_keys_are_no_paths(user: UserCache, key: str) -> None:
    for ask in (user.chunk_path, user.find_chunk, user.pictures):
        with pytest.raises(ValueError, match="is no"):
            ask(key)


# --- pictures -------------------------------------------------------------------------------


def test_places_of_pictures(user: UserCache) -> None:
    path = user.pictures(KEY) / "frame_0001.png"
    place = user.relative(path)
    assert place == f"pictures/{KEY}/frame_0001.png"
    assert user.file(place) == path
    for bad in ("artefacts/x.png", "pictures/../x.png", "/pictures/a.png", "pictures/a.txt", ""):
        with pytest.raises(ValueError, match="is no picture"):
            user.file(bad)
    with pytest.raises(ValueError, match="cache"):
        user.relative(user.folder / "artefacts" / "x.png")


# --- names and rights -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a.b", "a\n", "ä", "x" * 65, "a b"])
def test_users_names_are_no_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(LinkError) as caught:
        Cache(tmp_path).user(name)
    assert code_of(caught) == "link.user"
    assert os.listdir(tmp_path) == []


def test_what_is_no_users_name_is_told_shortly(tmp_path: Path) -> None:
    """64 letters are one, of more the first ones are said; and the folder is its user's alone."""
    cache = Cache(tmp_path / "new" / "cache")
    assert cache.size_bytes() == 0
    assert cache.user("a" * 64).folder.name == "a" * 64
    with pytest.raises(LinkError) as caught:
        cache.user("b" * 65)
    assert caught.value.code == "link.user"
    assert caught.value.message == f"'{'b' * 64}' is no user's name."
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "new" / "cache").stat().st_mode) == 0o700
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs").chmod(0o755)
        (tmp_path / "theirs" / "file").touch()
        with pytest.raises(LinkError) as caught:
            Cache(tmp_path / "theirs")
        assert caught.value.code == "link.folder"


def test_users_see_only_their_own(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.user("ann").take(piece(0, 1024))
    assert cache.user("ann") is cache.user("ann")
    assert cache.user("ann").state(SHA256).is_complete
    assert not cache.user("bob").state(SHA256).is_complete


@posix_only
def test_only_the_user_may_read(user: UserCache) -> None:
    old = os.umask(0)
    try:
        user.take(piece(0, 1024))
        user.take(piece(0, 10, sha256="0" * 64))
        user.add_parts(b"x", [user.add_chunk(KEY, [b"1"])])
        user.pictures(KEY)
    finally:
        os.umask(old)
    root = user.folder.parents[1]
    found = {p: stat.S_IMODE(p.stat().st_mode) for p in (root, *root.rglob("*"))}
    assert len(found) == 11
    assert {p: m for p, m in found.items() if m != (0o700 if p.is_dir() else 0o600)} == {}


# --- several at once ------------------------------------------------------------------------


def test_two_write_the_same_chunk(user: UserCache) -> None:
    """Each with a cache of its own, in turns, one piece at a time."""
    other, met = again(user), threading.Barrier(2)

    def blocks(letter: bytes):
        for _ in range(50):
            met.wait(20)
            yield letter * 1000

    threads = [
        threading.Thread(target=part.add_chunk, args=(KEY, blocks(b"a"))) for part in (user, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert files(user) == [KEY]
    part = again(user).find_chunk(KEY, 50_000)
    assert part is not None
    assert b"".join(user.part_blocks(part)) == b"a" * 50_000


def test_a_writer_that_comes_second_does_not_mind(
    user: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a file that is open cannot be replaced."""
    user.add_chunk(KEY, [b"1"])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, "replace", refuse)
    assert user.add_chunk(KEY, [b"1"]).length == 1
    assert files(user) == [KEY]
    with pytest.raises(JobError):
        user.add_chunk("cd" * 20, [b"1"])


def test_the_layout_is_as_drawn(user: UserCache) -> None:
    """Golden bytes: a cache is read by later versions."""
    user.add_chunk(KEY, [b"123456"])
    expected = b"AFFEKTC1" + bytes.fromhex("61d372090000000006") + bytes(15) + b"123456"
    assert user.chunk_path(KEY).read_bytes() == expected
    encoded = parts.encode_manifest(b"\x01", [Part(key=KEY, offset=2, length=3)])
    body = b'{"header": "01", "parts": [["' + KEY.encode() + b'", 2, 3]]}'
    assert encoded.partition(b"\n")[2] == body
