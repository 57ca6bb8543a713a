# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences, and their sound and timed phonemes by espeak-ng's C library (offline).

The library keeps a state between utterances that moves the next one by a few samples, and has no
call to reset it. So it is loaded afresh for each utterance, one at a time, which takes about 20 ms.
"""

from __future__ import annotations

import _ctypes
import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from ....shared.errors import InputError

SAMPLE_RATE = 22_050
"""Samples a second of everything espeak-ng says."""

_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 2, 1, 0x8000
_LIST_END, _PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_lock = threading.Lock()


@cache
def read_sentences() -> dict[str, tuple[str, ...]]:
    """The sentences of each split in `assets/sentences.txt`: train, held-out and demo."""
    text = (resources.files("affekt.sidecar.assets") / "sentences.txt").read_text("utf-8")
    found: dict[str, list[str]] = {split: [] for split in ("train", "held-out", "demo")}
    split = "train"
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        if line.startswith("["):
            split = line.strip("[]")
        else:
            found[split].append(line)
    return {name: tuple(lines) for name, lines in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phoneme:
    """A phoneme and its time. symbol: espeak-ng's mnemonic without stress marks, "_" for silence.
    start_s, stop_s: from the sound's start. stressed: whether it has the word's main stress."""

    symbol: str
    start_s: float
    stop_s: float
    stressed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speech:
    """A spoken text. samples: (N,) int16 mono at `SAMPLE_RATE`. phonemes: in order, no gaps."""

    text: str
    samples: NDArray[np.int16]  # (N,)
    phonemes: tuple[Phoneme, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Settings of espeak-ng. name: of its voice. rate: words a minute. pitch, pitch_range:
    0..100."""

    name: str = "en-us"
    rate: int = 160
    pitch: int = 45
    pitch_range: int = 55


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Recorder:
    """Collects sound and phonemes that the library passes to its callback in one utterance."""

    def __init__(self) -> None:
        self.chunks: list[NDArray[np.int16]] = []
        self.events: list[tuple[int, str]] = []  # (ms, mnemonic)
        self.error: BaseException | None = None
        self.callback = _Callback(self._receive)

    def _receive(self, samples, count: int, events) -> int:  # type: ignore[no-untyped-def]
        """The library's callback; 1 stops it. What ends the command, such as Ctrl-C, may arrive in
        here, where ctypes would swallow it: it is kept for `speak` to raise."""
        try:
            self._collect(samples, count, events)
        except BaseException as error:
            self.error = error
            return 1
        return 0

    def _collect(self, samples, count: int, events) -> None:  # type: ignore[no-untyped-def]
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _PHONEME:
                symbol = bytes(event.id.string).decode("utf-8", "replace")
                self.events.append((event.audio_position_ms, symbol))
            index += 1


@contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    """espeak-ng, loaded afresh and unloaded afterwards. Raises InputError `option.espeak`."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise InputError(
            "option.espeak",
            "Speech needs the package espeakng-loader, which is not installed.",
            "Run: pip install espeakng-loader",
        ) from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _DONT_EXIT)
    if rate != SAMPLE_RATE:
        raise InputError(
            "option.espeak", "espeak-ng did not start.", "Install espeakng-loader again."
        )
    try:
        yield library
    finally:
        library.espeak_Terminate()
        unload = _ctypes.FreeLibrary if sys.platform == "win32" else _ctypes.dlclose
        unload(library._handle)


def speak(text: str, voice: Voice | None = None) -> Speech:
    """Speaks a text; the same text and voice give the same samples and times.

    Raises InputError `option.espeak` (not installed, unknown voice) and `option.text`.
    """
    voice = voice or Voice()
    if not text.strip():
        raise InputError("option.text", "There is no text to speak.", "Give a sentence.")
    recorder = _Recorder()
    with _lock, _fresh_library() as library:
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise InputError(
                "option.espeak",
                f"espeak-ng has no voice '{voice.name}'.",
                "Use one of its voices, such as en-us or en-gb.",
            )
        for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch)):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_SetParameter(_RANGE, voice.pitch_range, 0)
        library.espeak_SetSynthCallback(recorder.callback)
        data = text.encode("utf-8")
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
    if recorder.error is not None:
        raise recorder.error
    samples = np.concatenate(recorder.chunks) if recorder.chunks else np.zeros(0, np.int16)
    phonemes = _phonemes(recorder.events, len(samples) / SAMPLE_RATE)
    return Speech(text=text, samples=samples, phonemes=phonemes)


def _phonemes(events: list[tuple[int, str]], duration_s: float) -> tuple[Phoneme, ...]:
    stops = [ms / 1000 for ms, _ in events[1:]] + [duration_s]
    return tuple(
        Phoneme(
            symbol=_bare(symbol),
            start_s=ms / 1000,
            stop_s=max(stop, ms / 1000),
            stressed=symbol.startswith("'"),
        )
        for (ms, symbol), stop in zip(events, stops, strict=True)
        if _bare(symbol)
    )


def _bare(symbol: str) -> str:
    bare = symbol.strip("',%=|")
    return "_" if bare.startswith("_") else bare
