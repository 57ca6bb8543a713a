# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a tracker's folder: by one of its numbered files, and by itself. And what an import
says and does beside the keys: the scene's range, the sound that lies beside a take."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()


class Reader(FakeClient):
    """Reads one frame from any file, and three from a zip."""

    def read_take(
        self,
        motion: object,
        adapter: object = None,
        options: object = None,
        *,
        space: str = "open",
        head: str = "open",
    ) -> object:
        is_zip = self.uploaded[-1].startswith(b"PK")
        self.take, self.notes = silence(3 if is_zip else 1), ("A note.",)
        return super().read_take(motion, adapter, options, space=space, head=head)


def sent() -> dict[str, str]:
    """What lay in the newest upload."""
    with zipfile.ZipFile(io.BytesIO(client.uploaded[-1])) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def imported(path: Path, **options: object) -> dict:
    """What became of it."""
    bpy.ops.affekt.import_take(filepath=str(path), **options)
    take = head.affekt_takes.items[-1]
    return {"name": take.name, "frames": take.frames, "notes": take.notes.splitlines()}


def described(take: Path, **options: object) -> str:
    """What an import at frame 7 reports."""
    importing, tasks = harness.load("addon.motion.importing"), harness.load("addon.link.tasks")
    chosen = {"first_frame": 7, "sets_range": False, "with_sound": True, "with_identity": False}
    chosen |= options
    reading = harness.load("shared.motion").ReadOptions()
    asked = importing.ImportOptions(take=take, adapter=None, reading=reading, **chosen)
    return tasks.Task("Import", importing.import_steps(head, scene, asked)).run()


def import_with_sounds(sounds: Path) -> dict:
    """A take of 31 frames, 30 in a second, into a scene of 24 that ends at frame 10."""
    importing, compat = harness.load("addon.motion.importing"), harness.load("addon.compat")
    moves = replace(silence(31), shape=silence(1).shape + 1)
    harness.load("addon.link.session").session.attach(FakeClient(client.head, moves))
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 2, 10
    told = {"said": described(sounds / "two" / "talk.json")}
    strips = compat.sound_strips(scene)
    told["strips"] = [[strip.name, strip.channel, strip.frame_start] for strip in strips]
    told["range"] = [scene.frame_start, scene.frame_end]
    told["without"] = described(sounds / "two" / "talk.json", with_sound=False, sets_range=True)
    told["range_set"] = [scene.frame_start, scene.frame_end]
    told["strips_after"] = len(strips)
    told["again"] = described(sounds / "two" / "talk.json")
    told["another"] = described(sounds / "one" / "talk.json")
    told["strips_then"] = [[strip.name, strip.channel] for strip in strips]
    told["damaged"] = described(sounds / "damaged" / "talk.json")
    told["after_damaged"] = [len(strips), len(bpy.data.sounds)]
    told["has_audio"] = bpy.app.build_options.audaspace
    paths = ("two/talk.json", "two/mute.json", "one/talk.json", "two", "one", "none/talk.json")
    found = {path: importing.find_sound(sounds / path) for path in (*paths, "named")}
    told["found"] = {path: sound and sound.relative_to(sounds) for path, sound in found.items()}
    return told


with harness.enabled():
    scene = bpy.context.scene
    folder = Path(asked["folder"])
    head = harness.add_head(asked["head"])
    client = Reader(harness.read_head(asked["head"]), silence(1))
    harness.load("addon.link.session").session.attach(client)
    told = {"by_file": imported(folder / "flame_param" / "00007.npz"), "by_file_sent": sent()}
    told["by_folder"] = imported(folder)
    told["by_folder_sent"] = sent()
    told["alone"] = imported(folder / "canonical.npz")
    told["uploads"] = [name for _, name in client.uploads]
    told["sounds"] = import_with_sounds(Path(asked["sounds"]))
    files = harness.load("addon.motion.files")
    told["empty"] = harness.failure(lambda: files.read_source(Path(asked["empty"])))
    told["absent"] = harness.failure(lambda: files.read_source(folder / "absent.npz"))
    harness.load("shared.limits").MAX_MOTION_BYTES = 20
    told["too_large"] = harness.failure(lambda: files.read_source(folder))
    harness.answer(**told)
