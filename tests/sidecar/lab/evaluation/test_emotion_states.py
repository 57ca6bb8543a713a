# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames and versions of takes that are judged."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion, numbers_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.channels import NAMES
from affekt.sidecar.lab.anchors.emotions import expression_table
from affekt.sidecar.lab.evaluation.emotion_states import (
    frames_of,
    join,
    offset_states,
    recipe_states,
)
from affekt.sidecar.lab.evaluation.performances import STATES
from affekt.sidecar.lab.evaluation.takes import lip_gap
from affekt.sidecar.motion.adapter import make_linear_adapter, to_open
from affekt.sidecar.motion.read import read_motion

HEAD = read_head("open")


def spoken(frames: int = 120, blink: range = range(0)) -> Motion:
    """Lips shut in frames 40 to 69, else a mouth that opens and shuts three times a second."""
    weights = np.zeros((frames, 100), np.float32)
    weights[:, ARKIT_NAMES.index("jawOpen")] = 0.2 + 0.2 * np.sin(np.arange(frames) * 0.6)
    weights[40:70] = 0
    for side in ("Left", "Right"):
        weights[blink, ARKIT_NAMES.index(f"eyeBlink{side}")] = 1
    return to_open(make_motion(expression=weights, fps=30.0, space="arkit"), HEAD, None)


class TestFrames:
    def test_shut_and_parted_by_turns(self):
        take = spoken()
        gap = lip_gap(take, HEAD)
        picked = frames_of(take, HEAD, 4)
        assert [form for _, form in picked] == ["closed", "open", "closed", "open"]
        assert len({frame for frame, _ in picked}) == 4
        for frame, form in picked:
            assert 40 <= frame < 70 if form == "closed" else gap[frame] > 2.5, (frame, form)

    def test_the_widest_mouth_is_not_the_usual_one(self):
        weights = numbers_of(spoken())[:, :100].copy()
        take = spoken()
        yawn = make_motion(
            expression=weights,
            jaw=np.where(np.arange(120)[:, None] == 100, 3, 1) * take.jaw,
            fps=30.0,
            space="open",
        )
        gap = lip_gap(yawn, HEAD)
        ((frame, _),) = frames_of(yawn, HEAD, 1, first=1)
        assert gap.argmax() == 100
        assert frame != 100
        assert gap[frame] > 2.5

    def test_eyes_are_open_where_they_can_be(self):
        ((frame, _),) = frames_of(spoken(blink=range(38, 62)), HEAD, 1)
        assert 62 <= frame < 70

    def test_the_first_form_is_asked_for(self):
        assert [form for _, form in frames_of(spoken(), HEAD, 1, first=0)] == ["closed"]
        assert [form for _, form in frames_of(spoken(), HEAD, 1, first=3)] == ["open"]

    @pytest.mark.parametrize("frames", [1, 2, 5])
    def test_short_takes_give_what_they_have(self, frames: int):
        picked = frames_of(spoken(frames), HEAD, 4)
        assert 1 <= len(picked) <= frames
        assert len({frame for frame, _ in picked}) == len(picked)
        assert all(0 <= frame < frames for frame, _ in picked)

    def test_real_takes_have_both(self, real_data: Path, tmp_path: Path):
        matrices = real_data / "flame_open" / "flame2023_arkit_regression.npz"
        adapter = make_linear_adapter(matrices, "flame2023")
        paths = sorted(real_data.glob("lam_motion/*/flame_params.json"))
        paths += [real_data / "arkit" / "test_expression_1s.json"]
        for path in paths:
            take = to_open(read_motion(path), HEAD, adapter)
            gap = lip_gap(take, HEAD)
            (shut, _), (parted, _) = frames_of(take, HEAD, 2)
            assert gap[shut] < 1.0, path
            assert gap[parted] > 2.5, path


class TestVersions:
    def test_an_offset_is_added_as_it_is(self):
        take = spoken(5)
        offsets = np.zeros((6, 103), np.float32)
        offsets[EMOTIONS.index("fear"), 7] = 0.25
        offsets[EMOTIONS.index("fear"), 102] = -0.5
        states = offset_states(take, offsets)
        assert tuple(states) == STATES
        assert states["neutral"] is take
        change = numbers_of(states["fear"]) - numbers_of(take)
        np.testing.assert_allclose(
            change, np.tile(offsets[EMOTIONS.index("fear")], (5, 1)), atol=1e-6
        )
        np.testing.assert_array_equal(numbers_of(states["sad"]), numbers_of(take))

    def test_recipes_are_the_anchors_weights_on_a_still_face(self):
        states = recipe_states(HEAD)
        assert tuple(states) == STATES
        assert not numbers_of(states["neutral"]).any()
        sad, table = states["sad"], expression_table()[EMOTIONS.index("sad")]
        assert len(sad) == table.shape[0] * table.shape[1]  # every variant, open and closed
        column = NAMES.index("mouthFrownLeft")
        shown = sad.expression[:, HEAD.expression_names.index("mouthFrownLeft")]
        np.testing.assert_allclose(shown, table[..., column].ravel(), rtol=0.02)
        seal = sad.expression[:, HEAD.expression_names.index("lipSeal")]
        assert not seal[::2].any()
        assert not sad.neck.any()

    def test_joined_takes_follow_one_another(self):
        first, second = spoken(3), spoken(50)
        both = join([first, second])
        assert len(both) == 53
        np.testing.assert_array_equal(numbers_of(both)[3:], numbers_of(second))
