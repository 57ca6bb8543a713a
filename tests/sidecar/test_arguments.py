# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that cannot be read: one sentence that names the option, and what to do."""

from __future__ import annotations

import pytest
from affekt.sidecar import cli
from affekt.sidecar.arguments import options_of
from affekt.sidecar.commands.convert import Convert
from affekt.sidecar.commands.render import Render

TAKE = "render --avatar open --motion a --out b"
MISTAKES = {
    f"{TAKE} --fps abc": ("option.value", "--fps is 'abc', not a number."),
    f"{TAKE} --fps=1,5": ("option.value", "--fps is '1,5', not a number."),
    f"{TAKE} --size 3.5": ("option.value", "--size is '3.5', not a whole number."),
    f"{TAKE} --size": ("option.value", "--size lacks its value."),
    f"{TAKE} --size --yaw 3": ("option.value", "--size lacks its value."),
    f"{TAKE} --format jpg": ("option.value", "Use one of png, exr."),
    f"{TAKE} --passes combined dept": ("option.value", "--passes is 'dept'"),
    f"{TAKE} --depth=no": ("option.value", "Write --depth or --no-depth."),
    f"{TAKE} --no-depth --fps abc": ("option.value", "--fps is 'abc', not a number."),
    f"{TAKE} --no_depth --fps abc": ("option.value", "--fps is 'abc', not a number."),
    f"{TAKE} --depth more --fps 30": ("option.unknown", "'more'"),  # a switch takes no value
    f"{TAKE} --fps=30 more": ("option.unknown", "'more'"),
    f"{TAKE} --passes combined depth --fps abc": ("option.value", "--fps is 'abc'"),
    f"{TAKE} --sise 3": ("option.unknown", "Did you mean --size?"),
    f"{TAKE} --no-dept": ("option.unknown", "Did you mean --no-depth?"),
    f"{TAKE} --yaw -20 more": ("option.unknown", "'more'"),
    "render --avatar open": ("option.lacking", "needs --motion and --out too."),
    "convert a": ("option.lacking", "needs OUT too."),
    "convert a b c": ("option.unknown", "'c'"),
    "keys trust": ("option.lacking", "`affekt keys trust` needs"),
    "bakee": ("option.command", "Did you mean `affekt bake`?"),
    "adapter cubic": ("option.command", "`affekt adapter --help`"),
    "zzz --help": ("option.command", "`affekt --help`"),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_one_sentence_for_a_mistake(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = MISTAKES[line]
    assert cli.run(line.split()) == 2
    out, err = capsys.readouterr()
    (told,) = err.splitlines()
    assert told.startswith("affekt: ")
    assert told.endswith(f"[{code}]")
    assert said in told
    assert out == ""


def test_options_as_the_command_has_them() -> None:
    found = {option.name: option for option in options_of(Render)}
    assert found["--size"].kind is int
    assert found["--width"].kind is int
    assert found["--fov"].kind is float
    assert found["--resume"].kind is bool
    assert found["--follow"].choices
    assert found["--passes"].many
    assert [name for name, option in found.items() if option.is_required] == [
        "--avatar",
        "--motion",
        "--out",
    ]
    assert [o.name for o in options_of(Convert) if not o.is_named] == ["SOURCE", "OUT"]
