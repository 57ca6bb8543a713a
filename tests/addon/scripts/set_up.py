# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Sidecar with a Python that only pretends to install: what the panel shows before, what is
reported, which command counts afterwards; and Start Sidecar that waits, with its errors."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import harness
from layout import Layout, drawn

asked, said = harness.options(), {}


def draw_set_up() -> list[list[str]]:
    """The panel; its sentences in one piece, since there is no region whose width would count."""
    module = harness.load("addon.setup.panel")
    module.draw_sentence = lambda layout, _, sentence: layout.label(text=sentence)
    return drawn(["set_up"])["set_up"]


def count_looks() -> int:
    """How often the disk is asked by ten drawings of the panel within a second."""
    module, glance, looks = load("addon.preferences"), load("addon.glance"), []
    asked_of, clock = module.find_python, glance.time
    module.find_python = lambda folder: looks.append(folder) or asked_of(folder)
    glance.time = SimpleNamespace(monotonic=lambda: 1.0)
    glance.look_again()
    for _ in range(10):
        draw_set_up()
    module.find_python, glance.time = asked_of, clock
    glance.look_again()
    return len(looks)


def agree() -> int:
    """Begins with a plan that was shown, to its end; how often another one was made."""
    operators, plans = load("addon.setup.operators"), []
    choices = load("addon.setup.properties").read_choices(settings)
    make = operators.make_plan
    made = make(choices, operators.shipped_wheel(), lambda: None)
    operators.make_plan = lambda *given: plans.append(given)
    operators.AFFEKT_OT_plan_set_up.execute(SimpleNamespace(_plan=made), bpy.context)
    while running.step() is not None:
        time.sleep(0.01)
    operators.make_plan = make
    return len(plans)


def without_pythons() -> str:
    """What is said on a machine without a Python, Blender's own included, and without a network."""
    pythons = load("addon.setup.pythons")
    there, pythons.candidates = pythons.candidates, lambda around: iter(())
    settings.setup_python, settings.setup_wheels = "", str(harness.folder())
    sentence = harness.failure(ops.set_up_sidecar)
    settings.property_unset("setup_wheels")
    pythons.candidates = there
    return sentence


def draw_preferences() -> list[list[str]]:
    """With the names of the properties alone."""
    found = []
    layout = PreferencesLayout(found)
    settings = bpy.context.preferences.addons[harness.MODULE].preferences
    type(settings).draw(Stand(settings, layout), bpy.context)
    return found


class PreferencesLayout(Layout):
    def prop(self, owner: object, name: str, **_: object) -> None:
        assert name in owner.bl_rna.properties, name
        self._drawn.append(["prop", name])

    def __getattr__(self, name: str) -> object:
        made = super().__getattr__(name)
        return lambda **_: PreferencesLayout(made()._drawn)


class Stand:
    """The preferences, with another layout."""

    def __init__(self, settings: object, layout: Layout) -> None:
        self._settings, self.layout = settings, layout

    def __getattr__(self, name: str) -> object:
        return getattr(self._settings, name)


os.environ["PATH"] = ""  # no `affekt` is there
os.environ["AFFEKT_DATA_DIR"] = asked["data"]
with harness.enabled():
    load, ops = harness.load, bpy.ops.affekt
    load("addon.setup.plan").NEEDED_BYTES.update(cpu=1, cuda=1)
    settings = bpy.context.preferences.addons[harness.MODULE].preferences
    command = load("addon.preferences").sidecar_command
    panel = load("addon.setup.panel").AFFEKT_PT_set_up
    session = load("addon.link.session").session
    files = harness.extension_files()
    said["shows_before"] = draw_set_up()
    said["preferences"] = draw_preferences()
    said["looks"] = count_looks()
    said["no_command"] = harness.failure(lambda: ops.start_sidecar(wait=True))
    said["no_log"] = ops.open_set_up_log.poll()

    settings.setup_device = "CPU"
    system = bpy.context.preferences.system
    system.use_online_access = False
    said["offline"] = harness.failure(ops.set_up_sidecar)
    system.use_online_access = True
    settings.setup_python = asked["bad"]
    said["failed"] = harness.failure(ops.set_up_sidecar)
    said["shows_after_failure"] = draw_set_up()
    settings.setup_python = asked["no_python"]
    said["no_python"] = harness.failure(ops.set_up_sidecar)
    for name in ("proxy", "full"):
        settings.setup_python = asked[name]
        said[name] = harness.failure(ops.set_up_sidecar)
    said["no_python_anywhere"] = without_pythons()
    said["task_left"] = str(load("addon.link.tasks").running_task())

    # As in a window, where a timer does the steps, and another file is opened meanwhile.
    running, tasks = load("addon.setup.running"), load("addon.link.tasks")

    def press() -> list[str]:
        """Begins, and steps until it is over or has told what is installed."""
        operators = load("addon.setup.operators")
        running.begin(operators.AFFEKT_OT_set_up_sidecar.make_steps(None, bpy.context))
        seen = []
        while running.step() is not None:
            seen.append(tasks.running_task().progress.text)
            bpy.ops.wm.read_homefile(use_empty=True) if len(seen) == 3 else time.sleep(0.01)
        return seen

    settings.setup_python = asked["bad"]
    said["seen"] = sorted(set(press()))
    said["in_window"] = str(running.last_error())
    said["shows_error"] = draw_set_up()
    running.begin(step for step in [tasks.Progress(fraction=0.0, text="a")] * 9)
    ops.cancel()
    said["cancelled"] = [running.step(), running.last_error()]

    said["planned_again"] = agree()
    said["agreed"] = str(running.last_error())
    settings.setup_python = asked["good"]
    settings.python, settings.command = asked["good"], "another --option"
    said["answer"] = list(ops.set_up_sidecar())
    said["python"] = settings.python
    said["command"] = command(settings)
    said["shows_after"] = panel.poll(bpy.context)
    ops.open_set_up_log()
    said["log"] = bpy.data.texts["Affekt sidecar.log"].as_string()
    settings.command = "another --option"
    said["own_command"] = harness.failure(lambda: command(settings))
    settings.command = "affekt"

    # What was set up here is no sidecar: it ends at once.
    said["ends"] = harness.failure(lambda: ops.start_sidecar(wait=True))
    said["state"] = session.state.name
    said["bake_without"] = harness.failure(ops.add_head)
    ops.stop_sidecar()

    wheel = next(Path(load("addon.setup").__file__).parents[2].glob("sidecar_wheel/*.whl"))
    said["wheel"] = wheel.name
    record = Path(asked["data"]) / "current.json"
    record.write_text(record.read_text().replace('"wheel": "', '"wheel": "0'))
    load("addon.glance").look_again()
    said["shows_update"] = draw_set_up()
    said["preferences_after"] = draw_preferences()
    settings.python = asked["hangs"]
    said["timeout"] = harness.failure(lambda: ops.start_sidecar(wait=True, timeout=0.3))
    said["state_after_timeout"] = session.state.name
    said["is_untouched"] = harness.extension_files() == files and len(files) > 100
harness.answer(**said)
