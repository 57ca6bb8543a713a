# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels of the anchors: ARKit's 52 shapes, then the open head's own 48."""

from __future__ import annotations

from functools import cache

from ....shared.motion import ARKIT_NAMES

# fmt: off
EXTRA_NAMES = (
    "eyeLeftClosure", "eyeRightClosure", "eyeLeftOpenedUp", "eyeRightOpenedUp", "eyeLeftSlit",
    "eyeRightSlit", "eyebrowsLeftDown", "eyebrowsRightDown", "eyebrowsLeftExternUp",
    "eyebrowsRightExternUp", "eyebrowsLeftInnerUp", "eyebrowsRightInnerUp", "eyebrowsLeftUp",
    "eyebrowsRightUp", "mouthCompression", "mouthCornerPuller", "mouthDepressionRetraction",
    "mouthDepression", "mouthElevation", "mouthEversion", "mouthParling", "mouthPartLater",
    "mouthProtusion", "mouthPursing", "mouthRetraction", "mouthUpwardRetraction", "neckPlatysma",
    "noseCompression", "noseDepression", "noseLeftDilatation", "noseRightDilatation",
    "noseLeftElevation", "noseRightElevation", "cheekVolumeIncrLeft", "cheekVolumeIncrRight",
    "cheekInnerIncrLeft", "cheekInnerIncrRight", "eyeBagIncrLeft", "eyeBagIncrRight",
    "eyeEyefoldDownLeft", "eyeEyefoldDownRight", "mouthLaughLinesIn", "mouthDimplesIn",
    "noseFlaringIncr", "mouthLowerlipVolumeDecr", "mouthUpperlipMiddleDown",
    "mouthLowerlipMiddleUp", "lipSeal",
)
# fmt: on
"""The open head's expression components 52 to 99, as MakeHuman names them."""

NAMES = (*ARKIT_NAMES, *EXTRA_NAMES)
"""All 100, in the order of a `Motion`'s expression in space "open"."""

CLOSURE, TUCK = "closure", "tuck"
"""Two channels that only articulation has: 1 where the lips must meet, 1 where the lower lip must
touch the teeth. Composition enforces both in every emotion."""

CHANNELS = (*NAMES, CLOSURE, TUCK)
"""The 102 columns of an articulation."""

FEELING_PARTS = ("brow", "lid", "cheek", "nose", "corner", "lips", "jaw")
"""Parts of the face that an emotion moves as one, and one emotion owns where several meet."""

_FEELING_STARTS = {
    "brow": ("brow", "eyebrows"),
    "cheek": ("eyeSquint", "eyeSlit", "eyeBag", "cheek"),
    "lid": ("eye",),
    "nose": ("nose",),
    "corner": (
        *("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress"),
        *("mouthCornerPuller", "mouthRetraction", "mouthUpwardRetraction", "mouthLaughLinesIn"),
        "neckPlatysma",
    ),
    "jaw": ("jaw",),
}

_PARTS = {
    "brow": "brow",
    "eyebrows": "brow",
    "eye": "eye",
    "nose": "nose",
    "cheek": "cheek",
    "jaw": "jaw",
}


@cache
def columns_of(name: str) -> list[int]:
    """Columns in `CHANNELS` of a name, or of its Left and Right for a name without side.

    Raises KeyError for a name that is neither.
    """
    if name in CHANNELS:
        return [CHANNELS.index(name)]
    found = [i for i, n in enumerate(NAMES) if n.replace("Left", "").replace("Right", "") == name]
    if len(found) != 2:
        raise KeyError(name)
    return found


def side_of(name: str) -> int:
    """-1 for a channel of the left half of the face, 1 for the right, 0 for neither: mouthLeft and
    jawLeft move the whole mouth or jaw."""
    if name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        return 0
    return ("Right" in name) - ("Left" in name)


def mirrored_columns(without: tuple[str, ...]) -> list[tuple[int, int]]:
    """(left, right) columns of the mirrored pairs; names that begin like one of `without` are left
    out."""
    return [
        (NAMES.index(name), NAMES.index(name.replace("Left", "Right")))
        for name in NAMES
        if side_of(name) == -1 and not name.startswith(without)
    ]


@cache
def parts() -> tuple[str, ...]:
    """The part of the face of each of `NAMES`: brow, eye, nose, cheek, jaw or mouth."""
    return tuple(
        next((part for start, part in _PARTS.items() if name.startswith(start)), "mouth")
        for name in NAMES
    )


@cache
def feeling_columns(part: str) -> list[int]:
    """Columns of one of `FEELING_PARTS` in `NAMES`; what no other part has belongs to the lips.
    mouthDepression goes with the corner, mouthDepressionRetraction with the lips."""
    return [index for index, name in enumerate(NAMES) if _feeling_part(name) == part]


def _feeling_part(name: str) -> str:
    if name == "mouthDepression":
        return "corner"
    return next(
        (part for part, starts in _FEELING_STARTS.items() if name.startswith(starts)), "lips"
    )
