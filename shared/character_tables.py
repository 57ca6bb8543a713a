# SPDX-License-Identifier: GPL-3.0-or-later
"""What characters' makers call ARKit's 52 shapes: tables of whole names, in the plain form that
`character_names` brings names into.

A `Part` is a name without case, signs and side, and its side. A shape may have several parts,
such as the four quarters of MetaHuman's funnel; all of them get the shape's weight.
"""

from __future__ import annotations

from collections.abc import Mapping

from .motion import ARKIT_NAMES

Part = tuple[str, str]
"""A name's core and its side: `left`, `right` or nothing."""
Parts = tuple[Part, ...]

SIDES = ("left", "right")


def _split(name: str) -> Part:
    """ARKit's own name as a part."""
    for side in SIDES:
        if name.endswith(side.capitalize()):
            return name.removesuffix(side.capitalize()).lower(), side
    return name.lower(), ""


def _sided(table: Mapping[str, str]) -> dict[str, Parts]:
    """Shapes of both sides, from their names without a side and the cores that stand for them."""
    return {
        f"{shape}{side.capitalize()}": ((core, side),)
        for shape, core in table.items()
        for side in SIDES
    }


def _halves(table: Mapping[str, str]) -> dict[str, Parts]:
    """Shapes of the middle that have a key for each side."""
    return {shape: tuple((core, side) for side in SIDES) for shape, core in table.items()}


def _whole(table: Mapping[str, tuple[str, ...]]) -> dict[str, Parts]:
    """Shapes whose keys' names hold their sides inside."""
    return {shape: tuple((core, "") for core in cores) for shape, cores in table.items()}


def _quarters(core: str) -> tuple[str, ...]:
    return tuple(f"{core}{quarter}" for quarter in ("ul", "ur", "dl", "dr"))


_ARKIT: dict[str, Parts] = {name: (_split(name),) for name in ARKIT_NAMES}
"""ARKit's own names, which Ready Player Me, Faceit, VRM's Perfect Sync and most others use, and
those of ActorCore (`A25_Jaw_Open`)."""

_ARKIT_HALVES = _halves(
    {
        name: name.lower()
        for name in ("browInnerUp", "cheekPuff", "mouthClose", "mouthFunnel", "mouthPucker")
    }
    | {
        f"mouth{what}{lip}": f"mouth{what}{lip}".lower()
        for what in ("Roll", "Shrug")
        for lip in ("Lower", "Upper")
    }
)
"""ARKit's names, with two keys for what ARKit has one for."""

_CHARACTER_CREATOR: dict[str, Parts] = {
    **{name: _ARKIT[name] for name in ARKIT_NAMES if name.startswith(("eyeBlink", "eyeSquint"))},
    **{name: _ARKIT[name] for name in ARKIT_NAMES if name.startswith(("eyeWide", "noseSneer"))},
    **{name: _ARKIT[name] for name in ("jawForward", "jawLeft", "jawOpen", "jawRight")},
    **{name: _ARKIT[name] for name in ("mouthLeft", "mouthRight", "mouthClose", "tongueOut")},
    **_sided(
        {
            "browDown": "browdrop",
            "browOuterUp": "browraiseouter",
            "cheekSquint": "cheekraise",
            "mouthDimple": "mouthdimple",
            "mouthFrown": "mouthfrown",
            "mouthLowerDown": "mouthdownlower",
            "mouthPress": "mouthpress",
            "mouthSmile": "mouthsmile",
            "mouthStretch": "mouthstretch",
            "mouthUpperUp": "mouthupupper",
        }
    ),
    **_halves(
        {
            "browInnerUp": "browraiseinner",
            "cheekPuff": "cheekpuff",
            "mouthRollLower": "mouthrollinlower",
            "mouthRollUpper": "mouthrollinupper",
        }
    ),
    **{
        f"mouth{what}": tuple(
            (f"mouth{what.lower()}{lip}", side) for lip in ("up", "down") for side in SIDES
        )
        for what in ("Funnel", "Pucker")
    },
    **_whole(
        {
            "eyeLookDownLeft": ("eyellookdown",),
            "eyeLookDownRight": ("eyerlookdown",),
            "eyeLookInLeft": ("eyellookr",),
            "eyeLookInRight": ("eyerlookl",),
            "eyeLookOutLeft": ("eyellookl",),
            "eyeLookOutRight": ("eyerlookr",),
            "eyeLookUpLeft": ("eyellookup",),
            "eyeLookUpRight": ("eyerlookup",),
            "mouthShrugLower": ("mouthshruglower",),
            "mouthShrugUpper": ("mouthshrugupper",),
        }
    ),
}
"""Character Creator's own names (`Brow_Drop_L`, `Eye_L_Look_R`, `Mouth_Funnel_Up_L`)."""

_METAHUMAN: dict[str, Parts] = {
    **_sided(
        {
            "browDown": "browdown",
            "browOuterUp": "browraiseouter",
            "cheekSquint": "eyecheekraise",
            "eyeBlink": "eyeblink",
            "eyeLookDown": "eyelookdown",
            "eyeLookUp": "eyelookup",
            "eyeSquint": "eyesquintinner",
            "eyeWide": "eyewiden",
            "mouthDimple": "mouthdimple",
            "mouthFrown": "mouthcornerdepress",
            "mouthLowerDown": "mouthlowerlipdepress",
            "mouthSmile": "mouthcornerpull",
            "mouthStretch": "mouthstretch",
            "mouthUpperUp": "mouthupperlipraise",
            "noseSneer": "nosewrinkle",
        }
    ),
    **_halves(
        {
            "browInnerUp": "browraisein",
            "cheekPuff": "mouthcheekblow",
            "mouthRollLower": "mouthlowerliprollin",
            "mouthRollUpper": "mouthupperliprollin",
        }
    ),
    **_whole(
        {
            "mouthClose": _quarters("mouthlipstogether"),
            "mouthFunnel": _quarters("mouthfunnel"),
            "mouthPucker": _quarters("mouthlipspurse"),
            "mouthPressLeft": ("mouthpressul", "mouthpressdl"),
            "mouthPressRight": ("mouthpressur", "mouthpressdr"),
            "mouthShrugLower": ("jawchinraisedl", "jawchinraisedr"),
            "mouthShrugUpper": ("jawchinraiseul", "jawchinraiseur"),
            "jawForward": ("jawfwd",),
            "jawOpen": ("jawopen",),
            "tongueOut": ("tongueout",),
        }
    ),
    "eyeLookInLeft": (("eyelookright", "left"),),
    "eyeLookInRight": (("eyelookleft", "right"),),
    "eyeLookOutLeft": (("eyelookleft", "left"),),
    "eyeLookOutRight": (("eyelookright", "right"),),
    **{name: _ARKIT[name] for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")},
}
"""MetaHuman's controls (`CTRL_expressions_mouthCornerPullL`) and, where they have the same words,
its shapes (`head_lod0_mesh__mouth_cornerPull_left`)."""

_VROID = _sided({"eyeBlink": "fcleyeclose"})
_VRM = _sided({"eyeBlink": "blink"})
"""The one pair of VRM's presets that is a shape of ARKit's, and VRoid's name of it; the vowels and
moods are mixtures."""

CONVENTIONS: Mapping[str, Mapping[str, Parts]] = {
    "ARKit": _ARKIT,
    "ARKit with sides": _ARKIT_HALVES,
    "Character Creator": _CHARACTER_CREATOR,
    "MetaHuman": _METAHUMAN,
    "VRoid": _VROID,
    "VRM": _VRM,
}
"""The tables by the name that is said of them; of two that find equally many, the first counts."""
