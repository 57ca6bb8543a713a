# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of training runs that last seconds."""

from dataclasses import asdict, replace
from pathlib import Path

from affekt.sidecar.lab.training.config import GeometryConfig

TINY = GeometryConfig(
    performances=6,
    programs=4,
    held_out_performances=2,
    layers=1,
    width=32,
    heads=2,
    hidden=32,
    steps=48,
    batch=8,
    learning_rate=1e-2,
    warmup_steps=4,
    vertices=20,
    bfloat16=False,
    log_every=4,
    measure_every=1000,
    checkpoint_every=12,
    average_decay=0.5,
    device="cpu",
)
BRIEF = replace(
    TINY,
    performances=2,
    programs=2,
    held_out_performances=1,
    steps=4,
    log_every=1,
    measure_every=2,
    checkpoint_every=2,
)


def write_config(config: GeometryConfig, path: Path) -> Path:
    """The config as TOML."""
    lines = []
    for name, value in asdict(config).items():
        text = str(value).lower() if isinstance(value, bool) else repr(value)
        lines.append(f"{name} = {text}")
    path.write_text("\n".join(lines) + "\n")
    return path
