# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of the descriptions in a TOML file are read as they are meant.

    python -m tests.sidecar.words.score held_out [--list]

held_out.toml says how a description's constraints are written. `--list` names the ones that fail,
which is for development.toml.
"""

from __future__ import annotations

import argparse
import itertools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from affekt.shared.errors import AffektError
from affekt.sidecar.words.describe import Description, describe
from affekt.sidecar.words.timeline import Key

FPS = 24.0
_LEVELS = {"faint": (0.03, 0.4), "some": (0.12, 9.0), "clear": (0.35, 9.0), "strong": (0.7, 9.0)}
_ABSENT = 0.1
_NEUTRAL = 0.15
_SLOW_S, _FAST_S = 0.8, 0.25
_TOLERANCE_S = 0.01


class Case(TypedDict):
    """A description and what must hold of it."""

    style: str
    text: str
    want: NotRequired[list[str]]
    stages: NotRequired[list[list[str]]]
    ends: NotRequired[list[str]]
    at: NotRequired[list[dict[str, object]]]
    speed: NotRequired[str]
    holds: NotRequired[float]
    neutral: NotRequired[bool]
    code: NotRequired[str]
    repeat: NotRequired[int]


def read_cases(name: str) -> list[Case]:
    """The cases of a file beside this one."""
    text = Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["cases"]


def faults(case: Case) -> Iterator[str]:
    """What does not hold of a case."""
    try:
        found = describe(case["text"], fps=FPS)
    except AffektError as error:
        yield f"refused: {error.code}"
        return
    yield from _faults(case, found)


def _faults(case: Case, found: Description) -> Iterator[str]:
    most = found.expression.channels
    keys = found.keys or (Key(seconds=0.0, weights=dict(most)),)
    yield from (w for w in case.get("want", []) if not _holds(w, most))
    if case.get("neutral") and max(most.values(), default=0.0) > _NEUTRAL:
        yield "neutral"
    yield from (f"ends: {w}" for w in case.get("ends", []) if not _holds(w, keys[-1].weights))
    for at in case.get("at", []):
        seconds = float(at["seconds"] if "seconds" in at else at["frame"] / FPS)  # pyright: ignore[reportOperatorIssue, reportArgumentType]
        weights = _sampled(keys, seconds)
        yield from (f"at {seconds:g}: {w}" for w in at["want"] if not _holds(w, weights))  # pyright: ignore[reportGeneralTypeIssues]
    if "stages" in case and not _passes(case["stages"], keys):
        yield f"stages {case['stages']}"
    if "speed" in case and not _has_speed(case["speed"], keys):
        yield f"speed {case['speed']}"
    if "holds" in case and not _lasts(case["holds"], case.get("want", []), keys):
        yield f"holds {case['holds']}"


def _holds(want: str, weights: Mapping[str, float]) -> bool:
    if want.startswith("no "):
        return max(_sides(want[3:], weights)) < _ABSENT
    names, _, level = want.partition(" ")
    return any(_one_holds(name, level, weights) for name in names.split("|"))


def _one_holds(name: str, level: str, weights: Mapping[str, float]) -> bool:
    if ">" in name:
        more, less = name.split(">")
        return _value(more, weights) > _value(less, weights) + 0.1
    low, high = _LEVELS[level]
    if name.endswith("_one"):
        left, right = _sides(name[:-4], weights)
        return low <= max(left, right) <= high and min(left, right) < _ABSENT
    sides = _sides(name, weights)
    return low <= min(sides) and max(sides) <= high


def _value(name: str, weights: Mapping[str, float]) -> float:
    return min(_sides(name, weights))


def _sides(name: str, weights: Mapping[str, float]) -> tuple[float, ...]:
    """A channel's weight on both sides, or on the one that it names."""
    unit, _, side = name.partition("_")
    both = weights.get(unit, 0.0)
    values = {s: both + weights.get(f"{unit}_{s}", 0.0) for s in ("L", "R")}
    return (values[side],) if side else (values["L"], values["R"])


def _sampled(keys: tuple[Key, ...], seconds: float) -> dict[str, float]:
    before = max(
        (k for k in keys if k.seconds <= seconds), key=lambda k: k.seconds, default=keys[0]
    )
    after = min(
        (k for k in keys if k.seconds >= seconds), key=lambda k: k.seconds, default=keys[-1]
    )
    span = after.seconds - before.seconds
    share = (seconds - before.seconds) / span if span > 0 else 0.0
    names = {*before.weights, *after.weights}
    return {
        n: (1 - share) * before.weights.get(n, 0.0) + share * after.weights.get(n, 0.0)
        for n in names
    }


def _passes(stages: list[list[str]], keys: tuple[Key, ...]) -> bool:
    at = 0
    for stage in stages:
        while at < len(keys) and not all(_holds(want, keys[at].weights) for want in stage):
            at += 1
        if at == len(keys):
            return False
        at += 1
    return True


def _has_speed(speed: str, keys: tuple[Key, ...]) -> bool:
    """Whether the first rise is as slow or fast as asked."""
    for before, after in itertools.pairwise(keys):
        if after.weights and after.weights != before.weights:
            rise = after.seconds - before.seconds
            return rise >= _SLOW_S if speed == "slow" else rise <= _FAST_S
    return False


def _lasts(seconds: float, wants: list[str], keys: tuple[Key, ...]) -> bool:
    inside = [k.seconds for k in keys if all(_holds(w, k.weights) for w in wants)]
    return bool(inside) and inside[-1] - inside[0] >= seconds - _TOLERANCE_S


def is_swapped(case: Case) -> bool:
    """Whether a description that speaks of one side sets the other one instead."""
    found = list(faults(case))
    lacks = [fault for fault in found if "_L" in fault or "_R" in fault]
    wrong = any(fault.startswith("no AU") for fault in lacks)
    return wrong and any(not fault.startswith("no ") for fault in lacks)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.name)
    wrong = {case["text"]: found for case in cases if (found := list(faults(case)))}
    if options.list:
        for text, found in wrong.items():
            print(f"{text}\n    {'; '.join(found)}")
    swapped = sum(is_swapped(case) for case in cases)
    right = len(cases) - len(wrong)
    print(f"{options.name}: {right} of {len(cases)} right, {right / len(cases):.1%}; "
          f"sides swapped in {swapped}")  # fmt: skip
    styles = dict.fromkeys(case["style"] for case in cases)
    for style in styles:
        of_style = [case for case in cases if case["style"] == style]
        count = sum(case["text"] not in wrong for case in of_style)
        print(f"    {style}: {count} of {len(of_style)}")


if __name__ == "__main__":
    main()
