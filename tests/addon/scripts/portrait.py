# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar from a photo: where it is kept, what comes into the scene, and all that may end it."""

import hashlib
import time
from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence
from layout import drawn

asked = harness.options()
ops = bpy.ops.affekt
photos = Path(asked["photo"]).parent


def client(fault: str = "", *, sees: bool = True, lam: bool = False) -> FakeClient:
    """A new connection. sees: to a sidecar that can make avatars of photos; lam: by LAM too."""
    made = FakeClient(harness.read_head(asked["head"]), silence(4), fault)
    if sees:
        made.welcome.capabilities = ("bake", "create_avatar", *(["lam"] if lam else []))
    harness.load("addon.link.session").session.attach(made)
    return made


def files() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(photos.iterdir())}


def census() -> list[int]:
    kinds = ("objects", "meshes", "armatures", "pointclouds", "node_groups")
    return [len(getattr(bpy.data, kind, ())) for kind in kinds]


def create(**options: object) -> str:
    return harness.failure(lambda: ops.create_avatar(filepath=asked["photo"], **options))


def lacking() -> dict[str, object]:
    """What a sidecar without the networks leads to, in the panel and at the button."""
    client(sees=False)
    panel = harness.load("addon.portrait.panel")
    # Sentences are broken to a region's width: none is here.
    panel.draw_sentence = lambda layout, context, sentence: layout.label(text=sentence)
    by_hand = drawn(["head"])["head"]
    panel.uses_set_up = lambda settings: True
    return {"said": create(), "by_hand": by_hand, "set_up": drawn(["head"])["head"]}


def added(said: str) -> dict[str, object]:
    """The newest head and what is beside it."""
    head = harness.load("addon.head.find").need_head(bpy.context)
    chosen = head.affekt_avatar
    cloud = bpy.context.object if bpy.context.object.type == "POINTCLOUD" else None
    return {
        "failure": said,
        "head": head.name,
        "first": head.data.vertices[0].co.xzy[:],
        "avatar": [chosen.subject, chosen.file],
        "points": None if cloud is None else len(cloud.data.points),
        "is_driven": cloud is not None and cloud.parent == head,
    }


def with_more() -> dict[str, object]:
    """Further photos, beside the first or with a path of their own; the browser hands on what is
    selected beside the active file; too many; one that is not there; on a FLAME head."""
    seeing, listed = client(), [{"name": "side.jpg"}, {"name": str(photos / "other.jpg")}]
    for one in ("side.jpg", "other.jpg"):
        (photos / one).write_text("a side")
    told: dict[str, object] = {"listed": create(more=listed, out="listed")}
    files = [{"name": name} for name in ("side.jpg", "me.jpg", "other.jpg")]
    told["browsed"] = harness.failure(
        lambda: ops.browse_photo(
            "EXEC_DEFAULT", filepath=asked["photo"], files=files, out="browsed"
        )
    )
    told["gone"] = create(more=[{"name": "gone.jpg"}], out="gone")
    told["many"] = create(more=[{"name": "side.jpg"}] * 9, out="many")
    flame = photos.parent / "flame.pkl"
    flame.write_bytes(b"flame")
    head = harness.load("addon.head.find").need_head(bpy.context)
    head.affekt_head.space, head.affekt_head.flame_file = "flame2020", str(flame)
    head.affekt_head.model = hashlib.sha256(b"flame").hexdigest()
    told["flame"] = create(out="flame")
    bpy.context.view_layer.objects.active = head
    told["open"] = create(out="open", on_flame=False)
    head.affekt_head.space = "open"
    told["sat_on"] = seeing.sat_on
    told["model"] = head.affekt_head.model
    for one in ("side.jpg", "other.jpg"):
        (photos / one).unlink()
    return told


def by_lam() -> dict[str, object]:
    """Without weights, on another's machine and here; with weights that have gone, or that came
    after the start; then made, on no FLAME head though one is selected."""
    session, noun = harness.load("addon.link.session").session, harness.load("addon.preferences")
    creating = harness.load("addon.portrait.creating")
    settings, weights = noun.preferences(bpy.context), photos.parent / "lam weights.safetensors"
    client()
    told: dict[str, object] = {"elsewhere": create(backbone="LAM")}
    told["options"] = [noun.sidecar_options(settings)]
    told["offered"] = [creating.offers_lam(bpy.context)]
    session._line.log_path = photos / "sidecar.log"  # as of one that this Blender started
    told["none"] = create(backbone="LAM")
    settings.lam_weights = str(weights)
    told["gone"] = create(backbone="LAM")
    weights.write_bytes(b"weights")
    told["restart"] = create(backbone="LAM")
    told["options"].append(noun.sidecar_options(settings))
    told["offered"].append(creating.offers_lam(bpy.context))
    settings.lam_emotion_weights, settings.lam_unknown_weights = str(weights.parent / "e"), True
    told["options"].append(noun.sidecar_options(settings))
    told["weights"], told["emotions"] = str(weights), str(weights.parent / "e")
    seeing = client(lam=True)
    head = harness.load("addon.head.find").need_head(bpy.context)
    head.affekt_head.space = "flame2020"
    told["made"] = added(create(backbone="LAM", out="lam"))
    head.affekt_head.space = "open"
    told["several"] = create(backbone="LAM", more=[{"name": "me.jpg"}], out="two")
    told["asked"] = [seeing.backbones, seeing.sat_on, seeing.uploads]
    client("weights", lam=True)
    told["unknown"] = create(backbone="LAM", out="two")
    for name in ("lam_weights", "lam_emotion_weights", "lam_unknown_weights"):
        settings.property_unset(name)
    told["files"] = files()
    (photos / "lam.safetensors").unlink()
    return told


def cancelled() -> dict[str, object]:
    """Stepped as a timer would until the head is fitted, then ended as by Esc."""
    stalling, before = client("stall"), (census(), files())
    creating, tasks = harness.load("addon.portrait.creating"), harness.load("addon.link.tasks")
    options = creating.CreateOptions(photo=Path(asked["photo"]), face=1, out=None, proxy="HIDDEN")
    steps = creating.create_steps(options, bpy.context)
    task = tasks.start_task(tasks.Task("Create Avatar from Photo", steps))
    deadline = time.monotonic() + 30
    while task.progress.fraction == 0 and time.monotonic() < deadline:
        task.step()
    told = {"fraction": task.progress.fraction, "text": task.progress.text}
    told["panel"] = drawn(["head"])["head"]
    tasks.end_task()
    while not stalling.cancelled and time.monotonic() < deadline:
        time.sleep(0.01)
    unchanged = (census(), files()) == before
    return {**told, "cancelled": stalling.cancelled, "unchanged": unchanged}


with harness.enabled():
    told: dict[str, object] = {"lacking": lacking()}
    seeing = client()
    told["no_photo"] = harness.failure(ops.create_avatar)
    told["not_there"] = harness.failure(
        lambda: ops.create_avatar(filepath=asked["photo"] + ".none")
    )
    told["first"] = added(create(face=2))
    told["uploads"] = list(seeing.uploads)
    told["second"] = added(create(proxy="KEEP"))
    told["named"] = added(create(out="mine"))
    told["over_the_photo"] = create(out=asked["photo"])
    before = census(), files()
    told["taken"] = create(out=str(photos / "mine.safetensors"))
    started = len(seeing.uploads)
    told["no_folder"] = create(out=str(photos / "none" / "mine"))
    told["no_work"] = len(seeing.uploads) == started
    client("job")
    told["fails"] = create()
    told["unchanged"] = (census(), files()) == before
    told["cancelled"] = cancelled()
    before = census()
    client("avatar")
    told["too_big"] = create()
    told["nothing_added"] = census() == before
    told["files"] = files()
    told["lam"] = by_lam()
    told["more"] = with_more()
    told["more"]["files"] = files()
    bpy.context.view_layer.objects.active = bpy.data.objects[told["first"]["head"]]
    bpy.context.object.hide_set(False)
    bpy.ops.object.mode_set(mode="EDIT")
    told["editing"] = create()
    bpy.ops.object.mode_set(mode="OBJECT")
    harness.answer(**told)
