# SPDX-License-Identifier: GPL-3.0-or-later
"""CURVE keys, and public keys as text that people pass on: 56 small letters and digits, base32 of
the key's 32 bytes and 3 of a checksum, which finds typing errors. No shell needs them quoted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

import zmq
from zmq.utils import z85

from ...shared.errors import InputError
from .authenticator import LOCAL_USER

_KEY_BYTES = 32
_CHECK_BYTES = 3
_TEXT_LENGTH = 56
_NAME = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyPair:
    """CURVE keys as Z85 text."""

    public: str
    secret: str


def make_keys() -> KeyPair:
    """A fresh pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public=public.decode(), secret=secret.decode())


def to_text(public: str) -> str:
    """A public key (Z85) as text."""
    key = z85.decode(public)
    return base64.b32encode(key + _check(key)).decode().lower()


def from_text(text: str) -> str:
    """The public key (Z85) of a text that `to_text` made. Raises InputError `option.key`."""
    letters = "".join(text.split()).upper()
    try:
        data = base64.b32decode(letters) if len(letters) == _TEXT_LENGTH else b""
    except (binascii.Error, ValueError):
        data = b""
    key = data[:_KEY_BYTES]
    if len(key) != _KEY_BYTES or data[_KEY_BYTES:] != _check(key):
        raise InputError(
            "option.key",
            "That is no public key: a letter is wrong or missing.",
            f"Copy all {_TEXT_LENGTH} letters as `affekt keys` showed them.",
        )
    return z85.encode(key).decode()


def is_name(name: str) -> bool:
    """Whether this may be a remote user's name."""
    return _NAME.fullmatch(name) is not None and name != LOCAL_USER


def check_name(name: str) -> str:
    """Returns the name if a remote user may have it. Raises InputError `option.name`."""
    if not is_name(name):
        raise InputError(
            "option.name",
            f"'{name[:40]}' cannot be a user's name here.",
            f"Use 1 to 32 of a-z, 0-9 and '-', and not '{LOCAL_USER}'.",
        )
    return name


def _check(key: bytes) -> bytes:
    return hashlib.sha256(b"affekt public key " + key).digest()[:_CHECK_BYTES]
