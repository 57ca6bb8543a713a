# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is taken, and what is said where one is missing; on machines without any."""

import importlib
import importlib.util
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.raster import device as module
from affekt.sidecar.raster.cuda import CudaRasteriser
from affekt.sidecar.raster.device import CpuRasteriser, choose_rasteriser
from affekt.sidecar.raster.gaussians import Gaussians
from fakes import gsplat as stand_in


class Machine:
    """What a machine has, to be taken away piece by piece. `touched`: what ran of gsplat."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch, self.touched = monkeypatch, []
        self.packages, self.kernels = {"gsplat", "packaging"}, object()
        self.rasterization = stand_in.rasterization
        find_spec, import_module = importlib.util.find_spec, importlib.import_module

        def found(name: str, package: str | None = None):
            if name in ("gsplat", "packaging"):
                return name in self.packages or None
            return find_spec(name, package)

        def imported(name: str, package: str | None = None):
            if name == "gsplat.cuda._backend":
                self.touched.append(name)
                print("gsplat: Setting up CUDA")
                if isinstance(self.kernels, Exception):
                    raise self.kernels
                return types.SimpleNamespace(_C=self.kernels)
            if name == "gsplat":
                self.touched.append(name)
                return types.SimpleNamespace(rasterization=self.rasterization)
            return import_module(name, package)

        monkeypatch.setattr(importlib.util, "find_spec", found)
        monkeypatch.setattr(importlib, "import_module", imported)
        monkeypatch.setattr(torch.version, "cuda", "13.0")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
        monkeypatch.setattr(module, "kernels_are_built", self.find_kernels)
        # The stand-in draws on the processor, whatever it is told.
        cpu = torch.device("cpu")
        monkeypatch.setattr(torch, "device", lambda name: cpu)

    def find_kernels(self) -> bool:
        self.touched.append("gsplat.csrc")
        return True


@pytest.fixture
def machine(monkeypatch) -> Machine:
    module._started_cuda.cache_clear()
    yield Machine(monkeypatch)
    module._started_cuda.cache_clear()


def refused(device: str = "cuda") -> InputError:
    with pytest.raises(InputError) as caught:
        choose_rasteriser(device)
    return caught.value


def test_cpu_is_cpu_and_looks_at_nothing(machine: Machine):
    chosen = choose_rasteriser("cpu")
    assert isinstance(chosen, CpuRasteriser)
    assert chosen.device == "cpu"
    assert not machine.touched


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_all_there_is_cuda(machine: Machine, device: str, capsys):
    chosen = choose_rasteriser(device)
    assert isinstance(chosen, CudaRasteriser)
    assert chosen.device == "cuda"
    assert "a card" in chosen.reason
    assert capsys.readouterr().out == ""  # gsplat's own words are no part of a command's output
    assert choose_rasteriser(device) is chosen


def test_another_word_is_refused(machine: Machine):
    assert refused("gpu").code == "option.device"


def no_cuda_build(machine: Machine) -> None:
    machine.patch.setattr(torch.version, "cuda", None)


def no_card(machine: Machine) -> None:
    def is_available() -> bool:
        warnings.warn("CUDA initialization: The NVIDIA driver is too old", stacklevel=2)
        return False

    machine.patch.setattr(torch.cuda, "is_available", is_available)


def no_gsplat(machine: Machine) -> None:
    machine.packages.remove("gsplat")


def no_packaging(machine: Machine) -> None:
    machine.packages.remove("packaging")


def no_compiler(machine: Machine) -> None:
    machine.kernels = None


def a_build_that_fails(machine: Machine) -> None:
    machine.kernels = RuntimeError("ninja: build stopped\nerror: unsupported GNU version")


def kernels_of_another_card(machine: Machine) -> None:
    def rasterization(**_):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    machine.rasterization = rasterization


def kernels_that_draw_nothing(machine: Machine) -> None:
    def rasterization(**given):
        values, alpha, meta = stand_in.rasterization(**given)
        return values * 0, alpha * 0, meta

    machine.rasterization = rasterization


MISSING = [
    (no_cuda_build, "option.device_torch", "built without CUDA"),
    (no_card, "option.device_missing", "driver is too old"),
    (no_gsplat, "option.device_gsplat", "gsplat, which rendering"),
    (no_packaging, "option.device_gsplat", "packaging, which rendering"),
    (no_compiler, "option.device_kernels", "nvcc"),
    (a_build_that_fails, "option.device_kernels", "unsupported GNU version"),
    (kernels_of_another_card, "option.device_kernels", "no kernel image"),
    (kernels_that_draw_nothing, "option.device_kernels", "wrong pictures"),
]


@pytest.mark.parametrize(("take_away", "code", "words"), MISSING)
def test_what_is_missing_is_said(machine: Machine, take_away, code: str, words: str):
    take_away(machine)
    error = refused()
    assert error.code == code
    assert words in error.message
    assert "CPU" in error.remedy


@pytest.mark.parametrize(("take_away", "code", "words"), MISSING)
def test_auto_takes_the_cpu_and_says_why(machine: Machine, take_away, code: str, words: str):
    take_away(machine)
    chosen = choose_rasteriser("auto")
    assert isinstance(chosen, CpuRasteriser)
    assert words in chosen.reason


@pytest.mark.parametrize("take_away", [no_cuda_build, no_card])
def test_gsplat_is_not_touched_without_a_card(machine: Machine, take_away):
    """With nvcc and no card its first use starts a build that fails."""
    take_away(machine)
    choose_rasteriser("auto")
    refused()
    assert not machine.touched


def test_auto_starts_no_build(machine: Machine):
    machine.patch.setattr(module, "kernels_are_built", lambda: False)
    chosen = choose_rasteriser("auto")
    assert chosen.device == "cpu"
    assert "not built yet" in chosen.reason
    assert "gsplat.cuda._backend" not in machine.touched
    assert choose_rasteriser("cuda").device == "cuda"


@pytest.mark.parametrize(
    "place", ["cache/gsplat_cuda/gsplat_cuda.so", "gsplat/csrc.cpython-311-x86_64-linux-gnu.so"]
)
def test_built_kernels_are_found_where_gsplat_looks(monkeypatch, tmp_path, place: str):
    """torch's cache of extensions, and a wheel that was built with its kernels."""
    (tmp_path / "gsplat").mkdir()
    (tmp_path / "cache" / "gsplat_cuda").mkdir(parents=True)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "cache"))
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path / "gsplat")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    (tmp_path / "cache" / "gsplat_cuda" / "gsplat_cuda.o").touch()
    assert not module.kernels_are_built()
    (tmp_path / place).touch()
    assert module.kernels_are_built()


def test_importing_the_rooms_imports_no_gsplat():
    """Nor pytorch3d."""
    import subprocess

    code = (
        "import sys, affekt.sidecar.raster.cuda, affekt.sidecar.raster.pytorch3d\n"
        "from affekt.sidecar.raster.device import choose_rasteriser\n"
        "choose_rasteriser('cpu')\n"
        "assert not {'gsplat', 'pytorch3d'} & set(sys.modules), 'imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_who_has_no_gsplat_waits_for_no_torch():
    import subprocess

    code = (
        "import importlib.util, sys\n"
        "from affekt.sidecar.raster.device import choose_rasteriser\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'gsplat' else find(name)\n"
        "print(choose_rasteriser('auto').reason)\n"
        "assert 'torch' not in sys.modules, 'imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gsplat" in done.stdout


def test_this_machine_has_some_rasteriser():
    """Whatever it has: one Gaussian comes out, and a reason is given."""
    chosen = choose_rasteriser()
    assert chosen.reason.startswith("Rendering on ")
    from affekt.shared.camera import Camera

    camera = Camera(
        width=9,
        height=9,
        focal_x=9,
        focal_y=9,
        centre_x=4.5,
        centre_y=4.5,
        camera_from_world=np.eye(4),
    )
    one = Gaussians(
        means=np.array([[0, 0, 1.0]]),
        quaternions=np.array([[1.0, 0, 0, 0]]),
        scales=np.full((1, 3), 0.2),
        opacities=np.array([0.9]),
        colours=np.ones((1, 3)),
    )
    image = chosen(one, camera)
    assert image.alpha[4, 4] == pytest.approx(0.9, abs=1e-3)
