# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one table of commands, each a dataclass of options with `run()`.

Exit codes: 0 done, 2 an error of the user's (one sentence on stderr), 130 interrupted, 141 nobody
reads the output, 143 and 129 ended by SIGTERM and SIGHUP.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from typing import NoReturn, Protocol, TextIO

from ..shared.errors import AffektError, InputError
from . import exits


class Command(Protocol):
    def run(self) -> None: ...


COMMANDS = {
    "demo": "commands.demo:Demo",
    "bake": "commands.bake:Bake",
    "render": "commands.render:Render",
    "avatar info": "commands.avatar:Info",
    "avatar convert": "commands.avatar:Convert",
    "avatar export": "commands.avatar:Export",
    "avatar sequence": "commands.avatar:Sequence",
    "avatar compare": "commands.avatar:Compare",
    "avatar calibrate": "commands.calibrate:Calibrate",
    "convert": "commands.convert:Convert",
    "serve": "commands.serve:Serve",
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
    "evaluate geometry": "lab.commands.evaluate:Geometry",
    "evaluate pictures": "lab.commands.evaluate_pictures:Pictures",
    "evaluate takes": "lab.commands.evaluate_pictures:Takes",
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
    try:
        exits.obey_signals()
        code = run(sys.argv[1:])
    except SystemExit as stop:  # tyro's, after it has helped; rich's, where nobody reads
        code = stop.code if isinstance(stop.code, int) else 0
        if isinstance(stop.__context__, BrokenPipeError):
            code = exits.CLOSED_PIPE
    sys.exit(exits.flush_output(code))


def run(arguments: list[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit code."""
    try:
        return _run(arguments)
    except AffektError as error:
        return exits.say(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except exits.Ended as ended:
        return ended.exit_code
    except BrokenPipeError:
        return exits.CLOSED_PIPE
    except OSError as error:
        return exits.say(exits.place_error(error))
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "affekt":
            raise  # a module of our own: that is a bug
        return exits.say(exits.absence_error(error, _match(arguments) or ""))


def _run(arguments: list[str]) -> int:
    if any("\0" in argument for argument in arguments):
        raise InputError("file.place", "No path holds the character 0.", "Check the path.")
    words = _match(arguments)
    if words is None:
        asks = arguments[-1:] in (["--help"], ["-h"])
        group = arguments[0] if arguments and _in_group(arguments[0]) else ""
        _print_usage(group, file=sys.stdout if asks else sys.stderr)
        return 0 if asks and (group or len(arguments) == 1) else 2
    options = _load(words)
    _parse(options, arguments[len(words.split()) :], words).run()
    return 0


def _parse(options: type[Command], rest: list[str], words: str) -> Command:
    """Reads a command's options. Raises InputError `option.not_installed` without tyro, except
    for the doctor."""
    try:
        import tyro
    except ModuleNotFoundError as error:
        if words == "doctor" and set(rest) <= {"--json"}:
            return options(**{"json": True} if rest else {})
        raise InputError(
            "option.not_installed",
            f"The package {error.name}, which every command needs, is not installed.",
            f'Run: {sys.executable} -m pip install "affekt[sidecar]"; `affekt doctor` says the '
            "rest.",
        ) from error
    return tyro.cli(options, args=rest, prog=f"affekt {words}")


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


def _first_sentence(command: type[Command]) -> str:
    text = " ".join(inspect.cleandoc(command.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + "."


def _print_usage(group: str, file: TextIO) -> None:
    """Lists the names of all commands, or the names and purposes of one group's."""
    print(f"usage: affekt {group or 'COMMAND'} [OPTIONS]\n\ncommands:", file=file)
    for words in _in_group(group) or COMMANDS:
        does = _first_sentence(_load(words)) if group else ""
        print(f"  affekt {words:<20}{does}".rstrip(), file=file)
    print("\n`affekt COMMAND --help` lists its options.", file=file)
