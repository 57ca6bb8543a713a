# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of the pieces of a person's head: what the photo shows, class by class, and what it
does not show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array, IndexArray, Int32Array
from ...shared.head import REGIONS, HeadModel
from ..avatar.open_avatar import baked_light
from ..raster.colour import srgb_to_linear
from . import landmarks as marks
from .completion import Graph, completed, grain, mirrored
from .folds import fold_patterns, folded_by_smile, pressed_skin, without_folds
from .framing import Frame, lip_line, mouth_opening, polygon, sample
from .landmarks import HeadLandmarks
from .lids import folded_away, lash_strip, near_eyes, neutral_vertices
from .light import LUMINANCE, fit_light, shade
from .masks import clothes, strayed_background
from .surface import FACE_LOW_M, FADE_M, Pieces, Sight
from .teeth import teeth_of, tooth_shade

_BESIDE_FADE_M = 0.010
_HAIR_EDGE_PIXELS, _HAIR_DEEP_PIXELS, _NO_HAIR = 6, 3, 0.25
_LIP_EDGE_PIXELS = 5
_RIM_DEEP_M = -0.05
"""Skin further back is the neck's and the ears', beside which a photo shows much else."""
_LINE_SHARE, _LINE_LEAST = 0.6, 0.3
"""The line between closed lips is shadow, which lips that part do not have: they keep so much of
it, and are no darker than that."""
_LASHES_PIXELS = 8
_IRIS_RINGS = 10
_GREY_GAIN = 0.6
"""How much of the photo's light on the mouth's inside is without colour."""
_TEETH_BRIGHT, _TEETH_CONTRAST = 1.05, 1.6
_TEETH_TINT, _TEETH_OWN = np.array([1.07, 0.99, 0.86]), 0.4
"""Teeth's tint where the photo shows none, and how much of theirs counts where it does: a smile's
are small, between lips."""
_LEAST_TEETH = 12
_SMILE_M, _SMILE_FADE_M, _SMILE_LEAST = 0.011, 0.013, 0.12
_SHADE_TINT = np.array([0.9, 1.05, 1.15])
"""Teeth so far from the middle are shaded by the cheeks, warmly."""
_LIP_STEPS, _LIP_EVEN, _LIP_RELIEF = 12, 0.5, 0.5
_LIP_BORDER_M, _LIP_BORDER_STEPS = 0.0014, 2
_LIP_LIT, _LIP_DEPTH, _LIP_LEAST = 0.8, 0.3, 0.4
"""The head's own light on lips from which on they are no darker than seen; how much of what lacks
there shows; and the least that is left: where they meet, no smile shows them."""
_LIP_TINT = np.array([0.85, 1.1, 1.05])
"""The shade is red: its light has met lips before."""
_SURE = 0.5
_BEARD_TOP_M, _BEARD_DARK, _BEARD_SHARE = -0.03, 0.6, 0.15
"""Below this height skin that is darker than so many times what is above is a beard's, if that
much of it is."""
_BEARD_BEHIND_M, _BEARD_LOW_M, _BEARD_FADE_M = -0.045, -0.100, 0.006
"""Behind and below these no beard grows on."""
_SHOWN_LIGHT = (0.1, 0.98)
_SCALP_SHADE = 0.7
_FIRM_LIDS, _BRIGHT_LIDS, _NO_LASH = 20.0, 3.0, 0.8
_LID_LIGHT = 0.8
"""No lid is darker than this share of the skin around the eyes."""
_WHITE = 0.65
"""The quantile of what is seen of an eye's white that its unseen part gets: less is shaded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What of the photo counts. trust: (N,) 0 to 1, how much each piece's pixel shows the piece;
    plain: (N,) the same without what lies so near an eye that it may show lashes; shown: (N,) the
    same with what the piece looks so in the photo's expression alone; looks_lid, looks_lip: (N,)
    which pieces look so while the eye is open, or by how the lips lie; rim: (N,) 0 to 1, how much
    it shows skin that does not count, since it looks sideways or lies beside hair or background;
    linear: (N, 3)
    its colour there, linear light; light: (9,) see `light`; mouth_is_open: whether the photo shows
    the mouth's inside; teeth: (3,) their linear colour; lip_line: (N,) lips where closed ones meet;
    even: (N,) pieces that are too wide for detail, or beside such."""

    trust: Float32Array
    plain: Float32Array
    shown: Float32Array
    looks_lid: BoolArray
    looks_lip: BoolArray
    rim: Float32Array
    linear: Float32Array
    light: Float64Array
    mouth_is_open: bool
    teeth: Float64Array
    lip_line: BoolArray
    even: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """What stays the same while colours are found: the pieces; those of skin and lips (indices),
    their graph and each one's mirror piece; how far folds were pressed into them; which pieces a
    shut eye unfolds, which are a lash line; skin around the eyes (indices) and its own graph; teeth
    without gums (indices) and what is left of their colour (T, 3), see `tooth_shade`."""

    head: HeadModel
    pieces: Pieces
    skin: IndexArray
    graph: Graph
    other: Int32Array
    pressed: Float64Array
    folded: BoolArray
    strip: BoolArray
    lids: IndexArray
    lid_graph: Graph
    enamel: IndexArray
    enamel_shade: Float64Array


def prepare(
    head: HeadModel, pieces: Pieces, sight: Sight, found: HeadLandmarks, scores: Float32Array
) -> Canvas:
    """Finds what the colours are completed on. The lids' lash lines are a part of their own, or
    their dark would run into the lids. scores: (52,) ARKit's weights of the photo's expression."""
    skin = np.flatnonzero(pieces.of("skin", "lip"))
    strip = lash_strip(pieces, head, found)
    parts = np.where(strip, len(REGIONS), pieces.region)[skin].astype(np.int32)
    rest, drawn = neutral_vertices(pieces), fold_patterns(pieces)
    pressed = pressed_skin(pieces, drawn, (rest, sight.posed.vertices), scores)
    pressed = np.maximum(pressed, folded_by_smile(pieces, drawn, scores))
    folded = folded_away(pieces, rest) & ~strip
    lids = np.flatnonzero(near_eyes(pieces) & pieces.of("skin") & ~strip)
    number = teeth_of(head)[pieces.corners[:, 0]]
    enamel = np.flatnonzero(number >= 0)
    shade = tooth_shade(head, pieces.places[enamel], pieces.normals[enamel], number[enamel])
    return Canvas(
        head=head,
        pieces=pieces,
        skin=skin,
        graph=Graph.of(pieces.places[skin], pieces.normals[skin], parts),
        other=mirrored(pieces.places[skin], parts),
        pressed=pressed[skin] * (parts == parts.min()),
        folded=folded,
        strip=strip,
        lids=lids,
        lid_graph=Graph.of(pieces.places[lids], pieces.normals[lids], pieces.region[lids]),
        enamel=enamel,
        enamel_shade=shade,
    )


def gather(canvas: Canvas, sight: Sight, frame: Frame, hair: Float32Array) -> Evidence:
    """Looks up what the photo shows of each piece, and says what of it counts."""
    pieces = canvas.pieces
    strip = canvas.strip
    around = cv2.dilate(hair, np.ones((2 * _HAIR_EDGE_PIXELS + 1,) * 2, np.uint8))
    cloth = clothes(frame)
    no_skin = strayed_background(frame) | cloth
    free = _at(frame.inside & (around < _NO_HAIR) & ~no_skin, sight)
    eyes = polygon(frame, marks.RIGHT_LIDS) | polygon(frame, marks.LEFT_LIDS)
    inner_eyes = polygon(frame, marks.RIGHT_LIDS, -2) | polygon(frame, marks.LEFT_LIDS, -2)
    mouth = mouth_opening(frame)
    trust = sight.seen * free
    skin, lip = pieces.of("skin"), pieces.of("lip")
    trust *= np.where(skin | lip, ~_at(mouth, sight), True)
    lids = polygon(frame, marks.RIGHT_LIDS, _LASHES_PIXELS)
    lids |= polygon(frame, marks.LEFT_LIDS, _LASHES_PIXELS)
    looks_lid = skin & near_eyes(pieces) & (_at(lids, sight) | canvas.folded | strip)
    looks_lip = lip | (skin & _at(polygon(frame, marks.OUTER_LIPS, _LIP_EDGE_PIXELS), sight))
    shown = np.where(looks_lid | looks_lip, trust, 0)
    rim = (1 - trust) * (skin & sight.free & ~looks_lid & ~looks_lip & ~strip)
    rim *= _at(frame.inside & ~mouth & ~cloth, sight)
    rim *= (pieces.places[:, 1:] > (FACE_LOW_M, _RIM_DEEP_M)).all(1)
    line = lip & (trust > 0) & _at(lip_line(frame), sight)
    trust *= ~line
    if mouth.any():  # a smile's lips are thin, and the corners of its mouth lie in shadow
        trust *= np.where(lip, _at(polygon(frame, marks.OUTER_LIPS, -1), sight), True)
        beside = polygon(frame, marks.OUTER_LIPS, _LIP_EDGE_PIXELS)
        trust *= np.where(skin, ~_at(beside, sight), True)
    trust *= np.where(skin & ~strip, ~(_at(eyes, sight) | canvas.folded), True)
    trust *= np.where(pieces.of("sclera", "iris", "pupil"), _at(inner_eyes, sight), True)
    trust *= np.where(pieces.of("teeth", "tongue", "mouth"), _at(mouth, sight), True)
    linear = srgb_to_linear(sample(frame.picture, sight.pixels).clip(0, 1)).astype(np.float32)
    normals = sight.posed.normals.astype(np.float64)
    lit = fit_light(normals[skin], linear[skin], (trust * ~strip)[skin] ** 2)
    return Evidence(
        trust=trust.astype(np.float32),
        plain=(trust * ~_at(lids, sight)).astype(np.float32),
        shown=np.maximum(shown, trust).astype(np.float32),
        looks_lid=looks_lid,
        looks_lip=looks_lip,
        rim=rim.astype(np.float32),
        linear=linear,
        light=lit,
        mouth_is_open=bool(mouth.any()),
        teeth=_teeth_colour(pieces, trust, linear),
        lip_line=line,
        even=pieces.from_end < FADE_M + _BESIDE_FADE_M,
    )


def _teeth_colour(pieces: Pieces, trust: Float32Array, linear: Float32Array) -> Float64Array:
    """(3,) teeth as bright and as warm as those that the photo shows, or as bright as its skin."""
    seen, skin = pieces.of("teeth") & (trust > 0.3), pieces.of("skin") & (trust > 0.5)
    if seen.sum() > _LEAST_TEETH:
        shown = np.median(linear[seen], 0).astype(np.float64)
        light = max(float(shown @ LUMINANCE), 1e-3)
        return light * (_TEETH_OWN * shown / light + (1 - _TEETH_OWN) * _TEETH_TINT)
    light = np.median(linear[skin] @ LUMINANCE) if skin.any() else 0.5
    return max(float(light), 1e-3) * _TEETH_TINT


def paint(canvas: Canvas, evidence: Evidence, sight: Sight, *, folds: bool) -> Float32Array:
    """(N, 3) linear colours of all pieces. folds: whether those of the photo's expression stay."""
    out = evidence.linear.copy()
    skin = canvas.skin
    lit = _skin_light(canvas, evidence, sight)[skin, None].astype(np.float32)
    albedo = evidence.linear[skin] / lit
    may = ~canvas.folded[skin]
    seen = evidence.trust[skin]
    whole = completed(canvas.graph, albedo, seen, canvas.other, may)
    _clear_neck(canvas, albedo, seen, whole)
    whole = whole * grain(canvas.graph, whole, seen, canvas.pieces.areas[skin])[:, None]
    out[skin] = np.maximum(whole * lit, 0)
    _paint_lids(canvas, evidence, out)
    if evidence.mouth_is_open:
        _even_lips(canvas, out)
    else:
        _keep_lip_line(evidence, out)
    _shade_lips(canvas, out)
    if not folds:
        out[skin] = without_folds(canvas.graph, out[skin], canvas.pressed)
    _paint_eyes(canvas.pieces, evidence, out)
    _paint_mouth(canvas, evidence, out)
    return np.clip(out, 0, 1)


def _clear_neck(
    canvas: Canvas, albedo: Float32Array, seen: Float32Array, whole: Float32Array
) -> None:
    """Keeps a beard off what lies behind and below the jaw, unseen: it gets the colours (N, 3) of
    what is seen of bare skin. whole: as completed from all that is seen; changed."""
    places, skin = canvas.pieces.places[canvas.skin], canvas.pieces.of("skin")[canvas.skin]
    light, sure = albedo @ LUMINANCE, skin & (seen > _SURE)
    bare = sure & (places[:, 1] > _BEARD_TOP_M)
    if not bare.any():
        return
    low = skin & (places[:, 1] < _BEARD_TOP_M)
    beard = low & (seen > 0) & (light < _BEARD_DARK * np.median(light[bare]))
    if beard.sum() < _BEARD_SHARE * max(int((low & sure).sum()), 1):
        return
    held = np.where(beard, 0, seen).astype(np.float32)
    clear = completed(canvas.graph, albedo, held, canvas.other, np.zeros_like(beard))
    off = (_BEARD_BEHIND_M - places[:, 2]) / _BEARD_FADE_M
    off = np.maximum(off, (_BEARD_LOW_M - places[:, 1]) / _BEARD_FADE_M)
    share = (np.clip(off, 0, 1) * (1 - seen) * skin)[:, None]
    whole += (share * (clear - whole)).astype(np.float32)


def with_hair_on_scalp(
    linear: Float32Array, colour: Float32Array, scalp: BoolArray
) -> Float32Array:
    """The colours with the scalp under the hair in the hair's own colour (N, 3), so that no skin
    shines through."""
    out = linear.copy()
    out[scalp] = _SCALP_SHADE * colour[scalp]
    return out


def seen_beside(hair: Float32Array, sight: Sight) -> BoolArray:
    """(N,) pieces that the photo shows where hair (H, W) is thin, or beside it."""
    deep = cv2.erode((hair > 0.9).astype(np.uint8), np.ones((2 * _HAIR_DEEP_PIXELS + 1,) * 2))
    return (sight.seen > 0) & ~_at(deep > 0, sight)


def refined(evidence: Evidence, linear: Float32Array) -> Evidence:
    """The evidence with other colours, such as those that a picture of the avatar asks for: of wide
    pieces it would ask for stripes."""
    return replace(evidence, linear=np.where(evidence.even[:, None], evidence.linear, linear))


def _at(mask: BoolArray, sight: Sight) -> BoolArray:
    row = np.clip(sight.pixels[:, 1].astype(int), 0, mask.shape[0] - 1)
    column = np.clip(sight.pixels[:, 0].astype(int), 0, mask.shape[1] - 1)
    return mask[row, column]


def _skin_light(canvas: Canvas, evidence: Evidence, sight: Sight) -> Float64Array:
    """(N,) the photo's light; on lips one for all, since their inner edges, which look down, would
    get what no photo shows."""
    lit = shade(sight.posed.normals.astype(np.float64), evidence.light)
    shown = lit[canvas.pieces.of("skin") & (evidence.trust > 0.3)]
    if len(shown):  # darker or brighter than all that is seen is only a guess
        lit = np.clip(lit, *np.quantile(shown, _SHOWN_LIGHT))
    lip = canvas.pieces.of("lip")
    seen = lip & (evidence.trust > 0.3)
    if seen.any():
        lit[lip] = np.median(lit[seen])
    return lit


def _paint_lids(canvas: Canvas, evidence: Evidence, out: Float32Array) -> None:
    """What a shut eye unfolds gets the colour of the skin around, away from the lashes."""
    lids = canvas.lids
    plain, light = evidence.plain[lids], out[lids] @ LUMINANCE
    firm, eyes = _FIRM_LIDS * plain, _skin_around_eyes(canvas.pieces.places[lids], plain > 0, light)
    for eye, around in eyes:  # what is as bright as the skin around is no lash; the lid meets it
        bright = eye & (light > _NO_LASH * np.median(light[around]))
        firm = np.maximum(firm, _BRIGHT_LIDS * evidence.trust[lids] * bright)
    whole = canvas.lid_graph.filled(out[lids], firm, out[lids])
    for eye, around in eyes:
        whole[eye] = _no_darker(whole[eye], out[lids[around]])
    folded = canvas.folded[lids]
    out[lids[folded]] = whole[folded]


def _skin_around_eyes(
    places: Float64Array, plain: BoolArray, light: Float32Array
) -> list[tuple[BoolArray, BoolArray]]:
    """For each eye which lids (N,) at places (N, 3) are its, and which plain skin says how dark
    they may be: its own where that is darker, on a face's side in shadow, else that of both eyes.
    No eye without any. light: (N,) luminances."""
    if not plain.any():
        return []
    out = []
    for side in (1, -1):
        eye = side * places[:, 0] > 0
        own = plain & eye
        darker = own.any() and np.median(light[own]) < np.median(light[plain])
        out.append((eye, own if darker else plain))
    return out


def _no_darker(lids: Float32Array, around: Float32Array) -> Float32Array:
    """Lids (N, 3) with as much of the skin around (M, 3) as it takes that none is much darker: what
    a photo shows beside them is shaded by lashes and brows."""
    skin = np.median(around, 0)
    most, light = float(skin @ LUMINANCE), lids @ LUMINANCE
    share = np.clip((_LID_LIGHT * most - light) / np.maximum(most - light, 1e-4), 0, 1)[:, None]
    return ((1 - share) * lids + share * skin).astype(np.float32)


def _even_lips(canvas: Canvas, out: Float32Array) -> None:
    """Evens out lips that a smile has stretched: their gloss and their patches would lie on lips
    that are pursed as on wax."""
    skin = canvas.skin
    even = canvas.graph.diffused(out[skin], _LIP_STEPS)
    lip = canvas.pieces.of("lip")[skin]
    red = np.median(even[lip], 0)
    relative = (even[lip] @ LUMINANCE) / max(float(red @ LUMINANCE), 1e-4)
    even[lip] = red * (relative**_LIP_RELIEF)[:, None]  # gloss has no red of its own
    lips = skin[lip]
    out[lips] = (1 - _LIP_EVEN) * out[lips] + _LIP_EVEN * even[lip]
    # The red ends within a face of the mesh, and would be jagged.
    places = canvas.pieces.places[skin]
    near = skin[cKDTree(places[lip]).query(places)[0] < _LIP_BORDER_M]
    border = Graph.of(
        canvas.pieces.places[near], canvas.pieces.normals[near], np.zeros(len(near), np.int32)
    )
    out[near] = border.diffused(out[near], _LIP_BORDER_STEPS)


def _keep_lip_line(evidence: Evidence, out: Float32Array) -> None:
    """Darkens lips, without a change of colour, where the photo shows the line between them."""
    line = np.flatnonzero(evidence.lip_line)
    dark = evidence.linear[line] @ LUMINANCE / np.maximum(out[line] @ LUMINANCE, 1e-4)
    out[line] *= np.clip(dark, _LINE_LEAST, 1)[:, None] ** _LINE_SHARE


def _shade_lips(canvas: Canvas, out: Float32Array) -> None:
    """Darkens lips where they meet, by the head's own light: what the photo shows there is a line
    of shadow, or the mouth's inside, and brown on lips that part."""
    lips = np.flatnonzero(canvas.pieces.of("lip"))
    light = baked_light(canvas.head)[canvas.pieces.corners[lips]]
    lit = (canvas.pieces.weights[lips] * light).sum(1) / _LIP_LIT
    out[lips] *= np.clip(lit**_LIP_DEPTH, _LIP_LEAST, 1)[:, None] ** _LIP_TINT


def _paint_eyes(pieces: Pieces, evidence: Evidence, out: Float32Array) -> None:
    """Completes the eyeballs: the iris by rings, the white by its median."""
    for side in (1, -1):
        here = side * pieces.places[:, 0] > 0
        iris, white = here & pieces.of("iris", "pupil"), here & pieces.of("sclera")
        if not iris.any() or not white.any():
            continue
        centre = pieces.places[iris].mean(0)
        radius = np.linalg.norm((pieces.places - centre)[:, :2], axis=1)
        edge = radius[iris].max()
        ring = np.minimum((radius / edge * _IRIS_RINGS).astype(int), _IRIS_RINGS - 1)
        known = evidence.trust > 0.3
        rings = [
            np.median(evidence.linear[chosen], 0) if chosen.sum() > 2 else None
            for chosen in (iris & known & (ring == r) for r in range(_IRIS_RINGS))
        ]
        colours = _between(rings)
        if colours is not None:
            out[iris & ~known] = colours[ring[iris & ~known]]
        seen = white & known
        if seen.any():
            out[white & ~known] = np.quantile(evidence.linear[seen], _WHITE, 0)


def _between(rings: list[Float32Array | None]) -> Float32Array | None:
    """(R, 3) the rings' colours, those without one between their neighbours'; None without any."""
    known = [place for place, colour in enumerate(rings) if colour is not None]
    if not known:
        return None
    table = np.array([rings[place] for place in known])
    every = np.arange(len(rings))
    return np.stack([np.interp(every, known, table[:, c]) for c in range(3)], 1).astype(np.float32)


def _paint_mouth(canvas: Canvas, evidence: Evidence, out: Float32Array) -> None:
    """Teeth, tongue and the rest of the mouth: the head's own, in the photo's light."""
    pieces, head = canvas.pieces, canvas.head
    own = srgb_to_linear(head.colour.astype(np.float64)) * baked_light(head)[:, None]
    at = np.einsum("nk,nkc->nc", pieces.weights, own[pieces.corners])
    skin = pieces.of("skin") & (evidence.trust > 0.5)
    inside = pieces.of("mouth", "teeth", "tongue")
    if skin.any():
        ratio = np.median(evidence.linear[skin], 0) / np.maximum(np.median(at[skin], 0), 1e-3)
        grey = float(ratio @ LUMINANCE)
        at = at * (_GREY_GAIN * grey + (1 - _GREY_GAIN) * ratio)
    _paint_teeth(canvas, evidence, at)
    out[inside] = np.clip(at[inside], 0, 1)


def _paint_teeth(canvas: Canvas, evidence: Evidence, at: Float64Array) -> None:
    """Teeth as bright as those that the photo shows, or as its skin, with gaps, in the mouth's
    shade. at: (N, 3) the head's own colours in the photo's light; those of teeth are changed."""
    pieces, teeth = canvas.pieces, canvas.pieces.of("teeth")
    enamel = canvas.enamel
    front = enamel[np.abs(pieces.places[enamel, 0]) < _SMILE_M]
    bright = max(float(np.quantile(at[front] @ LUMINANCE, 0.8)), 1e-3)
    relative = np.maximum(at[teeth] @ LUMINANCE / bright, 1e-3)[:, None]
    wanted = float(evidence.teeth @ LUMINANCE)
    at[teeth] *= _TEETH_BRIGHT * wanted / bright * relative**_TEETH_CONTRAST
    tint = evidence.teeth / wanted
    at[enamel] = (at[enamel] @ LUMINANCE)[:, None] * tint * canvas.enamel_shade
    # What lies beside the smile's middle is in the cheeks' shade.
    beside = np.abs(pieces.places[teeth, 0]) - _SMILE_M
    at[teeth] *= np.clip(1 - beside / _SMILE_FADE_M, _SMILE_LEAST, 1)[:, None] ** _SHADE_TINT
