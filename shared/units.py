# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units of FACS (Ekman, Friesen and Hager 2002) as channels beside the six emotions: their
names, and where in the face they are.

A channel is named by the unit's number: "AU12" moves both sides alike, "AU12_L" the character's own
left, "AU12_R" its right. One beside the other adds up: AU12 0.3 with AU12_L 0.2 is 0.5 on the left
and 0.3 on the right. Weight 1 is what FACS calls extreme (D to E), 0.35 slight (B), 0.65 marked
(C); from 1 to `limits.MAX_UNIT_WEIGHT` the face goes further than faces do.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from . import limits
from .errors import InputError

UnitRegion = Literal["brows", "eyes", "nose", "mouth", "jaw"]
REGIONS: tuple[UnitRegion, ...] = ("brows", "eyes", "nose", "mouth", "jaw")
Sides = Literal["both", "none", "only"]
"""Whether a unit has sides: "both" (AU12, AU12_L, AU12_R), "none" (AU17), "only" (AU30_L, AU30_R:
to which side)."""

_WORD = "AU"
_SUFFIXES: dict[Sides, tuple[str, ...]] = {
    "both": ("", "_L", "_R"),
    "none": ("",),
    "only": ("_L", "_R"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionUnit:
    """An action unit. name: FACS's. says: what is seen. shapes: those of ARKit by which a character
    shows it, without Left and Right; one that has none of them cannot."""

    number: int
    name: str
    region: UnitRegion
    sides: Sides
    says: str
    shapes: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of its channels: for both sides, the left, the right, as far as it has them."""
        return tuple(f"{_WORD}{self.number}{suffix}" for suffix in _SUFFIXES[self.sides])


def _unit(
    number: int, name: str, region: UnitRegion, sides: Sides, says: str, *shapes: str
) -> ActionUnit:
    return ActionUnit(
        number=number, name=name, region=region, sides=sides, says=says, shapes=shapes
    )


UNITS = (
    _unit(
        1,
        "Inner brow raiser",
        "brows",
        "both",
        "The inner end of the brow goes up, so that it gets oblique; lines mid-forehead",
        "browInnerUp",
    ),
    _unit(
        2,
        "Outer brow raiser",
        "brows",
        "both",
        "The outer part of the brow goes up in an arch, lines above it",
        "browOuterUp",
    ),
    _unit(
        4, "Brow lowerer", "brows", "both", "The brows go down and together: a frown", "browDown"
    ),
    _unit(
        5,
        "Upper lid raiser",
        "eyes",
        "both",
        "The upper lid goes up: the eye is wide, white may show above",
        "eyeWide",
    ),
    _unit(
        6,
        "Cheek raiser",
        "eyes",
        "both",
        "The cheek goes up and the eye narrows from below, crow's feet: smiling eyes",
        "cheekSquint",
    ),
    _unit(
        7,
        "Lid tightener",
        "eyes",
        "both",
        "The lids tighten, the lower one goes up and straight: a squint",
        "eyeSquint",
    ),
    _unit(43, "Eyes closed", "eyes", "both", "The lids close, without pressing", "eyeBlink"),
    _unit(
        45,
        "Blink",
        "eyes",
        "both",
        "The lids close as in a blink; key it up and down within a fifth of a second",
        "eyeBlink",
    ),
    _unit(
        9,
        "Nose wrinkler",
        "nose",
        "both",
        "The nose goes up beside its bridge and wrinkles, the upper lip a little with it",
        "noseSneer",
    ),
    _unit(38, "Nostril dilator", "nose", "both", "The nostrils widen"),
    _unit(
        10,
        "Upper lip raiser",
        "mouth",
        "both",
        "The upper lip goes up, the fold beside the nose deepens: a sneer",
        "mouthUpperUp",
    ),
    _unit(
        11,
        "Nasolabial deepener",
        "mouth",
        "both",
        "The upper part of the fold beside the nose deepens",
    ),
    _unit(
        12,
        "Lip corner puller",
        "mouth",
        "both",
        "The corners of the mouth go up and out: a smile",
        "mouthSmile",
    ),
    _unit(
        13,
        "Sharp lip puller",
        "mouth",
        "both",
        "The corners go sharply up and get narrow, the cheeks puff: a Cheshire cat",
        "mouthSmile",
    ),
    _unit(
        14,
        "Dimpler",
        "mouth",
        "both",
        "The corners tighten inwards against the teeth, dimples beside them: smug",
        "mouthDimple",
    ),
    _unit(
        15,
        "Lip corner depressor",
        "mouth",
        "both",
        "The corners of the mouth go down: sad",
        "mouthFrown",
    ),
    _unit(
        16,
        "Lower lip depressor",
        "mouth",
        "both",
        "The lower lip goes down, the lower teeth show",
        "mouthLowerDown",
    ),
    _unit(
        17,
        "Chin raiser",
        "mouth",
        "none",
        "The chin's boss goes up and pushes the lower lip up: a pout",
        "mouthShrugLower",
    ),
    _unit(
        18,
        "Lip pucker",
        "mouth",
        "none",
        "The lips draw together and forward: a kiss",
        "mouthPucker",
    ),
    _unit(
        19,
        "Tongue show",
        "mouth",
        "none",
        "The tongue comes out; open the jaw (26) with it",
        "tongueOut",
    ),
    _unit(
        20,
        "Lip stretcher",
        "mouth",
        "both",
        "The corners go straight back to the ears: fear",
        "mouthStretch",
    ),
    _unit(
        22,
        "Lip funneler",
        "mouth",
        "none",
        "The lips turn out into a funnel, as in a 'sh'",
        "mouthFunnel",
    ),
    _unit(
        23,
        "Lip tightener",
        "mouth",
        "none",
        "The lips get tight and narrow",
        "mouthRollUpper",
        "mouthRollLower",
        "mouthPress",
    ),
    _unit(
        24,
        "Lip presser",
        "mouth",
        "none",
        "The lips press each other and get thin",
        "mouthPress",
        "mouthRollLower",
        "mouthRollUpper",
    ),
    _unit(
        25,
        "Lips part",
        "mouth",
        "none",
        "The lips part, the jaw stays",
        "mouthLowerDown",
        "mouthUpperUp",
    ),
    _unit(
        28,
        "Lip suck",
        "mouth",
        "none",
        "The lips are sucked in over the teeth",
        "mouthRollLower",
        "mouthRollUpper",
    ),
    _unit(
        34, "Cheek puff", "mouth", "none", "The cheeks fill with air, the lips hold it", "cheekPuff"
    ),
    _unit(
        26,
        "Jaw drop",
        "jaw",
        "none",
        "The jaw drops as far as it falls by itself, the lips part",
        "jawOpen",
    ),
    _unit(
        27, "Mouth stretch", "jaw", "none", "The jaw is pulled down, the mouth wide open", "jawOpen"
    ),
    _unit(29, "Jaw thrust", "jaw", "none", "The jaw goes forward", "jawForward"),
    _unit(30, "Jaw sideways", "jaw", "only", "The jaw goes to one side", "jawLeft", "jawRight"),
)
"""All, by region, in the order in which they are shown."""

UNIT_OF = {channel: unit for unit in UNITS for channel in unit.channels}
"""The unit of each channel."""

UNIT_CHANNELS = tuple(UNIT_OF)
"""Every channel, in the order of `UNITS`."""


def check_unit(name: str) -> ActionUnit:
    """The unit of a channel's name. Raises InputError `emotion.unknown_name`."""
    unit = UNIT_OF.get(name)
    if unit is not None:
        return unit
    number = name.removeprefix(_WORD).split("_")[0]
    same = next((unit for unit in UNITS if str(unit.number) == number), None)
    if same is not None:
        remedy = f"AU {number} ({same.name}) has {', '.join(same.channels)}."
    else:
        near = difflib.get_close_matches(name, UNIT_CHANNELS, 1, 0.6)
        numbers = ", ".join(str(unit.number) for unit in sorted(UNITS, key=lambda u: u.number))
        remedy = (f"Did you mean {near[0]}? " if near else "") + (
            f"Use AU with a number out of {numbers}, for one side _L or _R behind it."
        )
    raise InputError(
        "emotion.unknown_name", f"There is no action unit called '{name:.40}'.", remedy
    )


def units_unseen(channels: Iterable[str], shapes: Collection[str]) -> tuple[str, ...]:
    """Those channels of units that a character with these of ARKit's shapes cannot show."""
    stems = {shape.removesuffix("Left").removesuffix("Right") for shape in shapes} | {*shapes}
    return tuple(name for name in channels if not stems & {*UNIT_OF[name].shapes})


def say_unseen(channels: Iterable[str], shapes: Collection[str]) -> str:
    """A sentence on those; empty if there are none."""
    unseen = units_unseen(channels, shapes)
    if not unseen:
        return ""
    names = ", ".join(f"{name} ({UNIT_OF[name].name})" for name in unseen)
    return f"The character has no shape for {names}: the rest was done."


def say_unseen_in(space: str, channels: Iterable[str]) -> str:
    """The same for a take in this expression space: FLAME has no tongue."""
    if space.startswith("flame") and "AU19" in channels:
        return "FLAME has no tongue, which AU19 (Tongue show) would show: the rest was done."
    return ""


def check_weight(name: str, weight: float, most: float) -> None:
    """Checks a channel's weight. Raises InputError `emotion.not_finite`, `emotion.range`."""
    if not math.isfinite(weight):
        raise InputError(
            "emotion.not_finite",
            f"The weight of {name} is {weight:g}, not a number.",
            f"Give a number from 0 to {most:g}.",
        )
    if not 0 <= weight <= most:
        raise InputError(
            "emotion.range",
            f"The weight of {name} is {weight:g}, outside 0 to {most:g}.",
            "Give 1 for what a face does at most.",
        )


def parse_units(text: str) -> dict[str, float]:
    """Weights of unit channels in a text such as "AU12_L=.6,AU4=.3".

    Raises InputError `option.units`, `emotion.unknown_name`, `emotion.not_finite`,
    `emotion.range`.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        try:
            weight = float(number)
        except ValueError as error:
            raise _bad_text(f"'{part.strip():.40}' is no unit with a weight") from error
        if name in weights:
            raise _bad_text(f"{name:.40} is there twice")
        check_unit(name)
        check_weight(name, weight, limits.MAX_UNIT_WEIGHT)
        weights[name] = weight
    return weights


def _bad_text(what: str) -> InputError:
    return InputError("option.units", f"--units: {what}.", "Write it like AU12_L=.6,AU4=.3.")
