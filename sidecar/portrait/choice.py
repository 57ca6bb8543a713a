# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a photo's faces becomes the avatar, and whether it can."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.errors import InputError
from ...shared.wording import say_count
from .fit import Fit
from .seeing import SeenFace, find_faces

LEAST_EYE_PIXELS = 24.0
"""Less between the eyes shows no face that could be made larger."""
SMALL_EYE_PIXELS = 60.0
"""Less is enough, but blurred in close shots."""
MOST_YAW_DEG, MOST_SIDE_YAW_DEG = 40.0, 65.0
"""A face that is turned further hides half of itself; in a further photo, from the side, the eyes
that it is laid on by."""
_MOST_RESIDUAL = 0.06
"""Mean distance of landmarks from the fitted head, of the eyes' distance, of what is no head."""


def choose_face(photo: UInt8Array, name: str, number: int | None) -> tuple[SeenFace, str]:
    """The face, and a sentence that says which. number: counted from 1 by size; the largest if
    None. Raises InputError `photo.no_face`, `photo.face`, `photo.small_face`."""
    faces = find_faces(photo)
    if not faces:
        raise InputError(
            "photo.no_face",
            f"No face is found in {name}.",
            "Give a photo that shows a face from the front, upright, with both eyes free.",
        )
    if number is not None and not 1 <= number <= len(faces):
        raise InputError(
            "photo.face",
            f"{name} has {say_count(len(faces), 'face')}, not {number}.",
            f"Give 1 to {len(faces)}; 1 is the largest.",
        )
    seen = faces[(number or 1) - 1]
    if seen.eye_distance < LEAST_EYE_PIXELS:
        raise InputError(
            "photo.small_face",
            f"The face in {name} is too small: {seen.eye_distance:.0f} pixels between its eyes, "
            f"and {LEAST_EYE_PIXELS:.0f} are the least.",
            "Give a larger photo, or one that was taken from nearer.",
        )
    return seen, _said(faces, seen, photo.shape[1])


def check_fit(fit: Fit, seen: SeenFace, name: str, most_yaw_deg: float = MOST_YAW_DEG) -> None:
    """Raises InputError `photo.profile` for a face that is turned too far away, `photo.no_fit` for
    one that no head has."""
    yaw = float(np.degrees(abs(fit.yaw_rad)))
    if yaw > most_yaw_deg:
        raise InputError(
            "photo.profile",
            f"The face in {name} is turned away by {yaw:.0f} degrees; {most_yaw_deg:.0f} are the "
            "most.",
            "Give a photo from the front."
            if most_yaw_deg == MOST_YAW_DEG
            else "Give a photo from less far to the side.",
        )
    if fit.residual.mean() > _MOST_RESIDUAL * seen.eye_distance:
        raise InputError(
            "photo.no_fit",
            f"The face in {name} cannot be laid onto a head.",
            "Give a photo of a person, from the front and not distorted.",
        )


def _said(faces: list[SeenFace], seen: SeenFace, width: int) -> str:
    small = seen.eye_distance < SMALL_EYE_PIXELS
    detail = f"{seen.eye_distance:.0f} pixels between the eyes"
    detail += ", which will look soft in close shots" if small else ""
    if len(faces) == 1:
        return f"One face, sure to {seen.confidence:.0%}; {detail}."
    place = faces.index(seen) + 1
    x = seen.landmarks[:, 0].mean() / width
    where = "left" if x < 1 / 3 else "right" if x > 2 / 3 else "middle"
    return (
        f"{say_count(len(faces), 'face')}; number {place} by size, on the {where}, sure to "
        f"{seen.confidence:.0%}; {detail}. Another is chosen by its number."
    )
