# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidebar shows, for whom."""

import zipfile
from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

EMOTIONS = ("happy", "sad", "angry", "fear", "disgust", "surprise")


def sliders(owner: str, *names: str) -> list[list[str]]:
    return [[kind, f"{owner}.{name}"] for name in names for kind in ("prop", "dot")]


ADD_HEAD = [
    ["button", "affekt.add_head"],
    ["button", "affekt.browse_flame_head"],
    ["button", "affekt.use_character"],
]


SPLATS = [["button", "affekt.browse_avatar"], ["button", "affekt.import_avatar Show as Splats"]]
"""Ways to splats, of a Blender that draws them."""


@pytest.mark.one_blender
def test_panels_show_the_head_and_its_own_sliders(
    in_blender: RunScript, blender_python: str, tmp_path: Path
) -> None:
    browse, as_splats = ([one] if "bpy53" in blender_python else [] for one in SPLATS)
    adding = [*ADD_HEAD, *browse, ["button", "affekt.browse_photo"]]
    with zipfile.ZipFile(tmp_path / "demo.whl", "w") as archive:
        for ending in ("npz", "wav"):
            archive.writestr(f"affekt/sidecar/assets/demo/take.{ending}", ending)
    told = in_blender(
        "panels.py",
        head=save(small_head(vertices=50), tmp_path / "head.npz"),
        wheel=tmp_path / "demo.whl",
    )
    empty = told["empty"]
    assert [empty[name] for name in ("take", "emotion", "bake", "avatar")] == [None] * 4
    assert empty["character"] is None
    assert empty["head"] == adding
    assert empty["sidecar"] == [
        ["button", "affekt.start_sidecar"],
        ["button", "preferences.addon_show"],
        ["button", "affekt.connect_sidecar Connect to a Running One"],
    ]
    assert told["Rig"] == told["Her"], "a head's rig stands for the head"
    shown = told["Her"]
    controls = [["prop", 'Rig.["aim"]'], ["prop", "Rig.influence"]]
    assert shown["head"] == [["text", "Her"], *adding, *as_splats, *controls]
    assert shown["take"] == [["button", "affekt.browse_take"], ["button", "affekt.import_demo"]]
    assert shown["bake"] == [
        ["button", "affekt.bake"],
        ["button", "affekt.live"],
        ["button", "affekt.add_to_batch"],
    ]
    assert shown["emotion"] == [
        *sliders("Her", *EMOTIONS, "influence", "keep_closed"),
        ["button", "affekt.key_emotions"],
        ["button", "affekt.neutral"],
        ["button", "affekt.import_emotions Import"],
        ["button", "affekt.export_emotions Export"],
        ["prop", "Preferences.shows_strip"],
    ]
    # Offered until the library of assets lies in the user folder, which other tests share.
    publish = ["button", "affekt.publish_presets"]
    for panel in (shown["presets"], told["own_preset"]):
        panel[:] = [line for line in panel if line != publish]
    assert shown["presets"] == preset_panel("Happy")
    check_takes(told["takes"])
    assert told["own_preset"] == preset_panel("Own Mood", ["button", "affekt.delete_preset"])
    assert shown["emotion_strengths"] == sliders("Her", "upper", "lower", "geometry", "appearance")
    check_avatar(shown, told["chosen"])
    first, *rest = ("frame_range", "target", "simplify_mm", "step", "as_strip", "cache")
    assert shown["bake_options"] == [["prop", f"Her.{name}"] for name in (first, *rest)]
    names = (first, "first", "last", *(name for name in rest if name != "step"))
    assert told["bake_chosen"] == [["prop", f"Her.{name}"] for name in names]
    assert told["baking"]["bake"] == [["progress", "0.25 Emotion 1/4"], ["button", "affekt.cancel"]]
    assert told["baking"]["head"] == shown["head"]
    use = ["button", "affekt.use_character"]
    assert told["beside"][: len(adding) + 2] == [["text", "Her"], *adding, use]
    assert told["uncovered"] == [
        [" Cube, which was around it, is hidden.", True, True],
        [" It is inside Cube: hide or delete that to see it.", False, False],
        ["", False, False],
    ]
    check_aside(told["aside"])
    assert told["opened"] == ["", "//take.csv", ""]
    in_window, in_script = told["reported"]
    assert max(len(line.rstrip()) for line in in_window.splitlines()) <= 100
    assert in_window.replace("\n", "") == in_script.strip()  # as the status bar shows it
    assert "\n" not in in_script
    assert told["demo"] == {
        "name": "demo.npz",
        "files": {"demo.npz": "npz", "demo.wav": "wav"},
        "without": "setup.no_wheel",
    }
    check_character(told["His"], adding)
    assert told["paths"] == ["her.zip", "in/flame.npz", "out"]


def check_aside(told: list[list[object]]) -> None:
    """Where the further heads stand, in widths of a head: nobody inside another."""
    first, second, free = told
    assert first[0] == " It stands beside Her."
    assert second[0].startswith(" It stands beside Affekt Head")
    assert 1 < first[1] < second[1] - 1
    assert first[2:] == second[2:] == [0, 0]
    assert free == ["", 0, 3, 0]


def preset_panel(name: str, *own: list[str]) -> list[list[str]]:
    return [
        ["pictures", name],
        ["button", f"affekt.apply_preset Apply {name}"],
        ["button", "affekt.apply_preset"],
        ["button", "affekt.save_preset"],
        *own,
        ["button", "affekt.copy_pose"],
        ["button", "affekt.paste_pose"],
        *([["button", "affekt.draw_presets"]] if own else []),
    ]


def check_takes(shown: list[list[str]]) -> None:
    """A line for each, and the menu beside the one that is in use."""
    menu = ("rename", "duplicate", "trim", "loop", "use_rate", "set_rate", "delete")
    names = [f"affekt.{name}_take" for name in menu]
    names[4:6] = ["affekt.use_take_rate", "affekt.set_take_rate"]
    assert shown == [
        ["button", "affekt.browse_take"],
        ["button", "affekt.use_take one"],
        ["button", "affekt.use_take two"],
        *(["button", name] for name in names),
        ["prop", "Her.own_emotions"],
    ]


def check_character(shown: dict, adding: list[list[str]]) -> None:
    """What was found, the lines of the shapes, the bones; and else as any head."""
    assert shown["head"] == [["text", "His"], *adding]
    assert shown["character"] == [
        ["button", "affekt.calibrate"],
        ["button", "affekt.use_character Look Again"],
        ["button", "affekt.release_character"],
    ]
    assert shown["character_shapes"] == [
        ["text", "browDownLeft"],
        ["search", "browDownLeft: browDown_L"],
        ["text", "browDownRight"],
        ["search", "browDownRight: "],
        ["search", "browDownLeft: browDown_L"],
        ["prop", "His.mesh"],
        ["prop", "His.strength"],
        ["button", "affekt.add_shape_key_line"],
    ]
    assert shown["character_bones"][0] == ["prop", "His.armature"]
    assert ["search", "neck: neck"] in shown["character_bones"]
    assert shown["emotion"][0] == ["prop", "His.happy"]


def check_avatar(shown: dict, chosen: dict) -> None:
    """The open head's Gaussians into the scene's camera as EXR, and a file's portrait as PNG."""

    def asked(panel: list[list[str]]) -> list[str]:
        return [text.removeprefix("Her.").removeprefix("Rig.") for _, text in panel]

    assert asked(shown["avatar"]) == [
        "subject",
        "camera",
        "head_mesh",
        "frame_range",
        "folder",
        "affekt.show_avatar",
        "affekt.render_avatar",
    ]
    assert asked(shown["avatar_output"]) == [
        "format",
        "depth",
        "codec",
        "passes",
        "follow",
        "antialiased",
        "reuse",
    ]
    assert asked(chosen["avatar"])[:5] == ["subject", "file", "adapter", "camera", "size"]
    assert asked(chosen["avatar_output"]) == ["format", "follow", "antialiased", "reuse"]
