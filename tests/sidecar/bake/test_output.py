# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake's files: the same bytes for the same input, and nothing after a failure."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError, JobError
from affekt.shared.head import ARRAY_FIELDS
from affekt.shared.motion import Motion
from affekt.sidecar import cli
from affekt.sidecar.bake import output
from affekt.sidecar.bake.bake import CHUNK, BakedChunk, BakeJob
from affekt.sidecar.bake.output import head_sha256, modulator_sha256, sha256, write_bake
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.claim import Claim
from affekt.sidecar.modulation.weights import save_modulator
from affekt.sidecar.motion.frames import parse_frames
from affekt.sidecar.motion.read import encode_motion, read_motion, read_take
from affekt.sidecar.motion.write import write_motion
from affekt.sidecar.server.authenticator import LOCAL_USER
from fakes.bakes import bake
from fakes.head import small_head
from fakes.modulator import MODULATOR_ARRAYS, small_modulator
from fakes.pc2 import read_pc2
from fakes.takes import arkit_content, arkit_motion, as_bytes, lam_content, random_motion
from hypothesis import given
from hypothesis import strategies as st

HEAD, MODULATOR, FRAMES = small_head(), small_modulator(), CHUNK + 36


HEAD_ARRAYS = [name for name in ARRAY_FIELDS if name != "faces"]


def job_of(motion: Motion | None = None, frames: range | None = None) -> BakeJob:
    motion = random_motion(FRAMES) if motion is None else motion
    take, track = prepare(motion, HEAD, None, MODULATOR), constant_track(len(motion), 30.0, sad=1)
    return BakeJob(take, track, frames, MemoryStore())


def write(job: BakeJob, folder: Path, **options) -> dict:
    return write_bake(job, folder, settings={"head": "small"}, inputs={"motion": b"x"}, **options)


def test_files_hold_the_bake(tmp_path: Path) -> None:
    report = write(job_of(frames=range(3, 90)), tmp_path / "a" / "b")
    out = tmp_path / "a" / "b"
    assert sorted(os.listdir(out)) == ["motion.npz", "report.json", "vertices.pc2"]
    track = constant_track(FRAMES, 30.0, sad=1)
    expected = bake(random_motion(FRAMES), track, HEAD, None, MODULATOR, range(3, 90))
    assert (out / "motion.npz").read_bytes() == encode_motion(expected.motion, 3)
    np.testing.assert_array_equal(read_pc2(out / "vertices.pc2"), expected.vertices)
    assert json.loads((out / "report.json").read_bytes()) == report
    assert report["frames"] == {"first": 3, "last": 89, "count": 87}
    assert set(report["seconds"]) == {"convert", "modulate", "map back", "vertices and writing"}
    assert min(report["seconds"].values()) >= 0
    assert set(report["sha256"]["outputs"]) == {"motion.npz", "vertices.pc2"}
    for name, digest in report["sha256"]["outputs"].items():
        assert digest == sha256((out / name).read_bytes())
    assert report["sha256"]["inputs"] == {"motion": sha256(b"x")}


def test_a_part_says_where_it_begins(tmp_path: Path) -> None:
    """In both of its files; a whole bake's have nothing more than before."""
    write(job_of(arkit_motion(50), frames=range(7, 30)), tmp_path / "part")
    for name in ("motion.npz", "take.npz"):
        assert read_take(tmp_path / "part" / name).first_frame == 7
    write(job_of(arkit_motion(50)), tmp_path / "whole")
    assert read_take(tmp_path / "whole" / "motion.npz").first_frame == 0
    with np.load(tmp_path / "whole" / "motion.npz") as whole:
        assert "first_frame" not in whole.files


@pytest.mark.parametrize("first", [-1, 0.5, float("nan"), 1e12])
def test_a_beginning_that_cannot_be(first: float, tmp_path: Path) -> None:
    write(job_of(frames=range(7, 30)), tmp_path)
    with np.load(tmp_path / "motion.npz") as part:
        np.savez(tmp_path / "bad.npz", **{**part, "first_frame": np.array(first)})
    with pytest.raises(InputError) as caught:
        read_take(tmp_path / "bad.npz")
    assert caught.value.code == "motion.shape"


def test_the_report_says_what_was_baked_and_with_what(tmp_path: Path) -> None:
    job = job_of(arkit_motion(70), range(3, 60))
    job.seconds["convert"] = 1.23456
    report = write_bake(
        job,
        tmp_path,
        settings={"head": "small", "frames": "3-59"},
        inputs={"motion": b"abc", "head": "0123"},
    )
    assert report["format"] == "affekt bake 1"
    assert (report["fps"], report["vertices"], report["take_space"]) == (30, 40, "arkit")
    assert report["settings"] == {"head": "small", "frames": "3-59"}
    assert report["sha256"]["inputs"] == {
        "motion": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "head": "0123",
    }
    assert set(report["sha256"]["outputs"]) == {"motion.npz", "take.npz", "vertices.pc2"}
    for name, digest in report["sha256"]["outputs"].items():
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(), name
    assert report["seconds"]["convert"] == 1.2346
    assert report["versions"]["affekt"] == "0.1.0"
    assert set(report["versions"]) == {"python", "affekt", "numpy", "torch", "scipy"}
    assert report["versions"]["numpy"] == np.__version__


def test_the_time_for_vertices_and_files_is_what_the_other_stages_did_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 100 s to 130 s on the clock, 7 s of which were the stages'; converting came before."""
    job = job_of(random_motion(20))
    job.seconds["convert"] = 50.0
    now = iter([100.0, 101.0, 105.0, 106.0, 109.0, 130.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    seconds = write(job, tmp_path)["seconds"]
    assert seconds == {"convert": 50, "modulate": 4, "map back": 3, "vertices and writing": 23}


def altered(values: np.ndarray) -> np.ndarray:
    """The same but for its last number."""
    other = values.copy()
    other.flat[-1] += 1
    return other


def test_each_array_of_a_head_or_modulator_is_in_its_hash() -> None:
    heads = [HEAD, *(replace(HEAD, **{n: altered(getattr(HEAD, n))}) for n in HEAD_ARRAYS)]
    assert len({head_sha256(head) for head in heads}) == len(heads)
    assert head_sha256(replace(HEAD, name="other")) == head_sha256(HEAD)
    modulators = [
        MODULATOR,
        *(replace(MODULATOR, **{n: altered(getattr(MODULATOR, n))}) for n in MODULATOR_ARRAYS),
        small_modulator(1),
    ]
    assert len({modulator_sha256(modulator) for modulator in modulators}) == len(modulators)


def test_pc2_header_is_what_blender_reads(tmp_path: Path) -> None:
    write(job_of(frames=range(3, 60)), tmp_path)
    data = (tmp_path / "vertices.pc2").read_bytes()
    assert data[:12] == b"POINTCACHE2\0"
    assert struct.unpack("<iiffi", data[12:32]) == (1, len(HEAD.template), 3.0, 1.0, 57)
    assert len(data) == 32 + 57 * len(HEAD.template) * 12


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write(job_of(arkit_motion(50)), tmp_path / name)
    for file in ("motion.npz", "take.npz", "vertices.pc2"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_take_comes_back_in_its_own_space(tmp_path: Path) -> None:
    write(job_of(arkit_motion(50)), tmp_path)
    assert read_motion(tmp_path / "take.npz").space == "arkit"
    assert read_motion(tmp_path / "motion.npz").space == "open"
    write(job_of(), tmp_path)  # an open take has none, and an old one must not stay
    assert sorted(os.listdir(tmp_path)) == ["motion.npz", "report.json", "vertices.pc2"]


def cancel(chunk: BakedChunk) -> None:
    if chunk.done == chunk.total:
        raise JobError("job.cancelled", "The bake was cancelled.", "Start it again.")


def test_every_chunk_is_told(tmp_path: Path) -> None:
    told: list[BakedChunk] = []
    write(job_of(), tmp_path, on_chunk=told.append)
    assert [chunk.done for chunk in told] == [CHUNK, FRAMES]


def test_the_report_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds it finds all that it speaks of."""
    moved: list[str] = []
    replace_file = output.replace_file
    monkeypatch.setattr(
        output,
        "replace_file",
        lambda source, target: moved.append(target.name) or replace_file(source, target),
    )
    write(job_of(arkit_motion(20)), tmp_path)
    assert moved == ["take.npz", "motion.npz", "vertices.pc2", "report.json"]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(JobError):
        write(job_of(), tmp_path / "new" / "folder", on_chunk=cancel)
    assert os.listdir(tmp_path) == []


def test_failure_keeps_an_earlier_bake(tmp_path: Path) -> None:
    write(job_of(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(JobError):
        write(job_of(), tmp_path, on_chunk=cancel)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError) as caught:
        write(job_of(), tmp_path / "out")
    assert caught.value.code == "file.not_writable"
    assert (tmp_path / "out").read_text() == "mine"


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


def arguments(
    files: Path, motion: str, *more: str, out: str = "out", cache: str = "cache"
) -> list[str]:
    paths = {"motion": motion, "emotions": "emotions.json", "out": out, "cache-dir": cache}
    paths["modulator"] = "modulator.safetensors"
    words = [word for name, path in paths.items() for word in (f"--{name}", str(files / path))]
    return ["bake", *words, *more]


def command(files: Path, motion: str, *more: str, **paths: str) -> int:
    return cli.run(arguments(files, motion, *more, **paths))


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
        (".", (), "motion.several"),
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


KILLED = """
import os, sys
from affekt.sidecar import cli
from affekt.sidecar.bake import bake, output
real = bake.chunks_of
def some(*frames):
    for count, chunk in enumerate(real(*frames)):
        if count == int(sys.argv[1]):
            os.abort()
        yield chunk
bake.chunks_of = some
output._report = lambda *_: os.abort()
cli.run(sys.argv[2:])
"""


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.full), 2, 9])
def test_a_killed_bake_leaves_no_result_and_goes_on(
    after: int, files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_motion(random_motion(2 * CHUNK + 20), files / "open.npz")
    assert command(files, "open.npz", out="whole", cache="another") == 0
    assert "0 of 3 chunks were baked before" in capfd.readouterr().out
    words = arguments(files, "open.npz", "--frames", f"3-{2 * CHUNK + 19}")
    started = [sys.executable, "-c", KILLED, str(after), *words]
    done = subprocess.run(started, capture_output=True, timeout=120)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    (partial,) = os.listdir(files / "out")
    assert partial.startswith(".")
    assert (files / "out" / partial / "vertices.pc2").exists()
    assert command(files, "open.npz") == 0
    assert f"{min(after, 3)} of 3 chunks were baked before" in capfd.readouterr().out
    for name in ("motion.npz", "vertices.pc2"):
        assert (files / "out" / name).read_bytes() == (files / "whole" / name).read_bytes()


def test_a_bake_without_a_cache(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(files, "arkit.json", out="kept") == 0
    capsys.readouterr()
    (files / "taken").write_text("a file where the folder should be")
    assert command(files, "arkit.json", cache="taken") == 0
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "The bake goes on, but keeps no chunks." in error[0]
    for name in ("motion.npz", "take.npz", "vertices.pc2"):
        assert (files / "out" / name).read_bytes() == (files / "kept" / name).read_bytes()


@pytest.mark.parametrize("is_claimed", [False, True])
def test_old_files_make_room_unless_a_sidecar_uses_them(files: Path, is_claimed: bool) -> None:
    store = Cache(files / "cache").user(LOCAL_USER)
    store.add_chunk("a" * 40, [bytes(8_000_000)])
    claim = Claim(files / "cache") if is_claimed else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cache.__init__, "__defaults__", (7_000_000, time.monotonic))
        assert command(files, "arkit.json", "--frames", "0-3") == 0
    assert (store.find_chunk("a" * 40) is not None) == is_claimed
    if claim is not None:
        claim.close()


def test_real_takes(real_data: Path, files: Path) -> None:
    adapter = str(files / "adapter.npz")
    matrices = str(real_data / "flame_open" / "flame2023_arkit_regression.npz")
    assert cli.run(["adapter", "linear", "--matrices", matrices, "--out", adapter]) == 0
    takes = sorted((real_data / "lam_motion").glob("*/flame_params.json"))
    takes.append(real_data / "arkit" / "test_expression_1s.json")
    assert len(takes) == 4
    for path in takes:
        out = files / path.parent.name
        more = ("--motion", str(path), "--adapter", adapter, "--frames", "20-59")
        code = command(files, "arkit.json", *more, out=path.parent.name)
        assert code == 0
        vertices = read_pc2(out / "vertices.pc2")
        assert len(vertices) == 40
        assert np.isfinite(vertices).all()
        assert np.abs(vertices).max() < 1
