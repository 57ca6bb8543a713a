# SPDX-License-Identifier: GPL-3.0-or-later
"""Which platforms the extension serves, by the wheels that are there; without a network."""

import subprocess
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.extension.wheels import (
    Target,
    all_targets,
    collect_wheels,
    download_wheels,
    find_wheel,
)

LINUX = "manylinux_2_28_x86_64"


def put(folder: Path, *wheels: str) -> Path:
    folder.mkdir(exist_ok=True)
    for wheel in wheels:
        (folder / f"{wheel}.whl").write_text(wheel)
    return folder


def pair(python: str, tag: str) -> tuple[str, str]:
    return f"pyzmq-27.1.0-{python}-{python}-{tag}", f"msgpack-1.2.0-{python}-{python}-{tag}"


def test_each_blender_since_4_2_on_each_platform() -> None:
    targets = [(target.platform, target.python) for target in all_targets()]
    assert targets == [
        ("linux-x64", "3.11"),
        ("linux-x64", "3.13"),
        ("windows-x64", "3.11"),
        ("windows-x64", "3.13"),
        ("macos-arm64", "3.11"),
        ("macos-arm64", "3.13"),
        ("macos-x64", "3.11"),
        ("macos-x64", "3.13"),
        ("linux-x64", "3.12"),
        ("linux-x64", "3.14"),
    ]


def test_a_platform_that_lacks_one_python_is_left_out(tmp_path: Path) -> None:
    """But one that only Linux distributions build may be absent."""
    source = put(
        tmp_path / "from",
        *pair("cp311", LINUX),
        *pair("cp313", LINUX),
        *pair("cp312", LINUX),
        *pair("cp313", "win_amd64"),
        *pair("cp311", "macosx_11_0_arm64"),
    )
    found = collect_wheels(source, tmp_path / "a" / "to", download=False)
    wheels = [f"{w}.whl" for python in ("cp311", "cp312", "cp313") for w in pair(python, LINUX)]
    assert found == {"linux-x64": sorted(wheels)}
    assert sorted(path.name for path in (tmp_path / "a" / "to").iterdir()) == sorted(wheels)
    put(source, "readme", "notes-1.0")  # names that no wheel has
    assert collect_wheels(source, tmp_path / "a" / "to", download=False) == found
    copied = tmp_path / "a" / "to" / f"pyzmq-27.1.0-cp313-cp313-{LINUX}.whl"
    assert copied.read_text() == f"pyzmq-27.1.0-cp313-cp313-{LINUX}"


def test_half_of_a_pair_is_none(tmp_path: Path) -> None:
    source = put(tmp_path / "from", *pair("cp311", LINUX), pair("cp313", LINUX)[0])
    with pytest.raises(InputError) as caught:
        collect_wheels(source, tmp_path / "to", download=False)
    assert caught.value.code == "option.wheels"
    assert caught.value.message == (
        f"No platform has all its wheels of pyzmq and msgpack in {source}."
    )
    assert not (tmp_path / "to").exists()


def test_of_two_versions_the_later_is_taken(tmp_path: Path) -> None:
    put(tmp_path, f"pyzmq-26.4.0-cp311-cp311-{LINUX}", f"pyzmq-27.1.0-cp311-cp311-{LINUX}")
    found = find_wheel(tmp_path, "pyzmq", Target(platform="linux-x64", python="3.11"))
    assert found is not None
    assert found.name.startswith("pyzmq-27.1.0")


def test_versions_are_numbers(tmp_path: Path) -> None:
    """1.10 is later than 1.9; a wheel of the future for another Python is none of ours."""
    versions = ("1.9.3", "1.10.0", "1.10", "0.99.9")
    put(tmp_path, *(f"msgpack-{version}-cp311-cp311-{LINUX}" for version in versions))
    put(tmp_path, f"msgpack-2.0.0-cp313-cp313-{LINUX}", "msgpack-3.0-cp311-cp311-win32", "msgpack")
    found = find_wheel(tmp_path, "msgpack", Target(platform="linux-x64", python="3.11"))
    assert found == tmp_path / f"msgpack-1.10.0-cp311-cp311-{LINUX}.whl"


@pytest.mark.parametrize(
    ("platform", "tags", "others"),
    [
        ("linux-x64", "manylinux_2_17_x86_64 manylinux_2_28_x86_64", "manylinux_2_31_x86_64 "
         "manylinux_2_28_aarch64 musllinux_1_2_x86_64"),
        ("windows-x64", "win_amd64", "win32 win_arm64"),
        ("macos-arm64", "macosx_11_0_arm64 macosx_10_15_universal2", "macosx_12_0_arm64 "
         "macosx_11_0_x86_64"),
        ("macos-x64", "macosx_10_9_x86_64 macosx_11_0_universal2", "macosx_12_0_x86_64 "
         "macosx_11_0_arm64"),
    ],
)  # fmt: skip
def test_wheels_of_another_system_do_not_run_there(
    platform: str, tags: str, others: str, tmp_path: Path
) -> None:
    target = Target(platform=platform, python="3.13")
    put(tmp_path, *(f"pyzmq-27.1.0-cp313-cp313-{tag}" for tag in others.split()))
    assert find_wheel(tmp_path, "pyzmq", target) is None
    for tag in tags.split():
        name = f"pyzmq-26.0.0-cp313-cp313-{tag}"
        put(tmp_path, name)
        assert find_wheel(tmp_path, "pyzmq", target) == tmp_path / f"{name}.whl"
        (tmp_path / f"{name}.whl").unlink()


def test_a_stable_abi_serves_its_own_python_and_later_ones(tmp_path: Path) -> None:
    put(tmp_path, f"PyZMQ-27.1.0-cp312-abi3-{LINUX}", f"msgpack-1.2.0-cp312-cp312-{LINUX}")
    for python, served in (("3.11", False), ("3.12", True), ("3.13", True)):
        target = Target(platform="linux-x64", python=python)
        assert (find_wheel(tmp_path, "pyzmq", target) is not None) == served
        assert (find_wheel(tmp_path, "msgpack", target) is not None) == (python == "3.12")


def test_what_is_missing_is_downloaded_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path / "from", *pair("cp311", LINUX))
    asked: list[tuple[str, str, list[str]]] = []

    def pip(command: list[str], **_: object) -> None:
        assert "--only-binary=:all:" in command  # no code of a package may run
        python, place = (command[command.index(w) + 1] for w in ("--python-version", "--dest"))
        platforms = [command[i + 1] for i, word in enumerate(command) if word == "--platform"]
        asked.append((python, platforms[0], command[-2:]))
        if (python, platforms[0]) == ("3.13", LINUX):
            put(Path(place), *pair("cp313", LINUX))

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(InputError):
        collect_wheels(source, tmp_path / "to", download=False)
    assert asked == []
    assert list(collect_wheels(source, tmp_path / "to", download=True)) == ["linux-x64"]
    assert ("3.11", LINUX) not in [entry[:2] for entry in asked]
    both = ["pyzmq>=26.2", "msgpack>=1.1"]
    assert asked[0] == ("3.13", LINUX, both)
    assert ("3.13", "win_amd64", both) in asked


def test_pip_may_find_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its failure is no error yet: the wheels that are there decide."""

    def pip(command: list[str], *, check: bool, **_: object) -> None:
        if check:
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", pip)
    download_wheels(tmp_path, Target(platform="macos-x64", python="3.13"))
