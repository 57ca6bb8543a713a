# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as files for Flamenco, Blender's farm: `assets/affekt_batch.js` is its job type, and a
job is posted to the manager as JSON (`POST /api/v3/jobs`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from .written import STAGES, group_size

JOB_TYPE, JOB = "affekt_batch.js", "affekt.flamenco.json"


def read_job_type() -> bytes:
    """The job type's JavaScript."""
    return resources.files(__package__ or "").joinpath("../assets", JOB_TYPE).read_bytes()


def encode_job(counts: Mapping[str, int], name: str, folder: Path) -> bytes:
    """The job as the manager takes it. counts: tasks of each stage."""
    settings: dict[str, str | int] = {"folder": str(folder), "affekt": "affekt"}
    settings["group"] = group_size(max(counts.values()))
    content = {
        "name": f"Affekt {name}",
        "type": "affekt-batch",
        "priority": 50,
        "submitter_platform": "linux",
        "settings": settings | {f"{stage}_tasks": counts[stage] for stage in STAGES},
        "metadata": {},
    }
    return (json.dumps(content, indent=2) + "\n").encode()
