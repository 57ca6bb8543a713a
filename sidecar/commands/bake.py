# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt bake`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ...shared.connection import default_cache_folder
from ...shared.errors import AffektError
from ...shared.wording import say_count
from .reading import Reading, print_notes

if TYPE_CHECKING:
    from ...shared.emotion import EmotionTrack
    from ...shared.head import HeadModel
    from ...shared.motion import Motion
    from ..avatar.glb_character import GlbCharacter
    from ..bake.bake import BakedChunk, BakeResult
    from ..bake.store import ChunkStore
    from ..motion.adapter import LinearAdapter

_MOTION_BYTES = 2 * 4 * 103
"""Size of one frame in a chunk of motion."""


@dataclass(frozen=True, kw_only=True)
class Bake:
    """Bake an emotion track into a take: motion.npz, vertices.pc2, character.glb, report.json."""

    motion: Path
    """The take: a tracker's file or its folder of frames (docs/formats.md)."""
    emotions: Path | None = None
    """Emotion keys as JSON, ACE's emotions with time codes, or a CSV with a column for each
    emotion (docs/formats.md). Without them the performance's own emotion stays."""
    units: str | None = None
    """Action units that hold throughout, beside those that the keys name, such as
    AU12_L=.6,AU4=.3 (docs/action_units.md)."""
    out: Path
    """Folder for the results."""
    head: str = "open"
    """`open` for the embedded head, or a head file."""
    frames: str | None = None
    """A range such as 100-200, both included, counted from 0; all frames if absent."""
    adapter: Path | None = None
    """Adapter from the take's space, for FLAME takes (see `affekt adapter build`). A take on the
    FLAME file that --head names needs none: it is made once of that file, and kept."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""
    vertices: bool = True
    """Also write vertices.pc2, the mesh cache, which is large: 12 bytes a vertex and frame."""
    character: Path | None = None
    """A GLB with ARKit's morph targets: character.glb is the same file with an animation of their
    weights, calibrated (docs/characters.md)."""
    cache_dir: Path | None = None
    """Another folder than the user's own for baked chunks, which a next bake need not compute."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)

    def run(self) -> None:
        from ...shared import limits
        from ...shared.motion import FLAME_SPACES
        from ..bake.bake import BakeJob
        from ..bake.output import NAMES, head_sha256, modulator_sha256, write_bake
        from ..bake.take import prepare
        from ..compiling import say_when_compiling
        from ..files import check_outputs, read_bytes
        from ..head.read import OPEN, read_head
        from ..modulation.modulator import load_modulator
        from ..motion.frames import parse_frames

        made_of = (self.motion, self.emotions, self.head, self.adapter, self.modulator)
        made_of += (self.character,)
        check_outputs(folder=self.out, names=NAMES, sources=made_of)
        units = self._units()
        say_when_compiling()
        character = self._read_character()
        motion, motion_hash = self._read_motion()
        frames = parse_frames(self.frames, len(motion))
        inputs: dict[str, bytes | str] = {"motion": motion_hash}
        emotions = None
        if self.emotions is not None:
            emotions = read_bytes(self.emotions, limits.MAX_MOTION_BYTES, "emotion file")
            inputs["emotions"] = emotions
        track = self._make_track(emotions, motion, frames, units)
        _say_unseen(track, motion, character)
        if character is not None:
            inputs["character"] = character.data
        spoken = motion.space if motion.space in FLAME_SPACES else None
        head, modulator = read_head(self.head, spoken), load_modulator(self.modulator)
        adapter = self._find_adapter(motion.space, head)
        if self.adapter is not None:
            inputs["adapter"] = self.adapter.read_bytes()
        inputs |= {"head": head_sha256(head), "modulator": modulator_sha256(modulator)}
        began = time.perf_counter()
        take = prepare(motion, head, adapter, modulator, read_head(OPEN))
        converted = time.perf_counter() - began
        needed = len(frames) * (12 * len(head.template) * self.vertices + _MOTION_BYTES)
        with _chunk_store(self.cache_dir, needed) as store, _Progress() as progress:
            job = BakeJob(
                take, track, frames, store, with_vertices=self.vertices, on_disk_error=_say_not_kept
            )
            job.seconds["convert"] = converted
            report = write_bake(
                job,
                self.out,
                settings=self._settings(),
                inputs=inputs,
                on_chunk=progress.show,
                animate=None if character is None else partial(self._animate, character),
            )
        seconds = time.perf_counter() - began
        print(
            f"{self.out}: {say_count(len(frames), 'frame')} in {seconds:.1f} s "
            f"({len(frames) / seconds:.0f} frames/s), {progress.found} of "
            f"{say_count(progress.chunks, 'chunk')} were baked before"
        )
        for name, digest in report["sha256"]["outputs"].items():  # pyright: ignore[reportIndexIssue]
            print(f"  {name}  sha256 {digest[:16]}")

    def _find_adapter(self, space: str, head: HeadModel) -> LinearAdapter | None:
        """The one that is named; of a take on its own FLAME head that head's, which is kept."""
        from ...shared.motion import FLAME_SPACES
        from ..adapter.kept import adapter_of
        from ..head.read import OPEN, read_head
        from ..motion.adapter import read_adapter

        if self.adapter is not None:
            return read_adapter(self.adapter)
        return adapter_of(head, read_head(OPEN)) if head.space == space in FLAME_SPACES else None

    def _read_character(self) -> GlbCharacter | None:
        """The character, of which is said what was found."""
        if self.character is None:
            return None
        from ..avatar.glb_character import describe_character, read_character

        found = read_character(self.character)
        for sentence in describe_character(found):
            print(f"{self.character.name}: {sentence}")
        return found

    def _animate(self, character: GlbCharacter, result: BakeResult) -> bytes:
        """The character's file with the result as an animation."""
        from ...shared.errors import InputError
        from ..avatar.glb_character import animate, calibration_of
        from ..head.read import OPEN, read_head
        from ..motion.adapter import as_arkit

        own, head = result.take_motion, read_head(OPEN)
        motion = own if own.space == "arkit" else as_arkit(result.motion, head)
        calibration = None
        try:
            calibration = calibration_of(character, head)
        except InputError as error:
            if error.code != "avatar.calibration":
                raise
            print(f"{character.file.name}: {error.message} It takes ARKit's weights as they are.")
        return animate(character, motion, calibration, title=self.motion.stem)

    def _units(self) -> dict[str, float]:
        """The weights of `--units`. Raises InputError `option.units`, `option.lacking`."""
        from ...shared.errors import InputError
        from ...shared.units import parse_units

        if self.units is not None:
            return parse_units(self.units)
        if self.emotions is None:
            raise InputError(
                "option.lacking",
                "`affekt bake` needs --emotions, --units or both.",
                "Add --emotions and a file of keys, or --units such as AU12=.5.",
            )
        return {}

    def _make_track(
        self, data: bytes | None, motion: Motion, frames: range, units: dict[str, float]
    ) -> EmotionTrack:
        """The emotion keys and units at the take's frames. Says what holds where, and which keys do
        nothing."""
        from ...shared.emotion_keys import decode_keys, hold_units, sample_keys
        from ..bake.emotion_summary import describe_outside, describe_track
        from ..motion.emotions import decode_emotion_keys

        if data is None or self.emotions is None:
            name, left_out = "--units", ()
            keys = decode_keys(b'{"keys": [{"frame": 0, "influence": 0}]}', motion.fps)
        else:
            name = self.emotions.name
            keys, left_out = decode_emotion_keys(data, name, motion.fps)
        keys = hold_units(keys, units)
        if left_out:
            print(f"{name}: there is no counterpart for {', '.join(left_out)}")
        outside = describe_outside(keys, len(motion), motion.fps)
        if outside is not None:
            print(f"{name}: {outside}")
        track = sample_keys(keys, len(motion), motion.fps)
        print(f"{name}: {describe_track(track, frames)}.")
        return track

    def _read_motion(self) -> tuple[Motion, str]:
        """The take and its hash: of the file, or of what a folder of frames holds."""
        from ...shared import limits
        from ..bake.output import sha256
        from ..files import read_bytes
        from ..motion.read import decode_take, encode_motion, is_folder, read_take

        options = self.reading.options()
        if is_folder(self.motion):
            take = read_take(self.motion, options)
            digest = sha256(encode_motion(take.motion))
        else:
            data = read_bytes(self.motion, limits.MAX_MOTION_BYTES, "motion file")
            take, digest = decode_take(data, self.motion.name, options), sha256(data)
        print_notes(self.motion.name, take)
        return take.motion, digest

    def _settings(self) -> dict[str, object]:
        """The options for the report, with files by name, without their folders."""
        return {
            "motion": self.motion.name,
            "emotions": self.emotions and self.emotions.name,
            "units": self.units,
            "head": Path(self.head).name,
            "frames": self.frames,
            "adapter": self.adapter and self.adapter.name,
            "modulator": self.modulator and self.modulator.name,
            "vertices": self.vertices,
            "character": self.character and self.character.name,
        }


@contextmanager
def _chunk_store(cache_dir: Path | None, needed_bytes: int) -> Iterator[ChunkStore]:
    """The user's part of the cache with room for `needed_bytes`, or memory where it cannot be
    used. A sidecar that works with the same cache makes the room itself."""
    from ..bake.store import MemoryStore
    from ..cache.cache import Cache
    from ..cache.claim import Claim, is_claimed
    from ..server.authenticator import LOCAL_USER

    folder = cache_dir or default_cache_folder()
    with ExitStack() as stack:
        try:
            cache = Cache(folder)
            if not is_claimed(folder):
                cache.make_room(needed_bytes, in_use_since=None)
            stack.callback(Claim(folder).close)
            store = cache.user(LOCAL_USER)
        except AffektError as error:
            _say_not_kept(error)
            store = MemoryStore()
        yield store


def _say_unseen(track: EmotionTrack, motion: Motion, character: GlbCharacter | None) -> None:
    """Says which action units the take's head or the character cannot show."""
    from ...shared.units import say_unseen, say_unseen_in

    said = [say_unseen_in(motion.space, track.unit_names)]
    if character is not None:
        shapes = {match.shape for match in character.names.matches}
        said.append(say_unseen(track.unit_names, shapes))
    for sentence in filter(None, said):
        print(sentence)


def _say_not_kept(error: AffektError) -> None:
    print(f"affekt: {error.message} The bake goes on, but keeps no chunks.", file=sys.stderr)


class _Progress:
    """Counts chunks, and shows a bar where a person looks at the terminal."""

    def __init__(self) -> None:
        self.chunks = self.found = 0

    def __enter__(self) -> _Progress:
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("bake")
            self._bar.start()
        return self

    def show(self, chunk: BakedChunk) -> None:
        self.chunks += 1
        self.found += not chunk.is_new
        if self._bar is not None:
            self._bar.update(self._task, total=chunk.total, completed=chunk.done)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
