# SPDX-License-Identifier: GPL-3.0-or-later
"""Real takes, through a real sidecar, onto the head in Blender."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from fakes.takes import arkit_content, as_bytes

from .conftest import RunScript


def make_adapter(real_data: Path, out: Path) -> Path:
    """With the command that users have."""
    matrices = real_data / "flame_open" / "flame2023_arkit_regression.npz"
    command = [sys.executable, "-m", "affekt.sidecar", "adapter", "linear", "--space", "flame2023"]
    command += ["--matrices", str(matrices), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out


@pytest.mark.one_blender
def test_all_real_takes(real_data: Path, in_blender: RunScript, tmp_path: Path) -> None:
    adapter = str(make_adapter(real_data, tmp_path / "adapter.npz"))
    clips = [str(path) for path in sorted(real_data.glob("lam_motion/*/flame_params.json"))]
    with zipfile.ZipFile(real_data / "lam_avatars" / "statue.zip") as bundle:
        name = next(n for n in bundle.namelist() if n.endswith("bsData.json"))
        (tmp_path / "bsData.json").write_bytes(bundle.read(name))
    # One of a folder of numbered files stands for all of them.
    (tmp_path / "numbered").mkdir()
    for frame in range(5):
        part = tmp_path / "numbered" / f"{frame:05}.json"
        part.write_bytes(as_bytes(arkit_content(1, seed=frame)))
    arkit = [str(tmp_path / "numbered" / "00002.json"), str(tmp_path / "bsData.json")]
    arkit.append(str(real_data / "arkit" / "test_expression_1s.json"))
    truncated = tmp_path / "cut.json"
    truncated.write_bytes(Path(clips[0]).read_bytes()[:5000])
    picture = str(next(iter(sorted(real_data.glob("portraits/*")))))
    told = in_blender(
        "real_takes.py",
        python=sys.executable,
        refused_first=clips[0],
        # The last one is read by the adapter that the clips before it had.
        takes=[*([clip, adapter] for clip in clips), *([take, ""] for take in [*arkit, clips[0]])],
        refused=[str(truncated), picture],
    )
    print(told["frames"], [f"{metres * 1000:.1f} mm" for metres in told["moved"]])
    assert len(told["frames"]) == len(clips) + 4
    assert sorted(told["frames"][: len(clips)]) == [76, 167, 282]
    assert told["frames"][len(clips)] == 5
    assert told["frames"][-2:] == [973, told["frames"][0]]
    assert all(0.0005 < metres < 1 for metres in told["moved"])
    no_adapter, (cut, no_take) = told["no_adapter"], told["refused"].values()
    print(no_adapter, cut, no_take, sep="\n")
    assert "adapter" in no_adapter
    assert "cut.json" in cut
    assert Path(picture).name in no_take
    # One for the emotions; of a take there is one with slots, or two without.
    assert told["actions"] - 1 in (len(told["frames"]), 2 * len(told["frames"]))
