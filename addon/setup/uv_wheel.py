# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of its own that takes the tool `uv` out of its wheel on a package index: set-up runs it
by Blender's Python where no Python is there that has pip. Knows only the standard library.

    python uv_wheel.py INDEX FOLDER

INDEX may be empty: then pip's settings name it, or it is PyPI. It says what it does in pip's words.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import hashlib
import importlib
import os
import platform
import re
import ssl
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

PYPI = "https://pypi.org/simple"
_MACHINES = {
    ("linux", "x86_64"): r"manylinux\S*_x86_64",
    ("linux", "aarch64"): r"manylinux\S*_aarch64",
    ("darwin", "arm64"): r"macosx_\S*arm64",
    ("win32", "amd64"): r"win_amd64",
}
"""What a wheel's name says that runs on a machine for which PyTorch is made."""
_MOST_PAGE_BYTES, _MOST_WHEEL_BYTES, _MOST_TOOL_BYTES = 50_000_000, 300_000_000, 600_000_000
_PIECE_BYTES = 1 << 18
_PATIENCE_S = 30.0


def tool_name(system: str = sys.platform) -> str:
    """The file name of the tool."""
    return "uv.exe" if system == "win32" else "uv"


def machine_pattern(system: str = sys.platform, machine: str = "") -> str | None:
    """What the wheel's name says for this machine; None where there is none."""
    return _MACHINES.get((system, (machine or platform.machine()).lower()))


def newest_wheel(links: list[str], pattern: str) -> str | None:
    """Of the index's links the one of the newest release that runs on the machine."""
    found: list[tuple[tuple[int, ...], str]] = []
    for link in links:
        name = unquote(urlsplit(link).path.rpartition("/")[2])
        told = re.fullmatch(rf"uv-(\d+(?:\.\d+)*)-py3-none-{pattern}\.whl", name)
        if told is not None:
            found.append((tuple(map(int, told[1].split("."))), link))
    return max(found)[1] if found else None


class _Links(HTMLParser):
    """The addresses on an index's page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href") and "data-yanked" not in attributes:
            self.found.append(attributes["href"] or "")


def pip_setting(name: str) -> str:
    """What pip is told by its variables or by its files; empty if nothing."""
    if told := os.environ.get(f"PIP_{name.replace('-', '_').upper()}"):
        return told
    for path in _pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, ValueError, configparser.Error):
            continue  # pip itself will say what is wrong with it
        for section in ("install", "global"):
            if told := parser.get(section, name, fallback=""):
                return told.strip()
    return ""


def _pip_files() -> Iterator[Path]:
    """Files of pip's settings, those that count most first."""
    if named := os.environ.get("PIP_CONFIG_FILE"):
        yield Path(named)
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("APPDATA", home), "pip", "pip.ini")
        yield Path(os.environ.get("PROGRAMDATA", home), "pip", "pip.ini")
        return
    yield home / ".pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME", home / ".config"), "pip", "pip.conf")
    yield Path("/etc/pip.conf")


def _opener() -> OpenerDirector:
    """Opens addresses through the proxy and with the certificates that pip would use."""
    trust = ssl.create_default_context()
    if named := pip_setting("cert") or os.environ.get("REQUESTS_CA_BUNDLE", ""):
        trust.load_verify_locations(named)
    # Blender carries certificates, where the system has none that Python finds.
    with contextlib.suppress(ImportError, AttributeError, OSError):
        trust.load_verify_locations(importlib.import_module("certifi").where())
    proxy = pip_setting("proxy")
    return build_opener(
        HTTPSHandler(context=trust),
        ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
    )


def _request(address: str) -> Request:
    """A name and password in the address become a header, which urllib would not do."""
    parts = urlsplit(address)
    if parts.username is None:
        return Request(address)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    told = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    request = Request(plain)
    # Not to where the index redirects: that may be another's.
    request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(told).decode()}")
    return request


def _read(opener: OpenerDirector, address: str, most: int, *, shows: bool) -> bytes:
    """What is there, of at most `most` bytes. shows: says how much has come."""
    with opener.open(_request(address), timeout=_PATIENCE_S) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        data = bytearray()
        while piece := answer.read(_PIECE_BYTES):
            data += piece
            if len(data) > most:
                raise ValueError(f"{urlsplit(address).hostname} sent more than {most} bytes")
            if shows and total:
                print(f"Progress {len(data)} of {total}", flush=True)
    return bytes(data)


def fetch(index: str, folder: Path) -> Path:
    """Downloads the newest wheel of the tool and writes the tool into the folder; its path. Raises
    OSError, ValueError, LookupError."""
    pattern = machine_pattern()
    if pattern is None:
        raise LookupError(f"there is no uv for {sys.platform} {platform.machine()}")
    opener = _opener()
    page = f"{(index or pip_setting('index-url') or PYPI).rstrip('/')}/uv/"
    links = _Links()
    links.feed(_read(opener, page, _MOST_PAGE_BYTES, shows=False).decode("utf-8", "replace"))
    link = newest_wheel(links.found, pattern)
    if link is None:
        raise LookupError("No matching distribution found for uv")
    address, told = urldefrag(urljoin(page, link))
    name = unquote(urlsplit(address).path.rpartition("/")[2])
    print(f"Downloading {name}", flush=True)
    data = _read(opener, address, _MOST_WHEEL_BYTES, shows=True)
    wanted = told.removeprefix("sha256=")
    if told.startswith("sha256=") and hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(f"THESE PACKAGES DO NOT MATCH THE HASHES: {name}")
    wheel = folder / name
    wheel.write_bytes(data)
    return _unpack(wheel, folder)


def _unpack(wheel: Path, folder: Path) -> Path:
    """The tool out of the wheel, which is then removed."""
    inside = f"{'-'.join(wheel.name.split('-')[:2])}.data/scripts/{tool_name()}"
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(inside).file_size > _MOST_TOOL_BYTES:
            raise ValueError(f"{inside} is larger than {_MOST_TOOL_BYTES} bytes")
        tool = folder / tool_name()
        tool.write_bytes(archive.read(inside))
    if sys.platform != "win32":
        tool.chmod(0o755)
    wheel.unlink()
    return tool


if __name__ == "__main__":
    try:
        print(fetch(sys.argv[1], Path(sys.argv[2])), flush=True)
    except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
        print(f"ERROR: {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
