# SPDX-License-Identifier: GPL-3.0-or-later
"""A description for people to read: which words set which channel, and what was not understood."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...shared.emotion import EMOTIONS
from ...shared.units import UNIT_OF
from .describe import Description

_SIDES = {"_L": ", left", "_R": ", right"}


def list_description(description: Description) -> list[str]:
    """The lines of the listing."""
    return [*_settings(description), *_times(description), *say_remarks(description)]


def _settings(description: Description) -> Iterator[str]:
    for setting in description.settings:
        weight = f"{setting.weight:5.2f}" if setting.weight else "  not"
        yield f"{setting.channel:9}{weight}  {say_channel(setting.channel):28}{setting.words}"
    if not description.expression.channels:
        yield "The face shows nothing of this: every channel is 0."


def say_channel(channel: str) -> str:
    """A channel in words: "Lip corner puller, left"."""
    unit = UNIT_OF.get(channel)
    if unit is None:
        return channel.capitalize()
    return unit.name + _SIDES.get(channel[-2:], "")


def _times(description: Description) -> Iterator[str]:
    for key in description.keys:
        shown = ", ".join(f"{name} {weight:.2f}" for name, weight in key.weights.items())
        yield f"{key.seconds:6.2f} s  {shown or 'at rest'}"


def say_remarks(description: Description) -> Iterator[str]:
    """Sentences on words that were not understood, or taken for others."""
    for said, meant in description.mended.items():
        yield f"'{said}' was read as '{meant}'."
    for said, like in description.likened.items():
        yield f"'{said}' is in no list; it is most like '{like}'."
    if description.language != "English":
        yield f"Read word by word from {description.language}."
    if description.unknown:
        yield f"Not understood, and left out: {', '.join(description.unknown)}."


def encode_description(description: Description) -> str:
    """The JSON text of a description, in one line: what each channel does at most as "units" and
    "emotions", where words speak of time "keys" with the same at seconds, and "unknown" words."""
    content: dict[str, object] = {
        "units": dict(description.expression.units),
        "emotions": dict(description.expression.emotions),
    }
    if description.keys:
        content["keys"] = [
            {
                "seconds": key.seconds,
                "units": {n: w for n, w in key.weights.items() if n not in EMOTIONS},
                "emotions": {n: w for n, w in key.weights.items() if n in EMOTIONS},
            }
            for key in description.keys
        ]
    if description.unknown:
        content["unknown"] = list(description.unknown)
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
