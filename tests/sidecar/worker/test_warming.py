# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compiled once on a machine, and how a worker lets another process do it."""

import importlib.metadata
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zmq
from affekt.shared.motion import make_motion
from affekt.shared.pictures import PASSES, PictureRequest
from affekt.sidecar import cli
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.render import passes
from affekt.sidecar.render.shot import Shot
from affekt.sidecar.worker import inputs, main, orders, warming
from affekt.sidecar.worker.warming import NAMES, Aside, compile_aside, is_compiled
from fakes.orders import FakeServices

DEADLINE_S = 60


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_after_it_nothing_is_left_to_compile(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says each piece; pieces that it did leave a sign, which goes with the kernels."""
    done: list[str] = []
    pieces = [lambda name=name: done.append(name) for name in NAMES]
    monkeypatch.setattr(warming, "pieces", lambda: pieces)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    assert not is_compiled()
    assert cli.run(["compile"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *(f"{number}/7 {name}" for number, name in enumerate(NAMES, 1)),
        "All is compiled.",
    ]
    assert done == list(NAMES)
    assert is_compiled()
    assert compile_aside() is None
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert not is_compiled()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert not is_compiled()


@pytest.fixture
def compiled_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two modules, as the package's own, for which all is compiled."""
    code = tmp_path / "code"
    (code / "part").mkdir(parents=True)
    for name, text in (("one.py", "1"), ("part/two.py", "22")):
        (code / name).write_text(text)
        os.utime(code / name, (1000, 1000))
    monkeypatch.setattr(warming, "_PACKAGE", code)
    monkeypatch.setattr(warming, "pieces", lambda: [int] * len(NAMES))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    assert len(list(warming.compile_all())) == len(NAMES)
    assert is_compiled()
    return code


def test_what_another_processor_compiled_does_not_count(
    compiled_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "another-lake")
    assert not is_compiled()


@pytest.mark.parametrize("changed", ["numba", "llvmlite"])
def test_what_another_compiler_compiled_does_not_count(
    compiled_code: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0.1" if name == changed else version(name)
    )
    assert not is_compiled()


def write_longer(file: Path) -> None:
    file.write_text("333")
    os.utime(file, (1000, 1000))


@pytest.mark.parametrize(
    "change",
    [
        write_longer,
        lambda file: os.utime(file, (1000, 1001)),
        lambda file: file.rename(file.with_name("three.py")),
        lambda file: file.with_name("three.py").touch(),
        Path.unlink,
    ],
    ids=["longer", "later", "renamed", "one more", "gone"],
)
def test_what_was_compiled_of_other_code_does_not_count(
    compiled_code: Path, change: Callable[[Path], object]
) -> None:
    change(compiled_code / "part" / "two.py")
    assert not is_compiled()


def test_signs_of_older_code_go_and_kernels_stay(compiled_code: Path, tmp_path: Path) -> None:
    kernels = tmp_path / "kernels"
    (old,) = kernels.iterdir()
    (kernels / "one.nbi").touch()
    write_longer(compiled_code / "one.py")
    assert len(list(warming.compile_all())) == len(NAMES)
    left = sorted(path.name for path in kernels.iterdir())
    assert len(left) == 2
    assert left[1] == "one.nbi"
    assert old.name != left[0]
    assert is_compiled()


def test_where_no_sign_can_be_left_it_is_compiled_all_the_same(
    compiled_code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker does it again."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    told = list(warming.compile_all())
    assert told == [(number, 7, name) for number, name in enumerate(NAMES, 1)]


def test_where_the_package_may_not_be_written_the_sign_lies_in_the_cache(
    compiled_code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(warming, "default_cache_folder", lambda: tmp_path / "cache")
    assert warming._sign().parent == compiled_code / "__pycache__"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert warming._sign().parent == tmp_path / "cache" / "kernels"


def test_nothing_is_compiled_aside_where_all_is_or_no_process_starts(
    compiled_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start() -> str:
        started.append("one")
        return "aside"

    monkeypatch.setattr(warming, "Aside", start)
    assert compile_aside() is None
    write_longer(compiled_code / "one.py")
    assert compile_aside() == "aside"

    def fail() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(warming, "Aside", fail)
    assert compile_aside() is None
    assert started == ["one"]


def test_pieces_are_done_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(
        warming,
        "pieces",
        lambda: [lambda number=number: done.append(number) for number in range(3)],
    )
    monkeypatch.setenv("AFFEKT_WARM_UP", "0")
    assert list(warming.warm_up()) == []
    monkeypatch.delenv("AFFEKT_WARM_UP")
    cold = warming.warm_up()
    assert done == []
    assert [next(cold), list(done), next(cold), list(done)] == [None, [0], None, [0, 1]]
    assert (list(cold), done) == ([None], [0, 1, 2])


def test_every_pass_is_drawn_in_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small, of a take's first frame."""
    asked: list[tuple[PictureRequest, tuple[int, ...]]] = []
    motion = make_motion(expression=np.zeros((3, 100), np.float32), fps=30, space="open")
    read = SimpleNamespace(motion=motion)

    def render(shot: Shot, frames: tuple[int, ...], labels: object) -> list[object]:
        asked.append((shot.request, frames))
        return []

    monkeypatch.setattr(inputs, "source_of", lambda take: (read, None))
    monkeypatch.setattr(passes, "render_frames", render)
    warming._render("open", "a take")  # type: ignore[arg-type]
    ((request, frames),) = asked
    assert frames == (0,)
    assert set(request.passes) == set(PASSES)
    assert (request.format, request.size) == ("exr", (warming._EDGE, warming._EDGE))


def test_the_pieces_are_those_that_are_named() -> None:
    assert len(warming.pieces()) == len(NAMES)


def test_a_process_aside_tells_how_far_it_is() -> None:
    told = "print('1/3 one'); print('3/3 three', flush=True); import os; os.read(0, 1)"
    aside = Aside([sys.executable, "-S", "-c", told])
    until(lambda: aside.done() == 2)
    aside.end()
    until(lambda: aside.done() is None)


def test_it_ends_with_the_worker() -> None:
    """Its standard input closes, however the worker ends."""
    aside = Aside()
    assert aside.done() == 0
    aside.end()
    until(lambda: aside.done() is None)


class Compiles:
    """Says these numbers, one each time it is asked, and at last that it has ended."""

    def __init__(self, *told: int) -> None:
        self._told = list(told)

    def done(self) -> int | None:
        return self._told.pop(0) if self._told else None

    def end(self) -> None:
        pass


class Socket:
    """Gives orders after so many looks each; keeps what the worker says."""

    def __init__(self, *looks: int) -> None:
        self._looks, self.said = list(looks), []

    def send_multipart(self, frames: list[bytes], copy: bool = True) -> None:
        self.said.append(orders.unpack(frames, orders.REPLIES)[0])

    def poll(self, timeout: int) -> bool:
        if not self._looks:
            return True
        self._looks[0] -= 1
        return self._looks[0] < 0

    def recv_multipart(self, copy: bool = True) -> list[zmq.Frame]:
        if not self._looks:
            raise zmq.ZMQError(zmq.ETERM)
        self._looks.pop(0)
        self.said.append("order")
        return [zmq.Frame(frame) for frame in orders.pack(orders.Drop(job="0" * 32))]


def test_orders_are_done_while_it_compiles(tmp_path: Path) -> None:
    warmed: list[int] = []
    services = replace(
        FakeServices().services(),
        load=lambda: "cuda",
        compile_aside=lambda: Compiles(0, 0, 1, 1, 4),
        warm_up=lambda: (warmed.append(number) for number in range(3)),
    )
    socket = Socket(1, 0, 9)
    with pytest.raises(zmq.ZMQError):
        main.run(socket, lambda: services, Cache(tmp_path / "c"))
    assert socket.said == [
        orders.Ready(device="cuda", pieces=len(NAMES)),
        orders.Compiled(pieces=0),
        "order",
        orders.Compiled(pieces=1),
        "order",
        orders.Compiled(pieces=1),
        orders.Compiled(pieces=4),
        orders.Compiled(pieces=len(NAMES)),
        "order",
    ]
    assert warmed == [0, 1, 2]  # only once nothing is compiled any more
