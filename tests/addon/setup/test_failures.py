# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs really say when they fail, and what the animator reads."""

from pathlib import Path

import pytest
from affekt.addon.setup.failures import explain

LOG = Path("/home/me/set-up.log")
RETRY = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by "
)
NONE_FOUND = "ERROR: No matching distribution found for torch<2.14,>=2.11"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "ERROR: Could not install packages: OSError: [Errno 28] No space left on device",
            "setup.disk",
        ),
        ("OSError: [WinError 112] There is not enough space on the disk", "setup.disk"),
        (
            "HINT: This error might have occurred since this system does not have Windows Long "
            "Path support enabled.",
            "setup.long_path",
        ),
        (
            f"{RETRY}'ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: "
            f"407 Proxy Authentication Required'))': /simple/torch/\n{NONE_FOUND}",
            "setup.proxy",
        ),
        (
            f"{RETRY}'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))'\n"
            f"{NONE_FOUND}",
            "setup.certificate",
        ),
        (
            "ERROR: HTTP error 403 while getting https://studio/x.whl\n"
            "ERROR: 403 Client Error: Forbidden for url: https://studio/x.whl",
            "setup.refused",
        ),
        (
            f"{RETRY}'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object>: "
            "Failed to establish a new connection: [Errno -3] Temporary failure in name "
            f"resolution')': /simple/torch/\n{NONE_FOUND}",
            "setup.network",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "setup.damaged",
        ),
        (
            "ERROR: Could not install packages: OSError: [Errno 13] Permission denied: 'x'",
            "setup.folder",
        ),
        (
            "error: Failed to install cpython-3.12.16\n  cause: invalid peer certificate: "
            "UnknownIssuer\n  cause: error sending request for url (https://github.com/x)",
            "setup.certificate",
        ),
        ("ERROR: URLError: <urlopen error timed out>", "setup.network"),
        ("ERROR: HTTPError: HTTP Error 401: Unauthorized", "setup.refused"),
        (NONE_FOUND, "setup.no_package"),
        ("ERROR: something that nobody has seen", "setup.failed"),
        ("", "setup.failed"),
    ],
)
def test_each_cause_has_its_code_and_a_next_step(said: str, code: str) -> None:
    error = explain("Installing PyTorch", 1, said.splitlines(), LOG)
    assert error.code == code
    assert error.message.startswith("Installing PyTorch ")
    assert error.remedy.endswith(f"{LOG}.")
    assert len(error.remedy) > len(f"The log is {LOG}.") + 20


def test_a_package_that_is_missing_is_named() -> None:
    error = explain("Installing PyTorch", 1, [NONE_FOUND], LOG)
    assert "there is no torch<2.14,>=2.11 for this Python" in error.message


def test_a_proxy_that_is_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its password."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.studio:3128")
    said = [f"{RETRY}'NewConnectionError(\"HTTPSConnection(host='proxy.studio', port=3128)\")'"]
    remedy = explain("Installing PyTorch", 1, said, LOG).remedy
    assert remedy.startswith("They are asked for through the proxy proxy.studio:3128: is that")
    assert "secret" not in remedy
    assert "proxy.studio" not in explain("Checking", 1, ["No space left on device"], LOG).remedy


def test_the_last_words_are_told() -> None:
    said = ["Collecting a", "ERROR: this went wrong.", "  detail", ""]
    assert explain("Checking", 3, said, LOG).message == "Checking failed: this went wrong."
    assert explain("Checking", 3, ["alone"], LOG).message == "Checking failed: alone."
    assert explain("Checking", 3, [], LOG).message == "Checking failed: it ended with code 3."
    long = explain("Checking", 3, ["ERROR: " + "x" * 5000], LOG).message
    assert len(long) < 400


def test_what_the_system_killed() -> None:
    """Linux ends a program so where memory runs out."""
    error = explain("Compiling", -9, ["Killed"], LOG)
    assert error.code == "setup.killed"
    assert "memory" in error.remedy


def test_no_answer_names_who_was_asked() -> None:
    said = f"{RETRY}'NameResolutionError(\"HTTPSConnection(host='download.pytorch.org', port=443)"
    error = explain("Installing PyTorch", 1, [said, NONE_FOUND], LOG)
    assert error.code == "setup.network"
    assert "download.pytorch.org does not answer" in error.message
