# SPDX-License-Identifier: GPL-3.0-or-later
"""Items to stages: what the face shows at once, and when; each stage as weights of channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ...shared.described import Setting
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ...shared.units import UNIT_OF, UNITS
from .items import OPEN, Context, Item, read_items
from .marks import Mark, Reading, Segment
from .times import Time
from .vocabulary import Vocabulary

_SIDES = {f"AU{unit.number}": unit.sides for unit in UNITS}
_LESSER = 0.4
"""What the weaker side of a lopsided mouth does."""
_MOST = 1.0
"""What words that name no number can set."""
_SEEN = ("expression", "unit", "act")
_EXCLUDING = (
    (("AU12", 0.3), ("AU15", 0.3)), (("AU5", 0.4), ("AU43", 0.8)),
    (("AU24", 0.5), ("AU26", 0.5)), (("AU24", 0.5), ("AU27", 0.3)), (("AU28", 0.5), ("AU26", 0.6)),
)  # fmt: skip
"""What a face cannot do at once where words ask for both."""
_ENDS = {
    "AU4": ("AU1", "AU2"), "AU1": ("AU4",), "AU2": ("AU4",), "AU5": ("AU43", "AU45", "AU7"),
    "AU43": ("AU5",), "AU12": ("AU15",), "AU15": ("AU12",), "AU24": ("AU25", "AU26", "AU27"),
    "AU26": ("AU24", "AU23", "AU28"), "AU25": ("AU24", "AU28"), "AU28": ("AU25", "AU26", "AU27"),
}  # fmt: skip
"""What ends when, later, something else comes on the same side."""
_WARM = ("AU6",)
_OFTEN_ONE = ("sneer", "dimple")
"""Expressions that have the side of what is said of the mouth in the same sentence."""
_SHOWN_AS = {
    "AU12": "the corners of the mouth up", "AU15": "the corners of the mouth down",
    "AU5": "the eyes wide", "AU43": "the eyes closed", "AU24": "the lips pressed together",
    "AU28": "the lips sucked in", "AU26": "the mouth open", "AU27": "the mouth wide open",
}  # fmt: skip


@dataclass(slots=True)
class Stage:
    """What is there at once. pace: seconds of the rise, where words say. fades: nothing new comes,
    what `items` name goes (all, if they name none)."""

    items: list[Item] = field(default_factory=list[Item])
    pace: float | None = None
    time: Time = field(default_factory=Time)
    fades: bool = False
    is_brief: bool = False
    holds: bool = False
    is_neutral: bool = False
    weights: dict[str, float] = field(default_factory=dict[str, float])
    settings: list[Setting] = field(default_factory=list[Setting])


def read_stages(
    reading: Reading, times: list[Time], vocabulary: Vocabulary
) -> tuple[list[Stage], bool]:
    """The stages in the order of time, and whether words say anything about time."""
    stages = [Stage()]
    context = Context()
    is_timed = False
    sentence = -1
    for number, segment in enumerate(reading.segments):
        context.is_last = number == len(reading.segments) - 1
        context.ahead = _part_ahead(reading.segments[number + 1 :])
        if segment.sentence != sentence:
            sentence = segment.sentence
            context.flips = _flips(reading.segments, sentence)
            context.denies = False
        items = read_items(segment, vocabulary, context)
        context.denies = _goes_on_denying(segment, context)
        said = _time_of(segment, times)
        ends = bool(items) and not _are_there(items, stages) and _says_end(segment)
        opens = (
            ends
            or segment.begins == "then"
            or (
                said is not None
                and (said.start is not None or said.at is not None or said.later is not None)
                and _is_filled(stages[-1])
                and _has_time(stages[-1], segment)
            )
        )
        lasts = not items and any(mark.get("hold") for mark in segment.marks)
        if opens and not lasts and _is_filled(stages[-1]):
            stages.append(Stage())
        is_timed |= _add(stages, segment, items, said)
        is_timed |= (ends or segment.begins == "then") and len(stages) > 1
    kept = [stage for stage in stages if _is_filled(stage)]
    return kept, is_timed


def _part_ahead(segments: list[Segment]) -> str:
    """The part of the face that is named first in these segments."""
    marks = [mark for segment in segments[:1] for mark in segment.marks]
    return next((part.name for mark in marks if (part := mark.get("part"))), "")


def _says_end(segment: Segment) -> bool:
    """Whether a segment is what comes at last: "ends happy"."""
    return any((fade := mark.get("fade")) and fade.phrase == "end" for mark in segment.marks)


def _has_time(stage: Stage, segment: Segment) -> bool:
    return stage.time != Time() or segment.begins != "start"


def _is_filled(stage: Stage) -> bool:
    return bool(stage.items) or stage.fades or stage.is_neutral


def _flips(segments: list[Segment], sentence: int) -> bool:
    """Whether a sentence says left and right as a viewer sees them."""
    return any(
        (side := mark.get("side")) is not None and side.name == "viewer"
        for segment in segments
        if segment.sentence == sentence
        for mark in segment.marks
    )


def _goes_on_denying(segment: Segment, context: Context) -> bool:
    """Whether "neither" or "never" still holds behind the segment."""
    texts = [mark.text for mark in segment.marks]
    if "neither" in texts:
        return True
    return context.denies and segment.begins in ("and",)


def _time_of(segment: Segment, times: list[Time]) -> Time | None:
    found = [times[int(t.value)] for mark in segment.marks if (t := mark.get("time"))]
    if not found:
        return None
    merged = found[0]
    for other in found[1:]:
        named = {f: getattr(other, f) for f in Time.__slots__ if getattr(other, f) is not None}
        merged = replace(merged, **named)
    return merged


def _add(stages: list[Stage], segment: Segment, items: list[Item], said: Time | None) -> bool:
    """Puts a segment's items and its words of time into the last stage, or where it says that
    something goes, into a new one. Whether it says anything about time."""
    stage = stages[-1]
    marks = segment.marks
    fade = _fade_of(marks, items, stages)
    pace = min((p.value for m in marks if (p := m.get("pace"))), default=None)
    items = [*items, *(_coldness(mark) for mark in marks if mark.get("cold"))]
    neutral = [i for i in items if i.kind == "neutral" and not i.is_denied]
    items = [i for i in items if i.kind != "neutral"]
    holds = any(m.get("hold") for m in marks)
    if fade:
        gone = [i for i in items if not i.is_denied]
        if gone and not _are_there(gone, stages):
            stage.items += gone
            stage.holds = True
            if said is not None and said.start is not None:
                stage.pace = 0.0
        faded = Stage(items=gone, fades=True, pace=pace, time=said or Time())
        if faded.time.start is not None and faded.time.end is not None:
            faded.pace = faded.time.end - faded.time.start
            faded.time = Time(start=faded.time.start)
        stages.append(faded)
        return True
    _merge(stage, items)
    stage.is_neutral |= bool(neutral)
    stage.pace = pace if stage.pace is None else stage.pace
    if pace is not None and said is None and not items and stage.items:
        stage.pace = pace
    if said is not None:
        stage.time = said
        stage.pace = said.rise if said.rise is not None else stage.pace
    stage.is_brief |= any(m.get("brief") for m in marks) or any(i.is_event for i in items)
    stage.holds |= holds and stage.time.hold is not None
    return pace is not None or said is not None or stage.is_brief


def _coldness(mark: Mark) -> Item:
    """Of "a smile that does not reach the eyes": what the eyes do not do."""
    return Item(kind="part", name="cold", words=mark.text, at=mark.at, units=_WARM, is_denied=True)


def _fade_of(marks: tuple[Mark, ...], items: list[Item], stages: list[Stage]) -> bool:
    """Whether a segment says that something goes: "fades", not "never fades", not "die" alone."""
    denied = False
    for mark in marks:
        denied |= mark.get("deny", "deny_all", "affirm") is not None
        fade = mark.get("fade")
        if fade is None or (
            mark.get("side") is not None and mark.get("act") is None and fade.phrase in ("left",)
        ):
            continue
        if mark.get("act") is not None and any(item.part for item in items):
            continue
        if fade.phrase == "end" and items and not _are_there(items, stages):
            continue
        return not denied and bool(items or any(_is_filled(stage) for stage in stages))
    return False


def _are_there(items: list[Item], stages: list[Stage]) -> bool:
    there = {i.name for stage in stages for i in stage.items if not stage.fades}
    return all(item.name in there for item in items)


def _merge(stage: Stage, items: list[Item]) -> None:
    """Adds items; one that changes an earlier one takes its place."""
    sided = next((i.side for i in items if i.side in ("left", "right") and _is_mouth(i)), "")
    for number, before in enumerate(stage.items):
        same = any(i.name == before.name and i.kind == "expression" for i in items)
        if sided and (before.name in _OFTEN_ONE or same) and not before.side:
            stage.items[number] = replace(before, side=sided)
    for item in items:
        for number, before in enumerate(stage.items):
            if before.at == item.at and before.name == item.name and before.words == item.words:
                stage.items[number] = item
                break
        else:
            stage.items.append(item)


# -- weights ---------------------------------------------------------------------------------------


def fill_weights(stages: list[Stage]) -> None:
    """Works out the channels of each stage from its items and the stage before. Raises InputError
    `words.contradiction`."""
    default = _usual_side(item for stage in stages for item in stage.items)
    before: dict[str, float] = {}
    for stage in stages:
        if stage.fades:
            before = _faded(stage, before, default)
        else:
            new, stage.settings = _resolve(stage.items, default)
            kept = {} if _replaces(stage) else dict(before)
            ended = {f"{u}_{_side(c)}" for c in new for u in (_unit(c), *_ENDS.get(_unit(c), ()))}
            if any(item.act == "close" for item in stage.items):
                ended |= {f"{unit}_" for unit in OPEN}
            ended |= {"AU30_L", "AU30_R"} if {"AU30_L", "AU30_R"} & set(new) else set()
            kept = {c: w for c, w in kept.items() if f"{_unit(c)}_{_side(c)}" not in ended}
            for item in stage.items:
                if item.is_denied:
                    kept = {c: w for c, w in kept.items() if c not in _channels_of(item, default)}
            before = {**kept, **new}
        stage.weights = dict(before)


def _replaces(stage: Stage) -> bool:
    """Whether a stage begins afresh: with a feeling, an expression or a neutral face."""
    return stage.is_neutral or any(
        item.kind in ("feeling", "expression") and not item.is_denied and not item.is_event
        for item in stage.items
    )


def _faded(stage: Stage, before: dict[str, float], default: Mapping[str, str]) -> dict[str, float]:
    gone = {channel for item in stage.items for channel in _channels_of(item, default)}
    left = {c: w for c, w in before.items() if c not in gone} if gone else {}
    names = [channel for channel in before if channel not in left]
    words = " ".join(item.words for item in stage.items) or "all"
    stage.settings = [Setting(words=f"{words}, gone", channel=name, weight=0.0) for name in names]
    return left


def _usual_side(items: Iterable[Item]) -> dict[str, str]:
    """For each region, the side of what has one and is told none: that of the first item there
    which was told one, else the character's left."""
    sides: dict[str, str] = {}
    for item in items:
        if item.side in ("left", "right") and not item.is_denied:
            for channel in item.weights:
                sides.setdefault(_region(channel), item.side)
    return sides


def _region(channel: str) -> str:
    unit = UNIT_OF.get(channel) or UNIT_OF.get(f"{_unit(channel)}_L")
    return unit.region if unit is not None else ""


def _is_mouth(item: Item) -> bool:
    return any(_unit(channel) in ("AU12", "AU14", "AU10") for channel in item.weights)


def _resolve(
    items: list[Item], default: Mapping[str, str]
) -> tuple[dict[str, float], list[Setting]]:
    """The weights of what is there at once. Raises InputError `words.contradiction`."""
    present = [item for item in items if not item.is_denied]
    denied = [item for item in items if item.is_denied]
    _check_denials(present, denied)
    settings: list[Setting] = []
    weights: dict[str, float] = {}
    origin: dict[str, Item] = {}
    for item in present:
        channels = _channels_of(item, default)
        if item.kind == "act" and channels and item.amount != 0:
            stripping = [
                o for o in denied if all(_is_stripped(c, item, [o], default) for c in channels)
            ]
            if stripping:
                raise _contradiction(f"'{item.words:.40}' and '{stripping[0].words:.40}'")
        for channel, weight in channels.items():
            if _is_stripped(channel, item, denied, default):
                continue
            if weight > weights.get(channel, 0.0) or _overrules(item, origin.get(channel)):
                weights[channel] = weight
                origin[channel] = item
    for item in present:
        for base in item.removes:
            for channel in [c for c in weights if _unit(c) == base and origin[c].kind != "act"]:
                del weights[channel]
    _check_exclusions(weights, origin)
    for item in items:
        for channel, weight in _channels_of(item, default).items():
            if item.is_denied:
                settings.append(Setting(words=f"no {item.words}", channel=channel, weight=0.0))
            elif origin.get(channel) is item and channel in weights:
                settings.append(Setting(words=item.words, channel=channel, weight=weight))
    return {c: round(w, 3) for c, w in weights.items() if w > 0}, settings


def _overrules(item: Item, before: Item | None) -> bool:
    """Whether what is said of a part itself, with how strongly, holds against a word for a whole
    face that happens to set it stronger."""
    return (
        before is not None
        and item.kind in ("act", "unit")
        and before.kind in ("feeling", "expression")
        and (item.factor < 1 or item.amount is not None or item.side.endswith("_more"))
    )


def _is_stripped(channel: str, item: Item, denied: list[Item], default: Mapping[str, str]) -> bool:
    """Whether a denial takes a channel from an item."""
    for other in denied:
        if (
            (
                other.kind in ("act", "expression", "unit")
                and item.kind in _SEEN
                and item.at > other.at
            )
            and other.name != item.name
            and other.act not in ("still", "close")
        ):
            continue
        if channel in _channels_of(other, default):
            return True
    return False


def _check_denials(present: list[Item], denied: list[Item]) -> None:
    for item in present:
        for other in denied:
            same = item.name == other.name and item.kind == other.kind and item.kind != "feeling"
            same |= item.kind == other.kind == "feeling" and item.words == other.words
            if same and _overlap(item.side, other.side) and item.factor >= 1 <= other.factor:
                raise _contradiction(f"'{item.words:.40}' is asked for and denied at once")


def _overlap(one: str, other: str) -> bool:
    return not one or not other or one == other or "both" in (one, other)


def _check_exclusions(weights: dict[str, float], origin: dict[str, Item]) -> None:
    for (one, least), (other, most) in _EXCLUDING:
        for side in ("", "_L", "_R"):
            first = f"{one}{side}" if f"{one}{side}" in weights else one
            second = f"{other}{side}" if f"{other}{side}" in weights else other
            if first not in weights or second not in weights:
                continue
            items = origin[first], origin[second]
            if items[0] is items[1] or any(item.kind not in _SEEN for item in items):
                continue
            if weights[first] >= least and weights[second] >= most:
                raise _contradiction(
                    f"'{items[0].words:.40}' has {_SHOWN_AS[one]} and "
                    f"'{items[1].words:.40}' has {_SHOWN_AS[other]}"
                )


def _contradiction(what: str) -> InputError:
    return InputError(
        "words.contradiction",
        f"The words contradict each other: {what}.",
        "Take one of the two out, or put 'then' between them.",
    )


# -- channels --------------------------------------------------------------------------------------


def _channels_of(item: Item, default: Mapping[str, str]) -> dict[str, float]:
    """The channels of an item with their weights; sided units by side, whatever its words left
    open. Of a denial those that it takes away."""
    named = item.weights if not item.is_denied else dict.fromkeys(item.units or item.weights, 1.0)
    scaled = _scaled(named, item)
    channels: dict[str, float] = {}
    for name, weight in scaled.items():
        for channel, share in _sided(name, item.side, default, is_denied=item.is_denied):
            channels[channel] = max(channels.get(channel, 0.0), weight * share)
    return channels


def _scaled(weights: object, item: Item) -> dict[str, float]:
    assert isinstance(weights, dict)
    named: dict[str, float] = weights  # pyright: ignore[reportUnknownVariableType]
    if item.is_denied:
        return named
    if item.amount is not None:
        largest = max(named.values(), default=1.0)
        return {name: weight / largest * item.amount for name, weight in named.items()}
    return {name: min(weight * item.factor, _MOST) for name, weight in named.items()}


def _sided(
    name: str, side: str, default: Mapping[str, str], *, is_denied: bool
) -> list[tuple[str, float]]:
    """A channel as the lexicon has it, on the sides that are meant, each with a share."""
    unit, _, mark = name.partition("_")
    if unit in EMOTIONS:
        return [(unit, 1.0)]
    has = _SIDES[unit]
    if has == "none":
        return [(unit, 1.0)]
    if mark in ("L", "R"):
        return [(name, 1.0)]
    if is_denied and mark:
        mark = ""
    usual = default.get(_region(name), "left")
    shares = _shares(side or mark or ("one" if has == "only" else ""), usual)
    return [(f"{unit}_{letter}", share) for letter, share in shares.items() if share]


def _shares(side: str, usual: str) -> dict[str, float]:
    side = {"one": usual, "lopsided": f"{usual}_more"}.get(side, side)
    return {
        "left": {"L": 1.0},
        "right": {"R": 1.0},
        "left_more": {"L": 1.0, "R": _LESSER},
        "right_more": {"R": 1.0, "L": _LESSER},
    }.get(side, {"L": 1.0, "R": 1.0})


def _unit(channel: str) -> str:
    return channel.partition("_")[0]


def _side(channel: str) -> str:
    return channel.partition("_")[2]


def folded(weights: dict[str, float]) -> dict[str, float]:
    """The same with one channel for both sides where they are alike, in the order of channels."""
    found: dict[str, float] = {}
    for channel, weight in weights.items():
        unit = _unit(channel)
        left, right = weights.get(f"{unit}_L"), weights.get(f"{unit}_R")
        alike = left is not None and left == right and unit in UNIT_OF
        found[unit if alike else channel] = weight
    order = (*EMOTIONS, *UNIT_OF)
    return {channel: found[channel] for channel in order if channel in found}
