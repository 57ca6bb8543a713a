# SPDX-License-Identifier: GPL-3.0-or-later
"""Where frames and faces are in a JSON take; whole files are in test_arkit_json, test_layouts."""

from __future__ import annotations

import pytest
from affekt.sidecar.motion.json_frames import (
    columns_of,
    find_faces,
    find_frames,
    has_face,
    is_beside,
    is_faceless,
    names_of,
)

WEIGHTS = {"jawOpen": 0.25, "mouthPucker": 0.5, "cheekPuff": 0.75}
NAMED = [{"categoryName": name, "score": value} for name, value in WEIGHTS.items()]


def weights_in(frame: object) -> list[tuple[object, int]]:
    return [(face.weights, face.index) for face in find_faces(frame)]


@pytest.mark.parametrize(
    "frame",
    [
        WEIGHTS,
        {"blendShapes": WEIGHTS},
        {"time": 3.0, "weights": WEIGHTS},
        {"faces": [WEIGHTS]},
        {"result": {"face": WEIGHTS}},
        {"faceBlendshapes": [{"categories": NAMED}]},
        {"faceBlendshapes": {"categories": NAMED}},
        {"categories": NAMED},
        {"blendshapes": [[{"display_name": n, "value": v} for n, v in WEIGHTS.items()]]},
    ],
)
def test_one_face(frame: dict) -> None:
    assert weights_in(frame) == [(WEIGHTS, 0)]
    assert has_face(frame)
    assert not is_faceless(frame)


def test_several_faces_have_their_number() -> None:
    other = {**WEIGHTS, "jawOpen": 1.0}
    assert weights_in({"faces": [{"weights": WEIGHTS}, {"weights": other}]}) == [
        (WEIGHTS, 0),
        (other, 1),
    ]
    assert weights_in({"blendshapes": [WEIGHTS, other]}) == [(WEIGHTS, 0), (other, 1)]
    lists = [[0.1, 0.2], [0.3, 0.4]]
    assert weights_in({"weights": lists}) == [([0.1, 0.2], 0), ([0.3, 0.4], 1)]
    assert weights_in({"weights": [0.1, 0.2]}) == [([0.1, 0.2], 0)]


def test_three_of_arkits_names_make_weights() -> None:
    """Two do not. What is a time, a text or a list beside them is none of them."""
    two = {"jawOpen": 0.25, "mouthPucker": 0.5}
    assert weights_in({**two, "brightness": 3}) == []
    frame = {**WEIGHTS, "time": 2, "who": "me", "box": [1, 2], "frame": 7, "brightness": 3}
    assert weights_in(frame) == [({**WEIGHTS, "brightness": 3}, 0)]
    assert weights_in({**two, "cheekPuff": None}) == [({**two, "cheekPuff": None}, 0)]


def test_what_stands_beside_a_weight() -> None:
    found = {
        key: is_beside(key, value)
        for key, value in {
            "jawOpen": "x",
            "time": 1.0,
            "gain": 1.0,
            "note": "x",
            "is": True,
        }.items()
    }
    assert found == {"jawOpen": False, "time": True, "gain": False, "note": True, "is": True}


@pytest.mark.parametrize(
    ("frame", "faceless"),
    [
        (None, True),
        ({}, True),
        ({"time": 3}, True),
        ({"time": 3, "face": None}, True),
        ({"time": 3, "faceBlendshapes": []}, True),
        ({"weights": {}}, True),
        ({"faces": []}, True),
        ({"faces": [None, {"weights": []}]}, True),
        ({"faces": [None, {"weights": WEIGHTS}]}, False),
        ({"result": {"faceBlendshapes": []}}, True),
        ({"score": 0.3}, False),
        ("frame", False),
        ([], False),
    ],
)
def test_frames_that_say_that_they_have_no_face(frame: object, faceless: bool) -> None:
    assert is_faceless(frame) is faceless


def test_where_the_frames_are() -> None:
    frames = [{"weights": WEIGHTS}, {"weights": WEIGHTS}]
    assert find_frames(frames) == frames
    assert find_frames([{"score": 1}] * 64 + frames) == []  # not among the first 64
    assert find_frames([{"score": 1}] * 63 + frames) == [{"score": 1}] * 63 + frames
    assert find_frames([{"time": 1}] * 64 + frames) == [{"time": 1}] * 64 + frames  # no face yet
    assert find_frames({"fps": 30, "results": frames}) == frames
    assert find_frames({"fps": 30, "Results": frames}) == []
    assert find_frames("frames") == []
    numbered = {"2": {"weights": WEIGHTS}, "-1": {"frame": 9}, "fps": 30, "name": "x"}
    assert find_frames(numbered) == [{"frame": 2, "weights": WEIGHTS}, {"frame": 9}]
    assert find_frames({**numbered, "more": 1}) == []
    assert find_frames({"7": 5, "8": None}) == [5, None]
    endless = "9" * 5000
    assert find_frames({endless: {"weights": WEIGHTS}}) == [{"weights": WEIGHTS}]


def test_numbers_of_frames_that_are_too_long_are_no_numbers() -> None:
    for digits, frame in ((15, {"frame": 10**14}), (16, {})):
        numbered = {f"{10 ** (digits - 1)}": {"weights": WEIGHTS}}
        assert find_frames(numbered) == [{**frame, "weights": WEIGHTS}]


def test_a_category_without_a_name_or_a_score_makes_no_weights() -> None:
    """Of the whole list: it is something else."""
    for lacking in ({"score": 0.5}, {"categoryName": "cheekPuff"}, {"categoryName": 3, "score": 1}):
        rows = [*NAMED[:2], lacking]
        assert (WEIGHTS, 0) not in weights_in({"blendshapes": rows})
    assert weights_in({"blendshapes": [{"categories": NAMED}, None, {"categories": NAMED}]}) == [
        (WEIGHTS, 0),
        (WEIGHTS, 1),
    ]


def test_tables_by_column() -> None:
    content = {name: [value, 0.0] for name, value in WEIGHTS.items()}
    short = {"time": [0.0, 0.1], "notes": ["x"]}
    assert columns_of({**content, **short, "fps": 30}) == {**content, "time": [0.0, 0.1]}
    del content["jawOpen"]
    assert columns_of({**content, "time": [0.0, 0.1]}) is None
    assert columns_of([1]) is None


def test_the_files_own_names() -> None:
    assert names_of({"names": ["a"], "metadata": {"names": ["b"]}}) == ["a"]
    assert names_of({"metadata": {"blendShapeNames": ["b"]}}) == ["b"]
    assert names_of({"metadata": "x"}) is None
    assert names_of([]) is None


@pytest.mark.parametrize(
    "name", ["categoryName", "category_name", "name", "label", "displayName", "display_name", "key"]
)
@pytest.mark.parametrize("score", ["score", "value", "weight", "coefficient"])
def test_what_tools_call_a_weight_and_its_value(name: str, score: str) -> None:
    rows = [{"categoryName": "", name: key, score: value} for key, value in WEIGHTS.items()]
    assert weights_in({"blendshapes": rows}) == [(WEIGHTS, 0)]
    rows[1][name] = 3
    assert weights_in({"blendshapes": rows}) != [(WEIGHTS, 0)]


def test_what_tools_call_the_places_of_frames_faces_and_weights() -> None:
    frames = [{"weights": WEIGHTS}] * 2
    for key in [
        "frames",
        "results",
        "data",
        "samples",
        "keyframes",
        "animation",
        "recording",
        "takes",
    ]:
        assert find_frames({"fps": 30, key: frames}) == frames
    for key in ["Faces", "people", "persons", "detections"]:
        assert weights_in({key: [None, {"weights": WEIGHTS}]}) == [(WEIGHTS, 1)]
        assert is_faceless({"score": 1, key: []})
    for key in ["result", "data", "Face", "value", "detection"]:
        assert weights_in({"score": 1, key: {"weights": WEIGHTS}}) == [(WEIGHTS, 0)]
        assert is_faceless({"score": 1, key: {"weights": []}})
    few = {"jawOpen": 0.25}
    for key in [
        "weights",
        "blendShapes",
        "faceBlendshapes",
        "categories",
        "coefficients",
        "blendshape",
        "blendshape_weights",
        "blendshapeCoefficients",
        "shapes",
        "arkit",
        "bs",
    ]:
        assert weights_in({"score": 1, key: few}) == [(few, 0)]
        assert is_faceless({"score": 1, key: None})
    for key in ["names", "blendshape_names", "blendShapeNames", "blendshapeNames", "facsNames"]:
        assert names_of({key: ["a"]}) == names_of({"metadata": {key: ["a"]}}) == ["a"]
