# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate geometry`, as small as it goes."""

import json
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.cli import run
from affekt.sidecar.lab.commands.evaluate import parse_against
from affekt.sidecar.lab.evaluation.data import STATES
from affekt.sidecar.lab.evaluation.geometry import BUILT_IN
from affekt.sidecar.lab.evaluation.metrics import FIGURES
from affekt.sidecar.lab.evaluation.table import LINES
from affekt.sidecar.modulation.weights import save_modulator
from fakes.modulator import small_modulator


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_modulator(small_modulator(), path)
    return path


def arguments(out: Path, random_model: Path) -> list[str]:
    return [
        "evaluate",
        "geometry",
        "--out",
        str(out),
        "--against",
        f"random={random_model}",
        "--performances",
        "2",
        "--seed",
        "3",
    ]


@pytest.fixture(scope="module")
def folder(random_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "new"
    assert run(arguments(out, random_model)) == 0
    return out


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict:
    return json.loads((folder / "figures.json").read_text("utf-8"))


def test_every_method_has_every_figure(figures: dict):
    methods = figures["report"]["methods"]
    assert list(methods) == [*BUILT_IN, "random"]
    assert all(list(row) == list(FIGURES) for row in methods.values())
    assert set(figures["weights_sha256"]) == {"model", "random"}
    assert figures["report"]["crossed"] == 14


def test_the_truth_is_perfect_and_the_model_better_than_nothing(figures: dict):
    methods = figures["report"]["methods"]
    assert methods["truth"]["aed"]["value"] == 0
    assert methods["truth"]["lve_mm"]["value"] == 0
    assert methods["truth"]["closures_kept"]["value"] == 1
    aed = {name: row["aed"]["value"] for name, row in methods.items()}
    assert aed["model"] < aed["mean offset"] < aed["untouched"]
    assert aed["offset, source known"] < aed["mean offset"]
    assert aed["random"] > 0.8 * aed["untouched"]


def test_the_model_is_twice_as_near_as_a_mean_offset(figures: dict):
    methods = figures["report"]["methods"]
    assert methods["model"]["aed"]["value"] < 0.5 * methods["mean offset"]["aed"]["value"]


def test_promises_are_checked(figures: dict):
    checks = {check["what"]: check for check in figures["report"]["checks"]}
    assert len(checks) == 7
    ablation = checks["AED: random / model"]
    assert ablation["passed"]
    assert ablation["value"] > 1
    ratio = checks["AED: model / untouched"]
    methods = figures["report"]["methods"]
    assert ratio["value"] == pytest.approx(
        methods["model"]["aed"]["value"] / methods["untouched"]["aed"]["value"]
    )


def test_by_target_and_pair(figures: dict):
    report = figures["report"]
    row = report["by_target"]["aed"]["model"]
    assert list(row) == list(STATES)
    pairs = report["pairs"]["aed"]
    known = [value for line in pairs for value in line if value is not None]
    assert len(known) == 14
    assert all(pairs[k][k] is None for k in range(7))
    mean = sum(row[name]["value"] for name in STATES) / 7
    assert mean == pytest.approx(sum(known) / 14)
    assert mean == pytest.approx(report["methods"]["model"]["aed"]["value"])


def test_the_table_explains_every_row(folder: Path, capsys: pytest.CaptureFixture[str]):
    table = (folder / "table.md").read_text("utf-8")
    assert set(LINES) == set(FIGURES)
    for line in LINES.values():
        assert f"| {line.label}" in table
        assert f"* **{line.label}**: " in table
    for name in BUILT_IN:
        assert f"* **{name}**: " in table
    assert "without the geometry branch" in table
    assert "nan" not in table


@pytest.mark.full
def test_the_same_command_gives_the_same_bytes(folder: Path, random_model: Path, tmp_path: Path):
    assert run(arguments(tmp_path, random_model)) == 0
    for name in ("figures.json", "table.md"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (["--performances", "1"], "option.performances"),
        (["--performances", "2001"], "option.performances"),
        (["--seed", "-1"], "option.seed"),
        (["--modulator", "none.safetensors"], "file.missing"),
        (["--against", "alone"], "option.against"),
        (["--against", "lost=none.safetensors"], "file.missing"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], code: str
):
    out = tmp_path / "out"
    assert run(["evaluate", "geometry", "--out", str(out), *extra]) == 2
    message = capsys.readouterr().err
    assert code in message
    assert "Traceback" not in message
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    assert run(["evaluate", "geometry", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "file.not_writable" in capsys.readouterr().err


@pytest.mark.parametrize(
    "entries", [("=file",), ("name=",), ("model=x",), ("truth=x",), ("a=x", "a=y"), ("a|b=x",)]
)
def test_names_that_would_spoil_the_table_are_refused(entries: tuple[str, ...]):
    with pytest.raises(InputError) as caught:
        parse_against(entries, BUILT_IN)
    assert caught.value.code == "option.against"


def test_names_and_files():
    found = parse_against(("no vertices=a=b.safetensors", "1024=c"), BUILT_IN)
    assert found == {"no vertices": Path("a=b.safetensors"), "1024": Path("c")}
