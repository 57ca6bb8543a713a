# SPDX-License-Identifier: GPL-3.0-or-later
"""The folded network against the network that was trained."""

import pytest
import torch
from affekt.sidecar.modulation.inference import ROWS, _WholeNetwork, remembering, window_network
from affekt.sidecar.modulation.network import NUMBERS, GeometryNetwork, NetworkConfig
from affekt.sidecar.modulation.weights import load_modulator
from torch import Tensor, nn

CUES = 18
"""Of a network that knows two variants."""


def random_network(layers: int = 2) -> GeometryNetwork:
    torch.manual_seed(5)
    config = NetworkConfig(layers=layers, width=48, heads=3, hidden=64, variants=2)
    network = GeometryNetwork(config)
    with torch.no_grad():
        for block in network.blocks:
            block.emotion_attention.sink.normal_()
        network.residual.weight.normal_(0, 0.2)
    return network.requires_grad_(False).eval()


@pytest.mark.parametrize("network", [random_network(), load_modulator().network])
def test_agrees_with_the_network(network: GeometryNetwork) -> None:
    fast = window_network(network)
    for seed in range(3):
        torch.manual_seed(seed)
        frames = torch.randn(64, NUMBERS)
        cues = torch.rand(64, network.config.cues)
        expected = network(frames[None], cues[None])[0]
        assert expected.abs().max() > 0.1
        away = (fast(frames, cues) - expected).abs().max()
        assert away < 1e-5 * max(1.0, float(expected.abs().max()))


def test_a_network_of_the_usual_parts_is_folded() -> None:
    """Else the one that ships would be slow without a word."""
    fast = window_network(load_modulator().network)
    assert not isinstance(fast, _WholeNetwork)
    other = GeometryNetwork(NetworkConfig(layers=1, width=32, heads=2, emotion="concatenated"))
    plain = window_network(other.requires_grad_(False).eval())
    assert isinstance(plain, _WholeNetwork)
    frames, cues = torch.randn(64, NUMBERS), torch.rand(64, other.config.cues)
    with torch.no_grad():
        other.residual.weight.normal_(0, 0.2)
    rows = slice(2 * ROWS, 3 * ROWS)
    assert torch.equal(plain(frames, cues, rows), plain(frames, cues)[rows])


def test_neutral_adds_exactly_nothing() -> None:
    network, silent = random_network(), random_network()
    silent.emotions.zero_()
    frames = torch.randn(64, NUMBERS)
    zero, some = torch.zeros(64, CUES), torch.rand(64, CUES)
    assert torch.equal(window_network(network)(frames, zero), window_network(silent)(frames, some))
    assert not torch.equal(
        window_network(network)(frames, some), window_network(silent)(frames, some)
    )


def test_a_network_of_other_parts_runs_as_it_is() -> None:
    class Variant(GeometryNetwork):
        def __init__(self) -> None:
            super().__init__(NetworkConfig(layers=1, width=32, heads=2, hidden=32))
            self.join = nn.Linear(NUMBERS, NUMBERS)
            nn.init.normal_(self.residual.weight)

        def forward(self, frames: Tensor, cues: Tensor) -> Tensor:
            return super().forward(self.join(frames), cues)

    network = Variant().requires_grad_(False)
    frames, cues = torch.randn(64, NUMBERS), torch.rand(64, 6)
    expected = network(frames[None], cues[None])[0]
    assert torch.equal(window_network(network)(frames, cues), expected)


def test_what_is_remembered_is_what_was_answered() -> None:
    asked: list[Tensor] = []
    plain = window_network(random_network())

    def network(frames: Tensor, cues: Tensor, rows: slice | None = None) -> Tensor:
        asked.append(frames)
        return plain(frames, cues)

    remembered = remembering(network, windows=3)
    frames = [torch.randn(64, NUMBERS) for _ in range(4)]
    cues = torch.rand(64, CUES)
    for _ in range(2):
        for window in frames[:3]:
            assert torch.equal(remembered(window, cues), plain(window, cues))
    assert len(asked) == 3
    remembered(frames[0].clone(), cues.clone())  # by content
    remembered(frames[3], cues)  # the one that was asked for longest ago is forgotten
    remembered(frames[0], cues)
    assert len(asked) == 4
    remembered(frames[1], cues)
    assert len(asked) == 5


def test_the_least_change_is_asked_for() -> None:
    network = random_network()
    remembered, plain = remembering(window_network(network)), window_network(network)
    frames, cues = torch.randn(64, NUMBERS), torch.rand(64, CUES)
    first = remembered(frames, cues)
    for changed in (torch.nextafter(frames, frames + 1), -frames):
        assert torch.equal(remembered(changed, cues), plain(changed, cues))
    other = cues.clone()
    other[5, 2] += 0.5
    assert torch.equal(remembered(frames, other), plain(frames, other))
    assert not torch.equal(remembered(frames, other), first)


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_rows_alone_have_the_bits_of_the_window(layers: int) -> None:
    """Also where the library that multiplies does not promise it: then all are computed."""
    network = random_network(layers)
    plain = window_network(network)
    careful = window_network(network)
    careful._rows_stand_alone = False
    torch.manual_seed(0)
    frames, cues = torch.randn(64, NUMBERS), torch.rand(64, CUES)
    whole = plain(frames, cues)
    assert whole.abs().max() > 0.1
    for row in range(0, 64, ROWS):
        rows = slice(row, row + ROWS)
        for fast in (plain, careful):
            assert torch.equal(fast(frames, cues, rows), whole[rows])


def test_what_is_kept_inside_mixes_nothing_up() -> None:
    """The same network asked in turns, against one that has never been asked."""
    network = random_network()
    fast = window_network(network)
    torch.manual_seed(1)
    windows = [torch.randn(64, NUMBERS) for _ in range(20)]
    moods = [torch.rand(64, CUES) for _ in range(2)]
    for _ in range(2):
        for frames in windows:
            for cues in moods:
                assert torch.equal(fast(frames, cues), window_network(network)(frames, cues))


def test_rows_are_remembered_apart() -> None:
    remembered = remembering(window_network(random_network()))
    frames, cues = torch.randn(64, NUMBERS), torch.rand(64, CUES)
    parts = [slice(0, ROWS), slice(ROWS, 2 * ROWS), slice(0, ROWS)]
    found = [remembered(frames, cues, rows) for rows in parts]
    assert found[0] is found[2]
    assert not torch.equal(found[0], found[1])
    assert remembered(frames, cues).shape == (64, NUMBERS)
