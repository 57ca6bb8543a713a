# SPDX-License-Identifier: GPL-3.0-or-later
"""A tracker's folder is one take, whichever of its files is chosen."""

from pathlib import Path

from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


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
        "folders.py", folder=folder, empty=empty, head=save(small_head(), tmp_path / "head.npz")
    )
    all_frames = {"00007.npz": "frame 7", "00008.npz": "frame 8", "00010.npz": "frame 10"}
    assert told["by_file"] == {
        "name": "flame_param",
        "frames": 3,
        "notes": ["00007.npz is one frame of 3: all were imported.", "A note."],
    }
    assert told["by_file_sent"] == all_frames
    assert told["by_folder"] == {"name": "walk", "frames": 3, "notes": ["A note."]}
    inside = {f"flame_param/{name}": text for name, text in all_frames.items()}
    assert told["by_folder_sent"] == {"canonical.npz": "a face at rest", **inside}
    assert told["alone"] == {"name": "canonical", "frames": 1, "notes": ["A note."]}
    assert told["uploads"] == ["00007.npz", "flame_param", "walk", "canonical.npz"]
    codes = [told[case] for case in ("empty", "absent", "too_large")]
    assert codes == ["file.folder", "file.missing", "file.too_large"]
