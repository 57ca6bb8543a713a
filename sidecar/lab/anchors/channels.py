# SPDX-License-Identifier: GPL-3.0-or-later
"""The 100 channels that the anchors speak in: ARKit's 52, then the open head's own 48."""

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

_PARTS = {
    "brow": "brow",
    "eyebrows": "brow",
    "eye": "eye",
    "nose": "nose",
    "cheek": "cheek",
    "jaw": "jaw",
}


@cache
def sides(name: str) -> list[int]:
    """Columns of `name`, or of all names that become it without Left and Right.

    Raises KeyError.
    """
    if name in NAMES:
        return [NAMES.index(name)]
    found = [i for i, n in enumerate(NAMES) if _sideless(n) == name]
    if len(found) != 2:
        raise KeyError(name)
    return found


def side_of(name: str) -> int:
    """-1 for a channel of the left half of the face, 1 for the right, 0 for neither. mouthLeft
    and jawLeft move the whole mouth or jaw."""
    if name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        return 0
    return ("Right" in name) - ("Left" in name)


@cache
def parts() -> tuple[str, ...]:
    """The part of the face each channel belongs to: brow, eye, nose, cheek, jaw or mouth."""
    return tuple(
        next((part for start, part in _PARTS.items() if name.startswith(start)), "mouth")
        for name in NAMES
    )


def _sideless(name: str) -> str:
    return name.replace("Left", "").replace("Right", "")
