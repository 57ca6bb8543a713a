# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronised takes in a folder. `affekt data anchors` writes such a folder, and recordings of
your own (the same sentences acted in several emotions, tracked and aligned) train from one.

    manifest.json
        {"format": "affekt synchronised takes 1", "adapter": "flame2023.npz",
         "performances": [
           {"name": "M003-017", "split": "train", "identity": "M003",
            "takes": [{"file": "M003-017/neutral.npz"},
                      {"file": "M003-017/happy.npz", "emotions": {"happy": 1.0}},
                      {"file": "M003-017/mixed.npz", "emotions": "M003-017/mixed.npy"}]}]}

Takes of one performance have the same number of frames, and frame t of each is the same moment of
the same sentence. A take's file is any that Affekt reads; `emotions` names weights for the whole
take, or an npy (T, 6). What may be left out: adapter (needed for takes in a FLAME space), identity,
manner, sentence, kind; `source`, a take that is given to the model in place of `file`; `closure`,
an npy (T,) of where lips must meet (else: wherever they meet in every take); `held`, an npy (T,)
of where they rest on each other in silence (else: nowhere); a take's `keep_closed`, 0 where the
emotion opens lips that are held (else 1); `variants`, six rows with the shares of each emotion's
variants.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ....shared.limits import MAX_EMOTION_WEIGHT, MAX_TRACK_BYTES
from ....shared.motion import Motion, numbers_of
from ....shared.take_files import encode_motion
from ....shared.wording import say_count
from ...files import read_bytes, write_whole
from ...motion.adapter import LinearAdapter, read_adapter, to_open
from ...motion.json_values import number, parse_json
from ...motion.npz import decode_npy
from ...motion.read import read_motion
from .emotions import VARIANTS
from .lips import lips_of
from .programs import TRAINING_KINDS
from .synchronised import Synchronised, make_synchronised

FORMAT = "affekt synchronised takes 1"
MANIFEST = "manifest.json"
SPLITS = ("train", "held-out")
MET_MM = 0.5
"""A frame counts as a closure if the lips are no further apart than this in every take."""
MAX_COUNT = 20_000
"""Twenty thousand performances are 40 GB; a larger count is a typing error."""
HELD_OUT_EVERY = 10
_TAKE_FILES = (".npz", "_source.npz", ".npy")


def write_anchors(
    folder: Path,
    *,
    count: int,
    seed: int,
    head: HeadModel,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `count` performances in `TRAINING_KINDS` and the manifest, whose path it returns. The
    same seed gives the same bytes. Every tenth performance is held out: no other has its sentence,
    person, manner or pairs of emotions.

    Raises InputError `option.count`, `file.not_empty`, `file.not_writable`, `option.espeak`.
    """
    check_count(count)
    check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(count):
        entries.append(write_anchor(folder, index, seed, head))
        if on_progress is not None:
            on_progress(index + 1, count)
    return write_manifest(folder, entries, seed=seed, head=head.name)


def check_empty(folder: Path) -> None:
    """Raises InputError `file.not_empty` for a folder with something in it."""
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            "file.not_empty", f"The folder {folder} is not empty.", "Choose a new folder."
        )


def check_count(count: int) -> None:
    """Raises InputError `option.count` for more performances than there may be, or none."""
    if not 0 < count <= MAX_COUNT:
        raise InputError(
            "option.count", f"The count is {count}.", f"Give a count of 1 to {MAX_COUNT}."
        )


def write_anchor(folder: Path, index: int, seed: int, head: HeadModel) -> dict[str, object]:
    """Writes the performance with this number and returns its manifest entry; each depends on
    nothing but its number and the seed. Raises as `write_anchors`."""
    split, place = _place(index)
    made = make_synchronised(split, place, TRAINING_KINDS, seed, head)
    return write_performance(made, folder)


def anchor_files(index: int) -> tuple[str, ...]:
    """What `write_anchor` writes, relative to the folder."""
    name = "{}-{:05d}".format(*_place(index))
    takes = [f"{n}{end}" for n in range(len(TRAINING_KINDS)) for end in _TAKE_FILES]
    return tuple(f"{name}/{file}" for file in (*takes, "closure.npy", "held.npy"))


def _place(index: int) -> tuple[str, int]:
    """The split of the performance with this number, and which one of it."""
    held_out = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    place = index // HELD_OUT_EVERY if held_out else index - index // HELD_OUT_EVERY
    return "held-out" if held_out else "train", place


def write_performance(made: Synchronised, folder: Path) -> dict[str, object]:
    """Writes the performance's files into a sub-folder with its name; returns its manifest entry.

    Raises InputError `file.not_writable`.
    """
    (folder / made.name).mkdir(parents=True, exist_ok=True)
    takes = []
    for index, kind in enumerate(made.kinds):
        stem = f"{made.name}/{index}"
        write_whole(folder / f"{stem}.npz", encode_motion(made.targets[index]))
        write_whole(folder / f"{stem}_source.npz", encode_motion(made.sources[index]))
        _write_array(folder / f"{stem}.npy", made.weights[index])
        takes.append(
            {
                "file": f"{stem}.npz",
                "source": f"{stem}_source.npz",
                "emotions": f"{stem}.npy",
                "kind": kind,
                "keep_closed": float(made.keep_closed[index]),
            }
        )
    entry: dict[str, object] = {n: getattr(made, n) for n in ("name", "split", *_TEXTS)}
    for name in ("closure", "held"):
        _write_array(folder / made.name / f"{name}.npy", getattr(made, name))
        entry[name] = f"{made.name}/{name}.npy"
    if made.variants is not None:
        entry["variants"] = made.variants.astype(np.float32).tolist()
    return {**entry, "takes": takes}


def write_manifest(folder: Path, performances: list[dict[str, object]], **about: object) -> Path:
    """Writes `manifest.json` and returns its path. Written last, it marks a folder as complete."""
    content = {"format": FORMAT, **about, "performances": performances}
    write_whole(folder / MANIFEST, json.dumps(content, indent=1, sort_keys=True).encode())
    return folder / MANIFEST


def read_synchronised(folder: Path, split: str, head: HeadModel) -> Iterator[Synchronised]:
    """Reads the split's performances one by one, in the manifest's order and in space "open".

    Raises InputError `file.*`, `motion.*`, `space.no_adapter`; `data.manifest` for a manifest of
    another form, `data.length` for takes of different length, `data.takes` for fewer than two
    takes, `data.split` if the split has no performance.
    """
    manifest = _read_manifest(folder)
    adapter = manifest.get("adapter")
    known = None if adapter is None else read_adapter(_inside(folder, adapter))
    entries = manifest["performances"]
    chosen = [e for e in entries if _text(e, "split") == split]
    if not chosen:
        raise InputError(
            "data.split",
            f"{folder} has no performance of the split '{split}'.",
            f"Give some performances that split in the manifest; splits are {', '.join(SPLITS)}.",
        )
    return (_read_performance(entry, folder, head, known) for entry in chosen)


_TEXTS = ("identity", "manner", "sentence")


def _read_manifest(folder: Path) -> dict:
    data = read_bytes(folder / MANIFEST, MAX_TRACK_BYTES, "manifest")
    manifest = parse_json(data, MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _bad("it does not say that it is one", f'It begins with "format": "{FORMAT}".')
    entries = manifest.get("performances")
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise _bad("performances is no list of entries", "docs/formats.md shows one.")
    names = [_text(entry, "name") for entry in entries]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise _bad(f"two performances have the name '{double}'", "Give each a name of its own.")
    wrong = {_text(entry, "split") for entry in entries} - set(SPLITS)
    if wrong:
        raise _bad(f"there is no split '{min(wrong)}'", f"Splits are {', '.join(SPLITS)}.")
    return manifest


def _read_performance(
    entry: dict, folder: Path, head: HeadModel, adapter: LinearAdapter | None
) -> Synchronised:
    name, takes = _text(entry, "name"), entry.get("takes")
    if not isinstance(takes, list) or not all(isinstance(t, dict) for t in takes):
        raise _bad(f"the takes of '{name}' are no list of entries", "docs/formats.md shows one.")
    if len(takes) < 2:
        raise InputError(
            "data.takes",
            f"The performance '{name}' has {say_count(len(takes), 'take')}; a pair needs two.",
            "Give the same sentence in two emotions or more, or leave the performance out.",
        )

    def read(value: object) -> Motion:
        return to_open(read_motion(_inside(folder, value)), head, adapter)

    targets = tuple(read(take.get("file")) for take in takes)
    sources = tuple(
        read(take["source"]) if "source" in take else target
        for take, target in zip(takes, targets, strict=True)
    )
    _check_alike(name, (*targets, *sources))
    frames = len(targets[0])
    weights = [_read_weights(t.get("emotions", {}), folder, frames, name) for t in takes]

    def curve(key: str) -> Float64Array | None:
        return _read_array(_inside(folder, entry[key]), (frames,), name) if key in entry else None

    closure, held = curve("closure"), curve("held")
    return Synchronised(
        name=name,
        split=_text(entry, "split"),
        targets=targets,
        sources=sources,
        weights=np.stack(weights),
        closure=_closure_of(targets, head) if closure is None else closure,
        held=np.zeros(frames) if held is None else held,
        keep_closed=np.array([_read_keep_closed(take, name) for take in takes]),
        variants=_read_variants(entry["variants"], name) if "variants" in entry else None,
        kinds=tuple(str(take.get("kind", "")) for take in takes),
        **{key: str(entry.get(key, "")) for key in _TEXTS},
    )


def _closure_of(takes: tuple[Motion, ...], head: HeadModel) -> Float64Array:
    """(T,) 1 in frames in which the lips meet in every take, 0 elsewhere."""
    lips = lips_of(head, takes[0].shape.astype(np.float64))
    parted = [numbers_of(take) @ lips.opening + lips.rest for take in takes]
    return (np.max(parted, axis=(0, 2)) < MET_MM).astype(np.float64)


def _check_alike(name: str, takes: tuple[Motion, ...]) -> None:
    if len({len(take) for take in takes}) > 1 or len({take.fps for take in takes}) > 1:
        said = ", ".join(f"{len(take)} at {take.fps:g} fps" for take in takes)
        raise InputError(
            "data.length",
            f"The takes of the performance '{name}' are not frame by frame alike: {said}.",
            "Align them in time, and cut them to the same frames.",
        )


def _read_weights(value: object, folder: Path, frames: int, name: str) -> Float64Array:
    """(T, 6) emotion weights from a manifest's map of names to weights, or from its npy file."""
    if isinstance(value, str):
        weights = _read_array(_inside(folder, value), (frames, len(EMOTIONS)), name)
    elif isinstance(value, dict) and set(value) <= set(EMOTIONS):
        row = [number(value.get(emotion, 0.0), emotion, MANIFEST) for emotion in EMOTIONS]
        weights = np.tile(np.array(row), (frames, 1))
    else:
        raise _bad(
            f"the emotions of a take of '{name}' are {value!r:.60}",
            f"Give weights by name ({', '.join(EMOTIONS)}; none is neutral) or an npy.",
        )
    if not ((weights >= 0) & (weights <= MAX_EMOTION_WEIGHT)).all():
        raise _bad(
            f"an emotion weight of '{name}' is not between 0 and {MAX_EMOTION_WEIGHT}",
            "1 is the emotion as acted.",
        )
    return weights


def _read_keep_closed(take: dict, name: str) -> float:
    keep = number(take.get("keep_closed", 1.0), "keep_closed", MANIFEST)
    if not 0 <= keep <= 1:
        raise _bad(f"keep_closed of a take of '{name}' is {keep:g}", "It is between 0 and 1.")
    return keep


def _read_variants(value: object, name: str) -> Float64Array:
    """(6, 4) shares from a manifest's six rows of numbers."""
    rows = value if isinstance(value, list) else []
    if len(rows) != len(EMOTIONS) or any(
        not isinstance(row, list) or len(row) != VARIANTS for row in rows
    ):
        raise _bad(
            f"the variants of '{name}' are {value!r:.60}",
            f"Give a row of {VARIANTS} shares for each emotion, or leave them out.",
        )
    shares = np.array([[number(share, "variants", MANIFEST) for share in row] for row in rows])
    if shares.min() < 0 or np.abs(shares.sum(1) - 1).max() > 1e-3:
        raise _bad(f"the variants of '{name}' are no shares", "Each row adds up to 1.")
    return shares


def _read_array(path: Path, shape: tuple[int, ...], name: str) -> Float64Array:
    values = decode_npy(read_bytes(path, MAX_TRACK_BYTES, "array"), path.name)
    if values.shape != shape or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise InputError(
            "data.length",
            f"{path.name} of '{name}' has the shape {values.shape}, not {shape}, or is not finite.",
            "Write one row for each frame of the performance.",
        )
    return values.astype(np.float64)


def _write_array(path: Path, values: Float64Array) -> None:
    data = io.BytesIO()
    np.save(data, values.astype(np.float32), allow_pickle=False)
    write_whole(path, data.getvalue())


def _inside(folder: Path, value: object) -> Path:
    """The path of a file that the manifest names. Only files inside the folder are allowed: a
    manifest from somebody else must not open others."""
    if not isinstance(value, str) or not value:
        raise _bad(f"{value!r:.60} stands where a file's name belongs", "Name a file.")
    try:
        path = (folder / value).resolve()
        if path.is_relative_to(folder.resolve()):
            return path
    except (OSError, ValueError):
        pass
    raise _bad(f"it names '{value:.60}' outside its folder", "Move the file into the folder.")


def _text(entry: dict, key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value or len(value) > 200:
        raise _bad(f"an entry's {key} is {value!r:.60}", f"Give each performance a {key}.")
    return value


def _bad(what: str, remedy: str) -> InputError:
    return InputError("data.manifest", f"The manifest cannot be used: {what}.", remedy)
