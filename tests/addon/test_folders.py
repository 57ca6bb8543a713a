# SPDX-License-Identifier: GPL-3.0-or-later
"""A tracker's folder is one take, whichever of its files is chosen."""

import wave
from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


def fill_with_sounds(folder: Path) -> Path:
    """Takes beside two sounds, one, none, and a damaged one; and a folder that is a take, with a
    sound of its name beside it and another one in it."""
    for name in ("two/talk", "two/other", "one/voice", "named", "named/voice"):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(8000))
    for name in ("two/talk", "two/mute", "one/talk", "none/talk", "damaged/talk"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text("{}")
    (folder / "damaged" / "talk.wav").write_text("no sound")
    return folder


def check_sounds(told: dict) -> None:
    """31 frames of 1/30 s are 24 of the scene on from frame 7."""
    place = (
        "Imported talk: 31 frames at 30 fps. "
        "The scene runs at 24 fps: its keys were placed by time. "
        "It ends at frame 31, after the scene does, at 10. "
    )
    note = "3 of 900 frames were missing and were filled in."
    shape = "The take's own identity was left out: the head keeps its shape."
    if told["has_audio"]:
        assert told["said"] == f"{place}Its sound talk.wav lies in the sequencer. {shape} {note}"
    else:  # some builds of bpy cannot play sounds
        assert told["said"].startswith(f"{place}Its sound talk.wav was left out: ")
    strips = [["talk", 1, 7]] if told["has_audio"] else []
    assert told["strips"] == strips
    assert told["range"] == [2, 10]
    assert "sound" not in told["without"]
    assert "after the scene does" not in told["without"]
    assert told["range_set"] == [7, 31]
    assert told["strips_after"] == len(strips)
    if told["has_audio"]:  # heard once, and another sound lies above it
        assert "Its sound talk.wav lies in the sequencer already." in told["again"]
        assert "Its sound voice.wav lies in the sequencer. " in told["another"]
    then = [["talk", 1], ["voice", 2]] if told["has_audio"] else []
    assert told["strips_then"] == then
    assert "Its sound talk.wav was left out: Blender c" in told["damaged"]
    assert told["after_damaged"] == [len(then), len(then)]
    assert told["found"] == {
        "two/talk.json": "two/talk.wav",
        "two/mute.json": None,
        "one/talk.json": "one/voice.wav",
        "two": None,
        "one": "one/voice.wav",
        "none/talk.json": None,
        "named": "named.wav",
    }


@pytest.mark.two_blenders
def test_a_folder_of_numbered_files(in_blender: RunScript, tmp_path: Path) -> None:
    folder, empty = tmp_path / "walk", tmp_path / "empty"
    frames, hidden = folder / "flame_param", folder / "flame_param" / ".hidden"
    hidden.mkdir(parents=True)
    empty.mkdir()
    for number in (7, 8, 10):
        (frames / f"{number:05d}.npz").write_text(f"frame {number}")
    for path in (hidden / "00009.npz", frames / "00007.jpg", folder / "image.png"):
        path.write_text("no frame")
    (folder / "canonical.npz").write_text("a face at rest")
    told = in_blender(
        "folders.py",
        folder=folder,
        empty=empty,
        head=save(small_head(), tmp_path / "head.npz"),
        sounds=fill_with_sounds(tmp_path / "sounds"),
    )
    all_frames = {"00007.npz": "frame 7", "00008.npz": "frame 8", "00010.npz": "frame 10"}
    assert told["by_file"] == {
        "name": "walk",
        "frames": 3,
        "notes": ["00007.npz is one frame of 3: all were imported.", "A note."],
    }
    assert told["by_file_sent"] == all_frames
    assert told["by_folder"] == {"name": "walk 2", "frames": 3, "notes": ["A note."]}
    inside = {f"flame_param/{name}": text for name, text in all_frames.items()}
    assert told["by_folder_sent"] == {"canonical.npz": "a face at rest", **inside}
    assert told["alone"] == {"name": "canonical", "frames": 1, "notes": ["A note."]}
    assert told["uploads"] == ["00007.npz", "flame_param", "walk", "canonical.npz"]
    codes = [told[case] for case in ("empty", "absent", "too_large")]
    assert codes == ["file.folder", "file.missing", "file.too_large"]
    check_sounds(told["sounds"])
