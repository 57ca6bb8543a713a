# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's process: it connects, loads what it needs, says `Ready`, then does order after
order until its standard input closes. While there is none, it warms up.

Nothing heavy is imported before it is connected, so that the server knows early that it lives.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import zmq

from ...shared import pixels
from ...shared.alive import is_process_alive
from ..cache.cache import Cache
from ..memory import MEMORY
from ..parent_watch import watch_input
from . import orders
from .services import Compiling, LamFiles, Services
from .warming import NAMES
from .work import Work

_log = logging.getLogger("affekt.worker")
Dealer: TypeAlias = "zmq.Socket[bytes]"
_MAX_LINE = 64 * 1024
REMEMBERED_PART = 4
"""The share of its memory, as a divisor, that the worker fills with inputs and what is made of
them once; a picture while it is drawn needs more than that."""
_WARM = object()
QUIET_MS = 2000
"""After an order the worker warms up only once there was none for so long: the next step of a job,
or call of a script, comes within milliseconds, and a kernel that is compiled for the first time
would keep it waiting for seconds."""
LOOK_MS = 200
"""How often the worker looks how far the compiling is, while it waits for orders."""
_SERVER_END_S = 0.1
"""A killed server's process still exists for some milliseconds after its pipes have closed."""


def real_services() -> Services:
    """The real functions. Importing them loads torch, which takes a second."""
    from . import avatars, baking, inputs, portraits, previews, rendering, warming

    return Services(
        load=inputs.load,
        compile_aside=warming.compile_aside,
        warm_up=warming.warm_up,
        forget=MEMORY.forget,
        read_take=inputs.read_take,
        read_head=inputs.head_of,
        read_avatar=avatars.read_avatar,
        calibrate=inputs.calibrate,
        describe=inputs.describe_face,
        preview=previews.preview,
        bake=baking.bake,
        render=rendering.render,
        create_avatar=portraits.create_avatar,
    )


def main(make_services: Callable[[], Services]) -> None:
    """Runs the worker until its standard input is closed."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Ctrl-C reaches both processes; the server decides, and then closes our standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Unbuffered, and so byte by byte: `watch_input` reads what comes after the line.
    with os.fdopen(os.dup(0), "rb", buffering=0) as pipe:
        start = orders.decode_start(pipe.readline(_MAX_LINE))
    watch_input(lambda: leave(start.server_pid))
    socket = connect(zmq.Context.instance(), start)
    cache = Cache(Path(start.cache_folder), start.cache_bytes)
    run(socket, make_services, cache, memory_bytes=start.memory_bytes, lam=start.lam)


def connect(context: zmq.Context[Dealer], start: orders.WorkerStart) -> Dealer:
    """An encrypted socket that is connected to the server."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.curve_serverkey = start.server_public_key.encode()
    socket.curve_publickey = start.public_key.encode()
    socket.curve_secretkey = start.secret_key.encode()
    socket.connect(start.endpoint)
    return socket


def run(
    socket: Dealer,
    make_services: Callable[[], Services],
    cache: Cache,
    *,
    memory_bytes: int = 0,
    lam: LamFiles | None = None,
) -> None:
    """Loads, says `Ready`, and does orders for ever. memory_bytes, lam: see `WorkerStart`. Raises
    what loading raises, and zmq.ZMQError once the socket or its context is closed."""
    started = time.monotonic()
    services = make_services()
    device = services.load()
    _log.info("worker ready on %s after %.1f s", device, time.monotonic() - started)
    if memory_bytes and device == "cpu":
        limit_memory(memory_bytes)
    if memory_bytes:
        MEMORY.budget_bytes = memory_bytes // REMEMBERED_PART
    work, compiling = Work(services, cache, lam), services.compile_aside()
    try:
        pieces = len(NAMES) if compiling is not None else 0
        socket.send_multipart(orders.pack(orders.Ready(device=device, pieces=pieces)))
        cold, quiet_ms = services.warm_up(), 0
        while True:
            if compiling is not None:
                compiling = _await_compiling(socket, compiling)
            if compiling is None:
                _warm_up(socket, cold, quiet_ms)
            quiet_ms = QUIET_MS
            frames = socket.recv_multipart(copy=False)
            reply = work.handle([frame.buffer for frame in frames])
            if reply is not None:
                socket.send_multipart(reply, copy=False)
    finally:
        work.close()
        if compiling is not None:
            compiling.end()


def _await_compiling(socket: Dealer, compiling: Compiling) -> Compiling | None:
    """Waits for an order or until all is compiled, and tells how far that is; None once it is."""
    told = -1
    while (done := compiling.done()) is not None:
        if done != told:
            socket.send_multipart(orders.pack(orders.Compiled(pieces=done)))
            told = done
        if socket.poll(LOOK_MS):
            return compiling
    socket.send_multipart(orders.pack(orders.Compiled(pieces=len(NAMES))))
    return None


def _warm_up(socket: Dealer, cold: Iterator[None], quiet_ms: int) -> None:
    """Goes on warming up as long as no order waits, once none has come for `quiet_ms`."""
    try:
        while not socket.poll(quiet_ms) and next(cold, _WARM) is not _WARM:
            quiet_ms = 0
    except Exception:
        # A client that asks for the same will be told.
        _log.exception("warming up failed")


def limit_memory(most_bytes: int) -> None:
    """Limits this process's memory: what asks for more gets a MemoryError. Linux alone can do
    that; elsewhere the server measures. Not for use with a card, whose driver reserves more
    addresses than there is memory."""
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def leave(server_pid: int) -> None:
    """Ends this process at once, in the middle of whatever it does. Removes the shared memory of
    a server that was killed."""
    deadline = time.monotonic() + _SERVER_END_S
    while is_process_alive(server_pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    pixels.remove_orphans()
    os._exit(0)
