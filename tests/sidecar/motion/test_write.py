# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes out: what is written is read back, and what a format cannot say is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion_keys import decode_track
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.shared.take_files import WRITERS, guess_format
from affekt.sidecar import cli
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.motion.adapter import to_open
from affekt.sidecar.motion.read import read_motion, read_take
from affekt.sidecar.motion.write import write_motion
from fakes.takes import arkit_motion, random_motion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PER_FRAME = ("expression", "jaw", "neck", "eyes", "rotation", "translation")


def take_for(form: str, frames: int, seed: int) -> Motion:
    if "arkit" in WRITERS[form].spaces:
        return replace(arkit_motion(frames, seed=seed), fps=60.0)
    return random_motion(frames, space="flame2023", seed=seed)


@pytest.mark.parametrize("form", WRITERS)
@given(frames=st.integers(1, 30), seed=st.integers(0, 99))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path: Path, form: str, frames: int, seed: int) -> None:
    motion = take_for(form, frames, seed)
    path = tmp_path / "take"
    left_out = write_motion(motion, path, form)
    again = read_motion(path)
    assert (again.space, again.fps, len(again)) == (motion.space, motion.fps, frames)
    for field in (*PER_FRAME, "shape"):
        tolerance = 1e-6 if (form, field) == ("livelink", "rotation") else 0
        np.testing.assert_allclose(
            getattr(again, field), getattr(motion, field), atol=tolerance, rtol=0
        )
    assert left_out == (("eyelids",) if form in ("vhap", "lam") else ())


def test_gaussian_avatars_gets_float32_and_offsets_for_every_frame(tmp_path: Path) -> None:
    write_motion(random_motion(7, space="flame2023"), tmp_path / "p.npz", "vhap")
    with np.load(tmp_path / "p.npz") as arrays:
        assert {values.dtype for values in arrays.values()} == {np.dtype("f4")}
        assert arrays["dynamic_offset"].shape == (7, 1, 3)
        assert arrays["shape"].shape == (300,)


def test_what_has_no_place_is_named(tmp_path: Path) -> None:
    motion = replace(arkit_motion(3), neck=np.ones((3, 3), np.float32))
    assert write_motion(motion, tmp_path / "take", "arkit") == ("neck",)


@pytest.mark.parametrize("frames", [1, 5])
def test_gaussian_avatars_keeps_no_rate(tmp_path: Path, frames: int) -> None:
    motion = random_motion(frames, space="flame2023")
    assert "rate" not in " ".join(write_motion(motion, tmp_path / "p.npz", "vhap"))
    faster = replace(motion, fps=motion.fps + 1)
    assert "rate" in write_motion(faster, tmp_path / "p.npz", "vhap")[-1]


@pytest.mark.parametrize(
    ("form", "space", "code"),
    [
        ("vhap", "flame2020", "space.no_adapter"),
        ("lam", "arkit", "space.no_adapter"),
        ("arkit", "flame2023", "space.no_adapter"),
        ("fbx", "arkit", "option.format"),
    ],
)
def test_wrong_spaces_are_refused(tmp_path: Path, form: str, space: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        write_motion(random_motion(3, space=space), tmp_path / "take", form)
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_formats_are_guessed_from_the_ending() -> None:
    assert guess_format(Path("a.npz"), "flame2023") == "npz"
    assert guess_format(Path("a.JSON"), "flame2023") == "lam"
    assert guess_format(Path("a.json"), "arkit") == "arkit"
    assert guess_format(Path("a.csv"), "arkit") == "livelink"
    for name, space in (("a.csv", "flame2023"), ("a", "arkit"), ("a.json", "flame2020")):
        with pytest.raises(InputError) as caught:
            guess_format(Path(name), space)
        assert caught.value.code == "option.format"


def test_convert_from_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_motion(random_motion(5, space="flame2023"), tmp_path / "take.npz")
    arguments = [str(tmp_path / n) for n in ("take.npz", "flame_param.npz")]
    assert cli.run(["convert", *arguments, "--to", "vhap", "--fps", "24"]) == 0
    assert "vhap has no place for eyelids" in capsys.readouterr().out
    again = [str(tmp_path / n) for n in ("flame_param.npz", "again.json")]
    assert cli.run(["convert", *again, "--fps", "24"]) == 0
    motion = read_motion(tmp_path / "again.json")
    assert motion.fps == 24
    np.testing.assert_array_equal(motion.jaw, random_motion(5).jaw)


@pytest.mark.parametrize(("rate", "said"), [("24", True), ("30", False)])
def test_a_rate_that_overrules_the_files_own_is_told(
    rate: str, said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_motion(random_motion(5), tmp_path / "take.npz")
    names = [str(tmp_path / name) for name in ("take.npz", "out.npz")]
    assert cli.run(["convert", *names, "--fps", rate]) == 0
    told = "The file names 30 fps; 24 was taken as told, and nothing is resampled."
    assert (told in capsys.readouterr().out) == said
    assert len(read_motion(tmp_path / "out.npz")) == 5


def test_errors_of_emotion_files_name_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "angry_scene.json"
    keys.write_text('{"fps": 30, "keys": [{"frame": 0, "hapy": 1.0}]}')
    assert cli.run(["convert", str(keys), str(tmp_path / "ace.json"), "--to", "ace"]) == 2
    told = capsys.readouterr().err
    assert "angry_scene.json: Key 0 names 'hapy'" in told
    assert "[emotion.unknown_name]" in told


@pytest.mark.parametrize("out", ["out.csv", "out.json", "out --to livelink"])
def test_a_take_of_the_open_head_goes_out_as_weights(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = read_head(OPEN)
    weights = np.random.default_rng(4).uniform(0, 0.8, (5, 100)).astype(np.float32)
    weights[:, 52:] = 0
    take = make_motion(expression=weights, fps=24.0, space="arkit")
    write_motion(to_open(take, head, None), tmp_path / "take.npz")
    name, *more = out.split()
    assert cli.run(["convert", str(tmp_path / "take.npz"), str(tmp_path / name), *more]) == 0
    assert "ARKit's weights" in capsys.readouterr().out
    again = read_motion(tmp_path / name)
    assert (again.space, again.fps) == ("arkit", 24.0)
    np.testing.assert_allclose(again.expression, take.expression, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["out.csv"], "option.format"),
        (["out.npz", "--to", "usd"], "option.format"),
        (["out.npz", "--fps", "0"], "motion.rate"),
        (["no/such/folder/out.npz"], "file.not_writable"),
        (["take.npz"], "option.same_file"),
    ],
)
def test_convert_refuses_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: str
) -> None:
    write_motion(random_motion(5, space="flame2023"), tmp_path / "take.npz")
    out = [str(tmp_path / options[0]), *options[1:]]
    assert cli.run(["convert", str(tmp_path / "take.npz"), *out]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_emotions_convert_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(
        '{"fps": 30, "keys": [{"frame": 0, "happy": 1.0, "upper": 0.5}, {"frame": 30, "sad": 0.5}]}'
    )
    ace, back = tmp_path / "ace.json", tmp_path / "back.json"
    assert cli.run(["convert", str(keys), str(ace), "--to", "ace"]) == 0
    assert "no counterpart for upper" in capsys.readouterr().out
    assert cli.run(["convert", str(ace), str(back), "--to", "keys", "--fps", "30"]) == 0
    track = decode_track(back.read_bytes(), 31, 30.0)
    expected = decode_track(keys.read_bytes(), 31, 30.0)
    np.testing.assert_array_equal(track.weights, expected.weights)
    assert cli.run(["convert", str(keys), str(ace), "--to", "ace", "--fps", "0"]) == 2


def test_bake_takes_a_folder_and_time_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "take").mkdir()
    for i in range(3):
        part = arkit_motion(1, seed=i)
        write_motion(replace(part, fps=30.0), tmp_path / "take" / f"{i}.npz")
    emotions = tmp_path / "ace.json"
    emotions.write_text('[{"time_code": 0.0, "emotions": {"joy": 1.0, "pain": 0.5}}]')
    arguments = ["--motion", tmp_path / "take", "--emotions", emotions, "--out", tmp_path / "out"]
    assert cli.run(["bake", *map(str, arguments)]) == 0
    assert "no counterpart for pain" in capsys.readouterr().out
    assert len(read_motion(tmp_path / "out" / "motion.npz")) == 3


@pytest.mark.parametrize(
    ("space", "out", "can"),
    [
        ("open", "out.npz --to lam", "npz"),
        ("arkit", "out.npz --to vhap", "npz, arkit, livelink"),
        ("flame2023", "out.json --to arkit", "npz, vhap, lam"),
        ("flame2020", "out.json --to usd", "npz"),
    ],
)
def test_a_refusal_names_the_formats_that_can(
    space: str, out: str, can: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_motion(random_motion(5, space=space), tmp_path / "take.npz")
    name, *more = out.split()
    assert cli.run(["convert", str(tmp_path / "take.npz"), str(tmp_path / name), *more]) == 2
    told = capsys.readouterr().err
    assert f" {can}. [" in told or f" {can}, which" in told, told


@pytest.mark.parametrize(
    ("frames", "fps", "form", "said"),
    [
        (1, 24.0, "livelink", "the rate of a single frame"),
        (1, 60.0, "livelink", ""),
        (2, 24.0, "livelink", ""),
        (1, 24.0, "arkit", ""),
    ],
)
def test_a_rate_that_is_lost_is_told(
    frames: int, fps: float, form: str, said: str, tmp_path: Path
) -> None:
    """By the writer, and by whoever reads the file again."""
    out = tmp_path / "out"
    motion = replace(arkit_motion(frames), fps=fps)
    left_out = write_motion(motion, out, form)
    assert [part for part in left_out if "rate" in part] == ([said] if said else [])
    again = read_take(out)
    assert again.motion.fps == (60.0 if form == "livelink" and frames == 1 else fps)
    assumed = [note for note in again.notes if "60 fps were assumed" in note]
    assert len(assumed) == (form == "livelink" and frames == 1)
