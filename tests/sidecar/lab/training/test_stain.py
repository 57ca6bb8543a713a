# SPDX-License-Identifier: GPL-3.0-or-later
"""The terms against the source's stain."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.sidecar.files import read_kept
from affekt.sidecar.lab.evaluation.probe import statistics as plain_statistics
from affekt.sidecar.lab.training.config import GeometryConfig
from affekt.sidecar.lab.training.geometry import CHECKPOINT, train
from affekt.sidecar.lab.training.stain import (
    CLASSES,
    MeanErrors,
    Outcome,
    ReversedProbe,
    StainTerms,
    memberships,
    statistics,
)
from fakes.head import small_head
from fakes.training import BRIEF
from safetensors.torch import load

WINDOWS, FRAMES = 12, 16


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_memberships_are_shares_of_neutral_and_the_emotions():
    weights = torch.tensor([[0.0] * 6, [0.25, 0, 0, 0, 0, 0], [0.5, 1.0, 0, 0, 0, 0]])
    shares = memberships(weights)
    assert shares[0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert shares[1].tolist() == [0.75, 0.25, 0, 0, 0, 0, 0]
    assert shares[2].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 0, 0, 0, 0])


def test_statistics_are_those_of_the_evaluation(rng: torch.Generator):
    windows = torch.randn(3, FRAMES, 103, generator=rng)
    plain = np.stack([plain_statistics(window.numpy()) for window in windows])
    np.testing.assert_allclose(statistics(windows).numpy(), plain, atol=1e-5)


def test_statistics_of_a_still_window_have_a_slope():
    still = torch.ones(1, FRAMES, 103, requires_grad=True)
    statistics(still).sum().backward()
    assert still.grad is not None
    assert still.grad.isfinite().all()


class TestMeanErrors:
    def test_the_value_is_the_sum_of_squares_of_the_classes_shifts(self):
        # One frame of four is neutral and misses by 4, three are happy and miss by 0: the classes
        # lie 3 above and 1 below the mean.
        error = torch.zeros(1, 4, 103)
        error[0, 0, 5] = 4
        shares = torch.eye(7)[[0, 1, 1, 1]][None]
        term = MeanErrors()
        assert term(error, shares).item() == 0  # nothing is known yet
        term.follow()
        assert term(error, shares).item() == pytest.approx(9 + 1)

    def test_the_slope_is_that_of_the_plain_twin(self, rng: torch.Generator):
        error, shares = self.draw(rng)
        term = MeanErrors()
        term(error, shares)
        term.follow()
        slopes = []
        for value in (term, plain_twin):
            leaf = error.clone().requires_grad_()
            value(leaf, shares).backward()
            assert leaf.grad is not None
            slopes.append(leaf.grad)
        torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-9)

    def test_the_mean_of_all_errors_is_let_be(self, rng: torch.Generator):
        error, shares = self.draw(rng)
        term = MeanErrors()
        term(error, shares)
        term.follow()
        leaf = error.requires_grad_()
        (slope,) = torch.autograd.grad(term(leaf, shares), leaf)
        assert slope.mean((0, 1)).abs().max() < 1e-3 * slope.abs().max()

    def test_the_mean_over_parts_is_the_whole(self, rng: torch.Generator):
        error, shares = self.draw(rng)
        term = MeanErrors()
        term(error, shares)
        term.follow()
        whole, expected = term(error, shares), term.fresh
        halves = []
        values = []
        for rows in (slice(0, 6), slice(6, 12)):
            values.append(term(error[rows], shares[rows]))
            halves.append(term.fresh)
        torch.testing.assert_close(torch.stack(values).mean(), whole)
        torch.testing.assert_close(torch.stack(halves).mean(0), expected)

    def draw(self, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        weights = torch.rand(WINDOWS, FRAMES, 6, generator=rng) ** 3
        error = torch.randn(WINDOWS, FRAMES, 103, generator=rng) * 0.1
        error[..., 7] += weights[..., 2]
        return error, memberships(weights)


def plain_twin(error: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    flat, parts = error.flatten(0, 1), shares.flatten(0, 1)
    classes = [(flat * p[:, None]).sum(0) / p.sum() for p in parts.T]
    return 0.5 * (torch.stack(classes) - flat.mean(0)).square().sum()


class TestReversedProbe:
    def test_it_reads_what_is_left_and_nothing_where_nothing_is(self):
        stained, clean = (self.learn(stain) for stain in (0.3, 0.0))
        assert stained < 0.1
        assert clean > 0.9 * math.log(CLASSES)

    def test_its_slope_is_turned_round(self, rng: torch.Generator):
        torch.manual_seed(0)
        probe = ReversedProbe(np.full(103, 0.5, np.float32), 4)
        outcome = self.draw(rng, 0.3)
        slopes = []
        for strength in (-1.0, 0.25):
            leaf = outcome.output.clone().requires_grad_()
            probe(replace(outcome, output=leaf), strength).backward()
            assert leaf.grad is not None
            slopes.append(leaf.grad)
        assert slopes[0].abs().max() > 0
        torch.testing.assert_close(slopes[1], -0.25 * slopes[0])

    def test_it_does_not_look_where_the_network_changes_nothing(self, rng: torch.Generator):
        scale = np.full(103, 0.5, np.float32)
        scale[7] = 0
        probe = ReversedProbe(scale, 4)
        outcome = self.draw(rng, 0.3)
        moved = outcome.output.clone()
        moved[..., 7] += torch.randn(WINDOWS, FRAMES, generator=rng)
        assert torch.equal(probe(outcome, 1.0), probe(replace(outcome, output=moved), 1.0))

    def learn(self, stain: float) -> float:
        torch.manual_seed(0)
        probe = ReversedProbe(np.full(103, 0.5, np.float32), 4)
        optimiser = torch.optim.Adam(probe.parameters(), 3e-3)
        for step in range(150):
            optimiser.zero_grad()
            loss = probe(self.draw(torch.Generator().manual_seed(step), stain), 0.0)
            loss.backward()
            optimiser.step()
        return probe(self.draw(torch.Generator().manual_seed(1000), stain), 0.0).item()

    def draw(self, rng: torch.Generator, stain: float) -> Outcome:
        """Windows of one emotion each, which leaves `stain` in the number of its class."""
        target = torch.randn(WINDOWS, FRAMES, 103, generator=rng)
        weights = torch.zeros(WINDOWS, FRAMES, 6)
        output = target.clone()
        for window in range(WINDOWS):
            emotion = int(torch.randint(7, (), generator=rng)) - 1
            if emotion >= 0:
                weights[window, :, emotion] = 1
            output[window, :, 7 + emotion] += stain
        cues = torch.rand(WINDOWS, FRAMES, 4, generator=rng)
        return Outcome(output=output, target=target, source_weights=weights, cues=cues)


class TestTerms:
    def test_weights_of_0_leave_nothing(self):
        terms = StainTerms(GeometryConfig(stain_weight=0, probe_weight=0), scale())
        assert not terms.state_dict()
        assert not terms.fresh()

    @pytest.mark.parametrize(
        "weights", [{"stain_weight": 2.0}, {"probe_weight": 0.5}], ids=["means", "probe"]
    )
    def test_a_term_grows_in_the_first_third(self, rng: torch.Generator, weights: dict[str, float]):
        config = replace(BRIEF, steps=100, **weights)
        terms = StainTerms(config, scale())
        outcome = Outcome(
            output=torch.randn(2, FRAMES, 103, generator=rng).requires_grad_(),
            target=torch.randn(2, FRAMES, 103, generator=rng),
            source_weights=torch.rand(2, FRAMES, 6, generator=rng),
            cues=torch.zeros(2, FRAMES, config.network.cues),
        )
        terms(outcome, 0)
        terms.follow()
        sizes = []
        for step in (0, 15, 30, 99):
            (slope,) = torch.autograd.grad(terms(outcome, step), outcome.output)
            sizes.append(slope.norm().item())
        assert sizes[0] == 0
        assert sizes[1] == pytest.approx(sizes[2] / 2, rel=1e-4)
        assert sizes[3] == pytest.approx(sizes[2], rel=1e-4) != 0

    def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(self, tmp_path: Path):
        class StoppedError(Exception):
            pass

        def stop_at_3(line: str) -> None:
            if line.startswith("step      3"):
                raise StoppedError

        config = replace(BRIEF, stain_weight=1.0, probe_weight=0.1)
        one, other = tmp_path / "one", tmp_path / "other"
        train(config, small_head(), one, lambda line: None)
        with pytest.raises(StoppedError):
            train(config, small_head(), other, stop_at_3)
        train(config, small_head(), other, lambda line: None)
        expected, found = (load(read_kept(folder / CHECKPOINT)) for folder in (one, other))
        assert expected["stain.means.seen"] == config.steps
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert torch.equal(tensor, found[name]), name

    def test_the_terms_change_the_training_and_not_its_start(self, tmp_path: Path):
        lines: list[str] = []
        plain = train(BRIEF, small_head(), tmp_path / "plain", lines.append)
        terms: list[str] = []
        config = replace(BRIEF, stain_weight=1.0, probe_weight=0.1)
        path = train(config, small_head(), tmp_path / "terms", terms.append)
        first = [next(x for x in said if x.startswith("step      1")) for said in (lines, terms)]
        assert first[0].split()[:4] == first[1].split()[:4]
        assert path.read_bytes() != plain.read_bytes()


def scale() -> np.ndarray:
    return np.full(103, 0.5, np.float32)
