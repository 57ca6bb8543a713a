# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: private, whole, and refused when it is not."""

from __future__ import annotations

import json
import os
import stat
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared import connection as link
from affekt.shared import private_files
from affekt.shared.errors import InputError, LinkError
from affekt.shared.version import AFFEKT_VERSION

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = link.Connection(
    endpoint="tcp://127.0.0.1:5555",
    server_public_key="a" * 40,
    client_public_key="b" * 40,
    client_secret_key="c" * 40,
    pid=12345,
    protocol=(3, 0),
    affekt="0.1.0",
)
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")


def refused(folder: Path) -> LinkError:
    with pytest.raises(LinkError) as caught:
        link.read_connection(folder)
    return caught.value


def test_comes_back(tmp_path: Path) -> None:
    link.write_connection(SAMPLE, tmp_path / "run")
    assert link.read_connection(tmp_path / "run") == SAMPLE
    assert [p.name for p in (tmp_path / "run").iterdir()] == [link.FILE_NAME]


def test_keys_are_not_in_its_text() -> None:
    assert "ccc" not in repr(SAMPLE)


@posix
def test_permissions(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    path = link.write_connection(SAMPLE, folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    link.write_connection(SAMPLE, tmp_path).chmod(mode)
    error = refused(tmp_path)
    assert error.code == "link.connection_file"
    assert "others may read it" in error.message


def test_no_file(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert error.code == "link.unreachable"
    assert str(error) == (
        "No sidecar is running. Start the sidecar (Affekt panel, or `affekt serve`) and try again."
    )


DAMAGES = {
    "empty": "",
    "cut": json.dumps({"endpoint": "tcp://127.0.0.1:1"})[:-4],
    "a list": "[]",
    "deep": "[" * 60_000,
    "too long": " " * 100_000,
    "no pid": {"pid": None},
    "pid 0": {"pid": 0},
    "pid true": {"pid": True},
    "other machine": {"endpoint": "tcp://192.0.2.1:5555"},
    "no port": {"endpoint": "tcp://127.0.0.1"},
    "bad port": {"endpoint": "tcp://127.0.0.1:99999"},
    "ipc": {"endpoint": "ipc:///tmp/x"},
    "short key": {"client_secret_key": "c" * 39},
    "key of other letters": {"server_public_key": "ä" * 40},
    "key past 32 bits": {"server_public_key": "#" * 40},
    "no key": {"client_public_key": None},
    "no version": {"protocol": "1.0"},
    "long affekt": {"affekt": "x" * 100},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_file(tmp_path: Path, name: str) -> None:
    damage = DAMAGES[name]
    path = link.write_connection(SAMPLE, tmp_path)
    text = damage
    if isinstance(damage, dict):
        text = json.dumps({**json.loads(path.read_text()), **damage})
    path.write_text(str(text), encoding="utf-8")
    assert refused(tmp_path).code == "link.connection_file"


REASONS = {
    "it is not JSON": ("empty", "cut", "deep"),
    "it is not an object": ("a list",),
    "it is too long": ("too long",),
    "its process or version is missing": ("no pid", "pid 0", "pid true", "long affekt"),
    "its protocol version is missing": ("no version",),
    "its address is not on this machine": ("other machine", "no port", "bad port", "ipc"),
    "its client_secret_key is no key": ("short key",),
    "its server_public_key is no key": ("key of other letters", "key past 32 bits"),
    "its client_public_key is no key": ("no key",),
}
"""What is said of each damage: one that is refused for another reason tests nothing."""


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_damaged_in_a_file_is_said(tmp_path: Path, reason: str) -> None:
    for name in REASONS[reason]:
        damage = DAMAGES[name]
        path = link.write_connection(SAMPLE, tmp_path)
        if isinstance(damage, dict):
            damage = json.dumps({**json.loads(path.read_text()), **damage})
        path.write_text(str(damage), encoding="utf-8")
        error = refused(tmp_path)
        assert error.message == f"The connection file {path} cannot be used: {reason}.", name
        assert error.remedy == "Delete it and start the sidecar again."
    assert sum(map(len, REASONS.values())) == len(DAMAGES)


@pytest.mark.parametrize(
    "protocol", [None, [3], [3, 0, 0], [True, 0], ["3", "0"], [3.0, 0], {"3": 0}, 3]
)
def test_what_is_no_version_of_a_protocol(tmp_path: Path, protocol: object) -> None:
    path = link.write_connection(SAMPLE, tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "protocol": protocol}))
    assert refused(tmp_path).message.endswith(": its protocol version is missing.")


def test_the_ends_of_what_a_file_may_say(tmp_path: Path) -> None:
    """The first process, a version of 64 letters, the last port, and as long as may be."""
    ends = replace(SAMPLE, pid=1, affekt="x" * 64, endpoint="tcp://127.0.0.1:65535")
    path = link.write_connection(ends, tmp_path)
    assert link.read_connection(tmp_path) == ends
    text = path.read_text()
    path.write_text(text.ljust(private_files.MAX_FILE_BYTES))
    assert link.read_connection(tmp_path) == ends
    path.write_text(text.ljust(private_files.MAX_FILE_BYTES + 1))
    assert refused(tmp_path).message.endswith(": it is too long.")
    link.write_connection(replace(SAMPLE, affekt="x" * 65), tmp_path)
    assert refused(tmp_path).message.endswith(": its process or version is missing.")


def test_another_major(tmp_path: Path) -> None:
    link.write_connection(replace(SAMPLE, protocol=(4, 3), affekt="4.0.0"), tmp_path)
    error = refused(tmp_path)
    assert error.code == "link.version"
    assert error.message == (
        f"The add-on is Affekt {AFFEKT_VERSION} (protocol 3.12) and the sidecar Affekt 4.0.0 "
        "(protocol 4.3): they do not understand each other."
    )
    assert error.remedy == "Update the add-on to Affekt 4.0.0, then start the sidecar again."


def test_an_older_sidecar_is_the_one_to_update(tmp_path: Path) -> None:
    link.write_connection(replace(SAMPLE, protocol=(2, 9), affekt="0.0.9"), tmp_path)
    error = refused(tmp_path)
    assert error.code == "link.version"
    assert "and the sidecar Affekt 0.0.9 (protocol 2.9)" in error.message
    wanted = f"Update the sidecar to Affekt {AFFEKT_VERSION}, then start the sidecar again."
    assert error.remedy == wanted


def test_another_minor_is_fine(tmp_path: Path) -> None:
    link.write_connection(replace(SAMPLE, protocol=(3, 9)), tmp_path)
    assert link.read_connection(tmp_path).protocol == (3, 9)


def test_removes_only_its_own(tmp_path: Path) -> None:
    path = link.write_connection(SAMPLE, tmp_path)
    link.remove_connection(tmp_path, 999)
    assert path.exists()
    link.remove_connection(tmp_path, SAMPLE.pid)
    assert not path.exists()
    link.remove_connection(tmp_path, SAMPLE.pid)


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    """It is told as what it is, and not as a lack of privacy; readers name it too."""
    (tmp_path / link.FILE_NAME / "inside").mkdir(parents=True)
    with pytest.raises(LinkError) as caught:
        link.write_connection(SAMPLE, tmp_path)
    assert caught.value.code == "link.folder"
    assert f"{tmp_path / link.FILE_NAME} cannot be written: a folder" in caught.value.message
    assert "private" not in str(caught.value)
    assert "Move it away" in caught.value.remedy
    assert link.RUNTIME_VARIABLE in caught.value.remedy
    with pytest.raises(LinkError) as read:
        link.read_connection(tmp_path)
    assert str(tmp_path / link.FILE_NAME) in read.value.message


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LinkError) as caught:
        link.write_connection(SAMPLE, tmp_path / "file" / "run")
    assert caught.value.code == "link.folder"
    assert str(tmp_path / "file" / "run") in caught.value.message


@pytest.mark.parametrize("setting", [link.RUNTIME_SETTING, link.CACHE_SETTING])
def test_the_remedy_names_the_setting_of_that_folder_alone(tmp_path: Path, setting: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LinkError) as caught:
        link.make_private_folder(tmp_path / "file", setting)
    variables = [link.RUNTIME_VARIABLE, link.CACHE_VARIABLE, "--runtime-dir", "--cache-dir"]
    named = [name for name in variables if name in str(caught.value)]
    assert named == [name for name in variables if name in setting]
    assert len(named) == 2


def test_folders_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(link.RUNTIME_VARIABLE, str(tmp_path / "a"))
    monkeypatch.setenv(link.CACHE_VARIABLE, str(tmp_path / "b"))
    assert link.default_runtime_folder() == tmp_path / "a"
    assert link.default_cache_folder() == tmp_path / "b"


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_default_folders(system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (link.RUNTIME_VARIABLE, link.CACHE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", system)
    library = tmp_path / "home" / "Library"
    assert (link.default_runtime_folder(), link.default_cache_folder()) == {
        "linux": (tmp_path / "affekt", tmp_path / "cache" / "affekt"),
        "darwin": (
            library / "Application Support" / "affekt" / "runtime",
            library / "Caches" / "affekt",
        ),
        "win32": (tmp_path / "affekt" / "runtime", tmp_path / "affekt" / "cache"),
    }[system]


@pytest.mark.parametrize(
    ("system", "set_to", "place"),
    [
        ("linux", {}, "home/.local/share/affekt/sidecar"),
        ("linux", {"XDG_DATA_HOME": "data"}, "data/affekt/sidecar"),
        ("darwin", {}, "home/Library/Application Support/affekt/sidecar"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/affekt/sidecar"),
        ("win32", {"LOCALAPPDATA": "local", link.DATA_VARIABLE: "own"}, "own"),
    ],
)
def test_where_blender_installs_the_sidecar(
    system: str, set_to: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (link.DATA_VARIABLE, "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in {"HOME": "home", **set_to}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setattr(sys, "platform", system)
    assert link.default_data_folder() == tmp_path / place


@pytest.mark.parametrize(
    ("set_to", "runtime", "cache"),
    [
        ({}, "home/.local/state/affekt/runtime", "home/.cache/affekt"),
        ({"XDG_STATE_HOME": "state"}, "state/affekt/runtime", "home/.cache/affekt"),
    ],
)
def test_folders_of_a_linux_without_a_session(
    set_to: dict[str, str],
    runtime: str,
    cache: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in (link.RUNTIME_VARIABLE, link.CACHE_VARIABLE, "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
                 "XDG_CACHE_HOME"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    for name, folder in {"HOME": "home", **set_to}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setattr(sys, "platform", "linux")
    assert link.default_runtime_folder() == tmp_path / runtime
    assert link.default_cache_folder() == tmp_path / cache


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == AFFEKT_VERSION
    manifest = ROOT / "blender_manifest.toml"
    if manifest.exists():
        assert tomllib.loads(manifest.read_text())["version"] == AFFEKT_VERSION


def remote(**entries: object) -> str:
    endpoint = "tcp://render1.example:5870"
    return json.dumps({"remote": True, "endpoint": endpoint, **SAMPLE_KEYS, **entries})


SAMPLE_KEYS = {
    "server_public_key": SAMPLE.server_public_key,
    "client_public_key": SAMPLE.client_public_key,
    "client_secret_key": SAMPLE.client_secret_key,
}


def private(path: Path, text: str) -> Path:
    private_files.write(path, text)
    return path


@pytest.mark.parametrize(
    "place",
    ["render1.example:5870", "192.0.2.1:1", "127.0.0.1:65535", "Studio-7:80", f"{'a' * 253}:9"],
)
def test_a_remote_file_comes_back(tmp_path: Path, place: str) -> None:
    made = link.remote_connection(f"tcp://{place}", **SAMPLE_KEYS)
    path = private(tmp_path / "remote.json", link.remote_file_text(made))
    read = link.read_connection_file(path)
    assert read == made
    assert read.is_remote
    assert read.pid is None
    assert not SAMPLE.is_remote


def test_errors_name_who_can_mend_them() -> None:
    made = link.remote_connection("tcp://render1.example:5870", **SAMPLE_KEYS)
    assert "Ask whoever runs" in made.unreachable("It has gone.").remedy
    assert "affekt keys list" in made.refused().remedy
    assert SAMPLE.unreachable("It has gone.").remedy == link.START_REMEDY
    assert "Start the sidecar again" in SAMPLE.refused().remedy


def test_a_named_file_may_be_of_this_machine(tmp_path: Path) -> None:
    path = link.write_connection(SAMPLE, tmp_path)
    assert link.read_connection_file(path) == SAMPLE


def test_the_default_file_may_not_be_remote(tmp_path: Path) -> None:
    """Else whoever can write there sends Blender to another machine without a word."""
    private(tmp_path / link.FILE_NAME, remote(endpoint="tcp://127.0.0.1:5870"))
    assert refused(tmp_path).code == "link.connection_file"


REMOTE_DAMAGES = {
    "not said": {"remote": False},
    "said as a number": {"remote": 1},
    "no endpoint": {"endpoint": None},
    "no port": {"endpoint": "tcp://render1.example"},
    "port 0": {"endpoint": "tcp://render1.example:0"},
    "port 65536": {"endpoint": "tcp://render1.example:65536"},
    "everywhere": {"endpoint": "tcp://0.0.0.0:5870"},
    "ipc": {"endpoint": "ipc:///tmp/x"},
    "two": {"endpoint": "tcp://a:1;tcp://b:2"},
    "long host": {"endpoint": f"tcp://{'a' * 254}:9"},
    "dash": {"endpoint": "tcp://-a:9"},
    "dot": {"endpoint": "tcp://a.:9"},
    "source": {"endpoint": "tcp://eth0;render1.example:5870"},
    "line": {"endpoint": "tcp://a:1\n"},
    "short key": {"client_secret_key": "c" * 39},
    "no key": {"server_public_key": None},
}


@pytest.mark.parametrize("name", REMOTE_DAMAGES)
def test_damaged_remote_file(tmp_path: Path, name: str) -> None:
    path = private(tmp_path / "remote.json", remote(**REMOTE_DAMAGES[name]))
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(path)
    assert caught.value.code == "link.connection_file"
    assert "affekt keys connect" in caught.value.remedy


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"remote": False}, "its address is missing"),
        ({"endpoint": None}, "its address is missing"),
        ({"endpoint": "tcp://a:1\n"}, "its address is missing"),
        ({"client_secret_key": "c" * 39}, "its client_secret_key is no key"),
        ({"server_public_key": None}, "its server_public_key is no key"),
    ],
)
def test_what_is_damaged_in_a_remote_file_is_said(
    tmp_path: Path, entries: dict[str, object], reason: str
) -> None:
    path = private(tmp_path / "remote.json", remote(**entries))
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(path)
    assert caught.value.message == f"The connection file {path} cannot be used: {reason}."
    assert caught.value.remedy == "Make the file again with `affekt keys connect`."
    path.write_text("no JSON")
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(path)
    assert caught.value.message.endswith(": it is not JSON.")
    assert "affekt keys connect" in caught.value.remedy


def test_of_a_long_address_the_beginning_is_told() -> None:
    with pytest.raises(InputError) as caught:
        link.remote_connection(f"tcp://{'a' * 300}:1", **SAMPLE_KEYS)
    assert caught.value.message == f"'tcp://{'a' * 74}' is no server's address."
    assert caught.value.remedy == (
        "Give it as tcp://HOST:PORT, such as tcp://render1.example:5870."
    )


def test_a_folder_says_where_in_it_the_disk_failed(tmp_path: Path) -> None:
    """And nothing twice."""
    for filename, place in ((None, ""), (str(tmp_path), ""), (str(tmp_path / "a"), True)):
        error = OSError(28, "No space left on device", filename)
        told = link.unusable_folder(tmp_path, "set it", error)
        at = f" at {tmp_path / 'a'}" if place else ""
        assert told.code == "link.folder"
        assert told.message == (
            f"The folder {tmp_path} cannot be used, or not be made private to you (No space left "
            f"on device{at})."
        )
        assert told.remedy.endswith("or choose another one: set it.")


def test_a_named_file_without_the_word_remote_must_be_of_this_machine(tmp_path: Path) -> None:
    text = json.loads(link.write_connection(SAMPLE, tmp_path).read_text())
    path = private(tmp_path / "x.json", json.dumps({**text, "endpoint": "tcp://192.0.2.1:5870"}))
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(path)
    assert caught.value.code == "link.connection_file"


@posix
def test_remote_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "remote.json", remote())
    path.chmod(0o640)
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(path)
    assert "others may read it" in caught.value.message


def test_remote_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LinkError) as caught:
        link.read_connection_file(tmp_path / "remote.json")
    assert caught.value.code == "link.connection_file"


def test_server_that_is_none() -> None:
    with pytest.raises(InputError) as caught:
        link.remote_connection("render1:5870", **SAMPLE_KEYS)
    assert caught.value.code == "option.server"
