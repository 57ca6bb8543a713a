# SPDX-License-Identifier: GPL-3.0-or-later
"""The take that ships: two sentences spoken angrily, with their sound.

`python -m affekt.sidecar.lab.anchors.demo` makes `assets/demo/` again, with the same bytes.
"""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ....shared.take_files import encode_motion
from ...head.read import read_head
from ...modulation.windows import MODEL_FPS
from .articulation import LEAD_S, TAIL_S
from .emotions import expression_table
from .programs import held_program
from .speech import SAMPLE_RATE, Speech, Voice, read_sentences, speak
from .style import calm_style
from .takes import make_performance, perform

SOURCE_EMOTION = "angry"
SOURCE_WEIGHT = 0.75
VOICE = Voice(rate=160)


def make_demo(head: HeadModel) -> tuple[Motion, bytes, dict[str, object]]:
    """The take, its sound as the bytes of a WAV file that starts at frame 0, and emotion keys."""
    text = read_sentences()["demo"][0]
    style = calm_style()
    performance = make_performance(text, style, np.random.default_rng(11))
    frames = len(performance.articulation.channels)
    emotion = EMOTIONS.index(SOURCE_EMOTION)
    swing = 0.88 + 0.12 * np.sin(np.arange(frames) / 17.0)[:, None]
    curve = SOURCE_WEIGHT * held_program(emotion, 1.0, frames) * swing
    # A stare that is held in: a mixture that the calm style has not.
    look = 0.4 * expression_table()[:, 0] + 0.6 * expression_table()[:, 3]
    motion = perform(performance, curve, head, look)
    return motion, _wave(speak(text, VOICE)), _keys(frames)


def write_demo(folder: Path) -> None:
    """Writes take.npz, take.wav and emotions.json into the folder."""
    motion, sound, keys = make_demo(read_head("open"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "take.npz").write_bytes(encode_motion(motion))
    (folder / "take.wav").write_bytes(sound)
    (folder / "emotions.json").write_text(json.dumps(keys, indent=2) + "\n", "utf-8")


def _wave(speech: Speech) -> bytes:
    lead, tail = (np.zeros(round(s * SAMPLE_RATE), np.int16) for s in (LEAD_S, TAIL_S))
    samples: NDArray[np.int16] = np.concatenate([lead, speech.samples, tail])
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def _keys(frames: int) -> dict[str, object]:
    """Emotion keys: happy, then neutral, then sad, each for about a third of the take."""
    times = [round(share * (frames - 1)) for share in (0.33, 0.42, 0.58, 0.68)]
    happy = [(0, 1.0), (times[0], 1.0), (times[1], 0.0)]
    sad = [(times[2], 0.0), (times[3], 1.0), (frames - 1, 1.0)]
    keys = [{"frame": frame, "happy": value} for frame, value in happy]
    keys += [{"frame": frame, "sad": value} for frame, value in sad]
    return {"fps": MODEL_FPS, "interpolation": "bezier", "keys": keys}


if __name__ == "__main__":
    write_demo(Path(__file__).resolve().parents[2] / "assets" / "demo")
