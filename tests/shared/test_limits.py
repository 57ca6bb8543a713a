# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits are promises to users and to other versions of Affekt: each number once more, written out,
so that none changes by a slip; and what the reasons beside them say of one another."""

import json
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import pytest
from affekt.shared import emotion_keys, limits, motion, previews
from affekt.shared.camera import check_size
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.refusals import check_count

PROMISED = MappingProxyType(
    {
        "ARTEFACT_BYTES": {
            "motion": 1_073_741_824,
            "avatar": 1_073_741_824,
            "adapter": 67_108_864,
            "emotions": 67_108_864,
            "flame": 268_435_456,
            "photo": 134_217_728,
        },
        "CACHE_BYTES": 20_000_000_000,
        "CHUNK_BYTES": 4_194_304,
        "CLIENT_SILENCE_S": 30.0,
        "CLOSE_S": 2.0,
        "DOWNLOAD_S": 30.0,
        "HANDSHAKE_MS": 15_000,
        "HEARTBEAT_MS": 1000,
        "HEARTBEAT_TIMEOUT_MS": 15_000,
        "HUNG_S": 10.0,
        "IDLE_PING_S": 0.5,
        "LEAST_FPS": 5.0,
        "LEAST_KEY_FPS": 1.0,
        "LOAD_S": 180.0,
        "LOG_PARTS": 2,
        "MAX_ADAPTER_BYTES": 16_777_216,
        "MAX_ALL_OUTBOX_BYTES": 536_870_912,
        "MAX_ARRIVALS": 64,
        "MAX_AVATAR_BYTES": 1_073_741_824,
        "MAX_BUFFERS": 64,
        "MAX_BUFFER_BYTES": 268_435_456,
        "MAX_CLIENTS": 256,
        "MAX_CLIENT_JOBS": 16,
        "MAX_CLIENT_WAITING_BYTES": 268_435_456,
        "MAX_CREDIT": 64,
        "MAX_DISK_QUEUE_BYTES": 268_435_456,
        "MAX_DESCRIBED_LINES": 100,
        "MAX_EMOTION_WEIGHT": 1.5,
        "MAX_UNIT_WEIGHT": 1.5,
        "MAX_FLAME_BYTES": 268_435_456,
        "MAX_FACES": 64,
        "MAX_FRAMES": 240_000,
        "MAX_FRAME_BYTES": 4_294_967_296,
        "MAX_GAUSSIANS": 2_000_000,
        "MAX_FURTHER_PHOTOS": 8,
        "MAX_HEADER_BYTES": 65_536,
        "MAX_HEADER_VALUES": 512,
        "MAX_IMAGE_EDGE": 8192,
        "MAX_IMAGE_PIXELS": 33_177_600,
        "MAX_LEDGER_BYTES": 134_217_728,
        "MAX_LOG_BYTES": 1_048_576,
        "MAX_MESSAGE_BYTES": 536_870_912,
        "MAX_MOTION_BYTES": 1_073_741_824,
        "MAX_NOTES": 16,
        "MAX_NOTE_LETTERS": 500,
        "MAX_OBJECT_INDEX": 32_767,
        "MAX_OLD_RUNS": 4,
        "MAX_OUTBOX": 1024,
        "MAX_OUTBOX_BYTES": 67_108_864,
        "MAX_PHOTO_BYTES": 134_217_728,
        "MAX_PHOTO_PIXELS": 89_000_000,
        "MAX_PICKLED_TAKE_BYTES": 134_217_728,
        "MAX_PIXEL_SLOTS": 4,
        "MAX_PIXEL_SLOT_BYTES": 4_194_304,
        "MAX_PREVIEWS_PER_S": 60,
        "MAX_PREVIEW_EDGE": 1024,
        "MAX_PREVIEW_FRAMES": 64,
        "MAX_REQUEST_BUFFER_BYTES": 33_554_432,
        "MAX_REQUEST_BYTES": 134_217_728,
        "MAX_STRENGTH": 2.0,
        "MAX_TORCH_BYTES": 67_108_864,
        "MAX_TRACK_BYTES": 33_554_432,
        "MAX_TRUSTED_KEYS": 256,
        "MAX_UNREAD": 256,
        "MAX_UNSENT": 32,
        "MAX_VIEWS": 16,
        "MAX_WAITING_BYTES": 536_870_912,
        "MAX_WAITING_JOBS": 32,
        "MAX_WAITING_REQUESTS": 16,
        "MAX_WORDS_CHARACTERS": 2000,
        "MOST_FPS": 1000.0,
        "ORDER_S": 900.0,
        "ORPHAN_S": 30.0,
        "PIECES_AHEAD": 8,
        "PREDECESSOR_S": 20.0,
        "PROTOCOL_VERSION": (3, 12),
        "QUARANTINE_BYTES": 2_147_483_648,
        "QUARANTINE_SECONDS": 60,
        "RAW_PARTS": 1,
        "RESTART_WAITS_S": (1.0, 2.0, 4.0, 8.0, 8.0),
        "RESTART_WINDOW_S": 600.0,
        "SILENT_S": 2.0,
    }
)


def test_no_limit_is_without_a_promise() -> None:
    assert {name for name in vars(limits) if name.isupper()} == PROMISED.keys()


@pytest.mark.parametrize("name", PROMISED)
def test_a_limit_is_what_was_promised(name: str) -> None:
    assert getattr(limits, name) == PROMISED[name]


def test_the_longest_take_fits_everywhere() -> None:
    """Half an hour at 120 fps: as a message, with a camera a frame, and as keys of 100 bytes."""
    frames = 30 * 60 * 120
    assert frames <= limits.MAX_FRAMES
    assert limits.MAX_FRAMES * 4 * (100 + 3 + 3 + 6 + 3 + 3 + 2) <= limits.MAX_MESSAGE_BYTES
    assert limits.MAX_FRAMES * 4 * 100 <= limits.MAX_BUFFER_BYTES
    assert limits.MAX_FRAMES * 100 <= limits.MAX_TRACK_BYTES
    camera = 8 * (16 + 7)  # and the head's matrix, six emotions and how much they count
    assert limits.MAX_FRAMES * (camera + 8 * 16 + 4 * 7) <= limits.MAX_REQUEST_BYTES
    assert limits.MAX_FRAMES * 2 * 2 * 120 <= limits.MAX_LEDGER_BYTES


def test_a_stage_has_room_for_the_one_before_it() -> None:
    assert 4096 * 4096 * 4 * 4 <= limits.MAX_BUFFER_BYTES <= limits.MAX_MESSAGE_BYTES
    assert min(limits.MAX_PIXEL_SLOT_BYTES, limits.CHUNK_BYTES) >= 1024 * 1024 * 4
    assert limits.MAX_REQUEST_BYTES <= limits.MAX_CLIENT_WAITING_BYTES
    assert limits.MAX_CLIENT_WAITING_BYTES < limits.MAX_WAITING_BYTES  # one leaves room for others
    assert limits.MAX_CLIENT_JOBS < limits.MAX_WAITING_JOBS
    assert 3 * limits.IDLE_PING_S < limits.SILENT_S < 3 < limits.HUNG_S
    assert limits.PREDECESSOR_S >= 10 + 2 + 5
    assert sum(limits.RESTART_WAITS_S) < 30 < limits.RESTART_WINDOW_S


def _key_at(frame: float) -> object:
    text = json.dumps({"fps": 30, "keys": [{"frame": frame, "happy": 1.0}]})
    return emotion_keys.decode_keys(text.encode(), 30.0)


def _edge_of_a_preview(edge: int) -> object:
    return previews.picture_of_view((3, edge), None, None)


@pytest.mark.parametrize(
    ("check", "within", "beyond", "code"),
    [
        (partial(check_size, 1), 8192, 8193, "option.size"),
        (lambda edge: check_size(edge, 1), 8192, 8193, "option.size"),
        (partial(check_size, 8100), 4096, 4097, "option.size"),  # 33,177,600 pixels
        (partial(check_size, 1), 1, 0, "option.size"),
        (_edge_of_a_preview, 1024, 1025, "option.size"),
        (motion.check_rate, 5.0, 4.99, "motion.rate"),
        (motion.check_rate, 1000.0, 1000.1, "motion.rate"),
        (partial(emotion_keys.check_rate, what="The rate"), 1.0, 0.99, "emotion.range"),
        (partial(emotion_keys.check_rate, what="The rate"), 1000.0, 1000.1, "emotion.range"),
        (_key_at, 240_000, 240_001, "emotion.range"),
        (_key_at, -240_000, -240_001, "emotion.range"),
        (partial(check_count, name="a.ply"), 1, 0, "avatar.ply"),
        (partial(check_count, name="a.ply"), 2_000_000, 2_000_001, "avatar.ply"),
    ],
)
def test_what_meets_a_limit_passes_and_what_is_beyond_does_not(
    check: Callable[[float], object], within: float, beyond: float, code: str
) -> None:
    check(within)
    with pytest.raises(InputError) as caught:
        check(beyond)
    assert caught.value.code == code
