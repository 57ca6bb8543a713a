# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading emotions from scores: the child process, the calibration and the prototypes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError, JobError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation import recognition
from affekt.sidecar.lab.evaluation.performances import STATES, speak_held_out
from affekt.sidecar.lab.evaluation.recognition import (
    ACTION_UNITS,
    PROTOTYPES,
    Calibration,
    ChildReader,
    calibrate,
    read_emotions,
    reading_frames,
    recognised,
)

HEAD = read_head("open")
READING = Path(recognition.__file__).with_name("reading.py")
PICTURES = [np.full((8, 8, 3), value, np.uint8) for value in (10, 200)]


def scores_of(*units: int) -> np.ndarray:
    """(52,) a reader's that answers action units by ARKit's own names, whole."""
    row = np.zeros(52)
    for unit in units:
        row[[ARKIT_NAMES.index(name) for name in ACTION_UNITS[unit]]] = 1
    return row


def plain_calibration() -> Calibration:
    prototypes = np.stack([scores_of(*units) for units in PROTOTYPES.values()])
    return Calibration(ranges=np.ones(52), prototypes=prototypes, unseen=())


class TestPrototypes:
    def test_each_is_read_as_itself_at_any_strength(self):
        neutral = np.full(52, 0.1)
        for name, units in PROTOTYPES.items():
            for strength in (0.7, 1.0):
                shown = neutral + strength * scores_of(*units)
                assert read_emotions(shown[None], neutral[None], plain_calibration()) == [name]

    def test_a_face_like_its_neutral_frame_is_neutral_and_a_missing_one_no_face(self):
        neutral = np.full((2, 52), 0.3)
        shown = np.stack([neutral[0] + 0.02, np.full(52, np.nan)])
        assert read_emotions(shown, neutral, plain_calibration()) == ["neutral", "no face"]

    def test_every_unit_is_one_of_arkits_shapes(self):
        assert {name for names in ACTION_UNITS.values() for name in names} <= set(ARKIT_NAMES)
        assert set(PROTOTYPES) == set(STATES[1:])


class TestCalibration:
    @pytest.fixture(autouse=True)
    def no_pictures(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(recognition, "draw_frames", lambda motion, frames, head: motion)

    def test_units_that_the_reader_does_not_answer_are_named(self):
        def blind_to_brows(motion):
            scores = motion.expression[:, :52].astype(float).copy()
            scores[:, [ARKIT_NAMES.index(name) for name in ACTION_UNITS[4]]] = 0.5
            return scores

        found = calibrate(HEAD, blind_to_brows)
        assert 4 in found.unseen
        assert 12 not in found.unseen
        assert not found.ranges[ARKIT_NAMES.index("browDownLeft")]
        assert found.ranges[ARKIT_NAMES.index("mouthSmileLeft")] > 0.5
        smile = found.prototypes[STATES.index("happy") - 1]
        assert smile[ARKIT_NAMES.index("mouthSmileLeft")] > 0.5

    def test_a_head_without_a_face_is_refused(self):
        with pytest.raises(JobError) as caught:
            calibrate(HEAD, lambda motion: np.full((len(motion), 52), np.nan))
        assert caught.value.code == "job.no_face"


class TestChild:
    """The child's part is played by this Python, with another script in mediapipe's place."""

    def reader(self, tmp_path: Path, body: str) -> ChildReader:
        fake = tmp_path / "python"
        fake.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
        fake.chmod(0o755)
        return ChildReader(python=fake, model=tmp_path / "model.task")

    def test_pictures_go_in_and_scores_come_out_in_order(self, tmp_path: Path):
        names = "sorted(os.listdir(sys.argv[4]))"
        body = (
            f"names = {names}\nassert sys.argv[1] == '-I'\n"
            "print('a line of some library')\n"
            "print(json.dumps({n: {'jawOpen': i + 0.5} if i else None "
            "for i, n in enumerate(names)}))"
        )
        scores = self.reader(tmp_path, body)(PICTURES)
        assert scores.shape == (2, 52)
        assert np.isnan(scores[0]).all()
        assert scores[1, ARKIT_NAMES.index("jawOpen")] == 1.5
        assert scores[1].sum() == 1.5

    @pytest.mark.parametrize(
        "body", ["sys.exit(3)", "print('not json')", "pass", "print('[1, 2]')", "os.abort()"]
    )
    def test_a_reader_that_fails_is_said_so(self, tmp_path: Path, body: str):
        with pytest.raises(InputError) as caught:
            self.reader(tmp_path, body)(PICTURES)
        assert caught.value.code == "option.reader"
        assert "--reader-python" in caught.value.remedy

    def test_a_missing_python(self, tmp_path: Path):
        with pytest.raises(InputError) as caught:
            ChildReader(python=tmp_path / "none", model=tmp_path / "model")(PICTURES)
        assert caught.value.code == "option.reader"

    def test_the_script_stands_alone(self, tmp_path: Path):
        # Run where neither our package nor mediapipe is: it must get as far as asking for it.
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(READING), "model", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "No module named 'mediapipe'" in done.stderr


def test_frames_to_read_have_free_lips():
    spoken = speak_held_out(1, 17, HEAD)[0]
    frames = reading_frames(spoken, 3)
    assert len(set(frames)) == 3
    assert (spoken.closure[frames] < 0.05).all()


def test_shares_of_a_confusion():
    table = {state: dict.fromkeys((*STATES, "no face"), 0) for state in STATES}
    for state in STATES:
        table[state][state] = 3
    table["sad"] |= {"sad": 1, "happy": 2}
    shares = recognised(table)
    assert shares["sad"] == pytest.approx(1 / 3)
    assert shares["mean"] == pytest.approx((5 + 1 / 3) / 6)


@pytest.mark.skipif(
    not {"AFFEKT_READER_PYTHON", "AFFEKT_READER_MODEL"} <= os.environ.keys(),
    reason="no reader of action units here: set AFFEKT_READER_PYTHON and AFFEKT_READER_MODEL",
)
def test_the_real_reader_sees_the_open_heads_smile():
    reader = ChildReader(
        python=Path(os.environ["AFFEKT_READER_PYTHON"]),
        model=Path(os.environ["AFFEKT_READER_MODEL"]),
    )
    found = calibrate(HEAD, reader)
    print(json.dumps({"unseen": found.unseen}))
    assert 12 not in found.unseen
    assert found.ranges[ARKIT_NAMES.index("jawOpen")] > 0.4
