# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning LAM at small size, on clips that our own rasteriser has drawn."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.lab.training.lam import predict, train_lam
from affekt.sidecar.lab.training.lam_config import LamTrainingConfig
from affekt.sidecar.lab.training.lam_data import draw_sample, read_clips
from affekt.sidecar.lam.checkpoint import Checkpoint, load_flame, load_network, open_checkpoint
from affekt.sidecar.lam.emotion_file import open_emotion, with_emotion
from affekt.sidecar.lam.surface import LamSurface
from fakes.lam_clips import write_clips
from fakes.lam_twin import SMALL
from safetensors.torch import load_file

CONFIG = LamTrainingConfig(
    device="cpu",
    emotion_tokens=3,
    emotion_width=16,
    steps=4,
    batch=2,
    targets=2,
    image_side=24,
    learning_rate=5e-3,
    warmup_steps=2,
    bfloat16=False,
    log_every=1,
    checkpoint_every=2,
)
HAPPY, SAD = np.eye(6, dtype=np.float32)[[0, 1]]


@dataclass(frozen=True)
class Ground:
    checkpoint: Checkpoint
    surface: LamSurface
    clips: Path


@pytest.fixture(scope="module")
def ground(small_lam: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    checkpoint = open_checkpoint(small_lam, SMALL)
    surface = load_flame(checkpoint).surface
    return Ground(checkpoint, surface, write_clips(tmp_path_factory.mktemp("clips"), surface))


def run(ground: Ground, config: LamTrainingConfig, folder: Path) -> tuple[Path, list[float]]:
    lines: list[str] = []
    path = train_lam(config, ground.checkpoint, ground.clips, folder, lines.append)
    losses = [float(line.split("loss")[1].split()[0]) for line in lines if "loss" in line]
    return path, losses


@pytest.fixture(scope="module")
def whole(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """What a run of `CONFIG` wrote, and its losses."""
    return run(ground, CONFIG, tmp_path_factory.mktemp("whole"))


def test_gates_learn_first_and_lam_stays_as_it_is(
    ground: Ground, whole: tuple[Path, list[float]]
) -> None:
    path, losses = whole
    assert len(losses) == 4
    weights = open_emotion(path, ground.checkpoint)
    assert weights.changes == frozenset()
    assert (weights.config.tokens, weights.config.mode) == (3, "gated")
    network = load_network(ground.checkpoint)
    tokens = with_emotion(network, weights)
    assert tokens.gates.abs().max() > 1e-3
    before = load_network(ground.checkpoint)
    for name, values in network.named_parameters():
        assert torch.equal(values, before.get_parameter(name)), name


def test_a_stopped_run_goes_on_with_the_same_bits(
    ground: Ground, whole: tuple[Path, list[float]], tmp_path: Path
) -> None:
    at_once, losses = whole

    def stop(line: str) -> None:
        if "step      3" in line:
            raise InterruptedError

    folder = tmp_path / "parts"
    with pytest.raises(InterruptedError):
        train_lam(CONFIG, ground.checkpoint, ground.clips, folder, stop)
    path, rest = run(ground, CONFIG, folder)
    assert rest == losses[2:]
    found, wanted = load_file(path), load_file(at_once)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], values) for name, values in wanted.items())


def test_the_decoder_goes_on_from_the_gates(
    ground: Ground, whole: tuple[Path, list[float]], tmp_path: Path
) -> None:
    config = replace(CONFIG, part="decoder", start=str(whole[0]), steps=2)
    path, _ = run(ground, config, tmp_path / "decoder")
    weights = open_emotion(path, ground.checkpoint)
    assert all(
        name.startswith(("transformer.", "pcl_embed.", "renderer.")) for name in weights.changes
    )
    third, _ = run(ground, replace(CONFIG, start=str(path), steps=1), tmp_path / "again")
    assert open_emotion(third, ground.checkpoint).changes == weights.changes


def test_another_checkpoints_emotions_are_refused(
    ground: Ground, whole: tuple[Path, list[float]]
) -> None:
    other = replace(ground.checkpoint, sha256="0" * 64)
    with pytest.raises(InputError, match="another checkpoint") as caught:
        open_emotion(whole[0], other)
    assert caught.value.code == "file.wrong_kind"
    with pytest.raises(InputError, match="gives LAM no emotions"):
        open_emotion(ground.checkpoint.path, ground.checkpoint)


def test_samples(ground: Ground) -> None:
    clips = read_clips(ground.clips)
    assert [clip.name for clip in clips] == ["happy", "neutral", "sad"]
    rng = np.random.default_rng(0)
    for _ in range(8):
        sample = draw_sample(clips, rng, 3, 24, 20)
        assert sample.image.shape == (3, 20, 20)
        assert len(sample.targets) == 3
        target = sample.targets[0]
        assert target.picture.shape == (24, 24, 3)
        assert target.camera.focal_x == pytest.approx(1.6 * 24)
        inside = target.picture[target.mask > 0.99].mean(0)
        skins = {(1, 0): (0.9, 0.1), (0, 1): (0.1, 0.9), (0, 0): (0.5, 0.5)}
        red, blue = skins[int(sample.emotion[0]), int(sample.emotion[1])]
        np.testing.assert_allclose(inside[[0, 2]], [red, blue], atol=0.1)
        outside = target.picture[target.mask == 0]
        np.testing.assert_allclose(outside, target.background, atol=1e-6)
        # the reference is the neutral clip's, whatever is to be shown
        assert np.abs(sample.image - sample.image.mean(0)).max() < 0.02


def test_the_learning_rate() -> None:
    config = LamTrainingConfig()
    assert config.rate(0) == pytest.approx(1e-10)
    assert config.rate(1500) == pytest.approx(2e-4)
    assert config.rate(3000) == pytest.approx(4e-4)
    assert config.rate(16_500) == pytest.approx(2e-4)
    assert config.rate(30_000) == pytest.approx(0, abs=1e-12)
    assert config.mask_weight_at(2_500) == pytest.approx(0.875)
    assert config.mask_weight_at(20_000) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("emotion.json", "{}", "names no group"),
        ("emotion.json", '{"group": "a", "emotion": "joy"}', "'joy' is no emotion"),
        ("emotion.json", '{"group": "a", "emotion": ["happy"]}', "1 emotion for 4 frames"),
        ("emotion.json", '{"group": "a", "emotion": [1, 0, 0, 0, 0, -1]}', "is no emotion"),
        ("transforms_train.json", '{"frames": []}', "no frames"),
        ("transforms_train.json", '{"frames": [{"file_path": "a"}]}', "lacks a file"),
        ("transforms_train.json", "[", "not JSON"),
        ("canonical_flame_param.npz", "no npz", "no FLAME parameters"),
    ],
)
def test_clips_that_cannot_be_used(
    ground: Ground, tmp_path: Path, name: str, content: str, said: str
) -> None:
    shutil.copytree(ground.clips, tmp_path / "clips")
    (tmp_path / "clips" / "sad" / name).write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_clips(tmp_path / "clips")
    assert caught.value.code == "data.clips"
    assert name in caught.value.message


@pytest.mark.parametrize("how", ["cut off", "large", "infinite"])
def test_broken_clips_are_said(ground: Ground, tmp_path: Path, how: str) -> None:
    shutil.copytree(ground.clips, tmp_path / "clips")
    shape = tmp_path / "clips" / "sad" / "canonical_flame_param.npz"
    if how == "cut off":
        shape.write_bytes(shape.read_bytes()[:-30])
    elif how == "large":
        np.savez_compressed(shape, shape=np.zeros(20_000_000, np.float32))
    else:
        path = tmp_path / "clips" / "sad" / "transforms_train.json"
        said = json.loads(path.read_text())
        said["frames"][0]["cx"] = float("inf")
        path.write_text(json.dumps(said))
    with pytest.raises(InputError) as caught:
        read_clips(tmp_path / "clips")
    assert caught.value.code == "data.clips"


def test_clips_are_listed(ground: Ground, tmp_path: Path) -> None:
    shutil.copytree(ground.clips, tmp_path / "clips")
    (tmp_path / "clips" / "ids.json").write_text(json.dumps(["sad", "happy"]))
    assert [clip.name for clip in read_clips(tmp_path / "clips")] == ["sad", "happy"]
    with pytest.raises(InputError, match="no clips in"):
        read_clips(tmp_path / "nothing")


@pytest.mark.full
@pytest.mark.timeout(900)
def test_emotion_becomes_readable(ground: Ground, tmp_path: Path) -> None:
    """The loss falls to a part, and the Gaussians have each emotion's colour; neutral lies between,
    though the same decoder was trained with it."""
    config = replace(
        CONFIG,
        part="decoder",
        emotion_tokens=24,
        steps=400,
        batch=1,
        targets=1,
        learning_rate=4e-3,
        warmup_steps=10,
        mask_weight=0.1,
        mask_weight_end=0.1,
        log_every=25,
    )
    path, losses = run(ground, config, tmp_path / "run")
    print(f"loss {losses[0]:.4f} to {losses[-1]:.4f}")
    assert losses[-1] < 0.4 * losses[0]
    network = load_network(ground.checkpoint)
    tokens = with_emotion(network, open_emotion(path, ground.checkpoint))
    sample = draw_sample(read_clips(ground.clips), np.random.default_rng(1), 1, 24, 20)
    redness = {}
    for name, emotion in (("happy", HAPPY), ("neutral", 0 * HAPPY), ("sad", SAD)):
        asked = replace(sample, emotion=emotion)
        made, _ = predict(network, ground.surface, tokens, asked, bfloat16=False)
        redness[name] = float((made.colours[..., 0] - made.colours[..., 2]).mean())
    print(f"red less blue: {redness}")
    assert redness["happy"] > redness["neutral"] + 0.3
    assert redness["neutral"] > redness["sad"] + 0.3
