# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one table of commands, each a dataclass of options with `run()`.

Exit codes: 0 done, 2 an error of the user's (one sentence on stderr), 130 interrupted, 141 nobody
reads the output, 143 and 129 ended by SIGTERM and SIGHUP.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib
import re
import sys
import warnings
from pathlib import Path
from typing import NoReturn, Protocol, TextIO

from ..shared.errors import AffektError, InputError
from ..shared.version import AFFEKT_VERSION
from . import exits


class Command(Protocol):
    def run(self) -> None: ...


COMMANDS = {
    "demo": "commands.demo:Demo",
    "bake": "commands.bake:Bake",
    "render": "commands.render:Render",
    "describe": "commands.describe:Describe",
    "batch": "commands.batch:Batch",
    "batch check": "commands.batch:Check",
    "batch openjd": "commands.batch_farm:OpenJD",
    "batch flamenco": "commands.batch_farm:Flamenco",
    "batch task": "commands.batch_farm:Task",
    "batch report": "commands.batch_farm:Report",
    "avatar create": "commands.portrait:Create",
    "avatar info": "commands.avatar:Info",
    "avatar convert": "commands.avatar:Convert",
    "avatar export": "commands.avatar:Export",
    "avatar sequence": "commands.avatar:Sequence",
    "avatar compare": "commands.avatar:Compare",
    "avatar calibrate": "commands.calibrate:Calibrate",
    "convert": "commands.convert:Convert",
    "serve": "commands.serve:Serve",
    "compile": "commands.compile:Compile",
    "doctor": "commands.doctor:Doctor",
    "cache info": "commands.cache:Info",
    "cache clear": "commands.cache:Clear",
    "keys show": "commands.keys:Show",
    "keys new": "commands.keys:New",
    "keys trust": "commands.keys:Trust",
    "keys list": "commands.keys:List",
    "keys forget": "commands.keys:Forget",
    "keys connect": "commands.keys:Connect",
    "adapter build": "commands.adapter:Build",
    "adapter linear": "commands.adapter:Linear",
    "data anchors": "lab.commands.data:Anchors",
    "train geometry": "lab.commands.train:Geometry",
    "train ablations": "lab.commands.train:Ablations",
    "train appearance": "lab.commands.train:Appearance",
    "train lam": "lab.commands.train:Lam",
    "train words": "lab.commands.words:Words",
    "evaluate geometry": "lab.commands.evaluate:Geometry",
    "evaluate pictures": "lab.commands.evaluate_pictures:Pictures",
    "evaluate takes": "lab.commands.evaluate_pictures:Takes",
    "evaluate emotion": "lab.commands.evaluate_emotion:Emotion",
    "evaluate avatar": "lab.commands.evaluate_avatar:Avatars",
    "presets draw": "lab.commands.presets:Draw",
    "units draw": "lab.commands.units:Draw",
    "head build-open": "lab.commands.open_head:BuildOpen",
    "head import": "commands.head:Import",
    "extension build": "commands.extension:Build",
}
"""Words on the command line -> module of the sidecar and the dataclass in it, imported late so
that `affekt serve` does not wait for what only `affekt train` needs."""


def main() -> NoReturn:
    """Entry point of `affekt`."""
    if not sys.warnoptions:
        # numpy tells of overflows on the way; what comes of them is checked, and said once.
        warnings.simplefilter("ignore", RuntimeWarning)
    code = exits.INTERRUPTED
    with contextlib.suppress(KeyboardInterrupt):
        try:
            exits.obey_signals()
            code = run(sys.argv[1:])
        except SystemExit as stop:  # tyro's, after it has helped; rich's, where nobody reads
            code = stop.code if isinstance(stop.code, int) else 0
            if isinstance(stop.__context__, BrokenPipeError):
                code = exits.CLOSED_PIPE
    exits.end_at_once()
    sys.exit(exits.flush_output(code))


def run(arguments: list[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit code."""
    try:
        return _told(arguments)
    except BaseException:
        code = exits.code_of_signal()
        if code is None:
            raise
        return code


def _told(arguments: list[str]) -> int:
    """The same, where errors are said and return their exit code."""
    try:
        return _run(arguments)
    except AffektError as error:
        return exits.say(error)
    except BrokenPipeError:
        return exits.CLOSED_PIPE
    except OSError as error:
        return exits.say(exits.place_error(error))
    except ImportError as error:
        if exits.code_of_signal() is not None or (error.name or "").partition(".")[0] == "affekt":
            raise  # interrupted while it was imported; a module of our own: that is a bug
        return exits.say(exits.absence_error(error, _match(arguments) or ""))


def _run(arguments: list[str]) -> int:
    if any("\0" in argument for argument in arguments):
        raise InputError("file.place", "No path holds the character 0.", "Check the path.")
    if arguments in (["--version"], ["-V"]):
        print(f"affekt {AFFEKT_VERSION}")
        return 0
    words = _match(arguments)
    if words is None:
        return _help(arguments)
    options = _load(words)
    _parse(options, arguments[len(words.split()) :], words).run()
    return 0


def _parse(options: type[Command], rest: list[str], words: str) -> Command:
    """Reads a command's options; the doctor's also where tyro is missing, which it then says."""
    from .arguments import parse

    try:
        return parse(options, rest, words)
    except ModuleNotFoundError:
        if words == "doctor" and set(rest) <= {"--json"}:
            return options(**{"json": True} if rest else {})
        raise


def _help(arguments: list[str]) -> int:
    """Shows what commands there are; returns the exit code. Raises InputError `option.command`
    for one that there is not."""
    asks = arguments[-1:] in (["--help"], ["-h"])
    named = arguments[:-1] if asks else arguments
    if named and (len(named) > 1 or not _in_group(named[0])):
        raise _unknown(named)
    _print_usage("".join(named), file=sys.stdout if asks else sys.stderr)
    return 0 if asks else exits.USER_ERROR


def _unknown(named: list[str]) -> InputError:
    """The error for words that name no command."""
    said = " ".join(named[:2]) if _in_group(named[0]) else named[0]
    near = difflib.get_close_matches(said, COMMANDS, 1, 0.6)
    group = f"{named[0]} " if _in_group(named[0]) else ""
    return InputError(
        "option.command",
        f"There is no command `affekt {said:.60}`.",
        (f"Did you mean `affekt {near[0]}`? " if near else "")
        + f"`affekt {group}--help` lists what there is.",
    )


def _match(arguments: list[str]) -> str | None:
    for count in (2, 1):
        words = " ".join(arguments[:count])
        if words in COMMANDS:
            return words
    return None


def _load(words: str) -> type[Command]:
    module_name, class_name = COMMANDS[words].split(":")
    module = importlib.import_module(f".{module_name}", __package__)
    return getattr(module, class_name)


def _in_group(name: str) -> list[str]:
    """Commands of two words that begin with this one."""
    return [words for words in COMMANDS if words.startswith(f"{name} ")]


def _purpose(words: str) -> str:
    """The first sentence of what a command says of itself. Its module is read and not imported,
    since most bring libraries along."""
    module_name, class_name = COMMANDS[words].split(":")
    source = Path(__file__).parent.joinpath(*module_name.split(".")).with_suffix(".py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    text = " ".join((ast.get_docstring(classes[class_name]) or "").split())
    return re.split(r"[.:] ", text, maxsplit=1)[0].rstrip(".") + "."


def _print_usage(group: str, file: TextIO) -> None:
    """Lists the names and purposes of all commands, or of one group's."""
    listed = _in_group(group) or list(COMMANDS)
    print(f"usage: affekt {group or 'COMMAND'} [OPTIONS]\n\ncommands:", file=file)
    for words in listed:
        print(f"  affekt {words:<20}{_purpose(words)}", file=file)
    print("\n`affekt COMMAND --help` lists its options.", file=file)
