# SPDX-License-Identifier: GPL-3.0-or-later
"""One photo to an avatar: the stages in their order."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from ...shared.head import HeadModel
from ..avatar.avatar import Avatar
from ..avatar.splats import Splats
from ..raster.colour import linear_to_srgb, srgb_to_linear
from ..raster.project import to_pixels
from .choice import MOST_SIDE_YAW_DEG, MOST_YAW_DEG, check_fit
from .colours import (
    Canvas,
    Evidence,
    gather,
    paint,
    prepare,
    refined,
    seen_beside,
    with_hair_on_scalp,
)
from .displacement import as_in_photo, displace
from .ears import fit_ears
from .fit import Fit, Look, fit_heads, posed_vertices
from .framing import Frame, frame_face, sample
from .further import Photograph, with_photo
from .glasses import MOST_OF_GLASSES, behind_glasses, find_glasses, put_on
from .hair import MOST_GAUSSIANS, Hair, make_hair, solid_hair
from .landmarks import HeadLandmarks
from .looks import look_from_photo, photo_looks
from .masks import hair_mask
from .refine import at_rest, sharpened
from .seeing import SeenFace
from .smile import keep_of_smile
from .surface import Pieces, Sight, cut_head, look_at_pieces, neck_fade

_BARE = 0.2
"""A piece of which the photo shows so much skin lies under no hair."""
Stage = Literal[
    "reading the photo",
    "finding the face",
    "looking at the head",
    "fitting the head",
    "finding hair and background",
    "colouring the skin",
    "growing the hair",
    "sharpening",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""From a photo's file to an avatar; the first three come before what is done here."""
Neck = Literal["fade", "edge"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portrait:
    """An avatar and how it came about. motion of the fit is the photo's expression, camera of the
    frame the photo's: the avatar in that pose, seen so, is the photo."""

    avatar: Avatar
    fit: Fit
    frame: Frame


PortraitSteps = Generator[Stage, None, Portrait]


def portrait_steps(
    photo: UInt8Array,
    seen: SeenFace,
    head: HeadModel,
    found: HeadLandmarks,
    name: str,
    focal_pixels: float | None = None,
    neck: Neck = "fade",
    more: Sequence[Photograph] = (),
) -> PortraitSteps:
    """Makes the avatar, and tells each stage as it begins. photo: (H, W, 3) sRGB; seen: the face in
    it; found: where landmarks lie on the head; neck: how it ends; more: photos of the same person
    from elsewhere, which fill what the first does not show. Raises InputError `photo.profile`,
    `photo.no_fit`."""
    yield "fitting the head"
    own = Photograph(name=name, pixels=photo, seen=seen, focal_pixels=focal_pixels)
    fit, *fits = _fitted(head, found, [own, *more])
    others = list(zip(more, fits, strict=True))
    frame = frame_face(photo, seen, fit.camera)
    change = displace(head, found, seen, fit, [(one.seen, its) for one, its in others], frame)
    change = as_in_photo(head, fit, change)
    (fit, *fits), change = keep_of_smile(head, found, seen, [fit, *fits], change)
    others = list(zip(more, fits, strict=True))
    yield "finding hair and background"
    change, ears = fit_ears(head, fit, change, frame)
    vertices = posed_vertices(head, fit, change)
    mask = hair_mask(frame, head, vertices, ears)
    glasses = find_glasses(frame, mask)
    yield "colouring the skin"
    pieces = cut_head(head, fit.shape, change, hairy=solid_hair(frame, mask) is not None)
    sight = look_at_pieces(pieces, fit, frame)
    canvas = prepare(head, pieces, sight, found, seen.scores)
    evidence = gather(canvas, sight, frame, mask)
    if glasses is not None:
        evidence = _of_bare_face(evidence, ~behind_glasses(glasses, sight))
    trust = evidence.trust
    for one, its in others:
        evidence = with_photo(canvas, evidence, head, change, one, its)
    linear = paint(canvas, evidence, sight, folds=True)
    yield "growing the hair"
    bare = (evidence.trust > _BARE) | seen_beside(mask, sight)
    room = MOST_GAUSSIANS - len(pieces.region) - (0 if glasses is None else MOST_OF_GLASSES)
    hair = make_hair(head, pieces, vertices, frame, mask, bare, room)
    if glasses is not None:
        hair = put_on(head, pieces, vertices, frame, glasses, hair)
    yield "sharpening"
    canvas, evidence, hair = _sharpen(canvas, evidence, trust, sight, frame, linear, hair)
    shown = evidence.linear
    linear = paint(canvas, evidence, sight, folds=False)
    if hair is not None:
        linear = with_hair_on_scalp(linear, hair.scalp_colour, hair.scalp)
    avatar = _joined(canvas, linear, hair, name)
    looks = photo_looks(canvas, found, evidence, (linear, shown), fit.motion)
    side_look = look_from_photo(evidence, (linear, shown), sight, frame)
    avatar = replace(avatar, looks=looks, side_look=side_look)
    if neck == "fade":
        avatar = _with_faded_neck(avatar, pieces)
    return Portrait(avatar=avatar, fit=fit, frame=frame)


def _of_bare_face(evidence: Evidence, bare: BoolArray) -> Evidence:
    """The evidence of pieces that nothing covers. bare: (N,)."""
    counting = ("trust", "plain", "shown", "rim")
    return replace(evidence, **{name: getattr(evidence, name) * bare for name in counting})


def _with_faded_neck(avatar: Avatar, pieces: Pieces) -> Avatar:
    opacities = avatar.opacities.copy()
    opacities[: len(pieces.region)] *= neck_fade(pieces).astype(np.float32)
    return replace(avatar, opacities=opacities)


def _fitted(head: HeadModel, found: HeadLandmarks, photos: Sequence[Photograph]) -> list[Fit]:
    """One person's head in each of the photos, the first from the front."""
    looks = [
        Look(
            seen=photo.seen,
            size=(photo.pixels.shape[1], photo.pixels.shape[0]),
            focal_pixels=photo.focal_pixels,
        )
        for photo in photos
    ]
    fits = fit_heads(head, found, looks)
    for index, (photo, fit) in enumerate(zip(photos, fits, strict=True)):
        most = MOST_SIDE_YAW_DEG if index else MOST_YAW_DEG
        check_fit(fit, photo.seen, photo.name, most)
    return fits


def _sharpen(
    canvas: Canvas,
    evidence: Evidence,
    trust: Float32Array,
    sight: Sight,
    frame: Frame,
    linear: Float32Array,
    hair: Hair | None,
) -> tuple[Canvas, Evidence, Hair | None]:
    """The pieces, the evidence's colours and the hair that make the avatar's picture the photo.
    trust: (N,) how much this photo alone may change."""
    whole = _joined(canvas, linear, hair, "")
    count = len(linear)
    trust = np.where(evidence.even, 0, trust).astype(np.float32)
    shown = np.maximum(np.maximum(trust, evidence.shown), evidence.rim)
    shown = np.where(evidence.even, 0, shown).astype(np.float32)
    posed = sight.posed.gaussians
    gaussians = replace(posed, colours=whole.colours[:count])
    if hair is not None:
        means = whole.means[count:]
        gaussians = _with(gaussians, whole, means, count)
        at = to_pixels(means, frame.camera)[:, :2].astype(np.float64)
        of_hair = _hair_trust(hair, frame, at)
        trust, shown = (np.concatenate([its, of_hair]) for its in (trust, shown))
    wanted = sharpened(gaussians, trust, shown, frame)
    sharp = srgb_to_linear(wanted.colours).astype(np.float32)
    if hair is not None:
        moved = wanted.means[count:] - gaussians.means[count:]
        hair = replace(
            hair, colours=sharp[count:], offsets=hair.offsets + moved, scales=wanted.scales[count:]
        )
    pieces = replace(canvas.pieces, avatar=at_rest(canvas.pieces.avatar, sight.posed, wanted))
    return replace(canvas, pieces=pieces), refined(evidence, sharp[:count]), hair


def _hair_trust(hair: Hair, frame: Frame, pixels: Float64Array) -> Float32Array:
    """(N,) how much the photo says of each Gaussian of the front sheet; nothing of those behind."""
    inside = sample(frame.inside.astype(np.float32), pixels)[:, 0]
    firm = np.zeros(len(pixels), np.bool_)
    firm[: hair.front] = hair.firm
    return (firm & (inside > 0.99)).astype(np.float32)


def _with(gaussians: Splats, whole: Avatar, means: Float32Array, count: int) -> Splats:
    """The head's posed Gaussians and the hair's, which no expression moves."""
    return Splats(
        means=np.concatenate([gaussians.means, means]).astype(np.float32),
        quaternions=np.concatenate([gaussians.quaternions, whole.quaternions[count:]]),
        scales=np.concatenate([gaussians.scales, whole.scales[count:]]),
        opacities=whole.opacities,
        colours=whole.colours,
    )


def _joined(canvas: Canvas, linear: Float32Array, hair: Hair | None, name: str) -> Avatar:
    """The avatar of the head's pieces and the hair."""
    avatar = canvas.pieces.avatar
    colours = np.clip(linear_to_srgb(linear), 0, 1).astype(np.float32)
    if hair is None:
        return replace(avatar, name=name, colours=colours)
    of_hair = np.clip(linear_to_srgb(hair.colours), 0, 1).astype(np.float32)
    return replace(
        avatar,
        name=name,
        anchors=np.concatenate([avatar.anchors, hair.anchors]),
        offsets=np.concatenate([avatar.offsets, hair.offsets]),
        quaternions=np.concatenate([avatar.quaternions, hair.quaternions]),
        scales=np.concatenate([avatar.scales, hair.scales]),
        opacities=np.concatenate([avatar.opacities, hair.opacities]),
        colours=np.concatenate([colours, of_hair]),
    )
