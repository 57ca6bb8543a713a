# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors as files, and the take that ships."""

import io
import json
import wave
from importlib import resources
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.dataset import MANIFEST, write_anchors
from affekt.sidecar.lab.anchors.demo import make_demo
from affekt.sidecar.lab.anchors.programs import TRAINING_KINDS
from affekt.sidecar.lab.training.data import make_groups, read_groups
from affekt.sidecar.motion.read import decode_motion, read_motion
from PIL import Image

HEAD = read_head("open")


def test_the_same_seed_gives_the_same_files(tmp_path: Path):
    for name in ("one", "two"):
        write_anchors(tmp_path / name, count=2, seed=3, head=HEAD)
    names = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(names) == 2 * (3 * len(TRAINING_KINDS) + 2) + 1
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anchors") / "a"
    write_anchors(folder, count=10, seed=0, head=HEAD)
    return folder


def test_takes_of_a_performance_are_synchronised_and_described(written: Path):
    manifest = json.loads((written / MANIFEST).read_text())
    performances = manifest["performances"]
    assert [p["split"] for p in performances].count("held-out") == 1
    for entry in performances:
        takes = [read_motion(written / t["file"]) for t in entry["takes"]]
        takes += [read_motion(written / t["source"]) for t in entry["takes"]]
        assert len({len(t) for t in takes}) == 1
        assert {t.space for t in takes} == {"open"}
        assert all(np.array_equal(t.neck, takes[0].neck) for t in takes)
        assert all(np.array_equal(t.eyes, takes[0].eyes) for t in takes)
        assert takes[0].shape.any()
        for take in entry["takes"]:
            weights = np.load(written / take["emotions"], allow_pickle=False)
            assert weights.shape == (len(takes[0]), 6)


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_what_was_written_is_what_training_makes(written: Path, split: str):
    read = read_groups(written, split, HEAD)
    made = make_groups(split, len(read), TRAINING_KINDS, 0, HEAD)
    for one, other in zip(read, made, strict=True):
        assert (one.name, one.kinds) == (other.name, other.kinds)
        for name in ("targets", "sources", "weights", "closure", "shape"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize(("count", "code"), [(0, "option.count"), (10**9, "option.count")])
def test_a_count_out_of_range_is_refused(tmp_path: Path, count: int, code: str):
    with pytest.raises(InputError) as caught:
        write_anchors(tmp_path / "a", count=count, seed=0, head=HEAD)
    assert caught.value.code == code
    assert not (tmp_path / "a").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError) as caught:
        write_anchors(tmp_path, count=1, seed=0, head=HEAD)
    assert caught.value.code == "file.not_empty"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["data", "anchors", "--out", str(tmp_path / "a"), "--count", "1"]) == 0
    assert MANIFEST in capsys.readouterr().out
    sheet = np.asarray(Image.open(tmp_path / "a" / "sheet.png").convert("L"), float)
    columns = np.array_split(sheet, 7, axis=1)[1:]  # the six emotions differ from each other
    widths = min(c.shape[1] for c in columns)
    for one, other in combinations([c[:, :widths] for c in columns], 2):
        assert np.abs(one - other).mean() > 0.5
    assert run(["data", "anchors", "--out", str(tmp_path / "a"), "--count", "1"]) == 2
    assert "file.not_empty" in capsys.readouterr().err


def test_the_shipped_take_is_what_the_code_makes():
    folder = resources.files("affekt.sidecar.assets") / "demo"
    motion, sound, keys = make_demo(HEAD)
    shipped = decode_motion((folder / "take.npz").read_bytes(), "take.npz")
    # Not the bytes: another processor's matrix product may end in another last bit.
    assert np.allclose(shipped.expression, motion.expression, atol=1e-4)
    assert np.allclose(shipped.jaw, motion.jaw, atol=1e-4)
    assert (folder / "take.wav").read_bytes() == sound
    assert json.loads((folder / "emotions.json").read_text()) == keys


def test_the_shipped_sound_is_as_long_as_the_take():
    motion, sound, _ = make_demo(HEAD)
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnchannels() == 1
        seconds = file.getnframes() / file.getframerate()
    assert abs(seconds - len(motion) / motion.fps) < 1 / 15
    assert 6 < seconds < 9
