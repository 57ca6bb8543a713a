# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal's door: exit codes, and that a user's mistake is one sentence, never a traceback."""

import importlib
import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.version import AFFEKT_VERSION
from affekt.sidecar import cli
from fakes.takes import arkit_content, as_bytes

KEYS = {"fps": 30, "keys": [{"frame": 0, "happy": 1.0}]}


@pytest.mark.parametrize("words", list(cli.COMMANDS))
def test_every_command_exists_and_explains_itself(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module, name = cli.COMMANDS[words].split(":")
    assert hasattr(importlib.import_module(f"affekt.sidecar.{module}"), name)
    with pytest.raises(SystemExit) as stop:
        cli.run([*words.split(), "--help"])
    assert stop.value.code == 0
    assert f"affekt {words}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["adapter"]])
def test_no_command_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    assert "affekt adapter linear" in capsys.readouterr().err


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    assert "affekt bake" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([option]) == 0
    assert capsys.readouterr().out == f"affekt {AFFEKT_VERSION}\n"


def test_the_list_of_commands_imports_none_of_them() -> None:
    """Reading what they are for is enough; importing them would take seconds."""
    program = (
        "import sys; from affekt.sidecar import cli; cli.run(['--help'])\n"
        "heavy = {'numpy', 'numba', 'torch', 'tyro', 'affekt.sidecar.commands.render'}\n"
        "sys.exit(bool(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("group", ["", "avatar", "adapter"])
def test_a_group_says_what_its_commands_do(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    named = [group] if group else []
    assert cli.run([*named, "--help"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  affekt ")]
    wanted = [words for words in cli.COMMANDS if words.startswith(f"{group} " if group else "")]
    assert [line[9:29].strip() for line in lines] == wanted
    assert all(line[29:30].isupper() and line.endswith(".") for line in lines)
    assert cli.run(named) == 2


def bake(folder: Path, motion: bytes, emotions: object, *more: str) -> tuple[int, Path]:
    """Runs `affekt bake` on these contents; returns its exit code and the output folder."""
    (folder / "take.json").write_bytes(motion)
    (folder / "emotions.json").write_text(json.dumps(emotions))
    out = folder / "out"
    arguments = ["bake", "--motion", folder / "take.json", "--emotions", folder / "emotions.json"]
    return cli.run([*map(str, arguments), "--out", str(out), *more]), out


def infinite_take() -> bytes:
    content = arkit_content()
    content["frames"][3]["weights"][5] = float("inf")
    return json.dumps(content).encode()


MISTAKES = {
    "truncated": (as_bytes(arkit_content())[:400], KEYS, (), "file.damaged"),
    "not a take": (b'{"frames": 3}', KEYS, (), "file.wrong_kind"),
    "not a number": (infinite_take(), KEYS, (), "motion.not_finite"),
    "emotion": (
        as_bytes(arkit_content()),
        {"keys": [{"frame": 0, "joyful": 1}]},
        (),
        "emotion.unknown_name",
    ),
    "range": (as_bytes(arkit_content()), KEYS, ("--frames", "4-90"), "frames.out_of_range"),
    "head": (as_bytes(arkit_content()), KEYS, ("--head", "no-such-file"), "file.missing"),
}


@pytest.mark.parametrize("kind", list(MISTAKES))
def test_mistakes_are_a_sentence_and_leave_nothing(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    motion, emotions, more, code = MISTAKES[kind]
    status, out = bake(tmp_path, motion, emotions, *more)
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("affekt: ")
    assert error.rstrip().endswith(f"[{code}]"), error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_flame_take_without_an_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakes.takes import lam_content

    status, out = bake(tmp_path, as_bytes(lam_content()), KEYS)
    assert status == 2
    assert "[space.no_adapter]" in capsys.readouterr().err
    assert not out.exists()


def test_a_bake_from_the_terminal(tmp_path: Path) -> None:
    status, out = bake(tmp_path, as_bytes(arkit_content(frames=12)), KEYS, "--frames", "2-9")
    assert status == 0
    assert sorted(p.name for p in out.iterdir() if p.name != "take.npz") == [
        "motion.npz",
        "report.json",
        "vertices.pc2",
    ]
    with np.load(out / "motion.npz") as motion:
        assert motion["expression"].shape == (8, 100)


def test_a_bake_of_units_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without emotions the performance's own stays, and the left corner is on top of it; an ARKit
    take, as it comes back for a character, has it too."""
    (tmp_path / "take.json").write_bytes(as_bytes(arkit_content(frames=12)))
    arguments = ["bake", "--motion", str(tmp_path / "take.json"), "--no-vertices"]
    for units, name in (("AU12_L=.5,AU4=.25", "with"), ("AU4=0", "without")):
        assert cli.run([*arguments, "--units", units, "--out", str(tmp_path / name)]) == 0
    said = capsys.readouterr().out
    assert "the take as it is from 0 to 0.4 s; AU4 0.25, AU12_L 0.5." in said
    with_units, without = (
        np.load(tmp_path / name / "motion.npz")["expression"] for name in ("with", "without")
    )
    change = dict(zip(ARKIT_NAMES, (with_units - without).mean(0).tolist(), strict=False))
    assert change["mouthSmileLeft"] > 0.2
    assert change["browDownLeft"] == pytest.approx(change["browDownRight"]) != 0
    assert change["mouthSmileRight"] == pytest.approx(0, abs=1e-3)
    report = json.loads((tmp_path / "with" / "report.json").read_text())
    assert report["settings"]["units"] == "AU12_L=.5,AU4=.25"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ((), "option.lacking"),
        (("--units", "AU12"), "option.units"),
        (("--units", "AU99=1"), "emotion.unknown_name"),
        (("--units", "AU12=7"), "emotion.range"),
    ],
    ids=str,
)
def test_mistakes_in_units_leave_nothing(
    more: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "take.json").write_bytes(as_bytes(arkit_content(frames=4)))
    out = tmp_path / "out"
    arguments = ["bake", "--motion", str(tmp_path / "take.json"), "--out", str(out), *more]
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"[{code}]")
    assert not out.exists()


def shorten_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's take has its first two seconds alone."""
    shipped = Path(str(resources.files("affekt.sidecar.assets")))
    copied = tmp_path / "assets"
    shutil.copytree(shipped / "demo", copied / "demo")
    with np.load(shipped / "demo" / "take.npz") as take:
        frames = len(take["expression"])
        cut = {name: v[:60] if v.shape[:1] == (frames,) else v for name, v in take.items()}
    np.savez(copied / "demo" / "take.npz", **cut)
    known = SimpleNamespace(files=lambda _package: copied, as_file=resources.as_file)
    monkeypatch.setattr("affekt.sidecar.commands.demo.resources", known)


def test_the_demo_makes_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from affekt.sidecar.commands import demo
    from PIL import Image

    shorten_the_demo(tmp_path, monkeypatch)
    monkeypatch.setattr(demo, "SHEET_SIZE", (40, 48))
    monkeypatch.setattr(demo, "VIDEO_SIZE", (40, 48))
    monkeypatch.setattr(demo, "EXR_SIZE", (40, 48))
    assert cli.run(["demo", "--out", str(tmp_path / "demo")]) == 0
    with Image.open(tmp_path / "demo/emotions.png") as sheet:
        pixels = np.asarray(sheet.convert("L"), np.float64)
    assert pixels.std() > 20  # faces on paper, not an empty page
    assert (tmp_path / "demo/preview.mp4").stat().st_size > 5_000
    assert (tmp_path / "demo/bake/vertices.pc2").is_file()
    # Of 60 frames 9, 9 + 22 and 9 + 44, which are called from 1 on.
    names = [path.name for path in sorted((tmp_path / "demo/exr").glob("*.exr"))]
    assert names == ["frame_0010.exr", "frame_0032.exr", "frame_0054.exr"]
