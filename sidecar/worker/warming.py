# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done in advance so that the first orders do not wait: kernels are compiled, which numba
does once on a machine and keeps, and loaded.

`affekt compile` does all of it, and says how far it is. A worker that finds no sign of that starts
it as a process of its own, beside its orders (`Aside`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...shared.connection import default_cache_folder

if TYPE_CHECKING:
    from .services import Take

SETTING = "AFFEKT_WARM_UP"
_EDGE = 64
_PACKAGE = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "affekt.sidecar", "compile", "--aside")


NAMES = (
    "the emotions",
    "the moving head",
    "the Gaussians' picture",
    "the head's picture",
    "the passes of Gaussians",
    "the passes of the head",
    "the avatar in the scene",
)
"""What is compiled, for the user, in the order of `pieces`."""


def pieces() -> list[Callable[[], object]]:
    """Everything that a first bake, preview or rendering would wait for, each piece some seconds
    where nothing is kept. Imports torch."""
    from ...shared.conversions import preview_rows
    from ...shared.emotion import constant_track
    from ...shared.pictures import PictureRequest
    from ..avatar.open_avatar import OPEN_GAUSSIANS
    from ..head.read import OPEN
    from . import inputs
    from .avatars import read_avatar
    from .previews import preview
    from .services import AvatarSource, PreviewTask, Take

    path = _PACKAGE / "assets" / "demo" / "take.npz"
    take = Take(path=path, name=path.name, adapter=None)
    motion = inputs.source_of(take)[0].motion
    rows = preview_rows(0, motion.fps, len(motion))
    numbers = PreviewTask(
        take=take,
        track=constant_track(len(rows), motion.fps, happy=1),
        first=0,
        frame=0,
        head=OPEN,
        wants_vertices=False,
        picture=None,
    )
    picture = PictureRequest(width=_EDGE, height=_EDGE)
    previews = (
        numbers,
        replace(numbers, wants_vertices=True),
        replace(numbers, picture=picture, head=OPEN_GAUSSIANS),
        replace(numbers, picture=picture),
    )
    return [
        *(partial(preview, task) for task in previews),
        *(partial(_render, head, take) for head in (OPEN_GAUSSIANS, OPEN)),
        partial(read_avatar, AvatarSource(path=None, name=OPEN_GAUSSIANS, flame=None)),
    ]


def _render(head: str, take: Take) -> None:
    """One small frame with every pass."""
    from ...shared.pictures import PictureRequest
    from ..avatar.regions import kept_labels
    from ..render.passes import available_passes, render_frames
    from ..render.shot import make_shot, motion_for
    from . import inputs

    subject = inputs.subject(inputs.SubjectSource(avatar=None, name=head, head=head))
    passes = available_passes(subject)
    request = PictureRequest(width=_EDGE, height=_EDGE, format="exr", passes=passes)
    motion = motion_for(subject, inputs.source_of(take)[0].motion, None)
    for _ in render_frames(make_shot(subject, motion, request, "auto"), (0,), kept_labels):
        pass


def compile_all() -> Iterator[tuple[int, int, str]]:
    """Does all pieces; before each its number from 1 on, how many there are, and its name. Leaves
    the sign that `is_compiled` looks for."""
    for number, (name, piece) in enumerate(zip(NAMES, pieces(), strict=True), 1):
        yield number, len(NAMES), name
        piece()
    with contextlib.suppress(OSError):  # then the next worker does it again, from what is kept
        sign = _sign()
        sign.parent.mkdir(parents=True, exist_ok=True)
        for old in sign.parent.glob(f"{_SIGN}*"):  # of older code
            old.unlink()
        sign.touch()


def is_compiled() -> bool:
    """Whether `compile_all` has done its work for this code, numba and processor."""
    return _sign().exists()


def warm_up() -> Iterator[None]:
    """Does the pieces in this process, one between two yields, so that what is compiled is also
    loaded. None of them where `AFFEKT_WARM_UP` is 0, since idle time is not free everywhere."""
    for piece in [] if os.environ.get(SETTING) == "0" else pieces():
        piece()
        yield


_SIGN = f"affekt-compiled-{sys.implementation.cache_tag}-"


def _sign() -> Path:
    """An empty file beside the kernels that numba keeps, so that it goes with them."""
    parts = [_processor(), os.environ.get("NUMBA_CPU_NAME", "")]
    parts += [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    for path in sorted(_PACKAGE.rglob("*.py")):  # numba asks no more than this of a file
        stat = path.stat()
        parts.append(f"{path.relative_to(_PACKAGE)} {stat.st_mtime_ns} {stat.st_size}")
    name = _SIGN + hashlib.blake2b("\n".join(parts).encode(), digest_size=10).hexdigest()
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / name
    if os.access(_PACKAGE, os.W_OK):
        return _PACKAGE / "__pycache__" / name
    return default_cache_folder() / "kernels" / name


def _processor() -> str:
    from llvmlite import binding

    return binding.get_host_cpu_name()


class Aside:
    """`affekt compile` as a process of its own, of little weight, so that no order waits for it.
    It ends with this process."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        """Raises OSError if it does not start."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # closed when this process ends, however that comes
            stdout=subprocess.PIPE,
            creationflags=subprocess.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 0,
        )
        self._done = 0
        threading.Thread(target=self._listen, name="affekt-compile", daemon=True).start()

    def done(self) -> int | None:
        """How many pieces are done; None once it has ended, well or not. Never waits."""
        return self._done if self._process.poll() is None else None

    def end(self) -> None:
        """Asks it to end, which it does at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                if found := re.match(rb"(\d+)/\d+ ", line):
                    self._done = int(found[1]) - 1
        self._process.wait()


def compile_aside() -> Aside | None:
    """Starts to compile, unless all is compiled or no process can be started: then orders compile
    what they need."""
    if is_compiled():
        return None
    try:
        return Aside()
    except OSError:
        return None
