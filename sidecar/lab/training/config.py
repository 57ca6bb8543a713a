# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a geometry training run, read from TOML and checked; those of the ablations."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ....shared.errors import InputError
from ...modulation.network import EMOTION_ENTRIES, NetworkConfig
from ..anchors.emotions import VARIANTS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


class NetworkSettings(Protocol):
    """What the settings of any training have."""

    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def average_decay(self) -> float: ...


_MAY_BE_ZERO = ("seed", "warmup_steps")
"""The whole numbers that may be 0; the others are counts of at least 1."""
DEVICES = ("auto", "cpu", "cuda")
SHIPPED = "shipped"
"""The `start` that is the modulator in the package."""
_MOST = 2**63 - 1
"""Of any whole number, as in TOML."""
_LARGEST = {"layers": 24, "width": 1024, "heads": 32, "hidden": 8192}
"""Larger networks are refused, as they are where one is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryConfig:
    """Settings of a run. device: "auto" is CUDA if torch sees it. data: folder of synchronised
    takes; if empty, anchors are made in memory. start: a modulator to go on from, with its
    scaling, by file or "shipped"; if empty, random weights. performances: sentences with a person
    each, made for training. programs: emotion curves of each performance. emotion: how it enters
    the network, one of `EMOTION_ENTRIES`. batch: windows of 64 frames a step, over all
    processes. *_weight: factors on the loss's terms, which are per unit of a number (parameter,
    velocity) or per mm (vertex, lips), or per mm of the lip gap's second difference (flutter);
    stain_weight: on `MeanErrors`; probe_weight: on the slope that
    `ReversedProbe` turns round. 0 leaves a term out."""

    seed: int = 1
    device: str = "auto"
    data: str = ""
    start: str = ""
    head: str = "open"
    performances: int = 3000
    programs: int = 10
    held_out_performances: int = 48
    layers: int = 4
    width: int = 256
    heads: int = 4
    hidden: int = 512
    emotion: str = "attended"
    steps: int = 8_000
    batch: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 300
    weight_decay: float = 0.02
    gradient_clip: float = 0.5
    average_decay: float = 0.998
    parameter_weight: float = 1.0
    vertex_weight: float = 0.12
    velocity_weight: float = 0.5
    lips_weight: float = 0.1
    flutter_weight: float = 0.05
    stain_weight: float = 0.0
    probe_weight: float = 0.0
    vertices: int = 600
    bfloat16: bool = True
    log_every: int = 50
    measure_every: int = 500
    checkpoint_every: int = 250

    def __post_init__(self) -> None:
        check_numbers(self, _MAY_BE_ZERO)
        check_choices(self, {"emotion": EMOTION_ENTRIES, "device": DEVICES})
        if self.programs < 2:
            raise bad_setting("programs is 1", "A pair needs at least 2 emotion programs.")
        check_network(self)

    @property
    def network(self) -> NetworkConfig:
        """The sizes of the network that these settings train."""
        names = ("layers", "width", "heads", "hidden", "emotion")
        return NetworkConfig(**{name: getattr(self, name) for name in names}, variants=VARIANTS)


def ablations() -> dict[str, Path]:
    """Name -> TOML file of the settings that ship: "full", then the model without one part each,
    all on one short budget."""
    paths = sorted(
        (Path(__file__).parent / "ablations").glob("*.toml"),
        key=lambda path: (path.stem != "full", path.stem),
    )
    return {path.stem: path for path in paths}


def read_config(path: Path | None) -> GeometryConfig:
    """Reads settings from a TOML file of `GeometryConfig` fields; see `read_settings`."""
    return read_settings(path, GeometryConfig())


def read_settings(path: Path | None, defaults: Settings) -> Settings:
    """Reads settings from a TOML file of the defaults' fields; None gives the defaults.

    Raises InputError `file.missing`, `option.config`.
    """
    if path is None:
        return defaults
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            "file.missing", f"The file {path} cannot be read.", "Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise bad_setting(f"{path.name} is not TOML ({error})", "Repair the file.") from error
    return replace(defaults, **_checked(values, defaults))


def _checked(values: dict[str, object], defaults: DataclassInstance) -> dict[str, object]:
    kinds = {f.name: type(f.default) for f in fields(defaults)}
    checked: dict[str, object] = {}
    for name, value in values.items():
        if name not in kinds:
            raise bad_setting(f"there is no setting '{name}'", f"Settings are {', '.join(kinds)}.")
        if type(value) is int and not -_MOST <= value <= _MOST:
            raise bad_setting(f"{name} is a number too large", "Give a smaller one.")
        if kinds[name] is float and type(value) is int:
            value = float(value)
        if type(value) is not kinds[name]:
            shown = f"a {type(value).__name__}" if isinstance(value, list | dict) else repr(value)
            raise bad_setting(
                f"{name} is {shown}", f"Give a value of the kind {kinds[name].__name__}."
            )
        checked[name] = value
    return checked


def check_numbers(settings: DataclassInstance, may_be_zero: Collection[str]) -> None:
    """Refuses numbers that are none or below 0, counts of 0 but for those named, and networks that
    no machine holds: InputError `option.config`."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool | str):
            continue
        if not (math.isfinite(value) and value >= 0):
            raise bad_setting(f"{field.name} is {value}", "Give a number that is 0 or more.")
        if type(field.default) is int and field.name not in may_be_zero and value < 1:
            raise bad_setting(f"{field.name} is {value}", "Give a whole number above 0.")
    for name, most in _LARGEST.items():
        if getattr(settings, name) > most:
            raise bad_setting(
                f"{name} is {getattr(settings, name)}", f"Give a whole number up to {most}."
            )


def check_choices(settings: DataclassInstance, choices: Mapping[str, Sequence[str]]) -> None:
    """Refuses a word that is none of the setting's: InputError `option.config`."""
    for name, words in choices.items():
        if getattr(settings, name) not in words:
            raise bad_setting(
                f"{name} is '{getattr(settings, name)}'", f"Give {' or '.join(words)}."
            )


def check_network(settings: NetworkSettings) -> None:
    """Refuses heads that do not share the width, and an average that never moves: InputError
    `option.config`."""
    width, heads = settings.width, settings.heads
    if width % heads:
        raise bad_setting(f"width {width} is not a multiple of heads {heads}", "Change one.")
    if settings.average_decay >= 1:
        raise bad_setting(f"average_decay is {settings.average_decay}", "Give a number below 1.")


def bad_setting(what: str, remedy: str) -> InputError:
    """The error for a setting that cannot be."""
    return InputError("option.config", f"The training settings cannot be used: {what}.", remedy)
