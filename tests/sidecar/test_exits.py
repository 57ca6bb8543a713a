# SPDX-License-Identifier: GPL-3.0-or-later
"""How commands end that do not end by themselves: a sentence and an exit code, never a traceback,
and nothing half done."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from affekt.shared.take_files import encode_motion
from affekt.sidecar import cli, exits
from affekt.sidecar.server.keys import make_keys, to_text
from fakes.link import wait_for
from fakes.signals import heard
from fakes.takes import arkit_content, random_motion

posix = pytest.mark.skipif(os.name != "posix", reason="signals and rights as Linux and macOS know")
KEYS = {"fps": 30, "keys": [{"frame": 0, "happy": 1.0}]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "take.json").write_text(json.dumps(arkit_content(400)))
    (tmp_path / "emotions.json").write_text(json.dumps(KEYS))
    return tmp_path


def start(arguments: Sequence[str | Path], **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "affekt.sidecar", *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | options.pop("env", {}),
        **options,
    )


def said(arguments: Sequence[str | Path], **options: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with start(arguments, **options) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out or "", err


def refused(
    arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str], *, code: str = ""
) -> str:
    """The sentence with which a command refuses: one line, with a code in brackets."""
    if arguments[0] == "serve":  # its log wants a real standard error
        status, _, err = said(arguments)
    else:
        status, err = cli.run([str(argument) for argument in arguments]), capsys.readouterr().err
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("affekt: ")
    assert line.endswith(f"{code}]"), line
    return line


# --- places --------------------------------------------------------------------------------------


def in_the_way(folder: Path) -> dict[str, Path]:
    """Places where no command can read or write anything."""
    (folder / "file").write_text("a file")
    if hasattr(os, "symlink"):
        (folder / "dangling").symlink_to(folder / "nowhere")
        (folder / "circle").symlink_to(folder / "circle")
    return {
        "300 letters": folder / ("n" * 300),
        "under a file": folder / "file" / "inside",
        "under 300 letters": folder / ("n" * 300) / "inside",
        "dangling": folder / "dangling" / "inside",
        "circle": folder / "circle",
    }


ENDINGS = (".ply", ".png", ".safetensors")
PLACES = ("300 letters", "under a file", "under 300 letters", "dangling", "circle")
READING = {
    "bake": "bake --motion PLACE --emotions OTHER --out OUT",
    "bake emotions": "bake --motion TAKE --emotions PLACE --out OUT",
    "bake head": "bake --motion TAKE --emotions KEYS --out OUT --head PLACE",
    "bake adapter": "bake --motion TAKE --emotions KEYS --out OUT --adapter PLACE",
    "bake modulator": "bake --motion TAKE --emotions KEYS --out OUT --modulator PLACE",
    "render avatar": "render --avatar PLACE --motion TAKE --out OUT",
    "render motion": "render --avatar open --motion PLACE --out OUT",
    "render camera": "render --avatar open --motion TAKE --camera PLACE --out OUT",
    "render sound": "render --avatar open --motion TAKE --sound PLACE --out OUT",
    "avatar info": "avatar info --avatar PLACE",
    "avatar convert": "avatar convert --avatar PLACE --out OUT.safetensors",
    "avatar export": "avatar export --avatar PLACE --motion TAKE --out OUT.ply",
    "avatar sequence": "avatar sequence --avatar open-gaussians --motion PLACE --out OUT",
    "avatar compare": "avatar compare --avatar PLACE --out OUT.png",
    "convert": "convert PLACE OUT --to npz",
    "convert keys": "convert PLACE OUT --to keys",
    "keys trust": "keys trust KEY --name anna --keys-dir PLACE",
    "keys show": "keys show --keys-dir PLACE",
    "keys connect": "keys connect --server tcp://a:5870 --server-key KEY --key PLACE --out OUT",
    "adapter build": "adapter build --flame PLACE --out OUT",
    "adapter linear": "adapter linear --matrices PLACE --out OUT",
    "evaluate geometry": "evaluate geometry --modulator PLACE --out OUT",
    "train geometry": "train geometry --config PLACE --out OUT",
    "head import": "head import --flame PLACE --out OUT.safetensors",
}
WRITING = {
    "bake": "bake --motion TAKE --emotions KEYS --out PLACE --frames 0-3",
    "render": "render --avatar open --motion TAKE --out PLACE --frames 0-1 --size 32",
    "render sheet": "render --avatar open --motion TAKE --out OUT --frames 0 --size 32 "
    "--sheet PLACE.png",
    "avatar convert": "avatar convert --avatar open-gaussians --out PLACE.safetensors",
    "avatar sequence": "avatar sequence --avatar open-gaussians --motion TAKE --out PLACE",
    "convert": "convert TAKE PLACE --to npz",
    "convert ace": "convert KEYS PLACE --to ace",
    "keys new": "keys new --out PLACE",
    "demo": "demo --out PLACE",
    "extension": "extension build --offline --out PLACE --wheels-from PLACE",
    "data": "data anchors --count 1 --out PLACE",
    "evaluate": "evaluate geometry --out PLACE",
    "train": "train geometry --out PLACE",
}


def filled(line: str, files: Path, place: Path) -> list[str]:
    words = {
        "PLACE": place,
        "OUT": files / "out",
        **{f"OUT{ending}": files / f"out{ending}" for ending in ENDINGS},
        **{f"PLACE{ending}": f"{place}{ending}" for ending in ENDINGS},
        "TAKE": files / "take.json",
        "KEYS": files / "emotions.json",
        "OTHER": files / "emotions.json",
        "KEY": to_text(make_keys().public),
    }
    return [str(words.get(word, word)) for word in line.split()]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", READING)
def test_what_cannot_be_read_is_said(
    what: str,
    place: str,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(files / "cache"))
    refused(filled(READING[what], files, in_the_way(files)[place]), capsys)
    assert not list(files.glob("out*"))


@pytest.mark.parametrize("place", [place for place in PLACES if place != "circle"])
@pytest.mark.parametrize("what", WRITING)
def test_what_cannot_be_written_is_said(
    what: str,
    place: str,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(files / "cache"))
    refused(filled(WRITING[what], files, in_the_way(files)[place]), capsys)
    assert not list(files.rglob("*.partial"))


@pytest.mark.parametrize(
    "line",
    [
        "serve --remote --listen 127.0.0.1 --keys-dir PLACE",
        "serve --runtime-dir PLACE --cache-dir OUT",
        "serve --cache-dir PLACE --runtime-dir OUT",
        "serve --log PLACE --runtime-dir OUT --cache-dir OUT",
    ],
)
def test_places_of_a_sidecar(line: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each folder has a setting of its own, and the error names that one."""
    (files / "file").write_text("a file")
    told = refused(filled(line, files, files / "file" / "inside"), capsys)
    assert str(files / "file" / "inside") in told
    for kind in ("keys", "runtime", "cache"):
        names = f"--{kind}-dir PLACE" in line
        assert (f"AFFEKT_{kind.upper()}_DIR" in told) == names
        assert (f"--{kind}-dir" in told) == names


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError("os error 12"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("another"), False),
    ],
)
def test_too_little_memory_is_said(
    error: Exception,
    is_memory: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    if not is_memory:
        with pytest.raises(RuntimeError):
            cli.run(["doctor"])
        return
    assert cli.run(["doctor"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("[job.memory]")


def test_a_path_with_a_zero_byte(capsys: pytest.CaptureFixture[str]) -> None:
    refused(["convert", "a\0b", "c.npz"], capsys, code="file.place")


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "may not", "Choose another"),
        (OSError(errno.ENOSPC, "No space left on device", b"/a/b"), "disk is full", "Make room"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/a/b"), "too long", "Choose a short"),
        (OSError(errno.ENOTDIR, "Not a directory", "/a/b"), "folder should be", "Check"),
        (OSError(12345, "Strange", "/a/b"), "Strange", "Choose"),
    ],
)
def test_every_refusal_of_the_system_has_a_sentence(
    error: OSError, reason: str, remedy: str
) -> None:
    told = exits.place_error(error)
    assert told.code == "file.place"
    assert "'/a/b'" in told.message
    assert reason in told.message
    assert told.remedy.startswith(remedy)
    assert "output" in exits.place_error(OSError(errno.ENOSPC, "No space left")).message


DROP = """
import ctypes, os, sys
for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Begins a program to which rights mean something, even if its user is root."""


def ordinary(*arguments: str | Path) -> tuple[int, str, str]:
    """A command for which rights count."""
    command = [sys.executable, "-c", DROP, "-m", "affekt.sidecar", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def without_rights(folder: Path, mode: int) -> Iterator[Path]:
    """The folder with this mode. Skips where this process's programs may enter it all the same."""
    folder.mkdir()
    (folder / "take.json").write_text(json.dumps(arkit_content()))
    folder.chmod(mode)
    try:
        look = "import sys; open(sys.argv[1], 'w')"
        command = [sys.executable, "-c", DROP, "-c", look, str(folder / "new")]
        if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            pytest.skip("this system gives rights that cannot be given up")
        yield folder
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(sys.platform != "linux", reason="gives up root's rights as Linux has them")
@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_folders_of_others(mode: int, files: Path) -> None:
    """One that may not be entered, and one that may only be read."""
    with without_rights(files / "theirs", mode) as theirs:
        take = files / "take.json" if mode else theirs / "take.json"
        for arguments in (
            ["convert", take, theirs / "out.npz"],
            ["keys", "show", "--keys-dir", theirs / "keys"],
            ["extension", "build", "--offline", "--wheels-from", theirs, "--out", theirs],
            ["serve", "--runtime-dir", theirs / "run", "--cache-dir", files / "cache"],
        ):
            code, out, err = ordinary(*arguments)
            assert (code, len(err.splitlines())) == (2, 1), (arguments, out, err)
            assert err.startswith("affekt: "), err
    assert sorted(path.name for path in theirs.iterdir()) == ["take.json"]


# --- the output ----------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "bake --help",
        "keys show --keys-dir OUT",
        "render --avatar open --motion TAKE --out OUT --frames 0-1 --size 16",
    ],
)
def test_nobody_reads_the_output(line: str, files: Path) -> None:
    """As behind `| head -1`, which leaves after its line."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        code, _, err = said(filled(line, files, files), stdout=pipe)
    assert code == exits.CLOSED_PIPE
    assert not list(files.rglob("*.partial"))
    assert "Traceback" not in err
    assert "Exception" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_the_output_goes_to_a_full_disk() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, _, err = said(["--help"], stdout=full)
    assert code == 2
    assert err.startswith("affekt: ")
    assert "disk is full" in err
    assert len(err.splitlines()) == 1


def test_numpy_says_nothing_before_us(files: Path) -> None:
    """Numbers beyond single precision overflow on the way to our own check."""
    content = arkit_content(6)
    content["frames"][2]["weights"][3] = 1e300
    (files / "take.json").write_text(json.dumps(content))
    code, _, err = said(["convert", files / "take.json", files / "out.npz"])
    assert code == 2
    assert len(err.splitlines()) == 1, err


# --- signals -------------------------------------------------------------------------------------

LONG = {
    "render": "render --avatar open --motion TAKE --out OUT --size 64",
    "bake": "bake --motion TAKE --emotions KEYS --out OUT --cache-dir CACHE",
    "avatar sequence": "avatar sequence --avatar open-gaussians --motion TAKE --out OUT",
}


@pytest.fixture
def long_take(files: Path) -> Path:
    """A take in place of the short one, whose work takes a while."""
    (files / "take.json").write_bytes(encode_motion(random_motion(6000)))
    return files / "take.json"


@posix
@pytest.mark.parametrize(
    ("what", "name", "code"),
    [
        ("render", "SIGTERM", 143),
        pytest.param("avatar sequence", "SIGTERM", 143, marks=pytest.mark.full),
        ("bake", "SIGHUP", 129),
        ("bake", "SIGINT", 130),
    ],
)
def test_a_signal_clears_up(what: str, name: str, code: int, files: Path, long_take: Path) -> None:
    line = LONG[what].replace("CACHE", str(files / "cache"))
    out, number = files / "out", getattr(signal, name)
    with heard(number):
        process = start(filled(line, files, out))
    with process:
        try:
            wait_for(lambda: _has_begun(out) or process.poll() is not None, "its first file", 60)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (code, "")
    assert not list(files.rglob("*.partial"))
    assert not (out / "preview.mp4").exists()
    if what == "bake":
        assert not out.exists()


def _has_begun(out: Path) -> bool:
    return out.exists() and any(
        path.name.startswith("frame_") or path.name == "vertices.pc2" for path in out.rglob("*")
    )


@posix
def test_what_a_killed_command_left_goes_at_the_next_start(files: Path, long_take: Path) -> None:
    line = filled(LONG["bake"].replace("CACHE", str(files / "cache")), files, files)
    with start(line) as process:
        wait_for(lambda: _has_begun(files / "out"), "its first file", 60)
        process.kill()
        process.communicate()
    left = list((files / "out").glob("*.partial"))
    assert left
    assert f"-{process.pid}-" in left[0].name
    code, _, err = said([*line, "--frames", "0-3"])
    assert (code, err) == (0, "")
    assert not list(files.rglob("*.partial"))


CTRL_C = """
import os, signal, sys, threading
from affekt.sidecar import cli

def strike():
    os.kill(os.getpid(), signal.SIGINT)

class Command:
    def run(self):
        PLACE

cli._load, cli._parse = (lambda words: Command), (lambda *rest: Command())
sys.argv = ["affekt", "bake"]
cli.main()
"""
STRUCK = {
    "at work": "strike()",
    "twice": "exec('try: strike()' + chr(10) + 'finally: strike()')",
    "made another error of": "exec('try: strike()' + chr(10) + 'except BaseException: 1 / 0')",
    "taken for a package that is missing":
        "exec('try: strike()' + chr(10) + 'except BaseException: raise ImportError(name=chr(97))')",
    "at an import": "sys.path.insert(0, sys.argv.pop() and os.environ['HERE']); import strikes",
    "at the end": "import atexit; atexit.register(strike)",
    "after the end": "import weakref; sys.kept = Last = type('L', (), {'__del__': "
        "lambda self, kill=os.kill, pid=os.getpid(): kill(pid, 2)})()",
}  # fmt: skip


@posix
@pytest.mark.parametrize("place", STRUCK)
def test_ctrl_c_has_one_exit_code(place: str, tmp_path: Path) -> None:
    """Wherever it strikes; but where the work was done the code may be that of its success."""
    (tmp_path / "strikes.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('imported', flush=True)\n"
        "import time\nfor _ in range(30): time.sleep(0.01)\n"
    )
    line = STRUCK[place]
    if place == "at an import":
        line = line.replace("import strikes", "import strikes; import time; time.sleep(200)")
    program = CTRL_C.replace("PLACE", line)
    with heard(signal.SIGINT):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"HERE": str(tmp_path)},
        )
    assert done.returncode == (0 if place == "after the end" else 130), done.stderr
    assert done.stderr == ""
    assert (done.stdout == "imported\n") == (place == "at an import")


@posix
def test_a_signal_that_is_ignored_stays_so(files: Path) -> None:
    """As `nohup` has it: the command outlives the terminal."""
    script = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from affekt.sidecar import exits; exits.obey_signals()\n"
        "os.kill(os.getpid(), signal.SIGHUP); print('lives')\n"
        "os.kill(os.getpid(), signal.SIGTERM); print('never')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "lives\n"
    assert "Ended" in done.stderr


# --- packages ------------------------------------------------------------------------------------

ABSENT = """
import sys
sys.modules[sys.argv[1]] = None
sys.argv = ["affekt", *sys.argv[2:]]
from affekt.sidecar.cli import main
main()
"""


def without(module: str, *arguments: str | Path) -> tuple[int, str]:
    command = [sys.executable, "-c", ABSENT, module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("torch", "torch"),
        ("cv2", "opencv-python-headless"),
        pytest.param("OpenEXR", "OpenEXR", marks=pytest.mark.full),
        ("tyro", "tyro"),
        ("psutil", "psutil"),
        ("filelock", "filelock"),
    ],
)
def test_a_package_that_is_missing(module: str, package: str, files: Path) -> None:
    """Whichever it is, each command that needs it says so in one sentence."""
    line = "render --avatar open --motion TAKE --out OUT --size 16 --frames 0-0"
    if module in ("psutil", "filelock"):
        line = "serve --runtime-dir OUT --cache-dir OUT"
    code, err = without(module, *filled(line, files, files))
    assert (code, len(err.splitlines())) == (2, 1), err
    assert err.startswith(f"affekt: The package {package}, which ")
    assert "pip install" in err
    assert err.rstrip().endswith("[option.not_installed]")


def test_a_package_that_does_not_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = ImportError("libGL.so.1: cannot open shared object file", name="cv2")
    told = exits.absence_error(error, "render")
    assert told.code == "option.not_installed"
    assert "opencv-python-headless is there, but does not load: libGL.so.1" in told.message
