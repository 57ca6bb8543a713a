# SPDX-License-Identifier: GPL-3.0-or-later
"""Python, Affekt and the packages that it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...shared.limits import PROTOCOL_VERSION
from ...shared.version import AFFEKT_VERSION
from .finding import Finding, missing, ok, warn
from .machine import Machine

PYTHONS = ((3, 11), (3, 14))
"""The oldest, and the first that is too new; as in `pyproject.toml`."""
REQUIREMENTS = {
    "torch": "torch>=2.11,<2.14",
    "numba": "numba>=0.61",
    "scipy": "scipy>=1.13",
    "safetensors": "safetensors>=0.5",
    "cv2": "opencv-python-headless>=4.10",
    "PIL": "Pillow>=11",
    "av": "av>=14",
    "OpenEXR": "OpenEXR>=3.3",
    "psutil": "psutil>=6",
    "filelock": "filelock>=3.16",
    "tyro": "tyro>=0.9",
    "rich": "rich>=13",
    "gsplat": "gsplat>=1.5.3",
    "packaging": "packaging>=24",
    "espeakng_loader": "espeakng-loader>=0.2.4",
    "numpy": "numpy>=1.26",
    "zmq": "pyzmq>=26.2",
    "msgpack": "msgpack>=1.1",
}
"""Module -> requirement, as in `pyproject.toml`."""
_BASE = ("numpy", "zmq", "msgpack")
_SMALL = ("scipy", "safetensors", "cv2", "PIL", "psutil", "filelock", "tyro", "rich")
_OTHER_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A distribution and the versions that will do: from `least` on, before `below`."""

    distribution: str
    least: tuple[int, ...]
    below: tuple[int, ...] | None

    @classmethod
    def of(cls, module: str) -> Requirement:
        """That of `REQUIREMENTS`."""
        found = re.fullmatch(r"([A-Za-z0-9-]+)>=([0-9.]+)(?:,<([0-9.]+))?", REQUIREMENTS[module])
        assert found is not None  # a test reads them all
        below = found[3] and _numbers(found[3])
        return cls(distribution=found[1], least=_numbers(found[2]), below=below or None)

    def fits(self, version: str) -> bool:
        """Whether the version will do."""
        numbers = _numbers(version)
        return numbers >= self.least and (self.below is None or numbers < self.below)


def check_python(machine: Machine) -> Finding:
    version = ".".join(map(str, machine.python))
    detail = f"{version}, {machine.executable}"
    if PYTHONS[0] <= machine.python[:2] < PYTHONS[1]:
        return ok("Python", detail)
    return missing(
        "Python",
        f"{detail}: Affekt runs on 3.11, 3.12 and 3.13",
        "python3.12 -m venv affekt-env, and install Affekt there",
    )


def check_affekt(machine: Machine) -> Finding:
    root = Path(__file__).resolve().parents[2]
    detail = f"{AFFEKT_VERSION}, protocol {'.'.join(map(str, PROTOCOL_VERSION))}, {root}"
    installed = machine.version_of("affekt")
    if installed in (None, AFFEKT_VERSION):
        return ok("Affekt", detail)
    return warn(
        "Affekt",
        f"{detail}; pip believes that it is {installed}",
        machine.pip("install", "--force-reinstall", "--no-deps", "-e", str(root)),
    )


def check_base(machine: Machine) -> Finding:
    """What Affekt needs on both sides, and the lock on the wire."""
    finding = check_several(machine, "numpy, ZeroMQ, msgpack", _BASE)
    if finding.state == "ok":
        import zmq

        if not zmq.has("curve"):
            line = machine.pip("install", "--force-reinstall", REQUIREMENTS["zmq"])
            return missing(finding.name, "this pyzmq was built without encryption", line)
    return finding


def check_numba(machine: Machine) -> Finding:
    return check_package(machine, "numba", "numba", "numba")


def check_openexr(machine: Machine) -> Finding:
    return check_package(machine, "OpenEXR", "OpenEXR", "OpenEXR")


def check_ffmpeg(machine: Machine) -> Finding:
    """The FFmpeg that PyAV carries; no program on PATH is used."""
    finding = check_package(machine, "ffmpeg", "av", "av")
    if finding.state != "ok":
        return finding
    return ok("ffmpeg", f"{machine.facts('av').get('ffmpeg', '')}, in PyAV {finding.detail}")


def check_espeak(machine: Machine) -> Finding:
    if machine.version_of("espeakng-loader") is None:
        return warn(
            "espeak-ng",
            "not installed; only `affekt data anchors` needs it",
            machine.pip("install", REQUIREMENTS["espeakng_loader"]),
        )
    found = check_package(machine, "espeak-ng", "espeakng_loader", "espeak")
    return found if found.state == "ok" else warn(found.name, found.detail, found.remedy)


def check_small(machine: Machine) -> Finding:
    """The packages that need no line of their own."""
    doubled = [name for name in _OTHER_OPENCVS if machine.version_of(name) is not None]
    if doubled and machine.version_of("opencv-python-headless") is not None:
        return warn(
            "other packages",
            f"{' and '.join(doubled)} beside opencv-python-headless: both are the module cv2, and "
            "one spoils the other",
            f"{machine.pip('uninstall', *doubled)}\n"
            + machine.pip("install", "--force-reinstall", REQUIREMENTS["cv2"]),
        )
    return check_several(machine, "other packages", _SMALL)


def check_package(machine: Machine, name: str, module: str, topic: str) -> Finding:
    """A package that is needed: installed, of a version that will do, and it can be imported."""
    wanted = Requirement.of(module)
    version = machine.version_of(wanted.distribution)
    line = machine.pip("install", REQUIREMENTS[module])
    if version is None:
        return missing(name, "not installed", line)
    if not wanted.fits(version):
        return missing(name, f"{version}, but {REQUIREMENTS[module]} is needed", line)
    if error := machine.facts(topic).get("error"):
        again = machine.pip("install", "--force-reinstall", REQUIREMENTS[module])
        return missing(name, f"{version} is installed and cannot be used: {error}", again)
    return ok(name, version)


def check_several(machine: Machine, name: str, modules: tuple[str, ...]) -> Finding:
    """Packages of which only the versions are looked at."""
    wanted = {module: Requirement.of(module) for module in modules}
    found = {module: machine.version_of(wanted[module].distribution) for module in modules}
    lacking = [
        module
        for module, version in found.items()
        if version is None or not wanted[module].fits(version)
    ]
    detail = ", ".join(
        f"{wanted[module].distribution} {found[module] or 'not installed'}"
        for module in (lacking or modules)
    )
    if not lacking:
        return ok(name, detail)
    line = machine.pip("install", *(REQUIREMENTS[module] for module in lacking))
    return missing(name, detail, line)


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers: (2, 13, 0) of 2.13.0+cpu or 2.13.0rc1."""
    numbers = []
    for part in re.split(r"[.+]", version):
        leading = re.match(r"\d+", part)
        if leading is None:
            break
        numbers.append(int(leading[0]))
        if leading[0] != part:
            break
    return tuple(numbers)
