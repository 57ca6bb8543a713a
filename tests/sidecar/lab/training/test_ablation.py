# SPDX-License-Identifier: GPL-3.0-or-later
"""The ablations that ship differ from the full model in what they name and in nothing else."""

import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from affekt.sidecar.cli import run
from affekt.sidecar.lab.commands import train as command
from affekt.sidecar.lab.training.config import GeometryConfig, ablations, read_config
from affekt.sidecar.lab.training.geometry import is_finished
from affekt.sidecar.modulation.network import GeometryNetwork
from fakes.training import BRIEF, write_config

CHANGES = {
    "full": set(),
    "concatenated": {"emotion", "hidden"},
    "no_lips_loss": {"lips_weight"},
    "no_velocity_loss": {"velocity_weight"},
    "no_vertex_loss": {"vertex_weight"},
}


def test_each_changes_only_what_it_names():
    paths = ablations()
    assert next(iter(paths)) == "full"
    full = asdict(read_config(paths["full"]))
    found = {name: asdict(read_config(path)) for name, path in paths.items()}
    assert {n: {k for k in full if c[k] != full[k]} for n, c in found.items()} == CHANGES


def test_concatenated_has_about_as_many_parameters():
    def parameters(name: str) -> int:
        network = GeometryNetwork(read_config(ablations()[name]).network)
        return sum(p.numel() for p in network.parameters())

    assert parameters("concatenated") == pytest.approx(parameters("full"), rel=0.05)


def test_the_settings_are_installed():
    root = Path(__file__).resolve().parents[4]
    data = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    package = "affekt.sidecar.lab.training"
    folder = root.joinpath(*package.split(".")[1:])
    installed = {path.stem for each in data["package-data"][package] for path in folder.glob(each)}
    assert installed == set(ablations())


@pytest.fixture
def two_brief_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, GeometryConfig]:
    configs = {"full": BRIEF, "concatenated": replace(BRIEF, emotion="concatenated")}
    paths = {n: write_config(c, tmp_path / f"{n}.toml") for n, c in configs.items()}
    monkeypatch.setattr(command, "ablations", lambda: paths)
    return configs


def test_all_are_trained_once(
    tmp_path: Path, two_brief_ones: dict[str, GeometryConfig], capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert not is_finished(BRIEF, out / "full")
    assert run(["train", "ablations", "--out", str(out)]) == 0
    assert "finished before" not in capsys.readouterr().out
    for name, config in two_brief_ones.items():
        assert is_finished(config, out / name)
        assert not is_finished(replace(config, seed=9), out / name)
    assert run(["train", "ablations", "--out", str(out)]) == 0
    assert capsys.readouterr().out == "full: finished before\nconcatenated: finished before\n"
