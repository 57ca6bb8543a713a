# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake's files: the same bytes for the same input, and nothing after a failure."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.errors import AffektError, InputError
from affekt.sidecar import cli
from affekt.sidecar.bake.bake import BakeResult, bake, collect_vertices
from affekt.sidecar.bake.output import sha256, write_bake
from affekt.sidecar.bake.pc2 import read_pc2
from affekt.sidecar.commands.frames import parse_frames
from affekt.sidecar.modulation.weights import save_modulator
from affekt.sidecar.motion.read import encode_motion, read_motion
from affekt.sidecar.motion.write import write_motion
from fakes.head import small_head
from fakes.modulator import small_modulator
from fakes.takes import arkit_content, arkit_motion, as_bytes, lam_content, random_motion
from hypothesis import given
from hypothesis import strategies as st

HEAD, MODULATOR = small_head(), small_modulator()


def result_of(motion=None, **options) -> BakeResult:
    motion = random_motion(70) if motion is None else motion
    return bake(
        motion, constant_track(len(motion), 30.0, sad=1.0), HEAD, None, MODULATOR, **options
    )


def write(result: BakeResult, folder: Path) -> dict:
    return write_bake(result, folder, settings={"head": "small"}, inputs={"motion": b"x"})


def test_files_hold_the_bake(tmp_path: Path) -> None:
    report = write(result_of(frames=range(3, 60)), tmp_path / "a" / "b")
    out = tmp_path / "a" / "b"
    assert sorted(os.listdir(out)) == ["motion.npz", "report.json", "vertices.pc2"]
    expected = result_of(frames=range(3, 60))
    assert (out / "motion.npz").read_bytes() == encode_motion(expected.motion)
    np.testing.assert_array_equal(read_pc2(out / "vertices.pc2"), collect_vertices(expected))
    assert json.loads((out / "report.json").read_bytes()) == report
    assert report["frames"] == {"first": 3, "last": 59, "count": 57}
    for name, digest in report["sha256"]["outputs"].items():
        assert digest == sha256((out / name).read_bytes())
    assert report["sha256"]["inputs"] == {"motion": sha256(b"x")}


def test_pc2_header_is_what_blender_reads(tmp_path: Path) -> None:
    write(result_of(frames=range(3, 60)), tmp_path)
    data = (tmp_path / "vertices.pc2").read_bytes()
    assert data[:12] == b"POINTCACHE2\0"
    assert struct.unpack("<iiffi", data[12:32]) == (1, len(HEAD.template), 3.0, 1.0, 57)
    assert len(data) == 32 + 57 * len(HEAD.template) * 12


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write(result_of(arkit_motion(50)), tmp_path / name)
    for file in ("motion.npz", "take.npz", "vertices.pc2"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_take_comes_back_in_its_own_space(tmp_path: Path) -> None:
    write(result_of(arkit_motion(50)), tmp_path)
    assert read_motion(tmp_path / "take.npz").space == "arkit"
    assert read_motion(tmp_path / "motion.npz").space == "open"
    write(result_of(), tmp_path)  # an open take has none, and an old one must not stay
    assert sorted(os.listdir(tmp_path)) == ["motion.npz", "report.json", "vertices.pc2"]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    calls = iter(range(99))
    result = result_of(is_cancelled=lambda: next(calls) > 5)
    with pytest.raises(AffektError):
        write(result, tmp_path / "new" / "folder")
    assert os.listdir(tmp_path) == []


def test_failure_keeps_an_earlier_bake(tmp_path: Path) -> None:
    write(result_of(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    calls = iter(range(99))
    with pytest.raises(AffektError):
        write(result_of(is_cancelled=lambda: next(calls) > 5), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError) as caught:
        write(result_of(), tmp_path / "out")
    assert caught.value.code == "file.not_writable"
    assert (tmp_path / "out").read_text() == "mine"


def test_cut_pc2_is_refused(tmp_path: Path) -> None:
    write(result_of(), tmp_path)
    path = tmp_path / "vertices.pc2"
    for size in (0, 12, 31, 32, 4000):
        os.truncate(path, size) if size < path.stat().st_size else None
        with pytest.raises(InputError) as caught:
            read_pc2(path)
        assert caught.value.code == "file.damaged"


@given(total=st.integers(1, 50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_frame_ranges(total: int, first: int, last: int) -> None:
    if first <= last < total:
        assert parse_frames(f"{first}-{last}", total) == range(first, last + 1)
    else:
        with pytest.raises(InputError) as caught:
            parse_frames(f"{first}-{last}", total)
        assert caught.value.code == "frames.out_of_range"


@pytest.mark.parametrize("text", ["", "-", "a", "1-", "-1", "1-2-3", "1..2", "²", "1" * 5000])
def test_texts_that_are_no_range(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_frames(text, 100)
    assert caught.value.code == "frames.syntax"


# The terminal's door, on the real open head.


@pytest.fixture
def files(tmp_path: Path) -> Path:
    save_modulator(MODULATOR, tmp_path / "modulator.safetensors")
    (tmp_path / "emotions.json").write_text('{"keys": [{"frame": 0, "happy": 1}]}')
    (tmp_path / "arkit.json").write_bytes(as_bytes(arkit_content(40)))
    (tmp_path / "flame.json").write_bytes(as_bytes(lam_content(40)))
    write_motion(random_motion(40), tmp_path / "open.npz")
    return tmp_path


def command(files: Path, motion: str, *more: str, out: str = "out") -> int:
    paths = ["--emotions", str(files / "emotions.json"), "--out", str(files / out)]
    modulator = ["--modulator", str(files / "modulator.safetensors")]
    return cli.run(["bake", "--motion", str(files / motion), *paths, *modulator, *more])


def test_bake_command_writes_every_file(files: Path) -> None:
    assert command(files, "arkit.json") == 0
    assert command(files, "arkit.json", "--frames", "10-20", out="part") == 0
    whole, part = (read_pc2(files / f / "vertices.pc2") for f in ("out", "part"))
    assert part.tobytes() == whole[10:21].tobytes()
    report = json.loads((files / "out" / "report.json").read_bytes())
    assert set(report["sha256"]["inputs"]) == {"motion", "emotions", "head", "modulator"}
    assert str(files) not in json.dumps(report)


def test_adapter_command_makes_flame_takes_bake(files: Path) -> None:
    rng = np.random.default_rng(0)
    names = json.loads((files / "arkit.json").read_bytes())["names"]
    np.savez(
        files / "matrices.npz",
        arkit_names=names,
        arkit_bias=rng.random(52),
        arkit_from_flame=rng.normal(0, 0.1, (52, 103)),
        flame_from_arkit=rng.random((103, 52)),
    )
    adapter = str(files / "adapter.npz")
    made = cli.run(
        ["adapter", "linear", "--matrices", str(files / "matrices.npz"), "--out", adapter]
    )
    assert made == 0
    assert command(files, "flame.json", "--adapter", adapter) == 0
    assert read_motion(files / "out" / "take.npz").space == "flame2023"


@pytest.mark.parametrize(
    ("motion", "more", "code"),
    [
        ("none.npz", (), "file.missing"),
        (".", (), "file.folder"),
        ("emotions.json", (), "file.wrong_kind"),
        ("modulator.safetensors", (), "file.wrong_kind"),
        ("flame.json", (), "space.no_adapter"),
        ("open.npz", ("--frames", "30-40"), "frames.out_of_range"),
        ("open.npz", ("--frames", "x"), "frames.syntax"),
        ("open.npz", ("--head", "none.safetensors"), "file.missing"),
        ("open.npz", ("--adapter", "none.npz"), "file.missing"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(
    files: Path, capsys: pytest.CaptureFixture[str], motion: str, more: tuple[str, ...], code: str
) -> None:
    before = sorted(os.listdir(files))
    assert command(files, motion, *more) == 2
    error = capsys.readouterr().err
    assert f"[{code}]" in error
    assert "Traceback" not in error
    assert sorted(os.listdir(files)) == before


def test_killed_bake_leaves_no_result(files: Path) -> None:
    code = (
        "import os, sys\n"
        "from affekt.sidecar.bake import files as f\n"
        "f.write_pc2 = lambda file, *a, **k: os.abort()\n"
        "from affekt.sidecar import cli\n"
        "cli.run(sys.argv[1:])\n"
    )
    arguments = [
        "bake",
        "--motion",
        "arkit.json",
        "--emotions",
        "emotions.json",
        "--out",
        "out",
        "--modulator",
        "modulator.safetensors",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=files, capture_output=True, timeout=120
    )
    assert done.returncode != 0
    assert not [n for n in os.listdir(files / "out") if not n.startswith(".")]


def test_real_takes(real_data: Path, files: Path) -> None:
    adapter = str(files / "adapter.npz")
    matrices = str(real_data / "flame_open" / "flame2023_arkit_regression.npz")
    assert cli.run(["adapter", "linear", "--matrices", matrices, "--out", adapter]) == 0
    takes = sorted((real_data / "lam_motion").glob("*/flame_params.json"))
    takes.append(real_data / "arkit" / "test_expression_1s.json")
    assert len(takes) == 4
    for path in takes:
        out = files / path.parent.name
        code = cli.run(
            [
                "bake",
                "--motion",
                str(path),
                "--emotions",
                str(files / "emotions.json"),
                "--modulator",
                str(files / "modulator.safetensors"),
                "--adapter",
                adapter,
                "--frames",
                "20-59",
                "--out",
                str(out),
            ]
        )
        assert code == 0
        vertices = read_pc2(out / "vertices.pc2")
        assert len(vertices) == 40
        assert np.isfinite(vertices).all()
        assert np.abs(vertices).max() < 1
