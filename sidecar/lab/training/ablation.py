# SPDX-License-Identifier: GPL-3.0-or-later
"""The full model and what it is without a part of it: settings that ship, on one short budget."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from .config import GeometryConfig
from .geometry import WEIGHTS

_FOLDER = Path(__file__).parent / "ablations"


def ablations() -> dict[str, Path]:
    """Name -> TOML file of settings; "full" first."""
    paths = sorted(_FOLDER.glob("*.toml"), key=lambda path: (path.stem != "full", path.stem))
    return {path.stem: path for path in paths}


def is_finished(config: GeometryConfig, folder: Path) -> bool:
    """Whether a run of these settings came to its end in `folder`."""
    try:
        about = json.loads((folder / WEIGHTS).with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    # Only the last weights, after the last step, carry figures.
    return bool(about.get("figures")) and about.get("training") == asdict(config)
