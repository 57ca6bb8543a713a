# SPDX-License-Identifier: GPL-3.0-or-later
"""The latent wrinkle identity of a made-up person: which lines and shades each fold has, with their
number, spacing, curve, depth, asymmetry and softness.

Young skin folds as everybody's does, by the patterns of `wrinkle_patterns`; with age each fold goes
its own way. So what nobody can see at rest is also what people have in common, and a network that
sees no trace does right to draw the common pattern, sharp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ....shared.emotion import EMOTIONS
from ....shared.wrinkle_patterns import DEEPEST, Groove, Shade, Stroke
from ...avatar.skin_zones import FOLDS

Strokes = tuple[Stroke, ...]
_Rng = np.random.Generator
_Points = list[tuple[float, float]]


_YOUNG, _OWN_FROM, _OWN_WITHIN = 0.35, 0.2, 0.25
"""The part of people whose skin folds as everybody's, the age from which it goes its own way, and
how much later it does so wholly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrinkleIdentity:
    """age: 0 young to 1 old. folds: fold -> strokes on both sides of the face, in millimetres, x to
    the head's left, at full pressing with no emotion. trace: fold -> the share of it that shows at
    rest."""

    age: float
    folds: Mapping[str, Strokes]
    trace: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Ways:
    """How far a person's folds go their own way. own: 0 as everybody's, 1 as no other's."""

    rng: _Rng
    own: float

    def off(self, low: float, high: float) -> float:
        """A deviation between two bounds, 0 for skin that folds as everybody's does."""
        return float(self.own * self.rng.uniform(low, high))

    def gain(self, low: float, high: float) -> float:
        """The same of a factor."""
        return 1 + self.off(low - 1, high - 1)

    def count(self, usual: int, low: int, high: int) -> int:
        """A number of lines: the usual one, or more often another the further it goes."""
        drawn = int(self.rng.integers(low, high + 1))
        return drawn if self.rng.random() < self.own else usual

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share * self.own)


def draw_identity(rng: _Rng) -> WrinkleIdentity:
    """A random person's wrinkles."""
    is_young = rng.random() < _YOUNG
    age = float(rng.uniform(0, _OWN_FROM) if is_young else rng.uniform(_OWN_FROM, 1))
    own = float(np.clip((age - _OWN_FROM) / _OWN_WITHIN, 0, 1))
    ways = _Ways(rng, own)
    depth = 0.85 + 0.4 * age
    cheek = int(rng.integers(2**31))
    folds: dict[str, Strokes] = {}
    for name, make in _MAKERS.items():
        # Both of the cheek's folds go the same way.
        on_cheek = name in ("nasolabial", "smile")
        own_ways = _Ways(np.random.default_rng(cheek), own) if on_cheek else ways
        folds[name] = _deepened(make(own_ways), depth)
    least = 0.05 + 0.2 * age
    trace = {name: float(np.clip(least * rng.uniform(0.7, 1.3), 0.03, 0.28)) for name in FOLDS}
    return WrinkleIdentity(age=age, folds=folds, trace=trace)


def in_emotion(identity: WrinkleIdentity, emotion: str | None) -> Mapping[str, Strokes]:
    """The folds as an emotion makes them: sadness and fear, which raise the inner brows alone, bend
    the forehead's lines up in the middle and leave its sides; surprise draws them straight across;
    anger's glabella is steep, sadness's leans; disgust folds the nose further, joy the cheek."""
    if emotion is None:
        return identity.folds
    assert emotion in EMOTIONS
    folds = dict(identity.folds)
    change = {"sad": _bent, "fear": _bent, "surprise": _widened}.get(emotion)
    if change is not None:
        folds["forehead"] = tuple(change(stroke) for stroke in folds["forehead"])
    if emotion in ("sad", "fear"):
        folds["glabella"] = tuple(_leaning(stroke) for stroke in folds["glabella"])
    for name in {"disgust": ("nose.root", "bunny"), "happy": ("smile", "crow")}.get(emotion, ()):
        folds[name] = _deepened(folds[name], 1.15)
    return folds


def _bent(stroke: Stroke) -> Stroke:
    """Bent up in the middle by up to 4 mm, and shallower outside."""
    if isinstance(stroke, Shade):
        return stroke
    points = tuple((x, y + 4 * float(np.exp(-((x / 14) ** 2)))) for x, y in stroke.points)
    return replace(stroke, points=tuple((0.8 * x, y) for x, y in points))


def _widened(stroke: Stroke) -> Stroke:
    if isinstance(stroke, Shade):
        return stroke
    return replace(stroke, points=tuple((1.06 * x, y) for x, y in stroke.points))


def _leaning(stroke: Stroke) -> Stroke:
    """With its upper end nearer to the middle."""
    if isinstance(stroke, Shade):
        return stroke
    points = tuple((x * (1 - 0.012 * max(y - 34, 0)), y) for x, y in stroke.points)
    return replace(stroke, points=points)


def _deepened(strokes: Strokes, factor: float) -> Strokes:
    return tuple(replace(stroke, depth=min(factor * stroke.depth, DEEPEST)) for stroke in strokes)


def _mirrored(stroke: Stroke) -> Stroke:
    if isinstance(stroke, Shade):
        return replace(stroke, middle=(-stroke.middle[0], stroke.middle[1]))
    return replace(stroke, points=tuple((-x, y) for x, y in stroke.points))


def _both(ways: _Ways, one_side: Callable[[_Ways], Strokes]) -> Strokes:
    """Both sides, with an asymmetry of place and depth."""
    left = one_side(ways)
    right = tuple(_shifted(stroke, ways, 1.0) for stroke in left)
    return (*left, *(_mirrored(stroke) for stroke in right))


def _shifted(stroke: Stroke, ways: _Ways, by_mm: float) -> Stroke:
    x, y = ways.off(-by_mm, by_mm), ways.off(-by_mm, by_mm)
    depth = float(np.clip(stroke.depth * ways.gain(0.6, 1.35), 0.02, DEEPEST))
    if isinstance(stroke, Shade):
        return replace(stroke, middle=(stroke.middle[0] + x, stroke.middle[1] + y), depth=depth)
    points = tuple((px + x, py + y) for px, py in stroke.points)
    return replace(stroke, points=points, depth=depth)


_FOREHEAD_X = (-46, -33, -21, -12, -4, 4, 12, 21, 33, 46)
_FOREHEAD_Y = (-3.6, 1.2, 1.8, 0.4, -1.0, -1.0, 0.4, 1.8, 1.2, -3.6)


def _forehead(ways: _Ways) -> Strokes:
    count = ways.count(3, 2, 5)
    spacing = min(9.2 + ways.off(-3.2, 3.4), 25 / max(count - 1, 1))
    lowest = 58 + ways.off(-4, 5)
    arch, waves, phase = ways.off(-3, 4), ways.off(0, 1.8), ways.rng.uniform(0, 6.3)
    length, wave_mm = ways.gain(0.65, 1.1), ways.rng.uniform(16, 36)
    lines: list[Stroke] = []
    for row in range(count):
        bent = [
            (length * x, lowest + row * spacing + y + arch * np.exp(-((x / 22) ** 2))
             + waves * np.sin(phase + 1.3 * row + x / wave_mm * 6.3))
            for x, y in zip(_FOREHEAD_X, _FOREHEAD_Y, strict=True)
        ]  # fmt: skip
        depth = (0.34, 0.31, 0.2, 0.2, 0.18)[row] * ways.gain(0.45, 1.5)
        line = Groove(tuple(bent), 1.7 * ways.gain(0.6, 1.1), depth, 0.33, 9 if row else np.inf)
        lines += _broken(line, ways)
    return tuple(lines)


def _broken(line: Groove, ways: _Ways) -> list[Stroke]:
    """A line, whole, in two parts that miss one another, or only a part of it."""
    if not ways.chance(0.45):
        return [line]
    cut = int(ways.rng.integers(3, len(line.points) - 3))
    step = ways.rng.uniform(-2, 2)
    first = replace(line, points=line.points[: cut + 1])
    second = replace(line, points=tuple((x, y + step) for x, y in line.points[cut:]))
    parts: list[Stroke] = [first, second]
    return parts if ways.rng.random() < 0.6 else [parts[int(ways.rng.integers(2))]]


def _glabella(ways: _Ways) -> Strokes:
    kind = ways.count(2, 1, 3)
    apart, lean = 4.4 + ways.off(-1.6, 3.4), ways.off(-2.0, 2.5)
    top, bottom = 52 + ways.off(-6, 5), 28 + ways.off(-1, 5)

    def line(x: float, bow: float, depth: float) -> Groove:
        heights = np.linspace(bottom, top, 4)
        across = x + lean * np.linspace(0, 1, 4) + bow * np.array([0, 0.1, 0.4, 1.0])
        points = tuple(zip(across.tolist(), heights.tolist(), strict=True))
        return Groove(points, 1.5 * ways.gain(0.65, 1.15), depth * ways.gain(0.6, 1.15), 0.4)

    strokes: list[Stroke] = [Shade((11, 45), (4.5, 3.5), 0.12), Shade((-11, 45), (4.5, 3.5), 0.12)]
    if kind in (1, 3):
        strokes.append(line(ways.off(-2.5, 2.5), 0, 0.6 if kind == 1 else 0.35))
    if kind == 1 and ways.rng.random() < 0.5:  # one deep line, on one side
        strokes[-1] = line(ways.rng.choice([-1, 1]) * apart, 0, 0.65)
    if kind in (2, 3):
        left, right = line(apart, 4.1, 0.6), line(apart, 4.1, 0.6)
        strokes += [_shifted(left, ways, 0.8), _mirrored(_shifted(right, ways, 1.5))]
    return tuple(strokes)


def _nose_root(ways: _Ways) -> Strokes:
    count, bow = ways.count(1, 1, 3), ways.off(-2, 2)
    start, apart = 25.6 + ways.off(-3, 2), 3.6 + ways.off(-0.4, 1.2)
    strokes: list[Stroke] = []
    for row in range(count):
        half = 10 * ways.gain(0.6, 1.1)
        y = start + row * apart
        points = ((-half, y + 3), (-half / 2, y + 0.9), (0, y - 0.2 + bow), (half / 2, y + 0.9))
        line = Groove((*points, (half, y + 3)), 1.5 * ways.gain(0.6, 1.1), 0.34, 0.4)
        strokes.append(_shifted(line, ways, 0.6))
    return tuple(strokes)


def _socket(ways: _Ways) -> Strokes:
    return _both(
        ways,
        lambda w: (
            Shade((26 + w.off(-2, 2), 31.5 + w.off(-1.5, 1.5)), (9, 3.4), 0.38),
            Shade((14 + w.off(-1, 2), 30 + w.off(-1.5, 1.5)), (4, 5), 0.3),
        ),
    )


def _crow_side(ways: _Ways) -> Strokes:
    count = ways.count(3, 2, 6)
    high, low = np.radians(34 + ways.off(-10, 14)), np.radians(-38 + ways.off(-12, 12))
    start, origin = 4 + ways.off(-2, 3), (43.0, 18.3 + ways.off(-1.5, 1.5))
    strokes: list[Stroke] = []
    for share in np.linspace(0, 1, count):
        angle = high + (low - high) * share + np.radians(ways.off(-7, 7))
        far, bend = start + 14 * ways.gain(0.55, 1.35), np.radians(ways.off(-16, 16))
        reach = np.linspace(start, far, 4)
        turn = angle + bend * np.linspace(0, 1, 4)
        points = tuple(
            (float(origin[0] + r * np.cos(a)), float(origin[1] + r * np.sin(a)))
            for r, a in zip(reach, turn, strict=True)
        )
        depth = 0.37 * ways.gain(0.5, 1.3) * (0.9 if count > 4 else 1)
        strokes.append(Groove(points, 1.1 * ways.gain(0.75, 1.25), depth, 0.4))
    return tuple(strokes)


def _under_eye_side(ways: _Ways) -> Strokes:
    count, drop = ways.count(1, 1, 3), ways.off(-2, 2)
    strokes: list[Stroke] = []
    for row in range(count):
        y, reach = drop - 3.2 * row, ways.gain(0.6, 1.1)
        points = [(17, 11.5), (24, 7.2), (33, 6), (43, 10)]
        bent = tuple((30 + reach * (px - 30), py + y) for px, py in points)
        width = 1.6 * ways.gain(0.6, 1.05)
        strokes.append(Groove(bent, width, 0.32 * ways.gain(0.5, 1.25) * 0.8**row, 0.4))
    return tuple(strokes)


def _bunny_side(ways: _Ways) -> Strokes:
    count = ways.count(2, 1, 4)
    apart, top, lean = 8 + ways.off(-3.4, 0.5), 20 + ways.off(-2, 3), ways.off(-3, 4)
    strokes: list[Stroke] = []
    for row in range(count):
        y, reach = top - row * min(apart, 24 / count), ways.gain(0.6, 1.15)
        points = ((5, y), (5 + 6 * reach, y - 6.5 + lean / 2), (5 + 12.5 * reach, y - 11.3 + lean))
        depth = 0.4 * ways.gain(0.5, 1.2)
        strokes.append(Groove(points, 1.3 * ways.gain(0.75, 1.15), depth, 0.4))
    return tuple(strokes)


def _along(
    points: _Points, out: float, bow: float, reach: float
) -> tuple[tuple[float, float], ...]:
    """The points, moved outwards, bowed outwards in the middle and drawn out to their lower end."""
    share = np.linspace(0, 1, len(points))
    first = points[0][1]
    return tuple(
        (x + out * (0.4 + 0.6 * s) + bow * float(np.sin(np.pi * s)), first + reach * (y - first))
        for (x, y), s in zip(points, share, strict=True)
    )


def _cheek_folds(ways: _Ways) -> tuple[Strokes, Strokes]:
    """Nasolabial fold and smile's fold of one side, which take the same way."""
    out, bow, reach = ways.off(-2.5, 3.5), ways.off(-2, 2), ways.gain(0.75, 1.15)
    sharp = ways.gain(0.55, 1.1)
    nasolabial: _Points = [(15.5, -11), (19.5, -19), (24.5, -28), (28.5, -37), (30.5, -47)]
    inner: _Points = [(16, -13), (20, -21), (24, -30), (27.5, -39), (29, -47)]
    smile: _Points = [(15, -9), (19.7, -15), (25, -22.5), (28.8, -31.5), (32, -42), (36, -49)]
    soft: _Points = [(15, -12), (21, -20), (26, -29), (29.5, -39), (34, -49)]
    first: list[Stroke] = [
        Groove(_along(nasolabial, out, bow, reach), 2.5 * sharp, 0.24, 0.45),
        Groove(_along(inner, out, bow, reach), 4.2, 0.16, 0.45),
    ]
    second: list[Stroke] = [
        Groove(_along(smile, out, bow, reach), 2.4 * sharp, 0.2 * ways.gain(0.7, 1.6), 0.4),
        Groove(_along(soft, out, bow, reach), 4.5, 0.15, 0.4),
    ]
    if ways.chance(0.55):  # a second fold beside the mouth, like a bracket
        beside: _Points = [(36, -22), (40.5, -31), (41.5, -41), (39, -50)]
        depth = 0.24 * float(ways.rng.uniform(0.6, 1.2))
        second.append(Groove(_along(beside, out, bow, 1.0), 1.5, depth, 0.45))
    return tuple(first), tuple(second)


def _dimple_side(ways: _Ways) -> Strokes:
    if ways.chance(0.35):
        return ()
    spot = Shade((27.5 + ways.off(-1, 5), -46.5 + ways.off(-2, 4)), (2.2, 3.6), 0.2)
    if not ways.chance(0.5):
        return (spot,)
    x, y = spot.middle
    half = float(ways.rng.uniform(4, 8))
    points = ((x, y + half), (x + 1.5, y), (x + 0.5, y - half))
    return (Groove(points, 1.3, 0.3 * ways.gain(0.6, 1.3), 0.4),)


def _corner_side(ways: _Ways) -> Strokes:
    out, reach = ways.off(-2, 3), ways.gain(0.6, 1.3)
    points: _Points = [(22, -47), (25.5, -53), (27.5, -59), (28, -65)]
    line = Groove(_along(points, out, ways.off(-1.5, 1.5), reach), 2.2 * ways.gain(0.6, 1.1), 0.19)
    strokes: list[Stroke] = [line, Shade((22, -53.5), (3.4, 2.8), 0.05)]
    if ways.chance(0.4):
        beside: _Points = [(31, -50), (34, -57), (34.5, -64)]
        strokes.append(Groove(_along(beside, out, 0, 1.0), 1.5, 0.17))
    return tuple(strokes)


def _chin(ways: _Ways) -> Strokes:
    y, bow, half = -62.4 + ways.off(-2, 2), ways.off(-3, 3), 15 * ways.gain(0.6, 1.2)
    points = tuple(
        (half * s, y - 4.6 * s * s + bow * (1 - abs(s))) for s in np.linspace(-1, 1, 7).tolist()
    )
    strokes: list[Stroke] = [Groove(points, 2.2 * ways.gain(0.6, 1.1), 0.2)]
    usual = ((5, -70), (9, -73.5), (3.5, -75.5), (10.5, -68.5))
    for x, low in usual:
        for sign in (-1, 1):
            middle = (sign * x + ways.off(-3, 3), low + ways.off(-3, 3))
            depth = max(0.085 * ways.gain(0.0, 2.0), 0.02)
            strokes.append(Shade(middle, (1.4 * ways.gain(0.7, 1.5), 1.3), depth))
    return tuple(strokes)


def _nasolabial(ways: _Ways) -> Strokes:
    return _both(ways, lambda w: _cheek_folds(w)[0])


def _smile(ways: _Ways) -> Strokes:
    return _both(ways, lambda w: _cheek_folds(w)[1])


_MAKERS: dict[str, Callable[[_Ways], Strokes]] = {
    "forehead": _forehead,
    "glabella": _glabella,
    "nose.root": _nose_root,
    "socket": _socket,
    "crow": lambda ways: _both(ways, _crow_side),
    "under.eye": lambda ways: _both(ways, _under_eye_side),
    "bunny": lambda ways: _both(ways, _bunny_side),
    "nasolabial": _nasolabial,
    "smile": _smile,
    "dimple": lambda ways: _both(ways, _dimple_side),
    "corner.down": lambda ways: _both(ways, _corner_side),
    "chin": _chin,
}


def usual_folds() -> Mapping[str, Strokes]:
    """The folds that all people have in common."""
    ways = _Ways(np.random.default_rng(0), 0.0)
    return {name: make(ways) for name, make in _MAKERS.items()}
