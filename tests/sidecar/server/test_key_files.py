# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that stay on disk, and a list of users that changes while it is in use."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.shared import private_files
from affekt.shared.errors import AffektError, InputError, LinkError
from affekt.sidecar.server import key_files
from affekt.sidecar.server.key_files import TrustedKeys
from affekt.sidecar.server.keys import make_keys
from zmq.utils import z85

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(AffektError) as caught:
        call()
    return caught.value.code


def key() -> str:
    return make_keys().public


@posix
def test_the_servers_pair_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = key_files.server_keys(folder)
    second = key_files.server_keys(folder)
    assert (first.public, first.secret) == (second.public, second.secret)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / key_files.SERVER_FILE).stat().st_mode) == 0o600


def test_two_commands_that_make_the_servers_pair_at_once_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was quicker by a moment: its pair counts."""
    path = tmp_path / key_files.SERVER_FILE

    def lose(_: Path, text: str) -> None:
        path.write_text(pair_text())
        path.chmod(0o600)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(private_files, "write_new", lose)
    assert key_files.server_keys(tmp_path).secret == PAIR.secret


@posix
@pytest.mark.parametrize("name", [key_files.SERVER_FILE, key_files.TRUSTED_FILE])
def test_files_that_others_may_read_are_refused(tmp_path: Path, name: str) -> None:
    key_files.server_keys(tmp_path)
    key_files.trust(tmp_path, "anna", key())
    (tmp_path / name).chmod(0o640)
    with pytest.raises(LinkError) as caught:
        key_files.remote_endpoint(tmp_path, "127.0.0.1", 5870)
    assert caught.value.code == "link.key_file"
    assert "others may read it" in caught.value.message


def test_a_new_key_file_replaces_none(tmp_path: Path) -> None:
    pair = key_files.new_key_file(tmp_path / "me.json")
    for place, said, remedy in (
        ("me.json", "There is a file", "Give another with --out."),
        ("no/me", "cannot be written: ", "Choose another folder with --out."),
    ):
        with pytest.raises(InputError, match=said) as caught:
            key_files.new_key_file(tmp_path / place)
        assert (caught.value.code, caught.value.remedy) == ("file.not_writable", remedy)
    assert key_files.read_key_file(tmp_path / "me.json").secret == pair.secret


PAIR, OTHER = make_keys(), make_keys()


def pair_text(public: object = PAIR.public, secret: object = PAIR.secret) -> str:
    return json.dumps({"public_key": public, "secret_key": secret})


DAMAGED_PAIRS = {
    "empty": ("", "it is damaged"),
    "not JSON": ("{", "it is damaged"),
    "a list": ("[]", "it is damaged"),
    "deep": ("[" * 60_000, "it is damaged"),
    "too long": (pair_text() + " " * 70_000, "it is damaged"),
    "no secret": (json.dumps({"public_key": PAIR.public}), "it holds no pair of keys"),
    "no public": (json.dumps({"secret_key": PAIR.secret}), "it holds no pair of keys"),
    "no text": (pair_text(secret=5), "it holds no pair of keys"),
    "no public text": (pair_text(public=5), "it holds no pair of keys"),
    "half a public key": (pair_text(public=PAIR.public[:20]), "it holds no pair of keys"),
    "past 32 bits": (pair_text(secret="#" * 40), "it holds no pair of keys"),
    "no pair": (pair_text(secret=OTHER.secret), "its two keys do not belong together"),
    "the wrong way round": (
        pair_text(PAIR.secret, PAIR.public),
        "its two keys do not belong together",
    ),
}


@pytest.mark.parametrize("name", DAMAGED_PAIRS)
def test_damaged_pairs(tmp_path: Path, name: str) -> None:
    text, reason = DAMAGED_PAIRS[name]
    private_files.write(tmp_path / "me.json", text)
    with pytest.raises(LinkError) as caught:
        key_files.read_key_file(tmp_path / "me.json")
    assert caught.value.code == "link.key_file"
    assert reason in caught.value.message


def test_no_pair(tmp_path: Path) -> None:
    assert code_of(lambda: key_files.read_key_file(tmp_path / "me.json")) == "link.key_file"


def test_a_folder_that_cannot_be_names_its_own_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for use in (
        lambda: key_files.server_keys(tmp_path / "file"),
        lambda: key_files.trust(tmp_path / "file" / "keys", "anna", PAIR.public),
    ):
        with pytest.raises(LinkError) as caught:
            use()
        assert caught.value.code == "link.key_file"
        assert "chmod" not in caught.value.remedy
    with pytest.raises(LinkError) as caught:
        key_files.server_keys(tmp_path / "file")
    assert "AFFEKT_KEYS_DIR" in caught.value.remedy
    assert "AFFEKT_CACHE_DIR" not in caught.value.remedy


def list_of(**users: object) -> str:
    return json.dumps({"users": users})


DAMAGED_LISTS = {
    "empty": ("", "it is damaged"),
    "a list": ("[]", "it is damaged"),
    "no users": ("{}", "it holds no list of users"),
    "users in a list": ('{"users": []}', "it holds no list of users"),
    "local": (list_of(local=PAIR.public), "'local' has no proper name or key"),
    "a path": (list_of(**{"../anna": PAIR.public}), "'../anna' has no proper name or key"),
    "no key": (list_of(anna=None), "'anna' has no proper name or key"),
    "half a key": (list_of(anna=PAIR.public[:20]), "'anna' has no proper name or key"),
    "one key for two": (list_of(anna=PAIR.public, ben=PAIR.public), "two users have one key"),
    "too many": (
        list_of(**{f"user-{n}": z85.encode(n.to_bytes(32, "big")).decode() for n in range(257)}),
        "it holds no list of users",
    ),
}


@pytest.mark.parametrize("name", DAMAGED_LISTS)
def test_damaged_lists(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    text, reason = DAMAGED_LISTS[name]
    private_files.write(tmp_path / "trusted.json", text)
    with pytest.raises(LinkError) as caught:
        key_files.read_trusted(tmp_path)
    assert caught.value.code == "link.key_file"
    assert reason in caught.value.message
    assert code_of(lambda: key_files.remote_endpoint(tmp_path, "x", 1)) == "link.key_file"
    assert TrustedKeys(tmp_path)(z85.decode(PAIR.public)) is None
    assert "nobody is let in" in caplog.text


def test_trust_and_forget(tmp_path: Path) -> None:
    anna, ben = key(), key()
    key_files.trust(tmp_path, "anna", anna)
    key_files.trust(tmp_path, "anna", anna)
    key_files.trust(tmp_path, "ben", ben)
    assert key_files.read_trusted(tmp_path) == {"anna": anna, "ben": ben}
    key_files.forget(tmp_path, "anna")
    assert key_files.read_trusted(tmp_path) == {"ben": ben}


def test_a_name_is_one_person(tmp_path: Path) -> None:
    anna = key()
    key_files.trust(tmp_path, "anna", anna)
    with pytest.raises(InputError) as caught:
        key_files.trust(tmp_path, "anna", key())
    assert caught.value.code == "option.name"
    assert "'anna' is trusted already, with another key" in caught.value.message
    with pytest.raises(InputError) as caught:
        key_files.trust(tmp_path, "ben", anna)
    assert caught.value.code == "option.key"
    assert "trusted already, as 'anna'" in caught.value.message
    assert "affekt keys forget anna" in caught.value.remedy
    assert code_of(lambda: key_files.trust(tmp_path, "local", key())) == "option.name"
    assert code_of(lambda: key_files.forget(tmp_path, "ben")) == "option.name"
    assert key_files.read_trusted(tmp_path) == {"anna": anna}


def test_not_more_than_there_may_be(tmp_path: Path) -> None:
    users = {f"user-{n}": key() for n in range(256)}
    private_files.write(tmp_path / key_files.TRUSTED_FILE, json.dumps({"users": users}, indent=1))
    with pytest.raises(InputError) as caught:
        key_files.trust(tmp_path, "anna", key())
    assert caught.value.code == "option.name"
    assert "256 users are trusted already" in caught.value.message
    assert len(key_files.read_trusted(tmp_path)) == 256


def test_the_list_is_read_again_when_it_changes(tmp_path: Path) -> None:
    trust, anna = TrustedKeys(tmp_path), key()
    raw = z85.decode(anna)
    assert trust(raw) is None
    key_files.trust(tmp_path, "anna", anna)
    assert trust(raw) == "anna"
    key_files.forget(tmp_path, "anna")
    assert trust(raw) is None


@posix
def test_a_list_that_others_may_read_from_now_on_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trust, anna = TrustedKeys(tmp_path), key()
    key_files.trust(tmp_path, "anna", anna)
    assert trust(z85.decode(anna)) == "anna"
    (tmp_path / key_files.TRUSTED_FILE).chmod(0o666)
    for _ in range(100):
        assert trust(z85.decode(anna)) is None
    assert caplog.text.count("nobody is let in") == 1
    (tmp_path / key_files.TRUSTED_FILE).unlink()
    assert trust(z85.decode(anna)) is None


def test_a_door_needs_someone_to_let_in(tmp_path: Path) -> None:
    assert code_of(lambda: key_files.remote_endpoint(tmp_path, "x", 1)) == "link.no_trusted_key"
    key_files.trust(tmp_path, "anna", PAIR.public)
    endpoint = key_files.remote_endpoint(tmp_path, "192.0.2.1", 5870)
    assert (endpoint.host, endpoint.port, endpoint.client) == ("192.0.2.1", 5870, None)
    assert endpoint.trust(z85.decode(PAIR.public)) == "anna"
    assert endpoint.keys.public == key_files.server_keys(tmp_path).public


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "keys"
    assert code_of(lambda: key_files.server_keys(folder)) == "link.key_file"
    assert code_of(lambda: key_files.trust(folder, "anna", key())) == "link.key_file"


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFEKT_KEYS_DIR", str(tmp_path))
    assert key_files.default_keys_folder() == tmp_path
    monkeypatch.setenv("AFFEKT_KEYS_DIR", "")  # as if it were not set
    assert "affekt" in key_files.default_keys_folder().parts
    monkeypatch.delenv("AFFEKT_KEYS_DIR")
    assert "affekt" in key_files.default_keys_folder().parts


@pytest.mark.parametrize(
    ("system", "settings", "place"),
    [
        ("linux", {"XDG_CONFIG_HOME": "settings"}, "settings/affekt/keys"),
        ("linux", {"XDG_CONFIG_HOME": ""}, "home/.config/affekt/keys"),
        ("linux", {}, "home/.config/affekt/keys"),
        ("darwin", {}, "home/Library/Application Support/affekt/keys"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/affekt/keys"),
        ("win32", {}, "home/affekt/keys"),
    ],
)
def test_each_system_has_its_folder(
    system: str,
    settings: dict[str, str],
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("AFFEKT_KEYS_DIR", "XDG_CONFIG_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    for variable, name in settings.items():
        monkeypatch.setenv(variable, str(tmp_path / name) if name else "")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(key_files.sys, "platform", system)
    assert key_files.default_keys_folder() == tmp_path / place


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        key_files.forget(tmp_path, "ben")
    assert str(caught.value) == "Nobody is trusted as 'ben'. See `affekt keys list`."


@posix
def test_the_remedy_fits_what_is_wrong(tmp_path: Path) -> None:
    """Who merely cannot read a file is not told to throw it away."""
    path = tmp_path / "me.json"
    remedies = {}
    for state in ("missing", "open to others", "damaged", "a folder"):
        if state == "open to others":
            key_files.new_key_file(path)
            path.chmod(0o644)
        elif state == "damaged":
            path.chmod(0o600)
            path.write_text("{")
        elif state == "a folder":
            path.unlink()
            path.mkdir(mode=0o700)
        with pytest.raises(LinkError) as caught:
            key_files.read_key_file(path)
        assert caught.value.code == "link.key_file"
        assert f"The key file {path} cannot be used: " in caught.value.message
        remedies[state] = caught.value.remedy.split(",")[0].split(" and")[0]
    assert remedies == {
        "missing": "Check its path",
        "open to others": "If others may have read it",
        "damaged": "If others may have read it",
        "a folder": "Check its path",
    }
