# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the pictures of avatars into camera views: each on a plane before the camera, on which the
graphics card compares depths, so that what stands before the head hides it. A Blender without a
window draws nothing, and no handler is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import blf
import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix, Vector

from ..character.find import meshes_of
from ..guard import guard_call
from ..words.sentences import translate
from .avatar_view import AvatarView, Seen

Shown = list[tuple[bpy.types.Object, bpy.types.Scene, AvatarView]]
_BEFORE = 0.999
"""Of the distance to the nearest point of a mesh that is seen: the plane is nearer than it."""
_CORNERS = [(1, 0), (1, 1), (0, 1), (0, 0)]
"""Of the picture, whose top row is first, in the order of `view_frame`."""
_LETTERS, _EDGE = 11.0, 8.0

_textures: dict[int, tuple[Seen, gpu.types.GPUTexture]] = {}
_handles: list[object] = []


def show(list_shown: Callable[[], Shown]) -> None:
    """Lets Blender draw what the function names, from now on."""
    if bpy.app.background:
        return
    kinds = () if _handles else ((_draw_pictures, "POST_VIEW"), (_draw_words, "POST_PIXEL"))
    for draw, when in kinds:
        handle = bpy.types.SpaceView3D.draw_handler_add(draw, (list_shown,), "WINDOW", when)
        _handles.append(handle)
    redraw()


def hide() -> None:
    """Takes that away."""
    for handle in _handles:
        bpy.types.SpaceView3D.draw_handler_remove(handle, "WINDOW")
    _handles.clear()
    _textures.clear()
    redraw()


def forget(uid: int) -> None:
    """What was drawn of the head with that session number is no longer drawn; of others it is."""
    _textures.pop(uid, None)
    redraw()


def camera_regions(scene: bpy.types.Scene | None = None) -> Iterator[bpy.types.Region]:
    """Where a scene is seen through its camera; any scene for None."""
    for window in bpy.context.window_manager.windows:
        if scene is not None and window.scene != scene:
            continue
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and _is_camera_view(area.spaces.active, window.scene):
                yield from (region for region in area.regions if region.type == "WINDOW")


def edge_of(scene: bpy.types.Scene) -> int:
    """The longest edge of the views through the scene's camera, in pixels; 0 if there is none."""
    return max((max(one.width, one.height) for one in camera_regions(scene)), default=0)


def redraw() -> None:
    """Asks the camera views to draw themselves again."""
    for region in camera_regions():
        region.tag_redraw()


def _is_camera_view(space: bpy.types.SpaceView3D, scene: bpy.types.Scene) -> bool:
    view = space.region_3d
    return view is not None and view.view_perspective == "CAMERA" and space.camera == scene.camera


def _draw_pictures(list_shown: Callable[[], Shown]) -> None:
    guard_call(lambda: draw_pictures(bpy.context, list_shown()), "Drawing an avatar's picture")


def _draw_words(list_shown: Callable[[], Shown]) -> None:
    guard_call(lambda: draw_words(bpy.context, list_shown()), "Saying what an avatar shows")


def _seen_here(context: bpy.types.Context, shown: Shown) -> Shown:
    if not _is_camera_view(context.space_data, context.scene):
        return []
    return [one for one in shown if one[1] == context.scene]


def draw_pictures(context: bpy.types.Context, shown: Shown) -> None:
    """Draws the pictures of the heads of the region's scene, the farthest first."""
    here = [(head, view.seen) for head, _, view in _seen_here(context, shown) if view.seen]
    if not here:
        return
    eye = context.scene.camera.evaluated_get(context.evaluated_depsgraph_get())
    placed = [(_distance(context, eye, head), head.session_uid, seen) for head, seen in here]
    shader = gpu.shader.from_builtin("IMAGE")
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    try:
        for distance, uid, seen in sorted(placed, key=lambda one: -one[0]):
            corners = [tuple(c) for c in frame_corners(eye, context.scene, distance)]
            batch = batch_for_shader(shader, "TRI_FAN", {"pos": corners, "texCoord": _CORNERS})
            shader.uniform_sampler("image", _texture(uid, seen))
            batch.draw(shader)
    finally:
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")


def frame_corners(eye: bpy.types.Object, scene: bpy.types.Scene, distance: float) -> list[Vector]:
    """The corners of the camera's frame in the world, so many metres before it: right at the top,
    right at the bottom, left at the bottom, left at the top."""
    matrix, data = _unscaled(eye.matrix_world), eye.data
    found = []
    for corner in data.view_frame(scene=scene):
        if data.type == "ORTHO":
            place = Vector((corner.x, corner.y, -distance))
        else:
            place = corner * (distance / -corner.z)
        found.append(matrix @ place)
    return found


def _unscaled(matrix: Matrix) -> Matrix:
    """The camera's place and turn: its scale does not count."""
    return Matrix.LocRotScale(*matrix.decompose()[:2], None)


def _distance(context: bpy.types.Context, eye: bpy.types.Object, head: bpy.types.Object) -> float:
    """Of the plane: just before a mesh that is seen, which would hide it, else through the middle
    of the head."""
    graph, inverse = context.evaluated_depsgraph_get(), _unscaled(eye.matrix_world).inverted()
    depths: list[float] = []
    for mesh in (one.evaluated_get(graph) for one in meshes_of(head)):
        place = inverse @ mesh.matrix_world
        depths += [-(place @ Vector(corner)).z for corner in mesh.bound_box]
    is_seen = any(one.visible_in_viewport_get(context.space_data) for one in meshes_of(head))
    distance = _BEFORE * min(depths) if is_seen else 0.5 * (min(depths) + max(depths))
    return max(distance, 1.001 * eye.data.clip_start)


def _texture(uid: int, seen: Seen) -> gpu.types.GPUTexture:
    known = _textures.get(uid)
    if known is None or known[0] is not seen:
        height, width = seen.pixels.shape[:2]
        values = (seen.pixels * np.float32(1 / 255)).ravel()
        data = gpu.types.Buffer("FLOAT", values.size, values)
        known = (seen, gpu.types.GPUTexture((width, height), format="RGBA8", data=data))
        _textures[uid] = known
    return known[1]


def draw_words(context: bpy.types.Context, shown: Shown) -> None:
    """Says in the lower left corner of the camera's frame that a picture lies there, and whether it
    is of this moment."""
    here = _seen_here(context, shown)
    if not here:
        return
    eye = context.scene.camera.evaluated_get(context.evaluated_depsgraph_get())
    corner = frame_corners(eye, context.scene, max(1.0, 2 * eye.data.clip_start))[2]
    place = location_3d_to_region_2d(context.region, context.region_data, corner)
    if place is None:
        return
    scale = context.preferences.system.ui_scale
    blf.size(0, _LETTERS * scale)
    blf.color(0, 1, 1, 1, 0.9)
    for row, (_, _, view) in enumerate(here):
        low = max(place.y, 0) + (_EDGE + row * 1.5 * _LETTERS) * scale
        blf.position(0, max(place.x, 0) + _EDGE * scale, low, 0)
        blf.draw(0, words_of(view))


def words_of(view: AvatarView) -> str:
    """What the camera's view says of a picture."""
    if view.seen is None:
        return translate("Avatar preview: waiting")
    if not view.is_right:
        return translate("Avatar preview: catching up")
    return translate("Avatar preview" if view.is_fine else "Avatar preview: draft")
