# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads of an error: its reason, and nothing of the machine on which it happened."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.worker import failures, orders
from fakes.orders import FAKE_TAKE, FakeServices, WorkClient, bake_request

CACHE = Path("/home/anna smith/the cache")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CACHE}/users/anna/artefacts/abcd cannot be read.", "abcd cannot be read."),
        (f"There is no take at {CACHE}/users/anna/abcd.npz.", "There is no take at abcd.npz."),
        (f"'{CACHE}' is full.", "'cache' is full."),
        (
            "The file /opt/affekt/assets/head.safetensors is damaged.",
            "The file head.safetensors is damaged.",
        ),
        (r"C:\Users\anna\head.npz is damaged.", "head.npz is damaged."),
        ("~/.cache/affekt/head.npz: damaged", "head.npz: damaged"),
        (
            "See https://pytorch.org/get-started/locally/ for 3/4 of it, and/or both.",
            "See https://pytorch.org/get-started/locally/ for 3/4 of it, and/or both.",
        ),
        (
            "Run `affekt avatar convert --avatar FILE_OR_FOLDER`.",
            "Run `affekt avatar convert --avatar FILE_OR_FOLDER`.",
        ),
    ],
)
def test_without_paths(text: str, said: str) -> None:
    assert failures.without_paths(text, CACHE) == said


@pytest.mark.parametrize(
    "error",
    [
        OSError("no reason, but /srv/secret/place"),
        OSError(errno.ENOSPC, "No space left", "/srv/a/b"),
        InputError(
            "file.not_writable", "/srv/a/b cannot be written.", "Choose another than /srv/a."
        ),
        RuntimeError("/srv/a/b"),
        ValueError("/srv/a/b"),
        MemoryError("/srv/a/b"),
    ],
)
def test_no_path_in_a_reply(error: Exception, tmp_path: Path) -> None:
    rooms = FakeServices(fails=error, fails_at=1)
    client = WorkClient(rooms.services(), tmp_path)
    client.begin(bake_request(client.keep(FAKE_TAKE)))
    reply, _ = client.step()
    assert isinstance(reply, orders.Refused)
    for sentence in (reply.message, reply.remedy):
        assert sentence
        assert "/srv" not in sentence


def test_the_log_says_it_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rooms = FakeServices(fails=InputError("file.missing", "/srv/a/b is gone.", "Look."), fails_at=1)
    client = WorkClient(rooms.services(), tmp_path)
    client.begin(bake_request(client.keep(FAKE_TAKE)))
    client.step()
    assert "/srv/a/b is gone." in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
def test_memory(error: Exception) -> None:
    assert failures.known(error, "a test").code == "job.memory"
    assert failures.known(RuntimeError("anything else"), "a test").code == "job.failed"
