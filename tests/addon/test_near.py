# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices that the add-on makes and small sums, by examples that were worked out by hand."""

import pytest

from .conftest import RunScript


@pytest.mark.one_blender
def test_near(in_blender: RunScript) -> None:
    told = in_blender("near.py")
    check_face(told["face"])
    check_ranges(told["ranges"])
    assert told["keys"]["every"] == [list(range(10)), [0, 3, 6, 9], [0, 4, 8, 9], [0, 9]]
    assert told["keys"]["angles"] == pytest.approx([0.4, 0.4, 0])
    check_rates(told["rates"])
    check_targets(told["targets"])
    check_sounds(told["sounds"])
    check_reading(told["reading"])
    assert [len(notes) for notes in told["left_out"]] == [1, 0, 2, 0, 0, 0]
    assert told["left_out"][0] == [
        "The take's expressions from 3 on were left out: the head has 2."
    ]
    check_takes(told["takes"])
    check_characters(told["characters"])


def check_face(told: dict) -> None:
    """What lies within 1 m of (0.5, 0, 0), in its order."""
    wanted = [[1.4, 0, 0], [0, 0, 0], [1, 0, 0], [0.5, 0.9, 0]]
    assert told["vertices"] == [pytest.approx(place) for place in wanted]
    assert told["faces"] == [[0, 1, 2], [1, 2, 3]]
    assert told["moving"] == [[3, 1], [7, 2]]
    assert told["all"] == [6, 4]
    assert told["said"] == (
        "its shapes moved it 60% as far as Affekt's head's do, now 100% (the median of 2)"
    )
    assert told["nothing"].endswith("100% as far as Affekt's head's do, now 100% (the median of 0)")


def check_ranges(told: dict) -> None:
    """Which rows are read, and which of these are baked."""
    assert told == {
        "take": [[0, 10], [0, 10]],
        "scene": [[0, 10], [1, 3]],
        "preview": [[0, 10], [3, 5]],
        "inside": [[0, 10], [2, 6]],
        "played": [[2, 6], [0, 4]],
        "before": [[-4, 10], [0, 6]],
        "just before": [[-4, 0], [0, 4]],
        "after": [[0, 13], [8, 13]],
        "just after": [[10, 13], [0, 3]],
        "far": [[30, 36], [0, 6]],
        "between": [[0, 10], [1, 2]],
        "stretched": [[0, 10], [2, 5]],
        "strips": [[0, 4], [0, 4]],
        "none": "bake.range",
        "too many": "bake.range",
        "no preview": "bake.range",
    }


def check_rates(told: dict) -> None:
    assert told["moved"] == pytest.approx([1, 16, 16.625, -0.25])
    assert told["other"] == pytest.approx([1, 7, 7.25, 0.5])
    wanted = [[24, 1], [24, 1.001], [60, 1.001], [13, 1.04], [30, 1.001]]
    assert told["blender"] == [pytest.approx(rate) for rate in wanted]


def check_targets(told: dict) -> None:
    edited = "walk 3 was edited after it was baked, so it stays as it is."
    assert told == {
        "last": ["walk 4", ""],
        "used": ["walk 2", ""],
        "another take's": ["walk 4", ""],
        "broken": ["walk 4", ""],
        "edited": [None, edited],
        "edited on": ["walk 3", ""],
        "new": [None, ""],
        "none": [None, ""],
    }


def check_sounds(told: dict) -> None:
    assert told == {
        "none": None,
        "only one": "a.wav",
        "two": None,
        "same name": "walk.wav",
        "beside a folder": "walk.wav",
        "empty folder": None,
        "in the folder": "c.wav",
    }


def check_reading(told: dict) -> None:
    """The take's name, what is said of it, and what was asked for."""
    rest = ["said", "head", "arkit"]
    alone, walk = ["alone.npz", None, *rest], ["walk", None, *rest]
    assert told["alone"] == ["alone.npz", ["as read"], [alone]]
    said = ["f2.npz is one frame of 3: all were imported.", "as read"]
    assert told["one of many"] == ["walk", said, [["f2.npz", None, *rest], walk]]
    assert told["folder"] == ["walk", ["as read"], [walk]]
    assert told["own"] == ["alone.npz", ["as read"], [["alone.npz", "own.npz", *rest]]]
    assert told["remembered"] == ["own.npz"]
    said = ["Read by the adapter kept.npz, as the take before.", "as read"]
    assert told["kept"] == ["alone.npz", said, [alone, ["alone.npz", "kept.npz", *rest]]]
    assert told["nothing kept"] == "space.no_adapter"
    assert told["other error"] == "motion.shape"


def check_takes(told: dict) -> None:
    assert told == {
        "names": ["walk 3", "run 2", "sit", "walk 2 2"],
        "used": ["walk", "walk", "run"],
        "put to use by hand": ["run", "walk", "run"],
        "nothing plays": ["run", "walk"],
        "none": "motion.no_take",
    }


def check_characters(told: dict) -> None:
    key, nothing, bone, neither = told["jaw"]
    assert key == ["The key jawOpen opens the mouth; the bone Jaw is left to you."]
    assert nothing == []
    assert bone == ["The bone Jaw opens the mouth, since there is no key jawOpen."]
    assert neither[0].startswith("There is neither a key jawOpen nor a bone")
    assert told["bones"] == [
        [["jaw", "eye.L", "eye.R", "neck", "head"], 1],
        [["", "", "", "other", "head"], 1],
        [["", "", "", "neck", ""], 2],
        [["", "", "", "", ""], 1],
    ]
    assert told["strengths"] == [0.5, 1, 1.5, 1]
    assert told["uncalibrated"] is True
    assert told["path"] == r'key_blocks["a \"b\""].value'
    assert told["written"] == [2, [["b", "times of b"], ["c", "times of c"]], ["b"]]
