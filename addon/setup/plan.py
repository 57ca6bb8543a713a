# SPDX-License-Identifier: GPL-3.0-or-later
"""What *Set Up Sidecar* would do, known before it is done: which Python, which PyTorch and why,
where, how much."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...shared.errors import InputError
from ..words.sentences import fill, translate
from .environment import brought_pythons, read_environment
from .pythons import VERSIONS, Python, Surroundings, choose_python
from .uv_wheel import machine_pattern

Device = Literal["auto", "cpu", "cuda"]
WHEEL_FOLDER = "sidecar_wheel"
"""Where in the extension the sidecar's wheel lies."""
PYTORCH = "https://download.pytorch.org/whl"
"""PyTorch's own index, with a build for each kind of machine; PyPI has one kind for each system."""
OLDEST_CUDA, NEW_CUDA = (12, 6), (13, 0)
"""What a card's driver must offer for the oldest CUDA build, and for the one that PyPI has."""
NEEDED_BYTES = {"cpu": 3_000_000_000, "cuda": 14_000_000_000}
"""Free disk: what is installed, and beside it what is being unpacked."""
_DOWNLOAD = {"cpu": "0.4 GB", "cuda": "3 GB"}
_PATIENCE_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the animator has set. python: None finds one. wheels: a folder from which alone packages
    are taken, None for the network. index_url, torch_index_url: of packages and of PyTorch, empty
    for those that pip's own settings name, or the usual ones."""

    data_folder: Path
    python: Path | None = None
    wheels: Path | None = None
    index_url: str = ""
    torch_index_url: str = ""
    device: Device = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An NVIDIA card, and the newest CUDA that its driver offers."""

    name: str
    cuda: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The sidecar's wheel: its file, SHA-256, version, and the requirements in it of PyTorch and of
    avatars from photos."""

    path: Path
    sha256: str
    version: str
    torch: str
    portrait: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done. python: None where one is to be downloaded. device: `cpu` or `cuda`, for
    the reason in `why`. torch_index: the index for PyTorch unless pip's own settings name one;
    empty for the usual one. extras: of the wheel."""

    choices: Choices
    wheel: Wheel
    python: Python | None
    device: str
    why: str
    torch_index: str
    extras: str

    @property
    def needed_bytes(self) -> int:
        """Free disk that it takes."""
        return NEEDED_BYTES[self.device]


def make_plan(
    choices: Choices, wheel: Wheel, find_card: Callable[[], Card | None], system: str = sys.platform
) -> Plan:
    """The plan. It asks Pythons and the card's driver, at most some seconds. system: as
    `sys.platform`. Raises InputError `setup.python`, `setup.no_python`, `setup.wheels`,
    `setup.card`."""
    if choices.wheels is not None and not choices.wheels.is_dir():
        raise InputError(
            "setup.wheels",
            f"There is no folder {choices.wheels}.",
            "Name the folder that holds the packages, or leave the field empty.",
        )
    python = _find_python(choices)
    card = find_card() if choices.device != "cpu" else None
    device, why = _choose_device(choices.device, card)
    return Plan(
        choices=choices,
        wheel=wheel,
        python=python,
        device=device,
        why=why,
        torch_index=choices.torch_index_url or _torch_index(device, card, system),
        extras="sidecar,cuda" if device == "cuda" and has_nvcc() else "sidecar",
    )


def _find_python(choices: Choices) -> Python | None:
    """The Python, or None where one is to be brought: that needs the network, and Blender's own
    Python to begin with. Raises InputError `setup.python`, `setup.no_python`."""
    try:
        brought = brought_pythons(choices.data_folder)
        return choose_python(choices.python, Surroundings(brought=brought))
    except InputError as error:
        may_bring = choices.wheels is None and machine_pattern() and os.path.isfile(sys.executable)
        if error.code != "setup.no_python" or not may_bring:
            raise
        return None


def describe(plan: Plan) -> list[str]:
    """The plan in lines for the dialog."""
    wheels, size, why = plan.choices.wheels, _DOWNLOAD[plan.device], translate(plan.why)
    lines = [
        _describe_python(plan.python),
        fill("PyTorch for NVIDIA cards: {why}", why=why)
        if plan.device == "cuda"
        else fill("PyTorch for the processor: {why}", why=why),
        fill("Into {folder}", folder=plan.choices.data_folder),
        fill("About {size} are downloaded", size=size)
        if wheels is None
        else fill("About {size} are taken from {folder}", size=size, folder=wheels),
        translate("It takes some minutes, of which about one compiles"),
        translate("Blender stays usable meanwhile, and the cross beside the progress cancels"),
    ]
    if plan.device == "cuda" and "cuda" not in plan.extras:
        lines.append(
            translate("Avatars are drawn on the processor: the CUDA toolkit (nvcc) is not there")
        )
    return lines


def _describe_python(python: Python | None) -> str:
    if python is None:
        text = "Python {version}: none is here, so uv is downloaded, which brings one (60 MB)"
        return fill(text, version=VERSIONS[0])
    return f"Python {python.version}: {python.path}"


def find_wheel(extension: Path) -> Wheel:
    """The wheel in the extension's folder. Raises InputError `setup.no_wheel`."""
    found = sorted((extension / WHEEL_FOLDER).glob("affekt-*.whl"))
    try:
        return _read_wheel(found[-1])
    except (IndexError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "setup.no_wheel",
            "This copy of the extension carries no sidecar that could be installed.",
            "Install the extension again from its zip, as `affekt extension build` makes it.",
        ) from error


@functools.cache
def shipped_wheel() -> Wheel:
    """The wheel in this extension. Raises InputError `setup.no_wheel`."""
    return find_wheel(Path(__file__).resolve().parents[2])


def is_outdated(data_folder: Path, wheel: Callable[[], Wheel]) -> bool:
    """Whether the environment there was made with another wheel than this one."""
    environment = read_environment(data_folder)
    try:
        return environment is not None and environment.wheel != wheel().sha256
    except InputError:  # a copy that cannot install anything
        return False


def _read_wheel(path: Path) -> Wheel:
    version = path.name.split("-")[1]
    with zipfile.ZipFile(path) as archive:
        text = archive.read(f"affekt-{version}.dist-info/METADATA").decode()
    (torch,) = re.findall(r'^Requires-Dist: (torch\b[^;\n]*?) *; extra == "sidecar"$', text, re.M)
    portrait = re.findall(r'^Requires-Dist: ([^;\n]*?) *; extra == "portrait"$', text, re.M)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(path=path, sha256=sha256, version=version, torch=torch, portrait=tuple(portrait))


def read_card() -> Card | None:
    """The first NVIDIA card, as `nvidia-smi` tells; None where there is none."""
    program = shutil.which("nvidia-smi") or _usual_smi()
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program],
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
            stdin=subprocess.DEVNULL,
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return card_of(done.stdout.decode("utf-8", "replace")) if done.returncode == 0 else None


def card_of(said: str) -> Card | None:
    """The card in `nvidia-smi`'s table."""
    cuda = re.search(r"CUDA (?:UMD )?Version: *(\d+)\.(\d+)", said)
    name = re.search(r"^\| +0 +(\S.*?)  ", said, re.MULTILINE)
    if cuda is None:
        return None
    return Card(name=name[1] if name else "NVIDIA card", cuda=(int(cuda[1]), int(cuda[2])))


def has_nvcc() -> bool:
    """Whether gsplat's kernels could be built here."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    return shutil.which("nvcc") is not None or bool(home and Path(home, "bin").is_dir())


def _usual_smi() -> str | None:
    """Where Windows has it, whose PATH may lack it."""
    root = os.environ.get("SYSTEMROOT")
    path = Path(root, "System32", "nvidia-smi.exe") if root else None
    return str(path) if path is not None and path.is_file() else None


def _choose_device(wanted: Device, card: Card | None) -> tuple[str, str]:
    """The device and why. Raises InputError `setup.card`."""
    if wanted == "cpu":
        return "cpu", "as chosen"
    if card is not None and card.cuda >= OLDEST_CUDA:
        return "cuda", f"{card.name}, CUDA {card.cuda[0]}.{card.cuda[1]}"
    why = "no NVIDIA card was found"
    if card is not None:
        why = f"the driver of {card.name} is too old (CUDA {card.cuda[0]}.{card.cuda[1]})"
    if wanted == "auto":
        return "cpu", why
    raise InputError(
        "setup.card",
        f"PyTorch for NVIDIA cards was chosen, but {why}.",
        "Install NVIDIA's newest driver, or choose the processor in the settings.",
    )


def _torch_index(device: str, card: Card | None, system: str) -> str:
    """The index that has the build; empty where PyPI's own is it."""
    if system == "darwin":
        return ""
    if device == "cpu":
        return f"{PYTORCH}/cpu"
    assert card is not None  # since the device is cuda
    if card.cuda < NEW_CUDA:
        return f"{PYTORCH}/cu126"
    return f"{PYTORCH}/cu130" if system == "win32" else ""
