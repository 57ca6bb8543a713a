# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the take in named arrays that lie in nested dictionaries, as trackers pickle them.

A dictionary is a take itself, or holds one for each frame under names with numbers
(GAGAvatar_track's `clip_0`, DECA's `1`), or holds one dictionary that does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.errors import InputError
from ..quarantine.process import Tree
from . import lone_array, metrical, numbering, records
from .formats import KNOWN, NAMES, format_of
from .json_values import array
from .raw_take import RawTake
from .records import Record, RecordFormat

_MOST_DEPTH = 4


def decode_tree(content: Tree | np.ndarray, name: str, depth: int = 0) -> RawTake:
    """Decodes what a file holds.

    Raises InputError `motion.*`, or `file.wrong_kind` if no take is in it.
    """
    if isinstance(content, np.ndarray):
        return lone_array.decode_array(content, name)
    if metrical.is_metrical(content):
        return metrical.decode_metrical(content, name)
    form = format_of(frozenset(_record(content)))
    if form is not None:
        return form.decode(_record(content), name)
    inner = {key: value for key, value in content.items() if isinstance(value, dict)}
    lost = [
        key for key, value in content.items() if isinstance(value, np.ndarray) and not value.size
    ]
    inside = {key: _record(value) for key, value in inner.items()}
    takes = {key: record for key, record in inside.items() if format_of(frozenset(record))}
    if takes:
        return _decode_takes(takes, lost, name)
    if len(inner) == 1 and depth < _MOST_DEPTH:
        return decode_tree(next(iter(inner.values())), name, depth + 1)
    raise InputError(
        "file.wrong_kind",
        f"{name} is laid out like no take that Affekt knows: it holds "
        f"{', '.join(list(content)[:6]) or 'nothing with a name'}.",
        f"Give one of: {KNOWN}.",
    )


def json_tree(content: object, name: str, depth: int = 0) -> Tree:
    """The arrays that some format reads, in the dictionaries of parsed JSON or its lists of
    dictionaries; None and dictionaries without any are empty arrays. Raises InputError
    `motion.shape`."""
    if isinstance(content, list) and any(isinstance(item, dict) for item in content):
        content = {str(i): item for i, item in enumerate(content)}
    if not isinstance(content, dict) or depth > _MOST_DEPTH:
        return {}
    tree: Tree = {}
    for key, value in content.items():
        if value is None or isinstance(value, dict):
            tree[key] = json_tree(value, name, depth + 1) or np.zeros(0)
        elif key in NAMES and isinstance(value, list | int | float):
            tree[key] = array(value, key, name)
    whole = any(isinstance(value, dict) or value.size for value in tree.values())
    return tree if whole else {}


def _record(content: Tree) -> Record:
    arrays = {key: values for key, values in content.items() if isinstance(values, np.ndarray)}
    return {key: values for key, values in arrays.items() if values.size}


def _decode_takes(takes: dict[str, Record], lost: list[str], name: str) -> RawTake:
    """One take, or one for each frame; `lost` are the names of frames without a face."""
    first = next(iter(takes.values()))
    form = format_of(frozenset(first))
    assert form is not None
    if len(takes) == 1:
        return form.decode(first, name)
    if len(form.decode(first, name)) > 1:
        raise records.several(name, sorted(takes))
    if any(format_of(frozenset(record)) is not form for record in takes.values()):
        raise InputError(
            "motion.mixed",
            f"The frames of {name} are of different kinds, so they are not one take.",
            "Track the video again.",
        )
    faceless = [
        key for key in lost if numbering.pattern(key) == numbering.pattern(next(iter(takes)))
    ]
    numbers = numbering.frame_numbers([*takes, *faceless], name)
    order = np.argsort(numbers, kind="stable")
    frames = [*takes.values(), *[first] * len(faceless)]
    raw = form.decode(_stack([frames[i] for i in order], form, name), name)
    if faceless:
        raw = replace(raw, seen=order < len(takes))
    return numbering.numbered(raw, numbers[order], "frames")


def _stack(frames: list[Record], form: RecordFormat, name: str) -> Record:
    """One record of all frames; a value that is a single number counts once.

    Raises InputError `motion.shape` if a frame lacks a key that the first one has.
    """
    first = {key: values for key, values in frames[0].items() if key in form.keys}
    try:
        return {
            key: np.stack([frame[key] for frame in frames]) if values.ndim else values
            for key, values in first.items()
        }
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            "motion.shape",
            f"The frames of {name} do not all hold the same numbers.",
            "Track the video again.",
        ) from error
