# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that animators met in Blender, or may meet by what they bring along: the old code, or the
nearest that the present code allows, one after another. Each is noticed in every Blender of the
suite that can have it: `AFFEKT_BPY_PYTHONS` names the one that is used. docs/architecture.md has
the table of them.
"""

from __future__ import annotations

from .fault import Fault

SEEN = (
    Fault(
        what="Key All puts the emotions into the Action of the bake",
        file="addon/emotion/action.py",
        old="        compat.new_own_action(head, _name(head)).use_fake_user = True\n",
        new="        return\n",
        tests=("tests/addon/test_emotion_actions.py",),
    ),
    Fault(
        what="emotion keys that Blender put into a take's Action stay there",
        file="addon/emotion/action.py",
        old="    holders = [holder for holder in _holders(data) if holder.action in taken]\n",
        new="    holders = []\n",
        tests=("tests/addon/test_emotion_actions.py",),
    ),
    Fault(
        what="a file of before stays as it was",
        file="addon/head/upkeep.py",
        old='    guard_call(bring_up_to_date, "Bringing the file up to date")\n',
        new="    pass\n",
        tests=("tests/addon/test_emotion_actions.py",),
    ),
    Fault(
        what="the avatar settings of a file of before are lost",
        file="addon/head/upkeep.py",
        old="            hand_down_settings(scene, own)\n",
        new="            pass\n",
        tests=("tests/addon/test_compositor.py",),
    ),
    Fault(
        what="a bake looks for a take's keys where they once lay",
        file="addon/motion/placement.py",
        old="    whole = Grid(place=place, fps=take.fps, rows=range(take.frames))\n",
        new="    return Grid(place=place, fps=take.fps, rows=range(take.frames))\n",
        tests=("tests/addon/test_playing.py",),
    ),
    Fault(
        what="a bake looks for a character's keys where they once lay",
        file="addon/motion/placement.py",
        old="    whole = Grid(place=place, fps=take.fps, rows=range(take.frames))\n",
        new="    return Grid(place=place, fps=take.fps, rows=range(take.frames))\n",
        tests=("tests/addon/test_character.py::test_characters",),
    ),
    Fault(
        what="a take is read at the rate that the scene has now",
        file="addon/motion/placement.py",
        old=(
            "fps=take.placed_fps or curve_fps(scene))\n"
            "    whole = Grid(place=place, fps=take.fps, rows=range(take.frames))\n"
        ),
        new=(
            "fps=curve_fps(scene))\n"
            "    return Grid(place=place, fps=take.fps, rows=range(take.frames))\n"
        ),
        tests=("tests/addon/test_placement.py",),
    ),
    Fault(
        what="a take of another rate gets a key in each frame of the scene",
        file="addon/motion/importing.py",
        old="stretch(scene), fps=curve_fps(scene))\n",
        new="stretch(scene), fps=motion.fps)\n",
        tests=("tests/addon/test_takes.py",),
    ),
    Fault(
        what="strips, drivers and constraints do not count in a bake",
        file="addon/bake/reading.py",
        old="    if not why and not needs_playback(head):\n",
        new="    if True:\n",
        tests=("tests/addon/test_playing.py",),
    ),
    Fault(
        what="orders wait until all is compiled",
        file="sidecar/worker/main.py",
        old="        if socket.poll(LOOK_MS):\n            return compiling\n",
        new="        time.sleep(LOOK_MS / 1000)\n",
        tests=("tests/sidecar/worker/test_warming.py",),
    ),
    Fault(
        what="the panel does not say that kernels are compiled",
        file="addon/link/warmth.py",
        old='        if status.worker != "ready":\n',
        new='        if status.worker == "ready":\n            return None\n        if True:\n',
        tests=("tests/addon/test_warmth.py",),
    ),
    Fault(
        what="what stands at 0 % shows no sign of life",
        file="addon/link/tasks.py",
        old='        if seconds < _STILL_S or text.endswith(" left"):\n',
        new="        if text:\n",
        tests=("tests/addon/test_requests.py",),
    ),
    Fault(
        what="nothing can be added to the takes of an override",
        file="addon/motion/properties.py",
        old='USE_INSERTION"},\n    )\n    active:',
        new='NO_PROPERTY_NAME"},\n    )\n    active:',
        tests=("tests/addon/test_duplicates.py",),
    ),
    Fault(
        what="an override forgets its emotions at the next load",
        file="addon/emotion/properties.py",
        old=(
            '        options={"ANIMATABLE"},\n        update=_tell,\n'
            "        override=compat.OVERRIDABLE,\n    )\n\n\ndef _strength("
        ),
        new=('        options={"ANIMATABLE"},\n        update=_tell,\n    )\n\n\ndef _strength('),
        tests=("tests/addon/test_duplicates.py",),
    ),
    Fault(
        what="an override forgets a group that the library never stored",
        file="addon/head/upkeep.py",
        old="    head.affekt_emotion.influence = head.affekt_emotion.influence\n",
        new="",
        tests=("tests/addon/test_duplicates.py",),
    ),
    Fault(
        what="a linked head is changed, and the next load forgets it",
        file="addon/head/find.py",
        old="    if head.library is not None:\n",
        new="    if not head.name:\n",
        tests=("tests/addon/test_duplicates.py",),
    ),
    Fault(
        what="a duplicate of the mesh alone moves the first head's bones",
        file="addon/motion/takes.py",
        old="        own_rig(head)\n",
        new="",
        tests=("tests/addon/test_duplicates.py",),
    ),
    Fault(
        what="a task looks for its head by name",
        file="addon/head/find.py",
        old="next((one for one in bpy.data.objects if one.session_uid == self.head), None)\n",
        new="bpy.data.objects[self.head_name]\n",
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="a task looks for its scene by name",
        file="addon/head/find.py",
        old="next((one for one in bpy.data.scenes if one.session_uid == self.scene), None)\n",
        new="bpy.data.scenes[self.scene_name]\n",
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="a task looks for its take by name",
        file="addon/motion/takes.py",
        old="keys_action is not None and take.keys_action.session_uid == self.action:\n",
        new='name == head.affekt_takes.items[f"{self.name}"].name:\n',
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="a head is added in Edit Mode",
        file="addon/head/find.py",
        old='    if context.mode != "OBJECT":\n',
        new='    if context.mode == "":\n',
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="an exception of ours reaches the animator raw",
        file="addon/guard.py",
        old="    except Exception:\n        error = fault_of",
        new="    except ArithmeticError:\n        error = fault_of",
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="an import that breaks off leaves its Actions",
        file="addon/motion/takes.py",
        old="            bpy.data.actions.remove(action)\n        drop_dead_takes",
        new="            pass\n        drop_dead_takes",
        tests=("tests/addon/test_upheaval.py",),
    ),
    Fault(
        what="no sidecar connects without a window",
        file="addon/link/operators.py",
        old="        if self.wait:\n            wait_for_session(self.timeout)\n",
        new="",
        tests=("tests/addon/test_callable.py",),
    ),
    Fault(
        what="the zip carries no sidecar",
        file="sidecar/commands/extension.py",
        old="            write_wheel(source, stage / WHEEL_FOLDER)\n",
        new="",
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="a character is not taken for a head",
        file="addon/character/look.py",
        old="    head.affekt_head.is_head, head.affekt_head.model = True, OWN_MODEL\n",
        new="    head.affekt_head.model = OWN_MODEL\n",
        tests=("tests/addon/test_character.py::test_characters",),
    ),
    Fault(
        what="the jaw's bone does not follow jawOpen",
        file="addon/head/controls.py",
        old='    if "jawOpen" in model.expression_names and jaw_turn:\n',
        new="    if not jaw_turn:\n",
        tests=("tests/addon/test_controls.py",),
    ),
    # --- bad input ------------------------------------------------------------------------------
    Fault(
        what="a character with three keys is used without a word",
        file="addon/character/look.py",
        old="    if 0 < len(shapes) < _FEW:\n",
        new="    if not shapes:\n",
        tests=("tests/addon/test_character.py::test_characters",),
    ),
    Fault(
        what="of two meshes with the same key one stands still",
        file="addon/character/look.py",
        old="        if (match.shape, mesh) not in by_hand:\n",
        new='        if match.shape not in {row["name"] for row in rows}:\n',
        tests=("tests/addon/test_character.py::test_characters",),
    ),
    Fault(
        what="a rig without a jaw bone, and no key for it, is not told",
        file="addon/character/look.py",
        old="""    return [
        "There is neither a key jawOpen nor a bone for the jaw: the mouth will not open until you "
        "choose one."
    ]
""",
        new="    return []\n",
        tests=("tests/addon/test_character.py::test_characters",),
    ),
    Fault(
        what="a take of another FLAME's is taken as it is",
        file="sidecar/worker/inputs.py",
        old="    if motion.space == head.space:\n",
        new="    if motion.space in FLAME_SPACES:\n",
        tests=("tests/addon/test_flame_head.py::test_a_flame_head",),
    ),
    Fault(
        what="no Python anywhere is an IndexError",
        file="addon/setup/pythons.py",
        old="    if not usable:\n        raise no_python(asked)\n",
        new="",
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="no network is some failure or other",
        file="addon/setup/failures.py",
        old="""Name or service not known|getaddrinfo failed|"
        r"Temporary failure in name resolution|ConnectTimeout|ReadTimeout|Network is unreachable|"
        r"Max retries exceeded|Connection (?:refused|reset)|ProtocolError|IncompleteRead|"
        r"Failed to establish a new connection|urlopen""",
        new="urlopen",
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="a proxy is some failure or other",
        file="addon/setup/failures.py",
        old='        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|407 Proxy",\n',
        new='        r"NoSuchWord",\n',
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="a disk that becomes full during a set-up is some failure or other",
        file="addon/setup/failures.py",
        old='        r"No space left on device|not enough space on the disk|Errno 28\\b|',
        new='        r"',
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="a full disk is a fault in an export",
        file="addon/export/exporting.py",
        old="    except OSError as error:\n",
        new="    except NotADirectoryError as error:\n",
        tests=("tests/addon/test_faults.py",),
    ),
    Fault(
        what="on a full disk a part of a file stays",
        file="shared/replacement.py",
        old="            partial.unlink(missing_ok=True)\n\n\ndef replace_file(",
        new="            pass\n\n\ndef replace_file(",
        tests=("tests/addon/test_faults.py",),
    ),
    Fault(
        what="a rendering into a full disk leaves an empty folder",
        file="addon/avatar/frames.py",
        old="        leave_frames(plan)\n        raise not_writable",
        new="        raise not_writable",
        tests=("tests/addon/test_frames.py", "tests/addon/test_faults.py"),
    ),
    Fault(
        what="a user folder with an umlaut cannot be written to the log",
        file="addon/setup/program.py",
        old='{subprocess.list2cmdline(command)}\\n".encode())\n',
        new='{subprocess.list2cmdline(command)}\\n".encode("ascii"))\n',
        tests=("tests/addon/test_set_up.py::test_set_up_by_its_operators",),
    ),
    Fault(
        what="presets lie in the extension's folder, which may be read-only",
        file="addon/presets/store.py",
        old='    return Path(bpy.utils.user_resource("CONFIG")) / _NAME\n',
        new="    return Path(__file__).parent / _NAME\n",
        tests=("tests/addon/test_callable.py",),
    ),
)
