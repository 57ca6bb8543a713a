# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, poses by the clipboard, emotion files and the strip of who rules where, in Blender."""

from pathlib import Path

import pytest
from affekt.shared.emotion import CHANNELS, EMOTIONS, usual_value
from affekt.shared.presets import BUILT_IN
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

NEUTRAL = {name: usual_value(name) for name in CHANNELS}


@pytest.mark.two_blenders
def test_presets_poses_and_files(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    head = save(small_head(vertices=50), tmp_path / "head.npz")
    told = in_blender("presets.py", head=head, take=take)
    check_use(told["use"])
    check_own(told["own"])
    check_pictures(told["pictures"])
    check_faces(told["faces"])
    check_clipboard(told["clipboard"])
    check_assets(told["assets"])
    check_files(told["files"])
    check_rules(told["rules"])


def check_use(told: dict) -> None:
    """All of the six, Upper and Lower are set, nothing else; keys only where they are asked for."""
    shot = NEUTRAL | {"influence": 0.5}
    assert told["bittersweet"] == shot | {"happy": 0.7, "sad": 0.8}
    assert told["keys_at_first"] == []
    assert told["rage_twice"] == shot | {"angry": 1.5, "fear": 1.0, "lower": 1.4}
    assert told["half_happy"] == shot | {"happy": 0.5}
    assert told["keyed"] == sorted((*EMOTIONS, "upper", "lower"))
    assert told["action"].endswith("emotions")
    assert told["fear_keys"] == [[12, 0], [30, 1]]
    assert "no preset called 'Hangry'" in told["unknown"]


def check_own(told: dict) -> None:
    assert told["chosen"] == "Schön müde"
    assert told["file"] == {"version": 1, "presets": [{"name": "Schön müde", "happy": 0.5}]}
    assert "have a preset called 'Schön müde' already" in told["again"]
    assert "'grief' comes with Affekt" in told["as_ours"]
    assert "cannot be a preset's name" in told["nameless"]
    assert told["applied"] == NEUTRAL | {"influence": 0.5, "happy": 0.5, "sad": 0.25}
    assert "'Awe' comes with Affekt" in told["delete_ours"]
    assert "it is not whole JSON" in told["damaged"]
    assert "no preset called 'Schön müde'" in told["without"]
    assert told["aside"] == ["affekt_presets.damaged.json"]
    assert told["after"] == ["New"]
    assert told["left"] == []
    assert told["shown_then"] == "Happy"
    assert "affekt_presets.json cannot be written" in told["in_the_way"]


def check_pictures(told: dict) -> None:
    """Each has a face of its own; bars are as high as the emotion, of 1.5, is strong."""
    assert told["pictures"] == told["presets"]
    assert told["sizes"] == [[128, 128]]
    assert told["bars"] == [1, 56, 1, 28, 1, 1]


def check_faces(told: dict) -> None:
    """The held frame of a preset's own pose, by the head's name and one camera."""
    assert told["lacking"] == ["Mine"]
    assert told["then"] == []
    assert told["is_png"]
    assert told["beside"]
    assert told["new_icon"] == 1
    assert told["track"] == pytest.approx([0.5, 0.25, 0, 0, 0, 0])
    assert told["frames"] == [15, 16]
    assert told["asked"] == ["open", 1]


def check_assets(told: dict) -> None:
    """All presets with their pictures and values, in one library that is listed once; a click is
    the preset's own button."""
    assert told["first"] == told["again"]
    assert len(told["first"]) == 1
    assert told["left_over"]
    assets = told["assets"]
    assert set(assets) == {*(preset.name for preset in BUILT_IN), "Mine"}
    assert all(asset["mark"] == name for name, asset in assets.items())
    rage = {"affekt_emotion.angry": 1.5, "affekt_emotion.fear": 0.5}
    strengths = {"affekt_emotion.upper": 1, "affekt_emotion.lower": 1.4}
    assert assets["Rage"]["curves"] == rage | strengths
    assert assets["Rage"]["tags"] == ["emotion", "built-in"]
    assert assets["Mine"]["tags"] == ["emotion", "own"]
    assert assets["Rage"]["picture"] == [128, 128]
    assert assets["Mine"]["picture"] == [64, 64]
    assert told["followed"]
    assert "No preset of emotions is chosen" in told["none"]
    assert [told["clicked"][name] for name in ("happy", "sad", "angry")] == [0.7, 0.8, 0]
    assert {*EMOTIONS, "upper", "lower"} <= set(told["keyed"])
    rage, awe = told["in_shelf"]
    assert (rage["angry"], rage["fear"], rage["lower"]) == (1.5, 0.5, 1.4)
    assert (awe["surprise"], awe["happy"], awe["angry"]) == (0.6, 0.1, 0)
    assert "No preset of emotions is chosen" in told["elsewhere"]
    assert "No preset of emotions is chosen" in told["other"]
    assert "no preset called 'Mine'" in told["gone"]
    assert told["polls"] == [True, False]
    assert told["shown"]
    assert "presets.blend cannot be written" in told["in_the_way"]


def check_clipboard(told: dict) -> None:
    values = {name: number / 20 for number, name in enumerate(CHANNELS)}
    assert told["text"]["keys"] == [{"frame": 0.0, **values}]
    assert told["pasted"] == pytest.approx(values)
    assert told["keyed"] == sorted(CHANNELS)
    assert told["units"] == [0.4, 0.0, 0.0]
    assert told["one"] == pytest.approx(values | {"fear": 0.5})
    assert "not whole JSON" in told["none"]
    assert "at 2 different frames" in told["two"]
    assert "no emotion keys" in told["empty"]
    assert told["after"] == told["one"]


def check_files(told: dict) -> None:
    """What came in goes out the same; what no file can say is sampled; ACE's six are the same."""
    for kind in ("linear", "constant", "bezier"):
        assert told[kind]["worst"] < 1e-5, kind
        assert told[kind]["content"] == told[kind]["given"]
    # Frame 15 of the take lies half a second, 12 frames of the scene, behind its first.
    assert told["places"] == pytest.approx([5, 17, 37])
    assert told["fresh"] == ["bezier emotions", True]
    assert told["before_stays"]
    assert told["bounced"]["worst"] < 1e-5
    assert told["bounced"]["content"]["interpolation"] == "linear"
    assert told["ace"]["worst"] < 1e-6
    assert len(told["ace"]["content"]["emotion_with_timecode_list"]) == 41
    assert told["ace_again"]["content"] == told["ace"]["content"]
    assert "emotions with time codes end at 1" in told["too_strong"]
    assert "affekt convert" in told["broken"]
    assert "'joy', which is not known" in told["unknown"]
    assert "There is no file at" in told["missing"]
    assert "cannot be written" in told["unwritable"]
    assert told["same_action"], "what is refused leaves the head's emotions as they are"
    assert told["left_in_folder"] == []


def check_rules(told: dict) -> None:
    assert told["off_at_first"]
    assert told["spans"] == [["happy", 1, 10], ["sad", 11, 20], ["neutral", 21, 30], ["", 31, 40]]
    assert told["strengths"] == pytest.approx([1, 0.5, 1, 0])
    corners, places, colours = told["corners"]
    assert corners == [[0.5, 0], [1.5, 0], [1.5, 1], [0.5, 0], [1.5, 1], [0.5, 1]]
    assert (places, colours) == ([240, 2], [240, 4])
    assert told["alphas"] == pytest.approx([1, 0.65, 0])
    assert told["same"]
    assert told["changed"]
    assert told["driven"] is None
