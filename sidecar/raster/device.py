# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses where Gaussians are composited: on this processor, or on an NVIDIA card through gsplat.

gsplat is imported only after torch has found a card: on a machine with nvcc but no card its first
import starts a build that fails after minutes. That import builds its kernels unless they lie in
torch's cache of extensions; `auto` never starts such a build.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from ...shared.camera import Camera
from ...shared.errors import InputError
from .gaussians import GaussianImage, Gaussians, Rasterise, rasterise_gaussians

if TYPE_CHECKING:
    from .cuda import CudaRasteriser, Rasterization

Device = Literal["auto", "cpu", "cuda"]
_BUILD = (
    "Install the CUDA toolkit of PyTorch's version (nvcc) and a C++ compiler, set CUDA_HOME and "
    "TORCH_CUDA_ARCH_LIST (such as 9.0), and try again; or render on the CPU."
)


class Rasteriser(Rasterise, Protocol):
    """A `Rasterise` and where it runs. device: "cpu" or "cuda". reason: a sentence for the user,
    which device was chosen and why. Raises the errors of `rasterise_gaussians`, and InputError
    `option.device_memory` if a picture does not fit on the card."""

    @property
    def device(self) -> str: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuRasteriser:
    """`rasterise_gaussians` as a `Rasteriser`."""

    reason: str
    device: str = "cpu"

    def __call__(
        self, gaussians: Gaussians, camera: Camera, *, antialiased: bool = False
    ) -> GaussianImage:
        return rasterise_gaussians(gaussians, camera, antialiased=antialiased)


def choose_rasteriser(device: str = "auto") -> Rasteriser:
    """The rasteriser on `device`, one of `Device`.

    "auto" takes CUDA if a card, gsplat and its built kernels are all there, else the CPU; its
    `reason` says which and why. "cuda" also builds the kernels, which takes minutes, once.
    Raises InputError `option.device` for another word. For "cuda" also `option.device_torch` if
    PyTorch has no CUDA, `option.device_missing` without a card, `option.device_gsplat` without
    gsplat, `option.device_kernels` if its kernels cannot be built or draw wrong pictures.
    """
    if device == "cpu":
        return CpuRasteriser(reason="Rendering on the CPU, as asked for.")
    if device == "cuda":
        check_cuda()
        check_packages()
        return _started_cuda("Rendering on CUDA, as asked for")
    check_device_name(device)
    try:
        check_packages()
        check_cuda()
        if not kernels_are_built():
            return CpuRasteriser(
                reason="Rendering on the CPU. gsplat's CUDA kernels are not built yet: rendering "
                "once with the device `cuda` builds them."
            )
        return _started_cuda("Rendering on CUDA, which is ready")
    except InputError as error:
        return CpuRasteriser(reason=f"Rendering on the CPU. {error.message}")


def check_device_name(device: str) -> None:
    """Refuses an unknown device. Raises InputError `option.device` for a word not in `Device`."""
    if device not in get_args(Device):
        raise InputError(
            "option.device", f"'{device}' is no device.", "Choose `auto`, `cpu` or `cuda`."
        )


def check_cuda() -> None:
    """Makes sure that torch can use a card. Raises InputError `option.device_torch` if PyTorch was
    built without CUDA, `option.device_missing` if it finds no card."""
    import torch

    if torch.version.cuda is None:
        raise InputError(
            "option.device_torch",
            "This PyTorch was built without CUDA.",
            "Install PyTorch's CUDA build from pytorch.org, or render on the CPU.",
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = torch.cuda.is_available()
    if not found:
        why = f" PyTorch says: {caught[-1].message}." if caught else ""
        raise InputError(
            "option.device_missing",
            f"No NVIDIA card that PyTorch can use was found.{why}",
            "Check the driver with `nvidia-smi`, or render on the CPU.",
        )


def check_packages() -> None:
    """Makes sure that gsplat is installed, without importing it: machines without it need not wait
    for torch. Raises InputError `option.device_gsplat` if it or packaging is missing."""
    # packaging: gsplat imports it and does not declare it.
    for package in ("gsplat", "packaging"):
        if importlib.util.find_spec(package) is None:
            raise InputError(
                "option.device_gsplat",
                f"{package}, which rendering on NVIDIA cards needs, is not installed.",
                'Install it beside Affekt with `pip install "affekt[cuda]"`, or render on the CPU.',
            )


def kernels_are_built() -> bool:
    """Whether gsplat's kernels can be loaded without a build; does not import gsplat."""
    from torch.utils import cpp_extension

    gsplat = importlib.util.find_spec("gsplat")
    packaged = (gsplat and gsplat.submodule_search_locations) or []
    # Where gsplat itself looks; torch has no public name for it.
    built = Path(cpp_extension._get_build_directory("gsplat_cuda", verbose=False))
    found = [path for folder in packaged for path in Path(folder).glob("csrc.*")]
    found += built.glob("gsplat_cuda.*")
    return any(path.suffix in (".so", ".pyd", ".lib") for path in found)


def load_rasterization() -> Rasterization:
    """Builds and loads gsplat's kernels and returns its `rasterization`. Raises InputError
    `option.device_kernels` if the build fails or there is no compiler."""
    try:
        # gsplat reports its build with prints; a command's output is not the place for it.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            # torch warns that it builds for the cards it sees, which is what we want.
            warnings.simplefilter("ignore")
            kernels = importlib.import_module("gsplat.cuda._backend")._C
            rasterization = importlib.import_module("gsplat").rasterization
    except Exception as error:
        # A compiler, a linker or a half-written cache can raise anything here.
        raise _kernels_error(
            f"gsplat's CUDA kernels could not be built: {_last_line(error)}"
        ) from error
    if kernels is None:
        raise _kernels_error("gsplat's CUDA kernels are not built, and there is no nvcc to do it.")
    return rasterization


def _kernels_error(message: str) -> InputError:
    return InputError("option.device_kernels", message, _BUILD)


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[-1] if lines else type(error).__name__)[:300]


@functools.cache
def _started_cuda(reason: str) -> CudaRasteriser:
    """Loads the kernels and checks that one Gaussian is drawn right; once in a process."""
    import torch

    from .cuda import CudaRasteriser

    rasterization = load_rasterization()
    try:
        rasteriser = CudaRasteriser(
            rasterization=rasterization,
            torch_device=torch.device("cuda"),
            reason=f"{reason}: {torch.cuda.get_device_name()}.",
        )
        _check_one_gaussian(rasteriser)
    except RuntimeError as error:
        raise _kernels_error(f"gsplat's kernels do not run here: {_last_line(error)}") from error
    return rasteriser


def _check_one_gaussian(rasteriser: CudaRasteriser) -> None:
    """Draws one Gaussian: kernels built for another card load, but fail or draw nothing. Raises
    InputError `option.device_kernels` if the picture differs from the CPU's."""
    camera = Camera(
        width=17,
        height=17,
        focal_x=20.0,
        focal_y=20.0,
        centre_x=8.5,
        centre_y=8.5,
        camera_from_world=np.eye(4),
    )
    one = Gaussians(
        means=np.array([[0.0, 0.0, 1.0]]),
        quaternions=np.array([[1.0, 0.0, 0.0, 0.0]]),
        scales=np.full((1, 3), 0.1),
        opacities=np.array([0.8]),
        colours=np.ones((1, 1)),
    )
    found, wanted = rasteriser(one, camera), rasterise_gaussians(one, camera)
    if not np.allclose(found.alpha, wanted.alpha, atol=5e-3):
        raise _kernels_error("gsplat's kernels draw wrong pictures on this card.")
