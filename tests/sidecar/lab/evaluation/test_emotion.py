# SPDX-License-Identifier: GPL-3.0-or-later
"""What is judged: the faces that are shown, what a reader reads in them, whose mesh is whose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.emotion import (
    Cast,
    Seen,
    Shown,
    plan_faces,
    plan_recipes,
    write_faces,
)
from affekt.sidecar.lab.evaluation.emotion_measures import (
    _jitter,
    check_cast,
    distinct_meshes,
    measure_speech,
)
from affekt.sidecar.lab.evaluation.emotion_reading import read_faces
from affekt.sidecar.lab.evaluation.emotion_states import (
    ITSELF,
    MODEL,
    OFFSET,
    RECIPE,
    UNTOUCHED,
    Take,
)
from affekt.sidecar.lab.evaluation.lips_kept import gap_jitter
from affekt.sidecar.lab.evaluation.measured_face import measure_face
from affekt.sidecar.lab.evaluation.performances import STATES
from affekt.sidecar.lab.evaluation.recognition import ACTION_UNITS, PROTOTYPES, Calibration
from affekt.sidecar.motion.adapter import to_open
from fakes.head import small_head

HEAD = read_head("open")


def still(frames: int = 1) -> Motion:
    return make_motion(expression=np.zeros((frames, 100), np.float32), fps=30.0, space="open")


def face(version: str, state: str, value: int, frame: int = 4, take: str = "a") -> Seen:
    """A face whose picture is one grey value, by which the fake reader knows it."""
    shown = Shown(version=version, state=state, take=take, frame=frame, form="open", motion=still())
    picture = np.full((2, 2, 4), value, np.uint8)
    picture[..., 3] = 255
    return Seen(subject="someone", shown=shown, picture=picture)


def scores_of(emotion: str) -> np.ndarray:
    row = np.zeros(52)
    for unit in PROTOTYPES.get(emotion, ()):
        row[[ARKIT_NAMES.index(name) for name in ACTION_UNITS[unit]]] = 1
    return row


CALIBRATION = Calibration(
    ranges=np.ones(52), prototypes=np.stack([scores_of(name) for name in EMOTIONS]), unseen=()
)


def reader(pictures):
    """Grey k shows the emotion of that number; 100 and more add a smile of the person's own."""
    rows = []
    for picture in pictures:
        value = int(picture[0, 0, 0])
        name = STATES[value % 100] if value % 100 < 7 else ""
        rows.append(scores_of(name) + (value >= 100) * 0.9 * scores_of("happy"))
    return np.stack(rows)


class TestReading:
    def test_faces_are_read_against_their_own_neutral_frame(self):
        seen = [
            face(MODEL, "neutral", 100),  # smiles by nature
            face(MODEL, "sad", 102),
            face(MODEL, "neutral", 0, frame=9),
            face(MODEL, "sad", 4, frame=9),  # is read as fear
        ]
        table = read_faces(seen, reader, CALIBRATION)[MODEL]
        assert table["neutral"]["neutral"] == 2
        assert table["sad"] | {"neutral": 0} == dict.fromkeys((*STATES, "no face"), 0) | {
            "sad": 1,
            "fear": 1,
        }

    def test_baselines_are_read_against_the_models_neutral(self):
        seen = [
            face(MODEL, "neutral", 0),
            face(UNTOUCHED, ITSELF, 3),
            face(OFFSET, "neutral", 3),
            face(OFFSET, "disgust", 5),
        ]
        tables = read_faces(seen, reader, CALIBRATION)
        # The take itself is angry, whatever was wanted.
        assert all(tables[UNTOUCHED][state]["angry"] == 1 for state in STATES)
        assert tables[OFFSET]["neutral"]["angry"] == 1
        assert tables[OFFSET]["disgust"]["disgust"] == 1

    def test_recipes_are_read_against_the_still_face(self):
        seen = [
            face(RECIPE, "neutral", 100, frame=0, take="still"),
            face(RECIPE, "fear", 104, frame=0, take="still"),
            face(RECIPE, "fear", 104, frame=3, take="still"),
        ]
        assert read_faces(seen, reader, CALIBRATION)[RECIPE]["fear"]["fear"] == 2


class TestPlan:
    def test_takes_by_versions_by_states(self):
        takes = [Take(name=name, motion=still(40)) for name in ("a", "b")]
        versions = {
            MODEL: lambda take: dict.fromkeys(STATES, take),
            UNTOUCHED: lambda take: {ITSELF: take},
        }
        plan = plan_faces(takes, versions, HEAD, 1)
        assert len(plan) == 2 * (7 + 1)
        assert {(s.take, s.form) for s in plan} == {("a", "closed"), ("b", "open")}
        assert all(len(s.motion) == 1 for s in plan)
        assert len(plan_faces(takes, versions, HEAD, 2)) == 2 * 2 * (7 + 1)

    def test_recipes_by_variant(self):
        plan = plan_recipes(HEAD)
        assert {s.state for s in plan} == set(STATES)
        assert {s.form for s in plan if s.state == "fear"} >= {"variant_1", "variant_2"}
        assert all(s.version == RECIPE for s in plan)


class TestFiles:
    def test_a_folder_for_each_state_and_no_name_leads_out_of_it(self, tmp_path: Path):
        odd = face("mean offset", "sad", 7, take="../../a|b")
        write_faces(tmp_path / "faces", [replace(odd, subject="../statue")])
        files = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
        assert files == ["faces/mean_offset/_statue/sad/_.._a_b_0004_open.png"]


class TestSubjects:
    def test_the_same_mesh_is_measured_once(self):
        head, other = small_head(), small_head(seed=1)
        found = distinct_meshes({"a": head, "b": other, "c": replace(head, name="another")})
        assert found == {"a": ["a", "c"], "b": ["b"]}

    def test_nobody_with_a_face(self):
        with pytest.raises(InputError) as caught:
            check_cast(Cast(subjects={}, head=HEAD))
        assert caught.value.code == "option.subjects"


def test_a_rig_that_hides_how_the_take_trembles():
    """Against the more of both; against the other where one stands still."""
    wave = np.array([0, 1, 0, 2, 0, 1, 0, 3], float)
    pressed = np.where(wave < 3, 0.5, wave)  # of the same width
    assert gap_jitter(2 * wave, pressed) == pytest.approx(24)
    assert _jitter(2 * wave, pressed, 10 * wave) == pytest.approx(2)
    assert _jitter(2 * wave, wave, 7 * pressed) == pytest.approx(2)
    assert _jitter(2 * wave, wave, np.zeros(8)) == pytest.approx(2)
    assert _jitter(wave, np.zeros(8), np.zeros(8)) is None


def test_speech_on_the_open_head():
    weights = np.zeros((120, 100), np.float32)
    jaw = ARKIT_NAMES.index("jawOpen")
    weights[:, jaw] = 0.25 + 0.2 * np.sin(np.arange(120) * 0.7)
    weights[60:62, jaw] = 0  # an m
    weights[90:, jaw] = 0  # a silence
    take = to_open(make_motion(expression=weights, fps=30.0, space="arkit"), HEAD, None)
    weights[100:, jaw] = 0.3
    hanging = to_open(make_motion(expression=weights, fps=30.0, space="arkit"), HEAD, None)
    states = dict.fromkeys(STATES, take) | {"fear": hanging}
    face = measure_face(HEAD, HEAD)
    cast = Cast(subjects={"open": HEAD}, head=HEAD)
    takes, shut = [Take(name="a", motion=take)], dict.fromkeys(STATES, take)
    found = measure_speech(face, takes, lambda _: states, lambda _: shut, cast)
    # Held closures and the jaw are those of the states that keep lips closed.
    assert found["fear"]["held kept"] == 1
    assert found["fear"]["jaw correlation, worst"] == pytest.approx(1)
    found = measure_speech(face, takes, lambda _: shut, lambda _: states, cast)
    assert found[ITSELF] == found["happy"]
    assert found["happy"]["held kept"] == 1
    assert found["happy"]["speech kept"] == 1
    assert found["happy"]["gap jitter"] == pytest.approx(1)
    assert found["happy"]["jaw correlation, worst"] == pytest.approx(1)
    assert found["fear"]["held kept"] == pytest.approx(10 / 30)
    assert found["fear"]["speech kept"] == 1
    assert found["fear"]["jaw correlation, worst"] < 0.95
