# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command ends that does not end by itself: by a signal, at a place that it may not enter,
with a pipe that nobody reads, or without a package. None of these is a traceback.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading
from types import FrameType

from ..shared.errors import AffektError, InputError, JobError, refusal

USER_ERROR, INTERRUPTED, CLOSED_PIPE = 2, 130, 141
"""Exit codes; a signal's is 128 and its number, as shells say it."""
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "Pillow",
    "OpenEXR": "OpenEXR",
    "zmq": "pyzmq",
    "espeakng_loader": "espeakng-loader",
}
"""Packages that are not called like their modules."""
_EXTRAS = {
    "ai_edge_litert": "portrait",
    "anny": "head",
    "espeakng_loader": "anchors",
    "matplotlib": "reports",
    "distributed": "farm",
    "gsply": "export",
}
"""Our extras that bring a module; all others come with `sidecar`."""


_came: list[int] = []
_AGAIN_S = 0.02


class Ended(BaseException):
    """A signal asks for the end. No `Exception`, so that nothing but `finally` sees it, as with
    Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)


def ending_signals() -> list[signal.Signals]:
    """The signals beside Ctrl-C's that ask for the end: SIGTERM, and that of a terminal that is
    closed. Without those that are ignored, as `nohup` has it."""
    asked = [signal.SIGTERM, signal.SIGBREAK if sys.platform == "win32" else signal.SIGHUP]
    return [number for number in asked if signal.getsignal(number) != signal.SIG_IGN]


def obey_signals() -> None:
    """Makes these signals raise `Ended` in the main thread, so that whatever clears up after Ctrl-C
    clears up after them; Ctrl-C itself raises KeyboardInterrupt as ever. Which one came is
    remembered, since a library may make another error of it on the way. While a module is being
    imported they wait: exceptions in the midst of a compiled one abort the process."""

    def end(number: int, frame: FrameType | None) -> None:
        if _is_importing(frame):
            later = threading.Timer(_AGAIN_S, _raise_in_main_thread, [number])
            later.daemon = True
            later.start()
            return
        _came.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    for number in _obeyed():
        signal.signal(number, end)
    atexit.register(_block)  # the first to be registered is the last to run


def _raise_in_main_thread(number: int) -> None:
    """Raises the signal where it wakes what the main thread waits for."""
    main = threading.main_thread().ident
    if sys.platform != "win32" and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


def _block() -> None:
    """Keeps these signals from the interpreter's own end, in which they would kill the process."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, _obeyed())


def code_of_signal() -> int | None:
    """The exit code for the signal that asked for the end; None if none did."""
    return 128 + _came[0] if _came else None


def end_at_once() -> None:
    """Makes these signals end the process on the spot, with their exit code: once all is cleared up
    nobody is there any more who would take their exception."""

    def end(number: int, _frame: FrameType | None) -> None:
        os._exit(128 + number)

    for number in _obeyed():
        signal.signal(number, end)


def _obeyed() -> list[signal.Signals]:
    """`ending_signals` and Ctrl-C's, if that is not ignored, as in the background of a script."""
    ctrl_c = signal.getsignal(signal.SIGINT) != signal.SIG_IGN
    return [*([signal.SIGINT] if ctrl_c else []), *ending_signals()]


MEMORY = JobError(
    "job.memory",
    "There is too little free memory for this.",
    "Close other programs, or do a part of it; what is done is kept.",
)
"""The error where this machine's memory ran out."""


def ran_out(error: Exception) -> bool:
    """Whether this machine's memory ran out, as numpy, the system or torch report it."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, RuntimeError) and "allocate memory" in str(error))
    )


def place_error(error: OSError) -> InputError:
    """The error for whatever the system refuses: the path, the reason, and what to do."""
    reason, remedy = refusal(error)
    names = [os.fsdecode(name) for name in (error.filename,) if isinstance(name, str | bytes)]
    place = f"'{names[0][:300]}'" if names else "A file or the output"
    return InputError("file.place", f"{place} cannot be used: {reason}.", remedy)


def absence_error(error: ImportError, words: str) -> InputError:
    """The error for a package that a command needs and that is missing, or does not load."""
    module = (error.name or "").partition(".")[0]
    package, extra = _PACKAGES.get(module, module), _EXTRAS.get(module, "sidecar")
    line = f'{sys.executable} -m pip install "affekt[{extra}]"'
    if isinstance(error, ModuleNotFoundError):
        said = f"The package {package}, which `affekt {words}` needs, is not installed."
        return InputError(
            "option.not_installed", said, f"Run: {line}; `affekt doctor` says the rest."
        )
    reason = " ".join(str(error).split())[:300]
    return InputError(
        "option.not_installed",
        f"The package {package or 'of a library'} is there, but does not load: {reason}.",
        f"Run: {line} --force-reinstall; `affekt doctor` says the rest.",
    )


def say(error: AffektError) -> int:
    """Prints the error on standard error; returns the exit code."""
    with contextlib.suppress(OSError, ValueError):  # nobody reads it
        print(f"affekt: {error} [{error.code}]", file=sys.stderr)
    return USER_ERROR


def flush_output(code: int) -> int:
    """Sends out what was printed; returns the exit code, another one if that fails. A pipe whose
    reader has left, as of `| head`, is no error of ours: nothing is said."""
    failure = None
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            code = CLOSED_PIPE
            _discard(stream.fileno())
        except OSError as error:
            failure = error
            _discard(stream.fileno())
    return code if failure is None else say(place_error(failure))


def _discard(descriptor: int) -> None:
    """Leads what the stream still holds to nowhere, or the interpreter complains at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
