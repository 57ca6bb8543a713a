# SPDX-License-Identifier: GPL-3.0-or-later
"""A job template of the Open Job Description (specification 2023-09) for a batch as files: Deadline
Cloud and others run it, and `openjd run` on one machine."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...shared.errors import InputError
from .written import STAGES, group_size

NAME = "affekt.openjd.json"


def encode_template(counts: Mapping[str, int], name: str) -> bytes:
    """counts: tasks of each stage. Raises InputError `batch.rows` if there are none."""
    steps, before = list[dict[str, object]](), ""
    for stage in STAGES:
        if counts[stage]:
            steps.append(_step(stage, counts[stage], before))
            before = stage
    if not before:
        raise InputError("batch.rows", "No row can be made.", "Mend the sheet.")
    steps.append(
        {"name": "report", **_after(before), "script": _script(["report", "{{Param.Folder}}"])}
    )
    content = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": f"Affekt {name}"[:128],
        "parameterDefinitions": [
            {
                "name": "Folder",
                "type": "PATH",
                "objectType": "DIRECTORY",
                "dataFlow": "INOUT",
                "description": "The batch's folder, which every worker sees.",
                "default": ".",
            },
            {
                "name": "Affekt",
                "type": "STRING",
                "description": "The program affekt on the workers.",
                "default": "affekt",
            },
        ],
        "steps": steps,
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def _step(stage: str, count: int, before: str) -> dict[str, object]:
    size = group_size(count)
    first = {"name": "First", "type": "INT", "range": f"1-{count}:{size}"}
    return {
        "name": stage,
        **_after(before),
        "parameterSpace": {"taskParameterDefinitions": [first]},
        "script": _script(["task", "{{Param.Folder}}", stage, "{{Task.Param.First}}", str(size)]),
    }


def _after(before: str) -> dict[str, object]:
    return {"dependencies": [{"dependsOn": before}]} if before else {}


def _script(words: list[str]) -> dict[str, object]:
    return {"actions": {"onRun": {"command": "{{Param.Affekt}}", "args": ["batch", *words]}}}
