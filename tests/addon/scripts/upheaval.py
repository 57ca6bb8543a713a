# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator does to the file while a task runs: renames, deletes, undoes, changes modes
and scenes; and faults of ours in the midst."""

import threading
from collections.abc import Callable

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()


class PatientClient(FakeClient):
    """Reads a take and gives a head only while it may, so that a task is still under way whenever
    the file changes beneath it."""

    may_answer = threading.Event()

    def read_take(self, *arguments: object, **options: object) -> object:
        assert self.may_answer.wait(60)
        return super().read_take(*arguments, **options)

    def get_head(self, name: str) -> object:
        assert self.may_answer.wait(60)
        return super().get_head(name)


def run(steps: object, meanwhile: Callable[[], None]) -> str:
    """Steps a task as a timer would; `meanwhile` happens after its first step. Its report, or the
    code of the error that ended it."""
    task = tasks.start_task(tasks.Task("Task", steps))
    PatientClient.may_answer.clear()
    try:
        assert not task.step()
        meanwhile()
        PatientClient.may_answer.set()
        return task.run()
    except errors.AffektError as error:
        return error.code
    finally:
        PatientClient.may_answer.set()
        tasks.end_task()


def bake(meanwhile: Callable[[], None]) -> str:
    new = harness.load("addon.bake.options").BakeOptions(target="NEW")
    return run(baking.bake_steps(head(), bpy.context.scene, new), meanwhile)


def import_take(meanwhile: Callable[[], None]) -> str:
    return run(importing.import_steps(head(), bpy.context.scene, take_options()), meanwhile)


def take_options() -> object:
    return importing.ImportOptions(
        take=harness.Path(asked["take"]),
        adapter=None,
        first_frame=1,
        sets_range=True,
        with_sound=False,
        with_identity=False,
        reading=harness.load("shared.motion").ReadOptions(),
    )


def head() -> bpy.types.Object:
    """The head, found anew: after an undo it is another object."""
    return find.heads_among(bpy.data.objects)[0]


def names() -> list[str]:
    return [take.name for take in head().affekt_takes.items]


def census() -> dict[str, int]:
    kinds = ("objects", "meshes", "armatures", "actions", "shape_keys", "materials")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def rename_everything() -> None:
    scene, mine = bpy.context.scene, head()
    scene.name, mine.name, mine.data.name = "Shot 7", "Anna", "Anna mesh"
    find.rig_of(mine).name = "Anna rig"
    take = mine.affekt_takes.items[0]
    take.name = mine.affekt_takes.active = "Take 7"
    take.keys_action.name = "Anna talks"


def delete_take() -> None:
    bpy.data.actions.remove(head().affekt_takes.items[0].keys_action)
    bpy.context.view_layer.update()


def delete_head() -> None:
    bpy.ops.object.select_all(action="DESELECT")
    head().select_set(True)
    bpy.ops.object.delete()


def switch_scene() -> bpy.types.Scene:
    """Another scene, which is in use from now on in a Blender that has a window."""
    other = bpy.data.scenes.new("Other")
    if bpy.context.window is not None:
        bpy.context.window.scene = other
    return other


def scene_removed() -> str:
    """What an import into a scene says that goes away meanwhile."""
    other = bpy.data.scenes.new("Gone soon")
    options = take_options()
    steps = importing.import_steps(head(), other, options)
    return run(steps, lambda: bpy.data.scenes.remove(other))


def undo_a_bake() -> dict:
    """Names of the takes, which moves the head, and its emotion: with a bake, undone, redone."""

    def now() -> list:
        keys = head().data.shape_keys.animation_data.action
        take = head().affekt_takes.items[head().affekt_takes.active]
        return [names(), take.keys_action == keys, head().animation_data.action.name]

    bpy.ops.affekt.use_take(name=names()[0])
    bpy.ops.ed.undo_push(message="before")
    before = now()
    bpy.ops.affekt.bake(target="NEW")
    bpy.ops.ed.undo_push(message="Bake")
    baked = now()
    bpy.ops.ed.undo()
    undone = now()
    bpy.ops.ed.redo()
    return {"same": [before == undone, baked == now(), before != baked], "played": now()[1]}


def undo_a_step() -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects.new("later", None)
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()


def enter_edit_mode() -> None:
    bpy.context.view_layer.objects.active = head()
    bpy.ops.object.mode_set(mode="EDIT")


def edit_armature() -> None:
    bpy.context.view_layer.objects.active = find.rig_of(head())
    bpy.ops.object.mode_set(mode="EDIT")


def load_while_it_runs() -> bool:
    """Whether no task is left when another file is loaded while one runs."""
    tasks.start_task(tasks.Task("Bake", baking.bake_steps(head(), bpy.context.scene))).step()
    path = str(harness.folder() / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    return tasks.running_task() is None


def leave_edit_mode() -> None:
    bpy.ops.object.mode_set(mode="OBJECT")


def changes() -> dict:
    """What comes of each change while a task runs."""
    told = {"imported": import_take(lambda: None)}
    told["renamed"], told["names"] = bake(rename_everything), names()
    told["renamed_import"] = import_take(rename_everything)
    told["undone"], told["after_undo"] = bake(undo_a_step), names()
    told["undone_import"] = import_take(undo_a_step)
    told["scene_switched"], told["in_scene"] = import_take(switch_scene), bpy.context.scene.name
    if bpy.context.window is not None:
        bpy.context.window.scene = bpy.data.scenes["Shot 7"]
    told["in_edit_mode"] = bake(enter_edit_mode)
    leave_edit_mode()
    told["armature_edited"] = bake(edit_armature)
    leave_edit_mode()
    told["scene_removed"], told["undo"] = scene_removed(), undo_a_bake()
    blocks = head().data.shape_keys.key_blocks
    bpy.context.scene.frame_set(8)
    told["plays"] = blocks[model.expression_names[1]].value
    before = census()
    operators = harness.load("addon.head.operators").AFFEKT_OT_add_head
    adding = operators._add(None, bpy.context, is_first=False)
    told["add_in_edit_mode"] = run(adding, enter_edit_mode)
    leave_edit_mode()
    told["nothing_added"] = census() == before
    return told


def faults() -> dict:
    """Faults of ours: in a button, a task's last step, a panel, a poll; nothing stays of them."""
    guard, told, takes = harness.load("addon.guard"), {}, harness.load("addon.motion.takes")
    before, listed = census(), names()
    writing, takes.write_curves = takes.write_curves, lambda *_: {}["no such key"]
    told["import"] = harness.failure(lambda: bpy.ops.affekt.import_take(filepath=asked["take"]))
    takes.write_curves, assigning = writing, takes._assign
    takes._assign = lambda *_: None[0]
    told["bake"] = harness.failure(lambda: bpy.ops.affekt.bake(target="NEW"))
    takes._assign = assigning
    told["clean"] = [census() == before, names() == listed, tasks.running_task() is None]
    told["in_use"] = head().affekt_takes.active in listed
    keying = harness.load("addon.emotion.operators")
    keying.key_channels, as_it_was = (lambda *_: [][1]), keying.key_channels
    told["button"] = harness.failure(bpy.ops.affekt.key_emotions)
    keying.key_channels = as_it_was
    text = bpy.data.texts[guard.TEXT].as_string()
    told["noted"] = [kind in text for kind in ("KeyError", "TypeError", "IndexError")]
    told["guarded"] = unguarded()
    return told


def unguarded() -> list[str]:
    """Methods of ours that Blender calls without the guard."""
    registry, missing = harness.load("addon.registry"), []
    for item in registry.CLASSES:
        for name in ("execute", "invoke", "modal", "cancel", "poll", "draw"):
            method = getattr(item, name, None)
            ours = getattr(method, "__module__", "").startswith(harness.MODULE)
            is_blenders = not issubclass(item, bpy.types.Operator | bpy.types.Panel)
            if ours and not is_blenders and not hasattr(method, "affekt_guards"):
                missing.append(f"{item.__name__}.{name}")
    return missing


with harness.enabled():
    tasks, errors = harness.load("addon.link.tasks"), harness.load("shared.errors")
    find, baking = harness.load("addon.head.find"), harness.load("addon.bake.baking")
    importing = harness.load("addon.motion.importing")
    model = harness.read_head(asked["head"])
    PatientClient.may_answer.set()
    harness.load("addon.link.session").session.attach(PatientClient(model, silence(10)))
    harness.add_head(asked["head"])
    told = {"changes": changes(), "faults": faults()}
    bpy.ops.affekt.use_take(name=names()[0])
    told["take_deleted"], told["left"] = bake(delete_take), names()
    import_take(lambda: None)
    listed = names()
    told["loaded"], told["kept"] = load_while_it_runs(), names() == listed
    told["head_deleted"] = bake(delete_head)
    harness.answer(**told)
