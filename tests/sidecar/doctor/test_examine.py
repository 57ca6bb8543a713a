# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole examination: bounded in time, never a traceback, no keys in what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared.connection import Connection, write_connection
from affekt.shared.errors import InputError
from affekt.sidecar import cli
from affekt.sidecar.doctor import blender, examine, report
from affekt.sidecar.doctor import machine as machines
from affekt.sidecar.doctor.examine import Check
from affekt.sidecar.doctor.report import Finding, missing, ok, warn
from fakes.machine import make_machine

ROOT = Path(__file__).resolve().parents[3]
KEYS = ("A1b2" * 10, "C3d4" * 10, "E5f6" * 10)


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What a check waits for that nobody would let go on."""
    let_go = threading.Event()
    yield let_go
    let_go.set()


def named(name: str, finding: Finding) -> Finding:
    return replace(finding, name=name)


def test_a_check_that_hangs_stops_no_other(hanging: threading.Event) -> None:
    def hang() -> Finding:
        hanging.wait(60)
        return ok("too late")

    began = time.monotonic()
    found = examine.examine(
        [Check(name="slow", look=hang, limit_s=0.2), Check(name="fast", look=lambda: ok(""))]
    )
    assert time.monotonic() - began < 10
    assert found == [
        named(
            "slow",
            warn(
                "no answer in 0.2 s: a program, a disk or a network folder hangs",
                "Run `affekt doctor` again; look for folders that are not reachable",
            ),
        ),
        named("fast", ok("")),
    ]


def test_a_check_that_fails_is_a_finding() -> None:
    def user_error() -> Finding:
        raise InputError("file.missing", "There is no file.", "Make one.")

    def bug() -> Finding:
        raise KeyError("x")

    found = examine.examine([Check(name="a", look=user_error), Check(name="b", look=bug)])
    assert found == [
        named("a", warn("There is no file.", "Make one.")),
        named(
            "b",
            warn(
                "the check itself failed: KeyError: 'x'",
                "Report it, please, with the output of `affekt doctor --json`",
            ),
        ),
    ]


def test_a_runtime_folder_that_hangs(tmp_path: Path, monkeypatch, hanging) -> None:
    def hang(_: object) -> list[Path]:
        hanging.wait(60)
        return []

    monkeypatch.setattr(examine.running, "runtime_folders", hang)
    monkeypatch.setattr(examine, "LISTING_S", 0.1)
    (check,) = examine._sidecar_checks(make_machine(tmp_path))
    assert check.look().detail.startswith("no answer in 0.1 s")


@pytest.fixture
def well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> machines.Machine:
    monkeypatch.setattr(blender, "usual_places", lambda *_: [])
    programs = {"blender": machines.Ran(code=0, text="Blender 4.5.1 LTS\n")}
    return make_machine(tmp_path, programs=programs)


def test_a_machine_where_all_is_well(well: machines.Machine) -> None:
    findings = examine.examine(examine.all_checks(well))
    assert [finding for finding in findings if finding.state != "ok"] == []
    assert [finding for finding in findings if finding.remedy] == []
    names = [check.name for check in examine.all_checks(well)]
    assert [finding.name for finding in findings] == names
    assert len(set(names)) == len(names) == 25


def test_a_machine_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what Affekt cannot do without is missing; every other word is a warning."""
    monkeypatch.setattr(blender, "usual_places", lambda *_: [])
    nothing = make_machine(tmp_path, version_of=lambda _: None, facts={"torch": {"error": "none"}})
    findings = examine.examine(examine.all_checks(nothing))
    states = {finding.name: finding.state for finding in findings if finding.state != "ok"}
    assert states == {
        "numpy, ZeroMQ, msgpack": "missing",
        "torch": "missing",
        "numba": "missing",
        "OpenEXR": "missing",
        "ffmpeg": "missing",
        "other packages": "missing",
        "espeak-ng": "warn",
        "faces in photos": "warn",
        "Blender": "warn",
    }
    assert all(finding.remedy for finding in findings if finding.state != "ok")


SAMPLE = (
    named("Python", ok("3.12.1, /env/bin/python")),
    named("torch", missing("not installed", "/env/bin/python -m pip install 'torch>=2.11,<2.14'")),
    named("Blender", ok("4.5.1 LTS, /bin/blender\n4.2.3, /opt/blender")),
    named(
        "leftovers", warn("1 of processes that have ended: /tmp/[x]", "rm -r /tmp/[x]\nand more")
    ),
)
TEXT = """\
Python    ok       3.12.1, /env/bin/python
torch     missing  not installed
Blender   ok       4.5.1 LTS, /bin/blender
                   4.2.3, /opt/blender
leftovers warn     1 of processes that have ended: /tmp/[x]

To mend, needed:
  torch
    /env/bin/python -m pip install 'torch>=2.11,<2.14'

To mend, if you want it:
  leftovers
    rm -r /tmp/[x]
    and more"""


def test_plain_text() -> None:
    assert "\n".join(report.as_lines(SAMPLE)) == TEXT


def test_lines_to_copy_are_not_wrapped() -> None:
    line = "pip install " + " ".join(["'something-long>=1.0'"] * 9)
    assert f"    {line}" in report.as_lines([missing("not there", line)])


def test_json(tmp_path: Path) -> None:
    home = Path("/home/someone")
    found = [named("cache", ok("/home/someone/.cache, 1 GB"))]
    told = json.loads(report.as_json(found, home))
    assert told["findings"] == [
        {"name": "cache", "state": "ok", "detail": "~/.cache, 1 GB", "remedy": ""}
    ]
    assert told["affekt"]
    assert told["protocol"] == [3, 12]
    assert set(told) == {"affekt", "protocol", "system", "processor", "findings"}
    assert json.loads(report.as_json([ok("/x")], Path("/")))["findings"][0]["detail"] == "/x"


def test_no_keys_in_any_report(well: machines.Machine) -> None:
    """Connection files of every kind, and a secret in a variable."""
    keys = dict(
        zip(("server_public_key", "client_public_key", "client_secret_key"), KEYS, strict=True)
    )
    sample = Connection(
        endpoint="tcp://127.0.0.1:9", pid=999_999_999, protocol=(3, 0), affekt="0.1.0", **keys
    )
    changed = {
        "": {},
        "blender-1": {"protocol": [9, 9]},
        "blender-2": {"client_secret_key": KEYS[0] * 2},
        "blender-3": {"affekt": None},
        "blender-4": {"endpoint": f"tcp://{KEYS[2]}"},
        "blender-5": {"pid": os.getpid()},
    }
    well.keys_folder.mkdir(mode=0o700)
    (well.keys_folder / "server.json").write_text(json.dumps({"secret_key": KEYS[1]}))
    for name, change in changed.items():
        path = write_connection(sample, well.runtime_folder / name)
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert all(key in path.read_text() for key in KEYS[:2])  # there to be seen
    environment = {"AFFEKT_TOKEN": KEYS[0], "AFFEKT_CACHE_DIR": "/cache"}
    where = replace(
        well, environment=environment, patience_s=0.2, is_alive=lambda pid: pid == os.getpid()
    )
    findings = examine.examine(examine.all_checks(where))
    assert len([finding for finding in findings if finding.name.startswith("sidecar")]) == 6
    text = report.as_json(findings, where.home) + "\n".join(report.as_lines(findings))
    for key in KEYS:
        assert key not in text
        assert key[:12] not in text


def test_the_command(capsys: pytest.CaptureFixture[str], well, monkeypatch) -> None:
    monkeypatch.setattr(machines, "Machine", lambda: well)
    assert cli.run(["doctor"]) == 0
    assert "To mend" not in capsys.readouterr().out
    monkeypatch.setattr(machines, "Machine", lambda: replace(well, python=(3, 9, 0)))
    assert cli.run(["doctor", "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["findings"][0]["state"] == "missing"
    assert printed.err == (
        "affekt: Affekt lacks what it needs: Python. The lines that mend it are in the report "
        "above. [doctor.missing]\n"
    )


WITHOUT = """
import importlib.metadata, sys
EXTRAS = {'torch', 'tyro', 'rich', 'numba', 'av', 'OpenEXR', 'scipy', 'safetensors', 'gsplat'}
EXTRAS.add(sys.argv.pop(1))
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
def version(name, real=importlib.metadata.version):
    if name in EXTRAS:
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version = version
sys.meta_path.insert(0, Nothing())
from affekt.sidecar import cli
sys.exit(cli.run(sys.argv[1:]))
"""


def without_extras(
    folder: Path, *arguments: str, more: str = "-"
) -> subprocess.CompletedProcess[str]:
    places = {"AFFEKT_RUNTIME_DIR": str(folder / "run"), "AFFEKT_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, more, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **places},
    )


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_it_works_without_any_extra(tmp_path: Path, option: tuple[str, ...]) -> None:
    done = without_extras(tmp_path, "doctor", *option)
    assert done.returncode == 2
    assert done.stderr == (
        "affekt: Affekt lacks what it needs: torch, numba, OpenEXR, ffmpeg, other packages. The "
        "lines that mend it are in the report above. [doctor.missing]\n"
    )
    assert "-m pip install 'torch>=2.11,<2.14'" in done.stdout
    if option:
        assert json.loads(done.stdout)["findings"]


@pytest.mark.parametrize("package", ["zmq", "numpy", "msgpack"])
def test_without_the_base_there_is_no_traceback_either(tmp_path: Path, package: str) -> None:
    done = without_extras(tmp_path, "doctor", more=package)
    assert done.returncode == 2
    assert done.stderr == (
        f"affekt: Not even the doctor works without the package {package} (No module named "
        f"'{package}'). Run: {sys.executable} -m pip install --force-reinstall numpy pyzmq "
        "msgpack [option.not_installed]\n"
    )


def test_other_commands_say_what_is_missing(tmp_path: Path) -> None:
    done = without_extras(tmp_path, "bake", "--help")
    assert done.returncode == 2
    assert done.stderr == (
        "affekt: The package tyro, which `affekt bake` needs, is not installed. "
        f'Run: {sys.executable} -m pip install "affekt[sidecar]"; `affekt doctor` says the rest. '
        "[option.not_installed]\n"
    )


def test_how_long_each_check_may_take(well: machines.Machine) -> None:
    """Seconds: an import has a minute, and the card needs two."""
    limits = {check.name: check.limit_s for check in examine.all_checks(well)}
    slow = dict.fromkeys(("torch", "numba", "OpenEXR", "ffmpeg", "espeak-ng"), 75)
    slow |= dict.fromkeys(("NVIDIA card", "gsplat", "nvcc"), 150)
    slow |= {"Blender": 45, "cache": 30, "sidecar": 30}
    assert limits == dict.fromkeys(limits, 15) | slow


def test_the_order_of_the_report(well: machines.Machine) -> None:
    assert [check.name for check in examine.all_checks(well)] == [
        "Python",
        "Affekt",
        "numpy, ZeroMQ, msgpack",
        "torch",
        "NVIDIA card",
        "gsplat",
        "nvcc",
        "numba",
        "OpenEXR",
        "ffmpeg",
        "other packages",
        "espeak-ng",
        "faces in photos",
        "open head",
        "modulator",
        "skin network",
        "Blender",
        "loopback",
        "runtime folder",
        "keys",
        "cache",
        "shared memory",
        "sidecar",
        "leftovers",
        "environment",
    ]
