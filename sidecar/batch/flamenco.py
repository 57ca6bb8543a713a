# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as files for Flamenco, Blender's farm: `assets/affekt_batch.js` is its job type, and a
job is posted to the manager as JSON (`POST /api/v3/jobs`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from ...shared.errors import InputError
from .written import STAGES, group_size

_PLATFORMS = {"win32": "windows", "darwin": "darwin"}
"""As Flamenco calls them."""
JOB_TYPE, JOB = "affekt_batch.js", "affekt.flamenco.json"


def read_job_type() -> bytes:
    """The job type's JavaScript."""
    return resources.files(__package__ or "").joinpath("../assets", JOB_TYPE).read_bytes()


def encode_job(counts: Mapping[str, int], name: str, folder: Path) -> bytes:
    """The job as the manager takes it. counts: tasks of each stage. Raises InputError `batch.rows`
    if there are none."""
    if not any(counts.values()):
        raise InputError("batch.rows", "No row can be made.", "Mend the sheet.")
    settings: dict[str, str | int] = {"folder": str(folder), "affekt": "affekt"}
    settings["group"] = group_size(max(counts.values()))
    content = {
        "name": f"Affekt {name}",
        "type": "affekt-batch",
        "priority": 50,
        "submitter_platform": _PLATFORMS.get(sys.platform, "linux"),
        "settings": settings | {f"{stage}_tasks": counts[stage] for stage in STAGES},
        "metadata": {},
    }
    return (json.dumps(content, indent=2) + "\n").encode()
