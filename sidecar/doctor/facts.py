# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m affekt.sidecar.doctor.facts TOPIC` imports a package and prints facts about it as one
line of JSON, or the import's error. Always run in a process of its own, as imports may crash."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path


def main() -> None:
    topic = sys.argv[1]
    try:
        found = TOPICS[topic]() if topic in TOPICS else _version(topic)
    except Exception as error:  # imports of other people's packages may raise anything
        lines = str(error).strip().splitlines()
        found = {"error": f"{type(error).__name__}: {lines[0][:300] if lines else ''}"}
    print(json.dumps(found))


def _version(module: str) -> Mapping[str, str]:
    return {"version": str(getattr(importlib.import_module(module), "__version__", ""))}


def _torch() -> Mapping[str, str]:
    import torch

    threads = str(torch.get_num_threads())
    return {"version": torch.__version__, "cuda": torch.version.cuda or "", "threads": threads}


def _cuda() -> Mapping[str, str]:
    """Facts about the first card. Does not import gsplat, which would start to build kernels."""
    import torch

    from ...shared.errors import InputError
    from ..raster.device import check_cuda, kernels_are_built

    try:
        check_cuda()
    except InputError as error:
        return {"reason": error.message, "remedy": error.remedy}
    about = torch.cuda.get_device_properties(0)
    return {
        "card": about.name,
        "memory": f"{about.total_memory / 2**30:.0f} GiB",
        "capability": f"{about.major}.{about.minor}",
        "cards": str(torch.cuda.device_count()),
        "kernels": "built" if kernels_are_built() else "",
    }


def _av() -> Mapping[str, str]:
    import av

    return {"ffmpeg": str(getattr(av, "ffmpeg_version_info", ""))}


def _espeak() -> Mapping[str, str]:
    import ctypes

    import espeakng_loader

    path = Path(espeakng_loader.get_library_path())
    ctypes.CDLL(str(path))
    return {"library": path.name}


TOPICS = {"torch": _torch, "cuda": _cuda, "av": _av, "espeakng_loader": _espeak}

if __name__ == "__main__":
    main()
