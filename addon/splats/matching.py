# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's key light as the light of an avatar: drivers on the modifier's inputs, which any
Blender evaluates and which need no script.

What is white in the avatar becomes as bright as a white card at the head that faces the lamp.
"""

from __future__ import annotations

import math

import bpy
from mathutils import Vector

from ...shared.errors import InputError
from .cloud import Inputs, inputs_of, modifier_of
from .light import COLOUR, EXPOSURE, IS_SUN, LAMP, SIZE, SUN_M

_LUMINANCE = (0.2126, 0.7152, 0.0722)
_LETTERS = "rgb"
_MOST = 10.0
"""Exposure that a lamp gives at most, as by hand: one that was deleted, or stands in the head, has
no distance."""
_OWN = {EXPOSURE: 0.0, COLOUR: (1.0, 1.0, 1.0, 1.0)}
"""The splats' own light."""
_OURS = "min(log(max("
"""How the expression of our driver of the exposure begins."""


def match_light(cloud: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    """Lets exposure and colour of the splats follow the scene's strongest lamp; returns that.
    Raises InputError `splats.driven`, `splats.linked`, `splats.no_light`, `splats.unbound`."""
    _need_own(cloud)
    place = (cloud.parent or cloud).matrix_world.translation
    lamp, given = key_light(scene, place), _inputs(cloud)
    release_light(cloud)
    given[LAMP].value, given[IS_SUN].value = lamp, lamp.data.type == "SUN"
    given[SIZE].value = _radius_m(lamp)
    driver = given[EXPOSURE].driver_add("value").driver
    strength, luminance = _strength(driver, lamp, cloud, place), _add_colour(driver, lamp)
    driver.expression = f"{_OURS}{strength} * {luminance}, 1e-6), 2), {_MOST})"
    for index in range(3):
        driver = given[COLOUR].driver_add("value", index).driver
        luminance = _add_colour(driver, lamp)
        driver.expression = f"{_channel(index, lamp.data)} / max({luminance}, 1e-6)"
    cloud.update_tag()
    return lamp


def _inputs(cloud: bpy.types.Object) -> Inputs:
    given = inputs_of(modifier_of(cloud))
    if not given.keys() >= {EXPOSURE, COLOUR, LAMP, IS_SUN, SIZE}:
        raise InputError(
            "splats.unbound",
            f"'{cloud.name}' has no node group that light could be set in.",
            "Press Bind Again beside Follow.",
        )
    return given


def release_light(cloud: bpy.types.Object) -> None:
    """Takes the lamp's drivers away; exposure and colour are as at first again. Raises InputError
    `splats.driven` for drivers of somebody else's, `splats.linked`."""
    _need_own(cloud)
    given = inputs_of(modifier_of(cloud))
    inputs = {name: given[name] for name in _OWN if name in given}
    if is_matched(cloud, given):
        for name, one in inputs.items():
            one.driver_remove("value")
            one.value = _OWN[name]
    elif driven := next((name for name, one in inputs.items() if _drivers_of(cloud, one)), None):
        raise InputError(
            "splats.driven",
            f"{driven} of '{cloud.name}' has a driver that is not of a lamp.",
            "Delete that driver first, or leave the splats in their light.",
        )
    cloud.update_tag()


def is_matched(cloud: bpy.types.Object, given: Inputs) -> bool:
    """Whether a lamp drives the splats' light. given: the inputs of their modifier."""
    drivers = _drivers_of(cloud, given[EXPOSURE]) if EXPOSURE in given else []
    return any(driver.expression.startswith(_OURS) for driver in drivers)


def _drivers_of(cloud: bpy.types.Object, given: bpy.types.PropertyGroup) -> list[bpy.types.Driver]:
    if cloud.animation_data is None:
        return []
    path = given.path_from_id("value")
    return [curve.driver for curve in cloud.animation_data.drivers if curve.data_path == path]


def _need_own(cloud: bpy.types.Object) -> None:
    """Raises InputError `splats.linked` for another file's splats: what a lamp does to them would
    be lost at the next load."""
    origin = cloud.library or (cloud.override_library and cloud.override_library.reference.library)
    if origin:
        file = bpy.path.basename(origin.filepath)
        raise InputError(
            "splats.linked",
            f"'{cloud.name}' is linked from {file}, and what is changed here would not be kept.",
            "Do it in that file.",
        )


def key_light(scene: bpy.types.Scene, place: Vector) -> bpy.types.Object:
    """The rendered lamp that lights a white card at the place most. Raises InputError
    `splats.no_light`."""
    lamps = [item for item in scene.objects if item.type == "LIGHT" and not item.hide_render]
    radiances = {item: lamp_radiance(item, place) for item in lamps}
    if not lamps or max(radiances.values()) <= 0:
        raise InputError(
            "splats.no_light",
            "No lamp of this scene shines on the head.",
            "Add one, or set Exposure and Light Colour by hand.",
        )
    return max(lamps, key=radiances.__getitem__)


def lamp_radiance(lamp: bpy.types.Object, place: Vector) -> float:
    """Luminance that the lamp gives a white diffuse card at the place, facing it."""
    data, away = lamp.data, place - lamp.matrix_world.translation
    colour = [data.color[k] * _temperature(data)[k] for k in range(3)]
    luminance = sum(part * share for part, share in zip(colour, _LUMINANCE, strict=True))
    near = 1.0 if data.type == "SUN" else max(away.length_squared, 1e-6)
    return data.energy * 2**data.exposure * luminance * _factor(lamp, place) / near


def _factor(lamp: bpy.types.Object, place: Vector) -> float:
    """Radiance of a white card, over energy and distance to the power of -2, of a white lamp. A
    diffuse card of irradiance E has E / pi. A lamp of P watts that shines to all sides gives
    E = P / (4 pi d^2); a flat one, straight ahead, P / (pi d^2); a sun's energy is E."""
    data, away = lamp.data, place - lamp.matrix_world.translation
    ahead = lamp.matrix_world.to_3x3().normalized() @ Vector((0, 0, -1))
    cosine = ahead.dot(away.normalized())
    if data.type == "SUN":
        return 1 / math.pi
    if data.type == "AREA":
        return max(cosine, 0.0) / math.pi**2 * (1 if data.normalize else _area_m2(data))
    if data.type == "SPOT" and cosine < math.cos(data.spot_size / 2):
        return 0.0
    return 1 / (4 * math.pi**2)


def _area_m2(data: bpy.types.Light) -> float:
    other = data.size_y if data.shape in ("RECTANGLE", "ELLIPSE") else data.size
    round_ = math.pi / 4 if data.shape in ("DISK", "ELLIPSE") else 1.0
    return data.size * other * round_


def _radius_m(lamp: bpy.types.Object) -> float:
    """Of the lamp as its shadows see it."""
    data = lamp.data
    if data.type == "SUN":
        return SUN_M * math.tan(data.angle / 2)
    return 0.5 * data.size if data.type == "AREA" else data.shadow_soft_size


def _temperature(data: bpy.types.Light) -> tuple[float, ...]:
    return tuple(data.temperature_color) if data.use_temperature else (1.0, 1.0, 1.0)


def _channel(index: int, data: bpy.types.Light) -> str:
    """The lamp's colour in a driver's expression."""
    letter = _LETTERS[index]
    return f"{letter} * t{letter}" if data.use_temperature else letter


def _add_colour(driver: bpy.types.Driver, lamp: bpy.types.Object) -> str:
    """Gives the driver the lamp's colour; returns its luminance as an expression."""
    for index, letter in enumerate(_LETTERS):
        _add_value(driver, letter, lamp.data, f"color[{index}]")
        if lamp.data.use_temperature:
            _add_value(driver, f"t{letter}", lamp.data, f"temperature_color[{index}]")
    parts = [f"{share} * {_channel(k, lamp.data)}" for k, share in enumerate(_LUMINANCE)]
    return f"({' + '.join(parts)})"


def _strength(
    driver: bpy.types.Driver, lamp: bpy.types.Object, cloud: bpy.types.Object, place: Vector
) -> str:
    """Gives the driver what the lamp's energy depends on; returns a white lamp's strength as an
    expression."""
    _add_value(driver, "e", lamp.data, "energy")
    _add_value(driver, "x", lamp.data, "exposure")
    strength = f"{_factor(lamp, place):.6g} * e * pow(2, x)"
    if lamp.data.type == "SUN":
        return strength
    distance = driver.variables.new()
    distance.name, distance.type = "d", "LOC_DIFF"
    distance.targets[0].id, distance.targets[1].id = lamp, cloud.parent or cloud
    return f"{strength} / max(d * d, 1e-6)"


def _add_value(driver: bpy.types.Driver, name: str, data: bpy.types.Light, path: str) -> None:
    variable = driver.variables.new()
    variable.name = name
    target = variable.targets[0]
    target.id_type, target.id, target.data_path = "LIGHT", data, path
