# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a `Motion` in Affekt's format or one that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import Motion
from ..files import write_whole
from .affekt_npz import encode_motion
from .arkit import encode_arkit
from .lam import encode_lam
from .livelink import encode_livelink
from .records import FPS
from .timecodes import APP_RATE
from .vhap import encode_vhap


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A format. encode: makes the file's bytes. spaces: expression spaces that it can hold, all if
    empty. ending: of its files. leaves_out: fields of `Motion` that it cannot hold.
    rate_from: how many frames tell the rate. assumed_fps: what is read from fewer."""

    encode: Callable[[Motion], bytes]
    ending: str
    spaces: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    rate_from: int = 1
    assumed_fps: float = FPS


_NOT_IN_ARKIT = ("jaw", "neck", "eyes", "translation", "shape", "eyelids")
WRITERS = {
    "npz": Writer(encode=encode_motion, ending=".npz"),
    "vhap": Writer(
        encode=encode_vhap,
        ending=".npz",
        spaces=("flame2023",),
        leaves_out=("eyelids",),
        rate_from=limits.MAX_FRAMES + 1,
    ),
    "lam": Writer(
        encode=encode_lam, ending=".json", spaces=("flame2023",), leaves_out=("eyelids",)
    ),
    "arkit": Writer(
        encode=encode_arkit, ending=".json", spaces=("arkit",), leaves_out=_NOT_IN_ARKIT
    ),
    "livelink": Writer(
        encode=encode_livelink,
        ending=".csv",
        spaces=("arkit",),
        leaves_out=_NOT_IN_ARKIT,
        rate_from=2,
        assumed_fps=APP_RATE,
    ),
}
"""Formats by name; `vhap` is also GaussianAvatars' flame_param.npz."""


def guess_format(path: Path, space: str) -> str:
    """The name of the format that a file's ending stands for, for a take in `space`.

    Raises InputError `option.format` if there is none.
    """
    for name, writer in WRITERS.items():
        if path.suffix.lower() == writer.ending and (not writer.spaces or space in writer.spaces):
            return name
    raise InputError(
        "option.format",
        f"No format ends in '{path.suffix}' for a take in the space {space}.",
        f"Name one with --to: {_holding(space)}.",
    )


def _holding(space: str) -> str:
    """The names of the formats that can hold a take in the space."""
    return ", ".join(
        name for name, writer in WRITERS.items() if not writer.spaces or space in writer.spaces
    )


def write_motion(motion: Motion, path: Path, form: str = "npz") -> tuple[str, ...]:
    """Writes the file atomically; returns what the format cannot hold: names of nonzero fields,
    and the rate, unless its readers assume that very one.

    Raises InputError `option.format`, `space.no_adapter`, `file.not_writable`.
    """
    if form not in WRITERS:
        raise InputError(
            "option.format",
            f"There is no format called '{form:.40}'.",
            f"Use one of {_holding(motion.space)}, which can hold this take.",
        )
    writer = WRITERS[form]
    if writer.spaces and motion.space not in writer.spaces:
        raise InputError(
            "space.no_adapter",
            f"The format {form} holds takes in {', '.join(writer.spaces)}; this take is in "
            f"{motion.space}.",
            f"This take can be written as {_holding(motion.space)}.",
        )
    write_whole(path, writer.encode(motion))
    values = {field: getattr(motion, field) for field in writer.leaves_out}
    lost = [field for field, held in values.items() if held is not None and held.any()]
    if len(motion) < writer.rate_from and motion.fps != writer.assumed_fps:
        lost.append("the rate" if len(motion) > 1 else "the rate of a single frame")
    return tuple(lost)
