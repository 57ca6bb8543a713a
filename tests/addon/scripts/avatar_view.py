# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a live head's avatar, stepped as Live's timer would, with a client of cardboard:
what is asked for, how large, and what may be seen of the answers."""

from concurrent.futures import Future
from types import SimpleNamespace
from unittest import mock

import bpy
import harness
import numpy as np

asked = harness.options()
EDGE, SMALL = 700, 320


class Client:
    """Notes previews and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.uploads: list[str] = []
        self.is_open = True

    def start_preview(self, take: object, track: object, frame: int, **options: object) -> int:
        self.asked.append({"take": take, "frame": frame, **options})
        return len(self.asked)

    def upload(self, data: bytes, kind: str, name: str) -> str:
        self.uploads.append(kind)
        return f"{kind}:{name}"

    def answer(self, number: int) -> dict:
        """The answer to one preview, as Live's step hands it on."""
        camera = self.asked[number - 1]["camera"]
        pixels = np.full((camera.height, camera.width, 4), number, np.uint8)
        return {VIEW: ready(number, pixels)}


class Line:
    """Calls are answered at once."""

    def __init__(self, client: Client) -> None:
        self.client, self.is_lasting = client, True

    def submit(self, call) -> Future:
        done: Future = Future()
        try:
            done.set_result(call(self.client))
        except Exception as error:
            done.set_exception(error)
        return done


def ready(number: int, pixels: np.ndarray) -> object:
    return events.PreviewReady(
        view=VIEW,
        frame=0,
        expression=np.zeros(100, np.float32),
        jaw=np.zeros(3, np.float32),
        vertices=None,
        pixels=pixels,
        request=number,
    )


class Live:
    """A live head of cardboard, at a moment that can be changed."""

    def __init__(self, head: bpy.types.Object, client: Client, space: str | None = None) -> None:
        self.places, self.why = (head, bpy.context.scene), ""
        name = requests.HeadName(name="flame-sha" if space else "open", space=space)
        self.now = SimpleNamespace(
            client=client, take="take", head=name, track="track", frame=7, key=("moment", 7)
        )

    def moment(self) -> object:
        return self.now

    def go(self, frame: int) -> None:
        self.now = SimpleNamespace(**{**vars(self.now), "frame": frame, "key": ("moment", frame)})


def start(space: str | None = None) -> None:
    global client, line, live, view
    client = Client()
    line, live, view = Line(client), Live(head, client, space), views.AvatarView(VIEW)


def step(told: dict | None = None, edge: int = EDGE, *, is_resting: bool = False) -> list:
    """A step; what the view says after it."""
    views.REST_S = 0.0 if is_resting else 1e9
    news = view.step(live, line, told or {}, edge_px=edge)
    number = None if view.seen is None else view.seen.number
    return [None if news is None else news.number, number, overlay.words_of(view)]


def sizes() -> list[list[int]]:
    return [[one["camera"].width, one["camera"].height, one["frame"]] for one in client.asked]


def moves_and_rests() -> dict:
    """Small while it moves, fine at rest; what is of another moment is catching up."""
    start()
    told = {"first": step(), "nothing_new": step()}
    told["draft"] = step(client.answer(1))
    told["rests"] = step(is_resting=True)
    told["fine"] = step(client.answer(2), is_resting=True)
    live.go(8)
    told["moved"] = step()
    bpy.context.scene.camera.location.x += 0.01
    told["camera"] = step()
    told["late"] = step(client.answer(3))  # which is better than what was there
    told["newest"] = step(client.answer(4))
    told["stale"] = step(client.answer(3))
    told["sizes"] = sizes()
    told["shares"] = round(client.asked[0]["camera"].focal_x / client.asked[1]["camera"].focal_x, 6)
    told["same_eye"] = np.array_equal(
        client.asked[0]["camera"].camera_from_world, client.asked[1]["camera"].camera_from_world
    )
    return told


def hides() -> dict:
    """What must not be seen is not seen: no view, no sidecar, another avatar, an error."""
    start()
    told = {"nowhere": [*step(edge=0), len(client.asked)]}
    step()
    told["seen"] = step(client.answer(1))
    moment, live.now = live.now, None
    live.why = "A rendering is under way"
    told["waiting"] = [*step(), view.why]
    live.now = moment
    client.is_open = False
    told["gone"] = [*step(), view.why]
    client.is_open = True
    step()
    error = errors.InputError("avatar.broken", "It is broken.", "Take another.")
    told["failed"] = [*step({VIEW: events.PreviewFailed(view=VIEW, error=error)}), view.why]
    told["not_at_once"] = [*step(), len(client.asked)]
    views._AGAIN_S = 0.0
    told["again"] = [*step(), view.why, len(client.asked)]
    told["answered"] = step(client.answer(3))
    head.affekt_avatar.subject = "MESH"
    told["mesh"] = [*step(), view.why]
    head.affekt_avatar.subject = "FILE"
    told["no_file"] = [*step(), view.why]
    head.affekt_avatar.subject = "GAUSSIANS"
    eye, bpy.context.scene.camera = bpy.context.scene.camera, None
    told["no_camera"] = [*step(), view.why]
    bpy.context.scene.camera = eye
    eye.data.type = "PANO"
    told["panorama"] = [*step(), view.why]
    eye.data.type = "PERSP"
    views._AGAIN_S = 1.0
    return told


def wide() -> dict:
    """On a screen that is wider than a preview may be, the picture is as fine as it becomes."""
    start()
    told = {"fine": step(edge=1400, is_resting=True)}
    told["answered"] = step(client.answer(1), edge=1400, is_resting=True)
    told["stays"] = [*step(edge=1400, is_resting=True), view.why]
    told["sizes"] = sizes()
    return told


def elsewhere() -> dict:
    """A head is seen through its own scene's camera, whichever scene the timer's window shows."""
    start()
    step()
    other = bpy.data.scenes.new("Other")
    other.collection.objects.link(head)
    other.render.resolution_x, other.render.resolution_y = 800, 800
    other.camera = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    other.collection.objects.link(other.camera)
    other.camera.location = (1, 2, 3)
    live.places = (head, other)
    step()
    mine, theirs = (one["camera"] for one in client.asked)
    bpy.data.scenes.remove(other)
    return {
        "sizes": sizes(),
        "differ": not np.allclose(mine.camera_from_world, theirs.camera_from_world),
        "metres": float(np.linalg.norm(np.linalg.inv(theirs.camera_from_world)[:3, 3])),
    }


def ended() -> dict:
    """One of two that is hidden is no longer drawn; one whose step has a fault ends, the other
    stays."""
    running, uid = harness.load("addon.live.running"), head.session_uid
    told: dict = {}
    view = SimpleNamespace(view=VIEW, seen=None, is_right=False, step=lambda *_, **__: None)
    fault = mock.Mock(side_effect=RuntimeError("a fault"))
    broken = SimpleNamespace(view=VIEW, seen=None, is_right=False, step=fault)
    with mock.patch.object(overlay, "redraw") as drawn:
        running._avatars.update({uid: view, -1: view})
        overlay._textures.update(dict.fromkeys((uid, -1)))
        for name in ("hidden", "hidden_again"):
            running.hide_avatar(head)
            held = (running._avatars, overlay._textures)
            told[name] = [drawn.call_count, *(list(one) for one in held)]
        with mock.patch.dict(running._live, {uid: Live(head, None), -1: Live(head, None)}):
            running._avatars[uid] = broken
            told["fault"] = harness.failure(lambda: running._step_avatars(None, {}))
            told["left"] = [uid in running._avatars, -1 in running._avatars]
            told["then"] = harness.failure(lambda: running._step_avatars(None, {}))
        running._avatars.clear()
        overlay._textures.clear()
    return told


def subjects() -> dict:
    """Which avatar on which head is asked for; a render region crops nothing."""
    render = bpy.context.scene.render
    render.use_border = render.use_crop_to_border = True
    render.border_max_x = 0.5
    start()
    step()
    told = {"open": client.asked[-1]}
    render.use_border = False
    head.affekt_avatar.subject = "FILE"
    head.affekt_avatar.file, head.affekt_avatar.adapter = asked["avatar"], asked["adapter"]
    start("flame2020")
    told["steps"] = 0
    while not client.asked:
        step()
        told["steps"] += 1
    told["flame"] = client.asked[-1]
    head.affekt_avatar.file = asked["avatar"] + ".gone"
    told["gone"] = [*step(), view.why]
    head.affekt_avatar.adapter, head.affekt_avatar.subject = "", "GAUSSIANS"
    for name in ("open", "flame"):
        camera = told[name].pop("camera")
        told[name] = {"size": [camera.width, camera.height], **told[name]}
        told[name].pop("world_from_head")
    return told


VIEW = 15
with harness.enabled():
    for item in list(bpy.data.objects):
        if item.type != "CAMERA":
            bpy.data.objects.remove(item)
    views, overlay = harness.load("addon.live.avatar_view"), harness.load("addon.live.overlay")
    events, errors = harness.load("shared.events"), harness.load("shared.errors")
    requests = harness.load("addon.link.requests")
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 1600, 900
    head = harness.add_head(asked["head"])
    told = {}
    for part in (moves_and_rests, hides, wide, elsewhere, ended, subjects):
        told[part.__name__] = part()
    overlay.show(list)
    told["handlers"] = len(overlay._handles)
    told["views"] = overlay.edge_of(bpy.context.scene)
    harness.answer(**told)
