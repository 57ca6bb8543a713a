# SPDX-License-Identifier: GPL-3.0-or-later
"""Training: the loss falls, stopping changes nothing, settings are checked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.channels import NAMES
from affekt.sidecar.lab.anchors.dataset import write_anchors
from affekt.sidecar.lab.anchors.lips import CLOSERS
from affekt.sidecar.lab.anchors.programs import TRAINING_KINDS
from affekt.sidecar.lab.anchors.synchronised import make_synchronised
from affekt.sidecar.lab.training.config import GeometryConfig, read_config
from affekt.sidecar.lab.training.data import augment, cut_batch, group_of, make_groups
from affekt.sidecar.lab.training.geometry import CHECKPOINT, learning_rate, train
from affekt.sidecar.lab.training.linear_head import directions, linearise_head
from affekt.sidecar.lab.training.loss import GeometryLoss, make_loss, mean_absolute
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.modulation.network import EMOTION_ENTRIES
from affekt.sidecar.network_file import MAX_WEIGHT_BYTES
from fakes.head import small_head
from fakes.training import BRIEF, TINY

KINDS = TRAINING_KINDS[:3]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("run")
    return train(TINY, small_head(), folder, lines.append), lines


def test_the_loss_falls(finished: tuple[Path, list[str]]):
    losses = [float(line.split("loss")[1].split()[0]) for line in finished[1] if "loss" in line]
    assert len(losses) == TINY.steps // TINY.log_every
    assert np.mean(losses[-4:]) < 0.85 * np.mean(losses[:2])


def test_the_result_loads_and_says_its_figures(finished: tuple[Path, list[str]]):
    path, _ = finished
    modulator = load_modulator(path)
    assert modulator.about["step"] == TINY.steps
    figures = modulator.about["figures"]
    assert isinstance(figures, dict)
    assert figures["parameter_error_untouched"] > 0
    assert path.stat().st_size < MAX_WEIGHT_BYTES
    closers = {NAMES[column]: limit for column, limit in modulator.lip_closers.items()}
    assert list(closers.items()) == list(CLOSERS.items())
    for left, right in modulator.mirrored:
        assert NAMES[right] == NAMES[left].replace("Left", "Right") != NAMES[left]


def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(
    finished: tuple[Path, list[str]], tmp_path: Path
):
    class StoppedError(Exception):
        pass

    def stop_at_16(line: str) -> None:
        if line.startswith("step     16"):
            raise StoppedError

    with pytest.raises(StoppedError):
        train(TINY, small_head(), tmp_path, stop_at_16)
    lines: list[str] = []
    path = train(TINY, small_head(), tmp_path, lines.append)
    assert "resumed at step 12" in lines
    assert path.read_bytes() == finished[0].read_bytes()
    assert path.with_suffix(".json").read_bytes() == finished[0].with_suffix(".json").read_bytes()


def test_a_run_killed_while_it_writes_leaves_the_old_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write = Path.write_bytes
    before = b""

    def killed_at_step_4(path: Path, data: bytes) -> int:
        nonlocal before
        if path.suffix == ".partial" and (tmp_path / CHECKPOINT).exists():
            before = (tmp_path / CHECKPOINT).read_bytes()
            write(path, data[: len(data) // 2])
            raise KeyboardInterrupt
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", killed_at_step_4)
    with pytest.raises(KeyboardInterrupt):
        train(BRIEF, small_head(), tmp_path, lambda line: None)
    monkeypatch.undo()
    assert before
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    lines: list[str] = []
    train(BRIEF, small_head(), tmp_path, lines.append)
    assert "resumed at step 2" in lines


def test_a_checkpoint_does_not_say_where_it_was_computed(tmp_path: Path):
    train(BRIEF, small_head(), tmp_path, lambda line: None)
    lines: list[str] = []
    train(replace(BRIEF, device="auto"), small_head(), tmp_path, lines.append)
    assert f"resumed at step {BRIEF.steps}" in lines


@pytest.mark.parametrize("emotion", EMOTION_ENTRIES)
def test_either_network_trains(tmp_path: Path, emotion: str):
    path = train(replace(BRIEF, emotion=emotion), small_head(), tmp_path, lambda line: None)
    network = load_modulator(path).network
    assert network.config.emotion == emotion
    assert network.residual.weight.abs().max() > 0
    assert network(torch.zeros(1, 64, 103), torch.ones(1, 64, network.config.cues)).abs().max() > 0


class TestLoss:
    TERMS = (
        "parameter_weight",
        "vertex_weight",
        "velocity_weight",
        "lips_weight",
        "flutter_weight",
    )

    @pytest.mark.parametrize("term", TERMS)
    def test_a_weight_of_0_leaves_its_term_out(self, term: str):
        without = self.value(replace(TINY, **{term: 0.0}))
        alone = self.value(replace(TINY, **{name: 0.0 for name in self.TERMS if name != term}))
        assert alone > 0
        assert without + alone == pytest.approx(self.value(TINY), rel=1e-5)

    def test_the_mean_over_parts_is_the_whole(self):
        error, closure = self.draw()
        loss = self.make(TINY)
        parts = [loss(error[i : i + 2], closure[i : i + 2]).item() for i in (0, 2)]
        assert np.mean(parts) == pytest.approx(loss(error, closure).item(), rel=1e-6)

    def test_the_surface_term_is_its_plain_twin(self):
        error, _ = self.draw()
        basis = torch.randn(103, 60, generator=torch.Generator().manual_seed(1))
        results = []
        for term in (mean_absolute, lambda e, b: (e @ b).abs().mean()):
            leaf = error.clone().requires_grad_()
            value = term(leaf, basis)
            (3 * value).backward()
            assert leaf.grad is not None
            results.append((value.detach(), leaf.grad))
        for ours, plain in zip(*results, strict=True):
            torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-8)

    def test_flutter_is_the_gaps_second_difference(self):
        settings = dict.fromkeys(self.TERMS, 0.0) | {"flutter_weight": 3.0}
        config = replace(TINY, **settings)
        gap = torch.zeros(103, 5)
        gap[7] = torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0])
        loss = GeometryLoss(config, torch.zeros(103, 3), gap)
        error = torch.zeros(1, 5, 103)
        error[0, :, 7] = torch.tensor([0.0, 1.0, 3.0, 4.0, 4.0])  # bends by 1, -1 and -1
        assert loss(error, torch.zeros(1, 5)).item() == pytest.approx(3 * (2 + 1) / 5)

    def value(self, config: GeometryConfig) -> float:
        return self.make(config)(*self.draw()).item()

    def make(self, config: GeometryConfig) -> GeometryLoss:
        return make_loss(config, linearise_head(read_head("open"), 20), torch.device("cpu"))

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        error = torch.randn(4, 64, 103, generator=generator)
        return error, torch.rand(4, 64, generator=generator)


class TestStart:
    def test_a_run_goes_on_from_a_modulators_weights_and_scaling(
        self, finished: tuple[Path, list[str]], tmp_path: Path
    ):
        config = replace(TINY, start=str(finished[0]), steps=1, learning_rate=0.0, seed=2)
        begun, found = (
            load_modulator(path)
            for path in (finished[0], train(config, small_head(), tmp_path, lambda line: None))
        )
        for name, tensor in begun.network.state_dict().items():
            assert torch.equal(tensor, found.network.state_dict()[name]), name
        for name in ("mean", "scale", "residual_scale", "lowest", "highest"):
            assert np.array_equal(getattr(begun, name), getattr(found, name)), name

    @pytest.mark.parametrize(
        ("start", "code"),
        [
            ("shipped", "option.config"),
            ("none.safetensors", "file.missing"),
            (".", "file.folder"),
            ("/", "file.folder"),
        ],
    )
    def test_a_start_that_does_not_fit_is_refused(self, tmp_path: Path, start: str, code: str):
        with pytest.raises(InputError) as caught:
            train(replace(BRIEF, start=start), small_head(), tmp_path, lambda line: None)
        assert caught.value.code == code


def test_a_start_is_not_trained_over(finished: tuple[Path, list[str]]):
    before = finished[0].read_bytes()
    brief = replace(TINY, start=str(finished[0]))
    with pytest.raises(InputError) as caught:
        train(brief, small_head(), finished[0].parent, lambda line: None)
    assert caught.value.code == "option.same_file"
    assert finished[0].read_bytes() == before


def test_a_checkpoint_of_other_settings_is_refused(finished: tuple[Path, list[str]]):
    with pytest.raises(InputError) as caught:
        train(replace(TINY, seed=2), small_head(), finished[0].parent, lambda line: None)
    assert caught.value.code == "option.config"


def test_a_broken_checkpoint_is_refused(tmp_path: Path):
    train(replace(TINY, steps=1), small_head(), tmp_path, lambda line: None)
    whole = (tmp_path / CHECKPOINT).read_bytes()
    changed = whole[:-5] + bytes([whole[-5] ^ 2]) + whole[-4:]  # one bit of one weight
    for damaged in (b"\x10\0\0\0", whole[:-4], changed):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(InputError) as caught:
            train(TINY, small_head(), tmp_path, lambda line: None)
        assert caught.value.code == "file.damaged"


def test_a_folder_of_takes_trains_the_same_bits_as_anchors_in_memory(tmp_path: Path):
    head = small_head()
    write_anchors(tmp_path / "data", count=10, seed=TINY.seed, head=head)
    config = replace(
        TINY, steps=6, performances=9, held_out_performances=1, programs=len(TRAINING_KINDS)
    )
    folder = replace(config, data=str(tmp_path / "data"))
    made, read = (
        load_modulator(train(settings, head, tmp_path / name, lambda line: None))
        for name, settings in (("made", config), ("read", folder))
    )
    for name, tensor in made.network.state_dict().items():
        assert torch.equal(tensor, read.network.state_dict()[name])
    assert made.about["figures"] == read.about["figures"]


class TestConfig:
    def test_a_file_changes_only_what_it_names(self, tmp_path: Path):
        path = tmp_path / "c.toml"
        path.write_text("steps = 7\nvertex_weight = 1\n")
        assert read_config(path) == replace(GeometryConfig(), steps=7, vertex_weight=1.0)
        assert read_config(None) == GeometryConfig()

    @pytest.mark.parametrize(
        "text",
        [
            "stepz = 3",
            'steps = "many"',
            "steps = 0",
            "steps = -4",
            "width = 30\nheads = 4",
            "learning_rate = nan",
            "programs = 1",
            "average_decay = 1",
            "steps = [",
            "bfloat16 = 1",
            "batch = 0",
            "seed = -1",
            'device = "tpu"',
            'emotion = "sung"',
            "data = 1",
        ],
    )
    def test_bad_settings_are_refused(self, tmp_path: Path, text: str):
        path = tmp_path / "c.toml"
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            read_config(path)
        assert caught.value.code == "option.config"

    def test_a_missing_file_is_refused(self, tmp_path: Path):
        with pytest.raises(InputError) as caught:
            read_config(tmp_path / "none.toml")
        assert caught.value.code == "file.missing"


class TestData:
    def test_a_performance_is_one_timing(self):
        group = make_groups("train", 1, TRAINING_KINDS, 0, small_head())[0]
        blink = group.targets[:, :, 8].astype(float)  # eyeBlinkLeft
        neutral = blink[0]
        shut = neutral > 0.95
        assert shut.any()
        assert (blink[:, shut] > 0.8).all()
        assert (group.weights[0] == 0).all()

    def test_splits_share_no_take_and_seeds_repeat(self):
        head = small_head()
        one, again = (make_groups("train", 2, KINDS, 4, head) for _ in range(2))
        assert np.array_equal(one[1].sources, again[1].sources)
        other = make_groups("held-out", 2, KINDS, 4, head)
        assert one[0].targets.shape != other[0].targets.shape or not np.array_equal(
            one[0].targets, other[0].targets
        )

    def test_augmentation_leaves_the_truth_of_the_change(self):
        # Noise and habits are the take's own: they move source and target alike.
        groups = make_groups("train", 2, KINDS, 4, small_head())
        batch = cut_batch(groups, 8, np.random.default_rng(0))
        moved = augment(batch, np.ones(103, np.float32), np.random.default_rng(1))
        assert not np.array_equal(moved.source, batch.source)
        same = batch.source == batch.target
        assert np.allclose(moved.source[same], moved.target[same])

    def test_takes_at_another_rate_become_thirty_frames_a_second(self):
        made = make_synchronised("train", 0, ("neutral", "happy"), 0, small_head())
        slow = replace(
            made,
            targets=tuple(every_second(t) for t in made.targets),
            sources=tuple(every_second(t) for t in made.sources),
            weights=made.weights[:, ::2],
            closure=made.closure[::2],
        )
        group, whole = group_of(slow), group_of(made)
        frames = len(group.closure)
        assert frames in (len(whole.closure), len(whole.closure) - 1)
        assert np.array_equal(group.targets[:, ::2], whole.targets[:, :frames:2])
        assert np.array_equal(group.weights[1, :, 0], np.ones(frames))


def every_second(take: Motion) -> Motion:
    names = ("expression", "jaw", "neck", "eyes", "rotation", "translation")
    return replace(take, fps=15.0, **{name: getattr(take, name)[::2] for name in names})


def test_learning_rate_rises_then_falls():
    rates = [learning_rate(TINY, step) for step in range(TINY.steps)]
    assert max(rates) == pytest.approx(TINY.learning_rate, rel=0.05)
    assert rates[0] < max(rates) > rates[-1]


def test_the_linear_surface_agrees_with_the_head_for_small_motion():
    head = read_head("open")
    rng = np.random.default_rng(0)
    expression = np.zeros((1, 100), np.float32)
    expression[0] = rng.normal(0, 0.02, 100)
    jaw = np.array([[0.01, 0.004, -0.003]], np.float32)
    motion = make_motion(expression=expression, jaw=jaw, fps=30.0, space="open")
    moved = HeadLayer(head).vertices(motion, 0, 1)[0] - head.template
    linear = np.tensordot(np.concatenate([expression[0], jaw[0]]), directions(head), 1)
    assert np.abs(moved).max() > 5e-4
    assert np.abs(moved - linear).max() < 3e-5


def test_brows_are_upper_and_lips_are_lower():
    head = read_head("open")
    share = dict(zip(head.expression_names, linearise_head(head, 100).upper_share, strict=False))
    assert share["browDownLeft"] > 0.95
    assert share["eyeBlinkRight"] > 0.95
    assert share["mouthFrownLeft"] < 0.2
    assert 0.3 < share["cheekSquintLeft"] < 0.95
    assert linearise_head(head, 100).upper_share[100] < 0.05
