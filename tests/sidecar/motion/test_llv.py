# SPDX-License-Identifier: GPL-3.0-or-later
"""LLV's recordings of Live Link Face's stream."""

import base64
import gzip
import json
import struct

import numpy as np
import pytest
from affekt.shared.errors import AffektError, InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.llv import PACKET_ORDER
from affekt.sidecar.motion.read import decode_take
from fakes.mutation import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

IN_A_PACKET = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
"""A packet's weights as the phone sends them, written out here, apart from the reader's table."""


def packet_of(frame: int, values: list[float]) -> bytes:
    """A frame's packet with these values, whatever they are called."""
    out = b"\x06" + struct.pack(">l", 3) + b"ABC" + struct.pack(">l", 4) + b"Head"
    out += struct.pack(">lfllB", 1337 + frame, 0.5, 60, 1, len(values))
    return out + struct.pack(f">{len(values)}f", *values)


def packet(frame: int, *, count: int = 61) -> bytes:
    values = {"jawLeft": frame / 100, "mouthRight": 0.25, "HeadYaw": 0.1}
    return packet_of(frame, [values.get(n, 0.0) for n in PACKET_ORDER][:count])


def recording(packets: list[bytes], *, said: int | None = None) -> bytes:
    head = struct.pack(">BL", 6, len(packets) if said is None else said)
    return head + b"".join(struct.pack(">L", len(p)) + p for p in packets)


WHOLE = recording([packet(i) for i in range(30)])


def legacy(frame: int) -> bytes:
    content = {
        "version": 6,
        "frame_time": {
            "frame_number": 900 + frame,
            "sub_frame": 0.25,
            "numerator": 60,
            "denominator": 1,
        },
        "blendshapes": {n[0].upper() + n[1:]: 0.0 for n in PACKET_ORDER}
        | {"JawLeft": frame / 100, "MouthRight": 0.25, "HeadYaw": 0.1},
    }
    return base64.b64encode(json.dumps(content).encode())


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        gzip.compress(WHOLE, mtime=0),
        recording([packet(i) for i in range(30)], said=256),
        WHOLE + packet(30)[:40],
        b"\n".join(legacy(i) for i in range(30)),
    ],
    ids=["plain", "packed", "stopped", "cut off", "base64"],
)
def test_recordings(data: bytes) -> None:
    take = decode_take(data, "dao.gesichter")
    assert (len(take.motion), take.motion.fps) == (30, 60)
    assert all(note.startswith("It says ") for note in take.notes)
    jaw = take.motion.expression[:, ARKIT_NAMES.index("jawLeft")]
    np.testing.assert_allclose(jaw, np.arange(30) / 100, atol=1e-7)
    assert (take.motion.expression[:, ARKIT_NAMES.index("mouthRight")] == 0.25).all()
    np.testing.assert_allclose(take.motion.rotation[3], [0, 0.1, 0], atol=1e-6)


@pytest.mark.parametrize("count", [52, 61])
def test_each_place_in_a_packet_has_its_name(count: int) -> None:
    """By place, not by the reader's own table: left is left, though the CSV of the same app has
    the right jaw and mouth first."""
    values = [(place + 1) / 64 for place in range(52)] + [0.0] * (count - 52)
    take = decode_take(recording([packet_of(i, values) for i in range(2)]), "a.gesichter")
    row = take.motion.expression[0]
    found = {name: float(row[ARKIT_NAMES.index(name)]) for name in IN_A_PACKET}
    assert found == dict(zip(IN_A_PACKET, values[:52], strict=True))
    assert (found["jawLeft"], found["mouthRight"]) == (16 / 64, 23 / 64)
    assert not take.motion.rotation.any()


@pytest.mark.parametrize(
    ("place", "turn"), [(52, [0, 0.25, 0]), (53, [0.25, 0, 0]), (54, [0, 0, 0.25])], ids=str
)
def test_after_a_packets_weights_come_yaw_pitch_and_roll(place: int, turn: list[float]) -> None:
    """About y, x and z; the eyes' angles behind them turn no head."""
    values = [0.25 if i == place else 0.0 for i in range(55)] + [0.5] * 6
    take = decode_take(recording([packet_of(i, values) for i in range(2)]), "a.gesichter")
    np.testing.assert_allclose(take.motion.rotation, [turn, turn], atol=1e-6)


def test_a_recording_that_was_stopped_says_so() -> None:
    whole = recording([packet(i) for i in range(30)])
    assert decode_take(whole, "a.gesichter").notes == ()
    told = decode_take(whole[:-100], "a.gesichter")
    assert len(told.motion) == 29
    assert told.notes == ("It says 30 frames, but ends after 29 of them.",)


def test_lost_packets_and_lost_faces() -> None:
    packets = [packet(i, count=0 if i in (10, 11) else 61) for i in range(30) if i != 20]
    take = decode_take(recording(packets), "a.gesichter")
    assert len(take.motion) == 30
    jaw = take.motion.expression[:, ARKIT_NAMES.index("jawLeft")]
    np.testing.assert_allclose(jaw, np.arange(30) / 100, atol=1e-6)
    assert len(take.notes) == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gzip.compress(b"text", mtime=0), "file.wrong_kind"),
        (gzip.compress(WHOLE, mtime=0)[:200], "file.damaged"),
        (recording([]), "file.damaged"),
        (recording([packet(0)], said=300_000), "motion.too_long"),
        (recording([packet(0)[:40]]), "file.damaged"),
        (b"\x1f\x8b and no more of gzip", "file.damaged"),
        (gzip.compress(WHOLE, mtime=0)[:30] + b"\xff" * 200, "file.damaged"),
        (b"\n".join([legacy(0), legacy(1)[:8] + b"!" + legacy(1)[8:]]), "file.damaged"),
    ],
)
def test_bad_recordings_are_named(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_take(data, "a.gesichter")
    assert caught.value.code == code


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_recordings_give_a_take_or_an_error_of_ours(data: st.DataObject) -> None:
    content = mutated(data, recording([packet(i) for i in range(3)]))
    try:
        take = decode_take(content, "a.gesichter")
    except AffektError:
        return
    assert np.isfinite(take.motion.expression).all()


def test_a_packet_that_ends_anywhere_is_damaged() -> None:
    whole = packet(0)
    for end in range(1, len(whole)):
        with pytest.raises(InputError) as caught:
            decode_take(recording([whole[:end]]), "a.gesichter")
        assert caught.value.code == "file.damaged", end


def test_packets_without_a_rate_are_frames_one_after_the_other() -> None:
    packets = [packet(i).replace(struct.pack(">ll", 60, 1), bytes(8)) for i in range(30)]
    take = decode_take(recording(packets), "a.gesichter")
    assert (len(take.motion), take.motion.fps) == (30, 30)
    assert take.notes[0].startswith("The file does not say its frame rate: 30 fps were assumed.")


def test_the_time_of_a_packet() -> None:
    """Number and part over a rate that is a fraction: 48 / 2 frames a second."""
    packets = [packet(2 * i).replace(struct.pack(">ll", 60, 1), struct.pack(">ll", 48, 1))
               for i in range(30)]  # fmt: skip
    assert decode_take(recording(packets), "a.gesichter").motion.fps == 24
    packets = [p.replace(struct.pack(">ll", 48, 1), struct.pack(">ll", 120, 2)) for p in packets]
    assert decode_take(recording(packets), "a.gesichter").motion.fps == 30
