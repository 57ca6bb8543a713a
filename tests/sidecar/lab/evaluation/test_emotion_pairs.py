# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixed faces, and the strain at the corners of the mouth."""

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.emotion import Cast, Shown
from affekt.sidecar.lab.evaluation.emotion_pairs import (
    PAIRS,
    VERSION,
    combinations,
    corner_edges,
    measure_pairs,
    plan_pairs,
    worst_strain,
)
from affekt.sidecar.lab.evaluation.emotion_states import Take
from affekt.sidecar.lab.evaluation.measured_face import measure_face
from affekt.sidecar.motion.adapter import to_open
from fakes.modulator import small_modulator

HEAD = read_head("open")


def with_weights(**weights: float) -> Motion:
    expression = np.zeros((1, 100), np.float32)
    for name, weight in weights.items():
        for side in ("Left", "Right"):
            expression[:, ARKIT_NAMES.index(f"{name}{side}")] = weight
    return to_open(make_motion(expression=expression, fps=30.0, space="arkit"), HEAD, None)


def test_each_alone_then_both():
    assert combinations(("happy", "sad")) == {
        "happy": {"happy": 1},
        "sad": {"sad": 1},
        "happy + sad at 1": {"happy": 1, "sad": 1},
        "happy + sad at 0.5": {"happy": 0.5, "sad": 0.5},
    }


def test_every_pair_on_every_take():
    still = make_motion(expression=np.zeros((20, 100), np.float32), fps=30.0, space="open")
    takes = [Take(name=name, motion=still) for name in ("a", "b")]
    plan = plan_pairs(takes, small_modulator(), HEAD)
    assert len(plan) == 2 * len(PAIRS) * 4
    assert {shown.form for shown in plan} == {"closed", "open"}
    by_state = {shown.state: shown.motion.expression for shown in plan if shown.take == "a"}
    assert np.abs(by_state["happy + sad at 1"] - by_state["happy + sad at 0.5"]).max() > 1e-4


def test_an_absolute_strain():
    before = np.array([[0, 0, 0], [1, 0, 0], [0, 4, 0]], np.float32)
    after = np.array([[0, 0, 0], [3, 0, 0], [0, 2, 0]], np.float32)
    # Thrice as long is worse than half as long.
    stretched, crushed = np.array([[0, 1]]), np.array([[0, 2]])
    assert worst_strain(before, after, stretched) == pytest.approx(np.log(3))
    assert worst_strain(before, after, crushed) == pytest.approx(np.log(2))
    assert worst_strain(before, before, np.array([[0, 1], [0, 2]])) == 0


def test_the_corners_edges_are_at_the_corners():
    face = measure_face(HEAD, HEAD)
    edges = corner_edges(face)
    places = HEAD.template[edges]
    assert len(edges) > 100
    assert (np.abs(places[..., 0]) > 0.01).all()
    assert (np.linalg.norm(places[:, 0] - places[:, 1], axis=1) < 0.01).all()
    assert (places[..., 0] > 0).any()
    assert (places[..., 0] < 0).any()


def test_a_mixed_face_is_held_against_the_worse_of_its_two():
    faces = {
        "happy": with_weights(mouthSmile=1.0),
        "sad": with_weights(mouthFrown=0.5),
        "happy + sad at 1": with_weights(mouthSmile=1.0, mouthFrown=1.0, mouthPress=1.0),
        "happy + sad at 0.5": with_weights(mouthSmile=0.2),
    }
    plan = []
    for pair in PAIRS:
        for state in combinations(pair):
            motion = faces.get(state, with_weights(browDown=1.0))
            plan.append(
                Shown(version=VERSION, state=state, take="a", frame=0, form="open", motion=motion)
            )
    cast = Cast(subjects={"open": HEAD}, head=HEAD)
    found = measure_pairs(measure_face(HEAD, HEAD), plan, {"a": with_weights()}, cast)
    assert found["happy + sad at 1"]["over the worse alone"] > 1.1
    assert found["happy + sad at 0.5"]["over the worse alone"] < 0.5
