# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are whole on the wire and mean nothing: NaN, infinity, lengths that do not agree,
indices beyond the end. What becomes of them is a noun that is right, or an error of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affekt.shared import conversions, messages, wire
from affekt.shared.errors import AffektError, InputError
from affekt.shared.messages import Message
from affekt.shared.schema import Array, field_rules
from fakes.messages import any_message
from hypothesis import given, settings
from hypothesis import strategies as st

NOUNS: dict[type[Message], Callable[[Any], object]] = {
    messages.Bake: conversions.to_track,
    messages.Preview: conversions.to_track,
    messages.MotionRead: conversions.to_motion,
    messages.BakeDone: conversions.to_motion,
    messages.HeadRead: conversions.to_head,
    messages.Calibrated: conversions.to_calibration,
    messages.Render: conversions.to_request,
}
FLOATS = st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40, 1e9, 0.5])
INTEGERS = st.sampled_from([0, 1, 2, -1, 2**31 - 1, -(2**31), 68])
LENGTHS = st.sampled_from([0, 1, 2, 3, 52])


def change(draw: Callable[[st.SearchStrategy], Any], kind: type[Message]) -> dict[str, object]:
    """One or two arrays of other lengths, or with one other value."""
    fields: dict[str, object] = {}
    rules = [field for field in field_rules(kind) if isinstance(field.rule, Array)]
    for field in draw(st.lists(st.sampled_from(rules), min_size=1, max_size=2)):
        assert isinstance(field.rule, Array)
        shape = [draw(LENGTHS) if axis is None else axis for axis in field.rule.shape]
        array = np.zeros(shape, field.rule.dtype)
        if array.size:
            values = FLOATS if array.dtype.kind == "f" else INTEGERS
            value = np.array(draw(values)).astype(array.dtype, casting="unsafe")
            array.reshape(-1)[draw(st.integers(0, array.size - 1))] = value
        fields[field.name] = array
    return fields


@pytest.mark.parametrize("kind", NOUNS, ids=lambda kind: kind.TYPE)
@settings(max_examples=150)
@given(data=st.data())
def test_only_our_errors(kind: type[Message], data: st.DataObject) -> None:
    whole = any_message(kind)
    fields = {field.name: getattr(whole, field.name) for field in field_rules(kind)}
    with np.errstate(all="ignore"):
        changed = kind(**{**fields, **change(data.draw, kind)})
    _, message = wire.decode_frames(wire.encode(changed, 1))
    try:
        NOUNS[kind](message)
    except AffektError as error:
        found = error
    else:
        return
    assert isinstance(found, InputError)
    assert len(str(found)) < 1000


def test_one_that_is_right() -> None:
    """The control: a track that is whole becomes one."""
    rows = np.zeros(2, np.float32)
    track = messages.Bake(
        job="ab" * 16,
        motion="0" * 64,
        name="take",
        head="open",
        fps=30.0,
        weights=np.zeros((2, 6), np.float32),
        influence=rows,
        upper=rows,
        lower=rows,
        geometry=rows,
        appearance=rows,
        keep_closed=rows,
    )
    assert len(conversions.to_track(track)) == 2
    assert conversions.preview_rows(0, 30.0, 2) == range(2)
