# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal's door: one table of commands, each a dataclass of options with `run()`.

Exit codes: 0 done, 2 an error of the user's (one sentence on stderr), 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn, Protocol

import tyro

from ..shared.errors import AffektError


class Command(Protocol):
    def run(self) -> None: ...


COMMANDS = {
    "demo": "demo:Demo",
    "bake": "bake:Bake",
    "render": "render:Render",
    "avatar info": "avatar:Info",
    "avatar convert": "avatar:Convert",
    "avatar export": "avatar:Export",
    "avatar sequence": "avatar:Sequence",
    "avatar compare": "avatar:Compare",
    "convert": "convert:Convert",
    "serve": "serve:Serve",
    "adapter build": "adapter:Build",
    "adapter linear": "adapter:Linear",
    "data anchors": "data:Anchors",
    "train geometry": "train:Geometry",
    "train ablations": "train:Ablations",
    "evaluate geometry": "evaluate:Geometry",
    "evaluate pictures": "evaluate_pictures:Pictures",
    "evaluate takes": "evaluate_pictures:Takes",
    "head build-open": "head:BuildOpen",
    "head import": "head:Import",
    "extension build": "extension:Build",
}
"""Words on the command line -> module in `commands` and the dataclass in it, imported late so
that `affekt serve` does not wait for what only `affekt train` needs."""


def main() -> NoReturn:
    """Entry point of `affekt`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit code."""
    words = _match(arguments)
    if words is None:
        _print_usage()
        return 0 if arguments[:1] in (["--help"], ["-h"]) else 2
    module_name, class_name = COMMANDS[words].split(":")
    module = importlib.import_module(f".commands.{module_name}", __package__)
    options: type[Command] = getattr(module, class_name)
    rest = arguments[len(words.split()) :]
    try:
        tyro.cli(options, args=rest, prog=f"affekt {words}").run()
    except AffektError as error:
        print(f"affekt: {error} [{error.code}]", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _match(arguments: list[str]) -> str | None:
    for count in (2, 1):
        words = " ".join(arguments[:count])
        if words in COMMANDS:
            return words
    return None


def _print_usage() -> None:
    print("usage: affekt COMMAND [OPTIONS]\n\ncommands:", file=sys.stderr)
    for words in COMMANDS:
        print(f"  affekt {words}", file=sys.stderr)
    print("\n`affekt COMMAND --help` lists its options.", file=sys.stderr)
