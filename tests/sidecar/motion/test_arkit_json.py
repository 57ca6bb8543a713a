# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit takes as other tools write them in JSON: the same weights, whatever the layout."""

import numpy as np
import pytest
from affekt.shared.errors import AffektError, InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.read import decode_motion
from fakes.takes import arkit_content, as_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

PLAIN = arkit_content(5, fps=25.0)
ROWS = [dict(zip(ARKIT_NAMES, frame["weights"], strict=True)) for frame in PLAIN["frames"]]


def apple(name: str) -> str:
    return name.replace("Left", "_L").replace("Right", "_R") if len(name) > 10 else name


LAYOUTS = {
    "audio2face": {
        "exportFps": 25.0,
        "trackPath": "x.wav",
        "numPoses": 52,
        "numFrames": 5,
        "facsNames": list(ARKIT_NAMES),
        "weightMat": [list(row.values()) for row in ROWS],
    },
    "dictionaries": {"fps": 25, "frames": [{"blendShapes": row} for row in ROWS]},
    "bare list with times": [
        {"timestamp": i / 25, "blendshapes": row} for i, row in enumerate(ROWS)
    ],
    "frames themselves": [{"time": i / 25} | row for i, row in enumerate(ROWS)],
    "live link's names": {
        "fps": 25,
        "frames": [{k[0].upper() + k[1:]: v for k, v in row.items()} for row in ROWS],
    },
    "apple's raw values": {
        "fps": 25,
        "frames": [{"weights": {apple(k): v for k, v in row.items()}} for row in ROWS],
    },
    "mediapipe": {
        "fps": 25,
        "frames": [
            {
                "categories": [
                    {"index": 0, "score": 0.1, "categoryName": "_neutral"},
                    *({"categoryName": k, "score": v} for k, v in row.items()),
                ]
            }
            for row in ROWS
        ],
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_says_the_same(layout: str) -> None:
    motion = decode_motion(as_bytes(LAYOUTS[layout]), "take.json")
    plain = decode_motion(as_bytes(PLAIN), "take.json")
    np.testing.assert_array_equal(motion.expression, plain.expression)
    assert motion.fps == pytest.approx(25)
    assert motion.space == "arkit"


BAD = {
    "names differ": ([{"blendShapes": ROWS[0]}, {"blendShapes": {"jawOpen": 1}}], "motion.shape"),
    "unknown": ([{"blendShapes": {"jawOpne": 1.0}}], "motion.unknown_weight"),
    "unknown in a frame": ([ROWS[0] | {"jawOpne": 1.0}], "motion.unknown_weight"),
    "text": ([{"blendShapes": {"jawOpen": "1"}}], "motion.not_a_number"),
    "rows": ({"facsNames": ["jawOpen"], "weightMat": 3}, "motion.shape"),
    "row width": ({"facsNames": ["jawOpen"], "weightMat": [[1, 2]]}, "motion.shape"),
    "categories": ([{"categories": [3]}], "file.wrong_kind"),
    "spelt twice": ([{"blendShapes": {"jawOpen": 1, "JawOpen": 1}}], "motion.shape"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_layouts_are_named(kind: str) -> None:
    content, code = BAD[kind]
    with pytest.raises(InputError) as caught:
        decode_motion(as_bytes(content), "take.json")
    assert caught.value.code == code


@given(layout=st.sampled_from(sorted(LAYOUTS)), data=st.data())
@settings(max_examples=200)
def test_mutated_text_gives_a_take_or_an_error_of_ours(layout: str, data: st.DataObject) -> None:
    content = bytearray(as_bytes(LAYOUTS[layout]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        decode_motion(bytes(content), "take")
    except AffektError as error:
        assert error.code  # noqa: PT017
