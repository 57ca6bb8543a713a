# SPDX-License-Identifier: GPL-3.0-or-later
"""What set-up would do: which PyTorch, from where, and that it is said before."""

import hashlib
import sys
from pathlib import Path

import pytest
from affekt.addon.setup import plan as plans
from affekt.addon.setup import pythons
from affekt.addon.setup.environment import Environment, python_of, write_environment
from affekt.addon.setup.plan import (
    Card,
    Choices,
    card_of,
    describe,
    find_wheel,
    is_outdated,
    make_plan,
    shipped_wheel,
)
from affekt.shared.errors import InputError
from affekt.sidecar.commands.extension import WHEEL_FOLDER
from fakes.set_up import fake_python, small_wheel

H200 = Card(name="NVIDIA H200", cuda=(13, 0))
OLDER = Card(name="GeForce RTX 3060", cuda=(12, 8))
OLD = Card(name="GeForce GTX 970", cuda=(11, 4))
TABLE = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 580.65.06              Driver Version: 580.65.06      CUDA Version: 13.0     |
+-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
|=========================================+========================+======================|
|   0  NVIDIA H200                    On  |   00000000:04:00.0 Off |                    0 |
| N/A   31C    P0             75W /  700W |       1MiB / 143771MiB |      0%      Default |
"""


def plan_of(tmp_path: Path, card: Card | None = None, **options: object) -> plans.Plan:
    choices = Choices(data_folder=tmp_path / "data", python=fake_python(tmp_path), **options)
    return make_plan(choices, find_wheel(small_wheel(tmp_path).parents[1]), lambda: card, "linux")


@pytest.fixture(autouse=True)
def with_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "has_nvcc", lambda: True)


def test_a_card_is_read_from_what_the_driver_prints() -> None:
    assert card_of(TABLE) == H200
    assert card_of("NVIDIA-SMI has failed because it couldn't communicate with the driver") is None
    assert card_of("CUDA UMD Version: 14.1") == Card(name="NVIDIA card", cuda=(14, 1))


@pytest.mark.parametrize(
    ("system", "card", "device", "index"),
    [
        ("linux", None, "cpu", "https://download.pytorch.org/whl/cpu"),
        ("win32", None, "cpu", "https://download.pytorch.org/whl/cpu"),
        ("darwin", None, "cpu", ""),
        ("linux", H200, "cuda", ""),
        ("win32", H200, "cuda", "https://download.pytorch.org/whl/cu130"),
        ("linux", OLDER, "cuda", "https://download.pytorch.org/whl/cu126"),
        ("linux", OLD, "cpu", "https://download.pytorch.org/whl/cpu"),
    ],
)
def test_the_build_follows_the_card(
    tmp_path: Path, system: str, card: Card | None, device: str, index: str
) -> None:
    python, wheel = fake_python(tmp_path), find_wheel(small_wheel(tmp_path).parents[1])
    choices = Choices(data_folder=tmp_path, python=python)
    made = make_plan(choices, wheel, lambda: card, system)
    assert (made.device, made.torch_index) == (device, index)


def test_the_processor_may_be_chosen_although_there_is_a_card(tmp_path: Path) -> None:
    def ask() -> Card | None:
        raise AssertionError("nobody need ask the driver")

    choices = Choices(data_folder=tmp_path, python=fake_python(tmp_path), device="cpu")
    made = make_plan(choices, find_wheel(small_wheel(tmp_path).parents[1]), ask, "linux")
    assert (made.device, made.why, made.extras) == ("cpu", "as chosen", "sidecar")


@pytest.mark.parametrize(
    ("card", "reason"),
    [(None, "no NVIDIA card was found"), (OLD, "the driver of GeForce GTX 970 is too old")],
)
def test_a_card_that_is_chosen_and_not_there(
    tmp_path: Path, card: Card | None, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        plan_of(tmp_path, card, device="cuda")
    assert caught.value.code == "setup.card"


def test_avatars_on_the_card_need_its_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_of(tmp_path, H200).extras == "sidecar,cuda"
    assert not any("nvcc" in line for line in describe(plan_of(tmp_path, H200)))
    monkeypatch.setattr(plans, "has_nvcc", lambda: False)
    made = plan_of(tmp_path, H200)
    assert made.extras == "sidecar"
    assert any("nvcc" in line for line in describe(made))


def test_what_is_shown_before(tmp_path: Path) -> None:
    assert describe(plan_of(tmp_path)) == [
        f"Python 3.12.4: {tmp_path / 'python3'}",
        "PyTorch for the processor: no NVIDIA card was found",
        f"Into {tmp_path / 'data'}",
        "About 0.4 GB are downloaded",
        "It takes some minutes, of which about one compiles",
        "Blender stays usable meanwhile, and the cross beside the progress cancels",
    ]
    (tmp_path / "packages").mkdir()
    made = plan_of(tmp_path, H200, wheels=tmp_path / "packages")
    assert describe(made)[1] == "PyTorch for NVIDIA cards: NVIDIA H200, CUDA 13.0"
    assert describe(made)[3] == f"About 3 GB are taken from {tmp_path / 'packages'}"


def test_a_python_is_brought_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the network alone; one that was brought before is found, and counts before Blender's."""
    monkeypatch.setattr(
        pythons, "candidates", lambda around: iter([[str(p)] for p in around.brought])
    )
    wheel = find_wheel(small_wheel(tmp_path).parents[1])
    choices = Choices(data_folder=tmp_path / "data", device="cpu")
    made = make_plan(choices, wheel, lambda: None, "linux")
    assert made.python is None
    assert describe(made)[0] == (
        "Python 3.12: none is here, so uv is downloaded, which brings one (60 MB)"
    )
    for offline in (tmp_path, tmp_path / "data"):
        offline.mkdir(exist_ok=True)
        without = Choices(data_folder=tmp_path / "data", device="cpu", wheels=offline)
        with pytest.raises(InputError) as caught:
            make_plan(without, wheel, lambda: None, "linux")
        assert caught.value.code == "setup.no_python"
    monkeypatch.setattr(plans, "machine_pattern", lambda: None)  # nor where uv does not run
    with pytest.raises(InputError) as caught:
        make_plan(choices, wheel, lambda: None, "linux")
    assert caught.value.code == "setup.no_python"
    inside = tmp_path / "data" / "python" / "cpython-3.12.99-linux-x86_64-gnu" / "bin"
    brought = fake_python(inside)
    found = make_plan(choices, wheel, lambda: None, "linux").python
    assert found is not None
    assert found.path == brought


def test_an_index_that_is_set_counts(tmp_path: Path) -> None:
    assert plan_of(tmp_path, torch_index_url="https://studio/torch").torch_index == (
        "https://studio/torch"
    )


def test_a_folder_of_packages_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(tmp_path, wheels=tmp_path / "gone")
    assert caught.value.code == "setup.wheels"


def test_the_wheel_is_read(tmp_path: Path) -> None:
    path = small_wheel(tmp_path)
    found = find_wheel(tmp_path)
    assert (found.path, found.version, found.torch) == (path, "0.1.0", "torch>=2.11,<2.14")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.parent.name == WHEEL_FOLDER  # where `affekt extension build` puts it


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_a_copy_without_its_wheel(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        small_wheel(tmp_path).write_bytes(content)
    with pytest.raises(InputError) as caught:
        find_wheel(tmp_path)
    assert caught.value.code == "setup.no_wheel"


def test_an_environment_of_another_build_is_outdated(tmp_path: Path) -> None:
    small_wheel(tmp_path)
    wheel = find_wheel(tmp_path)
    assert not is_outdated(tmp_path, lambda: wheel)  # there is none
    python = python_of(tmp_path / "environment-1-0123ab")
    python.parent.mkdir(parents=True)
    python.touch()
    for sha256, outdated in ((wheel.sha256, False), ("00" * 32, True)):
        made = Environment(
            folder="environment-1-0123ab",
            base=sys.executable,
            wheel=sha256,
            affekt="0.1.0",
            device="cpu",
        )
        write_environment(tmp_path, made)
        assert is_outdated(tmp_path, lambda: wheel) == outdated
    shipped_wheel.cache_clear()
    assert not is_outdated(tmp_path, shipped_wheel)  # a clone carries none


@pytest.mark.parametrize(
    ("cuda", "device", "index"),
    [
        ((12, 5), "cpu", f"{plans.PYTORCH}/cpu"),
        ((12, 6), "cuda", f"{plans.PYTORCH}/cu126"),
        ((12, 10), "cuda", f"{plans.PYTORCH}/cu126"),
        ((13, 0), "cuda", ""),
        ((13, 1), "cuda", ""),
    ],
)
def test_which_drivers_are_new_enough(
    tmp_path: Path, cuda: tuple[int, int], device: str, index: str
) -> None:
    made = plan_of(tmp_path, Card(name="A card", cuda=cuda))
    assert (made.device, made.torch_index) == (device, index)
    if device == "cuda":
        chosen = plan_of(tmp_path, Card(name="A card", cuda=cuda), device="cuda")
        assert (chosen.device, chosen.why) == ("cuda", f"A card, CUDA {cuda[0]}.{cuda[1]}")


def test_how_much_room_it_takes(tmp_path: Path) -> None:
    assert plan_of(tmp_path).needed_bytes == 3_000_000_000
    assert plan_of(tmp_path, H200).needed_bytes == 14_000_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="programs there have other endings")
def test_the_driver_and_the_compiler_are_asked_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # what stands in for the compiler
    for name in ("CUDA_HOME", "CUDA_PATH", "SYSTEMROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert plans.read_card() is None
    assert not plans.has_nvcc()
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{TABLE}'\n")
    program.chmod(0o755)
    assert plans.read_card() == H200
    program.write_text(f"#!/bin/sh\necho '{TABLE}'\nexit 9\n")
    assert plans.read_card() is None
    program.write_text("not a program")
    assert plans.read_card() is None
    (tmp_path / "toolkit" / "bin").mkdir(parents=True)
    monkeypatch.setenv("CUDA_PATH", str(tmp_path / "toolkit"))
    assert plans.has_nvcc()
    monkeypatch.setenv("CUDA_PATH", str(tmp_path / "gone"))
    assert not plans.has_nvcc()
    (tmp_path / "nvcc").write_text("#!/bin/sh\n")
    (tmp_path / "nvcc").chmod(0o755)
    assert plans.has_nvcc()


def test_of_several_wheels_the_last_one_counts(tmp_path: Path) -> None:
    path = small_wheel(tmp_path)
    path.with_name("affekt-0.0.9-py3-none-any.whl").write_bytes(b"an old one")
    assert find_wheel(tmp_path).path == path
