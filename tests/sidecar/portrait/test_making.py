# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages from a photo's bytes to an avatar, in their order."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.sidecar.portrait import making
from affekt.sidecar.portrait.create import STAGES
from affekt.sidecar.steps import finish
from PIL import Image


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the stages are given, which do nothing themselves."""
    asked: list[object] = []

    def choose(pixels: np.ndarray, name: str, face: int | None) -> tuple[str, str]:
        asked.extend([pixels.shape, name, face])
        return "a face", "The left one."

    def steps(*given: object) -> Iterator[str]:
        asked.extend(given[1:])
        yield from STAGES[3:]
        return "a portrait"

    monkeypatch.setattr(making, "choose_face", choose)
    monkeypatch.setattr(making, "read_head", lambda name: f"the head {name}")
    monkeypatch.setattr(making, "landmarks_of", lambda head: f"landmarks of {head}")
    monkeypatch.setattr(making, "needs_stand_in", lambda head: head == "a FLAME head")
    monkeypatch.setattr(making, "stand_in_of", lambda head: SimpleNamespace(head="its stand-in"))
    monkeypatch.setattr(making, "_on_flame", lambda portrait, stand_in: f"{portrait} on FLAME")
    monkeypatch.setattr(making, "portrait_steps", steps)
    return asked


def photo() -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (80, 90), "grey").save(packed, "PNG")
    return packed.getvalue()


def test_the_stages_are_told_in_order(asked: list[object]) -> None:
    told: list[str] = []
    made = finish(making.make_steps(photo(), "me.at.sea.png", 2, "edge"), told.append)
    assert told == list(STAGES)
    assert (made.portrait, made.said) == ("a portrait", "The left one.")
    head = "the head open"
    assert asked == [
        *((90, 80, 3), "me.at.sea.png", 2),
        *("a face", head, f"landmarks of {head}", "me.at.sea", None, "edge", []),
    ]


def test_a_flame_head_has_a_stand_in(asked: list[object]) -> None:
    flame = cast(HeadModel, "a FLAME head")
    made = finish(making.make_steps(photo(), "me.png", head=flame))
    assert made.portrait == "a portrait on FLAME"
    assert asked[4:6] == ["its stand-in", "landmarks of its stand-in"]


def test_further_photos_show_the_largest_face(asked: list[object]) -> None:
    more = [(photo(), "side.png"), (photo(), "other.png")]
    made = finish(making.make_steps(photo(), "me.png", 2, "edge", more))
    assert made.said.splitlines() == [
        "The left one.", "side.png: The left one.", "other.png: The left one."
    ]  # fmt: skip
    assert asked[:9] == [
        *((90, 80, 3), "me.png", 2),
        *((90, 80, 3), "side.png", None, (90, 80, 3), "other.png", None),
    ]
    further = asked[-1]
    assert isinstance(further, list)
    assert [(one.name, one.seen) for one in further] == [
        ("side.png", "a face"), ("other.png", "a face")
    ]  # fmt: skip


def test_a_further_photo_that_is_none_is_said_by_its_name(asked: list[object]) -> None:
    with pytest.raises(InputError) as caught:
        finish(making.make_steps(photo(), "me.png", more=[(b"no picture", "side.png")]))
    assert caught.value.code == "file.wrong_kind"
    assert "side.png" in str(caught.value)
    assert asked == []


def test_nothing_is_done_before_it_is_told(asked: list[object]) -> None:
    """So that a job is acknowledged at once, and one that is dropped at once does nothing."""
    steps = making.make_steps(b"no picture", "me.png")
    assert next(steps) == "reading the photo"
    steps.close()
    steps = making.make_steps(photo(), "me.png")
    assert [next(steps), next(steps)] == list(STAGES[:2])
    assert asked == []


def test_too_many_further_photos_are_refused_before_any_is_read() -> None:
    many = [(b"", f"{index}.png") for index in range(limits.MAX_FURTHER_PHOTOS + 1)]
    with pytest.raises(InputError) as caught:
        next(making.make_steps(b"", "me.png", more=many))
    assert caught.value.code == "photo.too_many"
