# SPDX-License-Identifier: GPL-3.0-or-later
"""A segment's marks to items: what the words set, how strongly, on which side, or deny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .marks import Mark, Segment
from .vocabulary import Kind, Meaning, Vocabulary

Side = str
"""Of the character: "left", "right", "both"; "one" and "lopsided" where the words leave it open;
"left_more" and "right_more"; "" where there is none."""
_CROSSING = 4
"""What it costs an act to reach over an "and"."""
_CHIEF = 0.6
"""The share of its largest weight from which on a unit makes an expression what it is."""
_LOOSE: tuple[Kind, ...] = ("skip", "degree", "side", "number", "amount", "and", "only", "pace",
                            "again", "brief", "hold", "time", "affirm")  # fmt: skip
"""Marks that do not keep a head from what belongs to it."""
_PLACES = ("above", "below", "around", "between", "near", "beside", "behind", "across", "against")
"""Words behind which a part is where something happens, rather than what does it."""
OPEN = ("AU25", "AU26", "AU27")
"""What a closed mouth has none of."""
_TWO = ("eyebrow", "brow", "eye", "eyelid", "lid", "cheek", "corner", "nostril")
_OPPOSITE = {"left": "right", "right": "left"}
_VIEWERS = {"viewer_left": "right", "viewer_right": "left"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that words say of a face. kind: a feeling (of the whole face), an expression or
    unit, or an act of a part. weights: channels as in the lexicon, without the degree. units: what
    a denial takes away. words: those that say so, for the listing."""

    kind: str
    name: str
    words: str
    at: int
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    units: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    part: str = ""
    act: str = ""
    side: Side = ""
    factor: float = 1.0
    amount: float | None = None
    is_denied: bool = False
    is_event: bool = False


@dataclass(slots=True)
class Head:
    """Something in a segment that words of side and degree can belong to. at: where it is; end:
    behind it; near: the places of its words."""

    item: Item
    at: int
    near: list[int]
    degrees: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class Context:
    """What later segments may refer to: the last item, the last part named, and the sides of the
    description. ahead: the part that the next segment names. pending: a side that was said before
    anything that has one. is_last: nothing follows. flips: sides are the viewer's in this
    sentence. denies: a denial goes on in the next segment."""

    last: Item | None = None
    part: str = ""
    side: Side = ""
    ahead: str = ""
    pending: Side = ""
    is_last: bool = False
    flips: bool = False
    denies: bool = False


def read_items(segment: Segment, vocabulary: Vocabulary, context: Context) -> list[Item]:
    """The items of a segment, in the order of the words."""
    reader = _Reader(segment, vocabulary, context)
    items = reader.read()
    if context.pending and items:
        items = [replace(i, side=i.side or context.pending) for i in items]
        context.pending = ""
    for item in items:
        if not item.is_denied or item.part:
            context.last = item
            context.part = item.part or context.part
            context.side = item.side if item.side in ("left", "right") else context.side
    return items


class _Reader:
    """Reads one segment."""

    def __init__(self, segment: Segment, vocabulary: Vocabulary, context: Context) -> None:
        self.marks = [m for m in segment.marks if m.get("skip") is None or len(m.meanings) > 1]
        self.segment = segment
        self.vocabulary = vocabulary
        self.context = context
        self.used: set[int] = set()
        self.heads: list[Head] = []

    def read(self) -> list[Item]:
        self._recall_part()
        self._find_acts()
        self._find_wholes()
        self._scope_parts()
        if not self.heads:
            return self._of_modifiers()
        self._give_sides()
        self._give_degrees()
        self._deny()
        self.heads.sort(key=lambda head: head.at)
        return [self._finished(head.item) for head in self.heads]

    def _finished(self, item: Item) -> Item:
        """The item; one brow goes up another way than both."""
        if item.part == "brow" and item.act == "raise" and item.side in ("left", "right", "one"):
            return replace(item, weights=self.vocabulary.act_weights("brow", "raise_one") or {})
        return item

    # -- parts and what they do ------------------------------------------------------------------

    def _recall_part(self) -> None:
        """A segment with an act, a side or "one" and no part means the part that was named last."""
        has_part = any(mark.get("part") for mark in self.marks)
        has_whole = any(mark.get("feeling", "expression", "unit", "neutral") for mark in self.marks)
        known = all(mark.get("unknown") is None for mark in self.marks)
        refers = any(mark.get("side", "again") for mark in self.marks)
        recalled = self.context.part or (self.context.ahead if refers else "")
        if has_part or not recalled or not any(m.acts() for m in self.marks):
            return
        if (has_whole or not known) and not refers:
            return
        at = next((m.at for m in self.marks if m.get("again", "side")), self.marks[0].at)
        part = Meaning(kind="part", phrase="", name=recalled)
        self.marks.insert(0, Mark(at=at, text="", meanings=(part,)))

    def _find_acts(self) -> None:
        """Gives each act its part, the nearest one that can do it; one act may have several parts
        ("eyes and mouth open"), one part several acts ("brows up and together")."""
        for number, _mark in enumerate(self.marks):
            parts = self._parts_for(number)
            if not parts:
                continue
            for other, act in parts:
                self._add_act(number, other, act)
            self.used.add(number)

    def _parts_for(self, number: int) -> list[tuple[int, str]]:
        """The parts of an act, as mark and act."""
        mark = self.marks[number]
        if not mark.acts() or mark.get("part") is not None:
            return []
        costs: list[tuple[float, int, str]] = []
        for other, part in enumerate(self.marks):
            named = part.get("part")
            if named is None or other == number:
                continue
            act = self._best_act(named.name, mark.acts())
            if act is not None and not self._is_taken(number, other):
                costs.append((self._cost(number, other), other, act))
        if not costs:
            return []
        cost, nearest, act = min(costs)
        whole = mark.get("expression", "feeling", "degree", "neutral", "pace")
        is_loose = whole is not None and whole.kind in ("expression", "feeling") and cost > 1
        if is_loose and not self._goes_on(number):
            return []
        return [(nearest, act), *self._joined(nearest, number, act)]

    def _goes_on(self, number: int) -> bool:
        """Whether an act comes behind another act and an "and": "raised and tense"."""
        before = self.marks[max(number - 2, 0) : number]
        return len(before) == 2 and bool(before[0].acts()) and before[1].get("and") is not None

    def _best_act(self, part: str, acts: tuple[str, ...]) -> str | None:
        """Which of several acts a word means of a part: the one that does most there."""
        found = {a: self.vocabulary.act_weights(part, a) for a in acts}
        able = {a: max(w.values(), default=0.0) for a, w in found.items() if w is not None}
        if able:
            return max(able, key=lambda act: able[act])
        return "still" if "still" in acts else None

    def _is_taken(self, number: int, other: int) -> bool:
        """Whether another head stands between an act and a part."""
        low, high = sorted((number, other))
        return any(
            mark.get("feeling", "expression", "unit") is not None and not mark.acts()
            for mark in self.marks[low + 1 : high]
        )

    def _cost(self, number: int, other: int) -> float:
        low, high = sorted((number, other))
        between = self.marks[low + 1 : high]
        cost = 0.0
        for mark in between:
            if mark.get("and") is not None:
                cost += _CROSSING
            elif mark.get("part") is not None and mark.get("act") is None:
                cost += 2
            elif mark.acts():
                cost += 0.5
            elif mark.get("unknown") is not None:
                cost += 3.0 if mark.text in _PLACES else 1.5
            else:
                cost += 0.3
        return cost + (0.1 if other > number else 0.0)

    def _joined(self, part: int, number: int, act: str) -> list[tuple[int, str]]:
        """Further parts that an "and" joins to this one, on the side away from the act, if no act
        of their own is nearer."""
        step = -1 if part < number else 1
        found: list[tuple[int, str]] = []
        at = part + step
        while 0 <= at < len(self.marks):
            mark = self.marks[at]
            if mark.acts() and mark.get("part") is None:
                return found if step > 0 else []
            named = mark.get("part")
            if named is not None and self.vocabulary.act_weights(named.name, act) is not None:
                found.append((at, act))
            at += step
        return found if any(m.get("and") for m in self.marks) else []

    def _add_act(self, number: int, other: int, act: str) -> None:
        mark, named = self.marks[number], self.marks[other].get("part")
        assert named is not None
        self.used.add(other)
        end = next((e.name for m in self.marks if (e := m.get("end"))), "")
        exact = f"{end}_{named.name}"
        part = self.vocabulary.parts[exact if exact in self.vocabulary.parts else named.name]
        weights = self.vocabulary.act_weights(part.name, act) or {}
        closes = act == "close" and not weights
        first, last = sorted((self.marks[other], mark), key=lambda m: m.at)
        item = Item(
            kind="act",
            name=f"{part.name} {act}",
            words=" ".join(text for text in (first.text, last.text) if text),
            at=first.at,
            weights=weights,
            units=part.units if act == "still" else OPEN if closes else tuple(weights),
            part=part.name,
            act=act,
            is_denied=act == "still" or closes,
        )
        self.heads.append(Head(item=item, at=mark.at, near=[other, number]))

    # -- what is whole by itself -----------------------------------------------------------------

    def _find_wholes(self) -> None:
        for number, mark in enumerate(self.marks):
            meaning = mark.get("expression", "unit", "feeling", "neutral")
            if number in self.used or meaning is None:
                continue
            if mark.get("degree", "part") is not None and self._is_word_before(number):
                continue
            weights = dict(meaning.weights)
            amount = None
            if meaning.kind == "unit":
                weights = {meaning.name: 0.7}
                amount = meaning.value or None
            item = Item(
                kind=meaning.kind, name=meaning.name, words=mark.text, at=mark.at,
                weights=weights, units=_chief(weights), removes=meaning.removes,
                amount=amount, is_event=meaning.is_event,
            )  # fmt: skip
            self.heads.append(Head(item=item, at=mark.at, near=[number]))
            self.used.add(number)

    def _is_word_before(self, number: int) -> bool:
        """Whether another head follows at once, which a word like "gentle" then belongs to."""
        following = self.marks[number + 1 : number + 2]
        return bool(following) and (following[0].get("expression", "feeling", "act") is not None)

    def _scope_parts(self) -> None:
        """Parts that nothing was said to do: a feeling in them, or a denial of them."""
        for number, mark in enumerate(self.marks):
            named = mark.get("part")
            if named is None or number in self.used:
                continue
            part = self.vocabulary.parts[named.name]
            head = self._head_beside(number)
            if head is not None and head.item.kind == "feeling" and not self._is_denied(number):
                self._show_in(head, part.name, number)
            elif self._is_denied(number):
                item = Item(
                    kind="part", name=part.name, words=mark.text, at=mark.at, units=part.units,
                    part=part.name, is_denied=True,
                )  # fmt: skip
                self.heads.append(Head(item=item, at=mark.at, near=[number]))
                self.used.add(number)
            elif self._has_side_beside(number) and self._goes_aside(part.name):
                self._add_act(number, number, "aside")
            elif head is not None:
                head.near.append(number)
            elif part.name in ("teeth", "tongue", "lower_teeth"):
                self._add_act(number, number, "out" if part.name != "lower_teeth" else "bare")

    def _goes_aside(self, part: str) -> bool:
        return self.vocabulary.act_weights(part, "aside") is not None

    def _has_side_beside(self, number: int) -> bool:
        """Whether the side behind a part is all that is said of it: "jaw to the left"."""
        following = self.marks[number + 1 : number + 2]
        return bool(following) and following[0].text.startswith("to the ")

    def _head_beside(self, number: int) -> Head | None:
        """The nearest head that is whole by itself."""
        wholes = [h for h in self.heads if h.item.kind in ("feeling", "expression", "unit")]
        return min(wholes, key=lambda h: abs(h.near[0] - number), default=None)

    def _show_in(self, head: Head, part: str, number: int) -> None:
        """Turns a feeling into the units that show it in a part."""
        region = self.vocabulary.region(part)
        weights: dict[str, float] = {}
        for emotion, weight in head.item.weights.items():
            shown = self.vocabulary.shown.get(emotion, {})
            places = [region] if region in shown else list(shown) if region == "face" else []
            for place in places:
                for unit, share in shown[place].items():
                    weights[unit] = max(weights.get(unit, 0.0), share * weight / 0.7)
        if region == "face" and head.item.side not in _OPPOSITE:
            return
        if weights:
            words = f"{head.item.words} {self.marks[number].text}"
            head.item = replace(
                head.item, kind="act", weights=weights, units=tuple(weights), words=words, part=part
            )
            self.used.add(number)
            head.near.append(number)

    # -- what belongs to them --------------------------------------------------------------------

    def _give_sides(self) -> None:
        sides = [
            (n, s) for n, m in enumerate(self.marks) if (s := m.get("side")) and n not in self.used
        ]
        more = next((s for _, s in sides if s.name == "lopsided"), None)
        than = next((n for n, m in enumerate(self.marks) if m.get("than")), None)
        if than is not None and any(number > than for number, _ in sides):
            sides = [(number, side) for number, side in sides if number < than]
            more = more or Meaning(kind="side", phrase="more")
        for number, meaning in sides:
            side = self._side(meaning.name)
            if not side or (meaning is more and len(sides) > 1):
                continue
            head = self._nearest(number)
            if head is None:
                continue
            if more is not None and side in ("left", "right"):
                side = f"{side}_more"
            before = head.item.side
            if before and before != side and {before, side} <= {"left", "right"}:
                side = "both"
            if before in ("left", "right") and side in ("one", "lopsided"):
                continue
            if side == "lopsided" and before == "one":
                continue
            head.item = replace(head.item, side=side)
        self._share_sides()
        for head in self.heads:
            if head.item.kind == "feeling" and head.item.side in _OPPOSITE:
                self._show_in(head, "face", head.near[0])
            if not head.item.side and any(self._is_one(number) for number in head.near):
                head.item = replace(head.item, side="one")

    def _is_one(self, number: int) -> bool:
        """Whether a mark is one of two parts: "an eyebrow"."""
        mark = self.marks[number]
        before = next((m.text for m in self.segment.marks if m.at == mark.at - 1), "")
        return before in ("a", "an") and mark.text in _TWO

    def _share_sides(self) -> None:
        """Heads of the same part share the side that one of them was given."""
        for head in self.heads:
            if head.item.side:
                continue
            for other in self.heads:
                same = other.item.name == head.item.name and other.item.kind != "feeling"
                shared = head.item.part and set(other.near) & set(head.near)
                if other.item.side and (same or shared):
                    head.item = replace(head.item, side=other.item.side)

    def _side(self, name: str) -> Side:
        """A side as the character's own."""
        if name in _VIEWERS:
            return _VIEWERS[name]
        if name == "other":
            return _OPPOSITE.get(self.context.side, "")
        if name == "viewer":
            return ""
        if self.context.flips and name in ("left", "right"):
            return _OPPOSITE[name]
        return name

    def _nearest(self, number: int) -> Head | None:
        """The head that a side belongs to: the one whose words are nearest, rather behind it."""

        def distance(head: Head) -> float:
            return min(
                abs(place - number) + (0.4 if place < number else 0.0) + self._wall(place, number)
                for place in head.near
            )

        return min(self.heads, key=distance, default=None)

    def _wall(self, place: int, number: int) -> float:
        low, high = sorted((place, number))
        return 3.0 * sum(m.get("and") is not None for m in self.marks[low + 1 : high])

    def _give_degrees(self) -> None:
        numbers = [n for n, m in enumerate(self.marks) if m.get("number", "amount")]
        leads = bool(numbers) and numbers[0] <= min((min(h.near) for h in self.heads), default=0)
        for number, mark in enumerate(self.marks):
            if number in self.used:
                continue
            amount = mark.get("number", "amount")
            degree = mark.get("degree")
            if amount is not None and mark.get("side") is None:
                head = self._owner(number, leads=leads)
                if head is not None and amount.value <= 1.5:
                    head.item = replace(head.item, amount=amount.value)
            elif amount is not None:
                head = self._owner(number, leads=True)
                if (head is not None and head.item.kind in ("feeling",)) or (
                    head is not None and head.item.part in ("eye", "lid", "mouth")
                ):
                    head.item = replace(head.item, factor=head.item.factor * 0.6, side="")
            elif degree is not None:
                head = self._owner(number, leads=True)
                if head is not None:
                    head.degrees.append(degree.value)
        for head in self.heads:
            head.item = replace(head.item, factor=head.item.factor * _combined(head.degrees))

    def _owner(self, number: int, *, leads: bool) -> Head | None:
        """The head that a degree belongs to: the next one if nothing but loose words is between,
        else the one before."""
        if leads:
            for place in range(number + 1, len(self.marks)):
                head = self._head_at(place)
                if head is not None:
                    return head
                mark = self.marks[place]
                if mark.get("unknown") is not None or mark.get("and") is not None:
                    break
        before = [h for h in self.heads if min(h.near) < number]
        after = [h for h in self.heads if min(h.near) > number]
        if before:
            return max(before, key=lambda h: max(n for n in h.near if n < number))
        return min(after, key=lambda h: min(h.near), default=None)

    def _head_at(self, place: int) -> Head | None:
        heads = [h for h in self.heads if place in h.near]
        acts = [h for h in heads if h.near[-1] == place]
        return (acts or heads or [None])[0]

    # -- what is not -----------------------------------------------------------------------------

    def _is_denied(self, number: int) -> bool:
        """Whether a denial stands before a mark and reaches it."""
        if self.context.denies and self.segment.begins in ("comma", "and"):
            return not any(m.get("only", "affirm") for m in self.marks[:number])
        denied = False
        for mark in self.marks[:number]:
            if mark.get("affirm") is not None:
                denied = False
            elif mark.get("deny_all", "deny") is not None:
                denied = True
        return denied

    def _deny(self) -> None:
        for head in self.heads:
            is_reached = any(self._is_denied(place) for place in head.near[:2])
            if not is_reached or head.item.is_denied:
                head_denied = False
            elif any(mark.text in ("so much", "too much", "that much") for mark in self.marks):
                head.item = replace(head.item, factor=0.5)
                head_denied = False
            else:
                head_denied = not self._is_saved(head)
            if head_denied:
                head.item = replace(head.item, is_denied=True)

    def _is_saved(self, head: Head) -> bool:
        """Of "not a happy smile" only the happiness is denied."""
        before = [h for h in self.heads if h is not head and h.at < head.at]
        return head.item.kind == "expression" and any(
            h.item.kind == "feeling" and self._is_denied(min(h.near)) for h in before
        )

    # -- segments without a head -----------------------------------------------------------------

    def _of_modifiers(self) -> list[Item]:
        """A segment with nothing but a side or a degree changes or repeats the last item."""
        last = self.context.last
        begins = last is None or (self.segment.begins == "stop" and not self.context.is_last)
        if begins and all(m.get("side") for m in self.marks):
            sides = [self._side(s.name) for m in self.marks if (s := m.get("side"))]
            self.context.pending = next((side for side in sides if side in _OPPOSITE), "")
            return []
        if last is None or any(m.get("unknown") for m in self.marks):
            return []
        sides = [self._side(s.name) for m in self.marks if (s := m.get("side"))]
        side = next((side for side in sides if side != "lopsided"), "")
        if "lopsided" in sides and side in _OPPOSITE:
            return [replace(last, side=f"{side}_more")]
        degree = next((d.value for m in self.marks if (d := m.get("degree"))), None)
        amount = next((a.value for m in self.marks if (a := m.get("number", "amount"))), None)
        if amount is not None and side == "one":
            side = ""
        if any(m.get("deny", "deny_all") for m in self.marks):
            opposite = _OPPOSITE.get(side, "")
            return [replace(last, side=opposite)] if opposite and not last.side else []
        if side and last.side in ("one", "lopsided"):
            return [replace(last, side=side if last.side == "one" else f"{side}_more")]
        if side and degree is not None and degree > 1 and last.side in ("", "both"):
            return [replace(last, side=f"{side}_more")]
        if side and last.side and side != last.side and last.part:
            return [replace(last, side=side, words=f"{side}: {last.words}")]
        changed = last
        if side and not last.side:
            changed = replace(changed, side=side)
        if degree is not None:
            changed = replace(changed, factor=changed.factor * degree)
        if amount is not None and amount <= 1.5:
            changed = replace(changed, amount=amount)
        return [changed] if changed is not last else []


def _chief(weights: Mapping[str, float]) -> tuple[str, ...]:
    """The channels that make an expression what it is, which a denial of it takes away."""
    most = max(weights.values(), default=0.0)
    return tuple(name for name, weight in weights.items() if weight >= _CHIEF * most)


def _combined(degrees: list[float]) -> float:
    """Several degrees of one head: the weakest if one is weak, else the strongest."""
    if not degrees:
        return 1.0
    return min(degrees) if min(degrees) < 1 else max(degrees)
