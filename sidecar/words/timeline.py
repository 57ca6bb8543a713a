# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages to keys over time."""

from __future__ import annotations

from dataclasses import dataclass

from .stages import Stage

RISE_S = 0.3
"""How long a change takes where no word says so."""
_REST_S = 0.6
"""How long a stage stays before the next one comes."""
_BRIEF_S = 0.12
_BRIEF_RISE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The weights of all channels of a description at one time; what is not named is 0."""

    seconds: float
    weights: dict[str, float]


def make_keys(stages: list[Stage]) -> list[Key]:
    """Keys from second 0, at rest, on: each stage rises, stays, and goes over into the next."""
    keys: list[Key] = []
    now, current = 0.0, dict[str, float]()
    for number, stage in enumerate(stages):
        start, arrival = _rise(stage, now)
        if stage.pace == 0.0 or (stage.holds and stage.pace is None and number == 0 and not keys):
            start = arrival = now
        _put(keys, start, current)
        _put(keys, arrival, stage.weights)
        now = _leave(stage, arrival, stages[number + 1 : number + 2])
        _put(keys, now, stage.weights)
        base, current = current, stage.weights
        follows = stages[number + 1 :]
        lasts = stage.time.hold is not None and not stage.holds
        goes = stage.is_brief or stage.time.end is not None or lasts
        if goes and not stage.fades and (not follows or stage.is_brief):
            now += _BRIEF_RISE_S if stage.is_brief else RISE_S
            _put(keys, now, base)
            current = base
    return keys


def _rise(stage: Stage, now: float) -> tuple[float, float]:
    """When a stage begins and when it is there."""
    time = stage.time
    rise = _rise_s(stage)
    if time.at is not None:
        arrival = max(time.at, now)
        return max(now, arrival - rise), arrival
    start = now
    if time.start is not None:
        start = max(now, time.start)
    elif time.later is not None:
        start = now + time.later
    return start, start + rise


def _rise_s(stage: Stage) -> float:
    """How long a stage takes to come."""
    if stage.pace is not None:
        return stage.pace
    return _BRIEF_RISE_S if stage.is_brief else RISE_S


def _leave(stage: Stage, arrival: float, following: list[Stage]) -> float:
    """When a stage ends. following: the next one, if there is one, whose time may cut it short."""
    time = stage.time
    if time.end is not None:
        return max(arrival, time.end)
    if time.hold is not None:
        return arrival + time.hold
    if stage.is_brief:
        return arrival + _BRIEF_S
    if not following:
        return arrival
    then = following[0]
    if then.time.at is not None:
        return max(arrival, min(arrival + _REST_S, then.time.at - _rise_s(then)))
    if then.time.start is not None:
        return max(arrival, min(arrival + _REST_S, then.time.start))
    return arrival + _REST_S


def _put(keys: list[Key], seconds: float, weights: dict[str, float]) -> None:
    """Adds a key; one at the same time is replaced."""
    seconds = round(seconds, 3)
    if keys and keys[-1].seconds >= seconds:
        keys[-1] = Key(seconds=keys[-1].seconds, weights=weights)
    else:
        keys.append(Key(seconds=seconds, weights=weights))
