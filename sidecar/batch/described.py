# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells of emotions in a sheet that describe a face in free words."""

from __future__ import annotations

import functools

from ...shared.emotion_keys import encode_keys
from ...shared.errors import InputError
from ..words.describe import describe
from ..words.keys import to_emotion_keys

_FPS = 30.0
"""Of the keys; frames that the words speak of are of this rate too."""


@functools.lru_cache(1024)
def keys_of_words(text: str) -> bytes | None:
    """The JSON of emotion keys for a description. None for words that are refused or of which
    anything was guessed or not understood: nobody sits beside a batch to see it."""
    try:
        found = describe(text, fps=_FPS, likens=False)
    except InputError:
        return None
    if found.unknown or found.mended:
        return None
    return encode_keys(to_emotion_keys(found, _FPS))


def is_description(text: str) -> bool:
    """Whether a cell can be made into keys so."""
    return keys_of_words(text) is not None
