# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a set-up's program failed, by what it has said: a cause and the next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.request import getproxies

from ...shared.errors import InputError
from .environment import ELSEWHERE

_OFFLINE = (
    "Check the connection and press Set Up Sidecar again: what was downloaded is kept. Without "
    "one, name a folder with the packages in the settings (docs/setup.md says how to fill it)."
)
_CAUSES: tuple[tuple[str, InputError], ...] = (
    (
        r"No space left on device|not enough space on the disk|Errno 28\b|Disk quota exceeded",
        InputError(
            "setup.disk",
            "The disk became full.",
            f"Make room on it and press Set Up Sidecar again. {ELSEWHERE}.",
        ),
    ),
    (
        r"Long Path support|WinError 206",
        InputError(
            "setup.long_path",
            "Windows refuses paths as long as PyTorch's in this folder.",
            f"{ELSEWHERE} with a short path, such as C:\\affekt.",
        ),
    ),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|407 Proxy",
        InputError(
            "setup.proxy",
            "The network's proxy did not let the packages through.",
            "Ask for its address (http://NAME:PASSWORD@HOST:PORT), set the variable HTTPS_PROXY to "
            "it and start Blender again; or `pip config set global.proxy ADDRESS`.",
        ),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError|invalid peer certificate",
        InputError(
            "setup.certificate",
            "The network's certificate is not trusted, as where an office looks into traffic.",
            "Ask for its certificate file and give it to pip: `pip config set global.cert FILE`.",
        ),
    ),
    (
        r"\b(401|403) (Client )?Error|HTTP Error 40[13]|401 Unauthorized|403 Forbidden",
        InputError(
            "setup.refused",
            "The package index refused us.",
            "Check its address and password in the settings, or leave the address empty.",
        ),
    ),
    (
        r"NewConnectionError|NameResolutionError|Name or service not known|getaddrinfo failed|"
        r"Temporary failure in name resolution|ConnectTimeout|ReadTimeout|Network is unreachable|"
        r"Max retries exceeded|Connection (?:refused|reset)|ProtocolError|IncompleteRead|"
        r"Failed to establish a new connection|urlopen error|error sending request for url",
        InputError(
            "setup.network",
            "The packages could not be downloaded: there is no connection to their index.",
            _OFFLINE,
        ),
    ),
    (
        r"DO NOT MATCH THE HASHES|BadZipFile|is not a zip file|has an invalid wheel",
        InputError(
            "setup.damaged",
            "A package arrived damaged.",
            "Press Set Up Sidecar again; if it stays so, run `pip cache purge` in a terminal.",
        ),
    ),
    (
        r"Permission denied|Access is denied|Read-only file system|Errno 13\b|Errno 30\b",
        InputError(
            "setup.folder",
            "A file in the sidecar's folder could not be written.",
            f"Close other programs that use it, such as another Blender's sidecar. {ELSEWHERE}.",
        ),
    ),
)
"""What a program says, and the error for it; the first that fits is it."""
_NO_PACKAGE = re.compile(r"No matching distribution found for ([^\s;(]+)")
_HOST = re.compile(r"(?:host='|Failed to download `https?://)([A-Za-z0-9.-]{1,253})['/:]")
"""Of pip's lines and of uv's, who was asked."""
_MOST_LETTERS = 300


def explain(what: str, code: int, lines: Sequence[str], log: Path) -> InputError:
    """The error for a program that ended with that exit code after those lines. what: was done."""
    said = "\n".join(lines)
    for pattern, cause in _CAUSES:
        if re.search(pattern, said):
            remedy = f"{_proxy_words(cause)}{cause.remedy} The log is {log}."
            message = cause.message
            if cause.code == "setup.network" and (host := _HOST.search(said)) is not None:
                message = f"The packages could not be downloaded: {host[1]} does not answer."
            return InputError(cause.code, f"{what} stopped. {message}", remedy)
    if (package := _NO_PACKAGE.search(said)) is not None:
        return InputError(
            "setup.no_package",
            f"{what} stopped: there is no {package[1]} for this Python and this machine where "
            "packages were looked for.",
            "Check the index, or the folder with packages, in the settings; or choose another "
            f"Python. The log is {log}.",
        )
    if code == -9:
        return InputError(
            "setup.killed",
            f"{what} was ended by the system.",
            f"There may be too little memory: close other programs, try again. The log is {log}.",
        )
    last = _last_words(lines) or f"it ended with code {code}"
    return InputError(
        "setup.failed",
        f"{what} failed: {last[:_MOST_LETTERS].rstrip('.')}.",
        f"Press Set Up Sidecar again; if it stays so, the log says more: {log}.",
    )


def _proxy_words(cause: InputError) -> str:
    """Which proxy is asked, where none is to be reached: pip does not always say so."""
    proxy = getproxies().get("https", "")
    if cause.code != "setup.network" or not proxy:
        return ""
    return f"They are asked for through the proxy {proxy.rpartition('@')[2]}: is that right? "


def _last_words(lines: Sequence[str]) -> str:
    """The last line that tells of an error, else the last line."""
    told = [line.strip() for line in lines if line.strip()]
    errors = [line for line in told if re.match(r"ERROR:|Error\b|\w*Error:|affekt: ", line)]
    return (errors or told or [""])[-1].removeprefix("ERROR: ")
