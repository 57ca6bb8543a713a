# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared memory for pixels: what is read is what was sent, or nothing; and nothing is left."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits, pixels
from affekt.shared.pixels import PixelRing, PixelsError, Slot, find_orphans, remove_orphans
from bench.pixels import rounds

HEIGHT, WIDTH = 12, 16
SIZE = HEIGHT * WIDTH * 4
TAMPERINGS = 1000
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
linux = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[PixelRing]:
    made = PixelRing.create(4, SIZE, folder=tmp_path)
    yield made
    made.remove()


@pytest.fixture
def reader(ring: PixelRing, tmp_path: Path) -> Iterator[PixelRing]:
    opened = PixelRing.open(ring.name, ring.token, folder=tmp_path)
    yield opened
    opened.close()


def read(ring: PixelRing, written: Slot, height: int = HEIGHT, width: int = WIDTH):
    return ring.read(written.slot, written.sequence, written.checksum, height, width)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(PixelsError) as caught:
        act()
    assert caught.value.code == "link.pixels"
    assert caught.value.remedy == "Previews go on without it, a little slower."
    return caught.value.message.removeprefix("The shared memory cannot be used: ").rstrip(".")


# --- what is written is read ----------------------------------------------------------------


def test_round_trip(ring: PixelRing, reader: PixelRing) -> None:
    for seed in range(9):
        written = ring.write(picture(seed))
        assert (written.slot, written.sequence) == (seed % 4, seed + 1)
        np.testing.assert_array_equal(read(reader, written), picture(seed))


def test_four_are_there_at_once(ring: PixelRing, reader: PixelRing) -> None:
    written = [ring.write(picture(seed)) for seed in range(4)]
    for seed in (2, 0, 3, 1):
        np.testing.assert_array_equal(read(reader, written[seed]), picture(seed))


def test_smaller_pictures_and_views(ring: PixelRing, reader: PixelRing) -> None:
    small = picture(1)[::-2, 3:9]
    np.testing.assert_array_equal(read(reader, ring.write(small), 6, 6), small)
    assert read(reader, ring.write(small[:0]), 0, 6).shape == (0, 6, 4)


def test_what_is_read_is_a_copy(ring: PixelRing, reader: PixelRing) -> None:
    found = read(reader, ring.write(picture(1)))
    for seed in range(4):
        ring.write(picture(9 + seed))
    np.testing.assert_array_equal(found, picture(1))
    found[:] = 0  # it is the reader's


def test_a_new_writer_counts_on(ring: PixelRing, reader: PixelRing, tmp_path: Path) -> None:
    old = ring.write(picture(1))
    second = PixelRing.open(ring.name, folder=tmp_path)
    new = second.write(picture(2))
    second.close()
    assert (new.slot, new.sequence) == (1, 2)
    np.testing.assert_array_equal(read(reader, old), picture(1))
    np.testing.assert_array_equal(read(reader, new), picture(2))


def test_two_rings_have_nothing_in_common(ring: PixelRing, tmp_path: Path) -> None:
    other = PixelRing.create(4, SIZE, folder=tmp_path)
    assert (other.name == ring.name, other.token == ring.token) == (False, False)
    written = ring.write(picture(1))
    other.write(picture(2))
    np.testing.assert_array_equal(read(ring, written), picture(1))
    assert refusal(lambda: read(other, written)) == "its pixels are not those that were sent"
    name = other.name
    assert refusal(lambda: PixelRing.open(name, ring.token, folder=tmp_path)) == (
        "it is another one than announced"
    )
    other.remove()


# --- a slot that is used again --------------------------------------------------------------


def test_an_overwritten_slot_is_nothing(ring: PixelRing, reader: PixelRing) -> None:
    first = ring.write(picture(0))
    for seed in range(1, 5):
        last = ring.write(picture(seed))
    assert read(reader, first) is None
    np.testing.assert_array_equal(read(reader, last), picture(4))


def half_written(ring: PixelRing, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """A writer that dies in the middle of it."""
    whole = PixelRing._view

    class DiedError(Exception):
        pass

    def half(self: PixelRing, slot: int, size: int) -> np.ndarray:
        whole(self, slot, size)[: size // 2] = picture(seed).reshape(-1)[: size // 2]
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(PixelRing, "_view", half)
        with pytest.raises(DiedError):
            ring.write(picture(seed))


def test_a_torn_slot_is_nothing_and_the_next_writer_goes_on(
    ring: PixelRing, reader: PixelRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ring.write(picture(0))
    for seed in range(1, 4):
        ring.write(picture(seed))
    half_written(ring, monkeypatch, 4)
    assert read(reader, first) is None
    # Without the counts half of another picture would be there.
    torn = ring._view(first.slot, SIZE).reshape(HEIGHT, WIDTH, 4)
    assert not np.array_equal(torn, picture(0))
    assert not np.array_equal(torn, picture(4))
    second = PixelRing.open(ring.name, ring.token, folder=tmp_path)
    new = second.write(picture(6))
    assert new.sequence == 6
    np.testing.assert_array_equal(read(reader, new), picture(6))
    second.close()


def test_a_slot_that_changes_while_it_is_copied(
    ring: PixelRing, reader: PixelRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ring.write(picture(0))
    copied = PixelRing._view

    def late(self: PixelRing, slot: int, size: int) -> np.ndarray:
        data = copied(self, slot, size).copy()
        if self is reader:
            for seed in range(1, 5):
                ring.write(picture(seed))
        return data

    monkeypatch.setattr(PixelRing, "_view", late)
    assert read(reader, first) is None


WRITER = """
import json, random, sys, time
from pathlib import Path
import numpy as np
from affekt.shared.pixels import PixelRing
ring = PixelRing.open(sys.argv[1], sys.argv[2], folder=Path(sys.argv[3]))
schedule = random.Random(5)
for seed in range(int(sys.argv[4])):
    pixels = np.random.default_rng(seed).integers(0, 256, (128, 128, 4), dtype=np.uint8)
    written = ring.write(pixels)
    print(json.dumps([seed, written.slot, written.sequence, written.checksum]), flush=True)
    if schedule.random() < 0.3:
        sys.stdin.readline()
ring.close()
"""


def test_a_writer_in_another_process(tmp_path: Path) -> None:
    """Two slots, and a writer that mostly does not wait: whole pictures or nothing."""
    ring = PixelRing.create(2, 128 * 128 * 4, folder=tmp_path)
    schedule, seen, missed, count = random.Random(3), 0, 0, 200
    arguments = [ring.name, ring.token, str(tmp_path), str(count)]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments],
        text=True,
        bufsize=1,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write("\n" * 5)
        for line in writer.stdout:
            seed, slot, sequence, checksum = json.loads(line)
            found = ring.read(slot, sequence, checksum, 128, 128)
            if found is None:
                missed += 1
            else:
                seen += 1
                np.testing.assert_array_equal(found, picture(seed, 128, 128))
            if schedule.random() < 0.5 and writer.poll() is None:
                writer.stdin.write("\n")
        # Whatever it still waits for.
        assert writer.wait(30) == 0
    print(f"{seen} whole, {missed} used again before they were read")
    assert seen > 0
    assert seen + missed == count
    ring.remove()


# --- tampering ------------------------------------------------------------------------------


class Tamperer:
    """Whoever may write the file: changes what lies in it, and undoes that."""

    def __init__(self, ring: PixelRing) -> None:
        self.ring, self.random = ring, random.Random(7)
        self.tampered: list[np.ndarray] = []

    def view(self, slot: int) -> np.ndarray:
        return self.ring._view(slot, SIZE)

    def flip_bits(self, slot: int) -> None:
        for _ in range(self.random.choice([1, 1, 2, 9, 300])):
            place = self.random.randrange(SIZE)
            self.view(slot)[place] ^= 1 << self.random.randrange(8)

    def swap_slots(self, slot: int) -> None:
        other = (slot + self.random.randrange(1, 4)) % 4
        self.view(slot)[:], self.view(other)[:] = self.view(other).copy(), self.view(slot).copy()

    def swap_slots_and_counts(self, slot: int) -> None:
        self.swap_slots(slot)
        table = self.ring._table
        for word in range(2):
            a, b = slot * 8 + word, (slot + 1) % 4 * 8 + word
            table[a], table[b] = table[b], table[a]

    def replay_pixels(self, slot: int) -> None:
        self.view(slot)[:] = picture(1000 + slot).reshape(-1)

    def replay_all(self, slot: int) -> None:
        self.replay_pixels(slot)
        self.ring._table[slot * 8] -= 8

    def rotate(self, slot: int) -> None:
        self.view(slot)[:] = np.roll(self.view(slot), self.random.randrange(1, SIZE))


KINDS = (
    "flip_bits",
    "swap_slots",
    "swap_slots_and_counts",
    "replay_pixels",
    "replay_all",
    "rotate",
)


def test_none_of_1000_tampered_buffers_is_accepted(ring: PixelRing, reader: PixelRing) -> None:
    tamperer = Tamperer(ring)
    accepted = accepted_without_the_check = 0
    for number in range(TAMPERINGS):
        slots = [ring.write(picture(number + slot)) for slot in range(4)]
        chosen = tamperer.random.choice(slots)
        truth = read(reader, chosen)
        assert truth is not None
        before = [tamperer.view(slot).copy() for slot in range(4)], ring._table.tolist()
        getattr(tamperer, KINDS[number % len(KINDS)])(chosen.slot)
        with contextlib.suppress(PixelsError):
            accepted += read(reader, chosen) is not None
        plain = reader._view(chosen.slot, SIZE).reshape(HEIGHT, WIDTH, 4)
        accepted_without_the_check += not np.array_equal(plain, truth)
        restore(tamperer, *before)
    assert accepted == 0
    assert accepted_without_the_check == TAMPERINGS
    print(f"{accepted} of {TAMPERINGS} accepted; {accepted_without_the_check} without the check")


def restore(tamperer: Tamperer, data: list[np.ndarray], table: list[int]) -> None:
    for slot, content in enumerate(data):
        tamperer.view(slot)[:] = content
    for place, word in enumerate(table):
        tamperer.ring._table[place] = word


def test_the_checksum_alone_does_it(
    ring: PixelRing, reader: PixelRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control arm: the same tampering comes through where checksums are not compared."""
    written = ring.write(picture(1))
    Tamperer(ring).flip_bits(written.slot)
    assert refusal(lambda: read(reader, written)) == "its pixels are not those that were sent"
    monkeypatch.setattr(pixels.hmac, "compare_digest", lambda *_: True)
    assert read(reader, written) is not None


def test_damaged_counts_stop_the_writer(ring: PixelRing, tmp_path: Path) -> None:
    ring._table[8] = 2**64 - 1
    second = PixelRing.open(ring.name, folder=tmp_path)
    assert refusal(lambda: second.write(picture(1))) == "its counts are damaged"
    second.close()


# --- sizes and files that are wrong ---------------------------------------------------------


def test_wrong_sizes(ring: PixelRing, reader: PixelRing) -> None:
    written = ring.write(picture(1))
    assert "another size" in refusal(lambda: read(reader, written, HEIGHT, WIDTH - 1))
    for height, width in ((HEIGHT + 1, WIDTH), (-1, WIDTH), (2**40, 2**40)):
        asked = (height, width)
        assert refusal(lambda asked=asked: read(reader, written, *asked)) == (
            "no such slot, or no such size"
        )
    for slot in (-1, 4):
        moved = Slot(slot=slot, sequence=written.sequence, checksum=written.checksum)
        assert "no such slot" in refusal(lambda moved=moved: read(reader, moved))
    assert refusal(lambda: ring.write(picture(1, HEIGHT + 1))) == "832 bytes do not fit into 768"


def test_the_most_and_the_largest_slots_there_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview of the largest size needs the largest slot; neither has a byte or a slot more."""
    assert limits.MAX_PIXEL_SLOT_BYTES == 4 * limits.MAX_PREVIEW_EDGE**2
    monkeypatch.setattr(limits, "MAX_PIXEL_SLOT_BYTES", 1000)
    for slots, slot_bytes in ((limits.MAX_PIXEL_SLOTS, 1000), (1, 1)):
        ring = PixelRing.create(slots, slot_bytes, folder=tmp_path)
        assert ring.slot_bytes == slot_bytes
        ring.remove()
    for slots, slot_bytes in ((limits.MAX_PIXEL_SLOTS + 1, 1000), (1, 1001)):
        with pytest.raises(PixelsError):
            PixelRing.create(slots, slot_bytes, folder=tmp_path)


@pytest.mark.parametrize(
    ("slots", "slot_bytes"),
    [(0, 64), (-1, 64), (limits.MAX_PIXEL_SLOTS + 1, 64), (1, 0), (1, 2**40)],
)
def test_no_ring_of_such_a_size(tmp_path: Path, slots: int, slot_bytes: int) -> None:
    refusal(lambda: PixelRing.create(slots, slot_bytes, folder=tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_closed_ring(ring: PixelRing, reader: PixelRing) -> None:
    written = ring.write(picture(1))
    reader.close()
    reader.close()
    assert refusal(lambda: read(reader, written)) == "it is closed"
    assert refusal(lambda: reader.write(picture(1))) == "it is closed"


def test_wrong_token(ring: PixelRing, tmp_path: Path) -> None:
    for token in ("0" * 64, "", ring.token[:-1]):
        assert refusal(lambda token=token: PixelRing.open(ring.name, token, folder=tmp_path)) == (
            "it is another one than announced"
        )


def test_a_removed_file(ring: PixelRing, reader: PixelRing, tmp_path: Path) -> None:
    written = ring.write(picture(1))
    assert not ring.is_removed
    reader.close()
    assert not reader.is_removed, "who only closes it leaves it to others"
    reader = PixelRing.open(ring.name, ring.token, folder=tmp_path)
    ring.remove()
    ring.remove()
    assert ring.is_removed
    assert reader.is_removed
    assert "not there" in refusal(lambda: PixelRing.open(ring.name, ring.token, folder=tmp_path))
    if os.name == "posix":
        assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(read(reader, written), picture(1))  # who has it goes on
    reader.close()


@posix
def test_a_file_that_is_cut(ring: PixelRing, reader: PixelRing, tmp_path: Path) -> None:
    written = ring.write(picture(1))
    for size in (5000, 4096, 60, 1, 0):
        os.truncate(tmp_path / ring.name, size)
        assert refusal(lambda: read(reader, written)) == "its file was cut"
        assert refusal(lambda: ring.write(picture(1))) == "its file was cut"
        refusal(lambda: PixelRing.open(ring.name, ring.token, folder=tmp_path))


def test_damaged_headers(ring: PixelRing, tmp_path: Path) -> None:
    """Any change of a byte in the header is refused, and none maps more than is there."""
    path = tmp_path / ring.name
    whole = path.read_bytes()
    for place in range(56):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        path.write_bytes(damaged)
        refusal(lambda: PixelRing.open(ring.name, ring.token, folder=tmp_path))
    path.write_bytes(whole + b"\0")
    assert "another size" in refusal(lambda: PixelRing.open(ring.name, folder=tmp_path))


NAMES = (
    "",
    ".",
    "..",
    "/etc/passwd",
    "../affekt-1-0000000000000000",
    "affekt-1-0000000000000000/x",
    "affekt-0-0000000000000000",
    "affekt-1-000000000000000g",
    "affekt-1-0000000000000000\n",
    "affekt-1-0000000000000000\0",
    "AFFEKT-1-0000000000000000",
    "affekt-٣-0000000000000000",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_never_a_path(name: str, tmp_path: Path, monkeypatch) -> None:
    def never(*_: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", never)
    assert refusal(lambda: PixelRing.open(name, folder=tmp_path)) == (
        "that is no name of shared memory"
    )


@posix
def test_links_and_pipes_are_not_followed(ring: PixelRing, tmp_path: Path) -> None:
    link = tmp_path / "affekt-1-0123456789abcdef"
    link.symlink_to(tmp_path / ring.name)
    assert "may not be opened" in refusal(lambda: PixelRing.open(link.name, folder=tmp_path))
    link.unlink()
    os.mkfifo(link, 0o600)
    assert refusal(lambda: PixelRing.open(link.name, folder=tmp_path)) == (
        "it is not a file of yours"
    )


@posix
def test_it_is_its_users_alone(ring: PixelRing, tmp_path: Path) -> None:
    path = tmp_path / ring.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    assert refusal(lambda: PixelRing.open(ring.name, folder=tmp_path)) == "others may open it"


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(pixels.secrets, "token_hex", lambda _: "0" * 16)
    taken = tmp_path / f"affekt-{os.getpid()}-{'0' * 16}"
    taken.write_bytes(b"mine")
    assert "cannot be made" in refusal(lambda: PixelRing.create(1, 64, folder=tmp_path))
    assert taken.read_bytes() == b"mine"


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert "has no room for it (No space left" in refusal(
        lambda: PixelRing.create(4, SIZE, folder=tmp_path)
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP, None])
def test_systems_that_cannot_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    def unable(*_: int) -> None:
        raise OSError(code, "unable")

    if code is None:
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    else:
        monkeypatch.setattr(os, "posix_fallocate", unable, raising=False)
    ring = PixelRing.create(4, 400_000, folder=tmp_path)
    about = (tmp_path / ring.name).stat()
    assert about.st_size == 4096 + 4 * 400_000
    if os.name == "posix":
        assert about.st_blocks * 512 >= about.st_size  # not sparse
    ring.remove()


# --- nothing is left ------------------------------------------------------------------------


@linux
def test_no_descriptor_and_no_file_is_left(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for number in range(50):
        ring = PixelRing.create(2, SIZE, folder=tmp_path)
        opened = PixelRing.open(ring.name, ring.token, folder=tmp_path)
        assert read(opened, ring.write(picture(number))) is not None
        refusal(lambda ring=ring: PixelRing.open(ring.name, "0" * 64, folder=tmp_path))
        opened.close()
        ring.remove()
    assert descriptors() == before
    assert not list(tmp_path.iterdir())


CREATOR = """
import sys
from pathlib import Path
from affekt.shared.pixels import PixelRing
ring = PixelRing.create(2, 4096, folder=Path(sys.argv[1]))
print(ring.name, flush=True)
sys.stdin.read()
"""


@posix
def test_a_killed_creator_leaves_one_file_until_the_next_start(tmp_path: Path) -> None:
    own = PixelRing.create(1, 64, folder=tmp_path)
    command = [sys.executable, "-c", CREATOR, str(tmp_path)]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as creator:
        assert creator.stdout is not None
        name = creator.stdout.readline().strip()
        assert remove_orphans(tmp_path) == 0  # it lives
        os.kill(creator.pid, signal.SIGKILL)
        creator.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, name])
    assert find_orphans(tmp_path) == [tmp_path / name]
    assert remove_orphans(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [own.name]
    own.remove()


@posix
def test_only_rings_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = [f"affekt-{ended.pid}-x", f"other-{ended.pid}-{'0' * 16}", "affekt-0-" + "0" * 16]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / f"affekt-{ended.pid}-{'1' * 16}").symlink_to(tmp_path / kept[0])
    (tmp_path / f"affekt-{ended.pid}-{'2' * 16}").mkdir()
    assert remove_orphans(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 5
    assert remove_orphans(tmp_path / "none") == 0


@pytest.mark.parametrize(("height", "width", "most_ms"), [(512, 512, 30), (125, 120, 5)])
def test_it_is_quick(height: int, width: int, most_ms: float) -> None:
    """A preview of 512 x 512 promises 30 ms in all; a mesh has 60 KB. Best of many."""
    write_s, read_s = rounds(height, width, 30)
    print(f"{height} x {width}: write {1e3 * write_s:.2f} ms, read {1e3 * read_s:.2f} ms")
    print(f"together at most {most_ms} ms")
    assert 1e3 * (write_s + read_s) < most_ms
