# SPDX-License-Identifier: GPL-3.0-or-later
"""Training the appearance network: its loss falls, stopping changes nothing, files are checked."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import skin_weights
from affekt.sidecar.avatar.face_chart import EDGE
from affekt.sidecar.avatar.skin_maps import MAPS, STATES
from affekt.sidecar.avatar.skin_network import OUTPUTS, SkinNetwork, SkinNetworkConfig
from affekt.sidecar.avatar.skin_weights import load_shipped_skin, load_skin, shipped_skin_weights
from affekt.sidecar.avatar.skin_zones import FOLDS
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.commands import data
from affekt.sidecar.lab.skin.samples import Sample, Samples
from affekt.sidecar.lab.skin.stock import Stock
from affekt.sidecar.lab.training.appearance import WEIGHTS, _start, train_appearance
from affekt.sidecar.lab.training.appearance_config import AppearanceConfig
from affekt.sidecar.lab.training.config import read_settings
from fakes.engines import InlineEngine
from safetensors.torch import load, save

TINY = AppearanceConfig(
    layers=1,
    width=16,
    heads=2,
    hidden=16,
    steps=5,
    batch=2,
    kept=4,
    warmup_steps=1,
    decay_steps=2,
    held_out_people=2,
    log_every=1,
    checkpoint_every=3,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    lines: list[str] = []
    path = train_appearance(TINY, read_head("open"), tmp_path_factory.mktemp("run"), lines.append)
    return path, lines


def test_the_loss_of_one_batch_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Stock.batch
    monkeypatch.setattr(Stock, "batch", lambda stock, step, size, part: draw(stock, 0, size, part))
    lines: list[str] = []
    brief = replace(TINY, batch=1, learning_rate=2e-4, checkpoint_every=99)
    train_appearance(brief, read_head("open"), tmp_path, lines.append)
    losses = [float(line.split("loss")[1].split()[0]) for line in lines if "loss" in line]
    assert len(losses) == TINY.steps
    assert losses[-1] < losses[2] < losses[0], losses


def test_faces_that_were_made_beforehand_change_no_bit(
    finished: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `affekt data appearance`, on a cluster; those that it did not make are made on the way."""
    monkeypatch.setattr(data, "FACES", 2)
    monkeypatch.setattr(data, "Cluster", lambda *_: contextlib.nullcontext(InlineEngine()))
    data.Appearance(out=tmp_path / "faces", count=3, dask="tcp://nowhere:1").run()
    made, make = set[int](), Samples.make

    def count(self: Samples, split: str, seed: int, number: int, *more) -> Sample:
        if split == "train":
            made.add(number)
        return make(self, split, seed, number, *more)

    monkeypatch.setattr(Samples, "make", count)
    head, lines = read_head("open"), list[str]()
    path = train_appearance(TINY, head, tmp_path / "run", lines.append, None, tmp_path / "faces")
    assert path.read_bytes() == finished[0].read_bytes()
    assert min(made) == 3
    other = replace(TINY, seed=2)
    with pytest.raises(InputError, match="another seed"):
        train_appearance(other, head, tmp_path / "run2", lines.append, None, tmp_path / "faces")
    with pytest.raises(InputError, match=r"There is no list of faces"):
        train_appearance(TINY, head, tmp_path / "run3", lines.append, None, tmp_path / "none")


def test_the_result_loads_and_says_its_figures(finished: tuple[Path, list[str]]) -> None:
    about = load_skin(finished[0]).about
    figures = about["figures"]
    assert isinstance(figures, dict)
    assert figures["height_error_mm_smooth"] > figures["height_error_mm_common"] > 0
    assert about["step"] == TINY.steps


def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(
    finished: tuple[Path, list[str]], tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def stop_at_4(line: str) -> None:
        if line.startswith("step      4"):
            raise StoppedError

    with pytest.raises(StoppedError):
        train_appearance(TINY, read_head("open"), tmp_path, stop_at_4)
    lines: list[str] = []
    path = train_appearance(TINY, read_head("open"), tmp_path, lines.append)
    assert "resumed at step 3" in lines
    assert path.read_bytes() == finished[0].read_bytes()


def test_a_run_goes_on_from_a_network_of_its_size(
    finished: tuple[Path, list[str]], tmp_path: Path
) -> None:
    wider = replace(TINY, start=str(finished[0]), width=32)
    with pytest.raises(InputError) as refused:
        train_appearance(wider, read_head("open"), tmp_path)
    assert refused.value.code == "option.config"
    begun = _start(replace(TINY, start=str(finished[0]))).state_dict()
    for name, values in load_skin(finished[0]).network.state_dict().items():
        torch.testing.assert_close(begun[name], values)


def test_a_run_of_other_settings_is_not_gone_on_with(finished: tuple[Path, list[str]]) -> None:
    with pytest.raises(InputError) as refused:
        train_appearance(replace(TINY, seed=2), read_head("open"), finished[0].parent)
    assert refused.value.code == "option.config"


def test_a_run_that_has_done_more_steps_is_not_ended_before(
    finished: tuple[Path, list[str]],
) -> None:
    shorter, weights = replace(TINY, steps=TINY.steps - 1), finished[0].read_bytes()
    with pytest.raises(InputError) as refused:
        train_appearance(shorter, read_head("open"), finished[0].parent)
    assert refused.value.code == "option.config"
    assert f"has done {TINY.steps} steps already; {TINY.steps - 1} were" in refused.value.message
    assert finished[0].read_bytes() == weights


@pytest.mark.parametrize(
    "line",
    [
        "steps = 0",
        "width = 10\nheads = 3",
        "fresh = 9",
        "device = 'gpu'",
        "held_out_people = 1",
        "learning_rate = -1.0",
        "average_decay = 1.0",
        "no_such = 1",
        "width = 1000000000",
        "layers = 25",
        "heads = 64",
        *(f"{name} = 1{'0' * 30}" for name in ("width", "hidden", "seed")),
        *(f"{name} = 1{'0' * 400}" for name in ("steps", "learning_rate", "start")),
        f"start = 0x{'f' * 9999}",
        f"start = {'[' * 10000}",
        f"start = [0x{'f' * 9999}]",
    ],
    ids=lambda line: line[:20],
)
def test_settings_that_cannot_be(line: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(line)
    with pytest.raises(InputError) as refused:
        read_settings(path, AppearanceConfig())
    assert refused.value.code == "option.config"


def changed_about(path: Path, **values: object) -> Path:
    about = json.loads(path.with_suffix(".json").read_text("utf-8"))
    path.with_suffix(".json").write_text(json.dumps({**about, **values}))
    return path


@pytest.fixture
def copied(finished: tuple[Path, list[str]], tmp_path: Path) -> Path:
    for suffix in (".safetensors", ".json"):
        source = finished[0].with_suffix(suffix)
        (tmp_path / WEIGHTS).with_suffix(suffix).write_bytes(source.read_bytes())
    return tmp_path / WEIGHTS


SIZES = {"layers": 1, "width": 16, "heads": 2, "hidden": 16, "emotion_tokens": 4}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"format": "affekt geometry modulator 3"}, "file.wrong_kind"),
        ({"folds": ["forehead"]}, "file.wrong_kind"),
        ({"network": 3}, "file.damaged"),
        ({"network": {**SIZES, "channels": [1, 2]}}, "file.damaged"),
        ({"network": {**SIZES, "channels": [10**6, 2, 2]}}, "file.damaged"),
        ({"network": {**SIZES, "width": 10**9, "channels": [64, 32, 24]}}, "file.damaged"),
        ({"network": {**SIZES, "heads": 3, "channels": [64, 32, 24]}}, "file.damaged"),
        ({"network": {**SIZES, "hidden": 32, "channels": [64, 32, 24]}}, "file.damaged"),
    ],
)
def test_descriptions_that_do_not_fit(values: dict[str, object], code: str, copied: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_skin(changed_about(copied, **values))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("is_start", "code"), [(True, "option.same_file"), (False, "option.config")]
)
def test_no_network_is_trained_over(is_start: bool, code: str, copied: Path) -> None:
    before = copied.read_bytes()
    brief = replace(TINY, start=str(copied) if is_start else "")
    with pytest.raises(InputError) as refused:
        train_appearance(brief, read_head("open"), copied.parent)
    assert refused.value.code == code
    assert copied.read_bytes() == before


@pytest.mark.parametrize("start", [".", "/"])
def test_a_start_that_is_a_folder(start: str) -> None:
    with pytest.raises(InputError) as refused:
        _start(replace(TINY, start=start))
    assert refused.value.code == "file.folder"


def test_a_description_nested_deeply(copied: Path) -> None:
    copied.with_suffix(".json").write_text("[" * 10**5)
    with pytest.raises(InputError) as refused:
        load_skin(copied)
    assert refused.value.code == "file.damaged"


@pytest.mark.parametrize(("content", "code"), [(None, "file.missing"), (b"none", "file.damaged")])
def test_a_shipped_network_that_is_not_whole_is_to_be_installed_again(
    content: bytes | None, code: str, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied.unlink()
    if content is not None:
        copied.write_bytes(content)
    monkeypatch.setattr(skin_weights, "shipped_skin_weights", lambda: copied)
    with pytest.raises(InputError) as refused:
        load_shipped_skin()
    assert refused.value.code == code
    assert "Install Affekt again" in refused.value.remedy
    assert "--appearance 0" in refused.value.remedy


def test_weights_that_are_gone_are_noticed(copied: Path) -> None:
    """They load, and would fold nobody's skin."""
    load_skin(copied)
    tensors = load(copied.read_bytes())
    lost = max((name for name in tensors if name != "common"), key=lambda n: tensors[n].numel())
    copied.write_bytes(save(tensors | {lost: torch.zeros_like(tensors[lost])}))
    with pytest.raises(InputError) as refused:
        load_skin(copied)
    assert refused.value.code == "file.damaged"
    assert "not those that were saved" in refused.value.message


def test_weights_that_are_cut_off(copied: Path) -> None:
    copied.write_bytes(copied.read_bytes()[:-100])
    with pytest.raises(InputError) as refused:
        load_skin(copied)
    assert refused.value.code == "file.damaged"


def test_emotion_tokens_stand_beside_the_identitys() -> None:
    """Each state has its own; another state changes the maps, another face in the batch does
    not."""
    torch.manual_seed(0)
    network = SkinNetwork(SkinNetworkConfig(layers=1, width=16, heads=2, hidden=16)).eval()
    torch.nn.init.normal_(network.output.weight, std=0.1)
    maps = torch.randn(2, len(MAPS), EDGE, EDGE)
    with torch.no_grad():
        first = network(maps, torch.tensor([0, 3]))
        other = network(maps[:1], torch.tensor([STATES - 1]))
        alone = network(maps[:1], torch.tensor([0]))
    assert first.shape == (2, OUTPUTS, EDGE, EDGE)
    torch.testing.assert_close(first[:1], alone, atol=1e-5, rtol=1e-4)
    assert (first[0] - other[0]).abs().max() > 1e-4


def test_at_first_everybody_folds_alike() -> None:
    network = SkinNetwork(SkinNetworkConfig(layers=1, width=16, heads=2, hidden=16)).eval()
    network.common.copy_(torch.randn(len(FOLDS), EDGE, EDGE))
    with torch.no_grad():
        out = network(torch.randn(1, len(MAPS), EDGE, EDGE), torch.tensor([2]))[0]
    torch.testing.assert_close(out[: len(FOLDS)], network.common)


def test_the_shipped_network_reads_the_trace() -> None:
    """On people whom it never saw: nearer to their truth than what all have in common; two people's
    changes in the same expression differ; and with traces swapped it follows the trace."""
    shipped = load_skin(shipped_skin_weights())
    figures = shipped.about["figures"]
    assert isinstance(figures, dict)
    assert shipped_skin_weights().stat().st_size < 15e6
    assert figures["height_error_mm"] < figures["height_error_mm_common"]
    assert figures["truth_correlation"] > figures["truth_correlation_common"]
    assert figures["pair_correlation"] < 0.9
    assert figures["swapped_lent"] > figures["swapped_own"]
